"""What systems took: tokens, seconds, energy, memory and parameters, as the run stored them.

Between evidence and what is made of it (the question `amounts`, the ledger of `hanka cost`). A system is an entry on a base, training
set and size, at an asking; its seeds are averaged, test sets count equally. What was not measured is None, never 0. Energy and
memory are those of the machine's own meters (`work/meter.py`).

Limits: seconds of a request are those of a whole cell over its rows, many at once on the machine of the run; a training that was
interrupted counts the seconds of its last try, or those of its steps where they are more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Asked, System, asked_of, system_of
from hanka.analysis.questions.contract import Measured
from hanka.records import is_unadapted
from hanka.stats.resampling import FloatArray, cluster_units
from hanka.store.folder import LATENCY_FILE, read_json_or_none, read_table

QUANTILES = (0.5, 0.95)
"Of latency: the middle, and what one request in twenty exceeds."


@dataclass(frozen=True, slots=True)
class Training:
    """What making a system took: means over its seeds, with all that it is made from."""

    n_labelled: int | None
    "Labelled rows behind it: of each data set the most that it or a variant it is made from was trained on. None: tuned elsewhere."
    n_seeds: int
    "Trainings behind the means."
    n_parameters: int | None
    "Trained parameters."
    n_tokens: float | None
    "Tokens of its rows, every epoch counted."
    n_forwarded_tokens: float | None
    "Tokens that passed the model: what rows share counts once."
    seconds: float | None
    "From loading to saving."
    energy_joules: float | None
    "Of processor packages and accelerators, where their meters can be read."
    peak_bytes: Mapping[str, int]
    "Meter → most memory that was taken, of all seeds."
    made_from: tuple[str, ...] = ()
    "Labels of the variants whose making is in the sums."


@dataclass(frozen=True, slots=True)
class Latency:
    """How long single requests took."""

    median: Measured
    "Seconds."
    p95: Measured
    "Seconds that one request in twenty exceeds; its upper end is None where too few requests bound it (at 95 %: below 72)."
    unit: str
    "row: one row alone on the machine; request: one request to a server, several of which a row may take."
    at_once: int
    "Requests under way at once."


@dataclass(frozen=True, slots=True)
class Serving:
    """What answering took, a request; test sets count equally."""

    n: int
    "Rows asked, of all cells."
    n_cells: int
    "Cells."
    tests: tuple[str, ...]
    "Test sets."
    n_tokens_read: Measured | None
    "Tokens of the whole prompt, demonstrations among them."
    n_tokens_written: Measured | None
    "Tokens that came out; 0 where labels are scored and nothing is written."
    seconds: float | None
    "Seconds of cells over their rows."
    energy_joules: float | None
    "As of a training."
    peak_bytes: Mapping[str, int]
    "As of a training."
    latency: Latency | None
    "None where single requests were not timed."
    n_demonstrations: int | None
    "Labelled rows shown, beside its training rows, the most of any cell; None where each question has its own, from a pool not stored."
    devices: tuple[str, ...]
    "What answered."


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """A system at an asking."""

    task: str
    "Task of the test sets."
    system: System
    "The system."
    asked: Asked
    "How it is asked."
    is_tuned: bool
    "Whether it is anything but the base model behind what it is shown."
    variants: tuple[str, ...]
    "Ids of its variants."
    training: Training | None
    "None where nothing is made."
    serving: Serving
    "Answering in its own domain."


def amounts_of(evidence: Evidence, tests: Sequence[str] = ()) -> list[Amounts]:
    """Return what every system took in its own domain, in the order of the plan. tests: only these test sets; empty: all."""
    grouped: dict[tuple[str, System, Asked], list[CellEvidence]] = defaultdict(list)
    for cell in evidence.done():
        if cell.cell["relation"] == "in_domain" and cell.n_asked and (not tests or cell.cell["test_dataset"] in tests):
            grouped[str(cell.cell["test_task"]), system_of(cell.variant), asked_of(cell)].append(cell)
    return [_amounts(evidence, *key, cells) for key, cells in grouped.items()]


def _amounts(evidence: Evidence, task: str, system: System, asked: Asked, cells: Sequence[CellEvidence]) -> Amounts:
    variants = {str(cell.variant["id"]): cell.variant for cell in cells}
    is_tuned = not cells[0].is_unadapted and bool(cells[0].variant.get("changes_weights", True))
    made = training_of(evidence, list(variants.values())) if is_tuned else None
    return Amounts(task, system, asked, is_tuned, tuple(variants), made, serving_of(evidence, cells))


# ---- making


def training_of(evidence: Evidence, variants: Sequence[Mapping[str, Any]]) -> Training:
    """Return what making some variants took, as a mean over them. Raises ValueError when there are none."""
    if not variants:
        raise ValueError("no variants: nothing was made")
    known = {str(one["id"]): one for one in evidence.plan["variants"]}
    behind = [_behind(one, known) for one in variants]
    made = {
        str(one["id"]): {} if _is_from_elsewhere(one) else _made(evidence, str(one["id"]))
        for group in behind
        for one in group
    }
    groups = [[made[str(one["id"])] for one in group] for group in behind]
    own = [made[str(one["id"])] for one in variants]
    parents = {str(one["label"]): None for group in behind for one in group[1:]}
    parameters = [one.get("n_trained_parameters") for one in own]
    return Training(
        n_labelled=_n_labelled(behind[0]),
        n_seeds=len(variants),
        n_parameters=None if any(one is None for one in parameters) else max(map(int, parameters)),  # type: ignore[arg-type]
        n_tokens=_mean_of_sums(groups, lambda one: _in_record(one, "n_tokens")),
        n_forwarded_tokens=_mean_of_sums(groups, lambda one: _in_record(one, "n_forwarded_tokens")),
        seconds=_mean_of_sums(groups, _seconds),
        energy_joules=_mean_of_sums(groups, _energy),
        peak_bytes=_peaks(own),
        made_from=tuple(parents),
    )


def _behind(variant: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return a variant and all that it is made from, itself first, each once."""
    found, waiting = {str(variant["id"]): variant}, list(variant.get("parents", ()))
    while waiting:
        parent = str(waiting.pop(0))
        if parent in known and parent not in found:
            found[parent] = known[parent]
            waiting += known[parent].get("parents", ())
    return [one for one in found.values() if not is_unadapted(one["method"])]


def _is_from_elsewhere(variant: Mapping[str, Any]) -> bool:
    """Tell whether nobody here knows what making a variant took."""
    return not variant["train_size"] and not variant.get("parents")


def _n_labelled(group: Sequence[Mapping[str, Any]]) -> int | None:
    most: dict[str, int] = {}
    for one in group:
        if _is_from_elsewhere(one):
            return None
        name = str(one["train_dataset"])
        most[name] = max(most.get(name, 0), int(one["train_size"]))
    return sum(most.values())


def _made(evidence: Evidence, variant_id: str) -> Mapping[str, Any]:
    found = read_json_or_none(evidence.folder.variant(variant_id) / "variant.json")
    return found if isinstance(found, dict) and found.get("status") == "done" else {}


def _in_record(made: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a training's record; 0 of what was made without training anything, None where nothing is known."""
    found = made.get("record", {}).get(name)
    if found is None:
        return 0.0 if made.get("n_trained_parameters") == 0 else None
    return float(found)


def _seconds(made: Mapping[str, Any]) -> float | None:
    found = made.get("seconds")
    return None if found is None else max(float(found), float(made.get("record", {}).get("train_seconds", 0.0)))


def _energy(record: Mapping[str, Any]) -> float | None:
    """Return the joules of all meters; None where there is none, or where they saw the last try of a training alone."""
    if record.get("record", {}).get("train_seconds", 0.0) > record.get("seconds", 0.0):
        return None
    meters = (record.get("used") or {}).get("energy_joules") or {}
    return float(sum(meters.values())) if meters else None


def _peaks(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in records:
        for meter, size in ((record.get("used") or {}).get("peak_bytes") or {}).items():
            found[meter] = max(found.get(meter, 0), int(size))
    return found


def _mean_of_sums(
    groups: Sequence[Sequence[Mapping[str, Any]]], value: Callable[[Mapping[str, Any]], float | None]
) -> float | None:
    """Add up each group, and average; None where anything is missing: part of a sum is no sum."""
    sums = []
    for group in groups:
        values = [value(one) for one in group]
        if any(one is None for one in values):
            return None
        sums.append(sum(one for one in values if one is not None))
    return sum(sums) / len(sums)


# ---- answering


def serving_of(evidence: Evidence, cells: Sequence[CellEvidence]) -> Serving:
    """Return what answering some cells took, a request. Raises ValueError when there are none."""
    if not cells:
        raise ValueError("no cells: nothing was asked")
    by_test: dict[str, list[CellEvidence]] = defaultdict(list)
    for cell in cells:
        by_test[str(cell.cell["test_dataset"])].append(cell)
    return Serving(
        n=sum(cell.n_asked for cell in cells),
        n_cells=len(cells),
        tests=tuple(by_test),
        n_tokens_read=_tokens(evidence, by_test, "n_read", "n_prompt_tokens"),
        n_tokens_written=_tokens(evidence, by_test, "n_written", "n_output_tokens"),
        seconds=_balanced(by_test, _row_seconds),
        energy_joules=_balanced(by_test, _row_energy),
        peak_bytes=_peaks([cell.record for cell in cells]),
        latency=_latency(evidence, cells),
        n_demonstrations=_n_demonstrations(evidence, cells),
        devices=tuple(dict.fromkeys(str(cell.record.get("device", "")) for cell in cells)),
    )


def _n_demonstrations(evidence: Evidence, cells: Sequence[CellEvidence]) -> int | None:
    counts = [_n_shown(evidence, cell) for cell in cells]
    known = [one for one in counts if one is not None]
    return max(known) if len(known) == len(counts) else None


def _n_shown(evidence: Evidence, cell: CellEvidence) -> int | None:
    shown = len(cell.record.get("demonstrations", ()))
    if not cell.is_unadapted and not cell.variant.get("changes_weights", True):
        return max(shown, int(cell.variant["train_size"]))
    if not cell.is_unadapted and cell.cell["context"] in evidence.plan.get("contexts_of_own_rows", ()):
        return 0  # they are its training rows, and counted there
    return None if int(cell.cell["shots"]) and not shown else shown


def _row_seconds(cell: CellEvidence) -> float | None:
    seconds = cell.record.get("seconds")
    kept = (cell.record.get("asked") or {}).get("kept_seconds", 0.0)
    return None if seconds is None else (float(seconds) + float(kept)) / cell.n_asked


def _row_energy(cell: CellEvidence) -> float | None:
    found = _energy(cell.record)
    return None if found is None else found / cell.n_asked


def _balanced(
    by_test: Mapping[str, Sequence[CellEvidence]], value: Callable[[CellEvidence], float | None]
) -> float | None:
    """Average within test sets, then over them; None where a cell has no value."""
    means = []
    for members in by_test.values():
        values = [value(cell) for cell in members]
        if any(one is None for one in values):
            return None
        means.append(sum(one for one in values if one is not None) / len(values))
    return sum(means) / len(means)


def _tokens(
    evidence: Evidence, by_test: Mapping[str, Sequence[CellEvidence]], counted: str, column: str
) -> Measured | None:
    """Return the mean tokens of a request with its interval over rows, whole groups at a time; none where a server counted whole cells.

    counted: key of a server's own count; column: of the rows. None where no token was read at all, as by an encoder. The rows of a
    test set's first cell stand for it: its others ask the same rows.
    """
    cells = [cell for members in by_test.values() for cell in members]
    if any("asked" in cell.record for cell in cells):
        mean = _balanced(by_test, lambda cell: (cell.record.get("asked") or {}).get(counted, 0) / cell.n_asked)
        return None if mean is None else Measured(mean, n=sum(cell.n_asked for cell in cells))
    if any(column not in cell.record for cell in cells) or not any(cell.record["n_prompt_tokens"] for cell in cells):
        return None
    mean = _balanced(by_test, lambda cell: cell.record[column] / cell.n_asked)
    assert mean is not None
    found = [_by_group(evidence, members[0], column) for members in by_test.values()]
    n = sum(cell.n_asked for members in by_test.values() for cell in members[:1])
    if any(len(sums) < 2 for sums, _ in found):
        return Measured(mean, n=n)
    squares = np.array([_square_of_error(sums, sizes) for sums, sizes in found])
    # Welch–Satterthwaite: the degrees of freedom of a sum of variances that are each estimated from its groups.
    parts = (squares**2 / [len(sums) - 1 for sums, _ in found]).sum()
    t = float(stdtrit(squares.sum() ** 2 / parts, (1 + evidence.level) / 2)) if parts > 0 else 0.0
    half = t * float(np.sqrt(squares.sum())) / len(found)
    return Measured(mean, mean - half, mean + half, n)


def _by_group(evidence: Evidence, cell: CellEvidence, column: str) -> tuple[FloatArray, FloatArray]:
    """Return sums and rows of each group of a cell's rows, (groups,) each: rows of one text are no independent rows."""
    path = evidence.folder.cell(str(cell.cell["id"])) / "predictions.parquet"
    table = read_table(path, (column, "group"))
    units = cluster_units(table.column("group").to_pylist(), table.num_rows)
    values = table.column(column).to_numpy().astype(np.float64)
    sums = np.asarray(np.bincount(units, weights=values), dtype=np.float64)
    return sums, np.bincount(units).astype(np.float64)


def _square_of_error(sums: FloatArray, sizes: FloatArray) -> float:
    """Return the variance of a mean over rows that come in groups: of a ratio of sums, by groups."""
    rest = sums - sums.sum() / sizes.sum() * sizes
    return float(len(sums) / (len(sums) - 1) * (rest**2).sum() / sizes.sum() ** 2)


# ---- latency


def _latency(evidence: Evidence, cells: Sequence[CellEvidence]) -> Latency | None:
    """Pool the single requests of some cells; None where a cell has none, or they were not timed in one way."""
    timed = list(_timed(evidence, cells))
    ways = {(str(one["unit"]), int(one["at_once"])) for one in timed}
    seconds = [float(value) for one in timed for value in one["seconds"]]
    if len(timed) < len(cells) or len(ways) != 1 or not seconds:
        return None
    middle, slow = (_quantile(seconds, share, evidence.level) for share in QUANTILES)
    return Latency(middle, slow, *ways.pop())


def _timed(evidence: Evidence, cells: Sequence[CellEvidence]) -> Iterator[Mapping[str, Any]]:
    for cell in cells:
        found = read_json_or_none(evidence.folder.cell(str(cell.cell["id"])) / LATENCY_FILE)
        if isinstance(found, dict) and found.get("seconds"):
            yield found


def _quantile(seconds: Sequence[float], share: float, level: float) -> Measured:
    """Return a quantile with the interval that order statistics give: no end where the sample is too small for one."""
    from scipy.stats import quantile_test

    ends = quantile_test(seconds, p=share).confidence_interval(level)
    low, high = (float(end) if np.isfinite(end) else None for end in ends)
    return Measured(float(np.quantile(seconds, share)), low, high, len(seconds))
