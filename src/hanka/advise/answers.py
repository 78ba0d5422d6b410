"""What a user says of the task: a file of answers for machines, one question at a time on a terminal, and the file to fill in.

answers → **inputs**. The file is strict: an unknown key, a value out of range or an interval that does not hold its value is one line. An
answer goes before what a run measured of the same input, and both are shown. `null` and an empty line leave an input unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, create_model, field_validator

from hanka.advise.flow import BY_NUMBER, walk
from hanka.advise.inputs import SPECS, Given, Inputs, InputSpec, declared
from hanka.advise.thresholds import Thresholds
from hanka.advise.usable import Needs
from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, read_file
from hanka.errors import HankaError
from hanka.registry import Names, Params
from hanka.report.words import Words

ANSWERS = FileKind(
    noun="answers",
    error=HankaError,
    keys="`answers:`, `needs:` and `thresholds:`",
    missing="`hanka advise … --questions` writes one",
    empty="`hanka advise … --questions` writes one to fill in",
)


LANGUAGE = re.compile("[a-z]{2}")


class AnswerSpec(Params):
    """One answer."""

    value: Any
    "Yes, no or a number."
    low: float | None = None
    "Lower end of its interval; left out: the value is exact."
    high: float | None = None
    "Upper end."
    n: int | None = Field(default=None, ge=1)
    "Rows behind it."
    source: str = ""
    "Where it is from."


def _reader(spec: InputSpec) -> Callable[[Any], Any]:
    """Return a reader of an answer: a bare value, or a map with value, interval, n and source."""

    def read(value: Any) -> Any:
        if value is None or isinstance(value, AnswerSpec):
            return value
        found = dict(value) if isinstance(value, dict) else {"value": value}
        if "value" in found:
            checked = declared_or_why(spec.name, found)
            if isinstance(checked, str):
                raise ValueError(checked)
        return found

    return read


def declared_or_why(name: str, found: Mapping[str, Any]) -> Given | str:
    """Return the input that an answer comes to, or what is wrong with it without the input's name."""
    ends = found.get("low"), found.get("high")
    wrong = next(
        (end for end in ends if end is not None and (isinstance(end, bool) or not isinstance(end, (int, float)))), None
    )
    if wrong is not None:
        return f"{wrong!r} is no end of an interval; give a number"
    try:
        return declared(name, found["value"], "answers", ends, found.get("n"), str(found.get("source", "")))
    except HankaError as error:
        return str(error).removeprefix(f"{name}: ")


def _answers_model() -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (Annotated[AnswerSpec | None, BeforeValidator(_reader(spec))], None) for name, spec in SPECS.items()
    }
    return create_model("AnswersSpec", __base__=Params, **fields)


class NeedsSpec(Params):
    """What a model has to allow."""

    languages: Names = ()
    "ISO 639-1 codes of the texts."
    commercial: bool | None = None
    "Whether it is used commercially."
    longest_prompt_tokens: int | None = Field(default=None, ge=1)
    "Tokens of the longest prompt with its answer."

    @field_validator("languages")
    @classmethod
    def _are_codes(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        wrong = next((one for one in languages if not LANGUAGE.fullmatch(one)), None)
        if wrong is not None:
            raise ValueError(
                f"{wrong!r} is no code of a language; give two small letters of ISO 639-1, such as en or ja"
            )
        return languages


AnswersSpec = _answers_model()


class AdviceFile(Params):
    """A whole file of answers."""

    answers: AnswersSpec = Field(default_factory=AnswersSpec)  # type: ignore[valid-type]
    "By input."
    needs: NeedsSpec = NeedsSpec()
    "What a model has to allow."
    thresholds: Thresholds = Thresholds()
    "Where lines are drawn otherwise than by default."


@dataclass(frozen=True, slots=True)
class Answered:
    """What a user declared."""

    inputs: Mapping[str, Given]
    "By name; those left unknown are not in it."
    needs: Needs
    "What a model has to allow, as far as it was said."
    thresholds: Thresholds
    "The lines."


NOBODY_ASKED = Answered({}, Needs(), Thresholds())


def read_answers_file(path: Path) -> Answered:
    """Read a file of answers. Raises HankaError in one line: file, line, key, value, what is allowed."""
    source = read_file(path, ANSWERS)
    try:
        spec = AdviceFile.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error, AdviceFile) from None
    found = {}
    for name in SPECS:
        answer: AnswerSpec | None = getattr(spec.answers, name)
        if answer is not None:
            found[name] = declared(
                name, answer.value, "answers", (answer.low, answer.high), answer.n, answer.source or path.name
            )
    needs = Needs(spec.needs.languages, spec.needs.commercial, spec.needs.longest_prompt_tokens)
    return Answered(found, needs, spec.thresholds)


# ---- one question at a time


def ask_for(inputs: Inputs, thresholds: Thresholds, read: Callable[[str], str], words: Words) -> dict[str, Given]:
    """Ask what the flow needs until it is decided or everything was asked; return what was answered.

    read: shows a question and returns the line typed; EOFError ends the asking. An empty line leaves an input unknown; a line that
    is no answer is asked again with what is allowed.
    """
    found: dict[str, Given] = {}
    passed: set[str] = set()
    try:
        while (name := _next({**inputs, **found}, thresholds, passed)) is not None:
            answer = _answer(SPECS[name], read, words)
            passed.add(name)
            if answer is not None:
                found[name] = answer
    except EOFError:
        pass
    return found


def _next(inputs: Inputs, thresholds: Thresholds, passed: set[str]) -> str | None:
    """Return the first input that is not known at the first question of the path that has no answer; None where none is left."""
    path = walk(inputs, thresholds)
    if path.side != "undecided":
        return None
    unknown = (
        name
        for step in path.unsettled
        for name in BY_NUMBER[step.question.number].inputs
        if name not in inputs and name not in passed
    )
    return next(unknown, None)


def _answer(spec: InputSpec, read: Callable[[str], str], words: Words) -> Given | None:
    label = words.plain(f"advise_input_{spec.name}")
    hint = "yes/no" if spec.kind == "yes_no" else spec.allowed.removeprefix("allowed: ")
    said = read(f"{label}? ({hint}; Enter: unknown) ").strip()
    while said:
        try:
            value = typed(said)
            is_word = isinstance(value, bool) and spec.kind != "yes_no"
            return declared(spec.name, said if is_word else value, "asked")
        except HankaError as error:
            said = read(f"{error}. Again: ").strip()
    return None


def typed(said: str) -> float | bool | str:
    """Read what was typed: yes and no by their first letter, a percentage as a share; what is neither stays text."""
    word = said.casefold()
    if word in ("y", "yes", "true"):
        return True
    if word in ("n", "no", "false"):
        return False
    try:
        return float(word.removesuffix("%")) / 100 if word.endswith("%") else float(word)
    except ValueError:
        return said


# ---- the file to fill in


def questions_file(inputs: Inputs, needs: Needs, thresholds: Thresholds, words: Words) -> str:
    """Write the file of answers to fill in: what is not known as null, what is known as a comment."""
    lines = [
        "# Answers for `hanka advise … --answers FILE`. null: unknown. A value may be a map: {value: 0.03, low: 0.01, high: 0.05, n: 300}."
    ]
    lines += ["answers:", *_question_lines(inputs, words), "needs:"]
    languages = ", ".join(needs.languages)
    lines.append(f"  languages: [{languages}]  # ISO 639-1 codes of the texts, such as en or ja")
    lines.append(f"  commercial: {_yaml(needs.commercial)}  # whether it is used commercially")
    lines.append(f"  longest_prompt_tokens: {_yaml(needs.longest_prompt_tokens)}")
    lines += ["thresholds:  # the lines; leave out what is to stay", *_threshold_lines(thresholds)]
    return "\n".join(lines) + "\n"


def _question_lines(inputs: Inputs, words: Words) -> Iterator[str]:
    for name, spec in SPECS.items():
        label = f"{words.plain(f'advise_input_{name}')} ({spec.allowed.removeprefix('allowed: ')})"
        known = inputs.get(name)
        if known is None:
            yield f"  {name}: null  # {label}"
        elif known.is_measured:
            yield f"  # {name}: {_yaml(known.value)}  # measured; {label}"
        else:
            yield f"  {name}: {_written(known)}  # {label}"


def _written(known: Given) -> str:
    if known.low is None:
        return _yaml(known.value)
    rows = "" if known.n is None else f", n: {known.n}"
    return f"{{value: {_yaml(known.value)}, low: {_yaml(known.low)}, high: {_yaml(known.high)}{rows}}}"


def _threshold_lines(thresholds: Thresholds) -> Iterator[str]:
    return (f"  {name}: {_yaml(value)}" for name, value in thresholds.model_dump().items())


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "yes", False: "no"}[value]
    return f"{value:.0f}" if isinstance(value, float) and value == int(value) else repr(value)
