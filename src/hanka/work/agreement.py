"""Whether a server serves what it is said to serve: some rows are asked of it and of the same weights here, before all others.

What the server answers is kept, so these rows are not asked again. A server that cannot be asked says so in its cells.
"""

from __future__ import annotations

from hanka.errors import HankaError
from hanka.plan import PlannedCell, PlannedVariant
from hanka.records import Prediction
from hanka.store.folder import RunFolder, write_json
from hanka.work.answer import AGREEMENT, first_answers
from hanka.work.place import Workplace, reason
from hanka.work.voice import open_voice

ROWS = 20
"Rows that both are asked."


def agree(place: Workplace, planned: PlannedVariant) -> None:
    """Compare a server with the same weights in memory, once, where the study names them; writes what came out."""
    same = planned.model.served.same_as if planned.model.served else ""
    folder = place.folder.variant(planned.variant.id)
    unadapted = [one for one in place.plan.variants.values() if one.variant.is_unadapted]
    other = next((one for one in unadapted if one.model.is_called(same)), None)
    cell = _shared(place, planned, other) if other is not None else None
    if other is None or cell is None or not is_due(place.folder, planned):
        return
    place.report(f"comparing the server of {planned.model.name} with {other.model.name}", 0.0)
    found: list[list[Prediction]] = []
    try:
        for one in (planned, other):
            with open_voice(place, one) as voice:
                found.append(first_answers(place, cell, voice, ROWS))
    except HankaError:
        raise
    except Exception as error:  # its cells say what is wrong with the server; the other base's, what is wrong with that
        place.report(f"not compared: {reason(error, place, folder)}", 0.0)
        return
    write_json(folder / AGREEMENT, compared(other.model.name, cell.cell.test_dataset, found[0], found[1]))


def is_due(folder: RunFolder, planned: PlannedVariant) -> bool:
    """Tell whether a server is yet to be compared."""
    said = planned.model.served
    return bool(said and said.same_as) and not (folder.variant(planned.variant.id) / AGREEMENT).is_file()


def compared(same: str, test_dataset: str, theirs: list[Prediction], ours: list[Prediction]) -> dict[str, object]:
    """Return how far a server's answers are those of the same weights here, as it is stored."""
    pairs = [(one, two) for one, two in zip(theirs, ours, strict=True) if "failed" not in (one.status, two.status)]
    gaps = [
        abs(x - y)
        for one, two in pairs
        if one.label_scores and two.label_scores
        for x, y in zip(one.label_scores, two.label_scores, strict=True)
    ]
    n_equal = sum((one.status, _read(one)) == (two.status, _read(two)) for one, two in pairs)
    largest = max(gaps, default=None)
    gap = "" if largest is None else f"; label scores differ by at most {largest:.2g} nats"
    line = f"of the first {len(pairs)} rows of {test_dataset}, this server and {same} give the same answer to {n_equal}{gap}"
    return {"same_as": same, "n": len(pairs), "n_equal": n_equal, "largest_nats": largest, "line": line}


def _read(one: Prediction) -> str | None:
    """Return what an answer is read as; servers and engines differ in what they leave around it."""
    return one.parsed if one.parsed is not None else (one.output or "").strip()


def _shared(place: Workplace, planned: PlannedVariant, other: PlannedVariant) -> PlannedCell | None:
    """Return the first cell of a server that the other base is asked, too."""
    asked = {(one.cell.test_dataset, one.cell.shots, one.cell.context) for one in place.plan.cells_of(other.variant.id)}
    return next(
        (
            one
            for one in place.plan.cells_of(planned.variant.id)
            if (one.cell.test_dataset, one.cell.shots, one.cell.context) in asked
            and place.plan.study.tasks[one.cell.test_task].task.is_prompted
        ),
        None,
    )
