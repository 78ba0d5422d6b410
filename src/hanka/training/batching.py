"""From encoded rows to micro-batches: order by seed, length-sorted, a token budget per forward pass.

An optimizer batch is fixed by seed, epoch and batch size. How it is cut into micro-batches changes memory
and speed only: the loss is summed over supervised tokens and divided once by their number in the
whole optimizer batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from hanka.identity import stream
from hanka.prompting import Encoded, shared_prefix
from hanka.training.params import CourseParams

if TYPE_CHECKING:
    import torch


UNSUPERVISED = -100
"Label of a place without a target."


class PaddedRows(NamedTuple):
    """Padded on the left, so that all targets end at the right edge."""

    input_ids: torch.Tensor
    "(rows, width)"
    attention_mask: torch.Tensor
    "(rows, width): 1 for real tokens."
    position_ids: torch.Tensor
    "(rows, width): counts real tokens."
    labels: torch.Tensor
    "(rows, n_targets): the last n_targets tokens; UNSUPERVISED where not supervised."


def optimizer_batches(n_rows: int, batch_size: int, epoch: int, seed: int) -> list[list[int]]:
    """Shuffle rows by (seed, epoch) and cut them into optimizer batches; the last may be smaller."""
    order = stream(seed, "batches", epoch).permutation(n_rows).tolist()
    return [order[start : start + batch_size] for start in range(0, n_rows, batch_size)]


def n_steps_of(lengths: Sequence[int], settings: CourseParams, seed: int) -> int:
    """Count the optimizer steps of a course over rows of so many tokens each: by epochs, steps, or tokens.

    Of tokens, the fewest steps that see so many, in the very order in which they are trained on. Raises ValueError without rows.
    """
    if not lengths:
        raise ValueError("no rows, so no steps")
    per_round = -(-len(lengths) // settings.batch_size)
    if settings.steps is not None:
        return settings.steps
    if settings.total_tokens is None:
        return settings.pace.epochs * per_round
    rounds, left = divmod(settings.total_tokens, sum(lengths))
    n_steps = rounds * per_round
    for batch in optimizer_batches(len(lengths), settings.batch_size, rounds, seed) if left else ():
        if left <= 0:
            break
        left -= sum(lengths[index] for index in batch)
        n_steps += 1
    return n_steps


def supervised(row: Encoded) -> int:
    """Count the supervised tokens of a row."""
    return len(row.ids) - max(row.start, 1) if row.start < len(row.ids) else 0


def shareable(rows: Sequence[Encoded]) -> int:
    """Count the leading tokens that all rows share and that predict no supervised token of any."""
    return min([shared_prefix([row.ids for row in rows]), *(max(row.start, 1) - 1 for row in rows)])


def micro_batches(
    rows: Sequence[Encoded], token_budget: int, n_shared: int = 0, padded: bool = False
) -> list[list[Encoded]]:
    """Cut one optimizer batch into micro-batches within a token budget, longest rows first; at least one row each.

    Micro-batches come out about equally large: a small last one would run slowly. n_shared: leading tokens that are not
    counted. padded: count every row as long as the longest beside it.
    """
    ordered = sorted(rows, key=lambda row: -len(row.ids))
    if not padded:
        total = sum(len(row.ids) - n_shared for row in rows)
        share = total / max(1, -(-total // token_budget))
        token_budget = min(token_budget, int(share + (len(ordered[0].ids) - n_shared) / 2))
    cuts: list[list[Encoded]] = []
    used = 0
    for row in ordered:
        cost = (len(cuts[-1][0].ids) if padded and cuts else len(row.ids)) - n_shared
        if not cuts or used + cost > token_budget:
            cuts.append([])
            used, cost = 0, len(row.ids) - n_shared
        cuts[-1].append(row)
        used += cost
    return cuts


def pad(rows: Sequence[Encoded], filler: int = 0) -> PaddedRows:
    """Lay rows out as a padded batch."""
    import torch

    width = max(len(row.ids) for row in rows)
    n_targets = max(supervised(row) for row in rows)
    ids = torch.full((len(rows), width), filler, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    labels = torch.full((len(rows), n_targets), UNSUPERVISED, dtype=torch.long)
    for index, row in enumerate(rows):
        length, n_own = len(row.ids), supervised(row)
        ids[index, width - length :] = torch.tensor(row.ids)
        mask[index, width - length :] = 1
        positions[index, width - length :] = torch.arange(length)
        if n_own:
            labels[index, n_targets - n_own :] = torch.tensor(row.ids[length - n_own :])
    return PaddedRows(ids, mask, positions, labels)
