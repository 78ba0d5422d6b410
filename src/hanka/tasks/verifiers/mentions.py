"""Answers that name something: right where the reference, or a synonym of it, stands in the output as a word of its own.

"Paris" is in "It is in Paris, France" and not in "Parisian". Case, width and the kind of white space do not matter; what stands beside a
name may be no letter or digit, but for scripts that put no space between words. Synonyms come with the example, one a line, so whoever
bins facts by what a model says and whoever scores it later count the same names.

Source: the rule of Ye et al. (arXiv 2409.15825) that an output holds the object or a listed synonym. Limits: a name that is mentioned is
not yet asserted ("not Paris" names Paris), and a homonym counts ("Georgia").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pydantic import Field

from hanka.records import Judgement
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams, before_stop

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"Scripts without spaces between words: kana, Han, Thai, Lao, Burmese, Khmer."
LETTER = f"[^\\W{UNSPACED}]"
"A letter or digit of a script that puts spaces between words."


class MentionsParams(VerifierParams):
    """Where synonyms are."""

    synonyms: str = Field(default="synonyms", min_length=1)
    "Field of a row that holds other names of its target, one a line; a row without it has none."


def folded(text: str) -> str:
    """Return a text as names are compared: compatibility forms, case and white space folded."""
    import unicodedata

    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    edge = re.compile(LETTER)
    before = f"(?<!{LETTER})" if edge.match(name[0]) else ""
    behind = f"(?!{LETTER})" if edge.match(name[-1]) else ""
    return re.compile(before + re.escape(name) + behind)


def mentioned(names: Iterable[str], text: str) -> str:
    """Return the first of some names that stands in a text as a word of its own; empty where none does."""
    within = folded(text)
    return next((name for name in names if (known := folded(name)) and _pattern(known).search(within)), "")


def names_of(output: Output, params: MentionsParams) -> list[str]:
    """Return what counts as the target: itself, then its synonyms."""
    target = before_stop(output.target, output.stop)
    others = (one.strip() for one in output.fields.get(params.synonyms, "").split("\n"))
    return [target, *(one for one in others if one)]


def verify_mentions(output: Output, params: MentionsParams) -> Judgement:
    """Find the target or a synonym before the first stop. Raises ValueError where the target is empty."""
    target, *others = names_of(output, params)
    if not folded(target):
        raise ValueError("the target is empty: it names nothing")
    found = mentioned((target, *others), output.answer)
    if found:
        return Judgement(
            target, 1.0, f"names {found!r}" if found == target else f"names {found!r}, which is {target!r}"
        )
    return Judgement(output.answer, 0.0, f"does not name {target!r}")


MENTIONS = Verifier(
    name="mentions",
    reference="Ye et al., arXiv 2409.15825: the output holds the object or a listed synonym",
    description="text that names the target or a synonym, as a word of its own",
    verify=verify_mentions,
    params=MentionsParams,
)
