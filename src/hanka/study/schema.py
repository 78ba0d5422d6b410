"""The study file's shape: every key, its type, range and default.

Pydantic models, all strict about unknown keys and frozen. What a value means for data and models is
checked one step later, in `resolve.py`. Contract: the study-file section of the documentation.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from hanka.methods.contract import TrainParams
from hanka.records import DeclaredKind
from hanka.registry import Names, Seeds, Sizes, names, whole_numbers
from hanka.registry import Params as Strict
from hanka.study.base_schema import BaseModelSpec
from hanka.study.mix_schema import MixesSpec


def _per_task(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Accept one value, or a map from task name or task kind to a value."""

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            if not value:
                raise ValueError("an empty map; give a value, or a map from task or task kind to a value")
            return {str(name): check(item) for name, item in value.items()}
        return check(value)

    return read


def _rows(value: Any) -> int | None:
    """Read a number of rows; null: all."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"{value!r} is no number of rows: write a whole number ≥ 1, or null for all")


def _verifier(value: Any) -> Any:
    """Keep a name as it is, and a one-key map with parameters."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (name, params) = next(iter(value.items()))
        if isinstance(name, str) and (params is None or isinstance(params, dict)):
            return {name: params} if params else name
    raise ValueError(
        f"{value!r} is neither a verifier's name nor a one-key map such as {{number: {{tolerance: 0.01}}}}"
    )


Verified = Annotated[str | dict[str, dict[str, Any]] | None, BeforeValidator(_verifier)]
ShotsPerTask = Annotated[Any, BeforeValidator(_per_task(whole_numbers(0)))]
NamesPerTask = Annotated[Any, BeforeValidator(_per_task(names))]
RowsPerTask = Annotated[Any, BeforeValidator(_per_task(_rows))]


def for_task(value: Any, task: str, kind: str, default: Any) -> Any:
    """Read a per-task value: by task name, then by task kind, then the default for what a map leaves out."""
    if isinstance(value, dict):
        return value.get(task, value.get(kind, default))
    return value


class EntrySpec(Strict):
    """One entry of a registry as a study names it: a bare name, or a one-key map from name to parameters."""

    entry: str
    "Name in the registry."
    params: dict[str, Any] = Field(default_factory=dict)
    "Its parameters, as written."


def entries(what: str, example: str) -> Callable[[Any], Any]:
    """Return a reader of a list of bare names and one-key maps."""

    def read(value: Any) -> Any:
        """Return the entries, or say which one is none."""
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError(f"{value!r} is not a list such as {example}; entries are names or one-key maps")
        return [one_entry(item, what) for item in value]

    return read


def _none_or(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let a list be empty."""
    return lambda value: () if value in ((), []) else read(value)


def one_entry(item: Any, what: str) -> Any:
    """Read a bare name or a one-key map; `what`: the key of the study, for the message."""
    if isinstance(item, EntrySpec):
        return item
    if isinstance(item, str):
        return {"entry": item}
    if isinstance(item, dict) and len(item) == 1:
        ((name, params),) = item.items()
        if params is not None and not isinstance(params, dict):
            raise ValueError(f"the parameters of {name!r} are {params!r}; give a map such as {EXAMPLES[what][1]}")
        return {"entry": str(name), "params": params or {}}
    raise ValueError(f"{item!r} is neither a {EXAMPLES[what][0]} name nor a one-key map such as {EXAMPLES[what][2]}")


EXAMPLES = {
    "methods": ("method", "{r: 8}", "{sft: {r: 8}}"),
    "contexts": ("context", "{k: 2}", "{retrieve: {passages: wiki}}"),
    "probes": ("probe", "{layers: all}", "{weight_distance: {}}"),
    "recipe": ("recipe", "{of: [a, b]}", "{concat: {of: [a, b]}}"),
    "guardrails": ("guardrail", "{file: words.txt}", "{word_list: {file: words.txt}}"),
}
"""Key of the study → what an entry is called, parameters, a whole entry."""


class DataSpec(Strict):
    """Where the named datasets come from."""

    source: str
    "mini, paper, hub, japanese or toy."
    path: str | None = None
    "Folder of the source's files, relative to the study file; `--data` and HANKA_DATA name it, too."


class SplitSpec(Strict):
    """How the rows of the only file of a data set are divided; groups and equal texts stay on one side."""

    test: float = Field(default=0.2, gt=0, lt=1)
    "Share of rows to test on."
    validation: float = Field(default=0.1, ge=0, lt=1)
    "Share of rows to choose by; 0: none."
    seed: int = Field(default=0, ge=0)
    "Draws which groups go where."

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> SplitSpec:
        if self.test + self.validation >= 1:
            raise ValueError(
                f"test {self.test:g} and validation {self.validation:g} leave nothing to train on; let them sum to less than 1"
            )
        return self


class DatasetSpec(Strict):
    """An own dataset, the rows of one of the source asked as another task, or another domain label for one of the source."""

    task: str | None = None
    "Task its examples belong to."
    domain: str | None = None
    "Where the text comes from; equal domains are in-domain to each other (default: the entry's name; with `of`: that dataset's)."
    train: str | None = None
    "File with training rows: jsonl, csv, tsv, parquet, or hub:owner/name."
    test: str | None = None
    "File with test rows."
    demonstrations: str | None = None
    "File with demonstration rows; by default some training rows are set aside."
    validation: str | None = None
    "File with validation rows; by default `train.validation` says which share of the training rows is set aside."
    of: str | None = None
    "Dataset of the source whose rows it asks as another task: the same splits, order, row ids and groups, and no file."
    passages: str | None = None
    "File with passages that a context may put before a query; such a data set has no task."
    recipe: Annotated[EntrySpec, BeforeValidator(lambda value: one_entry(value, "recipe"))] | None = None
    "How its rows are made out of other data sets: a name of `hanka list recipes` with its parameters."
    mixes: MixesSpec | None = None
    "A family of mixes of other data sets, each a data set of its own; `on:` takes the family's name for all of them."
    fields: dict[str, str] = Field(default_factory=dict)
    "Task field → column of the file, or field of the rows that `of` names; `output` is the target."
    labels: dict[str, str | None] = Field(default_factory=dict)
    "Value in the file → label word; null leaves the rows with this value out."
    turns: Literal["last", "all"] = "last"
    "Of conversations in training rows: the last answer is learnt, or every turn of the assistant as a row of its own."
    split: SplitSpec | None = None
    "How `train` is divided where it is the only file and is tested on, too (default: test 0.2, validation 0.1)."
    unknown: float | None = Field(default=None, ge=0, lt=1)
    "Share of a file's rows that may have a label which is none; they are left out (default: `unknown` of the study)."
    broken: float | None = Field(default=None, ge=0, lt=1)
    "Share of a file's rows that may be blank or broken; they are left out (default: `broken` of the study)."
    strict: bool = False
    "No row of this data set may be left out, whatever the shares are."
    slices: Names = ()
    "Columns of the file that results are also shown by, such as language, channel or region."
    licence: str = "not stated"
    "Licence of the text (default with `of`: that of the dataset it names)."


class TaskSpec(Strict):
    """A task's roles, and its declaration when it is not a built-in one."""

    train: str | None = None
    "Dataset to train on; null: only test."
    in_domain: Names = ()
    "Test sets of the training domain; an empty list beside `train:` says that the task is trained and not tested."
    out_of_domain: Names = ()
    "Test sets of other domains."
    kind: DeclaredKind | None = None
    "Declares an own task."
    labels: Names = ()
    "Label words of an own classification."
    prompt: str | None = None
    "Prompt template of an own task, with {field} places; becomes p1."
    prompts: dict[str, str] = Field(default_factory=dict)
    "Several templates of an own task, by name."
    metric: str | None = None
    "Primary metric of an own task that is written (default rouge_l; solved where a verifier is named; mae of numbers)."
    stop: Names = ("\n\n",)
    "A written answer of an own task ends before the first of these (where it asks `{messages}`: default none)."
    verifier: Verified = None
    "How a written answer of an own task is read and judged: a name, or a one-key map from name to parameters."


class TokensSpec(Strict):
    """Policy for special tokens, recorded with every variant and cell."""

    bos: Literal["model", "always", "never"] = "model"
    "Begin-of-sequence token: as the tokenizer does by itself, always once, or never."
    eos: bool = True
    "End every training target with the end-of-sequence token."
    template: Literal["plain", "chat"] = "plain"
    "Plain text, or the model's chat template: one user turn per example, or the turns of `messages`."
    system: str | None = Field(default=None, min_length=1)
    "Text of the system turn that every chat begins with; a row that brings its own keeps that."
    thinking: Literal["off", "on"] | int = "off"
    "Reasoning of a chat model before its answer: none, up to 1,024 tokens (`on`), or up to so many tokens."
    control: Literal["text", "keep"] = "text"
    "Control tokens inside data, such as `<|im_end|>`: read as text, or as what they control."
    date: str = "2025-01-01"
    "Day that a chat template is told it is, so that it renders the same tomorrow (YYYY-MM-DD)."

    @field_validator("thinking", mode="before")
    @classmethod
    def _a_switch(cls, value: Any) -> Any:
        """Read on and off, which YAML takes for true and false."""
        value = {True: "on", False: "off"}[value] if isinstance(value, bool) else value
        if value in ("on", "off") or (isinstance(value, int) and value >= 1):
            return value
        raise ValueError(f"{value!r} is neither off, on, nor a number of tokens ≥ 1")

    @field_validator("date", mode="before")
    @classmethod
    def _a_day(cls, value: Any) -> str:
        """Read the day, which YAML may have read as one already."""
        try:
            return datetime.date.fromisoformat(str(value)).isoformat()
        except ValueError:
            raise ValueError(f"{value!r} is no day; write it as YYYY-MM-DD") from None


BLOCK = 50
"Test rows between two looks of a study that grows until it is decided."


class EvalSpec(Strict):
    """What every variant is asked."""

    shots: ShotsPerTask = (0,)
    "Demonstrations before the query; a list, or a map from task or task kind to a list."
    prompts: NamesPerTask = ("p1",)
    "Prompt sets, or a map from task, task kind or relation to prompt sets."
    limit: RowsPerTask = None
    "Use the first so many test rows (in the test set's own order); a number, or a map from task or task kind to one."
    until: Literal["decided"] | None = None
    "decided: test rows are asked in blocks, in a seeded order, until the decision stands or `limit` is reached."
    block: int | None = Field(default=None, ge=10)
    "Test rows between two looks, with `until: decided` (default: 50)."
    cross_task: bool = True
    "Also test every variant on the other tasks."
    cross_task_sizes: Sizes | None = None
    "Only variants of these sizes are tested across tasks (default: all)."
    max_new_tokens: int = Field(default=60, ge=1)
    "Generation cap, tokens."
    scoring: Literal["full", "normalised", "first_token", "written"] | None = None
    "How a label is chosen: full log-likelihood, per token, or first token (default of protocol: paper); written: the model writes its answer and the task reads it, so that an answer may be none (an encoder scores labels all the same)."
    validation: bool | Annotated[int, Field(ge=2)] = False
    "Also ask the rows to validate on of every test set that has some, all or the first so many, as NAME-validation: what prompts are chosen by. They have no part in a decision."
    demonstrations: Literal["drawn", "first"] | None = None
    "drawn: seeded, label-balanced, never a test row; first: file order (default of protocol: paper)."
    contexts: (
        Annotated[tuple[EntrySpec, ...], BeforeValidator(entries("contexts", "[drawn, {retrieve: {passages: wiki}}]"))]
        | None
    ) = None
    "What stands before a query: entries of `hanka list contexts` (default: what `demonstrations` says)."
    draws: int = Field(default=1, ge=1, le=1000)
    "Independent demonstration draws."
    batch_tokens: int = Field(default=8192, ge=8)
    "Tokens per forward pass at most (a processor takes 1024); changes memory and speed, not the scores."

    @model_validator(mode="after")
    def _block_needs_until(self) -> EvalSpec:
        if self.block is not None and self.until is None:
            raise ValueError(f"block: {self.block} is read with `until: decided` alone; add it, or leave block out")
        return self

    @property
    def rows_between_looks(self) -> int | None:
        """Return the test rows between two looks; None where all are asked at once."""
        return (self.block or BLOCK) if self.until else None


class StatsSpec(Strict):
    """How evidence is weighed."""

    level: float = Field(default=0.95, gt=0.5, lt=1)
    "Confidence level of intervals; 1 − level is the error rate of the verdicts of a family together."
    resamples: int = Field(default=2000, ge=200)
    "Bootstrap resamples."
    equivalence: float = Field(default=0.03, ge=0, lt=1)
    "Differences within ± this count as equal: in score units, or as a share of the base's value where a metric has no upper end."
    harm: float = Field(default=0.05, ge=0, lt=1)
    "Largest loss on a test set that an adaptation may bring and still be called free of harm; units as above."
    worthwhile: float = Field(default=0.02, ge=0, lt=1)
    "Smallest gain in domain worth adapting for; units as above."


def _bases(value: Any) -> Any:
    items = value if isinstance(value, (list, tuple)) else [value]
    if not items:
        raise ValueError("an empty list; name at least one base model")
    return [{"model": item} if isinstance(item, str) else item for item in items]


class StudySpec(Strict):
    """A whole study file."""

    name: str = Field(min_length=1, pattern=r"^[\w][\w .\-]*$")
    "Name of the study."
    base: Annotated[tuple[BaseModelSpec, ...], BeforeValidator(_bases)]
    "Base model or models."
    protocol: Literal["corrected", "paper"] = "corrected"
    "paper reproduces the published quirks of the main paper."
    data: DataSpec | None = None
    "Source of the named datasets; may be left out when all datasets are own files."
    datasets: dict[str, DatasetSpec] = Field(default_factory=dict)
    "Own datasets."
    tasks: dict[str, TaskSpec]
    "Tasks with their roles; `lm_eval` names tasks of lm-evaluation-harness."
    methods: Annotated[tuple[EntrySpec, ...], BeforeValidator(entries("methods", "[base, sft]"))]
    "How the base is adapted."
    probes: Annotated[tuple[EntrySpec, ...], BeforeValidator(_none_or(entries("probes", "[weight_distance]")))] = ()
    "Diagnostics of every adapted variant: entries of `hanka list probes`."
    guardrails: (
        Annotated[
            tuple[EntrySpec, ...],
            BeforeValidator(_none_or(entries("guardrails", "[refusals, {word_list: {file: words.txt}}]"))),
        ]
        | None
    ) = None
    "What must not come out: entries of `hanka list guardrails` (default: those that need no parameters)."
    tokens: TokensSpec = TokensSpec()
    "Special-token policy."
    train: TrainParams = TrainParams()
    "Training defaults."
    eval: EvalSpec = EvalSpec()
    "Evaluation."
    stats: StatsSpec = StatsSpec()
    "Statistics."
    seeds: Seeds = (0,)
    "Training seeds, one variant each, where an entry of `methods` has none of its own; the first one also seeds draws."
    strict: bool = False
    "Audit warnings become errors."
    unknown: float = Field(default=0.0, ge=0, lt=1)
    "Share of an own file's rows that may have a label which is none; they are left out and counted."
    broken: float = Field(default=0.0, ge=0, lt=1)
    "Share of an own file's rows that may be blank (a needed cell is empty) or broken (it cannot be read); as above."
    lang: Literal["en", "ja"] = "en"
    "Language of the report."
    author: str = ""
    "Who the report says has made the study."

    @field_validator("tasks", mode="before")
    @classmethod
    def _empty_task_means_defaults(cls, value: Any) -> Any:
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if spec is None else spec for name, spec in value.items()}
        return value
