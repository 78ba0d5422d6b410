"""The question which facts to train on: on planted answers, whose accuracy on every level is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.questions.contract import Answer, Measured
from hanka.analysis.questions.levels import LEVELS
from hanka.analysis.questions.levels.claims import side, turned
from hanka.records import ProbeRow
from hanka.report.words import LANGUAGES
from hanka.store.folder import RunFolder, write_json
from hanka.store.probes import ProbeRecord, write_probe
from planted_runs import Planted, rows_of

SHARES = (0.0, 0.2, 0.5, 0.7, 1.0)
"One share of each level."
COUNTS = (24, 12, 12, 12, 12)
"Test facts of each level: twice as many of level 0, which must not count twice."
STARTS = [sum(COUNTS[:level]) for level in range(6)]
N = sum(COUNTS)


def of_levels(*levels: int, but: int = 0) -> list[int]:
    """Every fact of some levels, without the first few of each."""
    return [fact for level in levels for fact in range(STARTS[level] + but, STARTS[level + 1])]


def trained(
    run: Planted, level: int, size: int, right: list[int], seed: int = 0, n_made: int = 0, **changes: Any
) -> str:
    """Add a variant trained on facts of a level, with the facts it has right on the test set at home."""
    data = f"{level:04d}{size:06d}{seed:06d}"
    run.data.append(
        {
            "id": data,
            "name": f"level-{level}",
            "recipe": "levels",
            "n_rows": size,
            "params": {"level": level},
            "asked": size,
        }
    )
    write_json(RunFolder(run.path).data(data) / "data.json", {"n_rows": n_made or size})
    return run.add(
        "full",
        {"home": right},
        train_dataset=f"level-{level}",
        train_size=size,
        seed=seed,
        data=data,
        n=N,
        method="sft",
        **changes,
    )


def binned(run: Planted, base: str, tokens: dict[str, float] | None = None) -> None:
    """Write what probes measured: the levels of the test facts, and divergences of first tokens by variant."""
    rows = [
        ProbeRow(None, f"home s{fact}", "share", SHARES[level], 20)
        for level in range(5)
        for fact in range(STARTS[level], STARTS[level + 1])
    ]
    whole = ProbeRow(None, "", "share", 0.4, N)
    run.probes.append(
        {"id": "b" * 16, "variant_id": base, "probe": "levels", "params": {"sampling": {"templates": 5, "samples": 4}}}
    )  # type: ignore[dict-item]
    write_probe(RunFolder(run.path), ProbeRecord("b" * 16, base, "levels", 1), [whole, *rows])
    for at, (variant, value) in enumerate((tokens or {}).items()):
        name = f"c{at:015d}"
        own = [ProbeRow(None, f"home s{fact}", "first_token_kl", value + fact / 1000, 10) for fact in of_levels(4)]
        run.probes.append({"id": name, "variant_id": variant, "probe": "first_token_kl", "params": {}})  # type: ignore[dict-item]
        write_probe(
            RunFolder(run.path),
            ProbeRecord(name, variant, "first_token_kl", 1),
            [ProbeRow(None, "", "first_token_kl", value, 12), *own],
        )


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    run = Planted(tmp_path_factory.mktemp("levels"), tests=("home",))
    base = run.add("base", {"home": of_levels(4)}, n=N)
    tuned = {}
    for seed in (0, 1):
        tuned[seed] = trained(run, 2, 60, of_levels(1, 2, 3, 4), seed)
        trained(run, 0, 60, of_levels(3, 4), seed)
        trained(run, 2, 240, of_levels(2, 3, 4), seed, n_made=90)
        trained(run, 0, 240, of_levels(4), seed)
        for share, right in ((0.2, of_levels(1, 2, 3, 4)), (0.9, of_levels(4))):
            label = f"back {share}"
            run.add(
                label,
                {"home": right},
                method="restore",
                params={"share": share},
                parents=[tuned[seed]],
                seed=seed,
                train_size=60,
                n=N,
            )
    binned(run, base, {tuned[0]: 0.5, tuned[1]: 0.7})
    found = LEVELS.ask(run.evidence())
    assert found is not None
    return found


def row(answer: Answer, **wanted: Any) -> dict[str, Any]:
    (found,) = [one for one in rows_of(answer) if all(one[name] == value for name, value in wanted.items())]
    return found


def test_the_table_holds_accuracy_by_level_and_the_unweighted_mean(answer: Answer) -> None:
    found = row(answer, levels_trained="2", train_size=60, method="full")
    values = [found[f"levels_{level}"].value for level in range(5)]
    assert values == [0.0, 1.0, 1.0, 1.0, 1.0]
    assert found["levels_mean"].value == pytest.approx(0.8)  # over facts it would be 48 / 72 = 0.667
    assert found["n_seeds"] == 2
    assert row(answer, method="base")["levels_mean"].value == pytest.approx(0.2)
    assert found["levels_gain"].value == pytest.approx(0.6)
    assert found["levels_verdict"] == "better"


def test_every_value_has_n_and_an_interval_that_holds_it(answer: Answer) -> None:
    values = [
        value
        for one in rows_of(answer)
        for name, value in one.items()
        if name.startswith("levels_") and isinstance(value, Measured)
    ]
    assert len(values) > 40
    for value in values:
        assert value.n
        assert value.low is not None
        assert value.high is not None
        assert value.low <= value.value <= value.high


def test_intervals_of_the_table_hold_together(answer: Answer) -> None:
    """Twelve of twelve right: with two hits and two misses beside them a t interval alone ends at 0.82, 42 of them together go farther."""
    found = row(answer, levels_trained="2", train_size=60, method="full")["levels_4"]
    assert 0.6 < found.low < 0.7


def test_what_was_trained_on_less_than_asked_is_said(answer: Answer) -> None:
    assert row(answer, levels_trained="2", train_size=240)["levels_rows"] == "90"
    assert any("level 2, 240 asked: 90" in note.message_en for note in answer.notes)


def test_the_best_level_and_size_are_named_with_how_many_comparisons_show_it(answer: Answer) -> None:
    (line,) = [one for one in answer.sentence_en.splitlines() if "highest mean" in one]
    assert "full on 60 facts of level 2" in line
    assert "of 2 comparisons with other levels and sizes 2 show it" in line
    (line,) = [one for one in answer.sentence_ja.splitlines() if "最も高い" in one]
    assert "レベル 2 の知識 60 件で学習した「full」" in line


def test_statements_of_the_paper_are_held_or_contradicted_by_their_interval(answer: Answer) -> None:
    lines = answer.sentence_en.splitlines()
    said = {
        key: next(one for one in lines if key in one)
        for key in ("few facts", "fewer facts", "moves the mean", "best learnt", "nine tenths")
    }
    assert said["few facts"].startswith("home, held")
    assert said["fewer facts"].startswith("home, held")  # 0.2 better at 60 than at 240, at both levels
    assert said["moves the mean"].startswith("home, held")  # level 2 less level 0 is 0.4 at both sizes
    assert said["nine tenths"].startswith("home, contradicted")  # 0.6 below what nothing was put back of


def test_weights_put_back_stand_in_the_table_beside_what_they_were_put_back_of(answer: Answer) -> None:
    assert row(answer, method="back 0.2")["levels_mean"].value == pytest.approx(0.8)
    back = row(answer, method="back 0.9")
    assert back["levels_mean"].value == pytest.approx(0.2)
    assert (back["levels_back"], back["levels_trained"]) == ("90%", "2")


def test_first_tokens_are_averaged_over_facts_and_draws(answer: Answer) -> None:
    found = row(answer, levels_trained="2", train_size=60, method="full")["levels_tokens"]
    mean_fact = sum(of_levels(4)) / 12 / 1000
    assert found.value == pytest.approx(0.6 + mean_fact)
    assert found.n == 12
    assert row(answer, method="base")["levels_tokens"] is None


def test_every_column_and_axis_has_words_in_both_languages(answer: Answer) -> None:
    for words in LANGUAGES.values():
        assert "question_levels" in words
        assert all(f"column_{column.name}" in words for column in answer.columns)
        assert all(f"axis_{name}" in words for curve in answer.curves for name in (curve.x_label, curve.y_label))


def test_a_level_with_few_facts_is_in_no_mean_and_said(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    base = run.add("base", {"home": range(9)}, n=40)
    trained(run, 1, 60, [], 0)
    run.cells[-1] |= {"n_rows": 40}
    rows = [ProbeRow(None, f"home s{fact}", "share", 1.0 if fact < 9 else 0.1, 20) for fact in range(40)]
    run.probes.append({"id": "b" * 16, "variant_id": base, "probe": "levels", "params": {}})  # type: ignore[dict-item]
    write_probe(RunFolder(run.path), ProbeRecord("b" * 16, base, "levels", 1), rows)
    found = LEVELS.ask(run.evidence())
    assert found is not None
    assert row(found, method="base")["levels_4"] is None
    assert row(found, method="base")["levels_mean"].value == pytest.approx(0.0)
    assert any("4 (9)" in note.message_en for note in found.notes)


def test_a_run_whose_test_facts_have_no_level_says_so(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": of_levels(4)}, n=N)
    trained(run, 1, 60, of_levels(4))
    found = LEVELS.ask(run.evidence())
    assert found is not None
    assert found.sentence_en.startswith("No test fact has a level")
    assert "レベルが付いていません" in found.sentence_ja
    assert not found.rows


def test_rows_that_were_not_made_are_said(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    base = run.add("base", {"home": of_levels(4)}, n=N)
    name = trained(run, 1, 60, of_levels(4))
    trained(run, 4, 60, of_levels(4))
    folder = RunFolder(run.path).data(next(one["data"] for one in run.variants if one["id"] == name))
    (folder / "data.json").unlink()
    write_json(folder / "failed.json", {"reason": "60 facts of level 1 are asked and facts has 3 of it"})
    binned(run, base)
    found = LEVELS.ask(run.evidence())
    assert found is not None
    assert any("60 facts of level 1 are asked" in note.message_en for note in found.notes)


def test_a_run_without_levels_is_not_asked(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(10)})
    run.add("sft", {"home": range(20)})
    assert LEVELS.ask(run.evidence()) is None


def test_a_statement_is_decided_by_the_side_its_interval_lies_on() -> None:
    assert side(Measured(0.2, 0.1, 0.3, 9), 0.0) == "held"
    assert side(Measured(-0.2, -0.3, -0.1, 9), 0.0) == "contradicted"
    assert side(Measured(0.1, -0.1, 0.3, 9), 0.0) == "undecided"
    assert side(Measured(0.2, None, None, 9), 0.0) == "undecided"
    assert side(Measured(0.2, 0.13, 0.3, 9), 0.12) == "held"
    assert turned(Measured(-0.2, -0.3, -0.1, 9)) == Measured(0.2, 0.1, 0.3, 9)
