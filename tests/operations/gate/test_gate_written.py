"""What is written of a gate: JUnit that build servers read, Markdown and a page that no name breaks, JSON without infinities."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gate_runs import judged, pair
from hanka.operations.gate.page import gate_html
from hanka.operations.gate.results import Gate, as_json
from hanka.operations.gate.written import junit_xml, markdown
from hanka.report.words import LANGUAGES, Words

POLICY = """
candidate: sft
rules:
- {name: not worse, non_inferior: 0.1}
- {floor: 0.99, relation: in_domain}
- {ceiling: 0.5, metric: accuracy}
- {floor: 0.1, relation: cross_task}
guardrails:
- {unparsed: 0.1}
"""
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    "properties": set(), "property": {"name", "value"}, "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"}, "error": {"type", "message"}, "system-out": set(),
}  # fmt: skip
"Attributes that junit-10.xsd of Jenkins' xUnit plugin allows on the elements that are written here."
INSIDE = {
    "testsuites": {"testsuite"}, "testsuite": {"properties", "testcase"}, "properties": {"property"},
    "testcase": {"failure", "error", "system-out"},
}  # fmt: skip


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return judged(pair(tmp_path), POLICY)


def test_junit_has_a_test_case_per_rule_in_the_schema_of_build_servers(gate: Gate) -> None:
    root = ElementTree.fromstring(junit_xml(gate))
    for above in root.iter():
        assert above.attrib.keys() <= ATTRIBUTES[above.tag]
        assert {one.tag for one in above} <= INSIDE.get(above.tag, set())
    (suite,) = root
    assert [suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")] == ["5", "1", "2", "0"]
    cases = suite.findall("testcase")
    assert [one.attrib["name"] for one in cases] == [rule.title for rule in gate.rules]
    said = [next((part.tag for part in one if part.tag != "system-out"), "pass") for one in cases]
    assert said == ["pass", "error", "failure", "error", "pass"]
    assert "has to be below 0.500" in cases[2][0].attrib["message"]


def test_names_from_outside_break_neither_xml_nor_markdown_nor_html(gate: Gate) -> None:
    hostile = "</testcase><script>alert(1)</script>|\x00\x1b[31m\ud800`[x](http://x) @you\n# h"
    gate = replace(gate, candidate=hostile, run=hostile, rules=(replace(gate.rules[0], title=hostile, named=hostile),))
    root = ElementTree.fromstring(junit_xml(gate))
    assert len(root.findall(".//testcase")) == 1
    text = markdown(gate, Words("en"))
    assert "<script>" not in text
    assert not re.search(r"(?<!\\)\|.*alert.*(?<!\\)\|\x00", text)
    assert all(line.count(" | ") in (0, 2, 7) for line in text.splitlines() if line.startswith("|"))
    assert "\n# h" not in text
    html = gate_html(gate, Words("en"))
    assert html.count("<script>") == 1


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_page_and_summary_say_every_check_in_one_language(gate: Gate, lang: str) -> None:
    words = Words(lang)  # type: ignore[arg-type]
    html, text = gate_html(gate, words), markdown(gate, words)
    assert f'<html lang="{lang}">' in html
    for outcome in ("pass", "fail", "inconclusive"):
        assert LANGUAGES[words.lang][f"gate_outcome_{outcome}"] in html
        assert LANGUAGES[words.lang][f"gate_outcome_{outcome}"] in text
    assert html.count("<tr>") == 2 + len(gate.rules) + len(gate.checks)
    if lang == "ja":
        visible = re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]+>", " ", html, flags=re.DOTALL)
        assert re.findall(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}", visible) == []


def test_json_holds_every_bound_and_no_infinity(gate: Gate) -> None:
    written = json.loads(json.dumps(as_json(gate), allow_nan=False))
    assert written["outcome"] == "fail"
    assert [rule["outcome"] for rule in written["rules"]] == ["pass", "inconclusive", "fail", "inconclusive", "pass"]
    first = written["rules"][0]["checks"][0]
    assert first["n"] == 40
    assert first["low"] < 0 < first["high"]
    assert written["rules"][3]["checks"][0]["reason"] == "the run has no test set that this is addressed to"


def test_every_reason_has_its_words_and_every_word_is_used() -> None:
    sources = Path(__file__).parents[3] / "src/hanka/operations/gate"
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources.glob("*.py"))
    quoted = set(re.findall(r'"(?:gate_)?([a-z][a-z_0-9]*)"', code))
    words = {key.removeprefix("gate_") for key in LANGUAGES["en"] if key.startswith("gate_")}
    composed = re.compile(r"^(asks|name|why|outcome|said|promise)_")
    assert {key for key in words if composed.sub("", key) not in quoted and key not in quoted} == set()
    raised = set(re.findall(r'(?:LackingError|Reason)\(\s*"([a-z_]+)"', code)) | {"cell_failed", "not_done"}
    known = {key.removeprefix("gate_why_") for key in LANGUAGES["en"] if key.startswith("gate_why_")}
    assert raised == known
