"""The claims of a study with their evidence → findings.json: comparisons, forgetting, settings, decision, answers, notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from hanka.analysis.answers import Scored
from hanka.analysis.asked import undeclared_said
from hanka.analysis.claims import claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import decide
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.growth import growth_of, growth_said
from hanka.analysis.health import cautions, health_of
from hanka.analysis.pooling import System, system_of
from hanka.analysis.questions import answer_all
from hanka.analysis.settings import settings_table
from hanka.analysis.summary import SummaryRow
from hanka.metrics import METRICS, Metric
from hanka.records import is_unadapted
from hanka.stats import beyond_asking_again, count_flips
from hanka.store.folder import read_json_or_none

MOST_NAMED = 6
"Systems that a note names."
QUIRKS_EN = (
    "protocol: paper reproduces published quirks: BOS differs by shot count, labels are chosen by their first token "
    "with the ids of p1, over-long training rows are cut on the right, demonstrations are the first of each file "
    "even where they are test rows, labels outside the label set stay. Not reproduced: the best-over-shots "
    "selection and the unseeded bootstrap of ROUGE; every shot count is shown, with intervals."
)
QUIRKS_JA = (
    "protocol: paper は公開実装の癖を再現します：BOS はショット数で異なり、ラベルは p1 の先頭トークンで選ばれ、"
    "長すぎる学習例は右側で切られ、例示は各ファイルの先頭（テスト例と重なる場合も含む）を使い、"
    "ラベル集合外のラベルも残します。ショット間の最良値選択と ROUGE の乱数未固定ブートストラップは再現せず、"
    "全ショットを区間付きで示します。"
)


def find(evidence: Evidence, rows: list[SummaryRow], contrasts: Contrasts) -> dict[str, Any]:
    """Return what findings.json holds, from the judged summary rows."""
    health, growth = health_of(evidence), growth_of(evidence)
    return {
        "decision": decide(
            evidence, claims_of(contrasts), {one.variant["id"]: one.unfit for one in health if one.unfit}
        ),
        "settings": settings_table(evidence, rows, contrasts),
        "comparisons": _comparisons(evidence, rows),
        "training": [one.as_json() for one in health],
        "growth": growth,
        "notes": [*cautions(health), *_notes(evidence), *_grown(growth)],
        "answers": answer_all(evidence),
        "primary_metrics": {name: task["metrics"][0] for name, task in evidence.plan["tasks"].items()},
        "reproduce": evidence.plan["reproduce"],
    }


def _comparisons(evidence: Evidence, rows: list[SummaryRow]) -> list[dict[str, Any]]:
    """Return an entry for every comparison, in the order of the rows; made question by question."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if row.comparison is not None:
            places[row.values["cell_id"]].append(place)
    made = {
        place: _comparison(evidence, rows[place])
        for cell in evidence.by_question()
        for place in places.get(cell.cell["id"], ())
    }
    return [made[place] for place in sorted(made)]


def _comparison(evidence: Evidence, row: SummaryRow) -> dict[str, Any]:
    values, result = row.values, row.comparison
    assert result is not None
    entry = {
        name: values[name]
        for name in ("cell_id", "metric", "delta", "p_value", "p_adjusted", "verdict", "sim_low", "sim_high")
    }
    entry |= {
        "n": result.n,
        "low": result.low,
        "high": result.high,
        "test": result.test,
        "discordant": result.discordant,
        "right_to_wrong": None,
        "wrong_to_right": None,
        "forgotten_share": None,
        "learned_share": None,
    }
    cell = evidence.cells[values["cell_id"]]
    if METRICS.get(values["metric"]).binary and evidence.primary(values["test_task"]) == values["metric"]:
        entry |= _flips(evidence, cell, values["metric"])
    return entry


def _flips(evidence: Evidence, cell: CellEvidence, name: str) -> dict[str, Any]:
    """Count samples right before and wrong after, and the reverse; with intervals and beside what luck would do."""
    base = evidence.base_of(cell)
    assert base is not None
    metric = METRICS.get(name)
    ours, theirs = evidence.rows(cell, metric), evidence.rows(base, metric)
    shared = ours.paired(theirs)
    plan = evidence.resampling(cell, shared.places)
    if plan is None:
        return {}
    labels = evidence.task(cell.cell["test_task"])["labels"]
    before, after = theirs.statistics[shared.second, 0], ours.statistics[shared.first, 0]
    flips = count_flips(before, after, plan, len(labels) or None, evidence.level)
    entry: dict[str, Any] = {
        "right_to_wrong": flips.n_right_to_wrong,
        "wrong_to_right": flips.n_wrong_to_right,
        "forgotten_share": flips.right_to_wrong.value,
        "forgotten_low": flips.right_to_wrong.low,
        "forgotten_high": flips.right_to_wrong.high,
        "learned_share": flips.wrong_to_right.value,
        "learned_low": flips.wrong_to_right.low,
        "learned_high": flips.wrong_to_right.high,
        "chance_independent": flips.chance_independent,
        "chance_guessing": flips.chance_guessing,
    }
    return entry | _beyond_asking_again(evidence, cell, base, metric)


def _beyond_asking_again(
    evidence: Evidence, cell: CellEvidence, base: CellEvidence, metric: Metric
) -> dict[str, float | int | None]:
    """Return what was forgotten beyond what the base loses when it is asked again; {} where it was not."""
    again = evidence.asked_again(base)
    if again is None:
        return {}
    before, after, other = (evidence.rows(one, metric) for one in (base, cell, again))
    scored = set(before.places) & set(after.places) & set(other.places) if _same(before, after, other) else set()
    places = np.array(sorted(scored), dtype=np.int64)
    plan = evidence.resampling(cell, places) if len(places) > 1 else None
    if plan is None:
        return {}
    rows = [one.statistics[np.searchsorted(one.places, places), 0] for one in (before, after, other)]
    found = beyond_asking_again(rows[0], rows[1], rows[2], plan)
    return {
        "forgotten_beyond": found.delta,
        "forgotten_beyond_low": found.low,
        "forgotten_beyond_high": found.high,
        "forgotten_beyond_n": found.n,
    }


def _same(*scored: Scored) -> bool:
    return len({id(one.samples) for one in scored}) == 1


def _notes(evidence: Evidence) -> list[dict[str, str]]:
    notes = [
        {
            "kind": "model",
            "message_en": f"{model['name']}: {model['note']}",
            "message_ja": f"{model['name']}：{_ja(model['note'])}",
        }
        for model in evidence.plan["reproduce"]["models"]
        if model["note"]
    ]
    if evidence.plan["protocol"] == "paper":
        notes.append({"kind": "protocol", "message_en": QUIRKS_EN, "message_ja": QUIRKS_JA})
    notes += _frozen(evidence.plan["frozen"])
    if undeclared := undeclared_said(evidence):
        notes.append({"kind": "undeclared", "message_en": undeclared[0], "message_ja": undeclared[1]})
    fallbacks = sorted({note for cell in evidence.cells.values() for note in cell.record.get("notes", ())})
    notes += [{"kind": "engine", "message_en": note, "message_ja": note} for note in fallbacks]
    notes += [
        {"kind": "training", "message_en": f"training: {one}", "message_ja": f"学習：{one}"}
        for one in _training(evidence)
    ]
    return notes + _one_seed(evidence)


def _one_seed(evidence: Evidence) -> list[dict[str, str]]:
    """Say which systems were trained once: all, or those named, where others were trained with several seeds."""
    seeds: dict[System, set[int]] = defaultdict(set)
    for variant in evidence.plan["variants"]:
        if not is_unadapted(variant["method"]):
            seeds[system_of(variant)].add(variant["seed"])
    if not seeds:
        return []
    en, ja = "One training seed", "学習シードは 1 つです"
    if any(len(one) > 1 for one in seeds.values()):
        names = _trained_once(evidence, seeds)
        if not names:
            return []
        shown, more = ", ".join(names[:MOST_NAMED]), len(names) - MOST_NAMED
        en += f" behind {shown}" + (f" and {more} more" if more > 0 else "")
        ja = f"{shown}{f' ほか {more} 個' if more > 0 else ''} の{ja}"
    return [
        {
            "kind": "seeds",
            "message_en": f"{en}: intervals cover the sampling of test rows, not the luck of training.",
            "message_ja": f"{ja}。区間はテスト例の標本変動のみを表し、学習の偶然性は含みません。",
        }
    ]


def _trained_once(evidence: Evidence, seeds: Mapping[System, set[int]]) -> list[str]:
    """Return the labels of systems that were trained here, with one seed."""
    trained = {
        system_of(one) for one in evidence.plan["variants"] if one["train_size"] and one.get("changes_weights", True)
    }
    return list(dict.fromkeys(one.label for one in seeds if one in trained and len(seeds[one]) == 1))


def _grown(growth: dict[str, Any] | None) -> list[dict[str, str]]:
    return [] if growth is None else [{"kind": "growth"} | growth_said(growth)]


def _frozen(state: dict[str, Any] | None) -> list[dict[str, str]]:
    """Say whether the criterion was frozen before the run, and kept."""
    if state is None:
        return []
    date, digest, changed = state["written"][:10], state["sha256"][:12], ", ".join(state["changed"])
    if state["kept"]:
        en = f"The criterion was frozen on {date}, before the run, and kept ({digest})."
        ja = f"判断基準は実行前の {date} に固定され、そのまま守られました（{digest}）。"
    else:
        en = f"The criterion frozen on {date} was not kept: {changed} differ ({digest}). Read the verdicts as exploratory."
        ja = f"{date} に固定された判断基準は守られていません：{changed} が異なります（{digest}）。判定は探索的なものとしてお読みください。"
    return [{"kind": "frozen", "message_en": en, "message_ja": ja}]


def _training(evidence: Evidence) -> list[str]:
    """Return the shortcuts that training had to do without."""
    made = (
        read_json_or_none(evidence.folder.variant(variant["id"]) / "variant.json") or {}
        for variant in evidence.plan["variants"]
        if not is_unadapted(variant["method"])
    )
    return sorted({note for one in made for note in one.get("record", {}).get("notes", ())})


def _ja(note: str) -> str:
    known = {
        "weights are 4-bit (GGUF Q4_1), de-quantised to float32; not the original checkpoint": (
            "重みは 4 ビット（GGUF Q4_1）を float32 に逆量子化したもので、元のチェックポイントではありません"
        )
    }
    return known.get(note, note)
