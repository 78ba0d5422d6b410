"""Recipes for pairs: what each keeps, adds and counts, on rows whose answers are written down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanka.datasets.splits import sample
from hanka.errors import DataError, UnitError
from hanka.recipes import RECIPES
from hanka.recipes.contract import AS_SOURCE, How, RecipeRequest, make_rows
from hanka.recipes.matching.error_driven import chosen, each, nearest_places
from hanka.recipes.matching.fitness import fitness
from hanka.records import Example, Parent, Prediction, Split
from hanka.tasks import TASKS

TASK_OF = {
    "cameras": "matching", "cameras-explaining": "matching-explaining", "cameras-interest": "matching-interest",
    "cameras-writing": "matching-writing",
}  # fmt: skip
N = 12


def pair(split: str, place: int) -> Example:
    """Every other pair is a match of equal words; most others are of the same words in another order, where a rule errs."""
    is_match = place % 2 == 0
    right = f"{split} lens zx{place}" if is_match else f"bag q{place}" if place % 8 == 7 else f"zx{place} lens {split}"
    return Example(f"{split}{place}", {"left": f"{split} lens zx{place}", "right": right}, "Yes" if is_match else "No")


def rows(dataset: str, split: Split, size: int | None) -> Sequence[Example]:
    return [pair(split, place) for place in range(60 if split == "train" else 20)]


def request(
    name: str, params: Mapping[str, Any], says: Any = None, told: dict[str, Any] | None = None
) -> RecipeRequest:
    """says: (row, data set asked by) → what the parent answers."""
    recipe = RECIPES.get(name)

    def answer(parent: Parent, examples: Sequence[Example], how: How = AS_SOURCE) -> Sequence[Prediction]:
        assert parent == Parent("helper")
        texts = [says(row, how.dataset) for row in examples]
        return [
            Prediction(row.id, "", "", row.target, text, text if text in ("Yes", "No") else None, None, "ok", "", 1, 1)
            for row, text in zip(examples, texts, strict=True)
        ]

    return RecipeRequest(
        recipe.params.model_validate({"of": "cameras", **params}), N, 3, rows, lambda name: TASKS.get(TASK_OF[name]), answer,
        (told if told is not None else {}).update,
    )  # fmt: skip


def made(name: str, params: Mapping[str, Any], says: Any = None, told: dict[str, Any] | None = None) -> list[Example]:
    (part,) = make_rows(RECIPES.get(name), request(name, params, says, told))
    assert (part.task, part.dataset) == ("matching", "cameras")
    return list(part.examples)


def plain() -> list[Example]:
    """The rows that the plain arm of a study trains on (`sample: balanced`)."""
    return sample(rows("cameras", "train", None), N, "balanced", 3, "cameras", True)


def truly(row: Example, dataset: str) -> str:
    return row.target


# ---- explanations


def test_explained_rows_are_the_plain_arms_with_an_explanation_behind_each_answer() -> None:
    told: dict[str, Any] = {}
    found = made("explained", {"form": "no_importance"}, told=told)
    assert [row.id for row in found] == [row.id for row in plain()]
    for row, own in zip(found, plain(), strict=True):
        answer, _, explanation = row.target.partition("\n")
        assert answer == own.target
        assert explanation.startswith("attribute=text|||values=")
        assert TASKS.get("matching").verify(row, row.target).answer == own.target
    assert (told["explanations"]["origin"], told["explanations"]["whole"]) == ("rule", N)


def test_explanations_of_a_file_are_used_and_malformed_ones_are_counted_not_dropped(tmp_path: Path) -> None:
    first, second, *_ = plain()
    lines = [
        {"id": first.id, "explanation": "attribute=name|||importance=1|||values=A###B|||similarity=1"},
        {
            **{name: second.fields[name] for name in ("left", "right")},
            "explanation": "attribute=name|||importance=1|||values=A|||B",
        },
    ]
    (tmp_path / "why.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    recipe = RECIPES.get("explained")
    assert recipe.load is not None
    params = recipe.load(recipe.params.model_validate({"of": "cameras", "file": "why.jsonl"}), tmp_path)
    told: dict[str, Any] = {}
    found = made("explained", params.model_dump(), told=told)
    assert found[0].target == f"{first.target}\nattribute=name|||importance=1|||values=A###B|||similarity=1"
    assert found[1].target == second.target  # teaches its answer alone
    assert len(found) == N
    counts = told["explanations"]["malformed"]
    assert sum(count for reason, count in counts.items() if "parted by ###" in reason) == 1
    assert counts["there is no explanation"] == N - 2
    assert any("values=A|||B" in line for line in told["explanations"]["malformed_first"].values())
    left = made("explained", params.model_dump() | {"malformed": "leave_out"})
    assert [row.id for row in left] == [first.id]


@pytest.mark.parametrize(
    ("line", "said"),
    [({"id": "a"}, "expected `explanation`"), ({"explanation": "x"}, "`id` or `left` and `right`")],
)
def test_a_row_of_the_file_that_says_nothing_is_one_line(tmp_path: Path, line: dict[str, str], said: str) -> None:
    (tmp_path / "why.jsonl").write_text(json.dumps(line), encoding="utf-8")
    recipe = RECIPES.get("explained")
    assert recipe.load is not None
    with pytest.raises(DataError, match=said):
        recipe.load(recipe.params.model_validate({"of": "cameras", "file": "why.jsonl"}), tmp_path)


def test_a_teacher_that_beats_the_rule_explains() -> None:
    def says(row: Example, dataset: str) -> str:
        return row.target if dataset == "cameras" else "Because the words agree."

    found = made("explained", {"form": "short", "teacher": "helper"}, says)
    assert {row.target.partition("\n")[2] for row in found} == {"Because the words agree."}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("explained", {"teacher": "helper"}),
        ("relevance_filter", {"by": "helper"}),
        ("corner_cases", {"writer": "helper"}),
    ],
)
def test_a_teacher_that_does_not_beat_the_rule_is_unfit_and_makes_nothing(name: str, params: dict[str, Any]) -> None:
    told: dict[str, Any] = {}
    with pytest.raises(
        UnitError, match=r"teacher unfit: 0\.500 of 20 labelled pairs right, .* not shown to be above 0"
    ):
        made(name, params, lambda row, dataset: "Yes", told)
    assert told["teacher"]["fit"] is False


def test_fitness_is_the_paired_difference_from_the_rule() -> None:
    labelled = rows("cameras", "validation", None)
    found = fitness(labelled, [1.0] * 20, [1.0] * 10 + [0.0] * 10, 0)
    assert (found["teacher"], found["rule"], found["n"], found["fit"]) == (1.0, 0.5, 20, True)
    assert fitness(labelled, [1.0] * 20, [1.0] * 20, 0)["fit"] is False


# ---- filters


def test_the_error_filter_keeps_what_is_labelled_rightly() -> None:
    told: dict[str, Any] = {}
    found = made(
        "error_filter", {"by": "helper"}, lambda row, _: "No" if row.id.endswith(("0", "1")) else row.target, told
    )
    kept = [row.id for row in plain() if not (row.id.endswith("0") and row.target == "Yes")]
    assert [row.id for row in found] == kept
    assert told["filter"]["kept"]["No"] == N // 2
    assert sum(told["filter"]["left_out"].values()) == N - len(kept)


def test_places_of_rows_left_out_are_refilled_and_the_plain_rows_stand_first() -> None:
    def says(row: Example, _: str) -> str:
        return "No" if row.id.endswith("0") else row.target

    found = made("error_filter", {"by": "helper", "refill": True}, says)
    assert len(found) == N == len({row.id for row in found})
    kept = [row.id for row in plain() if says(row, "") == row.target]
    assert [row.id for row in found][: len(kept)] == kept


def test_a_filter_that_leaves_one_label_is_a_failure_with_that_reason() -> None:
    with pytest.raises(UnitError, match=r"leaves nothing to tell apart: 6 of 12 pairs kept \(6 Yes\)"):
        made("error_filter", {"by": "helper"}, lambda row, _: "Yes")


def test_pairs_that_a_rule_gets_wrong_are_interesting_by_rule() -> None:
    told: dict[str, Any] = {}
    with pytest.raises(UnitError, match="interesting by rule"):  # of these pairs a rule errs on non-matches alone
        made("relevance_filter", {}, told=told)
    assert set(told["filter"]["kept"]) <= {"No"}


def test_a_fit_variant_says_which_pairs_are_interesting() -> None:
    found = made(
        "relevance_filter", {"by": "helper"}, lambda row, dataset: row.target if dataset == "cameras" else "Yes"
    )
    assert [row.id for row in found] == [row.id for row in plain()]


# ---- pairs near errors


def test_error_driven_rows_are_exactly_twice_as_many_and_never_one_to_validate_on() -> None:
    wrong = {"validation2", "validation5"}

    def says(row: Example, _: str) -> str:
        return {"Yes": "No", "No": "Yes"}[row.target] if row.id in wrong else row.target

    told: dict[str, Any] = {}
    found = made("error_driven", {"by": "helper"}, says, told)
    assert len(found) == 2 * N == len({row.id for row in found})
    assert [row.id for row in found[:N]] == [row.id for row in plain()]
    assert all(row.id.startswith("train") for row in found)
    assert {row.target for row in found} == {"Yes", "No"}  # of what is added, too, never 0 and 1
    errors = told["errors"]
    assert (errors["errors"], errors["near"], errors["random"]) == (2, 2 * ((N - 2) // 2), N - 2 * ((N - 2) // 2))


def test_the_control_adds_as_many_at_random_whatever_the_errors() -> None:
    told: dict[str, Any] = {}
    found = made("error_driven", {"by": "helper", "added": "random"}, lambda row, _: "Yes", told)
    assert len(found) == 2 * N
    assert [row.id for row in found] == [
        row.id for row in made("error_driven", {"by": "helper", "added": "random"}, truly)
    ]
    assert (told["errors"]["near"], told["errors"]["random"]) == (0, N)


@pytest.mark.parametrize("n_wrong", [0, 20])
def test_error_driven_rows_are_as_many_without_errors_and_with_nothing_but_errors(n_wrong: int) -> None:
    def says(row: Example, _: str) -> str:
        is_wrong = int(row.id.removeprefix("validation")) < n_wrong
        return {"Yes": "No", "No": "Yes"}[row.target] if is_wrong else row.target

    assert len(made("error_driven", {"by": "helper"}, says)) == 2 * N


def test_each_error_gives_the_published_number_of_pairs() -> None:
    assert [each(200, errors) for errors in (1, 20, 30, 150, 0)] == [199, 9, 5, 1, 0]


def test_nearest_pairs_are_taken_once_in_the_order_of_errors() -> None:
    likeness = np.array([[0.9, 0.8, 0.1, 0.0], [0.9, 0.7, 0.2, 0.1]])
    assert nearest_places(likeness, 2) == [0, 1, 2, 3]
    assert nearest_places(likeness, 1) == [0, 1]


def test_the_nearest_of_a_pool_are_those_spelt_alike() -> None:
    pool = [
        Example(str(at), {"left": text, "right": text}, "No")
        for at, text in enumerate(["red bag", "zoom lens 50", "zoom lens 55"])
    ]
    error = Example("e", {"left": "zoom lens 50", "right": "zoom lens 50"}, "Yes")
    assert {row.id for row in chosen([error], pool, 2, 0)} >= {"1"}
    assert chosen([error], pool, 3, 0)[0].id in {"1", "2"}


def test_a_pool_that_is_too_small_is_one_line() -> None:
    with pytest.raises(DataError, match="12 pairs are to be added and the pool of cameras holds 8"):
        make_rows(
            RECIPES.get("error_driven"),
            RecipeRequest(
                RECIPES.get("error_driven").params.model_validate({"of": "cameras", "by": "helper"}), N, 3,
                lambda name, split, size: rows(name, split, size)[:20], lambda name: TASKS.get("matching"),
            ),
        )  # fmt: skip


# ---- corner cases

WRITTEN = (
    "canon zx1 ||| canon zx2 ||| No\nnikon zx3 ||| nikon zx3 ||| Yes\ncanon zx1 ||| canon zx2 ||| No\n"
    "no pair at all\nsony a ||| sony b ||| perhaps\nsony a7 ||| a7 by sony ||| Yes."
)


def test_written_pairs_are_read_and_what_is_none_is_counted_by_reason() -> None:
    told: dict[str, Any] = {}
    found = made(
        "corner_cases", {"writer": "helper", "keep_seeds": False},
        lambda row, dataset: row.target if dataset == "cameras" else WRITTEN if row.id == plain()[0].id else "", told,
    )  # fmt: skip
    assert [(row.fields["left"], row.fields["right"], row.target) for row in found] == [
        ("canon zx1", "canon zx2", "No"), ("sony a7", "a7 by sony", "Yes"),
    ]  # fmt: skip
    assert told["corner_cases"]["left_out"] == {
        "has two sides that are written alike": 1, "stands there already": 1, "is no line of left, right and label": 1, "has no label": 1,
    }  # fmt: skip


def test_pairs_by_rule_are_three_that_differ_and_one_match_never_written_alike() -> None:
    found = made("corner_cases", {})
    assert [row.id for row in found[:N]] == [row.id for row in plain()]
    new = found[N:]
    counts = Counter(row.target for row in new)
    assert counts["Yes"] <= N
    assert counts["No"] <= 3 * N
    assert counts["Yes"] > 0 < counts["No"]
    assert all(row.fields["left"] != row.fields["right"] for row in new)
    assert {row.id.rsplit("/new/", 1)[0] for row in new} <= {row.id for row in plain()}


def test_apostrophes_and_quotes_in_a_title_part_nothing() -> None:
    line = "men's 13\" 'air' case ||| case for 13' air, men's ||| Yes"
    found = made(
        "corner_cases", {"writer": "helper", "keep_seeds": False},
        lambda row, dataset: row.target if dataset == "cameras" else line if row.id == plain()[0].id else "",
    )  # fmt: skip
    assert [(row.fields["left"], row.fields["right"]) for row in found] == [
        ("men's 13\" 'air' case", "case for 13' air, men's")
    ]


def test_a_writer_that_writes_no_pair_is_a_failure_with_its_reasons() -> None:
    with pytest.raises(UnitError, match="no pair came out: 12 left out: is no line of left, right and label"):
        made(
            "corner_cases", {"writer": "helper"}, lambda row, dataset: row.target if dataset == "cameras" else "nothing"
        )
