"""How many documents of each task of a group are asked under `eval.limit`: a limit is over the group, not over its tasks.

The rows of a group are those of its tasks in turn, so a limit is shared evenly as long as tasks have documents left. The harness' own
`--limit` is per task; who knows that one expects another number, and a limit below the number of tasks asks some nothing at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hanka.harness.found import HarnessUse
from hanka.records import Example

NAMED = 3
"Tasks that a note names; the others are counted."


def share_note(use: HarnessUse, rows: Sequence[Example]) -> str:
    """Say which documents of a group's tasks are left out; empty where all are asked, and for a single task.

    rows: those of its test set that are asked.
    """
    there = {name: len(task.eval_docs) for name, task in use.tasks.items()}
    if len(there) == 1 or len(rows) == sum(there.values()):
        return ""
    counts = Counter(row.slices["subtask"] for row in rows)
    asked = {name: counts[name] for name in there}
    low, high = min(asked.values()), max(asked.values())
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    said = (
        f"{use.name}: `eval.limit` asks {len(rows):,} of its {sum(there.values()):,} documents, {each} of each of its "
        f"{len(there)} tasks"
    )
    smaller = [name for name, n in there.items() if 0 < n == asked[name] < high]
    if smaller:
        said += f"; all there are of {_some(smaller)}"
    if unasked := [name for name, n in asked.items() if not n]:
        said += f"; none of {_some(unasked)}: a limit of {len(there)} or more asks every task"
    return said


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
