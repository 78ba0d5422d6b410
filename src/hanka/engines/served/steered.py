"""Proxy-tuning of a served model: small models in memory steer it over the tokens that its server lists.

z = log p_base + alpha (z_expert - z_anti) over the k tokens listed for the next place, normalised over these; all other tokens
count as impossible. With k the whole vocabulary this is `combined`. What the cut may have changed is counted: a step in which a token
beyond the list could have scored higher, since its log-probability is at most the lowest listed and what the small models say of it is known
(an upper bound). A label, or every end of one, of which a token is not listed has no score: its row is refused, with the reason.

Everything else is done as for models in memory: keys and values of the small models are kept, and rows are continued side by side.
Source: Liu et al. (2024), arXiv 2401.08565, equation 1, and section 7 for a base of which only the top log-probabilities are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from hanka.engines.contract import TOP, Decoding, LabelAnswer, Refusal, Steering, TextAnswer, TextScore
from hanka.engines.generation import Writer
from hanka.engines.local import VoicesEngine, branches_read
from hanka.engines.served.asking import Asker
from hanka.engines.served.listed import Listed, NextTokens
from hanka.engines.voices import Voice, Voices
from hanka.errors import UnitError
from hanka.models.loading import LoadedModel
from hanka.models.served import ServedModel
from hanka.models.vocabulary import common_vocabulary
from hanka.prompting import Query

Ids = tuple[int, ...]


def difference(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return what tuning changed: expert - anti, over the columns that both have, in float64."""
    width = min(part.shape[-1] for part in parts)
    expert, anti = ((part.cpu() if part.device.type == "mps" else part)[..., :width].double() for part in parts)
    return expert - anti


class SteeredEngine(VoicesEngine):
    """Answers with a server that two small models steer."""

    def __init__(
        self, lent: ServedModel, expert: LoadedModel, anti: LoadedModel, steering: Steering, batch_tokens: int
    ) -> None:
        if not math.isfinite(steering.alpha):
            raise UnitError(f"alpha is {steering.alpha}; it must be a finite number")
        if expert.tokenizer is not anti.tokenizer:
            common_vocabulary(expert.tokenizer, anti.tokenizer, (expert.ref.name, anti.ref.name))
        super().__init__(Voices((Voice(expert), Voice(anti)), difference), batch_tokens)
        self.asker = Asker(lent)
        self.steering = steering
        self.top = steering.top or TOP
        self.base = NextTokens(self.asker, expert.tokenizer, self.top)
        self.n_steps = self.n_beyond = 0
        self._not_read: dict[Ids, Refusal] = {}
        self._n_read: dict[Ids, int] = {}
        self.notes = (
            lent.served.note.partition(";")[0] + f", steered by {expert.ref.name}; scores are over the {self.top} tokens that the server "
            f"lists for each place, and all others count as impossible; n_beyond of n_steps says in how many steps of writing one of these could "
            f"have been chosen",
            *self.notes,
        )  # fmt: skip

    def account(self) -> dict[str, Any]:
        """Return what asking took since the last call, and how often the list may have been too short."""
        taken = self.asker.account() | {"n_steps": self.n_steps, "n_beyond": self.n_beyond}
        self.n_steps = self.n_beyond = 0
        return taken

    # ---- labels

    def score_labels(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Return every label's log-likelihood over the listed tokens; a row of which one is not listed is refused."""
        self._not_read, self._n_read = {}, {}
        answers = super().score_labels(queries)
        return [self._complete(query, answer) for query, answer in zip(queries, answers, strict=True)]

    def _complete(self, query: Query, answer: LabelAnswer | Refusal) -> LabelAnswer | Refusal:
        if isinstance(answer, Refusal):
            return answer
        prefixes = set(_prefixes(query))
        refused = next((self._not_read[one] for one in prefixes if one in self._not_read), None)
        if refused is not None:
            return refused
        for label, scores in zip(query.labels, answer.log_likelihoods, strict=True):
            spelt = self.loaded.tokenizer.decode(list(label))
            if -math.inf in scores[: len(label)]:
                return Refusal(
                    f"label {spelt!r} has a token that is not among the {self.top} the server lists, so it has no score; have "
                    f"more listed (proxy: {{top: N}}), or use other label words"
                )
            if -math.inf in scores:
                return Refusal(f"no end of label {spelt!r} is among the {self.top} tokens the server lists")
        return answer._replace(n_read=sum(self._n_read.get(one, len(one)) for one in prefixes))

    def _tree_logits(self, passed: Sequence[Any], keep: Sequence[int], queries: Sequence[Query]) -> torch.Tensor:
        changes = super()._tree_logits(passed, keep, queries)
        return self._steered([prefix for query in queries for prefix in _prefixes(query)], changes)

    def _whole_logits(self, ids: torch.Tensor, n_last: int) -> torch.Tensor:
        changes = super()._whole_logits(ids, n_last)
        rows, width = ids.tolist(), ids.shape[1]
        prefixes = [tuple(row[: width - n_last + 1 + at]) for row in rows for at in range(n_last)]
        return self._steered(prefixes, changes.flatten(0, 1)).view(changes.shape)

    def _steered(self, prefixes: Sequence[Ids], changes: torch.Tensor) -> torch.Tensor:
        """Return the steered logits behind each prefix, (n, vocabulary); minus infinity for what is not listed."""
        unique = list(dict.fromkeys(prefixes))
        said = dict(zip(unique, self.base.ask(unique), strict=True))
        found = torch.full_like(changes, -math.inf)
        for at, prefix in enumerate(prefixes):
            one = said[prefix]
            if isinstance(one, Refusal):
                self._not_read[prefix] = one
                found[at] = 0.0  # the row is refused; finite, so that nothing else is said of it
                continue
            if one.n_read is not None:
                self._n_read[prefix] = one.n_read
            put(found[at], one, changes[at], self.steering.alpha)
        return found

    # ---- text

    def _writer(self, decoding: Decoding, rows: Sequence[Sequence[int]], ends: set[int]) -> Writer:
        return SteeredWriter(self, decoding, rows, ends)

    def score_text(self, queries: Sequence[Query]) -> list[TextScore | Refusal]:
        """Refuse: a text nearly always holds a token that is not listed."""
        return [Refusal("a steered server scores no texts: it lists a few tokens of each place") for _ in queries]


class SteeredWriter(Writer):
    """Chooses tokens among those that the server lists."""

    def __init__(
        self, engine: SteeredEngine, decoding: Decoding, rows: Sequence[Sequence[int]], ends: set[int]
    ) -> None:
        super().__init__(engine.voices, decoding, rows, ends)
        self._engine = engine
        self._so_far: list[list[int]] = [[] for _ in rows]
        self._is_over: set[int] = set()
        self._refusals: dict[int, Refusal] = {}
        self._n_read = [0] * len(rows)

    def choose(self, logits: torch.Tensor, members: Sequence[int], steps: Sequence[int]) -> list[int]:
        """Return the next token of each row; logits: what tuning changed, over the vocabulary."""
        asked = [at for at, index in enumerate(members) if index not in self._is_over]
        said = self._engine.base.ask([(*self.rows[members[at]], *self._so_far[members[at]]) for at in asked])
        found = torch.full_like(logits, -math.inf)
        found[:, min(self.ends, default=0)] = 0.0  # what is over stays over
        for at, one in zip(asked, said, strict=True):
            if isinstance(one, Refusal):
                self._refusals[members[at]] = one
                self._is_over.add(members[at])
                continue
            found[at] = -math.inf
            best = put(found[at], one, logits[at], self._engine.steering.alpha)
            self._engine.n_steps += 1
            self._engine.n_beyond += best < beyond(one, logits[at], self._engine.steering.alpha)
            self._n_read[members[at]] += one.n_read or 0
        chosen = super().choose(found, members, steps)
        for at in asked:
            self._take(members[at], chosen[at])
        return chosen

    def _take(self, index: int, token: int) -> None:
        if index not in self._is_over and self.ended_by(self._so_far[index], token):
            self._is_over.add(index)

    def answers(self, outputs: Sequence[list[int]]) -> list[TextAnswer | Refusal]:
        """Return finished outputs as answers, with what the server read for them."""
        return [
            self._refusals.get(at)
            or (one if isinstance(one, Refusal) else one._replace(n_read=self._n_read[at] or None))
            for at, one in enumerate(super().answers(outputs))
        ]


def put(row: torch.Tensor, listed: Listed, change: torch.Tensor, alpha: float) -> float:
    """Set a row of logits at the listed tokens to their steered scores; returns the highest."""
    known = [(token, value) for token, value in listed.log_probs.items() if token < row.shape[-1]]
    where = torch.tensor([token for token, _ in known], device=row.device, dtype=torch.long)
    values = torch.tensor([value for _, value in known], device=row.device, dtype=row.dtype)
    steered = values + alpha * change[where]
    row[where] = steered
    return float(steered.max()) if known else -math.inf


def beyond(listed: Listed, change: torch.Tensor, alpha: float) -> float:
    """Return what no token beyond the list can score above; minus infinity where all are listed."""
    rest = (alpha * change).clone()
    known = [token for token in listed.log_probs if token < rest.shape[-1]]
    rest[torch.tensor(known, device=rest.device, dtype=torch.long)] = -math.inf
    return max(listed.least, listed.unnamed) + float(rest.max())


def _prefixes(query: Query) -> list[Ids]:
    """Return what stands before each place of a query that is scored, in the order of a pass."""
    ids = tuple(query.ids)
    found = [ids]
    for branch in branches_read(query):
        found += [(*ids, *branch[: at + 1]) for at in range(len(branch))]
    return found
