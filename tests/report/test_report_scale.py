"""A study of two thousand cells stays small and quick; figures are left out, they have a cap of their own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from synthetic import Shape, build_run

from hanka.report import figures, render_report


def test_two_thousand_cells_give_a_page_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_FIGURES", 1)
    shape = Shape(sizes=(64, 256, 1024, 4096), seeds=tuple(range(4)), shots=(0, 2, 4, 8), shared_predictions=True)
    folder = build_run(tmp_path / "run", shape)
    html = tmp_path / "report.html"
    started = time.process_time()
    render_report(folder, html, "en")
    text = html.read_text(encoding="utf-8")
    assert "2,080" in text
    assert html.stat().st_size < 10_000_000
    # 1,000,000 rows took 10 s of processor time with all figures; without them the limit is generous.
    assert time.process_time() - started < 30
    assert text.count('<details class="more"') > 20
