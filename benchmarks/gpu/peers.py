"""The peers' code paths on token ids: their own code where it is importable, else rebuilt from transformers.

Training, as TRL's SFTTrainer: whole rows through `model(..., labels)` with labels on the answer alone, gradients
accumulated over micro-batches, bf16 autocast, logits of all positions; rows padded on the right, or padding-free (rows
side by side, positions begin anew). Rows are sorted by length, which TRL leaves to a setting. Scoring, as
lm-eval's `hf` model: contexts with one-token labels share a row, rows sorted by length, padded on the right, log-softmax
over all positions. Writing: transformers' `generate` on rows padded on the left.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from transformers.utils import is_flash_attn_2_available

from benchmarks.gpu import varlen
from hanka.models.loading import LoadedModel
from hanka.prompting import Encoded, Query
from hanka.training.batching import supervised

IGNORED = -100


def best_attention(device: torch.device) -> str:
    """Return the best attention that takes rows without padding here."""
    if is_flash_attn_2_available():
        return "flash_attention_2"
    return varlen.NAME if varlen.works(device.type) else "sdpa"


@contextlib.contextmanager
def attention(model: Any, name: str) -> Iterator[None]:
    """Let a model attend by another implementation, for the time being."""
    before = model.config._attn_implementation
    model.config._attn_implementation = name
    try:
        yield
    finally:
        model.config._attn_implementation = before


# ---- training


def accumulate(
    model: Any, rows: Sequence[Encoded], rows_at_once: int, padded: bool = True, autocast: bool = True
) -> tuple[float, int]:
    """Add the gradient of the mean loss per supervised token; return that loss and the tokens passed, padding included."""
    n_targets = sum(map(supervised, rows))
    ordered = sorted(rows, key=lambda row: -len(row.ids))
    total, n_forwarded = torch.zeros((), device=model.device), 0
    for start in range(0, len(ordered), rows_at_once):
        part = ordered[start : start + rows_at_once]
        batch = padded_batch(part, model.device) if padded else packed_batch(part, model.device)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=autocast):
            loss = model(**batch, use_cache=False, num_items_in_batch=n_targets).loss
        loss.backward()
        total += loss.detach()
        n_forwarded += batch["input_ids"].numel()
    return float(total), n_forwarded


def padded_batch(rows: Sequence[Encoded], device: torch.device) -> dict[str, torch.Tensor]:
    """Lay rows out with padding on the right."""
    width = max(len(row.ids) for row in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        mask[index, : len(row.ids)] = 1
        labels[index, row.start : len(row.ids)] = torch.tensor(row.ids[row.start :])
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device), "labels": labels.to(device)}


def packed_batch(rows: Sequence[Encoded], device: torch.device) -> dict[str, Any]:
    """Lay rows out side by side, as TRL's padding-free collator does: positions and row ends tell the rows apart."""
    ids = [token for row in rows for token in row.ids]
    positions = [at for row in rows for at in range(len(row.ids))]
    labels = [token if at >= row.start else IGNORED for row in rows for at, token in enumerate(row.ids)]
    batch = {"input_ids": [ids], "position_ids": [positions], "labels": [labels]}
    ends = varlen.row_ends([len(row.ids) for row in rows], device)
    return {name: torch.tensor(values).to(device) for name, values in batch.items()} | ends


# ---- scoring


Scorer = Callable[[Sequence[Query], int], tuple[list[list[float]], int]]
"From queries and rows at once to log-likelihoods by query and label, and the tokens passed (0: not counted)."


def scorer(loaded: LoadedModel) -> tuple[Scorer, str]:
    """Return how the peer scores, and its name."""
    if find_spec("lm_eval"):
        return _lm_eval(loaded), "lm-eval hf"

    def rebuilt(queries: Sequence[Query], rows_at_once: int) -> tuple[list[list[float]], int]:
        with torch.inference_mode():
            return _score_rebuilt(loaded.model, queries, rows_at_once)

    return rebuilt, "lm-eval's hf path, rebuilt"


def _lm_eval(loaded: LoadedModel) -> Scorer:
    from lm_eval.models.huggingface import HFLM

    # It wants an end token, which hanka must not stop at.
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = tokenizer.pad_token
    peer = HFLM(pretrained=loaded.model, tokenizer=tokenizer, batch_size=1)

    def score(queries: Sequence[Query], rows_at_once: int) -> tuple[list[list[float]], int]:
        peer.batch_size_per_gpu = rows_at_once
        requests = [
            ((str(index), str(which)), list(query.ids), list(label))
            for index, query in enumerate(queries)
            for which, label in enumerate(query.labels)
        ]
        found = iter(peer._loglikelihood_tokens(requests, disable_tqdm=True))
        return [[next(found)[0] for _ in query.labels] for query in queries], 0

    return score


def _score_rebuilt(
    model: Any, queries: Sequence[Query], rows_at_once: int, exact: bool = False
) -> tuple[list[list[float]], int]:
    rows: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for index, query in enumerate(queries):
        for which, label in enumerate(query.labels):
            rows.setdefault((*query.ids, *label[:-1]), []).append((index, which))
    found = [[0.0] * len(query.labels) for query in queries]
    ordered = sorted(rows, key=lambda ids: (-len(ids), ids))
    n_forwarded = 0
    for start in range(0, len(ordered), rows_at_once):
        part = ordered[start : start + rows_at_once]
        width = len(part[0])
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in part]).to(model.device)
        n_forwarded += ids.numel()
        logits = model(input_ids=ids, use_cache=False).logits
        scores = (logits.float() if exact else logits).log_softmax(-1)
        for place, row in enumerate(part):
            for index, which in rows[row]:
                label = queries[index].labels[which]
                own = scores[place, len(row) - len(label) : len(row)]
                target = torch.tensor(label, device=own.device)[:, None]
                found[index][which] = float(own.gather(1, target).sum())
    return found, n_forwarded


def plain_scores(model: Any, queries: Sequence[Query], rows_at_once: int = 8) -> list[list[float]]:
    """Return label log-likelihoods by padded rows, log-softmax in float32 or better: the numbers to compare with."""
    with torch.inference_mode():
        return _score_rebuilt(model, queries, rows_at_once, exact=True)[0]


# ---- writing


def write(model: Any, contexts: Sequence[Sequence[int]], n_new: int, rows_at_once: int) -> tuple[list[list[int]], int]:
    """Continue contexts greedily by transformers' `generate`; return the new tokens and how many passed the model."""
    order = sorted(range(len(contexts)), key=lambda index: -len(contexts[index]))
    found: list[list[int]] = [[] for _ in contexts]
    n_forwarded = 0
    for start in range(0, len(order), rows_at_once):
        part = order[start : start + rows_at_once]
        width = len(contexts[part[0]])
        ids = torch.tensor([[*[0] * (width - len(contexts[index])), *contexts[index]] for index in part])
        mask = torch.tensor([[0] * (width - len(contexts[index])) + [1] * len(contexts[index]) for index in part])
        made = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=n_new,
            do_sample=False,
            pad_token_id=0,
        )
        n_forwarded += ids.numel() + len(part) * (n_new - 1)
        for index, row in zip(part, made[:, width:].tolist(), strict=True):
            found[index] = row
    return found, n_forwarded
