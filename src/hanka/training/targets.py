"""What belongs to supervised places beside their tokens: weights, soft targets, what the base said there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hanka.errors import UnitError
from hanka.prompting import Encoded
from hanka.training.batching import supervised
from hanka.training.objectives.contract import Outputs, Soft

if TYPE_CHECKING:
    import torch

    from hanka.training.head import Head

LOGIT_BYTES = 4 * 2**30
"Logits of the base that may be kept, where a model's head cannot be taken apart; hidden states are a hundred times smaller."


def weights_of(rows: Sequence[Encoded], device: torch.device) -> torch.Tensor | None:
    """Return the weights of supervised tokens, (n,), row after row; None where no row has any."""
    import torch

    if all(row.weights is None for row in rows):
        return None
    values: list[float] = []
    for row in rows:
        values += [1.0] * supervised(row) if row.weights is None else row.weights
    return torch.tensor(values, dtype=torch.float32, device=device)


def soft_of(rows: Sequence[Encoded], device: torch.device) -> Soft | None:
    """Return the soft targets of rows that all have them; None where any has none."""
    import torch

    given = [row.soft for row in rows if row.soft is not None]
    if len(given) < len(rows):
        return None
    return Soft(
        torch.tensor([place for soft in given for place in soft.ids], device=device),
        torch.tensor([place for soft in given for place in soft.log_probs], device=device),
        torch.tensor([place for soft in given for place in soft.tail], device=device),
    )


def refuse_uneven(rows: Sequence[Encoded]) -> None:
    """Raise ValueError where a row has not one weight, or one distribution, per supervised token."""
    for at, row in enumerate(rows):
        n_targets = supervised(row)
        for what, found in (("weights", row.weights), ("soft targets", row.soft and row.soft.tail)):
            if found is not None and len(found) != n_targets:
                raise ValueError(f"row {at} has {len(found)} {what} for {n_targets} supervised tokens")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model said at the supervised places of rows before it changed; kept in main memory."""

    rows: Sequence[Encoded]
    "The rows; kept, because they are known by identity."
    values: Mapping[int, torch.Tensor]
    "id of a row → hidden states or logits at its places, (n, width)."
    head: torch.Tensor | None
    "(vocabulary, width): the head as it was."

    @classmethod
    def of(
        cls, rows: Sequence[Encoded], said: Iterable[tuple[Sequence[Encoded], Outputs]], head: Head | None
    ) -> Reference:
        """Keep what was said at the places of rows. Raises UnitError where that takes too much memory."""
        import torch

        n_places = sum(map(supervised, rows))
        values: dict[int, torch.Tensor] = {}
        for cut, outputs in said:
            n_bytes = n_places * outputs.values[0].nbytes
            if outputs.head is None and n_bytes > LOGIT_BYTES:
                raise UnitError(
                    f"the base's logits at {n_places} places take {n_bytes / 2**30:.1f} GiB, at most {LOGIT_BYTES / 2**30:.0f}"
                    " are kept; train on fewer rows, or on a model whose head is one matrix"
                )
            parts = torch.split(outputs.values.to("cpu"), [supervised(row) for row in cut])
            values |= {id(row): part for row, part in zip(cut, parts, strict=True)}
        if head is None:
            return cls(rows, values, None)
        weight = head.weight
        return cls(rows, values, weight.detach().clone() if weight.requires_grad else weight)

    def at(self, cut: Sequence[Encoded], device: torch.device) -> Outputs:
        """Return what was said at the places of some of the rows, row after row."""
        import torch

        return Outputs(torch.cat([self.values[id(row)] for row in cut]).to(device), self.head)
