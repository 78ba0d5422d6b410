"""The study file's shape: every key, its type, range and default.

Pydantic models, all strict about unknown keys and frozen. What a value means for data and models is
checked one step later, in `resolve.py`. Contract: the study-file section of the documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from hanka.registry import no_boolean_for_a_number


class Strict(BaseModel):
    """Unknown keys are errors; values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, protected_namespaces=(), allow_inf_nan=False)
    _numbers = field_validator("*", mode="before")(no_boolean_for_a_number)


def _per_task(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Accept one value, or a map from task name or task kind to a value."""

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            if not value:
                raise ValueError("an empty map; give a value, or a map from task or task kind to a value")
            return {str(name): check(item) for name, item in value.items()}
        return check(value)

    return read


def _whole_numbers(low: int) -> Callable[[Any], Any]:
    def check(value: Any) -> tuple[int, ...]:
        """Return distinct whole numbers, or say which one is not."""
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int) or item < low:
                raise ValueError(f"{item!r} is not a whole number ≥ {low}")
        if not items:
            raise ValueError(f"an empty list; give at least one whole number ≥ {low}")
        if len(set(items)) != len(items):
            raise ValueError(f"{list(items)!r} names a number twice")
        return tuple(items)

    return check


def _names(value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    for item in items if isinstance(items, (list, tuple)) else ():
        if isinstance(item, (bool, int, float)):
            raise ValueError(f"{value!r}: an item is a {type(item).__name__} in YAML, not text; put it in quotes")
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) and item for item in items):
        raise ValueError(f"{value!r} is not a name or a list of names")
    if len(set(items)) != len(items):
        raise ValueError(f"{list(items)!r} names something twice")
    return tuple(items)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Sizes = Annotated[tuple[int, ...], BeforeValidator(_whole_numbers(1))]
Seeds = Annotated[tuple[int, ...], BeforeValidator(_whole_numbers(0))]
ShotsPerTask = Annotated[Any, BeforeValidator(_per_task(_whole_numbers(0)))]
NamesPerTask = Annotated[Any, BeforeValidator(_per_task(_names))]


def for_task(value: Any, task: str, kind: str, default: Any) -> Any:
    """Read a per-task value: by task name, then by task kind, then the default for what a map leaves out."""
    if isinstance(value, dict):
        return value.get(task, value.get(kind, default))
    return value


class BaseModelSpec(Strict):
    """A base model."""

    model: str = Field(min_length=1)
    "Catalogue alias, hub id[@revision], or local folder."
    trust_remote_code: bool = False
    "Run the repository's own Python code; needs a pinned revision."


class DataSpec(Strict):
    """Where the named datasets come from."""

    source: str
    "mini, paper, hub or toy."
    path: str | None = None
    "Folder of the source, relative to the study file; `paper` needs it."


class DatasetSpec(Strict):
    """An own dataset, or another domain label for a dataset of the source."""

    task: str | None = None
    "Task its examples belong to."
    domain: str | None = None
    "Where the text comes from; equal domains are in-domain to each other."
    train: str | None = None
    "File with training rows: jsonl, csv, tsv, parquet, or hub:owner/name."
    test: str | None = None
    "File with test rows."
    demonstrations: str | None = None
    "File with demonstration rows; by default some training rows are set aside."
    fields: dict[str, str] = Field(default_factory=dict)
    "Task field → column of the file; `output` is the target."
    labels: dict[str, str] = Field(default_factory=dict)
    "Value in the file → label word."
    licence: str = "not stated"
    "Licence of the text."


class TaskSpec(Strict):
    """A task's roles, and its declaration when it is not a built-in one."""

    train: str | None = None
    "Dataset to train on; null: only test."
    in_domain: Names = ()
    "Test sets of the training domain."
    out_of_domain: Names = ()
    "Test sets of other domains."
    kind: Literal["classification", "generation"] | None = None
    "Declares an own task."
    labels: Names = ()
    "Label words of an own classification."
    prompt: str | None = None
    "Prompt template of an own task, with {field} places; becomes p1."
    prompts: dict[str, str] = Field(default_factory=dict)
    "Several templates of an own task, by name."
    metric: str | None = None
    "Primary metric of an own generation task (default rouge_l)."
    stop: Names = ("\n\n",)
    "An own generation ends before the first of these."


class TokensSpec(Strict):
    """Policy for special tokens, recorded with every variant and cell."""

    bos: Literal["model", "always", "never"] = "model"
    "Begin-of-sequence token: as the tokenizer does by itself, always once, or never."
    eos: bool = True
    "End every training target with the end-of-sequence token."
    template: Literal["plain", "chat"] = "plain"
    "Plain text, or the model's chat template with one user turn per example."


class TrainSpec(Strict):
    """How every method trains unless it says otherwise."""

    sizes: Sizes = (64,)
    "Training rows, one variant each."
    epochs: int = Field(default=1, ge=1)
    "Passes over the training rows."
    learning_rate: float = Field(default=2e-4, gt=0)
    "Peak learning rate."
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    "Learning-rate decay after warm-up."
    warmup_ratio: float = Field(default=0.0, ge=0, lt=1)
    "Share of steps that warm up."
    weight_decay: float = Field(default=0.0, ge=0)
    "AdamW weight decay."
    max_grad_norm: float = Field(default=1.0, gt=0)
    "Gradient norm is clipped to this."
    batch_size: int = Field(default=8, ge=1)
    "Examples per optimizer step."
    max_length: int = Field(default=1024, ge=8)
    "Tokens per training example, prompt and target."
    prompt: str = "p1"
    "Prompt set trained with."
    dtype: Literal["float32", "bfloat16"] = "float32"
    "Weights and arithmetic in training and evaluation."
    match: Literal["none", "supervised_tokens"] = "none"
    "supervised_tokens: every method of a task trains on the same rows, those that fit all of them."
    micro_batch_tokens: int = Field(default=4096, ge=8)
    "Tokens per forward pass at most (a processor takes 512); changes memory and speed, not the gradient."
    gradient_checkpointing: bool = False
    "Recompute activations: less memory, slower."
    checkpoint_seconds: float = Field(default=60.0, ge=0)
    "Write a checkpoint after this many seconds of training."


class EvalSpec(Strict):
    """What every variant is asked."""

    shots: ShotsPerTask = (0,)
    "Demonstrations before the query; a list, or a map from task or task kind to a list."
    prompts: NamesPerTask = ("p1",)
    "Prompt sets, or a map from task, task kind or relation to prompt sets."
    limit: int | None = Field(default=None, ge=1)
    "Use the first so many test rows (in the test set's own order)."
    cross_task: bool = True
    "Also test every variant on the other tasks."
    cross_task_sizes: Annotated[tuple[int, ...], BeforeValidator(_whole_numbers(1))] | None = None
    "Only variants of these sizes are tested across tasks (default: all)."
    max_new_tokens: int = Field(default=60, ge=1)
    "Generation cap, tokens."
    scoring: Literal["full", "normalised", "first_token"] | None = None
    "How a label is chosen: full log-likelihood, per token, or first token (default of protocol: paper)."
    demonstrations: Literal["drawn", "first"] | None = None
    "drawn: seeded, label-balanced, never a test row; first: file order (default of protocol: paper)."
    draws: int = Field(default=1, ge=1, le=1000)
    "Independent demonstration draws."
    batch_tokens: int = Field(default=8192, ge=8)
    "Tokens per forward pass at most (a processor takes 1024); changes memory and speed, not the scores."


class StatsSpec(Strict):
    """How evidence is weighed."""

    level: float = Field(default=0.95, gt=0.5, lt=1)
    "Confidence level of intervals; 1 − level is the error rate of verdicts after Holm."
    resamples: int = Field(default=2000, ge=200)
    "Bootstrap resamples."


class MethodSpec(Strict):
    """One entry of `methods`: a bare name, or a one-key map from name to parameters."""

    method: str
    "Method name."
    params: dict[str, Any] = Field(default_factory=dict)
    "Its parameters, as written."


def _method_entries(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list such as [base, sft]; entries are names or one-key maps")
    entries: list[dict[str, Any]] = []
    for item in value:
        if isinstance(item, str):
            entries.append({"method": item})
        elif isinstance(item, dict) and len(item) == 1:
            (name, params) = next(iter(item.items()))
            if params is not None and not isinstance(params, dict):
                raise ValueError(f"the parameters of {name!r} are {params!r}; give a map such as {{r: 8}}")
            entries.append({"method": str(name), "params": params or {}})
        elif isinstance(item, dict) and set(item) <= {"method", "params"}:
            entries.append(item)
        else:
            raise ValueError(f"{item!r} is neither a method name nor a one-key map such as {{sft: {{r: 8}}}}")
    return entries


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
    tasks: dict[str, TaskSpec] = Field(min_length=1)
    "Tasks with their roles."
    methods: Annotated[tuple[MethodSpec, ...], BeforeValidator(_method_entries)]
    "How the base is adapted."
    tokens: TokensSpec = TokensSpec()
    "Special-token policy."
    train: TrainSpec = TrainSpec()
    "Training defaults."
    eval: EvalSpec = EvalSpec()
    "Evaluation."
    stats: StatsSpec = StatsSpec()
    "Statistics."
    seeds: Seeds = (0,)
    "Training seeds, one variant each; the first one also seeds draws."
    strict: bool = False
    "Audit warnings become errors."
    lang: Literal["en", "ja"] = "en"
    "Language of the report."

    @field_validator("tasks", mode="before")
    @classmethod
    def _empty_task_means_defaults(cls, value: Any) -> Any:
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if spec is None else spec for name, spec in value.items()}
        return value
