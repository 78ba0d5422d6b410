"""Mixes with planted answers: gains only where the target is in the mix, transfer only where it is not, what instructions do, equal lengths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.evidence import load_evidence
from hanka.analysis.questions.cocktail.ask import ask
from hanka.analysis.questions.contract import Answer
from hanka.report.words import LANGUAGES
from hanka.store.folder import RunFolder, write_json
from planted_runs import Planted, rows_of

GENERAL = "synthetic-broad"
Right = Mapping[str, Iterable[int] | None]


class Bar(Planted):
    """A planted run of mixes."""

    def mix(self, label: str, sets: str, right: Right, added: tuple[str, ...] = (), **changes: Any) -> str:
        """Add a training on some sets, with the samples it has right; steps are 8 for each set unless said."""
        names = sets.split("+")
        steps = changes.pop("steps", 8 * (len(names) + len(added)))
        told = {"train_dataset": f"bar/{sets}{'&'.join(('', *added))}", "train_size": 8 * len(names), **changes}
        found = ""
        for test, samples in right.items():
            relation = "in_domain" if test in names else "cross_task"
            found = self.add(label, {test: samples}, relation=relation, **told)
        parts = [{"dataset": one, "task": f"task of {one}", "role": "learnt", "n": 8} for one in names]
        parts += [
            {"dataset": one, "task": "instructions", "role": "general", "n": 8, "synthetic": True} for one in added
        ]
        self.training_rows[found] = {"asked": 8, "parts": parts}
        self.trained(found, steps=steps, n_tokens=steps * 100)
        return found


def bar(path: Path, mixed: int = 30, **changes: Any) -> Bar:
    """Home and other alone and mixed; of 40 rows of home, alone 20 are right, mixed as many as said, other alone 10, base 16."""
    run = Bar(path)
    run.add("base", {"home": range(16), "other": range(20), "plain": range(2)}, nats=2.0)
    run.mix("plain sft", "home", {"home": range(20), "other": range(20), "plain": ()}, nats=2.2, **changes)
    run.mix("plain sft", "other", {"home": range(10), "other": range(30), "plain": ()}, nats=2.2, **changes)
    run.mix("plain sft", "home+other", {"home": range(mixed), "other": range(30), "plain": ()}, nats=2.4, **changes)
    return run


def answer(run: Planted) -> Answer:
    found = ask(run.evidence())
    assert found is not None
    return found


def by(run: Planted) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows by kind, target and mix; what stands in no column has one value."""
    return {(row["mix_kind"], row["mix_target"], row["mix"]): row for row in rows_of(answer(run))}


def test_a_gain_is_the_mix_less_the_target_alone(tmp_path: Path) -> None:
    row = by(bar(tmp_path))["gain", "home", "home + other"]
    assert row["mix_difference"].value == pytest.approx(0.25)
    assert row["mix_difference"].n == 40
    assert (row["mix_value"].value, row["mix_rival"].value) == (0.75, 0.5)
    assert row["mix_verdict"] == "better"
    assert row["mix_difference"].low > 0


def test_a_mix_that_loses_rows_is_shown_to_be_worse(tmp_path: Path) -> None:
    row = by(bar(tmp_path, mixed=5))["gain", "home", "home + other"]
    assert row["mix_difference"].value == pytest.approx(-0.375)
    assert row["mix_verdict"] == "worse"


def test_gains_hold_the_target_and_transfers_do_not(tmp_path: Path) -> None:
    found = by(bar(tmp_path))
    kinds = {(kind, target, mix) for kind, target, mix in found if kind in ("gain", "transfer")}
    assert kinds == {("gain", "home", "home + other"), ("gain", "other", "home + other")}
    three = bar(tmp_path / "three")
    three.mix("plain sft", "quiz", {"home": range(8), "other": range(10), "plain": ()}, nats=2.2)
    three.mix("plain sft", "home+quiz", {"home": range(20), "other": range(14), "plain": ()}, nats=2.2)
    rows = by(three)
    assert ("transfer", "other", "home + quiz") in rows
    assert ("gain", "other", "home + quiz") not in rows
    assert ("transfer", "home", "home + quiz") not in rows


def test_transfer_is_against_the_target_alone_and_against_base(tmp_path: Path) -> None:
    run = bar(tmp_path)
    run.mix("plain sft", "other+quiz", {"home": range(10), "other": range(30), "plain": ()}, nats=2.2)
    row = by(run)["transfer", "home", "other + quiz"]
    assert row["mix_difference"].value == pytest.approx(-0.25)  # 10 of 40, alone 20
    assert row["over_base"].value == pytest.approx(-0.15)  # base has 16


def test_the_mean_over_mixes_counts_each_once(tmp_path: Path) -> None:
    run = bar(tmp_path)
    run.mix("plain sft", "home+quiz", {"home": range(24), "other": range(20), "plain": ()}, nats=2.2)
    run.mix("plain sft", "home+other+quiz", {"home": range(26), "other": range(20), "plain": ()}, nats=2.2)
    row = by(run)["gain", "home", "every_mix"]
    assert row["n_mixes"] == 3
    assert row["mix_difference"].value == pytest.approx((10 + 4 + 6) / 3 / 40)
    assert "home Accuracy +0.167" in answer(run).sentence_en


def test_seeds_pair_with_their_own_single_task(tmp_path: Path) -> None:
    run = bar(tmp_path)
    run.mix("plain sft", "home", {"home": range(30), "other": (), "plain": ()}, nats=2.2, seed=1)
    run.mix("plain sft", "home+other", {"home": range(36), "other": (), "plain": ()}, nats=2.2, seed=1)
    row = by(run)["gain", "home", "home + other"]
    assert row["n_seeds"] == 2
    assert row["mix_difference"].value == pytest.approx((10 + 6) / 2 / 40)


def test_arms_are_apart_and_each_says_how_long_it_was_trained(tmp_path: Path) -> None:
    run = bar(tmp_path)
    for sets, right in (("home", 20), ("other", 10), ("home+other", 30)):
        run.mix("equal steps", sets, {"home": range(right), "other": range(20), "plain": ()}, nats=2.2, steps=16)
    said = answer(run).sentence_en
    assert "plain sft: of 2 gains" in said
    assert (
        "2.0 times the steps and 2.0 times the tokens of the single task, so a difference may be of the length" in said
    )
    assert "Mixes had the steps and the tokens of the single task." in said
    ratios = {(row["method"], row["steps_ratio"]) for row in rows_of(answer(run)) if row["mix_kind"] == "gain"}
    assert ratios == {("plain sft", 2.0), ("equal steps", 1.0)}


def with_instructions(path: Path, nats: float) -> Bar:
    run = bar(path)
    run.mix("plain sft", "home", {"home": range(20), "other": range(20), "plain": ()}, (GENERAL,), nats=nats)
    run.mix("plain sft", "home+other", {"home": range(30), "other": range(30), "plain": ()}, (GENERAL,), nats=nats)
    return run


def test_instructions_are_judged_against_the_same_sets_without_them(tmp_path: Path) -> None:
    run = with_instructions(tmp_path, 2.1)
    found = by(run)
    whole = found["forgetting", "plain", "every_mix"]
    # 2.1 nats a token with them; 2.2 and 2.4 without: a text of 6 bytes in 4 tokens
    bits = 4 / 6 / 0.6931471805599453
    assert whole["mix_difference"].value == pytest.approx(bits * (2.1 - (2.2 + 2.4) / 2))
    assert whole["metric"] == "bits_per_byte"
    assert found["own", "home", "every_mix"]["mix_difference"].value == 0
    assert ("forgetting", "home", "every_mix") not in found
    assert "synthetic rows made from templates" in answer(run).notes[-1].message_en


def test_test_sets_of_the_instructions_own_kind_show_no_forgetting(tmp_path: Path) -> None:
    run = with_instructions(tmp_path, 2.1)
    for one in run.training_rows.values():
        for part in one["parts"]:
            if part["role"] == "general":
                part["task"] = "text"  # now the text is of their kind
    assert not any(kind == "forgetting" for kind, _, _ in by(run))


def test_a_run_without_mixes_says_nothing(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(16)})
    alone = run.add("sft", {"home": range(20)})
    assert ask(run.evidence()) is None
    run.training_rows[alone] = {
        "asked": 8,
        "parts": [{"dataset": "home", "task": "sentiment", "role": "learnt", "n": 8}],
    }
    assert ask(run.evidence()) is None


def test_mixes_without_single_tasks_are_said_to_have_no_rival(tmp_path: Path) -> None:
    run = Bar(tmp_path)
    run.add("base", {"home": range(16)})
    run.mix("plain sft", "home+other", {"home": range(30)})
    found = answer(run)
    assert "no single-task variant to compare with" in found.sentence_en
    assert "単一タスクとは比べられません" in found.sentence_ja
    assert not found.rows


def test_a_failed_cell_leaves_its_mix_out_and_is_counted(tmp_path: Path) -> None:
    run = bar(tmp_path)
    run.mix("plain sft", "home+quiz", {"home": None, "other": range(4), "plain": ()}, nats=2.2)
    found = answer(run)
    assert ("gain", "home", "home + quiz") not in by(run)
    assert any("1 comparison(s) are left out" in note.message_en for note in found.notes)


def test_every_failed_is_a_sentence(tmp_path: Path) -> None:
    run = Bar(tmp_path)
    run.add("base", {"home": range(16)})
    run.mix("plain sft", "home", {"home": None})
    run.mix("plain sft", "home+other", {"home": None})
    assert answer(run).sentence_en


def test_without_records_the_length_is_said_not_to_be_stored(tmp_path: Path) -> None:
    run = bar(tmp_path)
    for variant in run.training_rows:
        write_json(RunFolder(run.path).variant(variant) / "variant.json", {"id": variant, "status": "done"})
    assert "is not stored" in answer(run).sentence_en
    assert all(row["steps_ratio"] is None for row in rows_of(answer(run)))


def test_the_answer_is_json_in_two_languages_with_words_and_the_same_every_time(tmp_path: Path) -> None:
    run = with_instructions(tmp_path, 2.1)
    evidence = run.evidence()
    found = ask(evidence)
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
        assert {f"cocktail_{kind}" for kind in ("gain", "transfer", "forgetting", "own")} <= set(words)
        assert {
            axis for curve in found.curves for axis in (curve.x_label, curve.y_label) if f"axis_{axis}" not in words
        } == set()


def test_japanese_sentences_hold_no_english_words_but_names(tmp_path: Path) -> None:
    found = answer(with_instructions(tmp_path, 2.1))
    names = ("plain sft", GENERAL, "home", "other", "plain", "n =")
    texts = [found.sentence_ja, *(note.message_ja for note in found.notes)]
    for text in texts:
        for name in names:
            text = text.replace(name, "")
        assert not [word for word in ("Accuracy", "better", "mix", "the", "and") if word in text]
