"""Every entry of TASKS keeps the Task contract; a new task is covered without another line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hanka.engines.contract import TextAnswer
from hanka.errors import HankaError
from hanka.metrics import METRICS, Metric, ScoringContext
from hanka.records import Example, Prediction
from hanka.tasks import TASKS, Task
from hanka.tasks.base import FIELD
from hanka.tasks.verifiers import VERIFIERS
from hanka.work.answers import text_part

EVERY = pytest.mark.parametrize("task", list(TASKS), ids=TASKS.names())


def examples(task: Task, n: int = 8) -> list[Example]:
    """Examples with every field filled, and targets the task could have."""
    written = "{}.5" if task.kind == "regression" else "an answer of its own, {}"
    targets = task.labels or tuple(written.format(i) for i in range(n))
    return [
        Example(str(i), {name: f"⟨{name} {i}⟩ text" for name in task.inputs}, targets[i % len(targets)])
        for i in range(n)
    ]


def primary(task: Task) -> Metric:
    return METRICS.get(task.metrics[0])


def value(task: Task, outputs: Sequence[str]) -> float:
    """The primary metric of outputs as a run would score them."""
    asking = [
        text_part(task, example, TextAnswer(output, 1))
        for example, output in zip(examples(task, len(outputs)), outputs, strict=True)
    ]
    predictions = [
        Prediction(
            example.id, "", "", example.target, part.output, part.judgement.answer, None,
            "ok" if part.judgement.answer is not None else "unparsed", "", 1, 1, part.judgement.reward,
        )
        for example, part in zip(examples(task, len(outputs)), asking, strict=True)
    ]  # fmt: skip
    context = ScoringContext(labels=task.labels, training_labels=task.labels, max_new_tokens=60)
    return primary(task).value(primary(task).rows(predictions, context).statistics)


@EVERY
def test_declares_itself(task: Task) -> None:
    assert task.description
    assert task.reference
    assert bool(task.inputs) == (task.kind != "likelihood")
    assert "p1" in task.prompts
    assert task.version >= 1
    assert task.verifier in VERIFIERS


@EVERY
def test_metrics_are_registered_for_its_kind_and_the_first_one_ranks(task: Task) -> None:
    assert all(task.kind in METRICS.get(name).kinds for name in task.metrics)
    assert primary(task).higher_is_better is not None
    assert len(set(task.metrics)) == len(task.metrics)


@EVERY
def test_labels_are_distinct_plain_words_and_none_begins_another(task: Task) -> None:
    assert bool(task.labels) == (task.kind == "classification")
    assert len(set(task.labels)) == len(task.labels)
    for label in task.labels:
        assert label == label.strip() != ""
        assert [other for other in task.labels if other != label and other.startswith(label)] == []


@EVERY
def test_gold_is_right_however_it_is_written(task: Task) -> None:
    for example in examples(task):
        after = [example.target + stop + "more" for stop in task.stop[:1]]
        for written in (example.target, f" {example.target}", f"{example.target}\n", *after):
            judged = task.verify(example, written)
            assert (judged.answer, judged.reward) == (example.target, 1.0)
            assert judged.message
        assert task.refusal(example) == ""


@EVERY
def test_what_is_not_gold_earns_nothing_and_says_why(task: Task) -> None:
    for example in examples(task):
        around = ("99",) if task.kind == "regression" else (example.target + "!", f"no {example.target}")
        if task.verifier == "mentions":  # what stands beside a name as a word of its own leaves it named
            around = (example.target + "x", f"x{example.target}")
        if task.verifier == "label_word":  # reads a label out of a sentence
            around = (f"x{example.target}", f"{example.target}-like")
        for written in ("", "perhaps", *around):
            judged = task.verify(example, written)
            assert judged.reward == 0.0
            assert judged.message
            assert "\n" not in judged.message


@EVERY
def test_gold_scores_best_and_an_empty_answer_does_not(task: Task) -> None:
    if task.kind == "likelihood":  # scored by its tokens, not by an answer
        return
    gold = value(task, [example.target for example in examples(task)])
    empty = value(task, [""] * 8)
    assert gold == pytest.approx(primary(task).high, abs=1e-12)
    if task.kind == "regression":  # an answer that is none counts as the worst number of the test set
        assert empty < 0
    else:
        assert empty == primary(task).low


@EVERY
def test_a_classification_output_that_is_no_label_is_not_guessed(task: Task) -> None:
    if task.kind == "classification":
        cased = [other for other in (task.labels[0].upper(),) if other != task.labels[0]]
        around = (
            ["know", "cannot"]
            if task.verifier == "label_word"
            else [task.labels[0] + "!", " ".join(task.labels), *cased]
        )
        for output in ("", "perhaps", *around):
            assert task.verify(examples(task)[0], output).answer is None


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
            assert "⟪target⟫" not in task.render(replace(example, target="⟪target⟫"), prompt)


@EVERY
def test_braces_in_the_data_are_left_alone(task: Task) -> None:
    fields = dict.fromkeys(task.inputs, "{input} {0} {{x}} {" + "".join(task.inputs[:1]) + "}")
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
    if task.kind == "likelihood":  # asks nothing under any name
        assert task.template("P1") == ""
        return
    with pytest.raises(HankaError, match=f"task {task.name} has no prompt 'P1': did you mean 'p1'"):
        task.template("P1")


@pytest.mark.parametrize(
    ("kind", "labels"), [("classification", ()), ("generation", ("a", "b")), ("regression", ("a", "b"))]
)
def test_labels_belong_to_a_classification_and_to_nothing_else(kind: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"a classification needs labels, a {kind} has none"):
        Task("x", kind, {"p1": "{input}"}, ("accuracy",), labels)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "template"), [("likelihood", "{input}"), ("generation", "no field")])
def test_only_a_likelihood_asks_nothing(kind: str, template: str) -> None:
    with pytest.raises(ValueError, match="a likelihood asks nothing"):
        Task("x", kind, {"p1": template}, ())  # type: ignore[arg-type]


def test_only_generations_and_regressions_are_written() -> None:
    prompts = {"p1": "{input}"}
    written = [Task("x", "generation", prompts, ()), Task("x", "regression", prompts, ())]
    scored = [Task("x", "likelihood", {"p1": ""}, ()), Task("x", "classification", prompts, (), ("a", "b"))]
    assert [task.is_written for task in (*written, *scored)] == [True, True, False, False]
    assert [task.verifier for task in (*written, *scored)] == ["text", "number", "text", "label"]
