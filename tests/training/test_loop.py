from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.prompting import Encoded
from hanka.training.batching import optimizer_batches
from hanka.training.loop import Course, CourseState, learning_rate_at, train
from hanka.training.params import CourseParams
from tiny_models import tiny_model

SETTINGS = CourseParams(epochs=2, batch_size=4, learning_rate=1e-2, micro_batch_tokens=64, checkpoint_seconds=1e9)


def fit(
    model: Any,
    rows: Any,
    settings: CourseParams,
    seed: int,
    folder: Path,
    report: Callable[[str, float], None] | None = None,
    **more: Any,
) -> CourseState:
    return train(Course(model, settings, rows, seed, folder, report or quiet, **more))


def some_rows(n_rows: int = 10, seed: int = 0) -> list[Encoded]:
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for index in range(n_rows):
        length = 6 + 3 * (index % 5)
        rows.append(Encoded(torch.randint(2, 400, (length,), generator=generator).tolist(), length - 1 - index % 3))
    return rows


def quiet(_what: str, _share: float) -> None:
    return None


def test_loss_falls_and_only_free_weights_change(tmp_path: Path) -> None:
    model = tiny_model()
    for name, value in model.named_parameters():
        value.requires_grad_("layers.1" in name)
    before = {name: value.clone() for name, value in model.named_parameters()}
    settings = CourseParams(epochs=30, batch_size=5, learning_rate=3e-2, warmup_ratio=0.1, micro_batch_tokens=64)
    state = fit(model, some_rows(), settings, 0, tmp_path)
    assert state.losses[-1] < 0.95 * state.losses[0]
    for name, value in model.named_parameters():
        assert torch.equal(value, before[name]) != ("layers.1" in name), name


def test_same_seed_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    def result(seed: int) -> torch.Tensor:
        model = tiny_model()
        fit(model, some_rows(), SETTINGS, seed, tmp_path / str(seed))
        return torch.cat([value.flatten() for value in model.parameters()])

    assert torch.equal(result(1), result(1))
    assert not torch.equal(result(1), result(2))


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_resumed_training_ends_bit_for_bit_where_an_undisturbed_one_does(tmp_path: Path, stop_after: int) -> None:
    class StoppedError(Exception):
        pass

    def stop(_what: str, share: float) -> None:
        if round(share * 6) >= stop_after + 1:
            raise StoppedError

    settings = SETTINGS.model_copy(
        update={"schedule": "cosine", "warmup_ratio": 0.2, "weight_decay": 0.01, "checkpoint_seconds": 0.0}
    )
    whole, resumed = tiny_model(attention_dropout=0.1), tiny_model(attention_dropout=0.1)
    fit(whole, some_rows(), settings, 5, tmp_path / "whole")
    with pytest.raises(StoppedError):
        fit(resumed, some_rows(), settings, 5, tmp_path / "resumed", stop)
    again = tiny_model(attention_dropout=0.1)
    fit(again, some_rows(), settings, 5, tmp_path / "resumed")
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    logs = [
        [json.loads(line) for line in (tmp_path / name / "train_log.jsonl").read_text().splitlines()]
        for name in ("whole", "resumed")
    ]
    assert [row["step"] for row in logs[1]] == [1, 2, 3, 4, 5, 6]
    assert [row["loss"] for row in logs[0]] == [row["loss"] for row in logs[1]]


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    damaged = tmp_path / "checkpoints" / "step-00000003"
    damaged.mkdir(parents=True)
    (damaged / "state.json").write_text("{")
    (damaged / "tensors.safetensors").write_bytes(b"torn")
    state = fit(tiny_model(), some_rows(), SETTINGS, 0, tmp_path)
    assert state.step == 6


def test_rows_without_a_supervised_token_are_refused_before_the_first_step(tmp_path: Path) -> None:
    rows = [*some_rows(), Encoded([5, 6, 7], 3)]
    with pytest.raises(UnitError, match="1 of 11 training rows have no supervised token"):
        fit(tiny_model(), rows, SETTINGS, 0, tmp_path)
    with pytest.raises(UnitError, match="0 of 0"):
        fit(tiny_model(), [], SETTINGS, 0, tmp_path)


def test_optimizer_batches_are_a_permutation_and_differ_between_epochs() -> None:
    first, second = optimizer_batches(10, 4, 0, 0), optimizer_batches(10, 4, 1, 0)
    assert sorted(index for batch in first for index in batch) == list(range(10))
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert first != second


def test_learning_rate_warms_up_and_decays_to_zero() -> None:
    settings = CourseParams(learning_rate=1.0, warmup_ratio=0.2)
    rates = [learning_rate_at(step, 10, settings) for step in range(10)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[-1] == pytest.approx(1 / 8)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def one_step(model: Any, folder: Path, **changes: Any) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 1, "batch_size": 10, **changes})
    fit(model, some_rows(), settings, 0, folder)


def test_a_weight_that_is_no_number_after_the_last_step_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=r"holds NaN or infinity after step 1; lower the learning rate"):
        one_step(tiny_model(), tmp_path, learning_rate=1e39)


@pytest.mark.parametrize("what", ["the loss", "the gradient norm"])
def test_a_loss_or_norm_that_is_no_number_moves_no_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    model = tiny_model()
    if what == "the loss":
        monkeypatch.setattr("hanka.training.loop._accumulate", lambda *_: float("inf"))
    else:
        model.model.norm.weight.register_hook(lambda slope: slope * float("inf"))
    before = {name: value.clone() for name, value in model.named_parameters()}
    with pytest.raises(UnitError, match=f"{what} became (inf|nan) at step 1; the base model gives no numbers"):
        one_step(model, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
