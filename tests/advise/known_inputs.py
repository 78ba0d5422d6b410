"""Inputs for tests: exact values by name, and the ten questions all answered no."""

from __future__ import annotations

from collections.abc import Mapping

from hanka.advise.inputs import Given, declared

NO_TO_ALL: Mapping[str, float | bool] = {
    "mimics_human": False, "hard_reasoning": False, "n_task_formats": 1, "numeric_target": False, "rows_per_class": 400,
    "ood_drop": 0.01, "creative": False, "knowledge_intensive": False, "answer_in_context": 0.1, "knowledge_conflict": False,
}  # fmt: skip
"An easy, common task with plenty of rows: question 8 leads to tuning."


def exact(**values: float | bool) -> dict[str, Given]:
    """Declare values without an interval."""
    return {name: declared(name, value, "answers") for name, value in values.items()}


def common(**changes: float | bool | None) -> dict[str, Given]:
    """Declare the easy task with changes; None takes an input out."""
    values = {**NO_TO_ALL, **changes}
    return exact(**{name: value for name, value in values.items() if value is not None})


def between(name: str, value: float, low: float, high: float, n: int = 200) -> dict[str, Given]:
    """Declare one value with an interval."""
    return {name: declared(name, value, "answers", (low, high), n)}
