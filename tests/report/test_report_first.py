"""The first screen: a verdict with before → after, three tiles, the price with a real answer, trust, next step, words to say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from markup import Element, all_of, read
from synthetic import Shape, build_run
from synthetic_decision import claim, decision
from synthetic_shape import Book

from hanka.report import render_report
from hanka.report.decided import read_decided
from hanka.store.folder import RunFolder, read_json, write_json, write_table

FEW = {"sentiment": [("amazon", "shop"), ("yelp", "restaurants")], "summary": [("xsum", "bbc")]}
WORDS = {"adapt": "Adopt it", "trade-off": "A trade-off", "keep": "Do not adopt it", "undecided": "Not decided yet"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    shape = Shape(tasks=("sentiment",), methods=("sft",), sizes=(64,), shots=(0,), tests=FEW)
    return build_run(tmp_path_factory.mktemp("first") / "run", shape)


@pytest.fixture(autouse=True)
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanka.report.figures.MAX_FIGURES", 0)


def entry_of(folder: RunFolder, outcome: str) -> dict[str, Any]:
    book = Book(Shape(tasks=("sentiment",), sizes=(64,), shots=(0,), tests=FEW))
    book.variants.append(type("V", (), {"train_task": "sentiment"})())  # type: ignore[arg-type]
    return decision(book, {"sentiment": outcome})["per_task"][0]


def top(folder: RunFolder, entry: dict[str, Any], lang: str = "en", **findings: Any) -> Element:
    """Return the first screen of a report with this decision, read."""
    stored = read_json(folder.findings) | {"decision": {"outcome": entry["outcome"], "per_task": [entry]}} | findings
    write_json(folder.findings, stored)
    html = Path(folder.path) / "report.html"
    render_report(folder, html, lang)  # type: ignore[arg-type]
    page = read(html.read_text(encoding="utf-8"))
    assert page.mistakes == []
    return next(one for one in all_of(page, "header") if one.attributes.get("class") == "top")


def of_class(element: Element, name: str) -> list[Element]:
    found = [element] if name in element.attributes.get("class", "").split() else []
    return found + [one for child in element.children for one in of_class(child, name)]


@pytest.mark.parametrize("outcome", WORDS)
def test_each_outcome_has_its_word_its_colour_and_its_shape(folder: RunFolder, outcome: str) -> None:
    shown = top(folder, entry_of(folder, outcome))
    (panel,) = of_class(shown, "panel")
    assert outcome in panel.attributes["class"].split()
    verdict = of_class(panel, "verdict")[0]
    assert [child.tag for child in verdict.children] == ["svg", "h1", "p"]
    assert verdict.children[1].text == WORDS[outcome]
    drawn = [(one.tag, one.attributes.get("d", one.attributes.get("r"))) for one in verdict.children[0].children]
    others = [top(folder, entry_of(folder, other)) for other in WORDS if other != outcome]
    shapes = [of_class(other, "shape")[0].children for other in others]
    assert drawn not in [
        [(one.tag, one.attributes.get("d", one.attributes.get("r"))) for one in parts] for parts in shapes
    ]


def test_the_verdict_counts_answers_of_a_hundred(folder: RunFolder) -> None:
    said = of_class(top(folder, entry_of(folder, "trade-off")), "verdict")[0].text
    assert "of 100 answers 83 are right instead of 53" in said
    assert "on xsum, overlap with the reference text (ROUGE-L) is 0.020 instead of 0.200" in said
    japanese = of_class(top(folder, entry_of(folder, "trade-off"), "ja"), "verdict")[0].text
    assert "100 件中 83 件が正解（適応前は 53 件）" in japanese


def test_three_tiles_say_before_after_direction_and_how_sure(folder: RunFolder) -> None:
    target, outside, other = of_class(top(folder, entry_of(folder, "trade-off")), "tile")
    assert re.search(r"53 %.*rises to.*83 %", target.text, re.S)
    assert "shown: better" in target.text
    assert re.search(r"60 %.*falls to.*56 %", outside.text, re.S)
    assert "leaning: perhaps worse" in outside.text
    assert "xsum" in other.text
    assert "shown: worse" in other.text


def test_what_was_not_measured_is_said_and_asked_for(folder: RunFolder) -> None:
    entry = entry_of(folder, "adapt")
    entry["harms"] = [one for one in entry["harms"] if one["relation"] != "cross_task"]
    shown = top(folder, entry)
    assert "not measured" in of_class(shown, "tile")[2].text
    assert "Measure other tasks, too" in of_class(shown, "steps")[0].text
    entry["harms"] = []
    assert "Not measured: no test set says what else changed." in of_class(top(folder, entry), "price")[0].text


def test_different_metrics_are_never_averaged_and_the_worst_is_named(folder: RunFolder) -> None:
    entry = entry_of(folder, "trade-off")
    entry["harms"] += [claim(["rte"], "cross_task", "accuracy", 0.6, 0.1, "undecided")]
    other = of_class(top(folder, entry), "tile")[2]
    assert "xsum" in other.text, "a loss that is shown goes before a larger one that is not"
    assert "1 more below" in other.text
    entry["harms"][-1]["verdict"] = "worse"
    assert "rte" in of_class(top(folder, entry), "tile")[2].text


def test_no_gain_is_not_called_luck(folder: RunFolder) -> None:
    entry = entry_of(folder, "undecided")
    entry["benefit"] |= {"value": 0.53, "delta": 0.0}
    shown = top(folder, entry)
    assert (
        "of 100 answers 53 are right, as many as before; there are too few test rows"
        in of_class(shown, "verdict")[0].text
    )
    assert "chance" not in shown.text


def test_where_nothing_could_be_lost_is_said_and_is_no_price(folder: RunFolder) -> None:
    entry = entry_of(folder, "undecided")
    entry["harms"] = [
        claim(["xsum"], "cross_task", "rouge_l", 0.0, 0.0, "undecided"),
        claim(["yelp"], "out_of_domain", "accuracy", 0.5, 0.52, "undecided"),
    ]
    shown = top(folder, entry)
    assert "nothing to lose" in of_class(shown, "tile")[2].text
    assert "On yelp" in of_class(shown, "price")[0].text


def test_less_is_better_where_the_metric_says_so() -> None:
    stored = claim(["a"], "in_domain", "mae", 0.5, 0.2, "better") | {"sim_low": -0.4, "sim_high": -0.2}
    (found,) = read_decided({"per_task": [{"task": "t", "outcome": "adapt", "benefit": stored}]})
    assert found.benefit is not None
    assert found.benefit.gain == pytest.approx(0.3)
    assert found.benefit.least == pytest.approx(0.2)


def test_the_price_quotes_the_first_answer_that_broke_and_counts_all(folder: RunFolder) -> None:
    price = of_class(top(folder, entry_of(folder, "undecided")), "price")[0]
    assert "On yelp" in price.text
    assert "a noticeable loss there is not excluded. It may be as bad as 50 %." in price.text
    quoted = [one.text for one in of_class(price, "broken")[0].children]
    assert quoted[1:] == ["Referencenegative", "Base modelnegative", "Adapted modelpositive"]
    assert "sentiment-1" in price.text
    assert "Of 60 rows 18 were right before and are wrong after." in price.text


def test_graded_answers_quote_the_one_that_lost_most(folder: RunFolder) -> None:
    cells = [f"{who}.xsum.0.p1" for who in ("base-0", "sft-sentiment-64-0")]
    rows = [(cell, f"summary-{i}", 0.5 - 0.1 * (n and i)) for n, cell in enumerate(cells) for i in range(4)]
    names = ("cell_id", "sample_id", "value")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    write_table(folder.scores, pa.table(columns | {"metric": ["rouge_l"] * len(rows)}))
    price = of_class(top(folder, entry_of(folder, "trade-off")), "price")[0]
    assert "summary-3" in price.text
    assert "Of 4 rows 3 lost score." in price.text
    folder.scores.unlink()


def test_no_broken_answer_is_said_with_its_n(folder: RunFolder) -> None:
    cells = [f"{who}.xsum.0.p1" for who in ("base-0", "sft-sentiment-64-0")]
    columns = {"cell_id": cells, "sample_id": ["summary-1"] * 2, "metric": ["rouge_l"] * 2, "value": [0.5, 0.5]}
    write_table(folder.scores, pa.table(columns))
    assert (
        "No broken answer was found among 1." in of_class(top(folder, entry_of(folder, "trade-off")), "price")[0].text
    )
    folder.scores.unlink()


def test_the_strip_of_trust_has_a_sign_beside_every_item(folder: RunFolder) -> None:
    training = [
        {
            "variant_id": "sft-sentiment-64-0",
            "status": "undertrained",
            "reason_en": "loss fell by 2 %",
            "reason_ja": "損失",
        }
    ]
    shown = top(folder, entry_of(folder, "undecided"), training=training)
    items = {one.children[0].text: one for one in of_class(shown, "trust")[0].children}
    states = {name: one.attributes["class"] for name, one in items.items()}
    assert list(states.values()) == ["warn", "warn", "warn", "warn", "warn"]
    said = of_class(shown, "trust")[0].text
    for part in (
        "one: this speaks of this one model only", "trained too little: loss fell by 2 %", "200 rows; about 612 would decide",
        "1 of 512: sft on amazon, 512 rows", "4 of 200: amazon train × amazonfood test",
    ):  # fmt: skip
        assert part in said, part
    assert "First mend the training" in of_class(shown, "steps")[0].children[0].text
    fitted = top(folder, entry_of(folder, "adapt"), training=[training[0] | {"status": "fitted"}])
    assert "yes, the model fits its own rows" in fitted.text
    assert of_class(fitted, "trust")[0].children[2].attributes["class"] == "good"
    unknown = top(folder, entry_of(folder, "adapt"), training=["odd", {"variant_id": 3}])
    assert "not checked" in of_class(unknown, "trust")[0].text


@pytest.mark.parametrize(
    ("outcome", "step"),
    [
        ("undecided", "Add about 412 test rows to amazon (200 today, 612 needed)"),
        ("adapt", "Adopt sft, 64 rows."),
        ("trade-off", "Decide whether xsum matters."),
        ("keep", "Keep the base model"),
    ],
)
def test_the_next_step_follows_from_the_outcome(folder: RunFolder, outcome: str, step: str) -> None:
    shown = top(folder, entry_of(folder, outcome))
    assert step in of_class(shown, "steps")[0].children[0].text
    say = [one.text for one in of_class(shown, "say")[0].children[1].children]
    assert len(say) == 3
    assert step in say[2]


def test_more_rows_are_not_asked_for_where_they_would_not_help(folder: RunFolder) -> None:
    entry = entry_of(folder, "undecided")
    entry["decide"]["rows"] = None
    assert "Train 5 times with other seeds" in of_class(top(folder, entry), "steps")[0].text


def test_systems_are_ranked_by_outcome_and_gain(folder: RunFolder) -> None:
    ranked = [one.text for one in of_class(top(folder, entry_of(folder, "trade-off")), "ranked")[0].children]
    assert [one.split()[0] for one in ranked] == ["sft,", "fticl,"]
    assert "53 % → 83 % · a trade-off" in ranked[0]


def test_beside_an_open_system_stands_what_would_decide_it(folder: RunFolder) -> None:
    entry = entry_of(folder, "trade-off")
    entry["systems"][1] |= {"outcome": "undecided", "decide": {"rows": 1412, "rows_now": 200}}
    ranked = [one.text for one in of_class(top(folder, entry), "ranked")[0].children]
    assert ranked[1].endswith("about 1,412 test rows would decide")
    assert "would decide" not in ranked[0]


def test_the_date_is_that_of_the_last_finished_unit_and_folders_are_not_shown(folder: RunFolder) -> None:
    path = next(iter(folder.path.glob("cells/*/cell.json")))
    before = read_json(path)
    write_json(path, before | {"finished": "2026-11-27T03:04:05Z"})
    study = folder.study.read_text()
    folder.study.write_text("author: A. Person\n" + study)
    stored = read_json(folder.findings)
    models = [stored["reproduce"]["models"][0] | {"name": "/home/someone/models/my-base"}]
    shown = top(folder, entry_of(folder, "adapt"), reproduce=stored["reproduce"] | {"models": models})
    facts = {one.children[0].text: one.children[1].text for one in of_class(shown, "facts")[0].children}
    assert facts["Date"] == "2026-11-27"
    assert facts["Author"] == "A. Person"
    assert facts["Base model"] == "my-base"
    assert "/home" not in shown.text
    write_json(path, before)
    folder.study.write_text(study)
    write_json(folder.findings, stored)
    facts = {one.children[0].text for one in of_class(top(folder, entry_of(folder, "adapt")), "facts")[0].children}
    assert not {"Date", "Author"} & facts


def test_the_first_screen_speaks_no_jargon(folder: RunFolder) -> None:
    said = "".join(top(folder, entry_of(folder, outcome)).text for outcome in WORDS)
    for word in (
        "cell",
        "confidence interval",
        "p-value",
        "shot",
        "checkpoint",
        "protocol",
        "variant",
        "out of domain",
        "delta",
    ):
        assert word not in said.lower(), word


def test_rebuilding_gives_the_same_bytes(folder: RunFolder, tmp_path: Path) -> None:
    html, seen = tmp_path / "a.html", []
    for _ in range(2):
        render_report(folder, html, "ja")
        seen.append((html.read_bytes(), html.with_name("a-samples.html").read_bytes()))
    assert seen[0] == seen[1]


def test_an_odd_decision_is_read_as_far_as_it_goes() -> None:
    odd = {
        "per_task": [
            1,
            {"task": 3, "outcome": [], "benefit": {"value": "x"}, "harms": [None, {}], "systems": {}, "decide": 4},
        ]
    }
    (found,) = read_decided(odd)
    assert (found.task, found.outcome, found.benefit, found.harms, found.options) == ("3", "undecided", None, (), ())
    assert read_decided({"per_task": "x"}) == ()
