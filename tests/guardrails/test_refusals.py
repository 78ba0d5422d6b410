"""How often the patterns are right on lists written by hand: what docs/guardrails.md says, to the row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanka.guardrails import DETECTORS, Row
from hanka.guardrails.limits import loaded, params_of
from hanka.guardrails.refusals import RefusalParams, refusal_in

HERE = Path(__file__).parent
GUIDE = (HERE.parents[1] / "docs/guardrails.md").read_text(encoding="utf-8")
MEASURED = {
    ("seen", "en"): (50, 0, 0, 50),
    ("seen", "ja"): (45, 0, 0, 45),
    ("unseen", "en"): (19, 0, 1, 20),
    ("unseen", "ja"): (20, 1, 0, 19),
}
"List and language → found rightly, found wrongly, missed, left rightly."


def counts(name: str, lang: str) -> tuple[int, int, int, int]:
    """Count what the patterns find in a list."""
    lines = (HERE / f"refusals_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["lang"] == lang]
    found = [(row["refusal"], bool(refusal_in(row["text"]))) for row in rows]
    pairs = ((True, True), (False, True), (True, False), (False, False))
    return tuple(found.count(pair) for pair in pairs)  # type: ignore[return-value]


@pytest.mark.parametrize(("name", "lang"), MEASURED)
def test_patterns_are_as_right_as_the_guide_says(name: str, lang: str) -> None:
    found = counts(name, lang)
    assert found == MEASURED[name, lang]
    right, wrong, missed, _ = found
    assert f"| {name} | {lang} | {right} of {right + wrong} | {right} of {right + missed} |" in GUIDE


def test_what_people_write_is_hardly_ever_taken_for_a_refusal() -> None:
    """On every text that comes with the package: sentences, reviews, stories, none of them a refusal."""
    data = HERE.parents[1] / "src/hanka/datasets/data"
    rows = [
        json.loads(line)
        for path in sorted(data.rglob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    texts = {value for row in rows for value in row.values() if isinstance(value, str)}
    assert len(texts) > 1000
    assert not [text for text in texts if refusal_in(text)]


@pytest.mark.parametrize(
    "text",
    [
        "I can't help it, they are all so good!",
        "I refuse to raise some excuse making loser.",
        "As an AI researcher, she published widely.",
        "Not enough information",
        "この製品は水に弱いかもしれません。遅れかねません。",
        "首相はコメントを差し控えた。",
    ],
)
def test_words_of_refusals_that_refuse_nothing_are_left(text: str) -> None:
    assert not refusal_in(text)


def test_a_refusal_far_inside_an_answer_is_none() -> None:
    assert refusal_in("I cannot help with that.")
    assert not refusal_in("The butler spoke. " * 20 + "I cannot help with that.")
    assert refusal_in("The butler spoke. " * 20 + "I cannot help with that.", RefusalParams(beginning=1000))


def test_own_patterns_are_added_or_stand_alone(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("# ours\nask (my|a) manager\n", encoding="utf-8")
    detector = DETECTORS.get("refusals")
    params = loaded(detector, params_of("refusals", {"file": "own.txt"}), tmp_path)
    rows = [Row("Please ask a manager"), Row("I cannot help with that"), Row("Sure")]
    assert [one.flagged for one in detector.flags(rows, params)] == [True, True, False]
    alone = params_of("refusals", {"patterns": ["manager"], "built_in": False})
    assert [one.flagged for one in detector.flags(rows, alone)] == [True, False, False]
