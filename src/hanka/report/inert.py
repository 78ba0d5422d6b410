"""Text from outside made inert and readable: what is invisible becomes visible, what is endless is cut.

Stands between stored text and the page. HTML escaping itself is jinja2's autoescape; this module takes
what escaping leaves alone: control characters, bidirectional overrides, lone surrogates, sheer length.
Zero-width joiners stay: emoji and some scripts need them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from markupsafe import Markup, escape

NAME_LIMIT = 120
"Characters of a name (dataset, method, task) that are shown."
TEXT_LIMIT = 2_000
"Characters of any other text that are shown."
MAX_MARKS = 6
"Combining marks in a row that are shown; more would paint over the lines around them."

_RANGES = (
    (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200B),
    (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB),
    (0xFFFE, 0xFFFF), (0xE0000, 0xE007F),
)  # fmt: skip
_ESCAPES = {code: f"⟨U+{code:04X}⟩" for low, high in _RANGES for code in range(low, high + 1)}


def visible(text: str) -> str:
    """Replace control characters, bidi controls and lone surrogates by ⟨U+….⟩; keep tabs and line ends."""
    if text.isascii() and text.isprintable():
        return text
    shown = text.replace("\r\n", "\n").translate(_ESCAPES)
    return shown if shown.isascii() else _piled_marks().sub(lambda pile: pile[0][:MAX_MARKS], shown)


@lru_cache(maxsize=1)
def _piled_marks() -> re.Pattern[str]:
    """Return the pattern of more combining marks in a row than MAX_MARKS."""
    marks = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code)))
    return re.compile(f"[{re.escape(marks)}]{{{MAX_MARKS + 1},}}")


def shorten(text: str, limit: int, more: str = "… +{count}") -> str:
    """Cut text to `limit` characters and say how many are left out, with `more` as the sentence."""
    if len(text) <= limit:
        return text
    return text[:limit].rstrip() + " " + more.format(count=f"{len(text) - limit:,}")


def label(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a name as plain visible text on one line, cut with an ellipsis: for figures, titles, options."""
    line = " ".join(visible(text[: limit + 1]).split())
    return line if len(text) <= limit else line[:limit].rstrip() + "…"


def name(text: str, limit: int = NAME_LIMIT) -> Markup:
    """Return a name as escaped HTML, isolated so that its direction cannot reorder the words around it."""
    return Markup("<bdi>{}</bdi>").format(escape(label(text, limit)))


def plain(text: Markup) -> str:
    """Return a sentence that was made as HTML as plain text: for the terminal."""
    return Markup(str(text).replace("<bdi>", "").replace("</bdi>", "")).unescape()  # noqa: S704 - it is taken apart, not shown
