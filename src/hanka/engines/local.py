"""The reference engine: transformers on this machine, one prefix cache per call, token-budget batches.

Queries are sorted by length and cut into batches of at most `batch_tokens` padded tokens. Demonstrations
that all queries share are computed once. Scores differ between batch sizes only by float rounding
(below 1e-4 nats in float32; a test bounds it). Where a shared prefix would be inexact, rows of equal length
are computed whole, and `notes` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import torch

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer
from hanka.models.forward import EMPTY, Prefix, compute_prefix, expand_prefix, lay_out, prefix_is_exact
from hanka.models.loading import LoadedModel
from hanka.prompting import EncodedQuery, shared_prefix

MAX_ROWS = 64
"Rows per batch at most."
CACHED_TOKENS_PER_BATCH_TOKEN = 4
"How many cached prefix tokens a batch may hold per token of its budget."


class LocalEngine:
    """Answers with a model in memory."""

    def __init__(self, loaded: LoadedModel, batch_tokens: int) -> None:
        self.loaded = loaded
        self.batch_tokens = batch_tokens
        self.shares_prefix, reason = prefix_is_exact(loaded.model)
        self.notes = () if self.shares_prefix else (f"no shared prefix: {reason}",)

    # ---- labels

    def score_labels(self, queries: Sequence[EncodedQuery]) -> list[LabelAnswer | Refusal]:
        """Return the log-likelihood of every label of every query; see `Engine`."""
        answers: list[LabelAnswer | Refusal | None] = [
            self._too_long(query, max(map(len, query.labels)) - 1) for query in queries
        ]
        todo = [index for index, answer in enumerate(answers) if answer is None]
        with torch.inference_mode():
            score = self._score_shared if self.shares_prefix else self._score_whole
            for index, answer in score([queries[index] for index in todo]):
                answers[todo[index]] = answer
        return [answer for answer in answers if answer is not None]

    def _score_shared(self, queries: Sequence[EncodedQuery]) -> Iterator[tuple[int, LabelAnswer]]:
        n_shared, prefix = self._prefix(queries)
        for same in self._by_labels(queries):
            labels = queries[same[0]].labels
            tree = [label[:-1] for label in labels]
            extra = sum(map(len, tree))
            rows = [queries[index].context[n_shared:] for index in same]
            for batch in self._batches([len(row) + extra for row in rows], prefix.n_tokens):
                layout = lay_out([rows[at] for at in batch], tree, prefix.n_tokens, self._pad, self._like)
                logits = self.loaded.model(
                    input_ids=layout.input_ids,
                    position_ids=layout.position_ids,
                    attention_mask=layout.mask,
                    past_key_values=expand_prefix(self.loaded.model, prefix, len(batch)),
                    use_cache=True,
                    logits_to_keep=1 + extra,
                ).logits
                scores = _tree_scores(logits.float().log_softmax(-1), labels)
                for at, row in zip(batch, scores, strict=True):
                    yield same[at], LabelAnswer(row)

    def _score_whole(self, queries: Sequence[EncodedQuery]) -> Iterator[tuple[int, LabelAnswer]]:
        """Score without sharing anything: rows of equal length, no padding."""
        rows = [
            (index, which, [*query.context, *label[:-1]], label)
            for index, query in enumerate(queries)
            for which, label in enumerate(query.labels)
        ]
        found: dict[int, dict[int, tuple[float, ...]]] = {index: {} for index in range(len(queries))}
        rows.sort(key=lambda row: (len(row[2]), len(row[3])))
        for (length, n_label), members in groupby(rows, key=lambda row: (len(row[2]), len(row[3]))):
            same = list(members)
            size = max(1, min(MAX_ROWS, self.batch_tokens // length))
            for start in range(0, len(same), size):
                part = same[start : start + size]
                ids = torch.tensor([row[2] for row in part], device=self.loaded.device)
                logits = self.loaded.model(input_ids=ids, use_cache=False, logits_to_keep=n_label).logits
                target = torch.tensor([row[3] for row in part], device=logits.device)
                picked = logits.float().log_softmax(-1).gather(-1, target[..., None])[..., 0].tolist()
                for (index, which, _, _), values in zip(part, picked, strict=True):
                    found[index][which] = tuple(values)
        for index, scores in found.items():
            yield index, LabelAnswer(tuple(scores[which] for which in sorted(scores)))

    # ---- text

    def generate(self, queries: Sequence[EncodedQuery], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Continue every query greedily; see `Engine`."""
        answers: list[TextAnswer | Refusal | None] = [
            self._too_long(query, decoding.max_new_tokens) for query in queries
        ]
        todo = [index for index, answer in enumerate(answers) if answer is None]
        asked = [queries[index] for index in todo]
        with torch.inference_mode():
            n_shared, prefix = self._prefix(asked) if self.shares_prefix else (0, EMPTY)
            rows = [query.context[n_shared:] for query in asked]
            lengths = [len(row) + decoding.max_new_tokens for row in rows]
            for batch in self._batches(lengths, prefix.n_tokens, equal=not self.shares_prefix):
                texts = self._continue([rows[at] for at in batch], prefix, decoding)
                for at, answer in zip(batch, texts, strict=True):
                    answers[todo[at]] = answer
        return [answer for answer in answers if answer is not None]

    def _continue(self, rows: Sequence[list[int]], prefix: Prefix, decoding: Decoding) -> list[TextAnswer]:
        """Decode one batch greedily; finished rows leave the batch once they are a quarter of it."""
        model, ends = self.loaded.model, self._end_ids()
        outputs: list[list[int]] = [[] for _ in rows]
        active = list(range(len(rows)))
        cache = expand_prefix(model, prefix, len(rows))
        layout = lay_out(rows, [], prefix.n_tokens, self._pad, self._like)
        ids, positions = layout.input_ids, layout.position_ids
        mask: torch.Tensor | None = layout.mask if self.shares_prefix else None
        seen = layout.mask[:, :, -1:, :]
        done: set[int] = set()
        for _ in range(decoding.max_new_tokens):
            logits = model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            chosen = logits.argmax(-1).tolist()
            for at, token in zip(active, chosen, strict=True):
                if at not in done:
                    done |= {at} if self._ends(outputs[at], token, ends, decoding) else set()
            keep = [slot for slot, at in enumerate(active) if at not in done]
            if not keep:
                break
            if len(keep) <= 0.75 * len(active):
                select = torch.tensor(keep, device=ids.device)
                cache.batch_select_indices(select)
                seen, positions = seen[select], positions[select]
                active, chosen = [active[slot] for slot in keep], [chosen[slot] for slot in keep]
            ids = torch.tensor(chosen, device=ids.device)[:, None]
            positions = positions[:, -1:] + 1
            seen = torch.cat([seen, seen.new_zeros((*seen.shape[:-1], 1))], dim=-1)
            mask = seen if self.shares_prefix else None
        return [TextAnswer(self._decode(output), len(output)) for output in outputs]

    def _ends(self, output: list[int], token: int, ends: set[int], decoding: Decoding) -> bool:
        """Append a token to an output and tell whether the output is finished by it."""
        if token in ends:
            return True
        output.append(token)
        text = self._decode(output).lstrip()
        return any(stop in text for stop in decoding.stop)

    # ---- shared

    def _prefix(self, queries: Sequence[EncodedQuery]) -> tuple[int, Prefix]:
        """Compute the leading tokens all queries share; worth it from two queries on."""
        contexts = [query.context for query in queries]
        n_shared = shared_prefix(contexts) if len(contexts) > 1 else 0
        if n_shared < 1:
            return 0, EMPTY
        return n_shared, compute_prefix(self.loaded.model, contexts[0][:n_shared])

    def _batches(self, lengths: Sequence[int], n_prefix: int, equal: bool = False) -> Iterator[list[int]]:
        """Cut indices, sorted by length, into batches within the token budget; longest first."""
        order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
        batch: list[int] = []
        for index in order:
            longest = lengths[batch[0]] if batch else lengths[index]
            grown = len(batch) + 1
            full = grown > MAX_ROWS or grown * longest > self.batch_tokens
            full = full or grown * (n_prefix + longest) > CACHED_TOKENS_PER_BATCH_TOKEN * self.batch_tokens
            if batch and (full or (equal and lengths[index] != longest)):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    @staticmethod
    def _by_labels(queries: Sequence[EncodedQuery]) -> Iterator[list[int]]:
        """Group queries whose label ids are equal: nearly always one group."""
        groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for index, query in enumerate(queries):
            groups.setdefault(query.labels, []).append(index)
        yield from groups.values()

    def _too_long(self, query: EncodedQuery, extra: int) -> Refusal | None:
        length = len(query.context) + extra
        if length > self.loaded.context_length:
            return Refusal(f"{length} tokens do not fit the model's context of {self.loaded.context_length}")
        return None

    def _end_ids(self) -> set[int]:
        configured = getattr(self.loaded.model.generation_config, "eos_token_id", None)
        ends = configured if isinstance(configured, list) else [configured]
        return {token for token in [*ends, self.loaded.tokenizer.eos_token_id] if token is not None}

    def _decode(self, ids: list[int]) -> str:
        return str(self.loaded.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    @property
    def _pad(self) -> int:
        return int(self.loaded.tokenizer.pad_token_id or 0)

    @property
    def _like(self) -> Any:
        return self.loaded.model.get_input_embeddings().weight


def _tree_scores(logprobs: torch.Tensor, labels: Sequence[tuple[int, ...]]) -> list[tuple[tuple[float, ...], ...]]:
    """Pick each label's token log-probabilities.

    logprobs: (rows, 1 + tree tokens, vocabulary); position 0 is the last query token, the rest is the tree.
    """
    picked = []
    at = 1
    for label in labels:
        places = [0, *range(at, at + len(label) - 1)]
        at += len(label) - 1
        picked.append(logprobs[:, places, list(label)])
    return [tuple(tuple(one[row].tolist()) for one in picked) for row in range(logprobs.shape[0])]
