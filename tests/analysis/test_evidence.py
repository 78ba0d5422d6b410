"""Evidence in columns says what a loop over samples would say, and does the work once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_runs import fake_run, write_study
from hanka.analysis import analyse, answers, evidence
from hanka.analysis.answers import Samples, Scored, read_answers
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.summary import summarise
from hanka.errors import StoreError
from hanka.metrics import METRICS, ScoringContext
from hanka.records import Prediction
from hanka.store.folder import (
    RunFolder,
    read_csv,
    read_json,
    read_predictions,
    read_table,
    write_predictions,
    write_table,
)

STUDY = """\
name: columns
base: smollm2-135m-instruct
data: {source: toy}
tasks: {sentiment: {}, inference: {}}
methods: [base, sft]
train: {sizes: [8]}
eval: {shots: [0, 2]}
seeds: [0, 1]
stats: {resamples: 200}
"""


METRICS_OF_A_CLASSIFICATION = ("accuracy", "macro_f1")


@pytest.fixture
def made(tmp_path: Path) -> RunFolder:
    return fake_run(write_study(tmp_path, STUDY), tmp_path / "run")


def cells_of(folder: RunFolder, **wanted: Any) -> list[Mapping[str, Any]]:
    """The cells of the plan with these fields, each with its variant's method."""
    plan = read_json(folder.plan)
    methods = {variant["id"]: variant["method"] for variant in plan["variants"]}
    cells = [cell | {"method": methods[cell["variant_id"]]} for cell in plan["cells"]]
    return [cell for cell in cells if all(cell[name] == value for name, value in wanted.items())]


def rewrite(folder: RunFolder, cell_id: str, failed: set[int], backwards: bool = False) -> None:
    """Let some samples of a cell fail, and turn the order of its file."""
    predictions, groups = read_predictions(folder.cell(cell_id))
    changed = [
        replace(one, output=None, parsed=None, status="failed", reason="made up") if place in failed else one
        for place, one in enumerate(predictions)
    ]
    step = -1 if backwards else 1
    write_predictions(folder.cell(cell_id), changed[::step], groups[::step])


def test_values_and_differences_are_those_of_a_loop_over_samples(made: RunFolder) -> None:
    base, *tuned = cells_of(made, test_dataset="film", shots=0)
    rewrite(made, base["id"], {0, 3})
    rewrite(made, tuned[0]["id"], {1, 3}, backwards=True)
    analyse(made)
    accuracy: dict[str, dict[str, float]] = {}
    for cell in (base, *tuned):
        predictions, _ = read_predictions(made.cell(cell["id"]))
        kept = [one for one in predictions if one.status != "failed"]
        accuracy[cell["id"]] = {one.sample_id: float(one.parsed == one.target) for one in kept}
    rows = {row["cell_id"]: row for row in read_csv(made.summary) if row["metric"] == "accuracy"}
    for cell in tuned:
        ours, theirs = accuracy[cell["id"]], accuracy[base["id"]]
        both = ours.keys() & theirs.keys()
        row = rows[cell["id"]]
        assert int(row["n"]) == len(ours)
        assert float(row["value"]) == pytest.approx(np.mean(list(ours.values())), abs=1e-12)
        wanted = np.mean([ours[sample] - theirs[sample] for sample in both])
        assert float(row["delta"]) == pytest.approx(wanted, abs=1e-12)


def test_scores_hold_every_sample_and_null_where_it_failed(made: RunFolder) -> None:
    cell = cells_of(made, test_dataset="film", shots=0)[0]
    rewrite(made, cell["id"], {0, 3})
    analyse(made)
    predictions, _ = read_predictions(made.cell(cell["id"]))
    rows = [row for row in read_table(made.scores).to_pylist() if row["cell_id"] == cell["id"]]
    assert [row["sample_id"] for row in rows if row["metric"] == "accuracy"] == [one.sample_id for one in predictions]
    failed = [row for row in rows if row["status"] == "failed"]
    assert len(failed) == 2 * len(METRICS_OF_A_CLASSIFICATION)
    assert all(row["value"] is None and row["reason"] == "made up" for row in failed)
    assert all(row["value"] is not None for row in rows if row["status"] == "ok")


def test_a_cell_is_read_once_and_a_test_set_is_resampled_once(made: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[Path] = Counter()
    drawn: Counter[int] = Counter()
    take, draw = answers.read_table, evidence.plan_resampling

    def count_read(path: Path, columns: Any) -> Any:
        read_by_labels = {"sample_id", "group", "status", "reason", "target", "parsed"}
        assert set(columns) == read_by_labels  # neither prompts nor texts nor scores
        read[path] += 1
        return take(path, columns)

    def count_drawn(n: int, *rest: Any) -> Any:
        drawn[n] += 1
        return draw(n, *rest)

    monkeypatch.setattr(answers, "read_table", count_read)
    monkeypatch.setattr(evidence, "plan_resampling", count_drawn)
    monkeypatch.setattr(evidence, "KEPT_BYTES", 1)  # no more than one plan
    analyse(made)
    cells = cells_of(made)
    assert set(read.values()) == {1}
    assert len(read) == len(cells)
    questions = {(cell["test_dataset"], cell["shots"]) for cell in cells}
    assert sum(drawn.values()) <= 3 * len(questions) < len(cells)  # summary, flips, decision: once each at most


def test_the_base_model_is_resampled_once_for_all_variants(made: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up: list[int] = []
    make = evidence.resampled

    def count(*arguments: Any) -> Any:
        made_up.append(1)
        return make(*arguments)

    monkeypatch.setattr(evidence, "resampled", count)
    found = evidence.load_evidence(made)
    summarise(found, Contrasts(found))
    assert len(made_up) == len(METRICS_OF_A_CLASSIFICATION) * len(found.cells)
    assert len(found._resampled) <= evidence.KEPT_SAMPLES


def test_cells_of_one_test_set_share_their_samples(made: RunFolder) -> None:
    known: dict[Any, Samples] = {}
    for cell in cells_of(made, test_dataset="film"):
        read_answers(made.cell(cell["id"]), known, ())
    assert len(known) == 1


def test_a_cell_without_record_is_not_scored_though_its_file_is_there(made: RunFolder) -> None:
    base, *tuned = cells_of(made, test_dataset="film", shots=0)
    (made.cell(base["id"]) / "cell.json").unlink()
    analyse(made)
    rows = {row["cell_id"]: row for row in read_csv(made.summary) if row["metric"] == "accuracy"}
    assert rows[base["id"]]["value"] == ""
    assert all(rows[cell["id"]]["value"] and not rows[cell["id"]]["delta"] for cell in tuned)


def scored(ids: str, places: list[int], samples: Samples | None = None) -> Scored:
    samples = samples or Samples(tuple(ids), ("",) * len(ids))
    return Scored(samples, np.array(places), np.array(places, dtype=np.float64).reshape(-1, 1))


def test_pairs_are_made_by_sample_id_in_the_order_of_the_first() -> None:
    first, second = scored("abcde", [0, 2, 3, 4]), scored("edxba", [0, 1, 2, 3])
    shared = first.paired(second)
    assert [first.samples.ids[place] for place in shared.places] == ["d", "e"]
    assert [first.samples.ids[first.places[row]] for row in shared.first] == ["d", "e"]
    assert [second.samples.ids[second.places[row]] for row in shared.second] == ["d", "e"]


def test_pairs_of_the_same_samples_leave_out_what_either_failed() -> None:
    first = scored("abcde", [0, 1, 2, 4])
    second = scored("", [1, 2, 3, 4], first.samples)
    shared = first.paired(second)
    assert shared.places.tolist() == [1, 2, 4]
    assert (shared.first.tolist(), shared.second.tolist()) == ([1, 2, 3], [0, 1, 3])


def test_nothing_shared_is_an_empty_pair() -> None:
    assert len(scored("ab", [0, 1]).paired(scored("cd", [0, 1])).places) == 0


def test_columns_are_scored_like_predictions(made: RunFolder) -> None:
    cell = cells_of(made, test_dataset="film", shots=0)[0]
    rewrite(made, cell["id"], {0, 3})
    predictions, _ = read_predictions(made.cell(cell["id"]))
    context = ScoringContext(labels=("positive", "negative"))
    for name in METRICS_OF_A_CLASSIFICATION:
        columns = read_answers(made.cell(cell["id"]), {}, METRICS.get(name).reads).score(METRICS.get(name), context)
        wanted = METRICS.get(name).rows(predictions, context)
        assert np.array_equal(columns.statistics, wanted.statistics)
        assert tuple(columns.samples.ids[place] for place in columns.places) == wanted.sample_ids


def test_a_column_is_read_only_where_a_metric_asks_for_it_and_lists_keep_their_samples(tmp_path: Path) -> None:
    made = [
        prediction("a", "ok", token_scores=(-1.0, -2.0), reward=0.5),
        prediction("b", "failed"),
        prediction("c", "ok"),
        prediction("d", "ok", token_scores=(-3.0,), reward=1.0),
        prediction("e", "ok", token_scores=()),
    ]
    write_predictions(tmp_path, made, [""] * 5)
    found = read_answers(tmp_path, {}, ("token_scores", "rewards", "n_tokens"))
    lists = [None if scores is None else list(scores) for scores in found.outputs.token_scores]
    assert lists == [[-1.0, -2.0], None, [-3.0], []]
    assert found.outputs.rewards == [0.5, None, 1.0, None]
    assert found.outputs.n_tokens == [7, 7, 7, 7]
    assert found.places.tolist() == [0, 2, 3, 4]
    assert (found.outputs.targets, found.outputs.answers, found.outputs.label_scores) == ((), (), ())


def test_what_was_stored_before_rewards_were_is_still_read(tmp_path: Path) -> None:
    write_predictions(tmp_path, [prediction("a", "ok", reward=1.0)], [""])
    table = read_table(tmp_path / "predictions.parquet").drop_columns(["reward", "token_scores"])
    write_table(tmp_path / "predictions.parquet", table)
    assert read_answers(tmp_path, {}, METRICS.get("accuracy").reads).outputs.answers == ["x"]
    (found,), _ = read_predictions(tmp_path)
    assert (found.reward, found.token_scores) == (None, None)
    with pytest.raises(StoreError, match="no column reward"):
        read_answers(tmp_path, {}, METRICS.get("reward").reads)


def prediction(sample: str, status: str, **changes: Any) -> Prediction:
    return Prediction(sample, "", "", "t", "x", "x", None, status, "", 1, 7, **changes)  # type: ignore[arg-type]
