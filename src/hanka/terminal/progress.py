"""Show long work: a live bar on a terminal, plain lines elsewhere, with an estimate of the time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

PLAIN_SECONDS = 15.0
"Between plain lines."


class Progress:
    """Progress over units of known relative cost; use as a context manager."""

    def __init__(self, total_seconds: float, quiet: bool = False) -> None:
        """total_seconds: estimated cost of everything to be done; sets the scale, then corrected by what is seen."""
        self.total = max(total_seconds, 1e-9)
        self.quiet = quiet
        self._done = 0.0
        self._current = 0.0
        self._what = ""
        self._started = time.monotonic()
        self._last_line = 0.0
        self._bar: object | None = None

    def __enter__(self) -> Progress:
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn
            from rich.progress import Progress as Bar

            bar = Bar(
                BarColumn(24),
                TaskProgressColumn(),
                TextColumn("{task.fields[left]}"),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = bar.add_task("", total=1.0, left="")
            bar.start()
            self._bar = bar
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from rich.progress import Progress as Bar

        if isinstance(self._bar, Bar):
            self._bar.stop()

    def begin(self, what: str, seconds: float) -> None:
        """Begin a unit of the given estimated cost."""
        self._what, self._current = what, seconds
        self.update("", 0.0)

    def finish(self) -> None:
        """End the current unit."""
        self._done += self._current
        self._current = 0.0

    def say(self, line: str) -> None:
        """Print a line that must be seen, quiet or not."""
        from rich.progress import Progress as Bar

        if isinstance(self._bar, Bar):
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def update(self, what: str, share: float) -> None:
        """Tell what is being done and which share of the current unit is done."""
        done = min(1.0, (self._done + share * self._current) / self.total)
        text = f"{self._what}: {what}" if what else self._what
        left = self._left(done)
        from rich.progress import Progress as Bar

        if isinstance(self._bar, Bar):
            self._bar.update(self._task, completed=done, description=text, left=left)
        elif not self.quiet and time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            print(f"[{100 * done:3.0f}%] {left} {text}", file=sys.stderr, flush=True)

    def _left(self, done: float) -> str:
        spent = time.monotonic() - self._started
        if done < 0.01 or spent < 2:
            return f"about {spell_seconds(self.total * (1 - done))} left"
        return f"about {spell_seconds(spent * (1 - done) / done)} left"


def spell_seconds(seconds: float) -> str:
    """Write a duration for people: 40 s, 12 min, 3.5 h, 2.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
