"""`corner_cases`: new pairs that are hard to tell, written by a variant after the example of training pairs, or put together by rule.

Each of the pairs a study asks for is the seed of `per_seed` new ones: three that look alike and are not the same, and one that is. A variant that writes
them has to be fit (`fitness`) and is asked by task `matching-writing`. A line that is no pair, a pair whose two sides are written alike, one that
stands there already, and one that is a validation pair, is left out; each reason is counted and told. Without `writer` a rule
puts them together, a baseline: three times the left side with the right sides of the most alike pairs, once the left side with its
own words in another order and one left out.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185: three corner-case non-matches and one match a seed, never identical strings. Limits:
labels are the writer's; whether a written pair exists is not known, nor whether it is a test pair, for no recipe reads those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from hanka.datasets.matching.asked import N_OTHERS, PAIR
from hanka.datasets.matching.rules import pair_similarity, similarity
from hanka.errors import UnitError
from hanka.identity import stream, stream_seed
from hanka.methods.contract import ParentRef
from hanka.recipes.contract import How, Recipe, RecipeRequest
from hanka.recipes.matching import REFERENCE, PairsParams, drawn, ordered
from hanka.recipes.matching.fitness import require_fit
from hanka.records import Example, Parent, Part

MOST_COMPARED = 400
"Pairs whose right sides a rule looks through for each seed."


class CornerCasesParams(PairsParams):
    """Who writes, and how much."""

    writer: ParentRef | None = None
    "Entry of `methods` that writes pairs (default: a rule, which is a baseline)."
    asking: str | None = Field(default=None, min_length=1)
    "Data set of the task it is asked by (default: NAME-writing of `of`)."
    tokens: int = Field(default=200, ge=1)
    "Tokens written for a seed at most."
    temperature: float = Field(default=0.7, ge=0, allow_inf_nan=False)
    "Of the writing; the published value is not known to us."
    per_seed: int = Field(default=N_OTHERS + 1, ge=2, le=16)
    "New pairs for a seed at most."
    keep_seeds: bool = True
    "Whether the seeds are trained on, too."

    @property
    def asked_by(self) -> str:
        """Return the data set whose task asks for pairs."""
        return self.asking or f"{self.of}-writing"


def make_corner_cases(request: RecipeRequest) -> tuple[Part, ...]:
    """Return new pairs, after the seeds where they are kept. Raises UnitError for a writer that is not fit, and where no pair comes out."""
    params: CornerCasesParams = request.params
    seeds, labels = drawn(request), request.task(params.of).labels
    if params.writer is not None:
        require_fit(request, params.writer.parent, params.of)
        how = How(params.asked_by, params.tokens, params.temperature, 1.0, stream_seed(request.seed, "corner cases"))
        texts = [one.output or "" for one in request.answer(params.writer.parent, seeds, how)]
    else:
        texts = list(_by_rule(request, seeds, labels))
    known = {"stands among the validation pairs": request.rows(params.of, "validation", None), "is a seed": seeds}
    taken = {_key(row.fields["left"], row.fields["right"]): why for why, rows in known.items() for row in rows}
    made, left_out, first = _read(seeds, texts, taken, (params.per_seed, labels))
    origin = "writer" if params.writer else "rule"
    said = [
        f"{len(made)} new pairs of {len(seeds)} seeds (by {origin}): {_counts(Counter(row.target for row in made))}"
    ]
    said += [f"{n} left out: {reason} ({first[reason][:60]!r})" for reason, n in sorted(left_out.items())]
    told = {"seeds": len(seeds), "made": len(made), "left_out": dict(left_out), "left_out_first": first, "said": said}
    request.tell({"corner_cases": told})
    if not made:
        raise UnitError(f"no pair came out: {'; '.join(said[1:]) or 'nothing was written'}")
    return (Part(request.task(params.of).name, params.of, (*(seeds if params.keep_seeds else ()), *made)),)


def _key(left: str, right: str) -> tuple[str, str]:
    return " ".join(left.lower().split()), " ".join(right.lower().split())


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {label}" for label, n in sorted(counts.items())) or "none"


def _read(
    seeds: Sequence[Example], texts: Sequence[str], taken: dict[tuple[str, str], str], kept: tuple[int, Sequence[str]]
) -> tuple[list[Example], Counter[str], dict[str, str]]:
    """Read written lines; kept: pairs of a seed at most, labels. Returns rows, what is left out by reason, the first of each."""
    most, labels = kept
    made: list[Example] = []
    left_out: Counter[str] = Counter()
    first: dict[str, str] = {}
    for seed, text in zip(seeds, texts, strict=True):
        n_of_seed = 0
        for line in filter(str.strip, text.splitlines()):
            reason, pair = _pair(line, labels, taken)
            if not reason and n_of_seed == most:
                reason = f"more than {most} of one seed"
            if reason:
                left_out[reason] += 1
                first.setdefault(reason, line[:200])
                continue
            left, right, label = pair
            taken[_key(left, right)] = "stands there already"
            made.append(Example(f"{seed.id}/new/{n_of_seed}", {"left": left, "right": right}, label, seed.group))
            n_of_seed += 1
    return made, left_out, first


def _pair(line: str, labels: Sequence[str], taken: dict[tuple[str, str], str]) -> tuple[str, tuple[str, str, str]]:
    """Return why a line is no new pair (empty where it is one), and the pair."""
    parts = [part.strip() for part in line.split(PAIR.strip())]
    if len(parts) != 3 or not all(parts):
        return "is no line of left, right and label", ("", "", "")
    left, right, said = parts
    label = next((one for one in labels if one.casefold() == said.rstrip(".").casefold()), "")
    if not label:
        return "has no label", ("", "", "")
    if _key(left, left) == _key(right, right):
        return "has two sides that are written alike", ("", "", "")
    return taken.get(_key(left, right), ""), (left, right, label)


def _by_rule(request: RecipeRequest, seeds: Sequence[Example], labels: Sequence[str]) -> Iterator[str]:
    """Yield lines for each seed: its left side with the most alike right sides of other pairs, and with its own words changed."""
    pool = ordered(request)[:MOST_COMPARED]
    for seed in seeds:
        left = seed.fields["left"]
        others = [row for row in pool if row.fields["left"] != left and row.fields["right"] != seed.fields["right"]]
        nearest = sorted(
            others, key=lambda row: (-similarity(left, row.fields["right"]), -pair_similarity(row), row.id)
        )
        lines = [(left, row.fields["right"], labels[1]) for row in nearest[:N_OTHERS]]
        yield "\n".join(_line(*one) for one in (*lines, (left, _reworded(left, request.seed), labels[0])))


def _line(left: str, right: str, label: str) -> str:
    return PAIR.join([*(text.replace(PAIR.strip(), " ").strip() for text in (left, right)), label])


def _reworded(text: str, seed: int) -> str:
    """Return a description with its words in another order, one of them left out where there are four or more."""
    words = text.split()
    order = stream(seed, "reworded", text).permutation(len(words)).tolist()
    return " ".join(words[place] for place in (order[1:] if len(words) > N_OTHERS else order[::-1]))


def _parents(params: Any) -> tuple[Parent, ...]:
    return (params.writer.parent,) if params.writer else ()


CORNER_CASES = Recipe(
    name="corner_cases",
    reference=REFERENCE,
    description="new pairs that are hard to tell, three that differ and one match a seed: written by a variant, or by rule (a baseline)",
    params=CornerCasesParams,
    makes="train",
    sources=lambda params: (params.of, params.asked_by) if params.writer else (params.of,),
    teaches=lambda params: (params.of,),
    n_rows=lambda params, asked: asked * (params.per_seed + params.keep_seeds),
    may_make_fewer=True,
    make=make_corner_cases,
    parents=_parents,
)
