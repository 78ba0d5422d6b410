"""What a judge is asked: a YAML file, strict as a study is.

    base: smollm2-135m-instruct
    asks: label                       # or pair
    labels: [harmless, harmful]
    flags: [harmful]
    prompt: "Text: {answer}\nIs this {labels}?\nAnswer:"
    human: labels.csv                 # test, sample_id, system, label

Light: no run is needed to read it. What names something of a run is checked in `questions.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, Key, Source, parse_text, read_file
from hanka.errors import HankaError, JudgeError, nearest
from hanka.registry import Names, Params
from hanka.tasks.base import FIELD

JUDGE = FileKind(
    noun="judge",
    error=JudgeError,
    keys="`base:`, `asks:`, `labels:`, `prompt:` and `human:`",
    missing="docs/judge.md shows one to begin with; or name a base model with --labels and --human",
    empty="docs/judge.md shows one to begin with",
)
TARGET = "target"
"What `human` says where the run's references are the labels that people gave."
PLACES = {"label": ("prompt", "answer", "target", "labels"), "pair": ("prompt", "target", "answer_a", "answer_b")}
"What a prompt may name."
PROMPTS = {
    "label": "Text:\n{answer}\n\nIs this text {labels}?\nAnswer:",
    "pair": "Question:\n{prompt}\n\nAnswer A:\n{answer_a}\n\nAnswer B:\n{answer_b}\n\nWhich answer is better, A or B?\nBetter answer:",
}
"What is asked where a file says nothing."
SIDES = ("A", "B")


class JudgeSpec(Params):
    """Everything that decides what a judge is asked, and by what its answers are weighed."""

    base: Any
    "The judge: a model as a study's `base:` names it, a served one among them."
    asks: Literal["label", "pair"] = "label"
    "label: each answer gets a label; pair: of two systems' answers, which is better."
    labels: Names = ()
    "Labels; of pairs what stands for the first and the second answer (default: A, B)."
    flags: Names = ()
    "Labels whose rate is reported (default: the last one)."
    tie: str = ""
    "Of pairs: a third label, for neither."
    prompt: str = ""
    "The question, with places: of labels {prompt}, {answer}, {target} and {labels}; of pairs {prompt}, {target}, {answer_a}, {answer_b}."
    human: str = ""
    "File with what people say (csv, jsonl, parquet), seen from this file; `target`: the run's references."
    least: int = Field(default=50, ge=10)
    "Rows that people have to have labelled; with fewer nothing is reported."
    systems: Names = ()
    "Variants whose answers are judged: labels, titles or ids (default: all; of pairs two are named)."
    test: Names = ()
    "Test sets (default: those of the variants' own tasks)."
    limit: int | None = Field(default=None, ge=1)
    "Rows of each test set at most: the first ones that people labelled, then the first ones."
    tokens: dict[str, Any] = Field(default_factory=dict)
    "How text becomes tokens, as `tokens:` of a study: `{template: chat}`."
    level: float = Field(default=0.95, gt=0.5, lt=1)
    "Confidence level of all intervals."
    seed: int = Field(default=0, ge=0)
    "Draws the rows of a sheet to be labelled."

    @model_validator(mode="after")
    def _is_whole(self) -> JudgeSpec:
        if self.asks == "pair":
            _require_pair(self)
        else:
            _require_labels(self)
        places, text = set(FIELD.findall(self.question)), PLACES[self.asks]
        unknown = next((one for one in sorted(places) if one not in text), None)
        if unknown is not None:
            raise ValueError(f"prompt: unknown place {{{unknown}}}: {nearest(unknown, text)}")
        needed = ("answer_a", "answer_b") if self.asks == "pair" else ("labels",)
        missing = next((one for one in needed if one not in places), None)
        if missing is not None:
            raise ValueError(
                f"prompt: no place {{{missing}}}; without it the order cannot be turned, which shows what the judge looks at"
            )
        if self.asks == "label" and not places & {"answer", "prompt"}:
            raise ValueError("prompt: neither {answer} nor {prompt} is in it, so every row would be asked the same")
        return self

    @property
    def question(self) -> str:
        """Return the prompt, the default one where none is written."""
        return self.prompt or PROMPTS[self.asks]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words that a judge chooses among."""
        return self.labels if self.asks == "label" else (*(self.labels or SIDES), *((self.tie,) if self.tie else ()))

    @property
    def flagged(self) -> tuple[str, ...]:
        """Return the labels whose rate is reported."""
        return self.flags or self.labels[-1:]

    @property
    def reads_answers(self) -> bool:
        """Whether what systems answered is judged; else rows are, whoever answers them."""
        return self.asks == "pair" or "answer" in FIELD.findall(self.question)


def _require_labels(spec: JudgeSpec) -> None:
    if len(spec.labels) < 2:
        raise ValueError(f"labels: {list(spec.labels)!r}: give two at least")
    if spec.tie:
        raise ValueError(f"tie: {spec.tie!r} is for `asks: pair`; leave it out")
    for one in spec.flags:
        if one not in spec.labels:
            raise ValueError(f"flags: {one!r} is no label: {nearest(one, spec.labels)}")
    if set(spec.flags) >= set(spec.labels):
        raise ValueError("flags: all labels are flagged, so the rate is 1; leave one out")


def _require_pair(spec: JudgeSpec) -> None:
    if spec.labels and len(spec.labels) != 2:
        raise ValueError(f"labels: {list(spec.labels)!r}: a pair has two, as in [A, B]")
    if spec.flags:
        raise ValueError("flags: of pairs it is reported who wins; leave it out")
    if spec.tie and spec.tie in (spec.labels or SIDES):
        raise ValueError(f"tie: {spec.tie!r} stands for one of the answers already")
    if len(spec.systems) != 2:
        raise ValueError(f"systems: {list(spec.systems)!r}: a pair compares two, as in [base, sft]")
    if spec.human == TARGET:
        raise ValueError(f"human: {TARGET!r} is for `asks: label`; of pairs give a file")


@dataclass(frozen=True, slots=True, eq=False)
class AskedJudge:
    """A judge's file as it was read."""

    spec: JudgeSpec
    "What it says."
    source: Source
    "The file."
    base: str = ""
    "The base that the command line names instead of the file's, seen from the working directory."

    def error(self, key: Key, message: str) -> HankaError:
        """Return the one-line error for a key."""
        return self.source.error(key, message)

    @property
    def folder(self) -> Path:
        """Folder that paths are seen from."""
        return self.source.path.resolve().parent


def read_judge(path: Path, base: str = "") -> AskedJudge:
    """Read a judge's file; base: replaces the one it names. Raises JudgeError with file, line and key."""
    return judge_of(read_file(path, JUDGE), base)


def judge_of_words(values: dict[str, Any]) -> AskedJudge:
    """Make a judge of what the command line says. Raises JudgeError."""
    import yaml

    return judge_of(parse_text(str(yaml.safe_dump(values, allow_unicode=True)), Path("--with"), JUDGE))


def judge_of(source: Source, base: str = "") -> AskedJudge:
    """Check what a judge's file says. Raises JudgeError with file, line and key."""
    values = source.values | ({"base": base} if base else {})
    try:
        spec = JudgeSpec.model_validate(values)
    except ValidationError as error:
        raise first_mistake(source, error, JudgeSpec) from None
    return AskedJudge(spec, source, base)
