"""What an engine said → predictions: labels chosen, texts judged by the task's verifier, texts scored.

predict, between engine and store. Every sample becomes one row; one that could not be answered is a failed row
with its reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from hanka.engines.contract import (
    NO_NUMBER,
    Decoding,
    Engine,
    LabelAnswer,
    Refusal,
    TextAnswer,
    TextScore,
    WrittenLabel,
    no_number,
)
from hanka.errors import UnitError
from hanka.identity import sha256_text
from hanka.prompting import Asked
from hanka.records import Example, Judgement, Prediction, Status
from hanka.study.resolved import WRITTEN
from hanka.tasks.base import Task


class Reasoned(NamedTuple):
    """What a model wrote before one answer."""

    n_tokens: int
    "Tokens of reasoning."
    was_cut: bool
    "Whether its budget ended it."
    failure: str = ""
    "Why nothing came out."
    text: str = ""
    "The reasoning itself."


@dataclass(frozen=True, slots=True)
class Asking:
    """A test set's questions with how they are to be answered."""

    task: Task
    "The task."
    examples: Sequence[Example]
    "The samples."
    asked: Asked
    "Their questions, aligned."
    scoring: str
    "How a label is chosen: full, normalised, first_token or written."
    decoding: Decoding
    "How text is written."
    label_bias: Mapping[str, float] = field(default_factory=dict)
    "Nats added to a label's score when one is chosen; what is stored stays raw."
    reasoned: tuple[Reasoned, ...] = ()
    "What the model wrote before each answer; empty where it answers at once."


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a prediction that the engine's answer decides."""

    output: str | None = None
    "Raw text, or the chosen label."
    judgement: Judgement | None = None
    "What the task says of it; None where nothing came out or nothing was asked."
    label_scores: tuple[float, ...] | None = None
    "Nats."
    token_scores: tuple[float, ...] | None = None
    "Nats."
    n_output_tokens: int = 0
    "Generated tokens."
    n_read: int | None = None
    "Tokens read, where the engine counts them itself."
    failure: str = ""
    "Why nothing came out."
    reasoning: str = ""
    "What was written before the answer."


def predict(asking: Asking, engine: Engine) -> list[Prediction]:
    """Ask an engine and return one prediction per sample, in order.

    Raises UnitError where not one sample got a number, or no label of any sample stands out: nothing was measured.
    """
    parts = _behind_reasoning(asking, _PARTS[asking.task.kind](asking, engine))
    _require_any_answer(asking, parts)
    asked = asking.asked
    rows = zip(asking.examples, asked.queries, asked.encoded, parts, strict=True)
    return [_prediction(example, asked.prefix, query, len(encoded.ids), part) for example, query, encoded, part in rows]


def _behind_reasoning(asking: Asking, parts: list[Part]) -> list[Part]:
    """Keep and count what was written before each answer; where nothing could be, there is no answer."""
    if not asking.reasoned:
        return parts
    return [
        Part(failure=before.failure)
        if before.failure
        else replace(part, n_output_tokens=part.n_output_tokens + before.n_tokens, reasoning=before.text)
        for part, before in zip(parts, asking.reasoned, strict=True)
    ]


def _require_any_answer(asking: Asking, parts: Sequence[Part]) -> None:
    failures = Counter(part.failure for part in parts if part.failure.startswith(NO_NUMBER))
    if parts and failures.total() == len(parts):
        raise UnitError(f"none of {len(parts)} rows got an answer; {failures.most_common(1)[0][0]}")
    scores = [biased(asking, part.label_scores) for part in parts if part.label_scores is not None]
    if len(scores) > 1 and all(len(set(one)) == 1 for one in scores):
        raise UnitError(
            f"every label has the same score in all of {len(scores)} rows: the model tells no label from another, so "
            f"nothing was chosen"
        )


def n_tied(asking: Asking, predictions: Sequence[Prediction]) -> int:
    """Count the samples whose best label shares its score with another one; the first of them is the answer."""
    scores = [biased(asking, one.label_scores) for one in predictions if one.label_scores is not None]
    return sum(1 for one in scores if one.count(max(one)) > 1)


def n_empty(asking: Asking, predictions: Sequence[Prediction]) -> int:
    """Count the samples of a written task for which nothing visible was written."""
    written = predictions if asking.task.is_written else ()
    return sum(1 for one in written if one.output is not None and not one.output.strip())


def _prediction(example: Example, prefix: str, query: str, n_asked: int, part: Part) -> Prediction:
    judgement = part.judgement
    unparsed = judgement is not None and judgement.answer is None
    status: Status = "failed" if part.failure else "unparsed" if unparsed else "ok"
    return Prediction(
        sample_id=example.id,
        prompt=query,
        prompt_sha256=sha256_text(prefix + query),
        target=example.target,
        output=part.output,
        parsed=None if judgement is None else judgement.answer,
        label_scores=part.label_scores,
        status=status,
        reason=part.failure or (judgement.message if judgement is not None and unparsed else ""),
        n_prompt_tokens=n_asked if part.n_read is None else part.n_read,
        n_output_tokens=part.n_output_tokens,
        reward=None if judgement is None else judgement.reward,
        token_scores=part.token_scores,
        reasoning=part.reasoning or None,
    )


def _chosen(asking: Asking, engine: Engine) -> list[Part]:
    if asking.scoring == WRITTEN:
        return _written(asking, engine)
    answers = engine.score_labels(asking.asked.encoded)
    pairs = zip(asking.examples, answers, strict=True)
    return [label_part(asking, example, answer) for example, answer in pairs]


def _written(asking: Asking, engine: Engine) -> list[Part]:
    stop = asking.asked.stop
    decoding = replace(asking.decoding, stop=(*asking.decoding.stop, stop)) if stop else asking.decoding
    answers = engine.generate(asking.asked.encoded, decoding)
    if stop:
        answers = [one if isinstance(one, Refusal) else one._replace(text=one.text.split(stop)[0]) for one in answers]
    return [text_part(asking.task, example, answer) for example, answer in zip(asking.examples, answers, strict=True)]


def _scored(asking: Asking, engine: Engine) -> list[Part]:
    return [likelihood_part(answer) for answer in engine.score_text(asking.asked.encoded)]


_PARTS = {"classification": _chosen, "generation": _written, "regression": _written, "likelihood": _scored}
"How each kind of task is answered."


def label_scores(answer: LabelAnswer, scoring: str) -> tuple[float, ...]:
    """Return each label's score in nats: its log-likelihood, that per token, or its first token's."""
    if scoring == "first_token":
        return tuple(tokens[0] for tokens in answer.log_likelihoods)
    if scoring == "normalised":
        return tuple(sum(tokens) / len(tokens) for tokens in answer.log_likelihoods)
    return tuple(sum(tokens) for tokens in answer.log_likelihoods)


def label_part(asking: Asking, example: Example, answer: LabelAnswer | WrittenLabel | Refusal) -> Part:
    """Choose the label of the highest score, the first of equals, and judge it; a score that is no number is a failure.

    A label that was written is judged as it was read.
    """
    if isinstance(answer, Refusal):
        return _refused(answer)
    if isinstance(answer, WrittenLabel):
        said = answer.text if answer.label is None else _as_labelled(answer.label, asking.task)
        judgement = asking.task.verify(example, said)
        return _judged(answer, judgement)
    task, scores = asking.task, label_scores(answer, asking.scoring)
    compared = biased(asking, scores)
    for label, score in zip(task.labels, compared, strict=True):
        if not math.isfinite(score):
            return Part(failure=no_number(score, f"the score of label {label!r}").reason)
    chosen = task.labels[max(range(len(task.labels)), key=lambda index: compared[index])]
    return Part(output=chosen, judgement=task.verify(example, chosen), label_scores=scores, n_read=answer.n_read)


def _as_labelled(word: str, task: Task) -> str:
    """Return a task's own word for a label that an engine spelt with what it begins with behind a question."""
    return next((label for label in task.labels if label.strip() == word.strip()), word)


def biased(asking: Asking, scores: Sequence[float]) -> list[float]:
    """Return the scores that labels are chosen by."""
    return [score + asking.label_bias.get(label, 0.0) for score, label in zip(scores, asking.task.labels, strict=True)]


def text_part(task: Task, example: Example, answer: TextAnswer | Refusal) -> Part:
    """Judge a written answer."""
    if isinstance(answer, Refusal):
        return _refused(answer)
    judgement = task.verify(example, answer.text)
    if judgement.reward is not None and not math.isfinite(judgement.reward):
        return Part(failure=f"the verifier {task.verifier} gives no number: its reward is {judgement.reward}")
    return _judged(answer, judgement)


def _refused(answer: Refusal) -> Part:
    return Part(failure=answer.reason, reasoning=answer.reasoning)


def _judged(answer: TextAnswer | WrittenLabel, judgement: Judgement) -> Part:
    return Part(
        answer.text,
        judgement,
        n_output_tokens=answer.n_tokens,
        n_read=answer.n_read,
        reasoning=answer.reasoning,
    )


def likelihood_part(answer: TextScore | Refusal) -> Part:
    """Keep the log-likelihood of every token of a text; one without tokens, or a token without a number, is a failure."""
    if isinstance(answer, Refusal):
        return _refused(answer)
    scores = answer.log_likelihoods
    wrong = next((at for at, score in enumerate(scores) if not math.isfinite(score)), None)
    if wrong is not None:
        return Part(failure=no_number(scores[wrong], f"the score of token {wrong + 1} of {len(scores)}").reason)
    return Part(token_scores=scores, n_read=answer.n_read) if scores else Part(failure="the text has no tokens")
