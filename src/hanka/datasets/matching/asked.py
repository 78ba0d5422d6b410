"""The same pairs asked as the tasks that prepare training rows: why they match, whether they are worth learning, what is like them.

    NAME-explaining   training pairs with the label, in the form REQUESTS asks for; the target is the rule's structured explanation
    NAME-interest     training pairs; Yes where a rule that counts shared words gets the label wrong, so the pair is hard to tell
    NAME-writing      records with a match and four other pairs; the target is three of those and the match, one a line

Whoever prepares rows is any variant, tuned on these or not; targets by rule are a start, not the truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from hanka.datasets.matching.explanations import Form
from hanka.datasets.matching.rules import fitted_threshold, rule_explanation, rule_label
from hanka.errors import DataError
from hanka.records import Example

LABELS = ("Yes", "No")
PAIR = " ||| "
"Parts the sides of a written pair, and its label."
N_OTHERS = 3
"Non-matches written for each match."
REQUESTS: Mapping[Form, str] = {
    "long": "Explain in detail which attributes of the two entities agree, which differ, and why this decides.",
    "short": "Explain in one or two short sentences why.",
    "structured": "Explain attribute by attribute, one a line: attribute=name|||importance=-1 to 1|||values=left###right|||similarity=0 to 1. "
    "Write missing where there is none.",
    "no_importance": "Explain attribute by attribute, one a line: attribute=name|||values=left###right|||similarity=0 to 1. Write missing "
    "where there is none.",
    "no_importance_similarity": "Explain attribute by attribute, one a line: attribute=name|||values=left###right. Write missing where there "
    "is none.",
}
"What a teacher is asked for each form; the wording is hanka's own."


def to_explain(row: Example, form: Form) -> Example:
    """Return a pair with its label as it is explained; the target is the rule's explanation."""
    fields = {**row.fields, "answer": row.target, "request": REQUESTS[form]}
    return Example(row.id, fields, rule_explanation(row, form, row.target == LABELS[0]), row.group)


def explaining(rows: Sequence[Example]) -> list[Example]:
    """Return pairs as they are explained."""
    return [to_explain(row, "structured") for row in rows]


def interest(rows: Sequence[Example]) -> list[Example]:
    """Return pairs with whether a rule gets their label wrong."""
    cut = fitted_threshold(rows, LABELS[0])
    return [Example(row.id, row.fields, LABELS[rule_label(row, cut, LABELS) == row.target], row.group) for row in rows]


def written_pair(left: str, right: str, label: str) -> str:
    """Write a pair on one line; a text that holds the mark loses it."""
    return PAIR.join([*(text.replace("|||", " ").strip() for text in (left, right)), label])


def writing(rows: Sequence[Example]) -> list[Example]:
    """Return pairs with others about the same record. Raises DataError where no record has enough of them."""
    by_left: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        by_left[row.fields["left"]].append(row)
    found = []
    for members in by_left.values():
        match = next((row for row in members if row.target == LABELS[0]), None)
        others = [row for row in members if row.target != LABELS[0]]
        if match is None or len(others) <= N_OTHERS:
            continue
        seed, *rest = others
        lines = [written_pair(one.fields["left"], one.fields["right"], one.target) for one in (*rest[:N_OTHERS], match)]
        found.append(Example(seed.id, seed.fields, "\n".join(lines), seed.group))
    if not found:
        raise DataError(
            f"no record of {len(rows)} pairs has a match and {N_OTHERS + 1} other pairs, which writing pairs is learnt from"
        )
    return found


ASKED: Mapping[str, tuple[str, Callable[[Sequence[Example]], list[Example]]]] = {
    "explaining": ("matching-explaining", explaining),
    "interest": ("matching-interest", interest),
    "writing": ("matching-writing", writing),
}
"End of a data set's name → its task, and what becomes of the pairs."
