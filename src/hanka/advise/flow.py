"""The decision flow: ten questions, the first that hits wins, eleven exits. Pure: inputs and thresholds in, the path out.

A question is answered by its tag where somebody declared it (is it a chatbot?), else by its signs. What is not known, or not decided
because an interval lies across the line, leaves both branches open, and every exit that can be reached counts. An answer "no"
rests on the signs that are known; those that are not are named.

Source: Yang et al. (2023), arXiv 2304.13712, the figure. Question 2 asks for emergent abilities, not for scaling; question 8 has an exit of
its own to tuning; question 10 is reached only where the context does *not* hold enough, and its "yes" is no advice at all ("?").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hanka.advise.inputs import Inputs
from hanka.advise.signs import Sign, State, all_of, any_known
from hanka.advise.thresholds import Thresholds

Exit: TypeAlias = Literal["LLM", "FT", "?"]
"LLM: prompt a large model without tuning; FT: tune a smaller one; ?: the flow has no advice."
Side: TypeAlias = Literal["LLM", "FT", "undecided"]


@dataclass(frozen=True, slots=True)
class Question:
    """One node of the figure."""

    number: int
    "1 to 10."
    yes: int | Exit
    "Where yes leads."
    no: int | Exit
    "Where no leads."
    tag: str
    "Input that answers it directly; empty: none does."
    signs: tuple[Sign, ...]
    "What else answers it."
    needs_all: bool = False
    "Whether yes takes all signs; else one is enough."

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all that it reads."""
        return (*((self.tag,) if self.tag else ()), *(sign.input for sign in self.signs))

    def leads(self, answer: Literal["yes", "no"]) -> int | Exit:
        """Return where an answer leads."""
        return self.yes if answer == "yes" else self.no


def _sign(name: str, test: Literal["above", "below", "at_most", "at_least"]) -> Sign:
    return Sign(name, test, name)


QUESTIONS: tuple[Question, ...] = (
    Question(1, "LLM", 2, "mimics_human", (_sign("multi_turn_share", "above"),)),
    Question(2, "LLM", 3, "hard_reasoning", (_sign("scale_jump", "above"), _sign("reasoning_steps", "at_least"))),
    Question(3, "LLM", 4, "", (_sign("n_task_formats", "above"),)),
    Question(4, "FT", 5, "", (Sign("numeric_target", "is"), _sign("gain_over_constant", "at_most"))),
    Question(5, "LLM", 6, "", (_sign("rows_per_class", "below"), _sign("curve_slope", "above"))),
    Question(6, "LLM", 7, "", (_sign("domain_auc", "above"), _sign("ood_drop", "above"))),
    Question(7, "LLM", 8, "creative", (Sign("free_form", "is"), _sign("reference_entropy", "above")), needs_all=True),
    Question(8, 9, "FT", "knowledge_intensive", (_sign("open_book_gain", "above"),)),
    Question(9, "FT", 10, "", (_sign("answer_in_context", "at_least"),)),
    Question(10, "?", "LLM", "knowledge_conflict", (_sign("contradicted_share", "above"),)),
)
"In the order of the figure; branches lead forward only."
BY_NUMBER: Mapping[int, Question] = {one.number: one for one in QUESTIONS}
FLOW_INPUTS: tuple[str, ...] = tuple(name for one in QUESTIONS for name in one.inputs)


@dataclass(frozen=True, slots=True)
class Step:
    """A question with its answer."""

    question: Question
    "The node."
    state: State
    "Its answer."
    is_reached: bool
    "Whether any open path leads here."
    signs: tuple[tuple[str, State], ...]
    "Every input that it reads, with what that says alone."
    disagrees: bool
    "Whether what was declared directly says otherwise than the signs."

    @property
    def branches(self) -> tuple[Literal["yes", "no"], ...]:
        """Return the answers that are possible."""
        return ("yes", "no") if self.state not in ("yes", "no") else (self.state,)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the inputs that are not known."""
        return tuple(name for name, state in self.signs if state == "missing")


@dataclass(frozen=True, slots=True)
class ExitReached:
    """An exit that can be reached."""

    number: int
    "Question it leaves from."
    answer: Literal["yes", "no"]
    "By which answer."
    exit: Exit
    "Where it leads."


@dataclass(frozen=True, slots=True)
class Path:
    """The way through the figure, with every branch that is open."""

    steps: tuple[Step, ...]
    "All ten questions."
    exits: tuple[ExitReached, ...]
    "Exits that can be reached; one where everything is decided."

    @property
    def side(self) -> Side:
        """Return what the flow advises: decided only where all exits that can be reached agree, and are no "?"."""
        found = {one.exit for one in self.exits}
        return "LLM" if found == {"LLM"} else "FT" if found == {"FT"} else "undecided"

    @property
    def unsettled(self) -> tuple[Step, ...]:
        """Return the questions on the way whose answer is open or missing."""
        return tuple(one for one in self.steps if one.is_reached and one.state not in ("yes", "no"))

    def state(self, number: int) -> State:
        """Return the answer of a question, reached or not."""
        return self.steps[number - 1].state


def walk(inputs: Inputs, thresholds: Thresholds) -> Path:
    """Go through the figure and follow both branches of what is not known or not decided."""
    reached, steps, exits = {1}, [], []
    for question in QUESTIONS:
        step = _step(question, question.number in reached, inputs, thresholds)
        steps.append(step)
        for answer in step.branches if step.is_reached else ():
            target = question.leads(answer)
            if isinstance(target, int):
                reached.add(target)
            else:
                exits.append(ExitReached(question.number, answer, target))
    return Path(tuple(steps), tuple(exits))


def _step(question: Question, is_reached: bool, inputs: Inputs, thresholds: Thresholds) -> Step:
    states = [sign.state(inputs, thresholds) for sign in question.signs]
    by_signs = all_of(*states) if question.needs_all else any_known(*states)
    tag = Sign(question.tag, "is").state(inputs, thresholds) if question.tag else "missing"
    read = [(question.tag, tag)] if question.tag else []
    read += [(sign.input, state) for sign, state in zip(question.signs, states, strict=True)]
    disagrees = {tag, by_signs} == {"yes", "no"}
    return Step(question, by_signs if tag == "missing" else tag, is_reached, tuple(read), disagrees)
