from __future__ import annotations

import pytest

from hanka.audits import Audits
from hanka.audits.label_tokens import audit_label_tokens
from hanka.prompting import Query

LABELS = ("card", "card lost", "card lost abroad", "cash")
TOKENS = ((5,), (5, 6), (5, 6, 7), (8,))


def audited(tokens: tuple[tuple[int, ...], ...], ends: tuple[int, ...]) -> Audits:
    audits = Audits()
    audit_label_tokens(audits, "mine test, p1", [Query("", [1], tokens, ends)] * 2, LABELS)
    return audits


def test_labels_that_begin_others_are_counted_and_harmless_where_the_end_is_scored() -> None:
    audits = audited(TOKENS, (0,))
    assert audits.warnings == []
    assert audits.checks[-1] == {"audit": "label beginnings", "where": "mine test, p1", "checked": 6, "harmless": 3}


def test_without_an_end_they_are_a_finding() -> None:
    (warning,) = audited(TOKENS, ()).warnings
    assert (warning.audit, warning.count, warning.total) == ("label beginnings", 3, 6)
    assert warning.examples == ("card / card lost", "card / card lost abroad", "card lost / card lost abroad")


@pytest.mark.parametrize("ends", [(), (0,)])
def test_labels_of_equal_tokens_are_a_finding_always(ends: tuple[int, ...]) -> None:
    found = [one for one in audited(((5,), (9,), (5,), (8,)), ends).warnings if one.audit == "label tokens"]
    assert [(one.count, one.examples) for one in found] == [(1, ("card / card lost abroad",))]


def test_labels_that_share_only_their_first_token_are_no_finding() -> None:
    assert audited(((5, 1), (5, 2), (5, 3), (8,)), ()).warnings == []
