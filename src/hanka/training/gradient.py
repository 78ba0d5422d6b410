"""The gradient of one optimizer batch: what rows share is computed once, the head runs on targets only.

Rows are packed without padding (`models/packing.py`). Leading tokens that all rows share go first into the same pass, or,
where the batch needs several micro-batches, into one pass of their own: its keys and values become leaves, every
micro-batch adds to their gradients, and one backward pass carries the sum through the shared tokens.
Loss and gradient equal those of padded rows (tests: float64, five families). Where a model does not take packed
rows, rows are padded and `notes` says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from hanka.models.attention import forward, new_pack, packed_attention, takes_packs
from hanka.models.packing import NOTHING, Pack, Prefix, Row, to_device
from hanka.prompting import Encoded
from hanka.training.batching import PaddedRows, micro_batches, pad, shareable, supervised
from hanka.training.head import find_head, summed_cross_entropy

OWN_PASS = 64
"A shared prefix of fewer tokens is repeated in every micro-batch rather than computed in a pass of its own."


class Gradient:
    """Accumulates gradients of optimizer batches on one model."""

    def __init__(self, model: Any, autocast: Callable[[], Any] = contextlib.nullcontext) -> None:
        self.model = model
        self.autocast = autocast
        self.device = next(model.parameters()).device
        with _evaluating(model):
            self.packs, reason = takes_packs(model)
        self.head = find_head(model) if self.packs else None
        self.shares = self.packs and not _drops_out(model)
        self.n_forwarded = 0
        notes = []
        if not self.packs:
            notes.append(f"rows are padded, nothing is shared: {reason}")
        elif not self.shares:
            notes.append("nothing is shared: dropout draws anew for every row")
        self.notes = tuple(notes)

    def accumulate(self, batch: Sequence[Encoded], token_budget: int) -> float:
        """Add the gradient of a batch's mean loss per supervised token (nats) and return that loss."""
        rows = [row for row in batch if supervised(row)]
        n_targets = sum(map(supervised, rows))
        if not self.packs:
            return sum(
                self._backward(self._padded(pad(cut)), n_targets)
                for cut in micro_batches(rows, token_budget, padded=True)
            )
        with packed_attention(self.model):
            return self._accumulate_packed(rows, token_budget, n_targets)

    def _accumulate_packed(self, rows: Sequence[Encoded], token_budget: int, n_targets: int) -> float:
        n_shared = shareable(rows) if self.shares and len(rows) > 1 else 0
        shared = rows[0].ids[:n_shared]
        cuts = micro_batches(rows, max(1, token_budget - n_shared), n_shared)
        if len(cuts) == 1 or n_shared < OWN_PASS:
            return sum(self._backward(self._packed(cut, NOTHING, shared), n_targets) for cut in cuts)
        return self._accumulate_behind(shared, micro_batches(rows, token_budget, n_shared), n_targets)

    def _accumulate_behind(self, shared: Sequence[int], cuts: Sequence[Sequence[Encoded]], n_targets: int) -> float:
        """Accumulate micro-batches behind one pass over what they share."""
        passed = new_pack(self.model, [Row(shared)], capture=True)
        with self.autocast():
            self._hidden_or_logits(passed, to_device([len(shared) - 1], self.device))
        assert passed.captured is not None
        leaves = {
            layer: (key.detach().requires_grad_(key.requires_grad), value.detach().requires_grad_(value.requires_grad))
            for layer, (key, value) in passed.captured.items()
        }
        outer = Prefix(leaves, len(shared))
        total = sum(self._backward(self._packed(cut, outer, ()), n_targets) for cut in cuts)
        ends = [
            (made, leaf.grad)
            for layer, pair in passed.captured.items()
            for made, leaf in zip(pair, leaves[layer], strict=True)
            if leaf.grad is not None
        ]
        if ends:
            torch.autograd.backward([made for made, _ in ends], [slope for _, slope in ends])
        return total

    def _packed(self, cut: Sequence[Encoded], outer: Prefix, inner: Sequence[int]) -> Callable[[], torch.Tensor]:
        """Return what computes the summed loss of rows behind a prefix."""
        n_shared = outer.n_tokens + len(inner)
        passed = new_pack(self.model, [Row(row.ids[n_shared:]) for row in cut], outer, inner)
        places: list[int] = []
        targets: list[int] = []
        for row, start in zip(cut, passed.starts, strict=True):
            first = max(row.start, 1)
            places += range(start + first - 1 - n_shared, start + len(row.ids) - 1 - n_shared)
            targets += row.ids[first:]
        at, wanted = to_device(places, self.device), to_device(targets, self.device)

        def loss() -> torch.Tensor:
            found = self._hidden_or_logits(passed, at)
            if self.head is not None:
                return summed_cross_entropy(found, self.head.weight, wanted)
            return cross_entropy(_at_least_float32(found), wanted, reduction="sum")

        return loss

    def _hidden_or_logits(self, passed: Pack, at: torch.Tensor) -> torch.Tensor:
        """Run a pass; return hidden states (n, width) at places, or logits where the head cannot be taken apart."""
        self.n_forwarded += passed.input_ids.shape[1]
        if self.head is None:
            return forward(self.model, passed, at)
        hidden: torch.Tensor = self.head.decoder(
            input_ids=passed.input_ids, position_ids=passed.position_ids, use_cache=False, layout=passed
        ).last_hidden_state
        return hidden[0, at]

    def _padded(self, rows: PaddedRows) -> Callable[[], torch.Tensor]:
        self.n_forwarded += rows.input_ids.numel()
        return lambda: padded_loss(self.model, rows, self.device)

    def _backward(self, loss: Callable[[], torch.Tensor], n_targets: int) -> float:
        with self.autocast():
            found = loss() / n_targets
        found.backward()  # type: ignore[no-untyped-call]
        return found.item()


def padded_loss(model: Any, rows: PaddedRows, device: torch.device) -> torch.Tensor:
    """Return the summed cross-entropy (nats) of padded rows; the head runs on target positions only."""
    logits = model(
        input_ids=rows.input_ids.to(device),
        attention_mask=rows.attention_mask.to(device),
        position_ids=rows.position_ids.to(device),
        use_cache=False,
        logits_to_keep=rows.labels.shape[1] + 1,
    ).logits[:, :-1]
    labels = rows.labels.to(device).flatten()
    return cross_entropy(_at_least_float32(logits).flatten(0, 1), labels, ignore_index=-100, reduction="sum")


def _at_least_float32(logits: torch.Tensor) -> torch.Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _drops_out(model: Any) -> bool:
    """Tell whether any layer drops out in training."""
    return any(
        (isinstance(module, torch.nn.Dropout) and module.p > 0) or float(getattr(module, "attention_dropout", 0.0)) > 0
        for module in model.modules()
    )


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
