"""One base model for many variants: what comes after equals what a freshly loaded model gives, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.methods.supervised.adapt import trainable
from hanka.models import resident
from hanka.models.catalogue import ModelRef, find_model
from hanka.models.loading import LoadedModel, load_model, load_variant
from hanka.models.resident import Resident
from hanka.prompting import Encoded, Query
from hanka.training.loop import Course, train
from hanka.training.params import CourseParams

QUERIES = [Query("", list(range(5, 5 + length)), ((9,), (11, 12))) for length in (4, 7, 12)]
ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(6)]


@pytest.fixture
def ref(tiny_folder: Path) -> ModelRef:
    return find_model(str(tiny_folder), tiny_folder.parent)


def scores(loaded: LoadedModel) -> list[Any]:
    answers = LocalEngine(loaded, 512).score_labels(QUERIES)
    return [one.log_likelihoods for one in answers if isinstance(one, LabelAnswer)]


def fit(loaded: LoadedModel, peft: str, folder: Path, checkpointing: bool = False) -> dict[str, torch.Tensor]:
    params = {"peft": peft, "r": 4, "alpha": None, "dropout": 0.0, "target_modules": "all-linear"}
    model = trainable(loaded.model, params, 0)
    settings = CourseParams(
        epochs=2, batch_size=3, learning_rate=1e-2, micro_batch_tokens=64, gradient_checkpointing=checkpointing
    )
    train(Course(model, settings, ROWS, 0, folder, lambda _what, _share: None))
    model.save_pretrained(folder)
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


@pytest.mark.parametrize("first", ["lora", "none"])
@pytest.mark.parametrize("second", ["lora", "none"])
@pytest.mark.parametrize("checkpointing", [False, True], ids=["", "checkpointing"])
def test_a_second_variant_is_what_it_would_be_on_a_fresh_model(
    ref: ModelRef, tmp_path: Path, first: str, second: str, checkpointing: bool
) -> None:
    held = Resident()
    with held.to_train(ref, "float32", first == "none") as loaded:
        fit(loaded, first, tmp_path / "first", checkpointing)
    base = scores(load_variant(ref, "float32", tmp_path, "base"))
    assert scores(held.base(ref, "float32")) == base
    with held.to_train(ref, "float32", second == "none") as loaded:
        made = fit(loaded, second, tmp_path / "second")
    fresh = fit(load_model(ref, "float32"), second, tmp_path / "fresh")
    assert made.keys() == fresh.keys()
    assert all(torch.equal(value, fresh[name]) for name, value in made.items())
    assert held.n_loads == 1


def test_adapters_come_and_go(ref: ModelRef, tmp_path: Path) -> None:
    held = Resident()
    for name in ("one", "two"):
        with held.to_train(ref, "float32", False) as loaded:
            fit(loaded, "lora", tmp_path / name)
    base = scores(held.base(ref, "float32"))
    for name in ("one", "two", "one"):
        with held.to_answer(ref, "float32", tmp_path / name, "adapter") as loaded:
            assert scores(loaded) == scores(load_variant(ref, "float32", tmp_path / name, "adapter")) != base
    with held.to_answer(ref, "float32", tmp_path, "base") as loaded:
        assert scores(loaded) == base
    assert held.n_loads == 1


def test_a_base_that_cannot_be_restored_is_loaded_anew(ref: ModelRef) -> None:
    """Weights changed without a copy, and a layer exchanged: neither may reach the next variant."""
    held = Resident()
    base = scores(held.base(ref, "float32"))
    with held.to_train(ref, "float32", False) as loaded, torch.no_grad():
        next(loaded.model.parameters()).add_(1.0)
    assert scores(held.base(ref, "float32")) == base
    with held.to_train(ref, "float32", True) as loaded:
        loaded.model.lm_head = torch.nn.Linear(32, 400, bias=False)
    assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 3


def test_a_method_that_fails_leaves_the_base_as_it_was(ref: ModelRef, tmp_path: Path) -> None:
    held = Resident()
    base = scores(held.base(ref, "float32"))

    def fail() -> None:
        with held.to_train(ref, "float32", True) as loaded:
            fit(loaded, "none", tmp_path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 1


def test_another_dtype_is_another_base(ref: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(resident, "load_model", lambda ref, dtype: asked.append(dtype) or load_model(ref, dtype))
    held = Resident()
    for dtype in ("float32", "float32", "bfloat16", "bfloat16", "float32"):
        assert held.base(ref, dtype).dtype == dtype
    assert asked == ["float32", "bfloat16", "float32"]
