"""The stages file: strict, in order, with defaults that the documentation shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.errors import HankaError
from hanka.operations.rollout import Stages, read_stages


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "stages.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_defaults_are_the_articles_stages_and_margin() -> None:
    found = read_stages(None)
    assert [one.name for one in found.stages] == ["classification", "generation", "scale"]
    assert {(one.gain, one.margin) for one in found.stages} == {(0.0, 0.02)}
    assert {one.gate for one in found.stages} == {"required"}
    assert found.cadence.days == 30


def test_a_file_says_what_it_changes_and_leaves_the_rest(tmp_path: Path) -> None:
    found = read_stages(written(tmp_path, "stages: [{name: pilot, margin: 0.05, roles: [lead]}]\n"))
    (stage,) = found.stages
    assert (stage.name, stage.margin, stage.gain, stage.roles, found.cadence.days) == (
        "pilot",
        0.05,
        0.0,
        ("lead",),
        30,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "stages: [{name: a, margn: 0.1}]",
            "stages.yaml:1: stages.0.margn: unknown key 'margn': did you mean 'margin'?",
        ),
        ("cadence: {day: 3}", "unknown key 'day': did you mean 'days'?"),
        ("stages: [{name: a, margin: 0}]", "0 is out of range: give a number > 0"),
        ("stages: [{name: a, margin: .nan}]", "not a finite number|out of range"),
        ("stages: [{name: a, gate: maybe}]", "'maybe' is not allowed"),
        ("stages: [{name: a, kinds: [sentiment]}]", "'sentiment' is not allowed"),
        ("stages: [{margin: 0.1}]", "the key is missing"),
        ("stages: []", "empty"),
        ("stages: [{name: a}, {name: a}]", "two stages are called 'a'"),
        ("stages: {a: b", "not valid YAML"),
        ("", "the file is empty"),
    ],
)
def test_a_mistake_is_one_line_with_what_is_allowed(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(HankaError, match=words) as raised:
        read_stages(written(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(HankaError, match=r"no such stages file; docs/rollout\.md"):
        read_stages(tmp_path / "none.yaml")


def test_the_defaults_hold_for_every_key_that_is_left_out() -> None:
    assert Stages.model_validate({}) == Stages()
