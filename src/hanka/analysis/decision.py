"""Prompt or adapt, how, with how much data? A recommendation per trained task, from paired evidence alone.

Candidate: every tuned method × size, asked with the fewest shots. Rival: the base model at its best shot
count on the same in-domain test set, which favours prompting because that count is chosen on the test
rows themselves. A candidate is recommended if it beats the rival on some in-domain test set and loses on
none (paired, Holm over all these comparisons); of several, the one with the largest mean gain. What it
costs out of domain and on other tasks is said beside it, from the verdicts of the summary.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.summary import compare_cells
from hanka.metrics import METRICS
from hanka.records import UNADAPTED, is_unadapted
from hanka.stats import PairedComparison, holm, verdict


class Candidate(NamedTuple):
    """What may be recommended."""

    base: str
    "Base model."
    label: str
    "Entry of `methods`."
    dataset: str
    "What it was trained on."
    size: int
    "Training rows."
    seed: int
    "Training seed."


@dataclass(slots=True)
class Duel:
    """A candidate against the best-prompted base model on one in-domain test set."""

    task: str
    candidate: Candidate
    cell: CellEvidence
    rival: CellEvidence
    comparison: PairedComparison
    outcome: str = ""


def decide(evidence: Evidence, settings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the decision for findings.json: one sentence over all, one entry per trained task."""
    duels = _duels(evidence)
    if duels:
        adjusted = holm([duel.comparison.p_value for duel in duels])
        for duel, p_adjusted in zip(duels, adjusted.tolist(), strict=True):
            better = METRICS.get(evidence.primary(duel.task)).higher_is_better
            duel.outcome = verdict(duel.comparison.delta, p_adjusted, 1 - evidence.level, better)
    per_task = [_for_task(evidence, task, duels, settings) for task in evidence.plan["trained_tasks"]]
    adapted = [entry for entry in per_task if not is_unadapted(entry["recommend"])]
    return {
        "sentence_en": _overall_en(per_task, adapted),
        "sentence_ja": _overall_ja(per_task, adapted),
        "per_task": per_task,
    }


def _duels(evidence: Evidence) -> list[Duel]:
    fewest: dict[tuple[str, str], CellEvidence] = {}
    for cell in evidence.done():
        if cell.cell["relation"] == "in_domain" and not cell.is_unadapted:
            key = (cell.variant["id"], cell.cell["test_dataset"])
            known = fewest.get(key)
            if known is None or evidence.order(cell.asking) < evidence.order(known.asking):
                fewest[key] = cell
    prompted: dict[tuple[str, ...], list[CellEvidence]] = defaultdict(list)
    for cell in evidence.done():
        if cell.is_unadapted:
            prompted[_asked(cell)].append(cell)
    values: dict[str, float] = {}
    made: dict[str, Duel] = {}
    for cell in evidence.by_question():
        if fewest.get((cell.variant["id"], cell.cell["test_dataset"])) is not cell:
            continue
        rival = _best(evidence, prompted[_asked(cell)], values)
        task = cell.cell["test_task"]
        if rival is None:
            continue
        comparison = compare_cells(evidence, cell, rival, METRICS.get(evidence.primary(task)))
        if comparison is not None:
            names = ("base", "label", "train_dataset", "train_size", "seed")
            candidate = Candidate(*(cell.variant[name] for name in names))
            made[cell.cell["id"]] = Duel(task, candidate, cell, rival, comparison)
    return [made[cell.cell["id"]] for cell in fewest.values() if cell.cell["id"] in made]


def _asked(cell: CellEvidence) -> tuple[str, ...]:
    """What a rival must share: base model, test set and prompt, whatever its shots and what else stands before a query."""
    return cell.reference, cell.cell["test_dataset"], cell.cell["prompt"]


def _best(evidence: Evidence, cells: list[CellEvidence], values: dict[str, float]) -> CellEvidence | None:
    """Return the best of the base model's cells on the primary metric; `values` remembers what they reach.

    What they reach is counted upwards, so that more is better for every metric.
    """
    best, best_value = None, float("-inf")
    for one in cells:
        cell_id = one.cell["id"]
        if cell_id not in values:
            task = one.cell["test_task"]
            rows = evidence.rows(one, METRICS.get(evidence.primary(task))).statistics
            mean = sum(rows[:, 0].tolist()) / len(rows) if len(rows) else None
            values[cell_id] = float("-inf") if mean is None else _upwards(evidence, task) * mean
        if values[cell_id] > best_value:
            best, best_value = one, values[cell_id]
    return best


def _upwards(evidence: Evidence, task: str) -> int:
    """Return -1 where less of the task's primary metric is better, else 1."""
    return -1 if METRICS.get(evidence.primary(task)).higher_is_better is False else 1


def _for_task(evidence: Evidence, task: str, duels: list[Duel], settings: list[dict[str, Any]]) -> dict[str, Any]:
    by_candidate: dict[Candidate, list[Duel]] = defaultdict(list)
    for duel in duels:
        if duel.task == task:
            by_candidate[duel.candidate].append(duel)
    good = {
        candidate: _upwards(evidence, task) * sum(duel.comparison.delta for duel in members) / len(members)
        for candidate, members in by_candidate.items()
        if any(duel.outcome == "better" for duel in members) and all(duel.outcome != "worse" for duel in members)
    }
    entry: dict[str, Any] = {
        "task": task,
        "recommend": UNADAPTED,
        "train_dataset": "",
        "train_size": 0,
        "seed": None,
        "duels": [],
    }
    entry["duels"] = [_duel_json(duel) for members in by_candidate.values() for duel in members]
    if not by_candidate:
        return entry | {
            "sentence_en": f"{task}: no decision, because no variant could be compared in domain.",
            "sentence_ja": f"{task}：ドメイン内で比較できるバリアントがないため、判断できません。",
        }
    if not good:
        worst = sum(1 for duel in duels if duel.task == task and duel.outcome == "worse")
        return entry | {
            "sentence_en": f"{task}: do not adapt on this evidence. None of {len(by_candidate)} variants is shown to beat "
            f"the best-prompted base model in domain ({worst} of {_n(duels, task)} comparisons worse).",
            "sentence_ja": f"{task}：この結果からは適応を勧めません。{len(by_candidate)} 個のバリアントのいずれも、"
            f"ドメイン内で最良プロンプトのベースモデルを有意に上回りませんでした"
            f"（{_n(duels, task)} 件の比較のうち {worst} 件で悪化）。",
        }
    best = max(good, key=lambda candidate: good[candidate])
    return (
        entry
        | {"base": best.base, "recommend": best.label, "train_dataset": best.dataset, "train_size": best.size}
        | {"seed": best.seed}
        | _sentences(evidence, task, best, by_candidate[best], settings)
    )


def _n(duels: list[Duel], task: str) -> int:
    return sum(1 for duel in duels if duel.task == task)


def _duel_json(duel: Duel) -> dict[str, Any]:
    base, label, dataset, size, seed = duel.candidate
    result = duel.comparison
    return {
        "base": base,
        "method": label,
        "train_dataset": dataset,
        "train_size": size,
        "seed": seed,
        "test_dataset": duel.cell.cell["test_dataset"],
        "shots": duel.cell.cell["shots"],
        "rival_shots": duel.rival.cell["shots"],
        "n": result.n,
        "delta": result.delta,
        "low": result.low,
        "high": result.high,
        "p_value": result.p_value,
        "outcome": duel.outcome,
    }


def _sentences(
    evidence: Evidence, task: str, best: Candidate, duels: list[Duel], settings: list[dict[str, Any]]
) -> dict[str, str]:
    gain = max(duels, key=lambda duel: _upwards(evidence, task) * duel.comparison.delta)
    result, where = gain.comparison, gain.cell.cell["test_dataset"]
    metric = METRICS.get(evidence.primary(task)).display
    counts = {
        line["relation"]: line
        for line in settings
        if (line["base"], line["method"], line["train_dataset"], line["train_size"]) == best[:4]
    }
    en, ja = [], []
    for relation, word_en, word_ja in (
        ("out_of_domain", "out of domain", "ドメイン外"),
        ("cross_task", "on other tasks", "他タスク"),
    ):
        line = counts.get(relation)
        if line:
            en.append(f"{word_en} {line['n_better']} cells better, {line['n_worse']} worse, {line['n_tied']} tied")
            ja.append(f"{word_ja}では改善 {line['n_better']}・悪化 {line['n_worse']}・差なし {line['n_tied']} セル")
    cost_en = f" Its price: {'; '.join(en)} (against base at equal shots)." if en else ""
    cost_ja = f"その代わり、{'、'.join(ja)}（同じショット数のベースモデル比）。" if ja else ""
    several = len({variant["base"] for variant in evidence.plan["variants"]}) > 1
    model_en, model_ja = (f" {best.base}", f"{best.base} の ") if several else ("", "")
    numbers = f"{result.delta:+.3f} [{result.low:+.3f}, {result.high:+.3f}], n = {result.n}"
    return {
        "sentence_en": f"{task}: adapt{model_en} with {best.label} on {best.size} rows. {metric} on {where} {numbers}, against the "
        f"base model at its best shot count ({gain.rival.cell['shots']}).{cost_en}",
        "sentence_ja": f"{task}：{model_ja}{best.label}（{best.size} 件）での適応を勧めます。{where} の {metric} は、"
        f"最良ショット数（{gain.rival.cell['shots']}）のベースモデルに対して {numbers}。{cost_ja}",
    }


def _overall_en(per_task: list[dict[str, Any]], adapted: list[dict[str, Any]]) -> str:
    if not per_task:
        return "No task was trained, so there is nothing to decide."
    if not adapted:
        return "Do not adapt on this evidence: prompting the base model is not shown to be worse in domain on any task."
    names = ", ".join(f"{entry['task']} ({entry['recommend']}, {entry['train_size']} rows)" for entry in adapted)
    return f"Adapting pays in domain for {len(adapted)} of {len(per_task)} tasks: {names}. Weigh the price beside it."


def _overall_ja(per_task: list[dict[str, Any]], adapted: list[dict[str, Any]]) -> str:
    if not per_task:
        return "学習したタスクがないため、判断の対象がありません。"
    if not adapted:
        return "この結果からは適応を勧めません。どのタスクでも、ドメイン内でベースモデルのプロンプト利用が劣るとは示されませんでした。"
    names = "、".join(f"{entry['task']}（{entry['recommend']}、{entry['train_size']} 件）" for entry in adapted)
    return f"{len(per_task)} タスク中 {len(adapted)} タスクで、適応はドメイン内で有効です：{names}。併記した代償と比べてください。"
