"""What is looked at before and after training: the numbers of variant.json, by hand and against the loop's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.errors import UnitError
from hanka.methods.fit import Fitted, chosen, entries, largest_change
from hanka.methods.supervised.fit import Watched
from hanka.models.loading import LoadedModel
from hanka.prompting import Prompter
from hanka.store.folder import RunFolder, read_json
from hanka.training.gradient import Gradient
from hanka.work.worker import Worker
from small_studies import Carried, carry_out, equal, plan_of
from tiny_models import tiny_model

LABELS = ("yes", "no")


def fitted(target: str, *scores: float, nats: tuple[float, ...] = (1.0,)) -> Fitted:
    return Fitted(tuple(-one for one in nats), target, LABELS if scores else (), scores)


def by_name(found: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(one["rows"], one["when"], one["metric"]): one for one in found}


def test_loss_is_per_supervised_token_and_accuracy_per_row_with_labels() -> None:
    rows = [fitted("yes", -1, -2, nats=(0.5, 0.1)), fitted("yes", -3, -2, nats=(3.0, 0.4)), fitted("x", nats=(2.0,))]
    loss, accuracy = entries("train", "after", rows)
    assert (loss["metric"], loss["n"], loss["n_tokens"]) == ("loss", 3, 5)
    assert loss["value"] == pytest.approx((0.6 + 3.4 + 2.0) / 5)
    assert (accuracy["metric"], accuracy["n"], accuracy["value"], accuracy["majority"]) == ("accuracy", 2, 0.5, 1.0)
    assert accuracy["nats_per_row"] == pytest.approx((0.6 + 3.4) / 2)
    assert accuracy["guessing_nats"] == pytest.approx(math.log(2))


def test_no_rows_have_no_numbers_and_rows_without_labels_no_accuracy() -> None:
    assert entries("validation", "before", []) == []
    assert [one["metric"] for one in entries("train", "before", [fitted("text")])] == ["loss"]


def test_a_loss_that_is_no_number_is_one_line() -> None:
    with pytest.raises(UnitError, match="after training, the loss on train rows is nan; lower the learning rate"):
        entries("train", "after", [fitted("yes", -1, -2, nats=(float("nan"),))])


def test_the_sample_is_bounded_and_the_same_whatever_the_order() -> None:
    ids = [f"row {number}" for number in range(100)]
    sample = chosen(ids, 10)
    assert len(set(sample)) == 10
    assert sample == sorted(sample)
    backwards = chosen(ids[::-1], 10)
    assert {ids[place] for place in sample} == {ids[::-1][place] for place in backwards}
    assert chosen(ids, 200) == list(range(100))


def test_the_largest_change_is_over_tokens_and_labels() -> None:
    before = [fitted("yes", -1, -2), fitted("no", -1, -2)]
    assert largest_change(before, before) == 0.0
    assert largest_change(before, [before[0], fitted("no", -1, -2.75)]) == 0.75
    assert largest_change(before, [fitted("yes", -1, -2, nats=(1.5,)), before[1]]) == 0.5


@pytest.fixture(scope="module")
def found(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    """A LoRA that learns, one that cannot move, all weights, and rows that are written."""
    train = {"validation": 0.25, "epochs": 3}
    idle = {"sft": {"name": "idle", "learning_rate": 1e-30}}
    entries_ = ["sft", idle, {"sft": {"name": "all", "peft": "none", "learning_rate": 1e-3}}, {"fticl": {"shots": 1}}]
    tasks: dict[str, Any] = {"sentiment": {}, "summary": {}}
    plan = plan_of(tiny_folder, entries_, train=train, tasks=tasks)
    return carry_out(plan, tmp_path_factory.mktemp("fit"), lambda kind: kind == "adapt")


def records(found: Carried, label: str) -> dict[str, dict[str, Any]]:
    """By task."""
    variants = [one.variant for one in found.plan.variants.values() if one.variant.label == label]
    return {one.train_task: read_json(found.folder.variant(one.id) / "variant.json")["record"] for one in variants}


@pytest.mark.parametrize("label", ["sft", "fticl"])
def test_what_is_looked_at_before_training_is_the_loss_of_the_rows_as_they_are_trained_on(
    found: Carried, label: str
) -> None:
    from hanka.methods.supervised.rows import encode_training, encode_validation

    for planned in [one for one in found.plan.variants.values() if one.variant.label == label]:
        said = by_name(records(found, label)[planned.variant.train_task]["fit"])
        base = found.worker.place.resident.base(planned.model, "float32")
        prompter = Prompter(base.tokenizer, planned.adaptation.tokens)
        for name, encode in (("train", encode_training), ("validation", encode_validation)):
            rows = encode(prompter, planned.data(), planned.adaptation, 0).rows
            expected = Gradient(base.model).mean_cross_entropy(rows, 512)
            assert said[name, "before", "loss"]["value"] == pytest.approx(expected, abs=1e-5)
            assert said[name, "before", "loss"]["n"] == len(rows)


def test_own_rows_are_fitted_better_after_training_and_only_labels_have_an_accuracy(found: Carried) -> None:
    for label in ("sft", "all"):
        for task, record in records(found, label).items():
            said = by_name(record["fit"])
            assert said["train", "after", "loss"]["value"] < said["train", "before", "loss"]["value"] - 0.1
            assert (("train", "after", "accuracy") in said) == (task == "sentiment")
            assert record["change"]["n_moved"] == record["change"]["n_tensors"] > 0
            assert record["change"]["largest_nats"] > 0.1


def test_a_variant_that_could_not_move_changes_nothing_at_all(found: Carried) -> None:
    for record in records(found, "idle").values():
        assert record["change"]["largest_nats"] == 0.0
        before = [one | {"when": ""} for one in record["fit"] if one["when"] == "before"]
        assert before == [one | {"when": ""} for one in record["fit"] if one["when"] == "after"]


def test_accuracy_is_that_of_a_cell_which_asks_the_same_rows(found: Carried) -> None:
    """Scored from the saved files, as cells are, without what the row teaches beside the labels."""
    for label in ("sft", "all"):
        variants = [one for one in found.plan.variants.values() if one.variant.label == label]
        (planned,) = [one for one in variants if one.variant.train_task == "sentiment"]
        (part,) = planned.data().parts
        with found.worker.place.lend(planned.variant.id) as loaded:
            asked = Prompter(loaded.tokenizer, planned.adaptation.tokens).ask(part.task, "p1", (), part.examples)
            answers = LocalEngine(loaded, 512).score_labels(asked.encoded)
        right = 0
        for example, answer in zip(part.examples, answers, strict=True):
            assert isinstance(answer, LabelAnswer)
            scores = [sum(tokens) for tokens in answer.log_likelihoods]
            right += part.task.labels[scores.index(max(scores))] == example.target
        accuracy = by_name(records(found, label)["sentiment"]["fit"])["train", "after", "accuracy"]
        assert accuracy["value"] == right / len(part.examples)


def test_validation_metrics_are_those_that_are_stored_at_the_end(found: Carried) -> None:
    said = by_name(records(found, "sft")["sentiment"]["fit"])
    assert 0 <= said["validation", "after", "accuracy"]["value"] <= 1
    assert said["validation", "after", "accuracy"]["n"] == said["validation", "after", "loss"]["n"] > 0


def test_validation_chooses_a_checkpoint_and_what_is_stored_is_said_of_it(tiny_folder: Path, tmp_path: Path) -> None:
    """Steps so large that the loss on the other rows rises again; a killed run ends where an undisturbed one does."""
    train = {"validation": 0.3, "epochs": 6, "learning_rate": 3e-2, "schedule": "constant", "checkpoint_seconds": 0.0}
    entries_ = [
        {"sft": {"name": "chosen", "peft": "none", "checkpoints": 6}},
        {"sft": {"name": "last", "peft": "none"}},
    ]
    plan = plan_of(tiny_folder, entries_, train=train)
    made = carry_out(plan, tmp_path / "run", lambda kind: kind == "adapt")
    record, last = made.made("chosen")["record"], made.made("last")["record"]
    losses = {one["step"]: one["loss"] for one in record["checkpoints"]}
    assert record["kept_step"] == min(losses, key=lambda step: losses[step]) < record["steps"] == 12
    said = by_name(record["fit"])
    assert said["validation", "after", "loss"]["value"] == pytest.approx(losses[record["kept_step"]], abs=1e-5)
    (kept,) = [one for one in record["checkpoints"] if one["step"] == record["kept_step"]]
    assert said["validation", "after", "accuracy"]["value"] == kept["accuracy"]
    assert by_name(last["fit"])["validation", "after", "loss"]["value"] > said["validation", "after", "loss"]["value"]
    assert "kept_step" not in last
    assert not (made.place("chosen") / "checkpoints").exists()

    def kill(what: str, _share: float) -> None:
        if "step 9 of" in what:
            raise KeyboardInterrupt

    worker = Worker(plan, RunFolder(tmp_path / "killed"), kill)
    unit = next(one for one in plan.units() if one.id == f"adapt:{made.planned('chosen').variant.id}")
    with pytest.raises(KeyboardInterrupt):
        worker.run(unit)
    again = carry_out(plan, tmp_path / "killed", lambda kind: kind == "adapt")
    assert equal(again.tensors("chosen"), made.tensors("chosen"))
    assert again.made("chosen")["record"]["checkpoints"] == record["checkpoints"]


@pytest.fixture
def watch() -> Callable[[Any], Watched]:
    def watching(model: Any) -> Watched:
        loaded: Any = LoadedModel.__new__(LoadedModel)
        object.__setattr__(loaded, "model", model)
        return Watched(None, loaded, (), (), 64)  # type: ignore[arg-type]

    return watching


def test_a_weight_that_is_no_number_fails_the_variant_with_one_line(watch: Callable[[Any], Watched]) -> None:
    model = tiny_model()
    model.requires_grad_(True)
    assert len(watch(model).look().bits) == len(list(model.parameters()))
    with torch.no_grad():
        model.get_parameter("model.norm.weight")[3] = float("nan")
    with pytest.raises(UnitError, match=r"weights of model\.norm\.weight are no numbers after training"):
        watch(model).look()
    model.get_parameter("model.norm.weight").requires_grad_(False)  # not ours to judge
    assert "model.norm.weight" not in watch(model).look().bits
