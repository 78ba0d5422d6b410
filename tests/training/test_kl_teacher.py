"""The divergence from a teacher: against the plain formula in float64, zero where the two agree, gradients by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.prompting import Encoded
from hanka.training.batching import supervised
from hanka.training.gradient import Gradient
from hanka.training.objectives.contract import Outputs, Soft, Targets
from hanka.training.objectives.kl_teacher import AGREE, KL_TEACHER, KlTeacherParams
from hanka.training.teacher import told_by
from tiny_models import tiny_model

ROWS = [Encoded([5, 9, 20, 31, 7, 8], 4), Encoded([3, 4, 6, 11, 250, 40, 17], 3), Encoded([2, 9], 1)]
ALL = 400
"Tokens of the tiny vocabulary."


def loss_of(model: Any, rows: list[Encoded], params: KlTeacherParams) -> float:
    """Mean divergence per supervised token, as training has it."""
    gradient = Gradient(model, loss=lambda targets: KL_TEACHER.loss(targets, params))
    return gradient.accumulate(rows, 4096)


def plain(teacher: Any, student: Any, rows: list[Encoded], temperature: float) -> float:
    """The same by the formula, row by row, over the whole vocabulary."""
    total, n = 0.0, 0
    for row in rows:
        ids = torch.tensor([row.ids])
        with torch.no_grad():
            p, q = (
                (model(input_ids=ids).logits[0, row.start - 1 : -1].double() / temperature).log_softmax(-1)
                for model in (teacher, student)
            )
        total += float((p.exp() * (p - q)).sum())
        n += supervised(row)
    return total / n


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_with_the_whole_vocabulary_kept_it_is_the_plain_formula_in_float64(temperature: float) -> None:
    teacher, student = tiny_model(seed=1).double(), tiny_model(seed=2).double()
    told = told_by(teacher, ROWS, ALL, temperature, 64)
    rows = [row._replace(soft=one.soft) for row, one in zip(ROWS, told, strict=True)]
    params = KlTeacherParams(temperature=temperature, top_k=ALL)
    assert loss_of(student, rows, params) == pytest.approx(plain(teacher, student, ROWS, temperature), abs=1e-7)
    squared = KlTeacherParams(temperature=temperature, top_k=ALL, squared=True)
    assert loss_of(student, rows, squared) == pytest.approx(temperature**2 * loss_of(student, rows, params))


def test_a_bucket_hides_and_never_adds() -> None:
    teacher, student = tiny_model(seed=1), tiny_model(seed=2)
    found = []
    for k in (2, 16, ALL):
        told = told_by(teacher, ROWS, k, 2.0, 64)
        rows = [row._replace(soft=one.soft) for row, one in zip(ROWS, told, strict=True)]
        found.append(loss_of(student, rows, KlTeacherParams(top_k=k)))
    assert 0 < found[0] < found[1] < found[2]
    assert found[2] == pytest.approx(plain(teacher, student, ROWS, 2.0), abs=1e-6)


def test_what_is_kept_of_a_teacher_are_its_largest_probabilities_and_the_rest() -> None:
    teacher = tiny_model(seed=1)
    told = told_by(teacher, ROWS, 3, 2.0, 64)
    for row, one in zip(ROWS, told, strict=True):
        with torch.no_grad():
            logits = teacher(input_ids=torch.tensor([row.ids])).logits[0, row.start - 1 : -1]
        expected = (logits / 2.0).log_softmax(-1)
        largest = expected.topk(3)
        assert torch.tensor(one.soft.ids).tolist() == largest.indices.tolist()
        torch.testing.assert_close(torch.tensor(one.soft.log_probs), largest.values, atol=1e-5, rtol=1e-5)
        rest = 1 - largest.values.exp().sum(-1)
        torch.testing.assert_close(torch.tensor(one.soft.tail), rest, atol=1e-5, rtol=1e-5)
        own = logits.log_softmax(-1)[range(supervised(row)), row.ids[row.start :]]
        torch.testing.assert_close(torch.tensor(one.log_likelihoods), own, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 0.5])
def test_gradients_in_float64_against_autograd(temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(7, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    p = (torch.randn(7, 11, generator=generator, dtype=torch.float64) / temperature).softmax(-1)
    largest = p.topk(4)
    soft = Soft(largest.indices, largest.values.log(), 1 - largest.values.sum(-1))
    params = KlTeacherParams(temperature=temperature, top_k=4)
    found = KL_TEACHER.loss(Targets(Outputs(hidden, weight), torch.zeros(7, dtype=torch.long), soft=soft), params)
    q = (hidden @ weight.t() / temperature).softmax(-1)
    kept = q.gather(1, largest.indices)
    naive = (largest.values * (largest.values / kept).log()).sum()
    naive = naive + (soft.tail * (soft.tail / (1 - kept.sum(-1))).log()).sum()
    torch.testing.assert_close(found, naive)
    for one, other in zip(
        torch.autograd.grad(found, (hidden, weight), retain_graph=True),
        torch.autograd.grad(naive, (hidden, weight)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_where_both_agree_up_to_rounding_there_is_neither_loss_nor_gradient() -> None:
    logits = torch.randn(3, 20, generator=torch.Generator().manual_seed(1)).requires_grad_()
    p = (logits.detach() / 2).log_softmax(-1)
    largest = p.topk(5)
    nearly = largest.values + 1e-6  # another order of summing
    soft = Soft(largest.indices, nearly, 1 - largest.values.exp().sum(-1))
    targets = Targets(Outputs(logits, None), torch.zeros(3, dtype=torch.long), soft=soft)
    found = KL_TEACHER.loss(targets, KlTeacherParams(top_k=5))
    found.backward()  # type: ignore[no-untyped-call]
    assert found.item() == 0.0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))
    apart = Soft(largest.indices, largest.values + 100 * AGREE, soft.tail)
    assert KL_TEACHER.loss(Targets(Outputs(logits, None), targets.ids, soft=apart), KlTeacherParams(top_k=5)) != 0


def test_without_a_teacher_it_says_which_method_has_one() -> None:
    targets = Targets(Outputs(torch.zeros(1, 4), None), torch.zeros(1, dtype=torch.long))
    with pytest.raises(UnitError, match="these rows have none; train with method distil"):
        KL_TEACHER.loss(targets, KlTeacherParams())


def test_a_teacher_that_says_no_number_is_an_error() -> None:
    teacher = tiny_model(seed=1)
    with torch.no_grad():
        teacher.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(UnitError, match="the teacher gives no number"):
        told_by(teacher, ROWS, 3, 2.0, 64)
