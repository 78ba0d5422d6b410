"""The arms of the matching study on other pairs than its own: WDC-like JSON lines, a tiny model; answers are written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.analysis.evidence import load_evidence
from hanka.analysis.questions.transfer_gain.ask import ask
from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.plan.written import plan_json
from hanka.prompting import Prompter, TextPolicy
from hanka.records import Example
from hanka.store.folder import read_json, write_json
from hanka.store.rows import read_rows
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tasks import TASKS
from matching_files import write_ditto, write_json_lines
from planted_runs import rows_of
from small_studies import Carried, carry_out

SMALL = "wdcproducts80cc20-small"
METHODS: list[Any] = [
    "base",
    {"sft": {"name": "plain", "on": [SMALL, "beer"]}},
    {"sft": {"name": "explained", "on": "with-explanations"}},
    {"sft": {"name": "error-driven", "on": "near-errors", "start": {"of": "plain", "train": SMALL}}},
]
DATASETS: dict[str, Any] = {
    "with-explanations": {"recipe": {"explained": {"of": SMALL}}},
    "near-errors": {"recipe": {"error_driven": {"of": SMALL, "by": {"of": "plain", "train": SMALL}}}},
}


def study(tiny: Path, data: Path, **values: Any) -> dict[str, Any]:
    return {
        "name": "pairs", "base": {"model": str(tiny), "name": "tiny"}, "data": {"source": "matching", "path": str(data)},
        "datasets": DATASETS, "tasks": {"matching": {"train": SMALL, "in_domain": [SMALL], "out_of_domain": ["beer"]}},
        "methods": METHODS, "train": {"sizes": [8], "sample": "balanced", "epochs": 1, "checkpoint_seconds": 1000},
        "eval": {"limit": 6, "max_new_tokens": 3, "prompts": ["p1", "p4"], "validation": 4, "scoring": "written"},
        "stats": {"resamples": 200},
    } | values  # fmt: skip


def resolved(tiny: Path, values: dict[str, Any]) -> Any:
    return resolve(parse_source(yaml.safe_dump(values), tiny / "study.yaml"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    write_json_lines(folder)
    write_ditto(folder, "Beer", 40)
    return folder


@pytest.fixture(scope="module")
def carried(tiny_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    return carry_out(build_plan(resolved(tiny_folder, study(tiny_folder, data))), tmp_path_factory.mktemp("run"))


def test_every_arm_is_made_and_asked(carried: Carried) -> None:
    labels = ("plain", "explained", "error-driven")
    assert {one.variant.label for one in carried.plan.variants.values()} == {"base", *labels}
    for planned in carried.plan.variants.values():
        assert read_json(carried.folder.variant(planned.variant.id) / "variant.json")["status"] == "done"
    records = [read_json(carried.folder.cell(one) / "cell.json") for one in carried.plan.cells]
    assert {record["status"] for record in records} == {"done"}
    assert {record["scoring"] for record in records} == {"written"}
    assert sum(record["n_unparsed"] for record in records) > 0  # a tiny model says nonsense, and that is counted


def test_a_line_break_before_a_written_answer_does_not_end_it(tiny_folder: Path) -> None:
    from transformers import AutoTokenizer

    prompter = Prompter(AutoTokenizer.from_pretrained(tiny_folder), TextPolicy())
    row = Example("r", {"left": "a", "right": "b"}, "Yes")
    task = TASKS.get("matching")
    (scored,) = prompter.ask(task, "p1", (), [row]).encoded
    (written,) = prompter.ask(task, "p1", (), [row], writes=True).encoded
    assert scored.labels
    assert not written.labels
    assert written.ends == ()
    assert scored.ends  # of a scored label; a text goes on behind a line break


def test_error_driven_rows_are_stored_twice_as_many_and_none_is_one_to_validate_on(carried: Carried) -> None:
    planned = carried.planned("error-driven")
    assert planned.training is not None
    (part,) = read_rows(carried.folder.data(planned.training.data_id))
    assert len(part.examples) == 16 == planned.training.n_rows
    assert all(row.id.startswith(f"{SMALL}/train/") for row in part.examples)


def test_rows_to_validate_on_are_asked_beside_every_test_set_and_decide_nothing(carried: Carried) -> None:
    cells = [one.cell for one in carried.plan.cells.values()]
    validated = [one for one in cells if one.relation == "validation"]
    assert {one.test_dataset for one in validated} == {f"{SMALL}-validation", "beer-validation"}
    assert 2 * len(validated) == len(cells)
    assert {len(one.test.examples) for one in carried.plan.cells.values() if one.cell.relation == "validation"} == {4}
    assert plan_json(carried.plan, "")["validation"] == {f"{SMALL}-validation": SMALL, "beer-validation": "beer"}


def test_the_question_chooses_prompts_by_them(carried: Carried) -> None:
    write_json(carried.folder.plan, plan_json(carried.plan, "hanka run"))
    answer = ask(load_evidence(carried.folder))
    rows = rows_of(answer)
    assert {row["test_set"] for row in rows} == {SMALL, "beer"}
    assert answer is not None
    assert any("rows to validate on" in note.message_en for note in answer.notes)
    assert answer.as_json()


def test_asking_for_validation_rows_that_nobody_has_is_one_line(tiny_folder: Path) -> None:
    values = study(tiny_folder, Path()) | {
        "data": {"source": "toy"}, "datasets": {}, "tasks": {"sentiment": {}}, "methods": ["base"],
    }  # fmt: skip
    with pytest.raises(StudyError, match="no test set has a validation split"):
        resolved(tiny_folder, values)


def test_an_encoder_scores_labels_where_language_models_write_them(tiny_folder: Path, data: Path) -> None:
    values = study(tiny_folder, data, methods=["base", "classifier"], datasets={})
    values["base"] = [values["base"], {"encoder": "tfidf"}]
    found = build_plan(resolved(tiny_folder, values)).study
    task = found.tasks["matching"].task
    assert [found.answering(task, model)["scoring"] for model in found.models] == ["written", "full"]
