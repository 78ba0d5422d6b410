"""Samples to be labelled: unbiased, every kind met, near-duplicates and labelled rows left out and counted, always the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pools import USUAL, mails, write_pool

from hanka.errors import DataError
from hanka.operations.sampling.amount import Margin, draw_for
from hanka.operations.sampling.clusters import clusters_of
from hanka.operations.sampling.draw import Design, Sample, draw
from hanka.operations.sampling.pool import Pool, read_pool
from hanka.stats import rows_to_show


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return read_pool(write_pool(tmp_path / "pool.csv", mails(USUAL)), by="source")


def drawn_by_source(sample: Sample) -> dict[str, int]:
    return dict(Counter(one.candidate.source for one in sample.rows))


def test_weights_add_up_to_the_rows_of_the_pool(pool: Pool) -> None:
    for design in (Design(n_clusters=3), Design("equal", n_clusters=0), Design("neyman", {"web": 0.1, "app": 0.5})):
        sample = draw(pool, 30, design)
        assert len(sample.rows) == 30
        assert sum(one.weight for one in sample.rows) == pytest.approx(120)


def test_weighted_means_hit_the_pool_on_average_and_plain_ones_do_not(pool: Pool) -> None:
    """Value 1 for mails from the app, 24 of 120, drawn as often as the others: a plain mean says 0.5."""
    weighted, plain = [], []
    for seed in range(60):
        sample = draw(pool, 20, Design("equal", n_clusters=0, seed=seed))
        value = [float("return" in one.candidate.text) for one in sample.rows]
        weighted.append(sum(one.weight * v for one, v in zip(sample.rows, value, strict=True)) / 120)
        plain.append(np.mean(value))
    true, error = 34 / 120, float(np.std(weighted)) / np.sqrt(60)
    assert abs(np.mean(weighted) - true) < 3 * error
    assert abs(np.mean(plain) - true) > 3 * error


def test_sources_share_as_asked(pool: Pool) -> None:
    assert drawn_by_source(draw(pool, 20, Design(n_clusters=0))) == {"web": 16, "app": 4}
    assert drawn_by_source(draw(pool, 20, Design("equal", n_clusters=0))) == {"web": 10, "app": 10}
    neyman = Design("neyman", {"web": 0.1, "app": 0.4}, n_clusters=0)
    assert drawn_by_source(draw(pool, 20, neyman)) == {"web": 10, "app": 10}, "96·0.1 and 24·0.4 are equal"


def test_every_kind_of_text_is_met_where_chance_would_miss_the_rare_one(pool: Pool) -> None:
    """Six of 120 praise: ten rows miss them in three of five draws."""
    for seed in range(10):
        sample = draw(pool, 10, Design(n_clusters=3, seed=seed))
        assert any("wonderful" in one.candidate.text for one in sample.rows)
        assert sample.n_clusters == 3


def test_clusters_are_the_kinds_that_were_planted(pool: Pool) -> None:
    found = clusters_of([one.text for one in pool.candidates], 3, seed=0)
    kinds = [next(word for word in ("parcel", "invoice", "wonderful") if word in one.text) for one in pool.candidates]
    assert len(set(zip(found, kinds, strict=True))) == 3
    assert Counter(found)[0] == 80, "the largest is the first"


def test_an_encoders_features_may_stand_for_the_words(pool: Pool) -> None:
    sides = np.array([[1.0, 0.0] if one.source == "web" else [0.0, 1.0] for one in pool.candidates], dtype=np.float32)
    found = clusters_of([one.text for one in pool.candidates], 2, 0, sides)
    assert [cluster == 1 for cluster in found] == [one.source == "app" for one in pool.candidates]


def test_texts_alike_are_one_and_weigh_as_many(tmp_path: Path) -> None:
    said = "please send me the invoice for the order of last week to this address as soon as you can"
    rows = [
        {"text": said},
        {"text": said.upper()},
        {"text": f"{said} thanks"},
        {"text": "another matter"},
        {"text": ""},
    ]
    pool = read_pool(write_pool(tmp_path / "pool.csv", rows))
    assert [(one.text, one.n_alike) for one in pool.candidates] == [(said, 3), ("another matter", 1)]
    assert pool.left_out == {"without text": 1, "alike": 2}
    sample = draw(pool, 2, Design(n_clusters=0))
    assert [one.weight for one in sample.rows] == [3, 1]


def test_labelled_texts_are_left_out_also_where_they_are_nearly_alike(tmp_path: Path) -> None:
    rows = mails({("web", "refund"): 3})
    labelled = [rows[0]["text"], rows[1]["text"] + " today"]
    pool = read_pool(write_pool(tmp_path / "pool.csv", rows), labelled=labelled)
    assert [one.row["id"] for one in pool.candidates] == [rows[2]["id"]]
    assert pool.left_out == {"labelled already": 2}
    with pytest.raises(DataError, match=r"nothing is left to draw of 3 rows \(3 labelled already\)"):
        read_pool(tmp_path / "pool.csv", labelled=[row["text"] for row in rows])


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "one"}\nnot json\n{"text": null}\n{"text": "two", "source": " "}\n', encoding="utf-8")
    pool = read_pool(path, by="source")
    assert pool.left_out == {"unreadable": 1, "without text": 1}
    assert [one.source for one in pool.candidates] == ["(not stated)", "(not stated)"]


def test_the_same_seed_draws_the_same_rows_and_another_others(pool: Pool) -> None:
    def ids(seed: int) -> list[str]:
        return [one.candidate.row["id"] for one in draw(pool, 20, Design(seed=seed)).rows]

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)


def test_rows_for_a_margin_are_those_of_the_power_plan_with_weights_paid_for(pool: Pool) -> None:
    margin = Margin(0.12, discordant=0.2)
    sample = draw_for(pool, margin, Design("proportional", n_clusters=0))
    assert len(sample.rows) >= margin.rows == rows_to_show(0.12, 0.2, 0.05, 0.8)
    equal = draw_for(pool, Margin(0.25, discordant=0.3), Design("neyman", {"web": 0.1, "app": 0.4}, n_clusters=0))
    need = Margin(0.25, discordant=0.3).rows
    assert len(equal.rows) > need
    assert len(equal.rows) / equal.design_effect >= need


def test_a_pool_that_cannot_find_the_margin_says_which_it_can(pool: Pool) -> None:
    n = Margin(0.03).rows
    with pytest.raises(
        DataError, match=rf"--margin 0.03 takes {n:,} rows and .* has 120 to draw from: all of them would find 0\.11"
    ):
        draw_for(pool, Margin(0.03), Design())


@pytest.mark.parametrize(
    ("n", "design", "said"),
    [
        (121, Design(), r"121 rows are asked and .* has 120 to draw from \(0 of 120 are left out\): ask for at most 120"),
        (3, Design(n_clusters=0), r"3 rows cannot cover 2 source\(s\) with 2 each: ask for at least 4"),
        (4, Design(n_clusters=3), r"4 rows cannot meet all of 5 clusters by source: ask for at least 5"),
        (20, Design("neyman"), r"needs the spread of every source: add --spread app=…"),
        (20, Design("neyman", {"web": 1.0, "app": 1.0, "apo": 1.0}), r"--spread apo: the pool has no such source: did you mean 'app'"),
        (20, Design("neyman", {"web": 0.0, "app": 1.0}), r"--spread web=0.0: a standard deviation above 0"),
        (20, Design("equal", {"web": 0.1}), r"--spread is of --allocation neyman, not of equal"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(pool: Pool, n: int, design: Design, said: str) -> None:
    with pytest.raises(DataError, match=said) as found:
        draw(pool, n, design)
    assert "\n" not in str(found.value)


def test_columns_that_are_missing_are_named_with_the_nearest(tmp_path: Path) -> None:
    path = write_pool(tmp_path / "pool.csv", mails({("web", "refund"): 3}))
    with pytest.raises(DataError, match=r"--text 'txt': .* has no such column: did you mean 'text'"):
        read_pool(path, text="txt")
    with pytest.raises(DataError, match=r"--by 'sauce': .* did you mean 'source'"):
        read_pool(path, by="sauce")
    other = write_pool(tmp_path / "other.csv", [{"a": "x", "b": "y"}])
    with pytest.raises(DataError, match="which column holds the text"):
        read_pool(other)
    with pytest.raises(DataError, match="does not exist"):
        read_pool(tmp_path / "none.csv")
