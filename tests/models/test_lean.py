"""Lean layers: the same outputs and gradients as the layers they stand for, and only for layers they stand for."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from hanka.models import lean
from hanka.models.lean import ACTIVATIONS, Projection, lean_layers, project, projection_of
from tiny_models import tiny_model

IDS = torch.tensor([[5, 9, 2, 77, 31, 8], [4, 4, 90, 12, 7, 3]])
EVERY_LINEAR = {"target_modules": "all-linear", "r": 4, "lora_alpha": 6}


def adapted(family: str = "llama", **changes: Any) -> Any:
    """A tiny model with adapters whose B is not zero, in float64."""
    torch.manual_seed(0)
    model = get_peft_model(tiny_model(family), LoraConfig(task_type="CAUSAL_LM", **(EVERY_LINEAR | changes)))
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.2)
    return model.double()


def run(model: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return logits and the gradient of a loss."""
    model.zero_grad(set_to_none=True)
    logits = model(input_ids=IDS, use_cache=False).logits
    torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), IDS[:, 1:].flatten()).backward()
    slopes = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    return logits.detach(), slopes


def kept(model: Any) -> int:
    """Count the elements, weights aside, that a forward pass keeps for the backward pass."""
    weights = {value.untyped_storage().data_ptr() for value in model.parameters()}
    storages: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(input_ids=IDS, use_cache=False).logits
    assert logits.requires_grad
    return sum(storages.values())


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text", "mistral"])
@pytest.mark.parametrize("peft", ["all weights", "lora"])
def test_lean_layers_give_the_same_logits_and_gradients_and_keep_less(family: str, peft: str) -> None:
    model = adapted(family) if peft == "lora" else tiny_model(family).double().requires_grad_(True)
    logits, slopes = run(model)
    before = kept(model)
    with lean_layers(model):
        lean_logits, lean_slopes = run(model)
        after = kept(model)
    torch.testing.assert_close(lean_logits, logits, rtol=1e-6, atol=1e-7)
    assert lean_slopes.keys() == slopes.keys()
    for name, slope in slopes.items():
        torch.testing.assert_close(
            lean_slopes[name], slope, rtol=1e-4, atol=1e-7, msg=lambda text, n=name: f"{n}: {text}"
        )
    config = model.config
    assert before - after >= 2 * config.intermediate_size * config.num_hidden_layers * IDS.numel()


def test_layers_are_their_own_again_afterwards_even_after_an_error() -> None:
    model = adapted()
    with contextlib.suppress(ZeroDivisionError), lean_layers(model):
        assert any("forward" in vars(layer) for layer in model.modules())
        raise ZeroDivisionError
    assert not any("forward" in vars(layer) for layer in model.modules())


@pytest.mark.parametrize(
    "changes",
    [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}, {"target_modules": ["gate_proj", "up_proj"]}],
    ids=["dropout", "dora", "bias of B", "feed-forward only"],
)
def test_what_is_more_than_a_plain_adapter_stays_as_it_is(changes: dict[str, Any]) -> None:
    model = adapted(**changes)
    layer = model.base_model.model.model.layers[0]
    assert projection_of(layer.mlp.gate_proj) is None or "target_modules" in changes
    model.eval()  # no dropout: the numbers can be compared
    logits, slopes = run(model)
    with lean_layers(model):
        lean_logits, lean_slopes = run(model)
    torch.testing.assert_close(lean_logits, logits, rtol=1e-6, atol=1e-7)
    for name, slope in slopes.items():
        torch.testing.assert_close(lean_slopes[name], slope, rtol=1e-4, atol=1e-7)


def test_disabled_merged_and_doubled_adapters_are_left_to_peft() -> None:
    model = adapted()
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    assert projection_of(layer) is not None
    with model.disable_adapter():
        assert projection_of(layer) is None
    model.add_adapter("second", LoraConfig(task_type="CAUSAL_LM", **EVERY_LINEAR))
    model.base_model.set_adapter(["default", "second"])
    assert projection_of(layer) is None
    model.base_model.set_adapter("default")
    model.merge_adapter()
    assert projection_of(layer) is None


def test_half_precision_by_autocast_goes_the_plain_way() -> None:
    model = adapted().float()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        plain = model(input_ids=IDS, use_cache=False).logits
        with lean_layers(model):
            assert torch.equal(model(input_ids=IDS, use_cache=False).logits, plain)


def test_a_feed_forward_layer_that_computes_something_else_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "_known", {})
    model = tiny_model("llama")
    layer = model.model.layers[0].mlp
    with lean_layers(model):
        assert "forward" in vars(layer)

    class Clamped(type(layer)):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.down_proj(self.act_fn(self.gate_proj(x)).clamp(max=1e-3) * self.up_proj(x))  # type: ignore[no-any-return]

    layer.__class__ = Clamped
    with lean_layers(model):
        assert "forward" not in vars(layer)


def test_what_ran_before_does_not_decide_which_layers_are_lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that drops out is never compared: its draws would say that the kind of layer is another one."""
    monkeypatch.setattr(lean, "_known", {})
    noisy = adapted(target_modules=["gate_proj"], lora_dropout=0.5).train()
    with lean_layers(noisy):
        assert "forward" not in vars(noisy.base_model.model.model.layers[0].mlp)
    half = tiny_model("llama").bfloat16()
    with lean_layers(half):
        assert "forward" in vars(half.model.layers[0].mlp)
    plain = adapted()
    with lean_layers(plain):
        assert "forward" in vars(plain.base_model.model.model.layers[0].mlp)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_derivatives_of_activations_belong_to_them(name: str) -> None:
    x = torch.linspace(-4, 4, 33, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ACTIVATIONS[name].forward, x)
    (wanted,) = torch.autograd.grad(ACTIVATIONS[name].forward(x).sum(), x)
    found = ACTIVATIONS[name].backward(torch.ones_like(x), x.detach())
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_a_small_adapter_is_not_rounded_away_beside_half_precision() -> None:
    """Added to what is rounded already, a share far below a step of bfloat16 would vanish; rounded once, its mean is kept."""
    torch.manual_seed(0)
    x = torch.randn(512, 64, dtype=torch.bfloat16)
    weight = torch.randn(256, 64).to(torch.bfloat16)
    down, up = torch.randn(8, 64) / 8, torch.full((256, 8), 1e-4)
    exact = (x.float() @ down.to(torch.bfloat16).float().t()) @ up.t()
    bare = project(Projection(weight, None), x).float()
    found = project(Projection(weight, None, down, up), x).float() - bare
    twice = (bare.to(torch.bfloat16) + exact.to(torch.bfloat16)).float() - bare
    slope = float((found * exact).sum() / exact.square().sum())
    assert slope == pytest.approx(1.0, abs=0.25)
    assert abs(float((twice * exact).sum() / exact.square().sum())) < 0.2
