"""Logs of A/B tests with known answers, in memory and as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hanka.operations.ab.design import Design


def design(**changed: Any) -> Design:
    """A design of two arms; keys are replaced."""
    return Design.model_validate({"name": "trial", "arms": {"now": 1, "new": 1}, "control": "now", **changed})


def rows(now: Iterable[Any], new: Iterable[Any]) -> list[dict[str, Any]]:
    """One row a unit, outcomes as given."""
    return [
        {"unit": f"{arm}-{at}", "arm": arm, "outcome": outcome}
        for arm, outcomes in (("now", now), ("new", new))
        for at, outcome in enumerate(outcomes)
    ]


def right(n_right: int, n: int) -> list[int]:
    """So many right of n."""
    return [1] * n_right + [0] * (n - n_right)


def write(path: Path, found: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path
