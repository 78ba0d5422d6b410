"""A limit is over a group: the plan notes how many documents of each of its tasks are asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed")

from hanka.plan import build_plan
from hanka.study.resolve import load_study
from harness_tasks import ROWS, write_tasks

STUDY = """\
name: harness
base: {base}
data: {{source: toy}}
tasks: {{sentiment: {{}}, lm_eval: {{tasks: [{task}], include: tasks, shots: 0}}}}
methods: [base]
eval: {{limit: {limit}}}
"""


def notes(folder: Path, base: Path, limit: int, task: str = "tiny-group", n_small: int = len(ROWS)) -> list[str]:
    """Plan a study on a group of two tasks, the second with so many documents."""
    tasks = write_tasks(folder / "tasks")
    (tasks / "few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[:n_small]), encoding="utf-8")
    small = tasks / "tiny-own-choices.yaml"
    small.write_text(small.read_text().replace("rows.jsonl", "few.jsonl"))
    path = folder / "study.yaml"
    path.write_text(STUDY.format(base=base, task=task, limit=limit), encoding="utf-8")
    return [note for note in build_plan(load_study(path)).notes if note.startswith(task)]


@pytest.mark.parametrize(
    ("limit", "n_small", "said"),
    [
        (6, 12, "asks 6 of its 24 documents, 3 of each of its 2 tasks"),
        (5, 12, "asks 5 of its 24 documents, 2 to 3 of each of its 2 tasks"),
        (10, 3, "asks 10 of its 15 documents, 3 to 7 of each of its 2 tasks; all there are of tiny-own-choices"),
        (
            1,
            12,
            "asks 1 of its 24 documents, 0 to 1 of each of its 2 tasks; none of tiny-own-choices: a limit of 2 or more "
            "asks every task",
        ),
    ],
)
def test_what_a_limit_leaves_of_a_group_is_noted(
    tmp_path: Path, tiny_folder: Path, limit: int, n_small: int, said: str
) -> None:
    assert notes(tmp_path, tiny_folder, limit, n_small=n_small) == [f"tiny-group: `eval.limit` {said}"]


@pytest.mark.parametrize(("limit", "task"), [(24, "tiny-group"), (100, "tiny-group"), (6, "tiny-choice")])
def test_nothing_is_noted_of_a_group_asked_whole_or_of_a_single_task(
    tmp_path: Path, tiny_folder: Path, limit: int, task: str
) -> None:
    assert notes(tmp_path, tiny_folder, limit, task) == []
