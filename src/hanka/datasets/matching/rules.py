"""Rules that know no model: how alike two texts are, a label by that, and explanations made of it. Baselines, and labelled as such.

Similarity is the share of words (letters and digits, lower case) that both have, Jaccard's. A pair is a match by rule where it is at
least a threshold, which training rows choose. A rule's explanation takes attribute by attribute: similarity is that of the values,
importance how far it speaks for a match (1) or against one (-1).
Source: Jaccard (1901); a token-overlap matcher as in Köpcke, Thor & Rahm (2010), PVLDB 3. Limits: no spelling variants, no weights of words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanka.datasets.matching.explanations import MISSING, STRUCTURED, Attribute, Form, write_explanation
from hanka.datasets.matching.layouts import read_record
from hanka.records import Example

WORDS = re.compile(r"\w+")
TEXT = "text"
"Attribute of rows that have no records."


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, lower case."""
    return frozenset(WORDS.findall(text.lower()))


def similarity(left: str, right: str) -> float:
    """Return the share of words that two texts share, 0 to 1; two texts without words share none."""
    one, other = words_of(left), words_of(right)
    return len(one & other) / len(one | other) if one | other else 0.0


def pair_similarity(row: Example) -> float:
    """Return how alike the two descriptions of a row are."""
    return similarity(row.fields["left"], row.fields["right"])


def fitted_threshold(rows: Sequence[Example], positive: str) -> float:
    """Return the similarity from which on a pair is called a match so that most rows are right; of equals the highest.

    Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("no rows to choose a threshold by")
    known = [(pair_similarity(row), row.target == positive) for row in rows]
    cuts = sorted({value for value, _ in known} | {1.1})
    return max(cuts, key=lambda cut: (sum((value >= cut) == is_match for value, is_match in known), cut))


def rule_label(row: Example, threshold: float, labels: Sequence[str]) -> str:
    """Label a pair by its similarity; labels: the positive one first."""
    return labels[0] if pair_similarity(row) >= threshold else labels[1]


def attributes_of(row: Example, named: Sequence[str] = ()) -> list[Attribute]:
    """Return what a rule says of each attribute of a pair, in the order of the first record. named: of these alone; empty: all."""
    left, right = ({**_record(row, side)} for side in ("left", "right"))
    found = []
    for name in (one for one in dict.fromkeys((*left, *right)) if not named or one in named):
        values = left.get(name, ""), right.get(name, "")
        if not any(values):
            continue
        alike = similarity(*values) if all(values) else None
        importance = None if alike is None else round(2 * alike - 1, 2)
        found.append(
            Attribute(
                name, _clean(values[0]), _clean(values[1]), importance, None if alike is None else round(alike, 2)
            )
        )
    return found


def _record(row: Example, side: str) -> dict[str, str]:
    """Return the attributes of a side; of a row without records its one description."""
    text = row.fields.get(f"{side}_record", "")
    try:
        record = read_record(text) if text else {}
    except ValueError:  # a description that looks like marks of attributes
        record = {}
    return record or {TEXT: row.fields[side]}


def _clean(value: str) -> str:
    """Return a value without what parts a line of an explanation."""
    return value.replace("|||", " ").replace("###", " ").strip() or MISSING


def rule_explanation(row: Example, form: Form, is_match: bool, named: Sequence[str] = ()) -> str:
    """Explain a pair by rule, in any form. named: attributes it may use; empty: all. Empty where it has none of them."""
    attributes = attributes_of(row, named)
    if not attributes:
        return ""
    if form in STRUCTURED:
        return write_explanation(attributes, form)
    said = [_sentence(one) for one in attributes]
    verdict = "The descriptions mean the same entity." if is_match else "The descriptions mean different entities."
    return " ".join([said[0], verdict] if form == "short" else [*said, verdict])


def _sentence(one: Attribute) -> str:
    """Say of one attribute what both sides share and what one alone has."""
    if MISSING in (one.left, one.right):
        return f"The {one.name} stands on one side alone."
    left, right = words_of(one.left), words_of(one.right)
    shared, apart = _listed(left & right), _listed(left ^ right)
    if not apart:
        return f"The {one.name} is the same on both sides."
    return f"The {one.name} shares {shared or 'no word'} and differs in {apart}."


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words)[:6])
