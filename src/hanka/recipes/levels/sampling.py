"""How well a model knows a fact: N wordings, M samples of each, and the share that names the object.

    R = samples that name the object or a synonym / samples that came out; its level: `hanka.stats.levels`

What is right is what the task's verifier says, so bins and scores go by one rule and one list of synonyms. Levels are the model's that
was asked: another model has other ones. A sample that failed is no sample; it is counted. Shared by recipe and probes.
Source: Ye et al., arXiv 2409.15825: 21 wordings, 10 samples of at most 32 tokens at temperature 0.7, so R is a share of 210. Published
data have fewer wordings (ParaRel: at most 17 that end before the object), and a fact is asked those that are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple

from pydantic import Field

from hanka.errors import DataError
from hanka.identity import canonical
from hanka.recipes.contract import Asks, How
from hanka.records import Example, Prediction
from hanka.registry import Params
from hanka.stats.levels import LEVELS, level_of

Asking = Callable[[Sequence[Example], How], Sequence[Prediction]]
"(rows, how) → what came out for each, in order."


class Sampling(Params):
    """How often a fact is asked, and in which words."""

    templates: int = Field(default=5, ge=1)
    "Wordings of a fact at most, the first of those it has; the paper has 21."
    samples: int = Field(default=4, ge=1)
    "Samples of each wording; the paper takes 10."
    temperature: float = Field(default=0.7, gt=0)
    "What logits are divided by before a token is drawn; 0.7 is the published value."
    top_p: float = Field(default=1.0, gt=0, le=1)
    "Tokens are drawn from the smallest set of most probable ones whose probabilities sum to at least this."
    max_new_tokens: int = Field(default=8, ge=1)
    "Tokens of a sample at most; the paper takes 32."
    seed: int = Field(default=0, ge=0)
    "Of the draws."
    wordings: str = Field(default="wordings", min_length=1)
    "Field of a row that holds its wordings, one a line; a row without it is asked as it stands, alone."
    input: str = Field(default="input", min_length=1)
    "Field whose place a wording takes."

    def asks(self, whose: str, rows: str, n_rows: int | None = None) -> Asks:
        """Return how much is asked of each row."""
        what = canonical([whose, rows, n_rows, self.model_dump(mode="json")])
        return Asks(what, self.templates, self.samples, self.max_new_tokens, n_rows)

    def how(self, dataset: str) -> How:
        """Return how a parent is asked."""
        return How(dataset, self.max_new_tokens, self.temperature, self.top_p, self.seed)


class Known(NamedTuple):
    """How well one fact is known."""

    example: Example
    "The fact."
    n_right: int
    "Samples that name the object."
    n: int
    "Samples that came out."
    n_templates: int
    "Wordings it was asked in."

    @property
    def share(self) -> float:
        """R, 0 to 1. Raises ValueError where nothing came out."""
        if not self.n:
            raise ValueError(f"no sample of {self.example.id} came out, so there is no share")
        return self.n_right / self.n

    @property
    def level(self) -> int:
        """0 to 4."""
        return level_of(self.share)


def wordings_of(example: Example, sampling: Sampling) -> list[str]:
    """Return the wordings that a fact is asked in, each once."""
    found = [one for one in example.fields.get(sampling.wordings, "").split("\n") if one.strip()]
    return list(dict.fromkeys(found))[: sampling.templates] or [example.fields.get(sampling.input, "")]


def copies(example: Example, sampling: Sampling) -> list[Example]:
    """Return a fact once for every sample that is wanted of it, wording by wording."""
    if not example.fields.get(sampling.wordings, "").strip():
        return [example] * sampling.samples
    asked = [replace(example, fields={**example.fields, sampling.input: one}) for one in wordings_of(example, sampling)]
    return [one for one in asked for _ in range(sampling.samples)]


def known_facts(answer: Asking, dataset: str, examples: Sequence[Example], sampling: Sampling) -> list[Known]:
    """Ask every fact as often as is wanted; return how well each is known, in order.

    answer: asks the one whose knowledge it is. Raises DataError for rows that no verifier judged.
    """
    asked = [copies(one, sampling) for one in examples]
    answers = iter(answer([copy for own in asked for copy in own], sampling.how(dataset)))
    found = []
    for example, own in zip(examples, asked, strict=True):
        rewards = [one.reward for one in (next(answers) for _ in own) if one.status != "failed"]
        if None in rewards:
            raise DataError(
                f"what was written for row {example.id} of {dataset} was not judged: its task verifies nothing"
            )
        n_right = sum(1 for one in rewards if one is not None and one >= 1.0)
        found.append(Known(example, n_right, len(rewards), len(own) // sampling.samples))
    return found


def told(known: Sequence[Known], sampling: Sampling) -> Mapping[str, Any]:
    """Say how many facts are on each level, in how many wordings they were asked, and what failed."""
    counts = Counter(one.level for one in known if one.n)
    templates = [one.n_templates for one in known]
    return {
        "n_facts": len(known),
        "n_by_level": [counts[level] for level in range(LEVELS)],
        "n_without_samples": sum(1 for one in known if not one.n),
        "n_failed_samples": sum(one.n_templates * sampling.samples - one.n for one in known),
        "n_samples": sum(one.n for one in known),
        "templates": [min(templates), median(templates), max(templates)] if templates else [],
        "samples": sampling.samples,
    }
