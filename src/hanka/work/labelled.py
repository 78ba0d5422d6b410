"""Texts that a run had labels for: what it trained on and what it tested, as far as it can be read here.

For whoever chooses what to label next (`hanka sample --exclude RUN`). Rows of the study's data sets are read again by the study that the run
stored, those that a recipe made are taken from the run.
"""

from __future__ import annotations

from hanka.plan import build_plan
from hanka.records import Example
from hanka.store.folder import RunFolder
from hanka.store.rows import has_rows, read_rows
from hanka.study.resolve import load_study


def labelled_texts(folder: RunFolder) -> list[str]:
    """Return every text of a run's training and test rows, each once. Raises HankaError where its data cannot be read."""
    plan = build_plan(load_study(folder.study))
    rows: list[Example] = []
    for planned in plan.variants.values():
        if planned.training is not None:
            rows += [one for part in planned.training.parts for one in (*part.examples, *part.validation)]
    for cell in plan.cells.values():
        rows += cell.test.examples
    for made in sorted(path for path in (folder.path / "data").glob("*") if has_rows(path)):
        rows += [one for part in read_rows(made) for one in part.examples]
    fields = dict.fromkeys(value for one in rows for value in one.fields.values())
    return [text for text in fields if text.strip()]
