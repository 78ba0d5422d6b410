"""A policy that is wrong is one line with file, line, key and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate_runs import asked, judged, pair, write_slices
from hanka.errors import PolicyError
from hanka.operations.gate.policy_file import read_policy
from planted_runs import Planted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "policy.yaml:1: the policy: asks nothing; give at least one of `rules` or `guardrails`"),
        ("", "policy.yaml:1: the file is empty; docs/gate.md shows a policy"),
        ("rulez: []", "policy.yaml:1: rulez: unknown key 'rulez': did you mean 'rules'?"),
        (
            "rules:\n- non_inferiour: 0.1",
            "policy.yaml:2: rules.0.non_inferiour: unknown key 'non_inferiour': did you mean 'non_inferior'?",
        ),
        (
            "rules: [{relation: in_domain}]",
            "rules.0: asks nothing; give exactly one of non_inferior, gain, floor, ceiling",
        ),
        ("rules: [{floor: 0.1, gain: 0.1}]", "asks gain and floor; give exactly one of"),
        ("rules: [{non_inferior: 0}]", "rules.0.non_inferior: 0 is out of range: give a number > 0"),
        ("rules: [{non_inferior: .nan}]", "rules.0.non_inferior: nan is not a finite number"),
        ("rules: [{floor: yes}]", "true is not a number"),
        ("rules: [{floor: 0.1, relation: outofdomain}]", "did you mean 'out_of_domain'?"),
        (
            "rules: [{floor: 0.1, over: mean}]",
            "over: mean goes with non_inferior and gain; a floor holds on every test set",
        ),
        ("guardrails: [{unparsed: 0}]", "guardrails.0.unparsed: 0 is out of range: give a number > 0"),
        ("guardrails: [{unparsed: 1}]", "give a number < 1"),
        ("guardrails: [{label_share: {a: 0.1, b: 0.2}}]", "give one label with a share between 0 and 1"),
        ("guardrails: [{seconds_p95: 1, test: home}]", "leave out relation, task, test and slice"),
        ("{alpha: 0.5, rules: [{floor: 0.1}]}", "alpha: 0.5 is out of range: give a number < 0.5"),
        ("{candidate: {run: x}, rules: [{floor: 0.1}]}", "candidate.run: the candidate is of the run that is judged"),
        ("{against: {run: x}, rules: [{floor: 0.1}]}", "against.variant: say which variant of that run"),
        (
            "rules: [{floor: 0.1}, {floor: 0.1}]",
            "rules.1: two rules are called 'floor 0.1'; give one a `name:` of its own",
        ),
    ],
)
def test_a_wrong_policy_is_one_line(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as error:
        asked(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{candidate: stf, rules: [{floor: 0.1}]}", "candidate: no variant 'stf': did you mean 'sft'?"),
        ("{candidate: sft, against: bse2, rules: [{floor: 0.1}]}", "against: no variant 'bse2': did you mean 'base'?"),
        (
            "{candidate: {variant: sft, shots: 3}, rules: [{floor: 0.1}]}",
            "candidate.shots: 3 is not how it was asked: shots in the run: 0",
        ),
        (
            "{candidate: sft, rules: [{floor: 0.1, test: hom}]}",
            "rules.0.test: 'hom' is no test set of the run: did you mean 'home'?",
        ),
        (
            "{candidate: sft, rules: [{floor: 0.1, task: sentimnt}]}",
            "rules.0.task: 'sentimnt' is no task of the run: did you mean 'sentiment'?",
        ),
        (
            "{candidate: sft, rules: [{floor: 0.1, metric: acuracy}]}",
            "rules.0.metric: 'acuracy' is not measured there: did you mean 'accuracy'?",
        ),
        (
            "{candidate: sft, rules: [{floor: 0.1, slice: {langage: ja}}]}",
            "no column 'langage' is stored of these rows: did you mean 'language'?",
        ),
        (
            "{candidate: sft, rules: [{floor: 0.1, slice: {language: jp}}]}",
            "slice.language: no row has 'jp': allowed: ja",
        ),
        (
            "{candidate: sft, rules: [{floor: 0.1, slice: {length: long}}]}",
            "'long' is no range of characters; write one as 12-80, 200- or -80",
        ),
        ("{candidate: sft, rules: [{floor: 0.1, slice: {length: 9-3}}]}", "ends before it begins"),
        ("{candidate: sft, guardrails: [{label_share: {yess: 0.9}}]}", "'yess' is no label there: did you mean 'yes'?"),
    ],
)
def test_what_names_nothing_in_the_run_is_a_mistake_of_the_policy(tmp_path: Path, text: str, said: str) -> None:
    run = pair(tmp_path)
    rows = [
        ("home", f"s{at}", column, value) for at in range(40) for column, value in (("language", "ja"), ("length", "5"))
    ]
    write_slices(tmp_path, rows)
    with pytest.raises(PolicyError) as error:
        judged(run, text)
    assert said in str(error.value)


def test_a_system_that_was_never_asked_so_is_named_with_what_there_is(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(40)}, shots=4)
    run.add("sft", {"home": range(40)})
    with pytest.raises(
        PolicyError, match=r"is never asked as sft/home/8/seed0 is \(0 shots, drawn, p1\).*4 shots, drawn, p1"
    ):
        judged(run, "{candidate: sft, rules: [{non_inferior: 0.1}]}")
    assert judged(run, "{candidate: sft, rules: [{floor: 0.1}]}").outcome == "pass"


def test_a_year_is_a_value_of_a_slice_and_a_missing_file_says_where_one_is_shown(tmp_path: Path) -> None:
    (rule,) = asked("rules: [{floor: 0.1, slice: {year: 2024}}]").policy.rules
    assert rule.slice == {"year": "2024"}
    assert rule.title == "floor 0.1, year = 2024"
    with pytest.raises(PolicyError, match=r"no such policy file; docs/gate.md shows one"):
        read_policy(tmp_path / "none.yaml")


def test_the_hash_is_of_what_is_asked_not_of_how_it_is_written() -> None:
    written = ("rules: [{floor: 0.1}]", "# a comment\nrules:\n  - floor: 0.10\n", "rules: [{floor: 0.2}]")
    first, same, other = (asked(text).sha256 for text in written)
    assert first == same != other


def test_a_rule_is_about_changed_rows_only_where_it_names_them(tmp_path: Path) -> None:
    planted = pair(tmp_path)
    for label in ("base", "sft"):
        planted.add(label, {"slips": range(20)})
    evidence = planted.evidence()

    def places(where: str) -> set[str]:
        gate = judged(evidence, f"{{candidate: sft, rules: [{{floor: 0.1{where}}}]}}")
        return {test for check in gate.checks for test in check.tests}

    assert "slips" not in places("")
    assert places("") != set()
    assert places(", test: slips") == {"slips"}
    assert places(", relation: perturbed") == {"slips"}
