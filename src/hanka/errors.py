"""The error tree, described once.

A user meets one line: what was wrong, the value, what is allowed or nearest, what to do. `HankaError`
and its children carry that line and are caught only in `cli.py`, which prints it and leaves with
`exit_code`. Anything else that escapes is a bug and shows its traceback.

    HankaError                 exit 2   the user's input or surroundings are wrong
    ├── StudyError             exit 2   the study file: file, line, key
    ├── DataError              exit 2   a dataset: missing, unreadable, wrong fields or labels
    │   └── DataMissingError   (in a plan) a published file that has to be fetched by hand; its variants fail
    ├── ModelError             exit 2   a base model: missing, gated, offline, unsafe
    ├── DownloadError          exit 2   a package could not be fetched or did not match its hash
    ├── StoreError             exit 2   a run folder: locked, damaged, disk full
    ├── PathError              exit 2   a text that cannot be a path here
    ├── LedgerError            exit 2   a log of decisions: missing, held, torn, not whole
    ├── RefusedError           exit 1   asked for rightly, and not allowed: an approval, a release, a rollback
    ├── DesignError            exit 2   the design of an A/B test: file, line, key
    ├── PolicyError            exit 2   a policy file, or what it asks of a run: file, line, key
    ├── JudgeError             exit 2   what a judge is asked, or what people say of its rows: file, line, key
    ├── TableError             exit 2   a table of measured values: missing, its columns, its numbers
    ├── MonitorError           exit 2   a log of live traffic, the settings of a monitor, its state
    └── AuditError             exit 2   `strict: true` and an audit found something
    UnitError                 (inside a run) one unit of work failed; becomes a failed row, exit 1
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HankaError(Exception):
    """A mistake the user can mend; its text is the one line that is printed."""

    exit_code = 2


class StudyError(HankaError):
    """The study file is wrong."""


class DataError(HankaError):
    """A dataset is missing, unreadable or not what was declared."""


class DataMissingError(DataError):
    """Rows that the study names are not here: their variants and cells fail, the others go on."""


class ModelError(HankaError):
    """A base model is missing, gated, offline or unsafe to load."""


class DownloadError(HankaError):
    """A pinned package could not be fetched, or is not the pinned one."""


class StoreError(HankaError):
    """A run folder is locked, damaged or cannot be written."""


class PathError(HankaError):
    """A text cannot be a path here."""


class LedgerError(HankaError):
    """A log of decisions is missing, held by another process, torn or not whole."""


class RefusedError(HankaError):
    """What was asked for is understood and not allowed; the text says why."""

    exit_code = 1


class DesignError(HankaError):
    """The design of an A/B test is wrong."""


class PolicyError(HankaError):
    """A policy file is wrong, or asks of a run what is not in it."""


class JudgeError(HankaError):
    """What a judge is asked is wrong, or people have not said enough for it to be heard."""


class MonitorError(HankaError):
    """A log, the settings of a monitor or its state is not what can be watched."""


class TableError(HankaError):
    """A table of measured values is missing, lacks a column, or holds what is no number."""


class AuditError(HankaError):
    """`strict: true` and an audit found something."""


class UnitError(Exception):
    """One unit of work failed for a reason worth keeping; the run goes on and stores the reason."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Say which allowed word is nearest to `word`, or list them: the tail of an error line."""
    names = sorted(set(allowed))
    folded = {name.casefold(): name for name in names}
    said = word.casefold()
    if close := difflib.get_close_matches(said, folded, n=5, cutoff=0.6):
        best = max(
            close, key=lambda name: (difflib.SequenceMatcher(None, name, said).ratio(), sorted(name) == sorted(said))
        )
        return f"did you mean {folded[best]!r}?"
    return "allowed: " + ", ".join(names) if names else "none is allowed here"


def how_to_install(*extras: str) -> str:
    """Return the command that installs what optional parts of hanka need, by the packages' own names."""
    from importlib.metadata import requires

    wanted = [line.partition(";") for line in requires("hanka") or ()]
    names = {
        need.strip(): None
        for need, _, when in wanted
        for extra in extras
        if f'extra == "{extra}"' in when.replace("'", '"')
    }
    return "pip install " + " ".join(f"'{name}'" for name in names)
