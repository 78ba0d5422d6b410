"""Rows changed one by one, with results written by hand: typos, synonyms, word order, in English and Japanese."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from changed_rows import INFERENCE, SENTIMENT, changed, example
from hanka.errors import DataError
from hanka.identity import stream
from hanka.recipes import RECIPES
from hanka.recipes.changes import Changed, ChangeRequest, perturbed_rows
from hanka.recipes.spans import phrases
from hanka.recipes.synonyms import SynonymsParams, load_words, own_words, reworded
from hanka.recipes.typos import slipped
from hanka.records import Example


def text_of(name: str, text: str, **params: Any) -> str:
    (row,) = changed(name, [example(text)], **params).examples
    return row.fields["input"]


def why(name: str, text: str, **params: Any) -> str:
    """Why the first of two rows is left out; the second one can be changed."""
    can = "A good film about a car." if text.isascii() else "この映画は自転車の話です。"
    found = changed(name, [example(text, name="left"), example(can, name="kept")], **params)
    ((reason, ids),) = found.left_out.items()
    assert ids == ("left",)
    assert [one.id for one in found.examples] == ["kept"]
    return reason


# ---- what all share


@pytest.mark.parametrize("name", ["typos", "synonyms", "word_order"])
def test_a_changed_row_keeps_its_id_its_group_its_target_and_what_it_is_sliced_by(name: str) -> None:
    row = replace(example("A beautiful film about a car", group="g7"), slices={"channel": "web"})
    (new,) = changed(name, [row]).examples
    assert (new.id, new.group, new.target, new.slices) == (row.id, row.group, row.target, row.slices)
    assert new.fields != row.fields


@pytest.mark.parametrize("name", ["typos", "word_order"])
def test_what_becomes_of_a_row_hangs_on_its_id_and_the_seed_and_not_on_the_other_rows(name: str) -> None:
    text = "several words that are long enough for many different slips and orders"
    rows = [example(text, name=f"r{place}") for place in range(6)]
    whole = {one.id: one.fields for one in changed(name, rows).examples}
    assert {one.id: one.fields for one in changed(name, rows[::-1][:3]).examples} == {
        one: whole[one] for one in ("r5", "r4", "r3")
    }
    assert len({one["input"] for one in whole.values()}) > 1
    other = {one.id: one.fields for one in changed(name, rows, seed=1).examples}
    assert other != whole


def test_only_the_fields_that_are_named_change() -> None:
    row = Example("p", {"input_1": "A wonderful evening", "input_2": "Somebody enjoys music"}, "neutral")
    (new,) = changed("typos", [row], INFERENCE, fields=["input_2"]).examples
    assert new.fields["input_1"] == row.fields["input_1"]
    assert new.fields["input_2"] != row.fields["input_2"]
    with pytest.raises(DataError, match="task inference has no field 'premis': "):
        changed("typos", [row], INFERENCE, fields=["premis"])


def test_where_no_row_can_be_changed_one_line_says_so_with_counts() -> None:
    rows = [example("no", name="a"), example("да нет", name="b"), example("an ox", name="c")]
    with pytest.raises(DataError) as caught:
        changed("typos", rows)
    said = "none of 3 rows of reviews can be changed (2 no word long enough; 1 neither English nor Japanese)"
    assert str(caught.value) == said


def test_a_recipe_that_renames_a_row_is_caught() -> None:
    typos = RECIPES.get("typos").perturbs
    assert typos is not None
    renaming = replace(typos, change=lambda request: [Changed(replace(one, id="new")) for one in request.rows])
    request = ChangeRequest(RECIPES.get("typos").params(of="reviews"), [example("a text")], SENTIMENT)  # type: ignore[call-arg]
    with pytest.raises(DataError, match="row 'r1' came out as 'new': a changed row keeps its id and its group"):
        perturbed_rows(renaming, request)


# ---- typos


@pytest.mark.parametrize(
    ("slip", "word", "first", "expected"),
    [
        ("drop", "film", 1, {"flm", "fim", "fil"}),
        ("double", "film", 1, {"fiilm", "fillm", "filmm"}),
        ("swap", "film", 1, {"flim", "fiml"}),
        ("key", "at", 1, {"ar", "ay"}),
        ("drop", "映画", 0, {"映", "画"}),
        ("key", "かつ", 0, {"がつ", "かっ", "かづ"}),
        ("key", "カバ", 0, {"ガバ", "カハ", "カパ"}),
    ],
)
def test_a_slip_makes_one_of_a_few_words(slip: str, word: str, first: int, expected: set[str]) -> None:
    rng = stream(0, "slips")
    assert {slipped(word, (slip,), first, rng) for _ in range(200)} == expected  # type: ignore[arg-type]


def test_a_share_of_the_words_that_are_long_enough_is_misspelt_and_counted() -> None:
    text = "this film is very slow but their actors play with grace"  # this film very slow their actors play with grace
    found = changed("typos", [example(text)], share=0.5)
    (new,) = found.examples
    differing = [one for one, two in zip(text.split(), new.fields["input"].split(), strict=True) if one != two]
    assert len(differing) == 5  # half of 9, rounded half up
    assert all(len(word) >= 4 for word in differing)
    assert (found.n_units, found.n_can, found.n_changed) == (11, 9, 5)
    assert all(one[0] == two[0] for one, two in zip(text.split(), new.fields["input"].split(), strict=True))


def test_japanese_slips_stay_within_a_run_of_one_script() -> None:
    new = text_of("typos", "この映画はすばらしい", share=0.01, kinds=["drop"])
    assert len(new) == 9
    assert why("typos", "目は火") == "no word long enough"


# ---- synonyms


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("A film. Films and FILM", {"film": ["movie"]}, "A movie. Films and MOVIE"),
        ("An awful car", {"awful": ["bad"]}, "A bad car"),
        ("a bad hour", {"bad": ["awful"]}, "an awful hour"),
        ("an hour of a film", {"film": ["story"]}, "an hour of a story"),
        ("in spite of rain", {"in spite of": ["despite"], "rain": ["wet"]}, "despite wet"),
        ("映画を見る", {"映画": ["シネマ"]}, "シネマを見る"),
        ("映画館の映画", {"映画": ["シネマ"]}, "映画館のシネマ"),
        ("子供たちと子供", {"子供": ["児童"], "子供たち": ["児童ら"]}, "児童らと児童"),
    ],
)
def test_known_words_are_replaced_whole_and_others_stay(
    text: str, words: Mapping[str, list[str]], expected: str
) -> None:
    assert text_of("synonyms", text, words=words) == expected


def test_a_row_without_a_word_of_the_list_is_left_out_and_the_coverage_is_counted() -> None:
    found = changed(
        "synonyms",
        [example("a film and a car", name="a"), example("nothing here", name="b")],
        words={"film": ["movie"]},
    )
    assert dict(found.left_out) == {"no word of the list": ("b",)}
    assert (found.n_source, found.n_units, found.n_can, found.n_changed) == (2, 5, 1, 1)


def test_a_share_of_the_known_words_is_replaced() -> None:
    params = SynonymsParams.model_validate({"of": "x", "words": {"a": ["b"]}, "share": 0.25})
    counts = Counter(reworded("a a a a a a a a", "en", params, stream(seed, "share")).n_changed for seed in range(9))
    assert counts == {2: 9}


def test_the_lists_of_ours_give_every_word_another_one() -> None:
    for language in ("en", "ja"):
        listed = own_words(language)
        assert len(listed) >= 100
        assert [word for word, others in listed.items() if word in others or not others] == []


def test_a_users_file_becomes_part_of_the_parameters(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("# mine\nfilm: movie, picture\n映画：シネマ、動画\n", encoding="utf-8")
    loaded = load_words(SynonymsParams(of="x", synonyms="own.txt"), tmp_path)
    assert (loaded.synonyms, loaded.words) == ("", {"film": ("movie", "picture"), "映画": ("シネマ", "動画")})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("film\n", "own.txt:1: 'film' is no entry; write `film: movie, picture`"),
        ("film: movie\n\nfilm: picture\n", "own.txt:3: 'film' stands twice; write all its alternatives on one line"),
        ("# nothing\n", "holds no entry; write a word a line, as `film: movie, picture`"),
    ],
)
def test_a_wrong_line_of_a_users_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_words(SynonymsParams(of="x", synonyms="own.txt"), tmp_path)
    assert str(caught.value).endswith(said)


def test_two_lists_at_once_are_refused() -> None:
    with pytest.raises(ValidationError, match="`synonyms` names a file and `words` is a list, too; write one of them"):
        SynonymsParams.model_validate({"of": "x", "synonyms": "a.txt", "words": {"film": ["movie"]}})


# ---- word order


def test_two_words_change_places_and_marks_stay() -> None:
    assert text_of("word_order", "Good film.") == "film Good."
    assert text_of("word_order", "(old) man, 12") != "(old) man, 12"


def test_japanese_moves_phrases_with_their_particles() -> None:
    text = "猫が公園で寝ている。"
    assert [text[slice(*one)] for one in phrases(text)] == ["猫が", "公園で", "寝ている"]
    assert text_of("word_order", "映画が面白い") == "面白い映画が"
    assert text_of("word_order", text) in (
        "公園で寝ている猫が。",
        "寝ている猫が公園で。",
    )  # those that leave nothing in place


def test_no_word_stays_where_it_was_and_none_is_lost() -> None:
    text = "one two three four five six seven"
    new = text_of("word_order", text).split()
    assert Counter(new) == Counter(text.split())
    assert all(one != two for one, two in zip(text.split(), new, strict=True))


def test_words_can_move_together() -> None:
    assert text_of("word_order", "a b c d", together=2) == "c d a b"


def test_equal_words_leave_nothing_to_move() -> None:
    assert why("word_order", "so so so") == "fewer than two different words"
