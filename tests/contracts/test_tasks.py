"""Every entry of TASKS keeps the Task contract; a new task is covered without another line here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hanka.errors import HankaError
from hanka.metrics import METRICS, Metric, ScoringContext
from hanka.records import Example, Prediction
from hanka.tasks import TASKS, Task
from hanka.tasks.base import FIELD

EVERY = pytest.mark.parametrize("task", list(TASKS), ids=TASKS.names())


def examples(task: Task, n: int = 8) -> list[Example]:
    """Examples with every field filled, and targets the task could have."""
    targets = task.labels or tuple(f"an answer of its own, number {i}" for i in range(n))
    return [
        Example(str(i), {name: f"⟨{name} {i}⟩ text" for name in task.inputs}, targets[i % len(targets)])
        for i in range(n)
    ]


def primary(task: Task) -> Metric:
    return METRICS.get(task.metrics[0])


def value(task: Task, outputs: Sequence[str]) -> float:
    """The primary metric of outputs as a run would score them."""
    predictions = []
    for example, output in zip(examples(task, len(outputs)), outputs, strict=True):
        parsed = task.parse(output)
        status = "ok" if parsed is not None else "unparsed"
        predictions.append(Prediction(example.id, "", "", example.target, output, parsed, None, status, "", 1, 1))  # type: ignore[arg-type]
    context = ScoringContext(labels=task.labels, training_labels=task.labels, max_new_tokens=60)
    return primary(task).value(primary(task).rows(predictions, context).statistics)


@EVERY
def test_declares_itself(task: Task) -> None:
    assert task.description
    assert task.reference
    assert task.inputs
    assert "p1" in task.prompts


@EVERY
def test_metrics_are_registered_for_its_kind_and_the_first_one_ranks(task: Task) -> None:
    assert all(task.kind in METRICS.get(name).kinds for name in task.metrics)
    assert primary(task).higher_is_better is True
    assert len(set(task.metrics)) == len(task.metrics)


@EVERY
def test_labels_are_distinct_plain_words_and_none_begins_another(task: Task) -> None:
    assert bool(task.labels) == (task.kind == "classification")
    assert len(set(task.labels)) == len(task.labels)
    for label in task.labels:
        assert label == label.strip() != ""
        assert [other for other in task.labels if other != label and other.startswith(label)] == []


@EVERY
def test_gold_parses_to_itself(task: Task) -> None:
    for example in examples(task):
        for written in (
            example.target,
            f" {example.target}",
            f"{example.target}\n",
            example.target + task.stop[0] + "more",
        ):
            assert task.parse(written) == example.target


@EVERY
def test_gold_scores_best_and_an_empty_answer_does_not(task: Task) -> None:
    gold = value(task, [example.target for example in examples(task)])
    empty = value(task, [""] * 8)
    assert gold == primary(task).high
    assert empty == primary(task).low


@EVERY
def test_a_classification_output_that_is_no_label_is_not_guessed(task: Task) -> None:
    if task.kind == "classification":
        for output in ("", "perhaps", task.labels[0] + "!", " ".join(task.labels), task.labels[0].upper()):
            assert task.parse(output) is None


@EVERY
def test_every_prompt_holds_every_input_and_nothing_else(task: Task) -> None:
    for prompt in task.prompts:
        assert set(FIELD.findall(task.template(prompt))) == set(task.inputs)
        for example in examples(task):
            text = task.render(example, prompt)
            assert [name for name in task.inputs if example.fields[name] not in text] == []
            assert FIELD.findall(text) == []


@EVERY
def test_rendering_is_deterministic_and_leaves_the_target_out(task: Task) -> None:
    for prompt in task.prompts:
        for example in examples(task):
            text = task.render(example, prompt)
            other = Example("other", dict(reversed(example.fields.items())), "another target")
            assert text == task.render(example, prompt) == task.render(other, prompt)
            assert example.target not in text.removeprefix(task.template(prompt))


@EVERY
def test_braces_in_the_data_are_left_alone(task: Task) -> None:
    fields = dict.fromkeys(task.inputs, "{input} {0} {{x}} {" + task.inputs[0] + "}")
    for prompt in task.prompts:
        assert task.render(Example("x", fields, ""), prompt).count("{input} {0} {{x}} {") == len(
            FIELD.findall(task.template(prompt))
        )


@EVERY
def test_prompts_differ_from_each_other_and_between_tasks(task: Task) -> None:
    others = [template for other in TASKS if other is not task for template in other.prompts.values()]
    assert len({*task.prompts.values(), *others}) == len(task.prompts) + len(set(others))


@EVERY
def test_an_unknown_prompt_suggests_the_nearest(task: Task) -> None:
    with pytest.raises(HankaError, match=f"task {task.name} has no prompt 'P1': did you mean 'p1'"):
        task.template("P1")


@pytest.mark.parametrize(("kind", "labels"), [("classification", ()), ("generation", ("yes", "no"))])
def test_labels_belong_to_a_classification_and_to_nothing_else(kind: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a classification needs labels, a generation has none"):
        Task("x", kind, {"p1": "{input}"}, ("accuracy",), labels)  # type: ignore[arg-type]
