"""What systems took, counted from the records of a planted run; and the question that tabulates it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hanka.analysis.amounts import Amounts, Latency, _square_of_error, amounts_of
from hanka.analysis.evidence import Evidence, load_evidence
from hanka.analysis.questions.amounts import AMOUNTS
from hanka.store.folder import LATENCY_FILE, RunFolder, read_predictions, write_json, write_predictions
from planted_runs import N, Planted, rows_of
from priced_runs import priced_run, revise


def test_a_systems_amounts_are_those_of_its_records(tmp_path: Path) -> None:
    used = {
        "peak_bytes": {"process": 5_000_000, "cuda:0": 70_000_000},
        "energy_joules": {"package-0": 40.0, "cuda:0": 2.0},
    }
    base, shown, tuned = amounts_of(priced_run(tmp_path, used=used))
    assert base.training is None
    assert [one.serving.n_demonstrations for one in (base, shown, tuned)] == [0, 2, 0]
    assert [one.serving.n_tokens_read.value for one in (base, shown, tuned) if one.serving.n_tokens_read] == [
        30,
        110,
        30,
    ]
    made, serving = tuned.training, tuned.serving
    assert made is not None
    assert (made.n_labelled, made.n_parameters, made.n_tokens, made.seconds) == (8, 1000, 5000, 360.0)
    assert (made.energy_joules, made.peak_bytes) == (42.0, used["peak_bytes"])
    assert (serving.n, serving.seconds, serving.energy_joules) == (N, 4.0 / N, None)
    assert serving.n_tokens_written is not None
    assert serving.n_tokens_written.value == 2.0


def test_what_was_not_measured_is_none_and_never_nought(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(20)})
    run.add("sft", {"home": range(30)})  # it left no record of its training
    tuned = amounts_of(run.evidence())[1]
    assert tuned.training is not None
    assert (tuned.training.seconds, tuned.training.n_tokens, tuned.training.energy_joules) == (None, None, None)
    assert tuned.serving.n_tokens_read is None
    assert tuned.serving.latency is None


def test_a_training_that_was_gone_on_with_counts_its_steps_and_no_energy_of_the_last_try_alone(tmp_path: Path) -> None:
    used = {"peak_bytes": {}, "energy_joules": {"package-0": 40.0}}
    made = amounts_of(priced_run(tmp_path, used=used, record={"train_seconds": 1000.0}))[2].training
    assert made is not None
    assert (made.seconds, made.energy_joules) == (1000.0, None)


def of_two_seeds_and_a_child(path: Path) -> list[Amounts]:
    run = Planted(path, tests=("home",))
    run.add("base", {"home": range(20)})
    seeds = [run.add("sft", {"home": range(30)}, seed=seed) for seed in (0, 1)]
    child = run.add("second", {"home": range(32)}, parents=[seeds[0]], train_dataset="more", train_size=5)
    for variant, seconds, tokens in ((seeds[0], 10.0, 100), (seeds[1], 30.0, 200), (child, 5.0, 50)):
        run.trained(variant, steps=1, n_tokens=tokens)
        revise(RunFolder(path).variant(variant) / "variant.json", {"seconds": seconds, "n_trained_parameters": 7})
    return amounts_of(run.evidence())


def test_seeds_are_averaged_and_parents_are_in_the_sums(tmp_path: Path) -> None:
    _, sft, second = of_two_seeds_and_a_child(tmp_path)
    assert sft.training is not None
    assert second.training is not None
    assert (sft.training.n_seeds, sft.training.seconds, sft.training.n_tokens) == (2, 20.0, 150.0)
    assert (second.training.seconds, second.training.n_tokens) == (5.0 + 10.0, 50 + 100)
    assert second.training.made_from == ("sft",)
    assert second.training.n_labelled == 5 + 8


def test_weights_from_elsewhere_took_what_nobody_here_knows(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(20)})
    given = run.add("given", {"home": range(30)}, method="existing", train_size=0)
    run.trained(given)
    revise(RunFolder(tmp_path).variant(given) / "variant.json", {"seconds": 1.0, "n_trained_parameters": 0})
    made = amounts_of(run.evidence())[1].training
    assert made is not None
    assert (made.n_labelled, made.n_tokens, made.seconds) == (None, None, None)


def test_the_error_of_a_mean_over_rows_in_groups_is_that_of_the_groups() -> None:
    """Four texts asked twice each, 10, 20, 30, 40 tokens: as four rows of 10 to 40; rows that stand alone: s²/n."""
    values, sizes = np.array([10.0, 20, 30, 40]), np.full(4, 2.0)
    assert _square_of_error(2 * values, sizes) == pytest.approx(values.var(ddof=1) / 4)
    assert _square_of_error(values, np.ones(4)) == pytest.approx(values.var(ddof=1) / 4)


@pytest.mark.parametrize("each", [1, 4])
def test_tokens_of_rows_of_one_text_are_counted_by_texts(tmp_path: Path, each: int) -> None:
    run = Planted(tmp_path, tests=("home",))
    base = run.add("base", {"home": range(20)}, **({"groups": each} if each > 1 else {}))
    cell = next(one["id"] for one in run.cells if one["variant_id"] == base)
    folder = RunFolder(tmp_path).cell(cell)
    predictions, groups = read_predictions(folder)
    tokens = [10 * (1 + place // each) for place in range(len(predictions))]
    write_predictions(
        folder, [replace(one, n_prompt_tokens=n) for one, n in zip(predictions, tokens, strict=True)], groups
    )
    revise(folder / "cell.json", {"n_prompt_tokens": sum(tokens)})
    found = amounts_of(run.evidence())[0].serving.n_tokens_read
    n_groups = len(tokens) // each
    values = np.array(tokens[::each], dtype=float)
    half = stats.t.ppf(0.975, n_groups - 1) * values.std(ddof=1) / math.sqrt(n_groups)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(values.mean()), len(tokens))
    assert (found.low, found.high) == (pytest.approx(values.mean() - half), pytest.approx(values.mean() + half))


def latency_of(path: Path, stored: dict[str, Any]) -> Latency | None:
    evidence = priced_run(path)
    tuned = next(cell for cell in evidence.done() if not cell.is_unadapted)
    write_json(evidence.folder.cell(tuned.cell["id"]) / LATENCY_FILE, stored)
    return amounts_of(load_evidence(evidence.folder))[2].serving.latency


def test_latency_has_its_quantiles_with_the_interval_of_order_statistics(tmp_path: Path) -> None:
    """Of 100 times, the 40th and the 61st bound the middle at 95 %, as tables of the sign test say."""
    found = latency_of(tmp_path, {"unit": "row", "at_once": 1, "seconds": [place / 100 for place in range(1, 101)]})
    assert found is not None
    assert (found.unit, found.at_once, found.median.n) == ("row", 1, 100)
    assert found.median.value == pytest.approx(0.505)
    assert (found.median.low, found.median.high) == (0.40, 0.61)
    assert found.p95.value == pytest.approx(0.9505)
    assert found.p95.high is not None
    assert found.p95.high >= 0.98


def test_a_few_times_give_no_upper_end_of_what_is_slow(tmp_path: Path) -> None:
    few = latency_of(tmp_path / "few", {"unit": "row", "at_once": 1, "seconds": [0.1] * 71})
    enough = latency_of(tmp_path / "enough", {"unit": "row", "at_once": 1, "seconds": [0.1] * 72})
    assert few is not None
    assert enough is not None
    assert few.p95.high is None
    assert enough.p95.high == 0.1


def test_times_that_are_none_are_no_latency(tmp_path: Path) -> None:
    assert latency_of(tmp_path, {"unit": "row", "at_once": 1, "seconds": []}) is None


def test_the_question_tabulates_every_system_and_says_what_tuning_saves_in_prompts(tmp_path: Path) -> None:
    answer = AMOUNTS.ask(priced_run(tmp_path))
    assert answer is not None
    base, shown, tuned = rows_of(answer)
    assert (base["costs_parameters"], tuned["costs_parameters"]) == (None, 1000)
    assert tuned["costs_training_tokens"] == 5000
    assert shown["row_tokens_read"].value == 110
    assert [row["costs_labelled"] for row in (base, shown, tuned)] == [0, 2, 8]
    assert "5,000 tokens of training (mean of n = 1)" in answer.sentence_en
    assert (
        "a prompt of 30.0 [30.0, 30.0] tokens, against 110.0 [110.0, 110.0] of base with 2 examples"
        in answer.sentence_en
    )
    json.dumps(answer.as_json(), allow_nan=False)


def test_the_question_says_nothing_that_depends_on_when_and_where_a_study_ran(tmp_path: Path) -> None:
    first, second = priced_run(tmp_path / "first"), priced_run(tmp_path / "second", record={"train_seconds": 999.0})
    for cell in second.cells.values():
        revise(second.folder.cell(cell.cell["id"]) / "cell.json", {"seconds": 77.0, "device": "another"})
    answers = [AMOUNTS.ask(load_evidence(one.folder)) for one in (first, second)]
    assert answers[0] == answers[1]


def test_a_run_that_tuned_nothing_has_no_answer(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(20)})
    assert AMOUNTS.ask(run.evidence()) is None


def test_examples_that_every_question_has_of_its_own_are_not_counted_as_none(tmp_path: Path) -> None:
    evidence = priced_run(tmp_path)
    shown = next(cell for cell in evidence.done() if cell.cell["shots"] == 2)
    revise(evidence.folder.cell(shown.cell["id"]) / "cell.json", {"demonstrations": []})
    again = load_evidence(evidence.folder)
    assert [one.serving.n_demonstrations for one in amounts_of(again)] == [0, None, 0]
    answer = AMOUNTS.ask(again)
    assert answer is not None
    assert [row["costs_labelled"] for row in rows_of(answer)] == [0, None, 8]


def test_rows_that_were_trained_on_and_are_shown_are_labelled_once(tmp_path: Path) -> None:
    evidence = priced_run(tmp_path)
    cells = [
        one | ({"context": "own", "shots": 8} if one["variant_id"] == _tuned(evidence) else {})
        for one in evidence.plan["cells"]
    ]
    write_json(evidence.folder.plan, dict(evidence.plan) | {"cells": cells, "contexts_of_own_rows": ["own"]})
    for one in cells:
        if one["context"] == "own":
            revise(evidence.folder.cell(one["id"]) / "cell.json", {"demonstrations": [f"r{at}" for at in range(8)]})
    answer = AMOUNTS.ask(load_evidence(evidence.folder))
    assert answer is not None
    assert [row["costs_labelled"] for row in rows_of(answer)] == [0, 2, 8]


def _tuned(evidence: Evidence) -> str:
    return str(next(one["id"] for one in evidence.plan["variants"] if one["label"] == "sft"))
