"""What does each system take to make and to ask? A row per system at an asking: parameters, tokens, seconds, memory; no money.

Of runs that tuned something: there the choice is between a longer prompt for every question and a training once. Prices, and what
comes of them, are the affair of `hanka cost`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanka.analysis.amounts import Amounts, amounts_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note

MEGA = 1e6
MOST_ROWS = 400
"Rows of the table at most."
SAID = 3
"Tuned systems that the sentence names."
COLUMNS = (
    Column("base"), Column("method"), Column("train_size", "count"), Column("costs_seeds", "count"), Column("shots"), Column("context"),
    Column("costs_parameters", "count"), Column("costs_training_tokens", "count"), Column("costs_training_seconds", "value"),
    Column("costs_energy", "value"), Column("costs_memory", "count"), Column("costs_asked", "count"),
    Column("row_tokens_read", "value"), Column("row_tokens_written", "value"), Column("row_seconds", "value"),
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
    if made.seconds is None:
        en, ja = f"{en}: what training it took is not known", f"{ja}：学習に要した資源は不明"
    else:
        tokens_en = "" if not made.n_tokens else f" on {made.n_tokens:,.0f} tokens"
        tokens_ja = "" if not made.n_tokens else f"、{made.n_tokens:,.0f} トークン"
        en += f": {made.seconds:,.1f} s of training{tokens_en} (mean of n = {made.n_seeds})"
        ja += f"：学習 {made.seconds:,.1f} 秒{tokens_ja}（n = {made.n_seeds} の平均）"
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
        made.n_parameters if made else None, _whole(made.n_tokens if made else None),
        Measured(made.seconds, n=made.n_seeds) if made and made.seconds is not None else None,
        Measured(made.energy_joules, n=made.n_seeds) if made and made.energy_joules is not None else None,
        _largest(made.peak_bytes if made else serving.peak_bytes), serving.n, serving.n_tokens_read, serving.n_tokens_written,
        Measured(serving.seconds, n=serving.n) if serving.seconds is not None else None,
    )  # fmt: skip


def _whole(count: float | None) -> int | None:
    return None if count is None else round(count)


def _largest(peaks: Mapping[str, int]) -> int | None:
    """Return the most memory of any meter in MB: the process's, or an accelerator's."""
    return round(max(peaks.values()) / MEGA) if peaks else None


def _about() -> Note:
    return Note(
        "In each system's own domain, as the run stored it; a dash is what no meter measured. Tokens are those of the whole prompt, "
        "demonstrations among them; seconds a row are those of whole test sets, many rows at once. Prices and what comes of them: `hanka cost`.",
        "各システムの自ドメインで、実行時に記録された値です。「–」は計測できなかったものです。トークン数は例示を含むプロンプト全体、1 件あたりの秒数は"
        "多数を同時に処理したテストセット全体の時間に基づきます。価格と効果は `hanka cost` で求められます。",
    )
