"""The report: from stored files to one HTML page that opens offline.

Last stage of the flow. It computes nothing: rows → blocks (`matrix.py`, `forest.py`, …) → `page.py`.
Needs no torch; light to import.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hanka.store.folder import RunFolder


def render_report(folder: RunFolder, html: Path, lang: Literal["en", "ja"] = "en") -> None:
    """Write the report of a run folder as one HTML file.

    Missing parts of the folder become sentences in the report. Raises StoreError if the folder holds
    nothing of a run, or if `html` cannot be written.
    """
    from hanka.report.page import make_page, page_html
    from hanka.report.stored import read_run
    from hanka.report.words import Words
    from hanka.store.folder import write_text

    words = Words(lang)
    write_text(html, page_html(make_page(read_run(folder), words), words))


__all__ = ["render_report"]
