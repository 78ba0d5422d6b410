"""A gate for machines and reviewers: JUnit XML for a build server, Markdown for a pull request.

JUnit follows the schema that build servers read (Jenkins' junit-10.xsd): one suite, one test case per rule, `failure` where
a violation is shown and `error` where evidence is lacking, so that neither is taken for a pass. Text from runs is made safe: control
characters shown as such in XML, pipes and line ends escaped in Markdown tables.
"""

from __future__ import annotations

from xml.etree import ElementTree

from hanka.operations.gate.results import Check, Gate, RuleResult, reason_said
from hanka.operations.gate.sentences import (
    MARKS,
    colon,
    estimate_said,
    limit_said,
    measure_said,
    place_said,
    rule_said,
    verdict_said,
    why_said,
)
from hanka.report.inert import visible
from hanka.report.words import Words

OUTCOMES = {"fail": "failure", "inconclusive": "error"}
"Outcome → element of a test case; a pass has none."


def junit_xml(gate: Gate) -> str:
    """Write JUnit XML: one test case per rule, in the order of the policy."""
    words = Words("en")
    counts = {"tests": len(gate.rules), "failures": gate.count("fail"), "errors": gate.count("inconclusive")}
    numbers = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", {"name": "hanka gate", **numbers, "time": "0"})
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": _safe(f"{gate.candidate} in {gate.run}"), **numbers, "skipped": "0", "time": "0"}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("outcome", "candidate", "candidate_id", "against", "against_id", "policy", "policy_sha256", "alpha"):
        ElementTree.SubElement(properties, "property", {"name": name, "value": _safe(str(getattr(gate, name)))})
    for rule in gate.rules:
        case = ElementTree.SubElement(
            suite, "testcase", {"name": _safe(rule.title), "classname": _safe(f"hanka.gate.{gate.run}"), "time": "0"}
        )
        lines = [_line(rule, one, words) for one in rule.checks]
        lines += [reason_said(one, words) for one in rule.notes]
        if rule.outcome in OUTCOMES:
            holding = [line for line, one in zip(lines, rule.checks, strict=False) if one.outcome == rule.outcome]
            problem = ElementTree.SubElement(
                case, OUTCOMES[rule.outcome], {"type": rule.outcome, "message": _safe("; ".join(holding))}
            )
            problem.text = _safe("\n".join(lines))
        else:
            ElementTree.SubElement(case, "system-out").text = _safe("\n".join(lines))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def markdown(gate: Gate, words: Words) -> str:
    """Write a summary for a pull request: the outcome, a line per rule, every check folded below."""
    heading = colon(words).join([words.plain("gate_title"), words.plain(f"gate_outcome_{gate.outcome}")])
    lines = [f"## {MARKS[gate.outcome]} {_cell(heading)}", "", _cell(verdict_said(gate, words)), ""]
    lines += _table(
        [words.plain(f"gate_{name}") for name in ("rule", "outcome", "held")], [_rule(one, words) for one in gate.rules]
    )
    names = ("rule", "test", "measure", "rows", "estimate", "limit", "outcome", "why")
    checks = [_check(rule, one, words) for rule in gate.rules for one in rule.checks]
    lines += ["", f"<details><summary>{words.plain('gate_checks')} ({len(gate.checks)})</summary>", ""]
    lines += _table([words.plain(f"gate_{name}") for name in names], checks)
    said: dict[str, str | int | float] = {"alpha": f"{gate.alpha:g}", "n_checks": len(gate.checks)}
    notes = [words.plain("gate_difference_said")]
    notes += [words.plain(f"gate_promise_{name}", **said) for name in ("pass", "fail", "open")]
    notes += [reason_said(one, words) for rule in gate.rules for one in rule.notes]
    notes += [reason_said(one, words) for one in gate.notes]
    lines += ["", *(f"- {_cell(one)}" for one in notes), "", "</details>", ""]
    about = [
        f"{gate.candidate} ({gate.candidate_id})",
        f"{gate.against} ({gate.against_id})",
        f"{gate.policy} ({gate.policy_sha256[:12]})",
    ]
    names_of = ("candidate", "against", "policy")
    said_of = zip(names_of, about, strict=True)
    lines.append(" · ".join(f"{words.plain(f'gate_{name}')}: {_cell(value)}" for name, value in said_of))
    return "\n".join(lines) + "\n"


def _rule(rule: RuleResult, words: Words) -> list[str]:
    held = words.plain("gate_held_count", held=sum(one.outcome == "pass" for one in rule.checks), n=len(rule.checks))
    return [rule_said(rule, words), f"{MARKS[rule.outcome]} {words.plain(f'gate_outcome_{rule.outcome}')}", held]


def _check(rule: RuleResult, check: Check, words: Words) -> list[str]:
    return [
        rule_said(rule, words), place_said(rule, check, words), measure_said(rule, check, words), f"{check.n:,}",
        estimate_said(rule, check), limit_said(rule, check, words),
        f"{MARKS[check.outcome]} {words.plain(f'gate_outcome_{check.outcome}')}", why_said(check, words),
    ]  # fmt: skip


def _line(rule: RuleResult, check: Check, words: Words) -> str:
    """Say a check in one line of text."""
    head = f"{check.outcome}: {place_said(rule, check, words)}, {measure_said(rule, check, words)}"
    if check.estimate is None:
        return f"{head}: {why_said(check, words)}"
    shown = words.plain("gate_shown", estimate=estimate_said(rule, check), limit=limit_said(rule, check, words))
    said = f"{head}: {shown}, n = {check.n:,}"
    why = why_said(check, words)
    return f"{said}; {why}" if why else said


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(_cell(one) for one in line) + " |" for line in lines]


def _cell(text: str) -> str:
    """Make a text safe inside Markdown: one line, no table, link, image, code or HTML begun by it."""
    escaped = "".join(f"\\{one}" if one in "\\`*_[]|~#" else one for one in " ".join(visible(text).split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")


def _safe(text: str) -> str:
    """Show what XML cannot hold."""
    return (
        "".join(one if one in "\t\n" or one >= " " else "�" for one in visible(text))
        .replace("\ufffe", "")
        .replace("\uffff", "")
    )
