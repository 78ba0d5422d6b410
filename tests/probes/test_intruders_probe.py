"""Intruders of a model: planted ones are counted, nothing changed is 0, the null stands beside, indices are PEFT's, memory is bounded."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from hanka.errors import UnitError
from hanka.probes import PROBES, ProbeRequest, WeightPair
from hanka.probes.intruders import IntrudersParams
from hanka.probes.weights import paired_weights
from hanka.tuners import intruders
from hanka.tuners.intruders import Kept
from tiny_models import tiny_model

Q, UP = "model.layers.0.self_attn.q_proj.weight", "model.layers.1.mlp.up_proj.weight"


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def measured(pairs: list[WeightPair], **params: Any) -> dict[tuple[Any, ...], Any]:
    """(layer, parameter, measure) → (value, n)."""
    request = ProbeRequest(IntrudersParams(**params), lambda: iter(pairs), "float32")
    rows = PROBES.get("intruders").measure(request)
    found = {(row.layer, row.parameter, row.measure): (row.value, row.n) for row in rows}
    assert len(found) == len(rows)
    return found


def weights(model: Any) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def with_planted(before: dict[str, Tensor], *names: str, times: float = 1.5) -> dict[str, Tensor]:
    after = dict(before)
    for at, name in enumerate(names):
        weight = before[name]
        u, v = drawn(weight.shape[0], seed=2 * at + 1), drawn(weight.shape[1], seed=2 * at + 2)
        first = float(torch.linalg.matrix_norm(weight, 2))
        after[name] = weight + times * first * torch.outer(u / u.norm(), v / v.norm())
    return after


def test_one_planted_vector_in_two_matrices_of_a_model_is_counted_where_it_is() -> None:
    before = weights(tiny_model())
    found = measured(list(paired_weights(before, with_planted(before, Q, UP))), k=3)
    assert found[None, "", "intruders"] == (2.0, 14)  # seven matrices in each of two layers
    assert found[None, "", "matrices_changed"][0] == 2.0
    assert (found[0, "", "intruders"], found[1, "", "intruders"]) == ((1.0, 7), (1.0, 7))
    assert (found[0, Q, "intruders"], found[1, UP, "intruders"]) == ((1.0, 3), (1.0, 3))
    assert {name for _, name, _ in found} == {"", Q, UP}, "matrices that did not change have no row"


def test_an_unchanged_model_and_an_untrained_adapter_have_none_at_all() -> None:
    from peft import LoraConfig, get_peft_model

    model = tiny_model()
    before = weights(model)
    merged = weights(get_peft_model(model, LoraConfig(r=4, target_modules="all-linear")).merge_and_unload())
    found = measured(list(paired_weights(before, merged)))
    assert {value for value, _ in found.values()} == {0.0}
    assert found[None, "", "intruders"] == (0.0, 14)


def test_what_is_outside_the_layers_is_no_matrix_of_them() -> None:
    before = weights(tiny_model())
    after = before | {"model.embed_tokens.weight": drawn(400, 32), "model.norm.weight": torch.zeros(32)}
    assert measured(list(paired_weights(before, after)))[None, "", "matrices_changed"][0] == 0.0


def test_excess_is_the_count_less_the_mean_of_the_draws_and_a_random_change_has_none_to_speak_of() -> None:
    before = weights(tiny_model())
    planted = measured(list(paired_weights(before, with_planted(before, Q))), draws=3)
    for key in ((None, ""), (0, Q)):
        count, null, excess = (planted[(*key, name)][0] for name in ("intruders", "null_intruders", "excess"))
        assert excess == pytest.approx(count - null)
        assert (3 * null).is_integer()
    shape = before[UP].shape
    random = before | {UP: before[UP] + 2.0 * before[UP].norm() / math.sqrt(before[UP].numel()) * drawn(*shape, seed=7)}
    found = measured(list(paired_weights(before, random)), draws=4)
    assert found[1, UP, "null_intruders"][0] >= 1, "a change of twice the norm turns directions of a random matrix"
    assert abs(found[1, UP, "excess"][0]) <= 3


def test_the_relative_change_is_over_the_changed_matrices_by_hand() -> None:
    a, b = torch.diag(torch.tensor([3.0, 4.0])), torch.diag(torch.tensor([6.0, 8.0]))
    pairs = [
        WeightPair("layers.0.a", a, a + torch.tensor([[0.0, 3.0], [0.0, 0.0]])),
        WeightPair("layers.0.b", b, b + torch.tensor([[0.0, 4.0], [0.0, 0.0]])),
        WeightPair("layers.1.c", 9 * a, 9 * a),
    ]
    found = measured(pairs, k=1)
    assert found[0, "layers.0.a", "relative_change"][0] == pytest.approx(3 / 5)
    assert found[None, "", "relative_change"][0] == pytest.approx(math.sqrt(25 / 125))
    assert found[1, "", "relative_change"][0] == 0.0


def test_draws_and_their_seed_change_the_null_and_nothing_else() -> None:
    before = weights(tiny_model())
    pairs = list(paired_weights(before, {name: value + 0.05 * drawn(*value.shape) for name, value in before.items()}))
    one, other = measured(pairs, seed=0), measured(pairs, seed=1)
    assert one == measured(pairs, seed=0)
    assert {key[2] for key in one if one[key] != other[key]} == {"null_intruders", "excess"}
    assert one[None, "", "null_intruders"] != other[None, "", "null_intruders"]


def peft_intruders(seed: int, **params: Any) -> tuple[dict[str, list[int]], dict[str, Tensor], dict[str, Tensor]]:
    """What PEFT's own function edits, read off its result; the base, and the tuned weights."""
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora.intruders import reduce_intruder_dimension
    from peft.tuners.lora.layer import LoraLayer

    model = tiny_model(seed=seed)
    before = weights(model)
    # Of full rank, so that cutting back to the adapter's rank loses nothing of the edit.
    wrapped = get_peft_model(model, LoraConfig(r=32, lora_alpha=32, target_modules="all-linear"))
    for at, (name, value) in enumerate(wrapped.named_parameters()):
        if "lora_B" in name:
            value.data = drawn(*value.shape, seed=100 + at) * (0.05 if at % 3 else 0.002)
    layers = {name: one for name, one in wrapped.get_base_model().named_modules() if isinstance(one, LoraLayer)}
    tuned = {
        name: (one.get_base_layer().weight + one.get_delta_weight("default")).detach() for name, one in layers.items()
    }
    reduce_intruder_dimension(wrapped, mitigation_lambda=0.25, logging_sink=None, **params)
    found = {}
    for name, one in layers.items():
        left, values, right = torch.linalg.svd(tuned[name], full_matrices=False)
        edit = (one.get_base_layer().weight + one.get_delta_weight("intruder_reduced")).detach() - tuned[name]
        kept = torch.einsum("mk,mn,kn->k", left, edit, right) / values
        found[name] = [at for at, share in enumerate(kept.tolist()) if abs(share + 0.75) < 0.1]
    return found, before, {f"{name}.weight": value for name, value in tuned.items()}


@pytest.mark.parametrize("params", [{"top_k": 10, "threshold_epsilon": 0.5}, {"top_k": 6, "threshold_epsilon": 0.6}])
def test_indices_are_those_that_pefts_own_function_edits(params: dict[str, Any]) -> None:
    from hanka.tuners.intruders import basis, leading, places

    theirs, before, tuned = peft_intruders(1, **params)
    ours = {
        name: places(
            basis(before[f"{name}.weight"], name),
            leading(tuned[f"{name}.weight"], params["top_k"], name).left,
            params["threshold_epsilon"],
        )
        for name in theirs
    }
    assert ours == theirs
    assert len({tuple(one) for one in ours.values()}) > 2, "several answers, or the agreement says little"
    pairs = [WeightPair(name, before[name], after) for name, after in tuned.items()]
    counts = measured(pairs, k=params["top_k"], epsilon=params["threshold_epsilon"], draws=1)
    assert counts[None, "", "intruders"][0] == sum(map(len, theirs.values()))


def test_one_pair_of_matrices_is_alive_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is that of the largest matrix, whatever the model: nothing of a pair is left when the next one is asked for."""
    monkeypatch.setattr(intruders, "KEPT", Kept(0))
    alive: list[int] = []
    seen: list[weakref.ref[Tensor]] = []

    def pairs() -> Iterator[WeightPair]:
        for at in range(5):
            gc.collect()
            alive.append(sum(one() is not None for one in seen))
            before, after = drawn(24, 40, seed=at), drawn(24, 40, seed=at + 9)
            seen.extend((weakref.ref(before), weakref.ref(after)))
            yield WeightPair(f"layers.{at}.w", before, after)
            del before, after

    PROBES.get("intruders").measure(ProbeRequest(IntrudersParams(), pairs, "float32"))
    # The generator's own pair, and at most the one that the loop still names.
    assert max(alive) <= 2


def test_vectors_of_a_base_are_made_once_for_all_its_variants_and_leave_when_there_is_no_room() -> None:
    weight, other = drawn(10, 20), drawn(10, 20, seed=1)
    kept = Kept(2 * 10 * 10 * 4)
    first = kept.basis(weight, "w")
    assert kept.basis(weight.clone(), "another name of the same weights") is first
    assert kept.n_made == 1
    kept.basis(other, "w")
    kept.basis(weight + 1, "w")  # the first one leaves
    assert (kept.basis(other, "w") is kept.basis(other, "w"), kept.n_made) == (True, 3)
    assert torch.equal(kept.basis(weight, "w"), first)
    assert kept.n_made == 4
    nothing = Kept(1)
    nothing.basis(weight, "w")
    nothing.basis(weight, "w")
    assert nothing.n_made == 2


def test_the_same_values_in_another_shape_are_another_matrix() -> None:
    kept = Kept(1 << 20)
    assert kept.basis(drawn(4, 9), "w").shape == (4, 4)
    assert kept.basis(drawn(4, 9).reshape(6, 6), "w").shape == (6, 6)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([WeightPair("layers.0.w", drawn(2, 3), drawn(3, 2))], r"layers.0.w has shape \(2, 3\) in the base and \(3, 2\)"),
        ([WeightPair("layers.0.w", drawn(2, 3), drawn(2, 3, seed=1) * math.nan)], "layers.0.w holds weights that are not finite"),
        ([WeightPair("embed", drawn(2, 3), drawn(2, 3))], "share no matrix inside a layer"),
        ([], "share no matrix inside a layer"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_fails_with_its_name(pairs: list[WeightPair], said: str) -> None:
    with pytest.raises(UnitError, match=said):
        measured(pairs)


def test_an_embedding_that_grew_is_passed_over() -> None:
    pairs = [WeightPair("embed", drawn(4, 3), drawn(6, 3)), WeightPair("layers.0.w", drawn(4, 4), drawn(4, 4))]
    assert measured(pairs)[None, "", "intruders"] == (0.0, 1)
