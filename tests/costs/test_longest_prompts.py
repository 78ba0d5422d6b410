"""The longest prompt with a variant's rows before it, beside what the model reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hanka.costs.longest import longest_prompts, longest_said
from hanka.plan import Plan
from hanka.store.folder import read_json, write_json
from planned_studies import planned


def plan_of(folder: Path, **changes: Any) -> Plan:
    evaluation = {"shots": [0], "limit": 6, "contexts": ["drawn", "own_rows"]}
    values: dict[str, Any] = {"tasks": {"sentiment": {}}, "methods": ["base", "icl"], "eval": evaluation}
    return planned(folder, **values | {"train": {"sizes": [2, 8], "sample": "balanced"}} | changes)


def characters(plan: Plan, shots: int, test: str) -> int:
    (cell,) = [one for one in plan.cells.values() if (one.cell.shots, one.cell.test_dataset) == (shots, test)]
    task = plan.study.tasks["sentiment"].task
    shown = sum(int(len(task.render(one, "p1") + one.target + "\n\n") / 4 + 0.5) for one in cell.demonstrations)
    return shown + max(int(len(task.render(one, "p1")) / 4 + 0.5) for one in cell.test.examples)


def test_the_longest_prompt_is_that_of_most_rows_and_its_tokens_are_counted(tiny_folder: Path) -> None:
    (tiny_folder / "tokenizer.json").rename(tiny_folder / "elsewhere")  # four characters a token then
    try:
        plan = plan_of(tiny_folder)
        found = longest_prompts(plan)["tiny"]
    finally:
        (tiny_folder / "elsewhere").rename(tiny_folder / "tokenizer.json")
    by_test = {test: characters(plan, 8, test) for test in ("shop", "film")}
    label = max(round(len(one) / 4) for one in plan.study.tasks["sentiment"].task.labels)
    assert found.n_tokens == max(by_test.values()) + label
    assert (found.shots, found.limit, found.n_cells_too_long) == (8, 2048, 0)
    assert by_test[found.test_dataset] == max(by_test.values())
    said = longest_said("tiny", found)
    assert f"about {found.n_tokens} tokens (8 rows before {found.test_dataset}) of the 2,048 that it reads" in said


def test_cells_that_do_not_fit_are_counted_and_named(tiny_folder: Path) -> None:
    whole = read_json(tiny_folder / "config.json")
    tokens = longest_prompts(plan_of(tiny_folder))["tiny"].n_tokens
    write_json(tiny_folder / "config.json", whole | {"max_position_embeddings": tokens // 2})
    try:
        found = longest_prompts(plan_of(tiny_folder))["tiny"]
    finally:
        write_json(tiny_folder / "config.json", whole)
    assert found.n_cells_too_long == 2  # eight rows before either test set, two fit
    assert f"2 cell(s) have prompts of up to about {tokens:,} tokens" in longest_said("tiny", found)


def test_a_study_that_shows_no_rows_of_its_own_has_no_such_line(tiny_folder: Path) -> None:
    evaluation = {"shots": [0, 2], "limit": 6}
    assert longest_prompts(planned(tiny_folder, methods=["base", "sft"], eval=evaluation)) == {}
