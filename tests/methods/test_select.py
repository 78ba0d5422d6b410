"""A choice on validation rows: the best of several entries, by the task's primary metric, answering as the chosen one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.costs.estimate import Estimator
from hanka.errors import StudyError
from hanka.methods.select.adapt import CERTAINTY, _rank
from hanka.plan import PlannedParent
from hanka.work.answer import Question, answer_question
from small_studies import Carried, carry_out, plan_of, small_base

STILL = 1e-30
TRAIN = {"validation": 0.3}
SMALL = {"of": "expert", "base": "small"}
METHODS: list[dict[str, Any]] = [
    {"sft": {"name": "still", "learning_rate": STILL, "bases": ["tiny"]}},
    {"sft": {"name": "tuned", "keep_steps": [2], "epochs": 8, "learning_rate": 0.1, "bases": ["tiny"]}},
    {"select": {"name": "best", "of": ["still", "tuned", {"of": "tuned", "step": 2}], "bases": ["tiny"]}},
    {"select": {"name": "shown", "of": ["still", "tuned"], "shots": 2, "rows": 3, "bases": ["tiny"]}},
    {"sft": {"name": "expert", "bases": ["small"]}},
    {"proxy": {"name": "weak", "expert": SMALL, "alpha": 0.5, "bases": ["tiny"]}},
    {"proxy": {"name": "strong", "expert": SMALL, "alpha": 2.0, "bases": ["tiny"]}},
    {"select": {"name": "steered", "of": ["weak", "strong"], "bases": ["tiny"]}},
    {"interpolate": {"name": "pulled back", "of": "best", "weight": 1, "bases": ["tiny"]}},
    {"select": {"name": "again", "of": ["still", "best"], "bases": ["tiny"]}},
]


@pytest.fixture(scope="module")
def carried(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    base = [{"model": str(tiny_folder), "name": "tiny"}, small_base(tiny_folder)]
    return carry_out(plan_of(tiny_folder, METHODS, train=TRAIN, base=base), tmp_path_factory.mktemp("run"))


def by_hand(carried: Carried, label: str) -> tuple[float, float]:
    """The share of its validation rows that a variant answers rightly; the mean log-probability of the right label."""
    planned, place = carried.planned(label), carried.worker.place
    learner = place.plan.learner(planned)
    assert learner.training is not None
    (part,) = learner.training.parts
    found = answer_question(
        place, Question(PlannedParent(planned.variant.id, None), part.validation, part.task.name, "p1")
    )
    labels = part.task.labels
    scores = torch.tensor([one.label_scores for one in found], dtype=torch.float64).log_softmax(1)
    nats = [float(row[labels.index(one.target)]) for row, one in zip(scores, found, strict=True)]
    return sum(one.parsed == one.target for one in found) / len(found), sum(nats) / len(nats)


def chosen(carried: Carried, label: str) -> str:
    record = carried.made(label)["record"]
    return str(record["candidates"][record["chosen"]]["of"])


def test_values_on_validation_rows_are_those_counted_by_hand_and_the_best_is_chosen(carried: Carried) -> None:
    record = carried.made("best")["record"]
    assert record["metrics"] == ["accuracy", "macro_f1", "label_log_probability"]
    values = [one["values"] for one in record["candidates"]]
    for value, label in zip(values, ("still", "tuned"), strict=False):
        wanted = by_hand(carried, label)
        assert (value["accuracy"], value["label_log_probability"]) == pytest.approx(wanted)
    ranks = [(one["accuracy"], one["macro_f1"], one["label_log_probability"]) for one in values]
    assert len(set(ranks)) == 3
    assert ranks[record["chosen"]] == max(ranks)
    assert record["n_equal"] == 1


def test_it_answers_as_the_chosen_one_does_to_the_last_bit(carried: Carried) -> None:
    for label, candidates in (("best", ("still", "tuned")), ("steered", ("weak", "strong"))):
        others = {name: carried.answers(name) for name in candidates}
        assert not carried.made(label)["record"]["candidates"][carried.made(label)["record"]["chosen"]]["step"]
        assert carried.answers(label) == others[chosen(carried, label)]
    assert carried.answers("weak") != carried.answers("strong")  # else the choice could not show


def test_metrics_decide_in_their_order_and_direction_then_certainty() -> None:
    """With a candidate's values at hand: metrics first, in the task's order, then certainty; smaller is better where it is."""
    assert _rank({"accuracy": 0.5, "macro_f1": 0.4}) > _rank({"accuracy": 0.5, "macro_f1": 0.3})
    assert _rank({"accuracy": 0.6, "macro_f1": 0.1}) > _rank({"accuracy": 0.5, "macro_f1": 0.9})
    assert _rank({"mae": 1.0}) > _rank({"mae": 2.0})
    assert _rank({"accuracy": 0.5, CERTAINTY: -0.1}) > _rank({"accuracy": 0.5, CERTAINTY: -0.2})


def test_demonstrations_stand_before_the_rows_and_rows_are_limited(carried: Carried) -> None:
    record = carried.made("shown")["record"]
    assert (record["n"], record["shots"]) == (3, 2)
    assert carried.plan.meant_shots(carried.planned("shown")) == 2


def test_the_chosen_weights_serve_what_is_made_of_them(carried: Carried) -> None:
    assert carried.made("pulled back")["status"] == "done"
    assert chosen(carried, "again") == "best"
    assert carried.answers("again") == carried.answers("best")


def test_the_plan_counts_what_the_choice_asks(carried: Carried) -> None:
    costs = Estimator(carried.plan)
    one, both = costs.variant(carried.planned("best")), costs.variant(carried.planned("steered"))
    assert one.n_tokens > 0
    assert both.seconds > 0


def test_without_a_candidate_nothing_is_chosen(tiny_folder: Path, tmp_path: Path) -> None:
    methods = [
        {"sft": {"name": "diverging", "learning_rate": 1e30, "optimizer": "sgd", "max_grad_norm": 1e30}},
        {"sft": {"name": "tuned"}},
        {"select": {"name": "best", "of": ["diverging", "tuned"]}},
    ]
    made = carry_out(plan_of(tiny_folder, methods, train=TRAIN), tmp_path).made("best")
    assert made["status"] == "failed"
    assert "diverging was not made" in made["reason"]


@pytest.mark.parametrize(
    ("methods", "train", "said"),
    [
        ([{"sft": {"name": "a"}}, {"sft": {"name": "b"}}], {}, "no rows to validate on, and they choose"),
        ([{"sft": {"name": "a"}}, {"sft": {"name": "b", "validation": 0.2}}], TRAIN, "set other rows aside"),
        ([{"sft": {"name": "a"}}, {"proxy": {"name": "b", "expert": "a"}}], TRAIN, "answer in one way"),
        ([{"sft": {"name": "a"}}, {"sft": {"name": "b", "dtype": "bfloat16"}}], TRAIN, "answer in one way"),
    ],
)
def test_candidates_that_cannot_be_compared_are_refused(
    methods: list[Any], train: dict[str, Any], said: str, tiny_folder: Path
) -> None:
    with pytest.raises(StudyError, match=said):
        plan_of(tiny_folder, [*methods, {"select": {"of": ["a", "b"]}}], train=train)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (["a"], "has 1 of at least 2 entries"),
        (["a", "a"], "named twice"),
        (["a", "base"], "'base' is not adapted"),
        (["a", "c"], "no method is called 'c'"),
        (["a", {"of": "a", "step": 3}], "keeps no checkpoint of step 3"),
    ],
)
def test_what_is_no_choice_is_refused_in_one_line(of: list[Any], said: str, tiny_folder: Path) -> None:
    with pytest.raises(StudyError, match=said):
        plan_of(tiny_folder, [{"sft": {"name": "a"}}, {"select": {"of": of}}], train=TRAIN)
