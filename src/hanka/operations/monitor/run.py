"""One call of a monitor: go on from the state, read what is new, write the state on the way, say how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hanka.errors import MonitorError
from hanka.operations.monitor.logs import Place, Raw, find_logs, known_place, read_on
from hanka.operations.monitor.reference import Reference
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.state import held, load, save
from hanka.operations.monitor.watch import Watch, begin

CHECKPOINT = 200_000
"Rows between two writings of the state: what a kill costs at most."
MOST_PLACES = 10_000
"Files whose reading is remembered; the oldest are forgotten, and would be recognised by their rows."
TOLD = 100
"New rows of a log from which on it is refused where none of them could be read."


@contextmanager
def monitoring(
    logs: Sequence[Path], reference: Reference, settings: MonitorSettings, now: float, state: Path | None
) -> Iterator[Watch]:
    """Read what is new of the logs and give the monitor, its state held until the block ends.

    now: seconds since 1970; rows beyond it are skewed. Raises HankaError in one line for logs that cannot be read, or a state that
    is held by another monitor or begun against something else.
    """
    paths = list(dict.fromkeys(path for one in logs for path in find_logs(one)))
    if state is None:
        watch = begin(reference, settings, now)
        for path in paths:
            _read(watch, path, None, CHECKPOINT)
        yield watch
        return
    with held(state):
        watch = load(state, reference, settings, now)
        before = list(watch.places)
        for path in paths:
            _read(watch, path, state, CHECKPOINT)
        if watch.places != before or not (state / "state.json").exists():
            save(state, watch)
        yield watch


def _read(watch: Watch, path: Path, state: Path | None, checkpoint: int) -> None:
    before: Place | None = known_place(path, watch.places)
    tally = watch.memory.tally
    current, written, rows, malformed = before, tally.rows, tally.rows, tally.malformed
    for batch in read_on(path, before):
        watch.take(batch.rows)
        watch.places = [*(one for one in watch.places if one is not current), batch.place][-MOST_PLACES:]
        current = batch.place
        _require_readable(watch, path, batch.rows, tally.rows - rows, tally.malformed - malformed)
        if state is not None and watch.memory.tally.rows - written >= checkpoint:
            save(state, watch)
            written = watch.memory.tally.rows


def _require_readable(watch: Watch, path: Path, rows: Sequence[Raw], n_new: int, n_malformed: int) -> None:
    """Raise MonitorError where no new row of a log could be read, as where a column is named otherwise: nothing of it counts as read.

    A few rows are let pass where others were read before, for a broken line must not stop a monitor that goes on.
    """
    is_first = watch.memory.tally.malformed == watch.memory.tally.rows
    if n_new < 1 or n_malformed < n_new or not (is_first or n_new >= TOLD):
        return
    said = watch.reader.missing(rows)
    if said:
        raise MonitorError(f"{path}: {said}")
    if n_new >= TOLD:
        raise MonitorError(
            f"{path}: none of {n_new} rows could be read; is it a log of rows with time, prompt and output?"
        )
