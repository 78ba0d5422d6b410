"""What a judge's numbers are where everything it says is written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from judge_runs import LABELLING, PAIRS, asked, heard, labels_of, made_rows, read, two_systems

from hanka.errors import JudgeError
from hanka.operations.judging.people import TIE, People
from hanka.operations.judging.questions import Judged
from hanka.operations.judging.results import as_json
from hanka.operations.judging.told import tables, told
from hanka.operations.judging.verdicts import UNDECIDED, Said, verdicts_of
from hanka.report.words import Words
from hanka.stats import exact_interval, score_interval
from hanka.stats.kappa import cohens_kappa
from hanka.stats.misclassified import Hits, corrected_rate

TWO = Judged(made_rows(60), ("base/tiny", "sft/home/8/seed0"))
FIRST, SECOND = TWO.systems


def test_a_judge_that_says_what_people_say_agrees_and_errs_nowhere(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    truth = labels_of(judged)
    labelled = {key: label for key, label in truth.items() if int(key.sample[1:]) < 30}
    found = heard(one, judged, {key: (label, label) for key, label in truth.items()}, People(labelled))
    assert found.agreement.value == 1.0
    assert found.agreement.n == 60
    assert found.is_heard
    assert found.turned.value == 0.0
    assert found.confusion == [[50, 0], [0, 10]]
    base, tuned = found.rates
    assert base.value == 0.0
    assert tuned.value == pytest.approx(20 / 60)
    assert (tuned.low, tuned.high) == pytest.approx(exact_interval(20, 60))
    of_pairs = (20 * 2**2 + 10) / 50  # 20 samples that both systems answered, and 10 of the base alone
    assert tuned.corrected == corrected_rate(Hits(10, 30), Hits(10, 10), Hits(50, 50, of_pairs))
    assert tuned.people == (10, 30)


def test_rows_of_one_sample_are_no_two_witnesses(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    truth = labels_of(judged)
    wrong = {"kind": "rude", "rude": "kind"}
    answers = {
        key: ((wrong[label], wrong[label]) if int(key.sample[1:]) % 5 == 0 else (label, label))
        for key, label in truth.items()
    }
    found = heard(one, judged, answers, People(truth))
    assert found.effect > 1.5
    alone = cohens_kappa(found.confusion)
    assert found.agreement.high - found.agreement.low > alone.high - alone.low


def test_a_label_that_turns_with_the_order_is_undecided_and_counts_against_the_judge(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    truth = labels_of(judged)
    answers = {key: (label, "rude") for key, label in truth.items()}
    found = heard(one, judged, answers, People(truth))
    assert found.words == ("kind", "rude", UNDECIDED)
    assert found.turned.value == pytest.approx(100 / 120)
    assert found.confusion == [[0, 0, 100], [0, 20, 0], [0, 0, 0]]
    assert [one.why for one in found.rates] == ["all_labelled", "all_labelled"]


def test_without_enough_labelled_rows_there_is_no_rate(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    truth = labels_of(judged)
    few = dict(list(truth.items())[:49])
    with pytest.raises(JudgeError, match="answered 49 of the rows that people labelled, and 50 are needed"):
        heard(one, judged, {key: (label, label) for key, label in truth.items()}, People(few))


def test_a_judge_that_says_one_thing_of_everything_is_not_heard(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    truth = labels_of(judged)
    labelled = {key: label for key, label in truth.items() if int(key.sample[1:]) < 30}
    found = heard(one, judged, dict.fromkeys(truth, ("kind", "kind")), People(labelled))
    assert found.agreement.value == 0.0
    assert not found.is_heard
    assert {one.why for one in found.rates} == {"not_told_apart"}
    assert "Its rates are no evidence" in told("tiny", found, Words("en"))[0]


def test_where_all_is_of_one_kind_agreement_is_refused(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    same = {row.key: "kind" for row in judged.rows}
    with pytest.raises(JudgeError, match="agreement cannot be measured on 120 labelled rows"):
        heard(one, judged, dict.fromkeys(same, ("kind", "kind")), People(same))


def test_of_pairs_the_winner_has_to_win_in_both_orders() -> None:
    spec = asked(PAIRS).spec
    keys = [row.key for row in TWO.rows]
    # 20 pairs: the first system wins both times; 10: the second; 18: the first place; 6: the second place; 6: no answer is read
    said = [("A", "B")] * 20 + [("B", "A")] * 10 + [("A", "A")] * 18 + [("B", "B")] * 6 + [("", "")] * 6
    people = People(dict(zip(keys, [FIRST] * 25 + [SECOND] * 15 + [TIE] * 20, strict=True)))
    found = heard(asked(PAIRS), TWO, dict(zip(keys, said, strict=True)), people)
    assert found.turned.value == pytest.approx(24 / 60)
    assert found.place is not None
    assert found.place.value == pytest.approx(12 / 60)
    assert (found.place.low, found.place.high) == pytest.approx(score_interval(18, 6, 60, 1.959964), abs=1e-6)
    assert found.confusion == [[20, 5, 0], [0, 5, 10], [0, 0, 20]]
    assert found.difference is not None
    assert found.difference[0] == pytest.approx(10 / 60)
    assert [one.n_flagged for one in found.rates] == [20, 10]
    assert "prefers what stands first" in " ".join(told("tiny", found, Words("en")))
    assert spec.words == ("A", "B")


def test_length_counts_where_both_decide_and_beyond_people() -> None:
    judged = Judged(made_rows(60, [(9, 3)] * 60), TWO.systems)
    keys = [row.key for row in judged.rows]
    said = [("A", "B")] * 45 + [("B", "A")] * 15
    people = People(dict(zip(keys, ([FIRST] * 30 + [SECOND] * 30), strict=True)))
    found = heard(asked(PAIRS), judged, dict(zip(keys, said, strict=True)), people)
    assert found.length is not None
    assert found.length.value == pytest.approx(15 / 60)
    assert found.length.is_shown
    level = heard(asked(PAIRS), TWO, dict(zip(keys, said, strict=True)), people)
    assert (level.length, level.length_why) == (None, "few_pairs")


def test_rates_and_wins_of_rows_of_one_text_count_as_what_they_are_worth() -> None:
    rows = made_rows(60)
    judged = Judged(tuple(replace(row, group=f"t g{at // 5}") for at, row in enumerate(rows)), TWO.systems)
    said = dict(zip([row.key for row in rows], [("A", "B")] * 20 + [("B", "A")] * 40, strict=True))
    people = People(dict(zip([row.key for row in rows], [FIRST] * 25 + [SECOND] * 35, strict=True)))
    alone, grouped = (heard(asked(PAIRS), one, said, people) for one in (Judged(rows, TWO.systems), judged))
    assert grouped.rates[0].value == alone.rates[0].value
    assert grouped.rates[0].high - grouped.rates[0].low > 1.5 * (alone.rates[0].high - alone.rates[0].low)
    assert grouped.difference is not None
    assert alone.difference is not None
    assert grouped.difference[2] - grouped.difference[1] > 1.5 * (alone.difference[2] - alone.difference[1])


def test_a_row_without_an_answer_is_no_vote() -> None:
    spec, rows = asked(PAIRS).spec, TWO.rows[:2]
    said = {
        rows[0].question(False): Said("A"),
        rows[0].question(True): Said(None, "too long"),
        rows[1].question(False): Said("A"),
    }
    found = verdicts_of(spec, Judged(rows, TWO.systems), said)
    assert (list(found.rows), found.n_missing) == ([], 2)
    assert found.failures == {"too long": 1, "not asked": 1}


def test_everything_is_said_in_both_languages_and_as_json() -> None:
    keys = [row.key for row in TWO.rows]
    people = People(dict(zip(keys, [FIRST] * 30 + [SECOND] * 30, strict=True)), n_unknown=2, n_empty=1)
    said = [("A", "B")] * 20 + [("B", "A")] * 20 + [("A", "A")] * 20
    found = heard(asked(PAIRS), TWO, dict(zip(keys, said, strict=True)), people)
    assert as_json(found)["agreement"]["n"] == 60
    for lang in ("en", "ja"):
        words = Words(lang)
        assert [len(row) == len(one.head) for one in tables(found, words) for row in one.rows].count(False) == 0
        assert len(told("tiny", found, words)) >= 4
