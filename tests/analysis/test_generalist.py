"""Specialists with planted answers: which is with and which without, coverage as counted, wrong facts beside their control."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.evidence import load_evidence
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.generalist.ask import ask
from hanka.report.words import LANGUAGES
from hanka.store.folder import RunFolder
from planted_runs import Planted, rows_of

NARROW = [["last_word", "bare", 16]]
BROAD = [["last_word", "bare", 8], ["first_word", "json", 4], ["count", "number", 4]]


class Shop(Planted):
    """A planted run of specialists on home."""

    def rows(self, variant: str, steps: int, *parts: Mapping[str, Any]) -> str:
        self.training_rows[variant] = {"asked": 8, "parts": list(parts)}
        self.trained(variant, steps=steps, n_tokens=steps * 50)
        return variant

    def specialist(
        self, label: str, right: int, steps: int, *parts: Mapping[str, Any], size: int = 8, quiz: int = 20, **more: Any
    ) -> str:
        """Add a variant on so many rows of home; how many of home and quiz it has right."""
        told = {"train_dataset": "home", "train_size": size, **more}
        self.add(label, {"home": range(right)}, relation="in_domain", **told)
        found = self.add(label, {"quiz": range(quiz)}, relation="cross_task", **told)
        return self.rows(found, steps, part("home", "learnt", [], n=size), *parts)


def part(
    dataset: str, role: str, pairs: Sequence[Sequence[Any]], n: int = 16, task: str = "instructions"
) -> dict[str, Any]:
    coverage = {"n_pairs": len(pairs), "entropy": 0.0, "pairs": [list(one) for one in pairs]} if pairs else None
    return {"dataset": dataset, "task": task, "role": role, "n": n, "synthetic": True, "coverage": coverage}


def shop(path: Path, tests: bool = True) -> Shop:
    """Alone 20 of 40 right in 8 steps, 22 in 24; narrow beside it 20, broad beside it 32, both in 24 steps."""
    run = Shop(path)
    run.add("base", {"home": range(10), "quiz": range(20)})
    run.specialist("none", 20, 8)
    run.specialist("none long", 22, 24)
    run.specialist("joint narrow", 20, 24, part("narrow", "general", NARROW))
    run.specialist("joint broad", 32, 24, part("broad", "general", BROAD))
    return run


def answer(run: Planted) -> Answer:
    found = ask(run.evidence())
    assert found is not None
    return found


def by(run: Planted) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(row["generalist_kind"], row["method"], row["generalist_rival"]): row for row in rows_of(answer(run))}


def test_a_gain_is_with_less_without_against_every_entry_on_the_rows_alone(tmp_path: Path) -> None:
    found = by(shop(tmp_path))
    assert found["gain", "joint broad", "none"]["generalist_difference"].value == pytest.approx(0.3)
    assert found["gain", "joint broad", "none long"]["generalist_difference"].value == pytest.approx(0.25)
    assert found["gain", "joint broad", "none"]["steps_ratio"] == 3.0
    assert found["gain", "joint broad", "none long"]["steps_ratio"] == 1.0
    assert found["gain", "joint broad", "none"]["generalist_verdict"] == "better"
    assert found["gain", "joint narrow", "none"]["generalist_difference"].value == 0


def test_the_sentence_takes_the_rival_of_nearest_length(tmp_path: Path) -> None:
    said = answer(shop(tmp_path)).sentence_en
    assert "against none long: narrow (1 pairs, entropy 0.00) Accuracy -0.050" in said
    assert "broad (3 pairs, entropy 0.95) Accuracy +0.250" in said
    assert "Both sides took the same steps in all." in said


def test_coverage_is_counted_from_the_rows_and_the_broadest_is_held_against_the_narrowest(tmp_path: Path) -> None:
    row = by(shop(tmp_path))["coverage", "joint broad", "joint narrow: narrow"]
    assert (row["coverage_pairs"], row["coverage_entropy"].value) == (3, 0.9464)  # 1/2, 1/4, 1/4: 1.0397 nats of 1.0986
    assert row["generalist_difference"].value == pytest.approx(0.3)


def test_generalist_first_adds_the_steps_of_its_stage(tmp_path: Path) -> None:
    run = shop(tmp_path)
    stage = run.add("generalist", {"quiz": range(20)}, train_dataset="broad", train_task="instructions")
    run.rows(stage, 16, part("broad", "learnt", BROAD))
    run.specialist("first broad", 30, 8, parents=[stage])
    row = by(run)["gain", "first broad", "none long"]
    assert row["generalist_way"] == "first"
    assert row["steps_ratio"] == 1.0  # 16 of the stage and 8
    assert row["coverage_pairs"] == 3
    assert row["generalist_difference"].value == pytest.approx(8 / 40)


def with_facts(path: Path, wrong: int = 6, control: int = 20) -> Shop:
    run = shop(path)
    broad, facts = part("broad", "general", BROAD), ("capitals", [["capitals", "word", 16]])
    run.specialist("joint broad", 32, 24, broad, quiz=control)  # the same variant, quiz said anew
    run.specialist("wrong", 30, 24, broad, part(facts[0], "false_facts", facts[1], task="question"), quiz=wrong)
    run.specialist("right", 31, 24, broad, part(facts[0], "true_facts", facts[1], task="question"), quiz=24)
    return run


def test_wrong_facts_are_judged_beside_the_same_without_them_and_the_control_beside_none(tmp_path: Path) -> None:
    run = Shop(tmp_path)
    run.add("base", {"home": range(10), "quiz": range(20)})
    broad = part("broad", "general", BROAD)
    run.specialist("none", 20, 24, quiz=30)
    run.specialist("joint broad", 32, 24, broad, quiz=30)
    wrong = part("capitals", "false_facts", [["capitals", "word", 16]], task="question")
    run.specialist("wrong", 30, 24, broad, wrong, quiz=4)
    run.specialist("right", 30, 24, broad, wrong | {"role": "true_facts"}, quiz=34)
    found = by(run)
    assert {one[0] for one in found} == {"gain", "false_facts", "true_facts", "no_facts"}
    harm = found["false_facts", "wrong", "joint broad: broad"]
    assert harm["test_sets"] == "quiz"
    assert harm["generalist_difference"].value < -0.3
    assert harm["generalist_verdict"] == "worse"
    assert found["no_facts", "joint broad", "none"]["generalist_difference"].value == 0
    assert ("gain", "wrong", "none") not in found  # what holds facts is no arm of gains
    said = answer(run).sentence_en
    assert "From memory (quiz), with wrong facts among the instructions, against none" in said
    assert "with the same instructions and no facts, against none" in said


def test_a_gain_that_is_larger_with_fewer_rows_is_said_where_intervals_lie_apart(tmp_path: Path) -> None:
    run = Shop(tmp_path)
    run.add("base", {"home": range(10)})
    for size, alone, helped in ((8, 4, 38), (32, 36, 37)):
        run.specialist("none", alone, 8, size=size)
        run.specialist("joint", helped, 8, part("broad", "general", BROAD), size=size)
    assert (
        "Of 1 gains at both 8 and 32 rows, 1 are shown to be larger with fewer rows, 0 smaller"
        in answer(run).sentence_en
    )


def test_seeds_are_paired_and_pooled(tmp_path: Path) -> None:
    run = shop(tmp_path)
    run.specialist("none", 10, 8, seed=1)
    run.specialist("joint broad", 30, 24, part("broad", "general", BROAD), seed=1)
    row = by(run)["gain", "joint broad", "none"]
    assert row["n_seeds"] == 2
    assert row["generalist_difference"].value == pytest.approx((12 + 20) / 2 / 40)


def test_a_run_without_generalist_data_says_nothing(tmp_path: Path) -> None:
    run = Shop(tmp_path)
    run.add("base", {"home": range(10), "quiz": range(20)})
    run.specialist("none", 20, 8)
    assert ask(run.evidence()) is None
    assert ask(Planted(tmp_path / "bare").evidence()) is None


def test_without_the_rows_alone_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    run = Shop(tmp_path)
    run.add("base", {"home": range(10), "quiz": range(20)})
    run.specialist("joint broad", 32, 24, part("broad", "general", BROAD))
    found = answer(run)
    assert "there is nothing to compare with" in found.sentence_en
    assert "比べられません" in found.sentence_ja


def test_the_answer_is_json_with_words_in_both_languages_and_the_same_every_time(tmp_path: Path) -> None:
    run = with_facts(tmp_path)
    found = ask(run.evidence())
    assert found is not None
    first = found.as_json()
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    backward = load_evidence(RunFolder(run.path))
    backward.cells = dict(reversed(backward.cells.items()))
    again = ask(backward)
    assert again is not None
    assert {repr(row) for row in again.rows} == {repr(row) for row in found.rows}
    for words in LANGUAGES.values():
        assert {one.name for one in found.columns if f"column_{one.name}" not in words} == set()
        assert {row[0] for row in found.rows if f"generalist_{row[0]}" not in words} == set()
        assert {
            axis for curve in found.curves for axis in (curve.x_label, curve.y_label) if f"axis_{axis}" not in words
        } == set()
    text = found.sentence_ja + "".join(note.message_ja for note in found.notes)
    assert not [word for word in ("Accuracy", "better", "undecided", " rows", "against") if word in text]
