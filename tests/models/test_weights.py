"""A model that comes back from training is frozen, and nothing of training is left switched on."""

from __future__ import annotations

from pathlib import Path

import torch

from hanka.models.weights import settle
from hanka.prompting import Encoded
from hanka.training.loop import Course, train
from hanka.training.params import CourseParams
from tiny_models import tiny_model

IDS = torch.tensor([[5, 9, 2]])


def test_a_settled_model_builds_no_graph_and_recomputes_nothing(tmp_path: Path) -> None:
    model = tiny_model()
    settings = CourseParams(epochs=1, batch_size=1, learning_rate=1e-2, gradient_checkpointing=True)
    for value in model.get_input_embeddings().parameters():
        value.requires_grad_(False)
    train(Course(model, settings, [Encoded([3, 4, 5], 1)], 0, tmp_path, lambda _what, _share: None))
    model.train()
    assert any(getattr(one, "gradient_checkpointing", False) for one in model.modules())
    assert model.get_input_embeddings()(IDS).requires_grad
    settle(model)
    assert not model.training
    assert not any(getattr(one, "gradient_checkpointing", False) for one in model.modules())
    assert not any(one.requires_grad or one.grad is not None for one in model.parameters())
    assert not model.get_input_embeddings()(IDS).requires_grad
    assert not model(input_ids=IDS).logits.requires_grad


def test_only_weights_may_want_gradients_before() -> None:
    model = tiny_model().train()
    model(input_ids=IDS).logits.sum().backward()
    settle(model)
    assert not any(one.requires_grad or one.grad is not None for one in model.parameters())
