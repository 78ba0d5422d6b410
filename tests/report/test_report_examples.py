"""Which examples are shown, and that predictions are read sparingly."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from synthetic import Shape, build_run

from hanka.records import Prediction
from hanka.report import examples, predictions
from hanka.report.examples import N_EXAMPLES, change_of, choose, example_pairs
from hanka.report.outline import make_outline
from hanka.report.predictions import Outcome, read_outcomes, read_scores, read_texts
from hanka.report.provenance import _conditions
from hanka.report.stored import read_run
from hanka.report.words import Words
from hanka.store.folder import read_json, write_json, write_predictions, write_table


def _outcome(row: int, parsed: str | None, target: str = "yes") -> Outcome:
    return Outcome(row, target, parsed, "ok" if parsed else "unparsed")


def test_changes_are_named_by_what_became_of_right_and_wrong() -> None:
    yes, no, none = _outcome(0, "yes"), _outcome(0, "no"), _outcome(0, None)
    assert [change_of(*pair) for pair in ((yes, no), (no, yes), (yes, yes), (none, no))] == [
        "right_wrong", "wrong_right", "right_right", "wrong_wrong",
    ]  # fmt: skip


def test_lost_answers_come_first_but_every_kind_is_shown() -> None:
    answers = ["no"] * 20 + ["yes"] * 20
    base = {str(i): _outcome(i, "yes" if i % 2 else "no") for i in range(40)}
    tuned = {str(i): _outcome(i, answers[i]) for i in range(40)}
    kinds = [item.change for item in choose(base, tuned, ({}, {}), has_labels=True)]
    assert len(kinds) == N_EXAMPLES
    assert kinds == sorted(kinds, key=examples.CHANGES.index)
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "right_wrong": 2, "wrong_right": 2, "wrong_wrong": 2, "right_right": 2,
    }  # fmt: skip


def test_places_that_no_other_kind_needs_go_to_the_most_telling_one() -> None:
    base = {str(i): _outcome(i, "yes") for i in range(40)}
    tuned = {str(i): _outcome(i, "no" if i < 30 else "yes") for i in range(40)}
    kinds = [item.change for item in choose(base, tuned, ({}, {}), has_labels=True)]
    assert kinds == ["right_wrong"] * 6 + ["right_right"] * 2


def test_free_text_shows_largest_losses_then_largest_gains() -> None:
    outcomes = {str(i): _outcome(i, "text") for i in range(40)}
    scores = ({str(i): 0.5 for i in range(40)}, {str(i): i / 40 for i in range(40)})
    chosen = choose(outcomes, outcomes, scores, has_labels=False)
    assert [item.sample_id for item in chosen] == ["0", "1", "2", "3", "39", "38", "37", "36"]
    without = choose(outcomes, outcomes, ({}, {}), has_labels=False)
    assert [item.sample_id for item in without] == [str(i) for i in range(N_EXAMPLES)]


def test_only_shared_samples_are_compared() -> None:
    assert choose({"a": _outcome(0, "yes")}, {"b": _outcome(0, "yes")}, ({}, {}), has_labels=True) == []


def test_pairs_are_zero_shot_and_most_shots_with_first_seeds_first(tmp_path: Path) -> None:
    shape = Shape(tasks=("sentiment",), methods=("sft",), sizes=(64,), seeds=(0, 1), shots=(0, 2, 4), n=10)
    pairs = example_pairs(make_outline(read_run(build_run(tmp_path, shape))))
    assert {pair.tuned.shots for pair in pairs} == {0, 4}
    assert [pair.variant.seed for pair in pairs] == sorted(pair.variant.seed for pair in pairs)
    assert all(pair.base.test_dataset == pair.tuned.test_dataset for pair in pairs)


def test_a_method_with_seeds_of_its_own_is_shown_with_its_first_one(tmp_path: Path) -> None:
    shape = Shape(tasks=("sentiment",), methods=("sft", "fticl"), sizes=(64,), seeds=(0, 1), shots=(0,), n=10)
    folder = build_run(tmp_path, shape)
    plan = read_json(folder.plan)
    for one in plan["variants"]:
        one["seed"] += 5 if one["label"] == "fticl" else 0
    write_json(folder.plan, plan)
    run = read_run(folder)
    shown = list(dict.fromkeys((pair.variant.label, pair.variant.seed) for pair in example_pairs(make_outline(run))))
    assert sorted(shown[:2]) == [("fticl", 5), ("sft", 0)]
    assert sorted(shown[2:]) == [("fticl", 6), ("sft", 1)]


def test_the_run_says_how_many_seeds_each_method_has(tmp_path: Path) -> None:
    shape = Shape(tasks=("sentiment",), methods=("sft", "fticl"), sizes=(64,), seeds=(0, 1, 2), shots=(0,), n=10)
    folder = build_run(tmp_path, shape)
    for dropped, said in ((set(), ">3<"), ({"fticl-sentiment-64-1", "fticl-sentiment-64-2"}, ">1–3<")):
        plan = read_json(folder.plan)
        plan["variants"] = [one for one in plan["variants"] if one["id"] not in dropped]
        plan["cells"] = [one for one in plan["cells"] if one["variant_id"] not in dropped]
        write_json(folder.plan, plan)
        outline = make_outline(read_run(folder))
        assert said in dict(_conditions(outline, Words("en")))[Words("en")("fact_variants")]


def _prediction(index: int) -> Prediction:
    return Prediction(f"s-{index}", f"prompt {index}", "", "yes", f"output {index}", "yes", None, "ok", "", 1, 0)


def test_texts_of_chosen_rows_are_read_across_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "TEXT_BATCH", 7)
    write_predictions(tmp_path, [_prediction(index) for index in range(50)], [""] * 50)
    texts = read_texts(tmp_path, [30, 2, 2, 49])
    assert {row: text["output"] for row, text in texts.items()} == {2: "output 2", 30: "output 30", 49: "output 49"}


def test_outcomes_stop_at_the_limit_and_a_missing_file_gives_none(tmp_path: Path) -> None:
    write_predictions(tmp_path, [_prediction(index) for index in range(50)], [""] * 50)
    table = predictions.read_columns(tmp_path, ("sample_id",), limit=12)
    assert table is not None
    assert table.num_rows == 12
    assert predictions.read_columns(tmp_path, ("sample_id", "no such column")) is None
    assert read_outcomes(tmp_path / "nowhere") == {}
    assert read_texts(tmp_path / "nowhere", [1]) == {}


def test_sample_scores_are_read_for_the_wanted_cells_and_metrics(tmp_path: Path) -> None:
    run = read_run(build_run(tmp_path, Shape(tasks=(), shots=(0,), n=10)))
    columns = {"cell_id": ["a", "a", "b", "c"], "sample_id": ["1", "1", "1", "1"], "metric": ["m", "k", "m", "m"]}
    write_table(run.folder.scores, pa.table(columns | {"value": [0.1, 0.2, None, 0.4]}))
    assert read_scores(run, {"a": "m", "b": "m"}) == {"a": {"1": 0.1}, "b": {}}
    run.folder.scores.unlink()
    assert read_scores(run, {"a": "m"}) == {}


def test_the_number_of_sets_is_capped_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "MAX_SETS", 3)
    opened: list[Path] = []
    read = read_outcomes
    monkeypatch.setattr(examples, "read_outcomes", lambda folder: opened.append(folder) or read(folder))
    outline = make_outline(read_run(build_run(tmp_path, Shape(tasks=("sentiment",), n=10))))
    section, is_all = examples.examples_section(outline, Words("en"))
    assert not is_all
    assert "<bdi>3</bdi> of <bdi>64</bdi>" in section.lead
    assert len(opened) <= 6
