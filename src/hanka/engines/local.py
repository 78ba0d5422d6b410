"""The reference engine: transformers on this machine; what queries share is computed once.

Queries are packed without padding, at most `batch_tokens` tokens a pass, behind the keys and values of the leading
tokens that all of them share; labels follow each query as a tree. Scores differ between batch sizes
only by float rounding (below 1e-4 nats in float32; a test bounds it). Where a model does not take packed rows, rows of
equal length are computed whole, and `notes` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import torch

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer
from hanka.engines.generation import Writer, continue_packed, continue_whole
from hanka.engines.prefixes import BLOCK, PrefixCache
from hanka.models.attention import forward, new_pack, packed_attention, takes_packs
from hanka.models.loading import LoadedModel
from hanka.models.memory import LEAST_TOKENS, pass_tokens
from hanka.models.packing import Prefix, Row, n_tokens, to_device
from hanka.prompting import Query, shared_prefix

CACHED_TOKENS_PER_BATCH_TOKEN = 4
"How many tokens, prefix included, the rows of a pass may attend to per token of the budget."


class LocalEngine:
    """Answers with a model in memory."""

    def __init__(self, loaded: LoadedModel, batch_tokens: int) -> None:
        self.loaded = loaded
        self.batch_tokens = batch_tokens
        self.packs, reason = takes_packs(loaded.model)
        self.notes = () if self.packs else (f"no shared prefix: {reason}",)
        self.n_forwarded = 0
        self._prefixes = PrefixCache(loaded.model)

    # ---- labels

    def score_labels(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Return the log-likelihood of every label of every query; see `Engine`."""
        answers: list[LabelAnswer | Refusal | None] = [
            self._too_long(query, max(map(len, query.labels)) - 1) for query in queries
        ]
        todo = [index for index, answer in enumerate(answers) if answer is None]
        with torch.inference_mode():
            score = self._score_packed if self.packs else self._score_whole
            for index, answer in score([queries[index] for index in todo]):
                answers[todo[index]] = answer
        return [answer for answer in answers if answer is not None]

    def _score_packed(self, queries: Sequence[Query]) -> Iterator[tuple[int, LabelAnswer]]:
        if not queries:
            return
        n_shared = self._n_shared(queries)
        passes = []
        for same in self._by_labels(queries):
            tree = tuple(label[:-1] for label in queries[same[0]].labels)
            rows = [Row(queries[index].ids[n_shared:], tree) for index in same]
            passes += [([same[at] for at in cut], [rows[at] for at in cut]) for cut in self._batches(rows, n_shared)]
        with packed_attention(self.loaded.model):
            widest = max(sum(map(n_tokens, rows)) for _, rows in passes)
            outer, inner = self._split(queries[0].ids[:n_shared], len(passes), widest)
            for members, rows in passes:
                scores = self._tree_scores(rows, queries[members[0]].labels, outer, inner)
                yield from zip(members, map(LabelAnswer, scores), strict=True)

    def _tree_scores(
        self, rows: Sequence[Row], labels: Sequence[tuple[int, ...]], outer: Prefix, inner: Sequence[int]
    ) -> list[tuple[tuple[float, ...], ...]]:
        """Return each label's token log-probabilities for every row of one pass."""
        passed = new_pack(self.loaded.model, rows, outer, inner)
        self.n_forwarded += passed.input_ids.shape[1]
        n_places = 1 + sum(map(len, rows[0].branches))
        last = [start + len(row.ids) - 1 for start, row in zip(passed.starts, rows, strict=True)]
        device = passed.input_ids.device
        keep = to_device([first + place for first in last for place in range(n_places)], device)
        logits = forward(self.loaded.model, passed, keep)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32)).view(len(rows), n_places, -1)
        # The place that predicts each label token: the query's last, then the label's own earlier tokens.
        places, at = [], 1
        for label in labels:
            places += [0, *range(at, at + len(label) - 1)]
            at += len(label) - 1
        wanted = to_device([token for label in labels for token in label], device)
        where = to_device(places, device)
        found = (logits[:, where, wanted] - logits.logsumexp(-1)[:, where]).tolist()
        cuts = [0]
        for label in labels:
            cuts.append(cuts[-1] + len(label))
        return [tuple(tuple(row[low:high]) for low, high in pairwise(cuts)) for row in found]

    def _score_whole(self, queries: Sequence[Query]) -> Iterator[tuple[int, LabelAnswer]]:
        """Score without sharing anything: rows of equal length, no padding."""
        rows = [
            (index, which, [*query.ids, *label[:-1]], label)
            for index, query in enumerate(queries)
            for which, label in enumerate(query.labels)
        ]
        found: dict[int, dict[int, tuple[float, ...]]] = {index: {} for index in range(len(queries))}
        rows.sort(key=lambda row: (len(row[2]), len(row[3]), row[2]))
        for (length, n_label), members in groupby(rows, key=lambda row: (len(row[2]), len(row[3]))):
            same = list(members)
            size = max(1, self.batch_tokens // length)
            for start in range(0, len(same), size):
                part = same[start : start + size]
                ids = torch.tensor([row[2] for row in part], device=self.loaded.device)
                self.n_forwarded += ids.numel()
                logits = self.loaded.model(input_ids=ids, use_cache=False, logits_to_keep=n_label).logits
                target = torch.tensor([row[3] for row in part], device=logits.device)
                picked = logits.float().log_softmax(-1).gather(-1, target[..., None])[..., 0].tolist()
                for (index, which, _, _), values in zip(part, picked, strict=True):
                    found[index][which] = tuple(values)
        for index, scores in found.items():
            yield index, LabelAnswer(tuple(scores[which] for which in sorted(scores)))

    # ---- text

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Continue every query greedily; see `Engine`."""
        answers: list[TextAnswer | Refusal | None] = [
            self._too_long(query, decoding.max_new_tokens) for query in queries
        ]
        todo = [index for index, answer in enumerate(answers) if answer is None]
        asked = [queries[index].ids for index in todo]
        writer = Writer(self.loaded, decoding)
        with torch.inference_mode():
            if self.packs:
                written = self._continue_packed([queries[index] for index in todo], writer)
            else:
                written = continue_whole(self.loaded, asked, writer, self.batch_tokens)
        self.n_forwarded += writer.n_forwarded
        for index, answer in zip(todo, written, strict=True):
            answers[index] = answer
        return [answer for answer in answers if answer is not None]

    def _continue_packed(self, queries: Sequence[Query], writer: Writer) -> list[TextAnswer]:
        if not queries:
            return []
        n_shared = self._n_shared(queries)
        with packed_attention(self.loaded.model):
            outer = self._read(queries[0].ids[:n_shared])
            rows = [Row(query.ids[n_shared:]) for query in queries]
            batches = self._batches(rows, n_shared)
            limit = CACHED_TOKENS_PER_BATCH_TOKEN * self.batch_tokens
            return continue_packed(self.loaded.model, rows, batches, outer, writer, limit)

    # ---- shared

    def _n_shared(self, queries: Sequence[Query]) -> int:
        """Count the leading tokens all queries share; worth it from two queries on."""
        return shared_prefix([query.ids for query in queries]) if len(queries) > 1 else 0

    def _split(self, shared: Sequence[int], n_passes: int, widest: int) -> tuple[Prefix, Sequence[int]]:
        """Choose what is computed before (kept for later cells) and what goes into every pass, whichever is less."""
        n_whole = len(shared) // BLOCK * BLOCK
        n_left = len(shared) - n_whole
        if n_left * (n_passes - 1) <= BLOCK // 2 and widest + n_left <= self._pass_tokens:
            return self._read(shared[:n_whole]), shared[n_whole:]
        return self._read(shared), ()

    def _read(self, shared: Sequence[int]) -> Prefix:
        before = self._prefixes.n_computed
        found = self._prefixes.get(shared)
        self.n_forwarded += self._prefixes.n_computed - before
        return found

    def halve(self) -> bool:
        """Halve the token budget after running out of memory; tells whether there was anything to halve."""
        if self._pass_tokens // 2 < LEAST_TOKENS:
            return False
        self.batch_tokens = self._pass_tokens // 2
        return True

    @property
    def _pass_tokens(self) -> int:
        return pass_tokens(self.batch_tokens, self.loaded.device.type, "answering")

    def _batches(self, rows: Sequence[Row], n_shared: int) -> list[list[int]]:
        """Cut row indices into passes within the token budget, longest first; equal rows in any order."""
        lengths = list(map(n_tokens, rows))
        cuts: list[list[int]] = []
        used = 0
        for index in sorted(range(len(rows)), key=lambda index: (-lengths[index], rows[index].ids)):
            seen = (len(cuts[-1]) + 1) * (n_shared + lengths[cuts[-1][0]]) if cuts else 0
            full = used + lengths[index] > self._pass_tokens or seen > CACHED_TOKENS_PER_BATCH_TOKEN * self.batch_tokens
            if not cuts or full:
                cuts.append([])
                used = 0
            cuts[-1].append(index)
            used += lengths[index]
        return cuts

    @staticmethod
    def _by_labels(queries: Sequence[Query]) -> Iterator[list[int]]:
        """Group queries whose label ids are equal: nearly always one group."""
        groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for index, query in enumerate(queries):
            groups.setdefault(query.labels, []).append(index)
        yield from groups.values()

    def _too_long(self, query: Query, extra: int) -> Refusal | None:
        length = len(query.ids) + extra
        if length > self.loaded.context_length:
            return Refusal(f"{length} tokens do not fit the model's context of {self.loaded.context_length}")
        return None
