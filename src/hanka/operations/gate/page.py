"""A gate as a page beside the report: the outcome, the rules, every check, what was judged and what it promises.

Built of the report's blocks, in the language of the words; nothing is computed here.
"""

from __future__ import annotations

from typing import Literal

from hanka.operations.gate.results import Check, Gate, Outcome, RuleResult, reason_said
from hanka.operations.gate.sentences import (
    MARKS,
    asked_said,
    asks_said,
    colon,
    estimate_said,
    limit_said,
    measure_said,
    place_said,
    rule_said,
    value_said,
    verdict_said,
    why_said,
)
from hanka.report import numbers
from hanka.report.blocks import Note, Section, Table, Td, Terms, Th, Tone
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words

TONES: dict[Outcome, Literal["adapt", "keep", "undecided"]] = {
    "pass": "adapt",
    "fail": "keep",
    "inconclusive": "undecided",
}
COLOURS: dict[Outcome, Tone] = {"pass": "equivalent", "fail": "worse", "inconclusive": "undecided"}


def gate_html(gate: Gate, words: Words) -> str:
    """Print a gate as one HTML document."""
    sections = (_rules(gate, words), _checks(gate, words), _about(gate, words), _read(gate, words))
    page = PlainPage(
        words.plain("gate_title"), gate.run, TONES[gate.outcome], words.plain(f"gate_outcome_{gate.outcome}"),
        verdict_said(gate, words), sections,
    )  # fmt: skip
    return plain_html(page, words)


def _rules(gate: Gate, words: Words) -> Section:
    head = (
        Th(words.plain("gate_rule")),
        Th(words.plain("gate_outcome")),
        Th(words.plain("gate_held")),
        Th(words.plain("gate_why")),
    )
    rows = tuple(
        (
            Td(rule_said(one, words), note=asks_said(one, words) if one.named else "", head=True),
            _outcome(one.outcome, words),
            Td(
                words.plain(
                    "gate_held_count", held=sum(check.outcome == "pass" for check in one.checks), n=len(one.checks)
                )
            ),
            Td(_holding_back(one, words)),
        )
        for one in gate.rules
    )
    title = words.plain("gate_rules")
    return Section("rules", title, words.plain("gate_rules_lead"), (Table(title, title, (head,), rows),))


def _holding_back(rule: RuleResult, words: Words) -> str:
    """Name the test sets that keep a rule from passing, with their reasons."""
    open_ones = [one for one in rule.checks if one.outcome == rule.outcome != "pass"]
    said = []
    for one in open_ones:
        shown = words.plain("gate_shown", estimate=estimate_said(rule, one), limit=limit_said(rule, one, words))
        why = shown if one.estimate is not None else why_said(one, words)
        said.append(colon(words).join([place_said(rule, one, words), why]))
    return ("。" if words.lang == "ja" else "; ").join([*said, *(reason_said(one, words) for one in rule.notes)])


def _checks(gate: Gate, words: Words) -> Section:
    names = ("rule", "test", "measure", "rows", "candidate", "against", "estimate", "limit", "outcome")
    numeric = ("rows", "candidate", "against", "estimate")
    head = tuple(Th(words.plain(f"gate_{name}"), numeric=name in numeric) for name in names)
    rows = tuple(_check(rule, check, words) for rule in gate.rules for check in rule.checks)
    title = words.plain("gate_checks")
    table = Table(title, title, (head,), rows)
    return Section("checks", title, words.plain("gate_checks_lead"), (table, Note(words.plain("gate_difference_said"))))


def _check(rule: RuleResult, check: Check, words: Words) -> tuple[Td, ...]:
    return (
        Td(rule_said(rule, words), head=True),
        Td(place_said(rule, check, words)),
        Td(measure_said(rule, check, words)),
        Td(numbers.count(check.n), numeric=True),
        Td(value_said(rule, check.own), numeric=True),
        Td(value_said(rule, check.other), numeric=True),
        Td(estimate_said(rule, check), numeric=True),
        Td(limit_said(rule, check, words)),
        _outcome(check.outcome, words, why_said(check, words)),
    )


def _outcome(outcome: Outcome, words: Words, title: str = "") -> Td:
    said = words.plain(f"gate_outcome_{outcome}")
    return Td(said, tone=COLOURS[outcome], mark=MARKS[outcome], title=title)


def _about(gate: Gate, words: Words) -> Section:
    alpha = words.plain("gate_alpha_said", alpha=f"{gate.alpha:g}", n_checks=len(gate.checks))
    asked = tuple(dict.fromkeys(one for check in gate.checks for one in check.asked))
    other_asked = tuple(dict.fromkeys(one for check in gate.checks for one in check.other_asked))
    pairs = [
        ("gate_candidate", f"{gate.candidate} ({gate.candidate_id})"),
        ("gate_asked", asked_said(asked, words)),
        ("gate_against", f"{gate.against} ({gate.against_id})"),
        ("gate_other_asked", asked_said(other_asked, words)),
        ("gate_run", gate.run),
        *([("gate_other_run", gate.against_run)] if gate.against_run else []),
        ("gate_policy", f"{gate.policy} ({gate.policy_sha256[:12]})"),
        ("gate_alpha", alpha),
    ]
    notes = tuple(Note(reason_said(one, words)) for one in gate.notes)
    terms = Terms(tuple((words.plain(key), value) for key, value in pairs))
    return Section("about", words.plain("gate_about"), words.plain("gate_about_lead"), (terms, *notes))


def _read(gate: Gate, words: Words) -> Section:
    names: dict[str, str | int | float] = {"alpha": f"{gate.alpha:g}", "n_checks": len(gate.checks)}
    keys = ("gate_promise_pass", "gate_promise_fail", "gate_promise_open")
    notes = tuple(Note(words.plain(key, **names)) for key in keys)
    return Section("read", words.plain("gate_read"), words.plain("gate_read_lead"), notes)
