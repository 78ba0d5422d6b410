"""The preparation of mini on small files of the upstream shape, and golden counts of the real one."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from hanka.datasets.base import Dataset
from hanka.datasets.mini import facts, passages, sentiment, stories, summaries
from hanka.datasets.mini.entries import ENTRIES, FAMILIES
from hanka.datasets.mini.parts import cleaned, parts_with_train, source_groups, without_repeats
from hanka.datasets.mini.prepare import PREPARATIONS, prepared_folder, read_prepared
from hanka.datasets.normalised import read_examples, write_examples
from hanka.datasets.overlap import exact_overlap, near_overlap
from hanka.errors import DataError
from hanka.records import Example
from hanka.store.cache import cache_root

# Data set → rows of train, test and demonstrations of mini-v1.
COUNTS = {
    "xsum": (783, 200, 16),
    "court-cases": (0, 860, 8),
    "clinic-notes": (0, 80, 8),
    "boolq-questions": (3932, 1000, 16),
    "pubmed-questions": (0, 492, 8),
    "contract-questions": (0, 376, 8),
    "story-questions": (0, 289, 8),
    "tweets": (1991, 600, 16),
    "amazon-reviews": (0, 1000, 8),
    "film-reviews": (0, 1000, 8),
    "editorials": (0, 1000, 8),
    "boolq": (3905, 1000, 16),
    "pubmedqa": (0, 492, 8),
    "contracts": (0, 378, 8),
    "factual-news": (0, 543, 8),
    "narrative-answers": (580, 353, 16),
    "factual-pairs": (0, 541, 8),
}


def json_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_every_family_has_a_preparation_and_every_dataset_a_family() -> None:
    assert FAMILIES.keys() == PREPARATIONS.keys() == {entry.family for entry in ENTRIES}


def test_text_is_cleaned_of_entities_and_spaces() -> None:
    assert cleaned(" a &amp;amp; b\t c \r\n\n\n d\u00a0e ") == "a & b c\nd e"


def test_text_read_in_the_wrong_encoding_is_put_right() -> None:
    assert cleaned("Ann\u00e2\u0080\u0099s caf\u00e9, \u00c3\u00a9") == "Ann\u2019s caf\u00e9, \u00c3\u00a9"


def test_nearly_equal_texts_share_a_group() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve"
    groups = source_groups([text, text + " thirteen", "something else entirely"])
    assert len(set(groups.values())) == 2


def test_repeats_go_and_contradicting_labels_go_altogether() -> None:
    rows = [
        Example("1", {"input": "a"}, "x"),
        Example("2", {"input": "A "}, "x"),
        Example("3", {"input": "b"}, "x"),
        Example("4", {"input": "b"}, "y"),
    ]
    assert [row.id for row in without_repeats(rows, labelled=True)] == ["1"]
    assert [row.id for row in without_repeats(rows, labelled=False)] == ["1", "3", "4"]


def test_a_group_on_two_sides_is_refused() -> None:
    rows = [Example("1", {"input": "a"}, "x", "g"), Example("2", {"input": "b"}, "x", "g")]
    with pytest.raises(DataError, match="1 groups are in train and test"):
        parts_with_train("name", rows[:1], rows[1:])


def test_ratings_near_zero_are_left_out(tmp_path: Path) -> None:
    lines = [f"{i}\t{score}\tsentence number {i}" for i, score in enumerate([2.5, 1.0, 0.9, -0.9, -1.0, -3.1] * 5)]
    files = {}
    for name in FAMILIES["vader"].members:
        files[name] = tmp_path / name
        files[name].write_text("\n".join(lines), encoding="utf-8")
    parts = sentiment.prepare(files)["film-reviews"]
    rows = {example.id: example.target for examples in parts.values() for example in examples}
    assert rows["film-reviews/1"] == "positive"
    assert rows["film-reviews/4"] == "negative"
    assert not {"film-reviews/2", "film-reviews/3"} & rows.keys()


def boolq(folder: Path) -> Mapping[str, Path]:
    passage = "passage {} tells a story that has quite a few words of its own, such as {}, {} and {}"
    texts = [passage.format(*(f"w{i}{letter}" for letter in "abcd")) for i in range(60)]
    combined = [
        {"question": f"is {i} so", "passage": f"Title -- {text}", "idx": i, "label": i % 2 == 0}
        for i, text in enumerate(texts)
    ]
    unlabelled = [{"question": "is it", "passage": "Other -- nothing", "idx": 0}]
    dev = [
        {"question": "is 0 so", "title": "T", "answer": "True", "passage": "a new passage"},
        {"question": "is it new", "title": "T", "answer": "False", "passage": texts[1]},
    ]
    return {
        "BoolQ/combined.jsonl": json_lines(folder / "c.jsonl", [*combined, *unlabelled]),
        "BoolQ/dev.jsonl": json_lines(folder / "d.jsonl", dev),
    }


def test_boolq_questions_and_passages_of_the_test_leave_train(tmp_path: Path) -> None:
    parts = passages.prepare_boolq(boolq(tmp_path))
    train = [row for name in parts for split in ("train", "demonstrations") for row in parts[name][split]]
    assert {row.id.rpartition("-")[2] for row in train} == {f"{i:05d}" for i in range(2, 60)}
    assert not any("Title --" in value for row in train for value in row.fields.values())


def test_boolq_halves_share_no_passage(tmp_path: Path) -> None:
    parts = passages.prepare_boolq(boolq(tmp_path))
    groups = [{row.group for rows in parts[name].values() for row in rows} for name in parts]
    assert len(groups) == 2
    assert all(groups)
    assert not groups[0] & groups[1]


def test_yes_no_and_maybe_become_labels_and_answers(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"question": f"q{answer}", "passage": f"Context (1): p{answer} one\nContext (2): two", "answer": answer}
        for answer in ("yes", "no", "maybe")
    ]
    parts = passages.prepare_pubmedqa({"PubMedQA/pqal/test.jsonl": json_lines(tmp_path / "p", rows)})
    inference = [row for rows in parts["pubmedqa"].values() for row in rows]
    questions = [row for rows in parts["pubmed-questions"].values() for row in rows]
    assert {(row.fields["input_2"], row.target) for row in inference} == {
        ("qyes", "entailment"),
        ("qno", "contradiction"),
        ("qmaybe", "neutral"),
    }
    assert {(row.fields["answer"], row.target) for row in questions} == {
        ("yes", "qyes"),
        ("no", "qno"),
        ("maybe", "qmaybe"),
    }
    assert {row.fields["input"] for row in questions} == {f"p{answer} one\ntwo" for answer in ("yes", "no", "maybe")}


def test_right_and_wrong_summaries_serve_both_tasks(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"article_sent": f"article {i}", "correct_sent": f"right {i}", "incorrect_sent": f"wrong {i}"}
        for i in range(20)
    ]
    rows.append({"article_sent": "same", "correct_sent": "Same", "incorrect_sent": "other"})
    parts = facts.prepare({"Factual-Summary-Pairs/test.jsonl": json_lines(tmp_path / "f", rows)})
    pairs = {(row.fields["input_2"].split()[0], row.target) for rows in parts["factual-pairs"].values() for row in rows}
    assert pairs == {("right", "yes"), ("wrong", "no"), ("other", "no")}
    labels = {row.target for rows in parts["factual-news"].values() for row in rows}
    assert labels == {"entailment", "contradiction"}


PLOT = (
    "Ann meets Bob at the mill. " * 3 + "Later she sells the old blue boat to a sailor from Cork. " + "They part. " * 60
)


def test_a_story_is_cropped_around_the_answer(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"question": "What does she sell?", "answer": ["The Old Blue Boat.", "her boat to somebody"], "passage": PLOT}
    ]
    parts = stories.prepare({"NarrativeQA/test.jsonl": json_lines(tmp_path / "n", rows)})
    [row] = parts["story-questions"]["demonstrations"]
    assert row.fields["answer"] == "The Old Blue Boat"
    assert "the old blue boat" in row.fields["input"]
    assert 90 <= len(row.fields["input"].split()) <= 100


def test_short_texts_are_not_summarised(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"document": "word " * length, "summary": "s"} for length in (3, 19, *range(20, 40))
    ]
    parts = summaries.prepare_court({"MultiLexSum/test.jsonl": json_lines(tmp_path / "m", rows)})["court-cases"]
    assert {len(row.fields["input"].split()) for rows in parts.values() for row in rows} == set(range(20, 40))


def test_prepared_rows_survive_writing_and_reading(tmp_path: Path) -> None:
    rows = [Example("1", {"input": "a\u2028b\n{x}"}, "ü", "g"), Example("2", {"input": "c"}, "d")]
    write_examples(tmp_path / "x.jsonl", rows, source="s", domain="d", licence="l")
    assert read_examples(tmp_path / "x.jsonl", ("input",)) == rows
    assert json.loads((tmp_path / "x.jsonl").read_text(encoding="utf-8").split("\n")[0])["licence"] == "l"


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": "1", "group": "", "input": "a", "output": "b"}\n{"id":', encoding="utf-8")
    with pytest.raises(DataError, match=r"x.jsonl:2 is damaged"):
        read_examples(tmp_path / "x.jsonl", ("input",))


@pytest.mark.real_cache
class TestThePreparedSource:
    def test_counts_are_those_of_this_version(self, mini: Mapping[str, Dataset]) -> None:
        splits = ("train", "test", "demonstrations")
        found = {
            entry.name: tuple(
                len(mini[entry.name].load(split)) if split in mini[entry.name].splits else 0 for split in splits
            )
            for entry in ENTRIES
        }
        assert found == COUNTS

    def test_nothing_of_a_test_is_nearly_in_train_or_the_demonstrations(self, mini: Mapping[str, Dataset]) -> None:
        for dataset in mini.values():
            test = dataset.load("test")
            assert not exact_overlap(dataset.load("demonstrations"), test)
            if "train" in dataset.splits:
                assert not near_overlap([*dataset.load("train"), *dataset.load("demonstrations")], test)

    def test_a_damaged_file_is_made_again(
        self, mini: Mapping[str, Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        entry = next(entry for entry in ENTRIES if entry.name == "clinic-notes")
        archive = cache_root() / "packages" / FAMILIES[entry.family].pin.filename
        if not archive.is_file():
            pytest.skip(f"{archive} is not there any more")
        (tmp_path / "packages").mkdir()
        shutil.copyfile(archive, tmp_path / "packages" / archive.name)
        expected = mini[entry.name].load("test")
        monkeypatch.setenv("HANKA_CACHE", str(tmp_path))
        assert read_prepared(entry, "test", None) == expected
        path = prepared_folder() / "clinic-notes.test.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert read_prepared(entry, "test", None) == expected
        assert path.read_bytes() == whole
