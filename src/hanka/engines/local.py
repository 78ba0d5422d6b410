"""The reference engine: transformers on this machine; what queries share is computed once.

`VoicesEngine` answers with any number of voices heard as one; `LocalEngine` is the engine of one model.

Queries are packed without padding, at most `batch_tokens` tokens a pass, behind the keys and values of the leading
tokens that all of them share; labels follow each query as a tree. Scores differ between batch sizes
only by float rounding (below 1e-4 nats in float32; a test bounds it). Where a model does not take packed rows, rows of
equal length are computed whole, and `notes` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

import torch

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore
from hanka.engines.generation import Writer, continue_packed, continue_whole
from hanka.engines.prefixes import BLOCK
from hanka.engines.voices import Voice, Voices, alone
from hanka.errors import UnitError
from hanka.models.loading import LoadedModel
from hanka.models.memory import LEAST_TOKENS, pass_tokens
from hanka.models.packing import Pack, Prefix, Row, n_tokens, to_device
from hanka.prompting import Query, shared_prefix

CACHED_TOKENS_PER_BATCH_TOKEN = 4
"How many tokens, prefix included, the rows of a pass may attend to per token of the budget."


class VoicesEngine:
    """Answers with models in memory, heard as one."""

    def __init__(self, voices: Voices, batch_tokens: int) -> None:
        self.voices = voices
        self.batch_tokens = batch_tokens
        self.packs = voices.packs
        self.notes: tuple[str, ...] = tuple(
            dict.fromkeys(f"no shared prefix: {voice.reason}" for voice in voices.members if not voice.packs)
        )

    @property
    def loaded(self) -> LoadedModel:
        """The first voice's model."""
        return self.voices.loaded

    @property
    def context_length(self) -> int:
        """Tokens that fit; of several models, what all can hold."""
        return self.voices.context_length

    @property
    def n_forwarded(self) -> int:
        """Tokens that passed the models so far."""
        return sum(voice.n_forwarded for voice in self.voices.members)

    # ---- labels

    def score_labels(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Return the log-likelihood of every label of every query; see `Engine`."""
        answers: list[LabelAnswer | Refusal | None] = [
            self._refused(query, max(map(len, query.labels)) - (not query.ends)) for query in queries
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
        n_shared = self._n_shared([query.ids for query in queries])
        passes = []
        for same in self._by_ends(queries):
            rows = [_tree(queries[index], n_shared) for index in same]
            passes += [([same[at] for at in cut], [rows[at] for at in cut]) for cut in self._batches(rows, n_shared)]
        with self.voices.packed():
            widest = max(sum(map(n_tokens, rows)) for _, rows in passes)
            outers, inner = self._split(queries[0].ids[:n_shared], len(passes), widest)
            for members, rows in passes:
                scores = self._tree_scores(rows, [queries[index] for index in members], outers, inner)
                yield from zip(members, map(LabelAnswer, scores), strict=True)

    def _tree_scores(
        self, rows: Sequence[Row], queries: Sequence[Query], outers: Sequence[Prefix], inner: Sequence[int]
    ) -> list[tuple[tuple[float, ...], ...]]:
        """Return each label's token log-probabilities for every row of one pass; all queries have the same ends."""
        passed, ends = self._pack(rows, outers, inner), queries[0].ends
        # The place that predicts each label token: the query's last, then the label's own earlier tokens; its last one
        # predicts the end.
        keep: list[int] = []
        where: list[int] = []
        last: list[int] = []
        for start, row, query in zip(passed[0].starts, rows, queries, strict=True):
            own, at = len(keep), len(keep) + 1
            first = start + len(row.ids) - 1
            keep += range(first, first + 1 + sum(map(len, row.branches)))
            for label, branch in zip(query.labels, row.branches, strict=True):
                places = [own, *range(at, at + len(branch))]
                assert len(places) == len(label) + bool(ends)
                where += places[: len(label)]
                last.append(places[-1])
                at += len(branch)
        logits = self._tree_logits(passed, keep, queries)
        device, wholes = logits.device, logits.logsumexp(-1)
        wanted = to_device([token for query in queries for label in query.labels for token in label], device)
        places_of = to_device(where, device)
        found = (logits[places_of, wanted] - wholes[places_of]).tolist()
        ending: list[list[float]] = [[] for _ in last]
        if ends:
            behind = to_device(last, device)
            sums = logits[behind[:, None], to_device(list(ends), device)].logsumexp(-1)
            ending = [[one] for one in (sums - wholes[behind]).tolist()]
        tokens, tails = iter(found), iter(ending)
        return [tuple((*islice(tokens, len(label)), *next(tails)) for label in query.labels) for query in queries]

    def _tree_logits(self, passed: Sequence[Pack], keep: Sequence[int], queries: Sequence[Query]) -> torch.Tensor:
        """Return logits at places of a pass: of each query its last token, then those of its labels' that are read."""
        return _at_least_float32(self.voices.logits(passed, to_device(list(keep), passed[0].input_ids.device)))

    def _whole_logits(self, ids: torch.Tensor, n_last: int) -> torch.Tensor:
        """Return logits at the last places of whole rows, (rows, n_last, vocabulary)."""
        return _at_least_float32(self.voices.whole(ids, n_last))

    def _score_whole(self, queries: Sequence[Query]) -> Iterator[tuple[int, LabelAnswer]]:
        """Score without sharing anything: rows of equal length, no padding."""
        rows = [
            (index, which, [*query.ids, *_read(label, query.ends)], label)
            for index, query in enumerate(queries)
            for which, label in enumerate(query.labels)
        ]
        found: dict[int, dict[int, tuple[float, ...]]] = {index: {} for index in range(len(queries))}
        rows.sort(key=lambda row: (queries[row[0]].ends, len(row[2]), len(row[3]), row[2]))
        for (ends, length, n_label), members in groupby(
            rows, key=lambda row: (queries[row[0]].ends, len(row[2]), len(row[3]))
        ):
            same = list(members)
            size = max(1, self.batch_tokens // length)
            for start in range(0, len(same), size):
                part = same[start : start + size]
                ids = torch.tensor([row[2] for row in part], device=self.loaded.device)
                logs = self._whole_logits(ids, n_label + bool(ends)).log_softmax(-1)
                target = torch.tensor([row[3] for row in part], device=logs.device)
                picked = logs[:, :n_label].gather(-1, target[..., None])[..., 0]
                if ends:
                    ending = logs[:, -1:, to_device(list(ends), logs.device)].logsumexp(-1)
                    picked = torch.cat([picked, ending], dim=1)
                for (index, which, _, _), values in zip(part, picked.tolist(), strict=True):
                    found[index][which] = tuple(values)
        for index, scores in found.items():
            yield index, LabelAnswer(tuple(scores[which] for which in sorted(scores)))

    # ---- text

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Continue every query; see `Engine`."""
        answers: list[TextAnswer | Refusal | None] = [
            self._refused(query, decoding.max_new_tokens) for query in queries
        ]
        todo = [index for index, answer in enumerate(answers) if answer is None]
        rows = [queries[index].ids for index in todo]
        writer = self._writer(decoding, rows, {end for one in queries for end in one.ends})
        with torch.inference_mode():
            written = self._continue_packed(writer) if self.packs else continue_whole(writer, self.batch_tokens)
        for index, answer in zip(todo, written, strict=True):
            answers[index] = answer
        return [answer for answer in answers if answer is not None]

    def _writer(self, decoding: Decoding, rows: Sequence[Sequence[int]], ends: set[int]) -> Writer:
        """Return what chooses tokens and ends outputs."""
        return Writer(self.voices, decoding, rows, ends)

    def _continue_packed(self, writer: Writer) -> list[TextAnswer | Refusal]:
        if not writer.rows:
            return []
        n_shared = self._n_shared(writer.rows)
        with self.voices.packed():
            outers = self.voices.read(writer.rows[0][:n_shared])
            rows = [Row(ids[n_shared:]) for ids in writer.rows]
            batches = self._batches(rows, n_shared)
            limit = CACHED_TOKENS_PER_BATCH_TOKEN * self.batch_tokens
            return continue_packed(rows, batches, outers, writer, limit)

    # ---- what may come next

    def next_tokens(self, queries: Sequence[Query]) -> torch.Tensor:
        """Return the log-probability (nats) of every token behind each query, (queries, vocabulary), at least float32, on the host.

        Raises UnitError for a query that does not fit. Limits: rows of equal length are read together, and nothing is shared.
        """
        refused = next((why for query in queries if (why := self._refused(query, 1)) is not None), None)
        if refused is not None:
            raise UnitError(refused.reason)
        found: list[tuple[int, torch.Tensor]] = []
        order = sorted(range(len(queries)), key=lambda index: len(queries[index].ids))
        with torch.inference_mode():
            for length, members in groupby(order, key=lambda index: len(queries[index].ids)):
                same, size = list(members), max(1, self._pass_tokens // length)
                for part in (same[start : start + size] for start in range(0, len(same), size)):
                    ids = torch.tensor([queries[index].ids for index in part], device=self.loaded.device)
                    logs = self._whole_logits(ids, 1)[:, -1].log_softmax(-1).cpu()
                    found += zip(part, logs, strict=True)
        return torch.stack([row for _, row in sorted(found, key=lambda one: one[0])])

    # ---- likelihood

    def score_text(self, queries: Sequence[Query]) -> list[TextScore | Refusal]:
        """Return the log-likelihood of every token of every text; see `Engine`."""
        answers: list[TextScore | Refusal | None] = [
            self._refused(query, len(query.labels[0]) - 1)
            if query.ids and query.labels[0]
            else Refusal("the text holds no token that follows another, so nothing can be scored")
            for query in queries
        ]
        todo = [index for index, answer in enumerate(answers) if answer is None]
        with torch.inference_mode():
            score = self._read_packed if self.packs else self._read_whole
            for index, answer in score([queries[index] for index in todo]):
                answers[todo[index]] = answer
        return [answer for answer in answers if answer is not None]

    def _read_packed(self, queries: Sequence[Query]) -> Iterator[tuple[int, TextScore]]:
        """Score texts side by side; logits are there a part of a pass at a time."""
        if not queries:
            return
        n_shared = self._n_shared([query.ids for query in queries])
        rows = [Row([*query.ids, *query.labels[0][:-1]][n_shared:]) for query in queries]
        with self.voices.packed():
            outers = self.voices.read(queries[0].ids[:n_shared])
            for members in self._batches(rows, n_shared):
                passed = self._pack([rows[index] for index in members], outers)
                places: list[int] = []
                for start, index in zip(passed[0].starts, members, strict=True):
                    stop = start + len(rows[index].ids)
                    places += range(stop - len(queries[index].labels[0]), stop)
                wanted = [token for index in members for token in queries[index].labels[0]]
                found: list[tuple[float, bool]] = []
                for logits in self.voices.parts(passed, places):
                    found += _picked(logits, wanted[len(found) : len(found) + len(logits)])
                tokens = iter(found)
                for index in members:
                    yield index, _text_score(islice(tokens, len(queries[index].labels[0])))

    def _read_whole(self, queries: Sequence[Query]) -> Iterator[tuple[int, TextScore]]:
        """Score texts one at a time."""
        for index, query in enumerate(queries):
            label = query.labels[0]
            ids = torch.tensor([[*query.ids, *label[:-1]]], device=self.loaded.device)
            yield index, _text_score(_picked(self.voices.whole(ids, len(label))[0], label))

    # ---- shared

    @staticmethod
    def _n_shared(rows: Sequence[Sequence[int]]) -> int:
        """Count the leading tokens all rows share; worth it from two rows on."""
        return shared_prefix(rows) if len(rows) > 1 else 0

    def _pack(self, rows: Sequence[Row], outers: Sequence[Prefix], inner: Sequence[int] = ()) -> list[Pack]:
        """Lay the same rows out for every voice."""
        return [voice.pack(rows, outer, inner) for voice, outer in zip(self.voices.members, outers, strict=True)]

    def _split(self, shared: Sequence[int], n_passes: int, widest: int) -> tuple[list[Prefix], Sequence[int]]:
        """Choose what is computed before (kept for later cells) and what goes into every pass, whichever is less."""
        n_whole = len(shared) // BLOCK * BLOCK
        n_left = len(shared) - n_whole
        if n_left * (n_passes - 1) <= BLOCK // 2 and widest + n_left <= self._pass_tokens:
            return self.voices.read(shared[:n_whole]), shared[n_whole:]
        return self.voices.read(shared), ()

    def halve(self) -> bool:
        """Halve the token budget after running out of memory; tells whether there was anything to halve."""
        if self._pass_tokens // 2 < LEAST_TOKENS:
            return False
        self.batch_tokens = self._pass_tokens // 2
        return True

    def account(self) -> dict[str, Any]:
        """Say nothing: answering takes time alone."""
        return {}

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
    def _by_ends(queries: Sequence[Query]) -> Iterator[list[int]]:
        """Group queries whose answers end alike: nearly always one group."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, query in enumerate(queries):
            groups.setdefault(query.ends, []).append(index)
        yield from groups.values()

    def _refused(self, query: Query, extra: int) -> Refusal | None:
        """Say why a query cannot be answered; None if it can."""
        length = len(query.ids) + extra
        if length > self.context_length:
            return Refusal(f"{length} tokens do not fit the model's context of {self.context_length}")
        if len(self.voices.members) > 1:
            largest = max(max(ids, default=0) for ids in (query.ids, query.ends, *query.labels))
            if largest >= self.voices.n_known:
                return Refusal(f"token {largest} is not in the vocabulary of all models ({self.voices.n_known} tokens)")
        return None


class LocalEngine(VoicesEngine):
    """Answers with one model in memory."""

    def __init__(self, loaded: LoadedModel, batch_tokens: int) -> None:
        super().__init__(Voices((Voice(loaded),), alone), batch_tokens)


def _tree(query: Query, n_shared: int) -> Row:
    """Return a query behind what is shared, its labels as branches."""
    return Row(query.ids[n_shared:], branches_read(query))


def branches_read(query: Query) -> tuple[tuple[int, ...], ...]:
    """Return the tokens of each label that are read."""
    return tuple(_read(label, query.ends) for label in query.labels)


def _read(label: tuple[int, ...], ends: tuple[int, ...]) -> tuple[int, ...]:
    """Return the tokens of a label that are read: all but the last, and that, too, where its end is scored."""
    return label if ends else label[:-1]


def _at_least_float32(logits: torch.Tensor) -> torch.Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _picked(logits: torch.Tensor, wanted: Sequence[int]) -> list[tuple[float, bool]]:
    """Return, of one token per row of logits (rows, vocabulary), its log-probability (nats), and whether none is more probable."""
    wide = _at_least_float32(logits)
    own = wide.gather(1, to_device(list(wanted), wide.device)[:, None])[:, 0]
    return list(zip((own - wide.logsumexp(-1)).tolist(), (own == wide.amax(-1)).tolist(), strict=True))


def _text_score(tokens: Iterable[tuple[float, bool]]) -> TextScore:
    scores, greedy = zip(*tokens, strict=True)
    return TextScore(scores, is_greedy=all(greedy))
