"""What carries over, on planted runs and on the numbers of the published spreadsheet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.transfer_gain.ask import ask
from hanka.analysis.questions.transfer_gain.gains import transfer_share
from planted_runs import Planted, rows_of

AWAY = {"train_dataset": "away"}


def planted(path: Path, **values: Any) -> Planted:
    """A base, a variant trained on home, and one of the same entry trained on away: 10, 20 and 30 of 40 right away."""
    run = Planted(path, **values)
    run.add("base", {"home": range(20), "away": range(10)})
    run.add("plain", {"home": range(36), "away": range(20)})
    run.add("plain", {"away": range(30)}, **AWAY, relation="in_domain")
    return run


def test_the_share_is_the_gain_on_the_target_over_that_of_what_was_tuned_on_it(tmp_path: Path) -> None:
    answer = ask(planted(tmp_path).evidence())
    assert answer is not None
    first = answer.sentence_en.splitlines()[0]
    assert first.startswith("plain on home, out of domain (away; Accuracy): gains +0.250 [")
    assert "plain, tuned on the targets themselves, gains +0.500 [" in first
    assert "The share that carries over is 0.50 [" in first
    assert "転移した割合は 0.50 [" in answer.sentence_ja
    rows = {(row["method"], row["trained_on"], row["test_set"]): row for row in rows_of(answer)}
    assert rows["plain", "home", "away"]["gain_over_base"].value == pytest.approx(0.25)
    assert rows["plain", "away", "away"]["gain_over_base"].value == pytest.approx(0.5)
    assert rows["plain", "away", "away"]["verdict"] == "better"
    assert rows["base", "", "away"]["gain_over_base"] is None
    assert rows["plain", "home", "away"]["answers_per_second"].value == 40.0


def test_no_share_is_stated_where_the_targets_own_gain_may_be_nothing(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(20), "away": range(20)})
    run.add("plain", {"home": range(36), "away": range(30)})
    run.add("plain", {"away": [*range(10, 20), *range(20, 31)]}, **AWAY, relation="in_domain")  # ten lost, eleven won
    answer = ask(run.evidence())
    assert answer is not None
    assert "not shown to differ from zero, so no share of it is stated" in answer.sentence_en
    assert "割合は示しません" in answer.sentence_ja


def test_no_share_is_stated_of_a_variant_that_no_row_tells_from_the_base(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(20), "away": range(10)})
    run.add("plain", {"home": range(36), "away": range(10)})
    run.add("plain", {"away": range(30)}, **AWAY, relation="in_domain")
    answer = ask(run.evidence())
    assert answer is not None
    assert answer.sentence_en.endswith("No row tells it from the base, so no share is stated.")
    assert "ベースと異なる行がない" in answer.sentence_ja


def test_the_prompt_is_the_best_one_on_validation_rows_and_not_on_test_rows(tmp_path: Path) -> None:
    run = Planted(tmp_path, validation={"away-validation": "away"})
    for prompt, base, on_validation, on_test in (("p1", 8, 30, 22), ("p2", 10, 12, 38)):
        run.add("base", {"away": range(base), "away-validation": range(base)}, prompt=prompt)
        run.add("plain", {"away": range(on_test), "away-validation": range(on_validation)}, prompt=prompt)
        run.add("plain", {"away": range(36)}, **AWAY, prompt=prompt, relation="in_domain")
    rows = {(row["method"], row["trained_on"]): row for row in rows_of(ask(run.evidence()))}
    ours = rows["plain", "home"]
    assert (ours["prompt"], ours["chosen_value"].value) == ("p1", 0.55)  # p2 has 38 of 40 test rows right
    assert rows["base", ""]["prompt"] == "p2"
    assert ours["gain_over_base"].value == pytest.approx(22 / 40 - 10 / 40)
    assert ours["wording_spread"].value == pytest.approx(0.4 / 2**0.5)  # of .55 and .95, ddof 1
    assert ours["wording_spread"].low <= ours["wording_spread"].value <= ours["wording_spread"].high


def test_without_validation_rows_the_first_prompt_stands_and_that_is_said(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    for prompt, on_test in (("p1", 22), ("p2", 38)):
        run.add("base", {"away": range(10)}, prompt=prompt)
        run.add("plain", {"away": range(on_test)}, prompt=prompt)
        run.add("plain", {"away": range(36)}, **AWAY, prompt=prompt, relation="in_domain")
    answer = ask(run.evidence())
    assert {row["prompt"] for row in rows_of(answer)} == {"p1"}
    assert answer is not None
    assert any("the first prompt stands" in note.message_en for note in answer.notes)


def test_the_denominator_is_of_the_same_base(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("base", {"home": range(20), "away": range(10)}, base="large")
    run.add("plain", {"home": range(36), "away": range(20)}, base="large")  # nobody tuned the large one on away
    answer = ask(run.evidence())
    assert answer is not None
    assert len(answer.sentence_en.splitlines()) == 1
    assert any(note.message_en.startswith("Nobody was tuned on away with the same base") for note in answer.notes)


def test_a_run_of_matching_that_cannot_say_anything_says_so(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(20), "away": range(20)})
    run.add("plain", {"home": range(36), "away": range(30)})
    evidence = run.evidence()
    evidence.plan["tasks"]["sentiment"]["metrics"] = ["positive_f1"]
    answer = ask(evidence)
    assert answer is not None
    assert answer.sentence_en.startswith("No share of a gain that carries over can be stated")
    assert "示せません" in answer.sentence_ja
    assert answer.rows == ()


def test_the_order_of_the_cells_changes_no_number(tmp_path: Path) -> None:
    evidence = planted(tmp_path).evidence()
    backward = Evidence(evidence.folder, evidence.plan, dict(reversed(evidence.cells.items())))
    one, other = ask(evidence), ask(backward)

    def rows(answer: Answer | None) -> set[str]:
        """Rows to nine places: sums in another order differ in the last bits."""
        return {
            re.sub(r"\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.9f}", repr(row)) for row in rows_of(answer)
        }

    assert rows(one) == rows(other)


def test_two_trainings_on_one_data_set_ask_nothing(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(20), "away": range(20)})
    run.add("plain", {"home": range(36), "away": range(30)})
    assert ask(run.evidence()) is None


def test_shares_on_the_numbers_of_the_published_spreadsheet() -> None:
    """Llama-8B, best of four prompts (F1): zero-shot .53 on WDC and .57 on Abt-Buy, tuned on them .69 and .87; DBLP-ACM .86, .75 after WDC."""
    own = [0.69 - 0.53, 0.87 - 0.57]
    assert own == pytest.approx([0.16, 0.30])
    assert transfer_share(own, own) == 1.0
    assert transfer_share([0.16 * 1.02], own[:1]) == pytest.approx(
        1.02
    )  # a model that carries 1.02 over to WDC: F1 .693 there
    assert transfer_share([0.10, 0.20], own) == pytest.approx(0.30 / 0.46)  # means of gains, not the mean of ratios
    assert transfer_share([0.10, 0.20], own) != pytest.approx((0.10 / 0.16 + 0.20 / 0.30) / 2)
    assert transfer_share([0.75 - 0.86], [0.11]) == pytest.approx(-1.0)  # what is lost is a share below 0


@pytest.mark.parametrize(("gains", "own"), [([], []), ([0.1], [0.1, 0.2]), ([0.1], [0.0]), ([float("nan")], [0.1])])
def test_what_is_no_share_is_refused(gains: list[float], own: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no share|one of each"):
        transfer_share(gains, own)
