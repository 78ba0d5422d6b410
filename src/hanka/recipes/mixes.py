"""Which mixes of data sets there are: each alone, each pair, all but one, all. Names and members, no row.

study → **mixes** → recipe `mix`. Members are compared as whole names: the shell script of the original takes a name out of a list of names as
text, so that leaving out `finqa` also turned `convfinqa` into `conv`, and the run before it was trained again. A mix that two kinds give
(of three sets, a pair is all but one) stands once. Nine sets give 9 + 36 + 9 + 1 = 55.
Source: Brief et al. 2024, arXiv 2410.01109.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal, NamedTuple, get_args

MixKind = Literal["singles", "pairs", "all_but_one", "all"]
KINDS: tuple[MixKind, ...] = get_args(MixKind)
"Smallest first."


class Mix(NamedTuple):
    """One mix."""

    name: str
    "What a study calls it, behind the name of its family."
    members: tuple[str, ...]
    "Data sets, in the order of the family."


def mixes_of(members: Sequence[str], kinds: Sequence[MixKind] = KINDS) -> tuple[Mix, ...]:
    """Return the mixes of the kinds, each once, smallest kind first. Raises ValueError for a member named twice, or none."""
    if not members:
        raise ValueError("no data sets to mix")
    twice = next((name for name in members if list(members).count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is named twice")
    found: dict[frozenset[str], Mix] = {}
    for kind in KINDS:
        for one in _of_kind(kind, members) if kind in kinds else ():
            found.setdefault(frozenset(one.members), one)
    whole = frozenset(members)
    if whole in found and len(whole) > 1:  # of two sets a pair, of three all but … are something else: this is all
        found[whole] = Mix("all", tuple(members))
    return tuple(found.values())


def _of_kind(kind: MixKind, members: Sequence[str]) -> Iterator[Mix]:
    if kind == "singles":
        yield from (Mix(one, (one,)) for one in members)
    elif kind == "pairs":
        yield from (Mix("+".join(pair), pair) for pair in combinations(members, 2))
    elif kind == "all_but_one":
        for left_out in members:
            rest = tuple(one for one in members if one != left_out)
            if rest:
                yield Mix(f"all-but-{left_out}", rest)
    else:
        yield Mix("all", tuple(members))
