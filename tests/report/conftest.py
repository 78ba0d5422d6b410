"""Reports rendered once per test session, because drawing figures takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic import Shape, build_run, hostile, render, some_fail

from hanka.report import render_report

FEW = {
    "sentiment": [("amazon", "shop"), ("sst2", "film"), ("yelp", "restaurants")],
    "inference": [("mnli-1", "mixed")],
    "summary": [("xsum", "bbc")],
}
SMALL = {
    "tests": FEW,
    "tasks": ("sentiment",),
    "methods": ("sft",),
    "sizes": (64, 512),
    "shots": (0, 2),
    "fail": some_fail,
}


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plausible study with two trained tasks."""
    return build_run(tmp_path_factory.mktemp("report") / "run", Shape(fail=some_fail, tests=FEW)).path


@pytest.fixture(scope="session")
def english(run_folder: Path) -> str:
    """Its report in English."""
    return _render(run_folder, "en")


@pytest.fixture(scope="session")
def japanese(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A smaller study's report in Japanese."""
    return render(tmp_path_factory.mktemp("ja"), Shape(**SMALL | {"sizes": (64,), "shots": (0,)}), "ja")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a study in which every free text is hostile."""
    return render(tmp_path_factory.mktemp("hostile"), Shape(**SMALL, dress=hostile))  # type: ignore[arg-type]


def _render(folder: Path, lang: str) -> str:
    from hanka.store.folder import RunFolder

    html = folder.parent / f"{lang}.html"
    render_report(RunFolder(folder), html, lang)  # type: ignore[arg-type]
    return html.read_text(encoding="utf-8")
