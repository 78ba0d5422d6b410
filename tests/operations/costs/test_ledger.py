"""The ledger of a planted run: every amount, bill and return worked out by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.evidence import Evidence, load_evidence
from hanka.operations.costs.ledger import make_ledger
from hanka.operations.costs.prices import PriceError, read_prices
from hanka.operations.costs.records import Comparison, Ledger
from hanka.operations.costs.written import ledger_json, write_ledger_csv
from hanka.stats import normal_quantile, score_interval
from hanka.store.folder import RunFolder, read_csv, write_json
from planted_runs import N, Planted
from priced_runs import PRICES, priced_run, revise, write_prices

TODAY = date(2026, 11, 28)


def ledger_of(folder: Path, changes: dict[str, str] | None = None, **run: Any) -> Ledger:
    evidence = priced_run(folder / "run", **run)
    return make_ledger(evidence, read_prices(write_prices(folder, changes), TODAY))


def against(ledger: Ledger, shots: int) -> Comparison:
    (found,) = (one for one in ledger.comparisons if one.rival_asked.shots == shots)
    return found


def test_each_line_of_a_bill_is_an_amount_times_its_price(tmp_path: Path) -> None:
    entries = ledger_of(tmp_path).entries
    zero, two, tuned = (one.charges for one in entries)
    assert zero is not None
    assert two is not None
    assert tuned is not None
    assert [zero.line(name).money for name in ("labelling", "training", "standing", "maintenance")] == [0, 0, 0, 0]
    # 30 tokens read at 10 and 2 written at 50 a million; two shots are 110 read and two labelled rows.
    assert zero.serving.money == pytest.approx((30 * 10 + 2 * 50) / 1e6)
    assert two.serving.money == pytest.approx((110 * 10 + 2 * 50) / 1e6)
    assert two.labelling.money == 5.0
    # Eight labelled rows at 2.5; 360 s at 10 an hour; 4 s over 40 rows at 1.8 an hour.
    assert tuned.labelling.money == 20.0
    assert tuned.training.money == pytest.approx(1.0)
    assert tuned.serving.money == pytest.approx(0.1 * 1.8 / 3600)
    assert (tuned.standing.money, tuned.maintenance.money) == (5, 10)
    # A minute per 1,000 requests at 60 an hour is a thousandth each; half of it for the tuned one.
    assert [one.review.money for one in (zero, tuned)] == pytest.approx([0.001, 0.0005])


def test_what_tuning_adds_and_returns_is_worked_out_from_the_bills(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    one = against(ledger, 2)
    assert one.added is not None
    assert one.returns is not None
    assert one.added.upfront == pytest.approx(20 - 5 + 2 * 1.0)
    assert one.added.monthly == pytest.approx(5 + 10)
    per_request = 0.00005 - 0.0012 + 0.0005 - 0.001
    assert one.added.per_request == pytest.approx(per_request)
    costs = 17 + 6 * (15 + 100_000 * per_request)
    # 32 of 40 right against 24: a fifth more, each worth 0.01.
    assert one.returns.gain.value == pytest.approx(0.2 * 0.01)
    assert one.returns.net.value == pytest.approx(0.002 * 600_000 - costs)
    assert one.returns.on_costs is None  # it costs less than prompting: there is nothing to divide by
    assert one.equal == pytest.approx(((17 / 6 + 15) / -per_request, float("inf")))
    assert one.returns.payback.value == pytest.approx(17 / (100_000 * (0.002 - per_request) - 15))


def test_the_interval_is_that_of_the_difference_at_the_level_of_all_gains_together(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    critical = normal_quantile(ledger.local_level)
    assert critical >= normal_quantile(ledger.level)
    for shots, n_base in ((0, 20), (2, 24)):
        one = against(ledger, shots)
        wanted = score_interval(32 - n_base, 0, N, critical)
        assert one.difference is not None
        assert one.returns is not None
        assert (one.difference.low, one.difference.high) == pytest.approx(tuple(wanted))
        assert (one.returns.gain.low, one.returns.gain.high) == pytest.approx(tuple(end * 0.01 for end in wanted))
        assert one.added is not None
        costs = one.added.total(100_000, 6)
        assert one.returns.net.low == pytest.approx(wanted.low * 0.01 * 600_000 - costs)


def test_a_run_without_any_gain_returns_exactly_minus_the_costs(tmp_path: Path) -> None:
    one = against(ledger_of(tmp_path, base=32, tuned=32), 0)
    assert one.added is not None
    assert one.returns is not None
    assert one.returns.net.value == -one.added.total(100_000, 6)


@pytest.mark.parametrize(
    ("without", "line", "way"),
    [
        ("labelling", "labelling", "tuned"), ("training", "training", "tuned"), ("review", "review", "prompted"),
        ("maintenance", "maintenance", "tuned"), ("serving", "serving", "tuned"), ("value", "value", None),
        ("volume", "volume", None),
    ],
)  # fmt: skip
def test_a_missing_price_is_never_nought(tmp_path: Path, without: str, line: str, way: str | None) -> None:
    lines = PRICES.splitlines(keepends=True)
    kept = "".join(
        one
        for at, one in enumerate(lines)
        if not one.startswith(without) and not (without == "serving" and at in (2, 3))
    )
    ledger = make_ledger(priced_run(tmp_path / "run"), read_prices(write_prices(tmp_path, text=kept), TODAY))
    one = against(ledger, 0)
    assert one.returns is None
    assert (line, way) in [(lack.line, lack.way) for lack in one.lacking]
    if without != "value":
        assert one.added is None
        assert one.equal is None
    else:
        assert one.equal is not None  # at equal quality nobody asks what an answer is worth


def test_energy_that_no_meter_counted_is_not_priced(tmp_path: Path) -> None:
    by_energy = {"training: [{per_hour: 10": "training: [{per_kwh: 0.5"}
    one = against(ledger_of(tmp_path, by_energy), 0)
    assert [(lack.line, lack.why) for lack in one.lacking] == [("training", "no_energy")]
    counted = {"peak_bytes": {"process": 7}, "energy_joules": {"package-0": 3.0e6, "cuda:0": 6.0e5}}
    entry = ledger_of(tmp_path / "counted", by_energy, used=counted).entries[-1]
    assert entry.amounts.training is not None
    assert entry.amounts.training.energy_joules == 3.6e6
    assert entry.charges is not None
    assert entry.charges.training.money == pytest.approx(0.5)


def test_the_price_that_a_study_states_of_a_server_stands_in_for_one_that_the_file_lacks(tmp_path: Path) -> None:
    evidence = priced_run(tmp_path / "run")
    text = "".join(line for line in PRICES.splitlines(keepends=True) if "asked: prompted" not in line)
    file = read_prices(write_prices(tmp_path, text=text), TODAY)
    stated = {"tiny": {"input": 20.0, "output": 100.0, "currency": "EUR"}}
    priced = make_ledger(_with_plan(evidence, prices=stated), file).entries[0].charges
    assert priced is not None
    assert priced.serving.money == pytest.approx((30 * 20 + 2 * 100) / 1e6)
    stated["tiny"]["currency"] = "USD"
    other = make_ledger(_with_plan(evidence, prices=stated), file).entries[0].charges
    assert other is not None
    assert (other.serving.money, other.serving.why) == (None, "other_currency")


def _with_plan(evidence: Evidence, **changes: Any) -> Evidence:
    return Evidence(evidence.folder, dict(evidence.plan) | changes, evidence.cells)


def test_too_few_rows_give_no_interval_and_so_no_return(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run", tests=("home",))
    run.add("base", {"home": range(4)}, n=8)
    made = run.add("sft", {"home": range(8)}, n=8)
    run.trained(made, n_tokens=1, steps=1)
    revise(RunFolder(run.path).variant(made) / "variant.json", {"seconds": 1.0})
    evidence = run.evidence()
    for cell in run.cells:
        revise(RunFolder(run.path).cell(cell["id"]) / "cell.json", {"n_prompt_tokens": 8, "n_output_tokens": 8})
    one = against(make_ledger(run.evidence(), read_prices(write_prices(tmp_path), TODAY)), 0)
    assert evidence.plan
    assert one.difference is None
    assert one.returns is None
    assert [lack.line for lack in one.lacking] == ["interval"]


def test_names_that_are_not_of_the_run_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        PriceError, match=r"volume\.test_sets: 'hone' is no in-domain test set of this run: did you mean 'home'"
    ):
        ledger_of(tmp_path, {"trainings: 2": "trainings: 2, test_sets: [hone]"})
    with pytest.raises(PriceError, match=r"serving: 'tini' is no base model of this run: did you mean 'tiny'"):
        ledger_of(tmp_path, {"asked: tuned": "asked: tuned, base: tini"})


def test_the_json_holds_every_number_and_no_other_thing(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    found = ledger_json(ledger)
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert found["old_prices"] == []
    assert [one["charges"]["labelling"]["money_once"] for one in found["systems"]] == [0.0, 5.0, 20.0]
    assert found["comparisons"][0]["n"] == N
    assert found["comparisons"][0]["returns"]["net"]["low"] < found["comparisons"][0]["returns"]["net"]["high"]
    assert found["study_took"] == {"n_trained": 1, "training_seconds": 360.0, "n_cells": 3, "answering_seconds": 12.0}


def test_what_never_comes_is_a_word_in_every_file(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, {"per_month: {prompted: 0, tuned: 10}": "per_month: {prompted: 0, tuned: 9000}"})
    found = ledger_json(ledger)["comparisons"][0]
    assert found["returns"]["payback_months"] == {"value": "never", "low": "never", "high": "never"}
    costs, returns = write_ledger_csv(ledger, tmp_path / "out")
    rows = read_csv(returns)
    assert rows[0]["returns.payback_months.low"] == "never"
    assert float(rows[0]["returns.net.value"]) == found["returns"]["net"]["value"]
    assert [row["charges.labelling.money_once"] for row in read_csv(costs)] == ["0.0", "5.0", "20.0"]


def test_without_prices_there_are_amounts_and_no_money(tmp_path: Path) -> None:
    ledger = make_ledger(priced_run(tmp_path))
    assert [one.charges for one in ledger.entries] == [None, None, None]
    assert all(one.returns is None and one.difference is not None for one in ledger.comparisons)
    write_ledger_csv(ledger, tmp_path / "out")
    assert read_csv(tmp_path / "out" / "costs.csv")[2]["training.n_parameters"] == "1000"


def test_a_system_without_a_finished_cell_is_named(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(20)})
    run.add("sft", {"home": None})
    assert make_ledger(run.evidence()).left_out == ("sft (home, 8)",)


def test_a_seed_that_failed_leaves_the_bill_of_those_that_answered(tmp_path: Path) -> None:
    evidence = priced_run(tmp_path / "run")
    tuned = next(one for one in evidence.plan["variants"] if one["label"] == "sft")
    cell = next(one for one in evidence.plan["cells"] if one["variant_id"] == tuned["id"])
    lost, unasked = tuned | {"id": "0" * 16, "seed": 1}, cell | {"id": "1" * 16, "variant_id": "0" * 16}
    plan = dict(evidence.plan) | {
        "variants": [*evidence.plan["variants"], lost], "cells": [*evidence.plan["cells"], unasked],
    }  # fmt: skip
    write_json(evidence.folder.plan, plan)
    ledger = make_ledger(load_evidence(evidence.folder), read_prices(write_prices(tmp_path), TODAY))
    one = against(ledger, 0)
    assert one.lacking == ()
    assert one.added == against(ledger_of(tmp_path / "whole"), 0).added
