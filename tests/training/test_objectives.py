"""Objectives against the naive formula over all logits under autograd, in float64: packed, shared, padded, with no head."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch.nn.functional import log_softmax

from hanka.errors import UnitError
from hanka.prompting import Encoded, SoftTargets
from hanka.training import head, targets
from hanka.training.batching import supervised
from hanka.training.divergence import summed_soft_divergence
from hanka.training.gradient import OWN_PASS, Gradient
from hanka.training.loop import Course, CourseState, train
from hanka.training.objectives import OBJECTIVES, Objective, ObjectiveParams
from hanka.training.objectives.contract import Outputs, Soft
from hanka.training.objectives.kl_base import KL_BASE, KlBaseParams
from hanka.training.params import CourseParams
from hanka.training.targets import Reference, soft_of, weights_of
from tiny_models import tiny_model

WAYS: dict[str, dict[str, Any]] = {
    "packed": {},
    "untied": {"tie_word_embeddings": False},
    "no-head": {
        "family": "gemma2",
        "final_logit_softcapping": 0.5,
        "attn_logit_softcapping": None,
        "sliding_window": 8,
    },
    "padded": {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}},
}
WAY = pytest.mark.parametrize("way", WAYS)
DIRECTION = pytest.mark.parametrize("direction", ["base_to_tuned", "tuned_to_base"])
Direction = Literal["base_to_tuned", "tuned_to_base"]


def model_of(way: str, seed: int = 0, **changes: Any) -> Any:
    """RMSNorm in transformers rounds to float32 even in a float64 model: about 1e-7 of a gradient."""
    given = dict(WAYS[way]) | changes
    return tiny_model(given.pop("family", "llama"), seed, **given).double()


def rows(n_shared: int, n_rows: int = 6, weighted: bool = False) -> list[Encoded]:
    generator = torch.Generator().manual_seed(1)
    shared = torch.randint(2, 400, (n_shared,), generator=generator).tolist()
    made = []
    for index in range(n_rows):
        own = torch.randint(2, 400, (5 + 4 * (index % 4),), generator=generator).tolist()
        ids = [*shared, 2 + index, *own]
        row = Encoded(ids, len(ids) - 1 - index % 3)
        factors = tuple(0.5 * (1 + index + at) - 1 for at in range(supervised(row)))
        made.append(row._replace(weights=factors) if weighted and index != 2 else row)
    return made


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def naive(
    model: Any, base: Any, batch: Sequence[Encoded], params: KlBaseParams
) -> tuple[float, dict[str, torch.Tensor]]:
    """Row by row, all logits, torch's own functions."""
    model.zero_grad()
    total: Any = 0.0
    for row in batch:
        ids, first = torch.tensor([row.ids]), max(row.start, 1)
        log_q = log_softmax(model(input_ids=ids, use_cache=False).logits[0, first - 1 : -1], -1)
        with torch.no_grad():
            log_p = log_softmax(base(input_ids=ids, use_cache=False).logits[0, first - 1 : -1], -1)
        losses = -log_q[range(len(log_q)), row.ids[first:]]
        total = total + (losses if row.weights is None else losses * torch.tensor(row.weights)).sum()
        one, other = (log_p, log_q) if params.direction == "base_to_tuned" else (log_q, log_p)
        total = total + params.beta * (one.exp() * (one - other)).sum()
    loss = total / sum(map(supervised, batch))
    loss.backward()
    return loss.item(), gradients(model)


def changed(model: Any) -> None:
    with torch.no_grad():
        for index, value in enumerate(model.parameters()):
            value += 0.02 * torch.randn(value.shape, generator=torch.Generator().manual_seed(index)).to(value)


def held(model: Any, batch: Sequence[Encoded], params: KlBaseParams, budget: int) -> Gradient:
    gradient = Gradient(model, loss=lambda found: KL_BASE.loss(found, params))
    gradient.remember(batch, budget)
    return gradient


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(
            value, expected[name], atol=1e-7, rtol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


@WAY
@DIRECTION
@pytest.mark.parametrize("n_shared", [0, OWN_PASS + 6])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_held_training_has_the_gradient_of_the_naive_formula(
    way: str, direction: Direction, n_shared: int, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "CHUNK", 5)
    model, batch, params = model_of(way), rows(n_shared, weighted=weighted), KlBaseParams(beta=0.7, direction=direction)
    base, after = copy.deepcopy(model), copy.deepcopy(model)
    changed(after)
    loss, expected = naive(after, base, batch, params)
    for budget in (10_000, 64):  # all rows at once; what is shared in a pass of its own
        model.load_state_dict(base.state_dict())
        gradient = held(model, batch, params, budget)
        assert bool(gradient.packs) == (way != "padded")
        assert (gradient.head is None) == (way in ("padded", "no-head"))
        changed(model)
        model.zero_grad()
        assert gradient.accumulate(batch, budget) == pytest.approx(loss, abs=1e-6)
        assert_equal(gradients(model), expected)


@WAY
@DIRECTION
def test_an_untrained_model_is_held_by_nothing(way: str, direction: Direction) -> None:
    """KL is 0 within rounding, so is its gradient; the same passes are run, so even float32 gives no more than 1e-6."""
    for dtype, most in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        model, batch = model_of(way).to(dtype), rows(OWN_PASS + 6)
        plain = Gradient(model)
        loss = plain.accumulate(batch, 64)
        expected = gradients(model)
        model.zero_grad()
        found = held(model, batch, KlBaseParams(beta=1.0, direction=direction), 64).accumulate(batch, 64)
        assert abs(found - loss) < most
        for name, value in gradients(model).items():
            assert (value - expected[name]).abs().max() < most, name


@DIRECTION
def test_a_large_beta_weighs_the_divergence_alone(direction: Direction) -> None:
    """Cross-entropy cannot hide an error of the divergence: with beta 1e6 it is a millionth."""
    model, batch, params = model_of("packed"), rows(0), KlBaseParams(beta=1e6, direction=direction)
    base = copy.deepcopy(model)
    gradient = held(model, batch, params, 64)
    changed(model)
    loss, _ = naive(model, base, batch, params)
    model.zero_grad()
    assert gradient.accumulate(batch, 64) == pytest.approx(loss, rel=1e-6)
    assert loss > 1e3


def test_directions_differ_and_both_are_above_zero() -> None:
    model, batch = model_of("packed"), rows(0)
    found = []
    plain = 0.0
    for direction in ("base_to_tuned", "tuned_to_base"):
        fresh = copy.deepcopy(model)
        gradient = held(fresh, batch, KlBaseParams(beta=1.0, direction=direction), 64)
        changed(fresh)
        plain = Gradient(fresh).accumulate(batch, 64)
        found.append(gradient.accumulate(batch, 64) - plain)
    assert min(found) > 1e-4
    assert abs(found[0] - found[1]) > 1e-5


# ---- courses

SETTINGS = {"epochs": 2, "batch_size": 3, "learning_rate": 1e-2, "micro_batch_tokens": 64, "checkpoint_seconds": 1e9}


def fit(model: Any, folder: Path, objective: str = "cross_entropy", report: Any = None, **more: Any) -> CourseState:
    changes = more.pop("settings", {})
    return train(
        Course(
            model,
            CourseParams.model_validate(SETTINGS | changes | {"objective": objective}),
            more.pop("rows", None) or rows(OWN_PASS + 6),
            3,
            folder,
            report or (lambda _what, _share: None),
            objective=OBJECTIVES.get(objective),
            objective_params=OBJECTIVES.get(objective).params.model_validate(more),
        )
    )


def weights(model: Any) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in model.parameters()])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_beta_zero_is_plain_training_bit_for_bit(tmp_path: Path, way: str, dropout: float) -> None:
    plain, free = (model_of(way, attention_dropout=dropout).float() for _ in range(2))
    one = fit(plain, tmp_path / "plain")
    other = fit(free, tmp_path / "free", "kl_base", beta=0.0)
    assert torch.equal(weights(plain), weights(free))
    assert one.losses == other.losses
    assert one.n_forwarded_tokens == other.n_forwarded_tokens


@pytest.mark.parametrize("way", ["packed", "padded"])
def test_a_held_model_stays_nearer_to_its_base_and_a_resumed_one_is_held_by_the_same_base(
    tmp_path: Path, way: str
) -> None:
    class StoppedError(Exception):
        pass

    def stop(_what: str, share: float) -> None:
        if share > 0.6:
            raise StoppedError

    base, plain, whole, again = (model_of(way).float() for _ in range(4))
    longer = {"epochs": 10}
    fit(plain, tmp_path / "plain", settings=longer)
    state = fit(whole, tmp_path / "whole", "kl_base", beta=5.0, settings=longer)
    batch, one = rows(OWN_PASS + 6), KlBaseParams(beta=1.0)
    moved = [naive(model, base, batch, one)[0] - Gradient(model).accumulate(batch, 64) for model in (whole, plain)]
    assert 0 < moved[0] < 0.5 * moved[1]
    with pytest.raises(StoppedError):
        fit(
            model_of(way).float(),
            tmp_path / "again",
            "kl_base",
            stop,
            beta=5.0,
            settings=longer | {"checkpoint_seconds": 0.0},
        )
    resumed = fit(again, tmp_path / "again", "kl_base", beta=5.0, settings=longer)
    assert list((tmp_path / "again/checkpoints").iterdir())
    assert torch.equal(weights(whole), weights(again))
    assert resumed.losses == state.losses


@pytest.mark.parametrize("peft", ["none", "lora"])
def test_the_head_as_it_was_is_kept_where_it_trains(peft: str) -> None:
    model = tiny_model("llama")
    model.requires_grad_(peft == "none")
    found = head.find_head(model)
    assert found is not None
    batch = rows(0)
    kept = Reference.of(batch, [(batch, Outputs(torch.zeros(sum(map(supervised, batch)), 32), found.weight))], found)
    assert kept.head is not None
    assert torch.equal(kept.head, found.weight)
    assert (kept.head.data_ptr() == found.weight.data_ptr()) == (peft == "lora")


def test_logits_that_do_not_fit_are_refused_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = rows(OWN_PASS + 6)
    n_bytes = sum(map(supervised, batch)) * 400 * 4
    monkeypatch.setattr(targets, "LOGIT_BYTES", n_bytes)
    fit(model_of("padded").float(), tmp_path, "kl_base")
    monkeypatch.setattr(targets, "LOGIT_BYTES", n_bytes - 1)
    with pytest.raises(UnitError, match=r"the base's logits at 12 places take .* train on fewer rows"):
        fit(model_of("padded").float(), tmp_path, "kl_base")
    fit(model_of("packed").float(), tmp_path, "kl_base")  # hidden states


def test_rounds_cannot_be_compared_with_a_base_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kl_base looks at all rows before training"):
        fit(tiny_model(), tmp_path, "kl_base", rows=lambda _round: rows(0))


# ---- weights and soft targets


@WAY
def test_weights_of_one_are_no_weights_bit_for_bit(way: str) -> None:
    batch = rows(OWN_PASS + 6)
    ones = [row._replace(weights=(1.0,) * supervised(row)) for row in batch]
    for model in (model_of(way), model_of(way).float()):
        loss = Gradient(model).accumulate(batch, 64)
        expected = gradients(model)
        model.zero_grad()
        assert Gradient(model).accumulate(ones, 64) == (
            pytest.approx(loss, abs=1e-6) if way in ("padded", "no-head") else loss
        )
        assert all(torch.equal(value, expected[name]) for name, value in gradients(model).items())


@WAY
@pytest.mark.parametrize("frozen", [False, True], ids=["", "frozen-embeddings"])
def test_weighted_cross_entropy_has_the_gradient_of_the_naive_formula(way: str, frozen: bool) -> None:
    model, batch = model_of(way), rows(OWN_PASS + 6, weighted=True)
    for name, value in model.named_parameters():
        value.requires_grad_(not (frozen and ("embed" in name or "head" in name)))
    loss, expected = naive(model, model, batch, KlBaseParams(beta=0.0))
    for budget in (10_000, 64):
        model.zero_grad()
        assert Gradient(model).accumulate(batch, budget) == pytest.approx(loss, abs=1e-6)
        assert_equal(gradients(model), expected)


def test_a_weight_of_zero_takes_a_place_out_and_the_mean_stays_over_all() -> None:
    model, (first, second) = model_of("packed"), rows(0, n_rows=2)
    out = first._replace(weights=(0.0,) * supervised(first))
    alone = Gradient(model).accumulate([second], 10_000)
    n_own, n_all = supervised(second), supervised(first) + supervised(second)
    assert Gradient(model).accumulate([out, second], 10_000) == pytest.approx(alone * n_own / n_all, abs=1e-7)


def test_weights_stand_at_their_own_places_whatever_the_order_of_rows() -> None:
    batch = [Encoded([1, 2, 3], 1, (0.5, 2.0)), Encoded([4, 5], 0), Encoded([6, 7, 8, 9], 3, (3.0,))]
    found = weights_of(batch, torch.device("cpu"))
    assert found is not None
    assert found.tolist() == [0.5, 2.0, 1.0, 3.0]
    assert weights_of([batch[1]], torch.device("cpu")) is None


def test_as_many_weights_as_supervised_tokens_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="row 1 has 3 weights for 2 supervised tokens"):
        fit(tiny_model(), tmp_path, rows=[Encoded([1, 2, 3], 1), Encoded([1, 2, 3], 0, (1.0, 1.0, 1.0))])
    soft = SoftTargets(((1, 2),), ((-1.0, -2.0),), (0.1,))
    with pytest.raises(ValueError, match="row 0 has 1 soft targets for 2 supervised tokens"):
        fit(tiny_model(), tmp_path, rows=[Encoded([1, 2, 3], 1, None, soft)])


@pytest.mark.parametrize("apart", [True, False], ids=["head", "logits"])
def test_soft_targets_in_float64_against_the_naive_formula(apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "CHUNK", 3)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(7, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(7, 11, generator=generator, dtype=torch.float64).softmax(-1)
    largest = teacher.topk(3)
    soft = Soft(largest.indices, largest.values.log(), 1 - largest.values.sum(-1))
    outputs = Outputs(hidden, weight) if apart else Outputs(hidden @ weight.t(), None)
    found = summed_soft_divergence(outputs, soft)
    q = (hidden @ weight.t()).softmax(-1)
    rest = 1 - q.gather(1, largest.indices).sum(-1)
    naive_loss = (largest.values * (largest.values / q.gather(1, largest.indices)).log()).sum()
    naive_loss = naive_loss + (soft.tail * (soft.tail / rest).log()).sum()
    torch.testing.assert_close(found, naive_loss)
    for one, other in zip(
        torch.autograd.grad(found, (hidden, weight), retain_graph=True),
        torch.autograd.grad(naive_loss, (hidden, weight)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_a_soft_target_of_one_token_is_its_cross_entropy() -> None:
    hidden, weight = torch.randn(4, 5, dtype=torch.float64), torch.randn(9, 5, dtype=torch.float64)
    ids = torch.tensor([1, 8, 0, 3])
    soft = Soft(ids[:, None], torch.zeros(4, 1), torch.zeros(4))
    expected = torch.nn.functional.cross_entropy(hidden @ weight.t(), ids, reduction="sum")
    torch.testing.assert_close(summed_soft_divergence(Outputs(hidden, weight), soft), expected)


def test_soft_targets_of_rows_come_one_after_the_other() -> None:
    one = SoftTargets(((1, 2),), ((-1.0, -2.0),), (0.5,))
    two = SoftTargets(((3, 4), (5, 6)), ((-3.0, -4.0), (-5.0, -6.0)), (0.25, 0.125))
    batch = [Encoded([1, 2], 1, None, one), Encoded([1, 2, 3], 1, None, two)]
    found = soft_of(batch, torch.device("cpu"))
    assert found is not None
    assert found.ids.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.log_probs.tolist() == [[-1, -2], [-3, -4], [-5, -6]]
    assert found.tail.tolist() == [0.5, 0.25, 0.125]
    assert soft_of([*batch, Encoded([1, 2], 1)], torch.device("cpu")) is None


# ---- every entry

EVERY = pytest.mark.parametrize("objective", list(OBJECTIVES), ids=OBJECTIVES.names())


@EVERY
def test_an_entry_declares_itself(objective: Objective) -> None:
    assert objective.description
    assert objective.reference
    assert objective.version >= 1
    assert issubclass(objective.params, ObjectiveParams)
    assert all(not field.is_required() for field in objective.params.model_fields.values())


@EVERY
def test_training_by_any_objective_lowers_it_and_a_uniform_model_starts_at_its_log(
    tmp_path: Path, objective: Objective
) -> None:
    model, batch = tiny_model(), rows(OWN_PASS + 6)
    if objective.needs_teacher:  # one that is sure of the tokens that are there
        batch = [one._replace(soft=_sure(one)) for one in batch]
    state = fit(model, tmp_path, objective.name, rows=batch, settings={"epochs": 8, "learning_rate": 2e-2})
    assert state.losses[0] == pytest.approx(math.log(400), abs=0.5)
    assert state.losses[-1] < 0.8 * state.losses[0]


def _sure(row: Encoded) -> SoftTargets:
    tokens = row.ids[-supervised(row) :]
    return SoftTargets(tuple((one,) for one in tokens), ((0.0,),) * len(tokens), (0.0,) * len(tokens))


@pytest.mark.parametrize("wrong", [{"beta": -0.1}, {"beta": True}, {"direction": "both"}, {"gamma": 1}], ids=str)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        KlBaseParams.model_validate(wrong)
