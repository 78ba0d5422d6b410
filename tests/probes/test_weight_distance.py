"""Distances by hand, what must not matter (order, chunks, ties, added rows), and an untrained adapter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hanka.errors import UnitError
from hanka.probes import PROBES, ProbeParams, ProbeRequest, WeightPair, weight_distance
from hanka.probes.weights import paired_weights
from tiny_models import tiny_model

BEFORE = torch.tensor([[1.0, -2.0, 0.0], [0.5, 4.0, -1.0]])
AFTER = torch.tensor([[1.0, -1.5, 0.0], [0.5, 3.0, -1.0]])


def measured(pairs: list[WeightPair] | None = None, **tensors: tuple[Tensor, Tensor]) -> dict[tuple[Any, ...], Any]:
    """(layer, parameter, measure) → value."""
    pairs = pairs or [WeightPair(name.replace("__", "."), *both) for name, both in tensors.items()]
    request = ProbeRequest(ProbeParams(), lambda: iter(pairs), "float32")
    rows = PROBES.get("weight_distance").measure(request)
    found = {(row.layer, row.parameter, row.measure): row.value for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_tensor_by_hand() -> None:
    found = measured(w=(BEFORE, AFTER))
    assert found[None, "", "mean_difference"] == pytest.approx(1.5 / 6)
    assert found[None, "", "relative_l2"] == pytest.approx(math.sqrt(1.25 / 22.25))
    assert found[None, "", "share_changed"] == pytest.approx(2 / 6)
    assert found[None, "", "rounding_floor"] == 0.0  # short binary fractions are bfloat16 numbers


def test_every_weight_counts_once_whatever_its_tensor() -> None:
    small = (torch.zeros(2), torch.ones(2))
    found = measured(layers__0__a=(BEFORE, AFTER), layers__1__b=small, norm=(torch.ones(1), torch.ones(1)))
    assert found[None, "", "mean_difference"] == pytest.approx((1.5 + 2) / 9)
    assert found[0, "", "mean_difference"] == pytest.approx(1.5 / 6)
    assert found[1, "", "mean_difference"] == found[1, "layers.1.b", "mean_difference"] == 1.0
    assert found[None, "norm", "mean_difference"] == 0.0
    assert (1, "", "relative_l2") not in found  # the base's weights there are all 0


def test_n_counts_the_weights() -> None:
    request = ProbeRequest(ProbeParams(), lambda: iter([WeightPair("w", BEFORE, AFTER)]), "float32")
    assert {row.n for row in weight_distance.measure(request)} == {6}


def test_the_rounding_floor_is_what_bfloat16_alone_shows() -> None:
    one = torch.tensor([1 + 2**-9, 1.0])  # bfloat16 keeps 8 bits: the first rounds down to 1
    assert measured(w=(one, one))[None, "", "rounding_floor"] == 2**-10
    weights = 0.02 * torch.randn(400_000, generator=torch.Generator().manual_seed(0))
    found = measured(w=(weights, weights.to(torch.bfloat16).float()))
    assert found[None, "", "mean_difference"] == found[None, "", "rounding_floor"] == pytest.approx(2.2e-5, abs=1e-6)


def test_a_uniform_shift_of_a_model_is_that_shift() -> None:
    model = tiny_model()
    before = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}
    found = measured(list(paired_weights(before, {name: tensor + 0.125 for name, tensor in before.items()})))
    assert found[None, "", "mean_difference"] == pytest.approx(0.125, rel=1e-6)
    assert found[0, "", "mean_difference"] == pytest.approx(0.125, rel=1e-6)
    assert found[None, "", "share_changed"] == 1.0


def test_neither_order_nor_chunks_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(1)
    tensors = [torch.randn(7, 11, generator=generator) for _ in range(12)]
    pairs = [WeightPair(f"layers.{i % 3}.w{i}", one, one + 1e-3 * one.flip(0)) for i, one in enumerate(tensors)]
    whole = measured(pairs)
    assert measured(pairs[::-1]) == whole
    monkeypatch.setattr(weight_distance, "CHUNK", 5)
    assert measured(pairs) == pytest.approx(whole, rel=1e-12)


def test_rows_added_to_an_embedding_are_left_out() -> None:
    grown = torch.cat([AFTER, torch.full((3, 3), 100.0)])
    assert (
        measured(w=(BEFORE, grown)) == measured(w=(BEFORE, AFTER)) == measured(w=(torch.cat([BEFORE, BEFORE]), AFTER))
    )


def test_tied_weights_come_once_and_untied_ones_twice() -> None:
    before = {"embed": BEFORE, "head": BEFORE, "norm": torch.ones(1)}
    tied = {"embed": AFTER, "head": AFTER, "norm": torch.ones(1), "new": torch.ones(5)}
    assert [pair.name for pair in paired_weights(before, tied)] == ["embed", "norm"]
    apart = tied | {"head": AFTER.clone()}
    assert [pair.name for pair in paired_weights(before, apart)] == ["embed", "head", "norm"]


def test_a_transposed_view_of_the_same_memory_is_another_tensor() -> None:
    square = torch.arange(4.0).reshape(2, 2)
    both = {"a": square, "b": square.T}
    assert [pair.name for pair in paired_weights(both, both)] == ["a", "b"]


def test_pairs_are_float32_whatever_the_model_holds() -> None:
    half = {"w": BEFORE.to(torch.bfloat16)}
    (pair,) = paired_weights(half, {"w": AFTER.double()})
    assert (pair.before.dtype, pair.after.dtype) == (torch.float32, torch.float32)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([WeightPair("w", BEFORE, AFTER.T)], r"w has shape \(2, 3\) in the base and \(3, 2\) in the variant"),
        ([WeightPair("w", BEFORE, AFTER * math.nan)], "w holds weights that are not finite"),
        ([WeightPair("w", BEFORE * math.inf, AFTER)], "w holds weights that are not finite"),
    ],
)
def test_weights_that_do_not_pair_fail_with_their_name(pairs: list[WeightPair], said: str) -> None:
    with pytest.raises(UnitError, match=said):
        measured(pairs)


def test_nothing_shared_is_no_distance_of_zero() -> None:
    def none() -> Iterator[WeightPair]:
        return paired_weights({"a": BEFORE}, {"b": AFTER})

    with pytest.raises(UnitError, match="share no parameter"):
        weight_distance.measure(ProbeRequest(ProbeParams(), none, "float32"))


def _parameters(model: Any) -> Mapping[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def test_an_untrained_adapter_is_exactly_zero_away_and_a_trained_one_is_not(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    model = tiny_model()
    before = _parameters(model)
    wrapped = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear"))
    merged = _parameters(wrapped.merge_and_unload())
    found = measured(list(paired_weights(before, merged)))
    for (_, _, measure), value in found.items():
        assert measure == "rounding_floor" or value == 0.0
    moved = dict(merged)
    moved["model.layers.1.mlp.up_proj.weight"] = merged["model.layers.1.mlp.up_proj.weight"] + 1e-4
    changed = measured(list(paired_weights(before, moved)))
    assert changed[0, "", "mean_difference"] == 0.0 < changed[1, "", "mean_difference"]
