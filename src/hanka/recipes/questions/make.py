"""Documents → questions → answers: who writes, what is kept of it, who answers, and what becomes of the rest.

`asked` rows are shared out evenly over the documents. What is no question, stands there already, or is not answered whole is left out,
counted by reason and told; nothing is cut. A row keeps its document in the field `document`, which the task of the row does not ask
with: a teacher is shown it, a student is not. Limits: whether a question is a good one is not judged; its answer is the teacher's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hanka.datasets.splits import sample
from hanka.errors import DataError, UnitError
from hanka.identity import stream_seed
from hanka.metrics.tokenization import normalised
from hanka.recipes.concat import whole_rows
from hanka.recipes.contract import How, RecipeRequest, enough
from hanka.recipes.questions.judged import judge_teacher
from hanka.recipes.questions.params import QuestionsParams
from hanka.records import Example, Part, Prediction

DOCUMENT, QUESTION = "document", "question"
"Fields of a row."


@dataclass(slots=True)
class _Slots:
    """Places for questions, by document, and what was left out on the way."""

    documents: Sequence[Example]
    n: int
    questions: dict[int, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)

    def document(self, slot: int) -> Example:
        """Return the document of a place: they take turns."""
        return self.documents[slot % len(self.documents)]

    def empty(self) -> list[int]:
        return [slot for slot in range(self.n) if slot not in self.questions]

    def leave_out(self, reason: str, what: str) -> None:
        """Count what is left out, and keep the first of every reason."""
        self.left_out[reason] += 1
        self.example.setdefault(reason, what[:200])


def make_questions(request: RecipeRequest) -> tuple[Part, ...]:
    """Write questions and have them answered. Raises DataError where tasks do not fit, UnitError where no row comes out."""
    params: QuestionsParams = request.params
    _require_tasks(request, params)
    documents = [_document(row) for row in request.rows(params.documents, "train", None)]
    request.tell({"teacher": judge_teacher(request)})
    slots = _Slots(documents, request.asked)
    for attempt in range(params.tries):
        _write(request, params, slots, attempt)
    rows = _answer(request, params, slots)
    request.tell(_told(request, slots, rows))
    if not rows:
        why = "; ".join(f"{count} {reason} ({slots.example[reason]!r})" for reason, count in slots.left_out.items())
        raise UnitError(f"none of {request.asked} questions on {len(documents)} documents came out: {why}")
    parts = [Part(request.task(params.of).name, params.of, tuple(rows))]
    for name, n in (
        whole_rows(dict.fromkeys(params.rehearse, 1.0), params.n_added(request.asked)).items()
        if params.rehearse
        else ()
    ):
        kept = enough(request.rows(name, "train", None), n, name, "train")
        parts.append(Part(request.task(name).name, name, tuple(sample(kept, n, "seeded", request.seed, name))))
    return tuple(parts)


def _require_tasks(request: RecipeRequest, params: QuestionsParams) -> None:
    """Raise DataError where a task asks with other fields than its part in the recipe gives it."""
    wanted = ((params.of, {QUESTION}), (params.asking, {DOCUMENT}), (params.reading, {DOCUMENT, QUESTION}))
    for name, fields in wanted:
        task = request.task(name)
        if set(task.inputs) != fields or task.kind != "generation":
            said = " and ".join(f"{{{one}}}" for one in sorted(fields))
            raise DataError(
                f"task {task.name} of data set {name} ({task.kind}) asks with {', '.join(task.inputs) or 'nothing'}: recipe questions "
                f"needs a written one that asks with {said} there"
            )


def _document(row: Example) -> Example:
    """Return a document as the rows about it hold it."""
    text = "\n".join(row.fields.values()) or row.target
    return Example(row.id, {DOCUMENT: text}, "", row.id)


def _write(request: RecipeRequest, params: QuestionsParams, slots: _Slots, attempt: int) -> None:
    """Have every empty place filled, once; what comes out twice for one document counts once."""
    empty = slots.empty()
    if not empty:
        return
    how = How(
        params.asking, params.question_tokens, params.temperature, params.top_p,
        stream_seed(request.seed, "questions", attempt),
    )  # fmt: skip
    asked = [slots.document(slot) for slot in empty]
    known = {(slots.document(slot).id, normalised(text)) for slot, text in slots.questions.items()}
    for slot, document, one in zip(empty, asked, request.answer(params.writer.parent, asked, how), strict=True):
        if one.status == "failed":
            slots.leave_out("question failed", one.reason)
            continue
        found = question_in(one.output or "", params.marks)
        if not found:
            slots.leave_out("no question", one.output or "")
        elif (document.id, normalised(found)) in known:
            slots.leave_out("question asked before", found)
        else:
            known.add((document.id, normalised(found)))
            slots.questions[slot] = found


def question_in(text: str, marks: Sequence[str]) -> str:
    """Return the first question of a text: what stands before and with the first mark of its first line; empty where there is none."""
    line = next((one.strip() for one in text.strip().splitlines()), "")
    ends = [line.index(mark) + len(mark) for mark in marks if mark in line]
    found = line[: min(ends)] if ends else ""
    return found if any(char.isalnum() for char in found) else ""


def _answer(request: RecipeRequest, params: QuestionsParams, slots: _Slots) -> list[Example]:
    """Have the questions answered with the document at hand; return the rows that come out."""
    asked = [
        Example(
            f"{document.id}/{slot // len(slots.documents)}",
            {**document.fields, QUESTION: question},
            "",
            document.group,
        )
        for slot, question in sorted(slots.questions.items())
        for document in [slots.document(slot)]
    ]
    how = How(
        params.reading, params.answer_tokens, params.answer_temperature, 1.0, stream_seed(request.seed, "answers")
    )
    rows = []
    for row, one in zip(asked, request.answer(params.teacher.parent, asked, how) if asked else (), strict=True):
        reason = _no_answer(one, params.answer_tokens)
        if reason:
            slots.leave_out(reason, one.reason or one.output or "")
        else:
            rows.append(Example(row.id, row.fields, one.parsed or "", row.group))
    return rows


def _no_answer(one: Prediction, most: int) -> str:
    """Say why an answer cannot be learnt from; empty where it can."""
    if one.status == "failed":
        return "answer failed"
    if not (one.parsed or "").strip():
        return "empty answer"
    return "answer not finished" if one.n_output_tokens >= most and "\n" not in (one.output or "").strip() else ""


def _told(request: RecipeRequest, slots: _Slots, rows: Sequence[Example]) -> Mapping[str, Any]:
    per_document = Counter(row.group for row in rows)
    return {
        "documents": len(slots.documents),
        "documents_with_rows": len(per_document),
        "asked": request.asked,
        "kept": len(rows),
        "left_out": dict(sorted(slots.left_out.items())),
        "left_out_first": dict(sorted(slots.example.items())),
    }
