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
    """Write the report of a run folder as one HTML file, and beside it all samples where they do not fit into it.

    Missing parts of the folder become sentences in the report. Raises StoreError if the folder holds
    nothing of a run, or if `html` cannot be written.
    """
    from urllib.parse import quote

    from hanka.report.outline import make_outline, rival_of
    from hanka.report.page import make_page, page_html, samples_html
    from hanka.report.samples import make_samples
    from hanka.report.stored import read_run
    from hanka.report.words import Words
    from hanka.store.folder import write_text

    outline = make_outline(read_run(folder))
    words = Words(lang, rival_of(outline.run.variants.values()))
    beside = html.with_name(f"{html.stem}-samples.html")
    page = make_page(outline, words, f"./{quote(beside.name)}")
    if not page.has_all_samples:
        write_text(beside, samples_html(make_samples(outline, words), f"./{quote(html.name)}", words))
    write_text(html, page_html(page, words))


__all__ = ["render_report"]
