"""What does each system take to make and to ask? A row per system at an asking: trained parameters, labelled rows, tokens; no money.

Of runs that tuned something: there the choice is between a longer prompt for every question and a training once. Seconds, memory and
energy are not told here, for findings are the same whenever and wherever a study is run; they, prices, and what comes of
them are the affair of `hanka cost`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanka.analysis.amounts import Amounts, amounts_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note

MOST_ROWS = 400
"Rows of the table at most."
SAID = 3
"Tuned systems that the sentence names."
COLUMNS = (
    Column("base"), Column("method"), Column("train_size", "count"), Column("costs_seeds", "count"), Column("shots"), Column("context"),
    Column("costs_parameters", "count"), Column("costs_labelled", "count"), Column("costs_training_tokens", "count"),
    Column("costs_asked", "count"), Column("row_tokens_read", "value"), Column("row_tokens_written", "value"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Tabulate what systems took; None where nothing was tuned, or nothing was counted."""
    found = amounts_of(evidence)
    tuned = [one for one in found if one.training is not None]
    counted = [one for one in found if one.serving.n_tokens_read is not None]
    if not tuned or not counted:
        return None
    said = [_sentence(one, _shown(one, found)) for one in _first_asked(tuned)[:SAID]]
    return Answer(
        "\n".join(en for en, _ in said), "\n".join(ja for _, ja in said), COLUMNS,
        tuple(_row(one) for one in found[:MOST_ROWS]), (), (_about(),),
    )  # fmt: skip


def _first_asked(tuned: Sequence[Amounts]) -> list[Amounts]:
    """Return each system once, at its first asking on its first task."""
    return list({one.system: one for one in reversed(tuned)}.values())[::-1]


def _shown(tuned: Amounts, found: Sequence[Amounts]) -> Amounts | None:
    """Return the base of a system behind the most tokens that it was asked with on the same task."""
    beside = [
        one
        for one in found
        if one.training is None
        and (one.task, one.system.base) == (tuned.task, tuned.system.base)
        and one.serving.n_tokens_read
    ]
    return max(
        beside, key=lambda one: one.serving.n_tokens_read.value if one.serving.n_tokens_read else 0.0, default=None
    )


def _sentence(one: Amounts, shown: Amounts | None) -> tuple[str, str]:
    """Say what making a system took, and how its prompts compare with the base's longest."""
    made, system = one.training, one.system
    assert made is not None
    rows_en = f" ({system.size:,} rows)" if system.size else ""
    rows_ja = f"（{system.size:,} 件）" if system.size else ""
    en, ja = f"{system.label}{rows_en}", f"{system.label}{rows_ja}"
    if made.n_tokens is None:
        en, ja = f"{en}: what training it took is not known", f"{ja}：学習に要した資源は不明"
    else:
        en += f": {made.n_tokens:,.0f} tokens of training (mean of n = {made.n_seeds})"
        ja += f"：学習 {made.n_tokens:,.0f} トークン（n = {made.n_seeds} の平均）"
    read, longest = one.serving.n_tokens_read, shown.serving.n_tokens_read if shown else None
    if read is None or longest is None or shown is None:
        return en + ".", ja + "。"
    return (
        f"{en}; a prompt of {_tokens(read)} tokens, against {_tokens(longest)} of {shown.system.label} with {shown.asked.shots} examples.",
        f"{ja}。プロンプトは {_tokens(read)} トークン、例示 {shown.asked.shots} 件の {shown.system.label} では {_tokens(longest)} トークンです。",
    )


def _tokens(found: Measured) -> str:
    ends = "" if found.low is None or found.high is None else f" [{found.low:.1f}, {found.high:.1f}]"
    return f"{found.value:.1f}{ends}"


def _row(one: Amounts) -> tuple[Entry, ...]:
    made, serving = one.training, one.serving
    return (
        one.system.base, one.system.label, one.system.size or None, made.n_seeds if made else None, str(one.asked.shots), one.asked.context,
        made.n_parameters if made else None, _labelled(one), _whole(made.n_tokens if made else None), serving.n, serving.n_tokens_read,
        serving.n_tokens_written,
    )  # fmt: skip


def _labelled(one: Amounts) -> int | None:
    """Return the labelled rows that it was trained on and is shown; None where they are not known: see `amounts`."""
    made, shown = one.training.n_labelled if one.training else 0, one.serving.n_demonstrations
    return None if made is None or shown is None else made + shown


def _whole(count: float | None) -> int | None:
    return None if count is None else round(count)


def _about() -> Note:
    return Note(
        "In each system's own domain; a dash is what was not counted. Tokens are those of the whole prompt, demonstrations among them. "
        "Seconds, memory, energy and prices, and what comes of them: `hanka cost`.",
        "各システムの自ドメインでの値です。「–」は記録がないものです。トークン数は例示を含むプロンプト全体のものです。時間、メモリ、電力量、価格と"
        "それに基づく効果は `hanka cost` で求められます。",
    )
