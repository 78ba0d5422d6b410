"""All samples beside each other in a second file: complete, of bounded size, harmless, linked both ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from markup import Reader, all_of, read
from synthetic import Shape, build_run, hostile

from hanka.report import render_report, samples
from hanka.store.folder import RunFolder, read_predictions, write_predictions

SMALL = {"tasks": ("sentiment",), "methods": ("sft",), "sizes": (64,), "shots": (0, 2, 4)}
FEW = {"sentiment": [("amazon", "shop"), ("yelp", "restaurants")], "summary": [("xsum", "bbc")]}


@pytest.fixture(autouse=True)
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanka.report.figures.MAX_FIGURES", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return build_run(tmp_path_factory.mktemp("samples") / "run", Shape(**SMALL, tests=FEW))  # type: ignore[arg-type]


def rendered(folder: RunFolder, where: Path, lang: str = "en") -> tuple[Reader, Reader | None]:
    """Return the report and the second file, read."""
    html = where / "my report.html"
    render_report(folder, html, lang)  # type: ignore[arg-type]
    beside = where / "my report-samples.html"
    pages = read(html.read_text(encoding="utf-8")), read(beside.read_text("utf-8")) if beside.exists() else None
    assert all(not page.mistakes for page in pages if page)
    return pages


def test_the_second_file_holds_every_sample_of_every_shot_count(folder: RunFolder, tmp_path: Path) -> None:
    report, beside = rendered(folder, tmp_path)
    assert beside is not None
    articles = all_of(beside, "article")
    assert len(articles) == 9 * 60
    assert len(all_of(report, "article")) < len(articles) / 4
    sets = [one for one in all_of(beside, "details") if one.attributes["class"] == "set"]
    assert {shots for one in sets for shots in ("0-shot", "2-shot", "4-shot") if shots in one.text} == {
        "0-shot",
        "2-shot",
        "4-shot",
    }
    order = [one.attributes["data-change"] for one in sets[0].children if one.tag == "article"]
    assert order[0] == "right_wrong"
    assert order == sorted(order, key=["right_wrong", "wrong_right", "wrong_wrong", "right_right", "free"].index)


def test_reasoning_stands_folded_beside_its_answer_where_the_search_finds_it(tmp_path: Path) -> None:
    folder = build_run(tmp_path / "run", Shape(**SMALL, tests=FEW))  # type: ignore[arg-type]
    for place in folder.path.glob("cells/*"):
        rows, groups = read_predictions(place)
        thought = [
            replace(row, reasoning=f"<b>because {row.sample_id}" if at % 2 else None) for at, row in enumerate(rows)
        ]
        write_predictions(place, thought, groups)
    _, beside = rendered(folder, tmp_path)
    assert beside is not None
    folded = [one for one in all_of(beside, "details") if one.attributes.get("class") == "reasoning"]
    assert len(folded) == len(all_of(beside, "article"))
    assert all("because" in one.text for one in folded)
    assert any("because" in one.text for one in all_of(beside, "article"))


def test_the_two_files_lead_to_each_other_by_relative_addresses(folder: RunFolder, tmp_path: Path) -> None:
    report, beside = rendered(folder, tmp_path)
    assert beside is not None
    assert "./my%20report-samples.html" in {link.attributes["href"] for link in all_of(report, "a")}
    assert {link.attributes["href"] for link in all_of(beside, "a")} == {"./my%20report.html"}


def test_it_is_searched_by_text_change_and_test_set(folder: RunFolder, tmp_path: Path) -> None:
    for page in rendered(folder, tmp_path):
        assert page is not None
        (form,) = [one for one in all_of(page, "form") if one.attributes["class"] == "filter"]
        assert "hidden" in form.attributes, "nothing to search with where no script runs"
        assert [one.attributes["type"] for one in all_of(page, "input")].count("search") == 1
        assert not any("hidden" in one.attributes for one in all_of(page, "article"))


def test_its_size_is_bounded_and_what_is_left_out_is_counted(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MAX_SAMPLES", 70)
    _, beside = rendered(folder, tmp_path)
    assert beside is not None
    assert len(all_of(beside, "article")) == 70
    lead = next(one for one in all_of(beside, "p") if one.attributes.get("class") == "lead")
    assert "2 of 9 pairs of cells, 70 samples; 50 samples of these did not fit." in lead.text


def test_there_is_no_second_file_where_the_page_holds_all(tmp_path: Path) -> None:
    shape = Shape(**SMALL | {"shots": (0,)}, tests=FEW, rows=4, n=4)  # type: ignore[arg-type]
    report, beside = rendered(build_run(tmp_path / "run", shape), tmp_path)
    assert beside is None
    assert not [link for link in all_of(report, "a") if "samples" in link.attributes["href"]]


def test_text_of_samples_stays_text_and_nothing_is_asked_for(tmp_path: Path) -> None:
    shape = Shape(**SMALL | {"shots": (0,)}, tests=FEW, dress=hostile)  # type: ignore[arg-type]
    _, beside = rendered(build_run(tmp_path / "run", shape), tmp_path)
    assert beside is not None
    assert len(all_of(beside, "script")) == 1
    assert not all_of(beside, "img")
    assert "<script>alert(1)</script>" in all_of(beside, "article")[0].text
    policy = next(one.attributes["content"] for one in all_of(beside, "meta") if "http-equiv" in one.attributes)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_it_speaks_japanese(folder: RunFolder, tmp_path: Path) -> None:
    _, beside = rendered(folder, tmp_path, "ja")
    assert beside is not None
    assert all_of(beside, "h1")[0].text == "すべての予測例"
