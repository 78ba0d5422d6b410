"""`levels`: how facts are asked, counted and drawn, by hand; what cannot be drawn is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hanka.errors import DataError, UnitError
from hanka.recipes import RECIPES
from hanka.recipes.contract import How, RecipeRequest, make_rows
from hanka.recipes.levels.params import LevelsParams
from hanka.recipes.levels.sampling import Sampling, copies, known_facts, told
from hanka.records import Example, Parent, Prediction
from hanka.tasks import TASKS

LEVELS = RECIPES.get("levels")


def fact(at: int, relation: str = "P19", wordings: Sequence[str] = ()) -> Example:
    fields = {"input": f"Ann {at} was born in", "wordings": "\n".join(wordings), "synonyms": ""}
    return Example(f"f{at}", fields, "Rome", slices={"relation": relation})


def prediction(row: Example, reward: float | None, failed: bool = False) -> Prediction:
    return Prediction(row.id, "", "", row.target, "x", "x", None, "failed" if failed else "ok", "", 1, 1, reward=reward)


def test_a_fact_is_asked_in_its_first_wordings_each_as_often_as_samples_are_wanted() -> None:
    row = fact(1, wordings=["A", "B", "A", "C"])
    asked = copies(row, Sampling(templates=2, samples=3))
    assert [one.fields["input"] for one in asked] == ["A", "A", "A", "B", "B", "B"]
    assert {one.id for one in asked} == {"f1"}
    assert {one.fields["wordings"] for one in asked} == {"A\nB\nA\nC"}
    assert len(copies(row, Sampling(templates=9, samples=2))) == 6  # those that are there, each once


def test_a_row_without_wordings_is_asked_as_it_stands() -> None:
    row = Example("q", {"question": "Who?"}, "Ann")
    assert copies(row, Sampling(samples=2)) == [row, row]


def test_the_share_is_over_samples_that_came_out_and_levels_follow_from_it() -> None:
    rows = [fact(at) for at in range(4)]
    right = {"f0": [0, 0, 0, 0], "f1": [1, 0, 0, 0], "f2": [1, 1, None, 0], "f3": [None] * 4}

    def answer(asked: Sequence[Example], how: How) -> list[Prediction]:
        assert how == How("facts", 8, 0.7, 1.0, 0)
        turn = Counter[str]()
        found = []
        for one in asked:
            reward = right[one.id][turn[one.id]]
            turn[one.id] += 1
            found.append(prediction(one, reward, failed=reward is None))
        return found

    known = known_facts(answer, "facts", rows, Sampling())
    assert [(one.n_right, one.n) for one in known] == [(0, 4), (1, 4), (2, 3), (0, 0)]
    assert [one.level for one in known[:3]] == [0, 1, 3]
    said = told(known, Sampling())
    assert said["n_by_level"] == [1, 1, 0, 1, 0]
    assert (said["n_without_samples"], said["n_failed_samples"], said["n_samples"]) == (1, 5, 11)
    with pytest.raises(ValueError, match="no sample of f3 came out"):
        _ = known[3].share


def test_rows_that_nothing_judged_are_refused() -> None:
    with pytest.raises(DataError, match="row f0 of facts was not judged"):
        known_facts(lambda asked, how: [prediction(one, None) for one in asked], "facts", [fact(0)], Sampling())


def request(facts: Sequence[Example], asked: int, seed: int = 1, task: str = "facts", **params: Any) -> RecipeRequest:
    """Facts with an even number are never named, the others always."""

    def answer(parent: Parent, rows: Sequence[Example], how: How) -> list[Prediction]:
        assert parent == Parent("base")
        return [prediction(row, float(int(row.id[1:]) % 2)) for row in rows]

    return RecipeRequest(
        LevelsParams(of="facts", **params), asked, seed, lambda name, split, size: facts, lambda name: TASKS.get(task), answer,
        tell=SAID.update,
    )  # fmt: skip


SAID: dict[str, Mapping[str, Any]] = {}
FACTS = [fact(at, relation="P19" if at < 60 else "P20" if at < 80 else "P36") for at in range(100)]


def test_only_facts_of_the_level_are_drawn_relations_in_turns() -> None:
    (part,) = make_rows(LEVELS, request(FACTS, 24, level=4))
    assert all(int(row.id[1:]) % 2 for row in part.examples)
    assert Counter(row.slices["relation"] for row in part.examples) == {"P19": 8, "P20": 8, "P36": 8}
    assert SAID["levels"]["n_by_level"] == [50, 0, 0, 0, 50]
    (part,) = make_rows(LEVELS, request(FACTS, 36, level=0))
    assert not any(int(row.id[1:]) % 2 for row in part.examples)
    assert Counter(row.slices["relation"] for row in part.examples) == {"P19": 16, "P20": 10, "P36": 10}


def test_draws_differ_by_seed_and_a_smaller_size_begins_a_larger_one() -> None:
    ids = {
        (seed, asked): [row.id for row in make_rows(LEVELS, request(FACTS, asked, seed, level=4))[0].examples]
        for seed in (1, 2)
        for asked in (6, 12)
    }
    assert ids[1, 12][:6] == ids[1, 6]
    assert set(ids[1, 12]) != set(ids[2, 12])


def test_fewer_facts_than_asked_are_an_error_unless_what_is_there_will_do() -> None:
    with pytest.raises(
        UnitError, match=r"60 facts of level 4 are asked and facts has 50 of it .level: facts: 0: 50, 1: 0"
    ):
        make_rows(LEVELS, request(FACTS, 60, level=4))
    (part,) = make_rows(LEVELS, request(FACTS, 60, level=4, rows="there"))
    assert len(part.examples) == 50
    with pytest.raises(UnitError, match="60 facts of level 2 are asked and facts has 0"):
        make_rows(LEVELS, request(FACTS, 60, level=2, rows="there"))


def test_a_pool_is_the_first_facts() -> None:
    (part,) = make_rows(LEVELS, request(FACTS, 5, level=4, pool=10))
    assert {row.id for row in part.examples} == {"f1", "f3", "f5", "f7", "f9"}


def test_a_task_whose_answers_are_not_written_has_no_levels() -> None:
    with pytest.raises(DataError, match=r"task sentiment \(classification\), whose answers are not written"):
        make_rows(LEVELS, request(FACTS, 5, task="sentiment", level=1))
