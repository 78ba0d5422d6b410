"""Look at a language model in training: what it makes of a sample of its own rows and of those it is validated on.

Between adapt and the loop. Rows are read as they are trained on, demonstrations before them; label words are scored
as they are asked, so an accuracy here and one of a cell at the same prompt mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hanka.engines.contract import LabelAnswer, TextScore
from hanka.errors import UnitError
from hanka.methods.fit import Fitted, chosen, entries, largest_change
from hanka.methods.supervised.rows import Source
from hanka.models.memory import is_out_of_memory, release_memory
from hanka.prompting import Encoded, Prompter, Query
from hanka.training.batching import supervised

if TYPE_CHECKING:
    from hanka.engines.contract import Engine
    from hanka.models.loading import LoadedModel

SourcedRow = tuple[Encoded, Source]


class Seen(NamedTuple):
    """What a model made of the rows at one moment."""

    own: list[Fitted]
    "Of its own rows."
    validation: list[Fitted]
    "Of those it is validated on."
    bits: dict[str, int]
    "Sum of the bits of each weight that trains."


@dataclass(frozen=True, slots=True)
class Watched:
    """A model in training with the rows it is looked at on."""

    prompter: Prompter
    "Encodes what labels are."
    loaded: LoadedModel
    "The wrapped model."
    own: Sequence[SourcedRow]
    "Sample of the training rows."
    validation: Sequence[SourcedRow]
    "Sample of the rows to validate on."
    batch_tokens: int
    "Tokens per pass at most."

    def look(self) -> Seen:
        """Return what the model makes of all rows now. Raises UnitError where a weight that trains is no number."""
        return Seen(self._fitted(self.own), self._fitted(self.validation), _bits(self.loaded.model))

    def metrics(self) -> dict[str, float]:
        """Return the accuracy on the rows to validate on, where their tasks have labels."""
        found = entries("validation", "after", self._fitted(self.validation))
        return {one["metric"]: one["value"] for one in found if one["metric"] == "accuracy"}

    def _fitted(self, rows: Sequence[SourcedRow]) -> list[Fitted]:
        """Score rows; those that do not fit the model's context are left out. After running out of memory, again with less."""
        from hanka.engines.local import LocalEngine
        from hanka.training.gradient import evaluating

        tasks = list({source.task.name: source.task for _, source in rows}.values())
        with evaluating(self.loaded.model):
            engine = LocalEngine(self.loaded, self.batch_tokens)
            while True:
                try:
                    return [
                        one
                        for task in tasks
                        for one in self._of_task(engine, [row for row in rows if row[1].task.name == task.name])
                    ]
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error) or not engine.halve():
                        raise
                release_memory()

    def _of_task(self, engine: Engine, rows: Sequence[SourcedRow]) -> list[Fitted]:
        task = rows[0][1].task
        if task.labels:
            texts = [source.text for _, source in rows]
            asked = self.prompter.label_queries(task, "", texts, 0)
            whole = [query.ids == row.ids[: len(query.ids)] for query, (row, _) in zip(asked, rows, strict=True)]
            if all(whole):
                return _labelled(engine, asked, rows)
        return _written(engine, rows)


def _labelled(engine: Engine, asked: Sequence[Query], rows: Sequence[SourcedRow]) -> list[Fitted]:
    """Score labels, and beside them what the row teaches: one pass over the question serves both."""
    queries = [
        query._replace(labels=(*query.labels, tuple(row.ids[len(query.ids) :])))
        for query, (row, _) in zip(asked, rows, strict=True)
    ]
    found = []
    for query, answer, (row, source) in zip(queries, engine.score_labels(queries), rows, strict=True):
        if isinstance(answer, LabelAnswer):
            *labels, taught = answer.log_likelihoods
            taught = taught[: len(row.ids) - len(query.ids)]  # without what would end it once more
            scores = tuple(map(math.fsum, labels))
            target = source.task.verify(source.example, source.example.target).answer or source.example.target
            found.append(Fitted(taught[-supervised(row) :], target, source.task.labels, scores))
    return found


def _written(engine: Engine, rows: Sequence[SourcedRow]) -> list[Fitted]:
    """Score what rows teach."""
    cuts = [max(row.start, 1) for row, _ in rows]
    queries = [
        Query(source.text, row.ids[:cut], (tuple(row.ids[cut:]),))
        for (row, source), cut in zip(rows, cuts, strict=True)
    ]
    return [
        Fitted(answer.log_likelihoods, source.example.target)
        for answer, (_, source) in zip(engine.score_text(queries), rows, strict=True)
        if isinstance(answer, TextScore)
    ]


def sample_of(rows: Sequence[Encoded], sources: Sequence[Source], most: int, limit: int) -> list[SourcedRow]:
    """Return a sample of the rows that teach something and are whole; those `protocol: paper` cuts are not."""
    whole = [
        (row, source) for row, source in zip(rows, sources, strict=True) if supervised(row) and len(row.ids) < limit
    ]
    return [whole[place] for place in chosen([source.example.id for _, source in whole], most)]


def record_of(before: Seen, after: Seen) -> dict[str, Any]:
    """Return what variant.json holds of a training: how rows were fitted before and after, and how much changed."""
    change = {
        "n_tensors": len(after.bits),
        "n_moved": sum(1 for name, sum_ in after.bits.items() if before.bits[name] != sum_),
        "largest_nats": largest_change((*before.own, *before.validation), (*after.own, *after.validation)),
    }
    fit = [
        *entries("train", "before", before.own),
        *entries("train", "after", after.own),
        *entries("validation", "before", before.validation),
        *entries("validation", "after", after.validation),
    ]
    return {"fit": fit, "change": change}


def _bits(model: Any) -> dict[str, int]:
    """Return the sum of the bits of every weight that trains. Raises UnitError for one that is no number."""
    from hanka.models.weights import state_of

    for name, value in model.named_parameters():
        if value.requires_grad and not bool(value.isfinite().all()):
            raise UnitError(f"weights of {name} are no numbers after training; lower the learning rate")
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    return {name: bits for name, (_, bits) in state_of(model).items() if name in trained}
