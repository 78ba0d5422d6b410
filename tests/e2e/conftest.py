"""What the runs of these tests share: many end in the same numbers, and so in the same figures; many are read as tables alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanka.store.folder import RunFolder


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """Draw each figure once: equal charts are equal drawings."""
    import vl_convert

    draw, drawn = vl_convert.vegalite_to_svg, {}

    def remembered(chart: Any, **ways: Any) -> str:
        key = json.dumps([chart, ways], sort_keys=True)
        if key not in drawn:
            drawn[key] = draw(chart, **ways)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "vegalite_to_svg", remembered)
        yield


@pytest.fixture
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs end with their tables and an empty page, where a test looks at no page."""

    def empty(_folder: RunFolder, page: Path, _lang: str) -> None:
        page.write_text("", encoding="utf-8")

    monkeypatch.setattr("hanka.run.render_report", empty)
