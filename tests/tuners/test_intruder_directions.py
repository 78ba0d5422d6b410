"""Intruder dimensions by hand: a planted vector, nothing changed, a control, decompositions that agree, memory that is bounded."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.tuners import intruders
from hanka.tuners.intruders import Leading, basis, leading, matrices, neighbours, places, random_change, scaled


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit(n: int, seed: int) -> torch.Tensor:
    one = drawn(n, seed=seed)
    return one / one.norm()


def found_in(weight: torch.Tensor, changed: torch.Tensor, k: int = 10, epsilon: float = 0.5) -> list[int]:
    return places(basis(weight, "w"), leading(changed, k, "w").left, epsilon)


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (200, 150)])
def test_one_planted_vector_above_the_first_singular_value_is_one_intruder_and_the_first_direction(
    shape: tuple[int, int],
) -> None:
    weight = drawn(*shape)
    first = float(torch.linalg.matrix_norm(weight, 2))
    planted = weight + 1.5 * first * torch.outer(unit(shape[0], 1), unit(shape[1], 2))
    assert found_in(weight, planted) == [0]


def test_an_unchanged_matrix_has_none_and_neither_has_a_scaled_one() -> None:
    weight = drawn(40, 60)
    assert found_in(weight, weight) == []
    assert found_in(weight, -3 * weight) == []  # a direction's sign and length are free


def test_directions_are_compared_in_size_with_all_of_the_base_not_with_those_of_the_same_place() -> None:
    weight = torch.diag(torch.tensor([4.0, 3.0, 2.0, 1.0]))
    turned = torch.diag(torch.tensor([1.0, -2.0, 3.0, 4.0]))  # the order reversed, a sign turned
    assert found_in(weight, turned, k=4) == []


def test_the_edge_of_epsilon_by_hand() -> None:
    # Left vectors of the base are the axes; the first one after is (cos a, sin a, 0).
    base = torch.eye(3)
    for angle, near in ((math.pi / 3, math.sqrt(3) / 2), (math.pi / 4, math.sqrt(0.5))):
        left = torch.tensor([[math.cos(angle)], [math.sin(angle)], [0.0]])
        assert places(base, left, near + 1e-6) == [0]
        assert places(base, left, near - 1e-6) == []


def test_a_tall_matrix_has_directions_that_its_base_does_not_span() -> None:
    weight = torch.zeros(4, 2)
    weight[0, 0], weight[1, 1] = 2.0, 1.0
    changed = weight.clone()
    changed[3, 1] = 5.0  # mostly the fourth axis, which no left vector of the base has
    assert found_in(weight, changed, k=2) == [0]


@pytest.mark.parametrize("shape", [(160, 200), (200, 160), (320, 130)])
def test_the_first_triples_by_lanczos_are_those_of_the_whole_decomposition(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = drawn(*shape, seed=3)
    quick = leading(weight, 6, "w")
    monkeypatch.setattr(intruders, "SMALL", 10_000)
    whole = leading(weight, 6, "w")
    exact = torch.linalg.svdvals(weight.double())[:6]
    for one in (quick, whole):
        assert torch.allclose(one.values.double(), exact, rtol=1e-5)  # float32
        assert torch.allclose(one.left.T @ weight @ one.right.T, torch.diag(one.values), atol=1e-4 * float(exact[0]))
    assert torch.allclose((quick.left * whole.left).sum(0).abs(), torch.ones(6), atol=1e-4)
    assert torch.equal(leading(weight, 6, "w").left, whole.left)


def test_lanczos_gives_the_same_bits_every_time_and_a_failure_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import scipy.sparse.linalg

    weight = drawn(160, 160)
    first = leading(weight, 4, "w")
    assert all(torch.equal(a, b) for a, b in zip(first, leading(weight, 4, "w"), strict=True))

    def gives_up(*_given: Any, **_named: Any) -> Any:
        raise scipy.sparse.linalg.ArpackNoConvergence("none", [], [])

    monkeypatch.setattr(scipy.sparse.linalg, "svds", gives_up)
    again = leading(weight, 4, "w")
    assert torch.allclose(again.values, first.values, rtol=1e-5)


def test_more_directions_than_there_are_is_all_of_them() -> None:
    found = leading(drawn(3, 5), 10, "w")
    assert (tuple(found.left.shape), tuple(found.values.shape), tuple(found.right.shape)) == ((3, 3), (3,), (3, 5))


def test_scaling_by_hand() -> None:
    weight = torch.diag(torch.tensor([4.0, 2.0, 1.0]))
    found = Leading(torch.eye(3), torch.tensor([4.0, 2.0, 1.0]), torch.eye(3))
    assert torch.equal(scaled(weight, found, [1], 0.25), torch.diag(torch.tensor([4.0, 0.5, 1.0])))
    assert torch.equal(scaled(weight, found, [0, 2], 0.0), torch.diag(torch.tensor([0.0, 2.0, 0.0])))
    assert torch.equal(scaled(weight, found, [0, 1, 2], 1.0), weight)
    assert scaled(weight, found, [], 0.0) is weight


def test_removing_the_planted_vector_gives_the_base_back_where_it_stands_apart() -> None:
    weight = torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.0]))
    planted = weight.clone()
    planted[3, 3] = 9.0
    # The fourth axis is a left vector of the base (its value is 0), so it resembles one: the square base spans all.
    assert found_in(weight, planted, k=4) == []
    tall, changed = torch.cat([weight[:, :3], torch.zeros(1, 3)]), torch.cat([weight[:, :3], torch.zeros(1, 3)])
    changed[4] = torch.tensor([0.0, 0.0, 9.0])
    assert found_in(tall, changed, k=3) == [0]
    found = leading(changed, 3, "w")
    without = scaled(changed, found, [0], 0.0)
    assert float(without[4].abs().max()) < 1.0 < float(changed[4].abs().max())
    assert found_in(tall, without, k=2) == []


@pytest.mark.parametrize(
    ("at", "known", "near"),
    [
        ([0], [0], [1]),
        ([0], [0, 1, 2], [3]),
        ([3], [3], [2]),
        ([0, 1], [0, 1], [2, 3]),
        ([3], [0, 1, 2, 3], []),
        ([], [], []),
    ],
)
def test_neighbours_are_the_next_free_directions_and_never_intruders(
    at: list[int], known: list[int], near: list[int]
) -> None:
    assert neighbours(4, at, known) == near


def test_a_random_change_has_the_norm_asked_for_and_is_drawn_by_its_purpose() -> None:
    weight = drawn(30, 20)
    one = random_change(weight, 2.5, 0, "w", 0)
    assert float(one.norm()) == pytest.approx(2.5, rel=1e-5)
    assert torch.equal(one, random_change(weight, 2.5, 0, "w", 0))
    assert not torch.equal(one, random_change(weight, 2.5, 0, "w", 1))
    assert float(random_change(weight, 0.0, 0).abs().max()) == 0.0


def test_close_singular_values_turn_freely_and_the_null_shows_it() -> None:
    """Directions of a flat spectrum are no property of the matrix: a small random change makes intruders, on a steep one it does not."""
    left, right = basis(drawn(64, 64), "w"), basis(drawn(64, 64, seed=1), "w")
    flat = left @ torch.diag(torch.linspace(1.0, 0.99, 64)) @ right.T
    steep = left @ torch.diag(torch.arange(1, 65).float() ** -1.0) @ right.T
    counts = [
        len(found_in(one, one + random_change(one, 0.1 * float(one.norm()), 5, "w", draw)))
        for one in (flat, steep)
        for draw in range(2)
    ]
    assert min(counts[:2]) >= 8
    assert max(counts[2:]) <= 1


def test_matrices_are_those_of_layers_and_stacks_of_experts_come_one_by_one() -> None:
    stack = torch.arange(24.0).reshape(2, 3, 4)
    named = {
        "model.embed_tokens.weight": drawn(5, 3), "lm_head.weight": drawn(5, 3), "model.layers.0.norm.weight": drawn(3),
        "model.layers.0.q.weight": drawn(3, 4), "model.layers.1.experts": stack, "model.layers.1.conv.weight": drawn(3, 1, 4),
    }  # fmt: skip
    found = {part: one for name, value in named.items() for part, one in matrices(name, value)}
    assert list(found) == ["model.layers.0.q.weight", "model.layers.1.experts[0]", "model.layers.1.experts[1]"]
    assert torch.equal(found["model.layers.1.experts[1]"], stack[1])
    found["model.layers.1.experts[1]"].zero_()
    assert float(stack[1].abs().max()) == 0.0, "a view, so that an edit reaches the parameter"


def test_weights_that_are_not_finite_are_named() -> None:
    for ask in (lambda one: basis(one, "layers.0.q"), lambda one: leading(one, 2, "layers.0.q")):
        with pytest.raises(UnitError, match=r"layers\.0\.q holds weights that are not finite"):
            ask(drawn(3, 3) * math.nan)
