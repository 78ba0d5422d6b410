"""Rows whose texts are changed, field by field: what typos, synonyms and word order share.

A row is changed where any of its fields is; fields that cannot be stay as they are, and the counts of words say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hanka.identity import stream
from hanka.recipes.changes import Changed, ChangeRequest
from hanka.recipes.perturbing import NO_LANGUAGE, Language, fields_of, language_of, most_common
from hanka.recipes.spans import TextChange
from hanka.records import Example


def change_texts(
    name: str, rewrite: Callable[[str, Language, Any, np.random.Generator], TextChange], request: ChangeRequest
) -> list[Changed]:
    """Change the fields of every row. name: of the recipe, part of what draws. rewrite: (text, language, params, generator)."""
    fields = fields_of(request.params, request.task)
    return [_row(name, rewrite, request.params, row, fields) for row in request.rows]


def _row(
    name: str,
    rewrite: Callable[[str, Language, Any, np.random.Generator], TextChange],
    params: Any,
    row: Example,
    fields: tuple[str, ...],
) -> Changed:
    found: dict[str, TextChange] = {}
    for one in fields:
        text = row.fields[one]
        language = language_of(text)
        rng = stream(params.seed, name, row.id, one)
        found[one] = rewrite(text, language, params, rng) if language else TextChange(None, NO_LANGUAGE)
    changed = {one: new.text for one, new in found.items() if new.text is not None and new.text != row.fields[one]}
    if not changed:
        return Changed(None, most_common([new.why or "comes out as it was" for new in found.values()]))
    sums = [sum(getattr(new, count) for new in found.values()) for count in ("n_units", "n_can", "n_changed")]
    return Changed(replace(row, fields={**row.fields, **changed}), "", *sums)
