"""The gradient of one optimizer batch: what rows share is computed once, the head runs on targets only.

Rows are packed without padding (`models/packing.py`). Leading tokens that all rows share go first into the same pass, or,
where the batch needs several micro-batches, into one pass of their own: its keys and values become leaves, every
micro-batch adds to their gradients, and one backward pass carries the sum through the shared tokens.
Loss and gradient equal those of padded rows (tests: float64, five families). Where a model does not take packed
rows, rows are padded and `notes` says so. What is minimised is the business of the objective (`objectives/`): it gets the
model's outputs at supervised places and what belongs to them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import torch

from hanka.models.attention import forward, new_pack, packed_attention, takes_packs
from hanka.models.packing import NOTHING, Pack, Prefix, Row, to_device
from hanka.prompting import Encoded
from hanka.training.batching import UNSUPERVISED, PaddedRows, micro_batches, pad, shareable, supervised
from hanka.training.head import find_head, summed_cross_entropy
from hanka.training.objectives.contract import Outputs, Targets
from hanka.training.targets import Reference, soft_of, weights_of

OWN_PASS = 64
"A shared prefix of fewer tokens is repeated in every micro-batch rather than computed in a pass of its own."


Loss = Callable[[Targets], torch.Tensor]
"Targets of a micro-batch → the loss summed over its supervised tokens (nats)."


class Gradient:
    """Accumulates gradients of optimizer batches on one model."""

    def __init__(
        self, model: Any, autocast: Callable[[], Any] = contextlib.nullcontext, loss: Loss | None = None
    ) -> None:
        self.model = model
        self.autocast = autocast
        self.loss = loss or _cross_entropy
        self.device = next(model.parameters()).device
        with evaluating(model):
            self.packs, reason = takes_packs(model)
        self.head = find_head(model) if self.packs else None
        self.shares = self.packs and not _drops_out(model)
        self._before_rows = puts_before_rows(model)
        self.n_forwarded = 0
        self._reference: Reference | None = None
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
        if not rows:  # `protocol: paper` keeps rows without a supervised token; a batch of only these teaches nothing
            return 0.0
        if not self.packs:
            return sum(self._backward(self._padded(cut), n_targets) for cut in self._cuts(rows, token_budget))
        with packed_attention(self.model):
            return self._accumulate_packed(rows, token_budget, n_targets)

    def remember(self, rows: Sequence[Encoded], token_budget: int) -> None:
        """Keep what the model says now at the supervised places of `rows`: what the objective compares with.

        Only these very rows can be accumulated afterwards. Raises UnitError where logits would have to be kept and are too many.
        """
        self._reference = Reference.of(rows, self.said(rows, token_budget), self.head)

    def mean_cross_entropy(self, rows: Sequence[Encoded], token_budget: int) -> float:
        """Return the mean cross-entropy per supervised token (nats) of rows, without dropout, whatever the objective."""
        total = sum(
            summed_cross_entropy(outputs, to_device(_ids(cut), self.device)).item()
            for cut, outputs in self.said(rows, token_budget)
        )
        return total / sum(map(supervised, rows))

    def said(self, rows: Sequence[Encoded], token_budget: int) -> Iterator[tuple[Sequence[Encoded], Outputs]]:
        """Yield rows, some at a time, and what the model says at their supervised places, without dropout or gradients."""
        rows = [row for row in rows if supervised(row)]
        n_forwarded = self.n_forwarded
        n_shared = shareable(rows) if self.packs and len(rows) > 1 else 0
        shared = rows[0].ids[:n_shared]
        packing = packed_attention(self.model) if self.packs else contextlib.nullcontext()
        with evaluating(self.model), torch.no_grad(), packing:
            for cut in self._cuts(rows, max(1, token_budget - n_shared), n_shared):
                run = self._packed(cut, NOTHING, shared) if self.packs else self._padded(cut)
                with self.autocast():
                    outputs = run.outputs()
                yield cut, outputs
        self.n_forwarded = n_forwarded

    def _cuts(self, rows: Sequence[Encoded], token_budget: int, n_shared: int = 0) -> list[Sequence[Encoded]]:
        """Cut rows into micro-batches; into those of one length where padding would move them away from what stands before."""
        cuts = micro_batches(rows, token_budget, n_shared, padded=not self.packs)
        if not self._before_rows:
            return list(cuts)
        return [
            list(same)
            for cut in cuts
            for _, same in groupby(sorted(cut, key=lambda row: len(row.ids)), key=lambda row: len(row.ids))
        ]

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

    def _packed(self, cut: Sequence[Encoded], outer: Prefix, inner: Sequence[int]) -> _Run:
        """Lay out rows behind a prefix."""
        n_shared = outer.n_tokens + len(inner)
        passed = new_pack(self.model, [Row(row.ids[n_shared:]) for row in cut], outer, inner)
        places: list[int] = []
        for row, start in zip(cut, passed.starts, strict=True):
            places += range(start + max(row.start, 1) - 1 - n_shared, start + len(row.ids) - 1 - n_shared)
        at = to_device(places, self.device)
        return _Run(cut, lambda: Outputs(self._hidden_or_logits(passed, at), self.head and self.head.weight))

    def _hidden_or_logits(self, passed: Pack, at: torch.Tensor) -> torch.Tensor:
        """Run a pass; return hidden states (n, width) at places, or logits where the head cannot be taken apart."""
        self.n_forwarded += passed.input_ids.shape[1]
        if self.head is None:
            return forward(self.model, passed, at)
        hidden: torch.Tensor = self.head.decoder(
            input_ids=passed.input_ids, position_ids=passed.position_ids, use_cache=False, layout=passed
        ).last_hidden_state
        return hidden[0, at]

    def _padded(self, cut: Sequence[Encoded]) -> _Run:
        """Lay out rows side by side, padded."""
        rows = pad(cut)
        self.n_forwarded += rows.input_ids.numel()
        return _Run(cut, lambda: Outputs(padded_logits(self.model, rows, self.device), None))

    def _backward(self, run: _Run, n_targets: int) -> float:
        targets = self._targets(run.rows)
        with self.autocast():
            found = self.loss(targets(run.outputs())) / n_targets
        found.backward()  # type: ignore[no-untyped-call]
        return found.item()

    def _targets(self, cut: Sequence[Encoded]) -> Callable[[Outputs], Targets]:
        """Return what makes targets of a model's outputs at the supervised places of rows."""
        return partial(
            Targets,
            ids=to_device(_ids(cut), self.device),
            weights=weights_of(cut, self.device),
            soft=soft_of(cut, self.device),
            reference=None if self._reference is None else self._reference.at(cut, self.device),
        )


class _Run(NamedTuple):
    """A pass that is laid out."""

    rows: Sequence[Encoded]
    "Its rows."
    outputs: Callable[[], Outputs]
    "Run it; outputs at the supervised places, row after row."


def padded_logits(model: Any, rows: PaddedRows, device: torch.device) -> torch.Tensor:
    """Return logits (n, vocabulary) at the supervised places of padded rows; the head runs on target positions only."""
    logits = model(
        input_ids=rows.input_ids.to(device),
        attention_mask=rows.attention_mask.to(device),
        position_ids=rows.position_ids.to(device),
        use_cache=False,
        logits_to_keep=rows.labels.shape[1] + 1,
    ).logits[:, :-1]
    at_places: torch.Tensor = logits[(rows.labels != UNSUPERVISED).to(device)]
    return at_places


def _ids(cut: Sequence[Encoded]) -> list[int]:
    """List the supervised tokens of rows."""
    ids: list[int] = []
    for row in cut:
        ids += row.ids[max(row.start, 1) :]
    return ids


def _cross_entropy(targets: Targets) -> torch.Tensor:
    return summed_cross_entropy(targets.outputs, targets.ids, targets.weights)


def puts_before_rows(model: Any) -> bool:
    """Tell whether PEFT puts vectors before every row, which knows positions from lengths alone."""
    config = getattr(model, "active_peft_config", None)
    return config is not None and bool(config.is_prompt_learning)


def _drops_out(model: Any) -> bool:
    """Tell whether any layer drops out or draws in training."""
    kind = getattr(getattr(model, "active_peft_config", None), "peft_type", None)
    return kind == "PVERA" or any(
        (isinstance(module, torch.nn.Dropout) and module.p > 0) or float(getattr(module, "attention_dropout", 0.0)) > 0
        for module in model.modules()
    )


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Let a model stand in evaluation mode, for the time being."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
