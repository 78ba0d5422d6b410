"""Labels as a tokenizer spells them: those that nothing tells apart, and those that begin others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hanka.audits.record import Audits
from hanka.prompting import Query


def audit_label_tokens(audits: Audits, where: str, queries: Sequence[Query], labels: Sequence[str]) -> None:
    """Look for labels that cannot be told apart: of equal tokens, or where one begins another and no end is scored."""
    pairs = math.comb(len(labels), 2)
    equal, begun = label_relations(queries, labels)
    audits.found(
        "label tokens", where, [f"{a} / {b}" for a, b in equal], pairs,
        "pairs of labels have the same tokens, so nothing tells them apart; give them other words",
    )  # fmt: skip
    names = [f"{a} / {b}" for a, b in begun]
    if any(query.ends for query in queries):
        audits.checked("label beginnings", where, pairs, len(names))  # told apart by where an answer ends
        return
    audits.found(
        "label beginnings", where, names, pairs,
        "pairs of labels of which one begins the other: the shorter one wins, because no end of an answer is scored",
    )  # fmt: skip


def label_relations(
    queries: Sequence[Query], labels: Sequence[str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return pairs of labels with equal tokens in any query, and pairs of which the first's tokens begin the second's."""
    equal: set[tuple[str, str]] = set()
    begun: set[tuple[str, str]] = set()
    for tokens in {query.labels for query in queries}:
        ordered = sorted(range(len(labels)), key=lambda place: tokens[place])
        for at, place in enumerate(ordered):
            for other in ordered[at + 1 :]:
                if tokens[other][: len(tokens[place])] != tokens[place]:
                    break
                same = tokens[other] == tokens[place]
                (equal if same else begun).add((labels[place], labels[other]))
    return sorted(equal), sorted(begun)
