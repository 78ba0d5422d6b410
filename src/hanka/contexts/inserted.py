"""Text that contexts insert before a query: where it comes from, and the template around it. Used by `retrieve` and `open_book`."""

from __future__ import annotations

from pydantic import Field, field_validator

from hanka.contexts.contract import ContextParams
from hanka.tasks.base import FIELD

PLACE = "passages"
"The one place of a template."


class InsertedParams(ContextParams):
    """Which passages, and how they stand before the query."""

    passages: str = Field(min_length=1)
    "Dataset with a `passages` split."
    template: str = "{passages}\n\n"
    "Text inserted before the query, with one place for the passages, which stand one a line."

    @field_validator("template")
    @classmethod
    def _has_one_place(cls, template: str) -> str:
        places = FIELD.findall(template)
        if places != [PLACE]:
            raise ValueError(f"{template!r} needs the place {{passages}} once and no other")
        return template


def filled(template: str, text: str) -> str:
    """Put text into a template; braces inside the text stay as they are."""
    return FIELD.sub(lambda match: text, template)
