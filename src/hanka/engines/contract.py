"""The Engine contract: how answers come out of an adapted model.

An engine knows queries, not tasks. Answers come back in the order of the queries, whatever order and
batches they were computed in. Equal queries are told apart by their number among their equals, so asking one
n times while sampling gives n samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from hanka.errors import UnitError
from hanka.prompting import Query

if TYPE_CHECKING:
    from hanka.models.encoder import LoadedEncoder
    from hanka.models.loading import LoadedModel
    from hanka.models.served import ServedModel

AnswerKind = Literal["labels", "text", "likelihood"]
"What an engine may give: a score per label, written text, a score per token of a text."
ASKS_FOR: Mapping[str, AnswerKind] = {"classification": "labels", "likelihood": "likelihood"}
"By task kind; every other kind of task asks for text."

TOP = 20
"Tokens that a served base lists for each place, unless a study says otherwise: what vLLM allows by default, and OpenAI at most."
MAX_SLOTS = 128
"Rows continued at once at most."


@dataclass(frozen=True, slots=True)
class Decoding:
    """How text is generated."""

    max_new_tokens: int
    "Generation cap, tokens."
    stop: tuple[str, ...]
    "Generation may end once one of these stands in the output after its first visible character."
    temperature: float = 0.0
    "What logits are divided by before a token is drawn; 0: the most probable token, nothing is drawn."
    top_p: float = 1.0
    "Tokens are drawn from the smallest set of most probable ones whose probabilities sum to at least this."
    seed: int = 0
    "A row's draws follow from this, the row's token ids, its number among equal rows and the step; no other row."

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise UnitError(f"temperature is {self.temperature}; it must be 0 (nothing is drawn) or above")
        if not 0 < self.top_p <= 1:
            raise UnitError(f"top_p is {self.top_p}; it must be above 0 and at most 1")


class LabelAnswer(NamedTuple):
    """What an engine says of one classification query."""

    log_likelihoods: tuple[tuple[float, ...], ...]
    "Per label, per token: log-probability (nats) given the context and the label's earlier tokens; last, where the query has\n    `ends`, that of any of them behind the label."
    n_read: int | None = None
    "Tokens read, where the engine counts them itself; None: the query's."


class WrittenLabel(NamedTuple):
    """What an engine that cannot score labels says of one classification query."""

    text: str
    "What was written."
    label: str | None
    "The label it is, as the query spells it; None where it is none."
    n_tokens: int
    "Generated tokens."
    n_read: int | None = None
    "Tokens read."
    reasoning: str = ""
    "What was written before it and is no part of it."


class TextAnswer(NamedTuple):
    """What an engine says of one generation query."""

    text: str
    "Decoded output, special tokens removed."
    n_tokens: int
    "Generated tokens without EOS."
    n_read: int | None = None
    "Tokens read, where the engine counts them itself; None: the query's."
    reasoning: str = ""
    "What was written before it and is no part of it."


class TextScore(NamedTuple):
    """What an engine says of one text."""

    log_likelihoods: tuple[float, ...]
    "Per token of the query's only label: log-probability (nats) given everything before it."
    n_read: int | None = None
    "Tokens read, where the engine counts them itself; None: the query's."
    is_greedy: bool | None = None
    "Whether no other token was more probable anywhere: the text is what the model would have written. None: not known."


class Refusal(NamedTuple):
    """A query that could not be answered; it becomes a failed row."""

    reason: str
    "Why."
    reasoning: str = ""
    "What was written all the same and is no answer."


NO_NUMBER = "the model gives no number here"
"How the reason of a row begins whose scores are not finite."


def no_number(value: float, what: str) -> Refusal:
    """Refuse an answer that rests on NaN or infinity; what: which number it is."""
    return Refusal(f"{NO_NUMBER}: {what} is {value}; its weights are damaged, or training diverged")


class Engine(Protocol):
    """What is needed of an engine."""

    batch_tokens: int
    "Token budget of a pass."

    @property
    def context_length(self) -> int:
        """Tokens that fit, question and answer together."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its numbers must know (fallbacks taken)."""
        ...

    def score_labels(self, queries: Sequence[Query]) -> Sequence[LabelAnswer | WrittenLabel | Refusal]:
        """Return the log-likelihood of every label of every query, or the label that was written."""
        ...

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Continue every query."""
        ...

    def score_text(self, queries: Sequence[Query]) -> list[TextScore | Refusal]:
        """Return the log-likelihood of every token of every text; see `Prompter.likelihood_queries`."""
        ...

    def halve(self) -> bool:
        """Halve the token budget after running out of memory; tells whether there was anything to halve."""
        ...

    def account(self) -> dict[str, Any]:
        """Return what answering took since the last call beside time, for a cell's record; {} where nothing.

        `timed`: seconds of each request, which stand in a file of their own.
        """
        ...


@dataclass(frozen=True, slots=True)
class Steering:
    """What the engine `combined` is told."""

    alpha: float = 1.0
    "Weight of what the expert says beyond its counterpart; the published value is 1."
    top: int | None = None
    "Tokens that a served base is asked to list for each place; None: `TOP`."


@dataclass(frozen=True, slots=True, eq=False)
class Lent:
    """What an engine is opened with: all that it needs of one variant."""

    base: LoadedModel | LoadedEncoder | ServedModel | None
    "The base with what was made on it; None for engines that need no model."
    batch_tokens: int
    "Token budget of a pass."
    folder: Path | None = None
    "Folder of the made variant."
    others: Mapping[str, LoadedModel] = field(default_factory=dict)
    "Further models, by the part they play: `expert` and `anti`."
    params: Any = None
    "Parameters of answering, of the engine's own type (`Steering`), as `Method.engine_params` gives them."


@dataclass(frozen=True, slots=True, eq=False)
class EngineEntry:
    """One kind of engine; light until it is opened."""

    name: str
    "What records call it."
    reference: str
    "Paper, or what it stands on."
    description: str
    "One line for lists."
    answers: frozenset[AnswerKind]
    "What it can give."
    open: Callable[[Lent], Engine]
    "Return the engine of one variant; imports torch where it needs it. Raises ModelError or UnitError in one line."
    reads_contexts: bool = True
    "Whether demonstrations and passages before a query mean anything to it."
    cannot: str = ""
    "Why it does not give the rest, as a sentence's beginning."
    version: int = 1
    "Raised by hand when the same models give other numbers than before."

    def refusal(self, task_kind: str, task: str) -> str:
        """Say in one line why a task cannot be answered, before any work; empty if it can."""
        asked = ASKS_FOR.get(task_kind, "text")
        if asked in self.answers:
            return ""
        wants = {"labels": "scores of labels", "text": "written text", "likelihood": "the likelihood of a text"}[asked]
        can = " or ".join(sorted(self.answers))
        return f"{self.cannot}: task {task} ({task_kind}) asks for {wants}; the engine {self.name} gives {can}"
