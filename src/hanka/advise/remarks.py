"""The guide's eight remarks as rules over the same inputs: each fires, does not, is open, or lacks what it reads. Pure.

Beside the flow: no remark changes its verdict. What a remark cannot be judged without is named in `lacks`.
Source: Yang et al. (2023), arXiv 2304.13712, remarks 1 to 8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hanka.advise.flow import Path
from hanka.advise.inputs import Inputs
from hanka.advise.signs import Sign, State, Test, all_of, any_of, held, negated
from hanka.advise.thresholds import Thresholds

Favours: TypeAlias = Literal["LLM", "FT", "either", ""]
"either: both are good; empty: it asks for something, whichever is chosen."
Fires: TypeAlias = Literal["fires", "does_not", "open", "lacks"]
FIRES: dict[State, Fires] = {"yes": "fires", "no": "does_not", "open": "open", "missing": "lacks"}


@dataclass(frozen=True, slots=True)
class Remark:
    """One rule of a remark, judged."""

    id: str
    "Number of the remark and letter of the rule."
    fires: Fires
    "Whether it applies."
    favours: Favours
    "What it speaks for where it fires."
    lacks: tuple[str, ...]
    "Inputs without which it is not judged, or not checked."


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads inputs as states and as what is missing."""

    inputs: Inputs
    path: Path
    thresholds: Thresholds

    def sign(self, name: str, test: Test = "is", threshold: str = "") -> State:
        """Hold an input against a line: a field of the thresholds, or 0."""
        return Sign(name, test, threshold).state(self.inputs, self.thresholds)

    def beyond(self, name: str, limit: str) -> State:
        """Tell whether an input is above another one, both taken at the ends that the claim needs."""
        known, most = self.inputs.get(name), self.inputs.get(limit)
        return "missing" if known is None or most is None else held(known, "above", float(most.value))

    def remark(self, id_: str, state: State, favours: Favours, *read: str) -> Remark:
        """Return the judged rule. read: inputs it is judged by; where it is judged, none is lacking."""
        lacks = tuple(name for name in read if name not in self.inputs) if state == "missing" else ()
        return Remark(id_, FIRES[state], favours, lacks)

    def question(self, number: int) -> tuple[State, tuple[str, ...]]:
        """Return the answer of a question, and what it lacks where it has none."""
        step = self.path.steps[number - 1]
        return step.state, step.missing if step.state == "missing" else ()


def remarks(inputs: Inputs, path: Path, thresholds: Thresholds) -> tuple[Remark, ...]:
    """Judge all rules of the eight remarks, in their order."""
    read = _Reader(inputs, path, thresholds)
    return (*_of_data(read), *_of_tasks(read), *_of_knowledge_and_scale(read), *_of_use(read))


def _of_data(read: _Reader) -> tuple[Remark, ...]:
    """Remark 1: what the data are like."""
    shifted, lacking = read.question(6)
    elsewhere = any_of(shifted, read.sign("adversarial"))
    few, lacking_rows = read.question(5)
    return (
        read.remark(
            "1a", all_of(elsewhere, read.sign("drop_gap", "above")), "LLM", *lacking, "adversarial", "drop_gap"
        ),
        read.remark("1b", few, "LLM", *lacking_rows),
        read.remark("1c", read.sign("closest_base_gap", "above"), "", "closest_base_gap"),
    )


def _of_tasks(read: _Reader) -> tuple[Remark, ...]:
    """Remarks 2 and 3: understanding and generation."""
    written, number = read.sign("free_form"), read.sign("numeric_target")
    understands = all_of(negated(written), negated(number))
    general = read.sign("strong_generalization")
    tuned_is_better = read.sign("reference_delta", "above")
    by_default: State = "no" if tuned_is_better == "yes" else written
    return (
        read.remark(
            "2", all_of(understands, negated(general)), "FT", "free_form", "numeric_target", "strong_generalization"
        ),
        _unchecked(read.remark("3", by_default, "LLM", "free_form"), read),
    )


def _unchecked(remark: Remark, read: _Reader) -> Remark:
    """Name what the default of generation is still to be checked by."""
    is_checked = remark.fires != "fires" or "reference_delta" in read.inputs
    return remark if is_checked else replace(remark, lacks=("reference_delta",))


def _of_knowledge_and_scale(read: _Reader) -> tuple[Remark, ...]:
    """Remarks 4 to 6: knowledge, model size, distance from pre-training, judges."""
    needs, lacking = read.question(8)
    conflict, lacking_conflict = read.question(10)
    all_there = read.sign("answer_in_context", "at_least", "answer_in_context")
    knows = read.sign("closed_book_accuracy", "at_least", "enough_closed_book")
    emergent, lacking_scale = read.question(2)
    far, lacking_kind = read.question(4)
    enough = read.sign("n_model_sizes", "at_least", "enough_model_sizes")
    inverted = read.sign("largest_inversion", "below") if enough == "yes" else "missing"
    agrees = read.sign("judge_kappa", "at_least", "judge_kappa")
    inverted_lacks = ("largest_inversion",) if enough == "yes" else ()
    scale = Remark("5c", FIRES[inverted], "", () if inverted != "missing" else inverted_lacks or ("n_model_sizes",))
    return (
        read.remark("4a", all_of(needs, knows), "LLM", *lacking, "closed_book_accuracy"),
        read.remark(
            "4b", all_of(needs, any_of(all_there, conflict)), "either", *lacking, "answer_in_context", *lacking_conflict
        ),
        read.remark("5ab", emergent, "LLM", *lacking_scale),
        scale,
        read.remark("6a", far, "FT", *lacking_kind),
        read.remark("6b", all_of(read.sign("uses_judge"), negated(agrees)), "", "uses_judge", "judge_kappa"),
    )


def _of_use(read: _Reader) -> tuple[Remark, ...]:
    """Remarks 7 and 8: the real world, cost, shortcuts, harm."""
    slow, dear = (
        read.beyond("p95_latency_seconds", "latency_limit_seconds"),
        read.beyond("cost_per_1000", "cost_limit_per_1000"),
    )
    limits = ("p95_latency_seconds", "latency_limit_seconds", "cost_per_1000", "cost_limit_per_1000")
    return (
        read.remark("7a", read.sign("messy_input"), "LLM", "messy_input"),
        read.remark("7b", read.sign("n_live_labelled", "below", "n_live_labelled"), "", "n_live_labelled"),
        read.remark("8a", any_of(slow, dear), "FT", *limits),
        read.remark("8b", negated(read.sign("shortcuts_tested")), "", "shortcuts_tested"),
        read.remark("8c", negated(read.sign("harm_rate", "below", "harm_rate")), "", "harm_rate"),
    )
