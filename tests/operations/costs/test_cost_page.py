"""The page and the terminal say the same of a ledger, in either language, and hold nothing that runs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hanka.analysis.evidence import load_evidence
from hanka.operations import costs
from hanka.operations.costs.ledger import make_ledger
from hanka.operations.costs.page import cost_html, headline, returns_table
from hanka.operations.costs.prices import read_prices
from hanka.operations.costs.records import Ledger
from hanka.operations.costs.returns import Ends
from hanka.operations.costs.written import ledger_json
from hanka.report.blocks import Details, Note
from hanka.report.words import Lang, Words
from hanka.report.words_costs import COSTS_EN, COSTS_JA
from hanka.terminal.blocks import print_block
from hanka.terminal.result_tables import console
from priced_runs import PRICES, priced_run, revise, write_prices

TODAY = date(2026, 11, 28)


def ledger_of(folder: Path, changes: dict[str, str] | None = None, text: str = PRICES) -> Ledger:
    return make_ledger(priced_run(folder / "run"), read_prices(write_prices(folder, changes, text), TODAY))


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    assert COSTS_EN.keys() == COSTS_JA.keys()
    places = re.compile(r"{(\w+)}")
    for key, text in COSTS_EN.items():
        assert set(places.findall(text)) == set(places.findall(COSTS_JA[key])) or key == "costs_timed_row", key


def test_every_word_is_used() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in Path(costs.__file__).parent.glob("*.py"))
    named = set(re.findall(r"\"(costs_[a-z_0-9]+)\"", sources))
    groups = tuple(set(re.findall(r"f\"(costs_[a-z]+_){", sources)))
    assert len(groups) >= 7
    assert named <= COSTS_EN.keys()
    assert {
        key for key in COSTS_EN if key.startswith("costs_") and key not in named and not key.startswith(groups)
    } == set()


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_page_shows_returns_bills_amounts_and_sources(tmp_path: Path, lang: Lang) -> None:
    ledger = ledger_of(tmp_path)
    html = cost_html(ledger, Words(lang))
    assert f'<html lang="{lang}">' in html
    for shown in ("+0.300", "n = 40", "1,000", "invoice", "2026-11-01", "20.00", "110.0"):
        assert shown in html, shown
    words = COSTS_EN if lang == "en" else COSTS_JA
    for key in ("costs_returns", "costs_bills", "costs_amounts", "costs_basis", "costs_not_measured"):
        assert words[key] in html
    other = COSTS_JA if lang == "en" else COSTS_EN
    assert other["costs_returns"] not in html
    assert "costs_" not in html


def test_a_price_from_outside_cannot_bring_a_script(tmp_path: Path) -> None:
    html = cost_html(ledger_of(tmp_path, {"source: invoice": "source: '<script>alert(1)</script>'"}), Words("en"))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    ("value", "tone"), [("per_correct: 0.01", "adapt"), ("per_correct: 0.0", "adapt"), ("per_correct: 1e-9", "adapt")]
)
def test_what_costs_less_and_is_no_worse_pays(tmp_path: Path, value: str, tone: str) -> None:
    assert headline(ledger_of(tmp_path, {"per_correct: 0.01": value}), Words("en")).tone == tone


def test_what_surely_costs_more_does_not_pay_and_what_may_is_open(tmp_path: Path) -> None:
    """Two shots save 165 a month and tuning's gain is worth about 200 beside it: 365 a month is in the interval, 905 beyond it."""
    (tmp_path / "open").mkdir()
    for folder, maintenance, tone in ((tmp_path, 900, "keep"), (tmp_path / "open", 360, "undecided")):
        dear = {"prompted: 0, tuned: 10": f"prompted: 0, tuned: {maintenance}"}
        assert headline(ledger_of(folder, dear), Words("en")).tone == tone


def test_that_tuning_does_not_pay_is_said_of_no_run_in_which_one_system_may(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, {"prompted: 0, tuned: 10": "prompted: 0, tuned: 900"})
    assert headline(ledger, Words("en")).tone == "keep"
    other = [
        replace(
            one, system=one.system._replace(label="wide"), returns=replace(one.returns, net=Ends(-500.0, -9e9, 900.0))
        )
        for one in ledger.comparisons
        if one.returns is not None
    ]
    found = headline(replace(ledger, comparisons=(*ledger.comparisons, *other)), Words("en"))
    assert found.tone == "undecided"
    assert "wide" in found.sentence
    unknown = headline(replace(ledger, left_out=("lost (home, 8)",)), Words("en"))
    assert unknown.tone == "undecided"


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_nothing_is_said_to_pay_where_an_asking_of_the_base_has_no_answers(tmp_path: Path, lang: Lang) -> None:
    evidence = priced_run(tmp_path / "run")
    file = read_prices(write_prices(tmp_path), TODAY)
    assert headline(make_ledger(evidence, file), Words(lang)).tone == "adapt"
    shown = next(one for one in evidence.plan["cells"] if one["shots"] == 2)
    revise(evidence.folder.cell(shown["id"]) / "cell.json", {"status": "failed"})
    ledger = make_ledger(load_evidence(evidence.folder), file)
    assert [(one.label, one.asked.shots, one.test) for one in ledger.unfinished] == [("base", 2, "home")]
    assert headline(ledger, Words(lang)).tone == "undecided"
    gap = Words(lang).plain("costs_gap", label="base", shots=2, test="home")
    assert Words(lang).plain("costs_unfinished", names=gap) in cost_html(ledger, Words(lang))
    assert ledger_json(ledger)["unfinished"][0]["test"] == "home"


def test_what_is_missing_is_named_and_nothing_pays(tmp_path: Path) -> None:
    text = "".join(line for line in PRICES.splitlines(keepends=True) if not line.startswith("labelling"))
    ledger = ledger_of(tmp_path, text=text)
    assert headline(ledger, Words("en")).tone == "undecided"
    html = cost_html(ledger, Words("en"))
    assert "labelling of the tuned system (no price stated)" in html
    assert "not priced" in html


def test_old_prices_are_said_on_the_page(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, {"2026-11-01, source: invoice": "2025-11-01, source: invoice"})
    assert "labelling: the price is of 2025-11-01, 392 days old (more than 180)." in cost_html(ledger, Words("en"))


def test_without_prices_the_page_has_amounts_alone(tmp_path: Path) -> None:
    html = cost_html(make_ledger(priced_run(tmp_path)), Words("en"))
    assert "hanka cost --example" in html
    assert "5,000" in html


def test_the_terminal_prints_the_tables_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = returns_table(ledger_of(tmp_path), Words("en"))
    print_block(table, console())
    print_block(Note("[a sentence]"), console())
    said = capsys.readouterr().out
    assert "+0.300" in said
    assert "Payback" in said
    assert "[a sentence]" in said
    with pytest.raises(ValueError, match="details is not for a terminal"):
        print_block(Details("more", ()), console())
