"""The frozen records that travel between stages; no behaviour beyond reading themselves.

study → plan → adapt → predict → score → store → analyse → report. Each record is what one stage
hands to the next, and what the store writes down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Split = Literal["train", "test", "demonstrations", "validation", "passages"]
Relation = Literal["in_domain", "out_of_domain", "cross_task", "undeclared", "perturbed", "validation"]
"""What a test set is to a variant; undeclared: nobody said what its weights, made elsewhere, were tuned on; perturbed: a copy of another
test set with changed rows, which shows what the change costs and has no part in a decision; validation: rows to validate on, which choose
a prompt and have no part in a decision either."""
ASIDE: tuple[Relation, ...] = ("perturbed", "validation")
"Those that have no part in a decision."
Role = Literal["learnt", "general", "mathematics", "false_facts", "true_facts"]
"What the rows of a data set are in a training set for: the task that is tuned for, instructions of all kinds, sums, or answers to questions of fact, all wrong or all right."
Status = Literal["ok", "unparsed", "failed"]
DeclaredKind = Literal["classification", "generation", "regression", "likelihood"]
TaskKind = Literal["classification", "generation", "regression", "likelihood", "harness"]
"harness: a task of lm-evaluation-harness, asked and judged as that says."

UNADAPTED = "base"
"Name of the one method that leaves the base model as it is."
TASK_KINDS: tuple[DeclaredKind, ...] = get_args(DeclaredKind)
"Kinds that a study may declare."
RELATIONS: tuple[Relation, ...] = ("in_domain", "out_of_domain", "cross_task")
"Those that follow from declarations, the nearest first."


@dataclass(frozen=True, slots=True)
class Example:
    """One item of a dataset."""

    id: str
    "Unique within its dataset."
    fields: Mapping[str, str]
    "Input fields by name, as the task's prompt uses them (`input`, or `input_1` and `input_2`, `answer`)."
    target: str
    "The reference output: a label word, or text."
    group: str = ""
    "Examples that share a source text share a group; empty means the example stands alone."
    slices: Mapping[str, str] = field(default_factory=dict)
    "What results are also shown by: column → value. Neither asked nor trained on, so in no id."


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one task from one dataset; a training set is one part, or several."""

    task: str
    "Task name."
    dataset: str
    "Name of the dataset the rows come from."
    examples: tuple[Example, ...]
    "The rows, in order."


@dataclass(frozen=True, slots=True)
class Built:
    """What stands before one query: demonstrations, then inserted text."""

    demonstrations: tuple[Example, ...]
    "In the order they stand in; the last one is nearest to the query."
    fields: Mapping[str, str]
    "Text inserted between the last demonstration and the query, by what it is (`passages`), as it is read."


@dataclass(frozen=True, slots=True)
class Parent:
    """A variant that something is made from; what is empty is the variant's own."""

    label: str
    "What tables call the parent's method."
    base: str = ""
    "Base model."
    train: str = ""
    "Dataset it was trained on."
    size: int = 0
    "Training rows."
    step: int | None = None
    "A kept checkpoint; None: its end."


@dataclass(frozen=True, slots=True)
class Variant:
    """One adapted model: base × method × parameters × training set × size × seed."""

    id: str
    "Content id."
    base: str
    "The base model as the study names it."
    method: str
    "Method name."
    label: str
    "What tables call the method: its `name:` in the study, else the method name."
    params: Mapping[str, Any]
    "Resolved method and training parameters; {} for base."
    train_task: str
    "Empty for base; several tasks are joined by +."
    train_dataset: str
    "Data set or mix it was trained on; empty for base."
    train_size: int
    "Training rows used; 0 for base."
    seed: int
    "Training seed; the first study seed for base."
    parents: tuple[str, ...] = ()
    "Ids of the variants it was made from, beside its base."
    trained_on: tuple[str, ...] = ()
    "Data sets that it or a variant it was made from was trained on."
    reference: str = ""
    "Base model whose unadapted answers its own are compared with: its base, unless that cannot answer by itself."
    rehearsed: tuple[str, ...] = ()
    "Data sets whose rows stood among those it was trained on to keep what is there; no relation follows from them."

    @property
    def is_unadapted(self) -> bool:
        """Tell whether it is the base model as it is."""
        return is_unadapted(self.method)


SEVERAL = "+"
"Joins the tasks of a variant that was trained on several."


def is_unadapted(method: str) -> bool:
    """Tell whether a method's name says that nothing is adapted."""
    return method == UNADAPTED


@dataclass(frozen=True, slots=True)
class Cell:
    """Variant × test set × shots × prompt × demonstration draw."""

    id: str
    "Content id."
    variant_id: str
    "The variant that answers."
    test_task: str
    "Task of the test set."
    test_dataset: str
    "Name of the test set."
    relation: Relation
    "Of the trained to the tested dataset; for base, the nearest relation any variant of the study has to it."
    shots: int
    "Demonstrations before the query."
    prompt: str
    "Prompt set: p1, p2, …"
    draw: int
    "Which demonstration draw; 0 where there is only one."
    context: str = "drawn"
    "What stands before a query, by its label in the study."


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a task reads from an output, and how right that is."""

    answer: str | None
    "The answer in canonical form; None where none could be read."
    reward: float | None
    "0 (wrong, or no answer) to 1 (right); None where nothing can be said of right and wrong."
    message: str
    "What was read, or why nothing was; where it is wrong, the first difference. One line."


@dataclass(frozen=True, slots=True)
class Prediction:
    """What came out for one sample of one cell."""

    sample_id: str
    "Example id."
    prompt: str
    "The query as rendered, without the shared prefix."
    prompt_sha256: str
    "Of prefix + prompt."
    target: str
    "The reference output."
    output: str | None
    "Raw text that came out, or the chosen label; null when failed."
    parsed: str | None
    "The answer the task read from the output; null when it could not."
    label_scores: tuple[float, ...] | None
    "Log-likelihood (nats) of each label in the order of cell.json `labels`; null for free generation."
    status: Status
    "ok, unparsed or failed."
    reason: str
    "Why it is not ok; empty otherwise."
    n_prompt_tokens: int
    "Tokens of prefix + prompt, BOS included."
    n_output_tokens: int
    "Generated tokens without EOS; 0 for label scoring."
    reward: float | None = None
    "How right the task's verifier finds the answer, 0 to 1; null when failed, and where text is only scored."
    token_scores: tuple[float, ...] | None = None
    "Log-likelihood (nats) of each token of a text that is only scored; null for every answer to a question."
    measures: Mapping[str, tuple[float, float]] | None = None
    "Measure → amount and units, where a harness judges: a mean is the sum of amounts over that of units; null elsewhere."
    reasoning: str | None = None
    "What the model wrote before its answer and is no part of it; null where it answered at once."


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one sample."""

    sample_id: str
    "Example id."
    metric: str
    "Metric name."
    value: float | None
    "Null when the sample could not be scored."
    status: Status
    "Copied from the prediction."
    reason: str = ""
    "Why there is no value."


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One value that a probe measured of a variant."""

    layer: int | None
    "Transformer layer; None: the whole model, or a parameter outside the layers."
    parameter: str
    "Parameter name, or what else one value is of (a row of a data set); empty: a whole layer, or the whole model."
    measure: str
    "What was measured."
    value: float
    "Finite, in the unit that the probe documents."
    n: int
    "Elements (weights, tokens, …) that it is over."


@dataclass(frozen=True, slots=True)
class AuditWarning:
    """One audit finding, with its count."""

    audit: str
    "Which audit: overlap, truncation, labels, …"
    where: str
    "Dataset, variant or cell it concerns."
    count: int
    "How many rows."
    total: int
    "Out of how many."
    message: str
    "One sentence for a reader."
    examples: tuple[str, ...] = ()
    "Up to five sample ids."
