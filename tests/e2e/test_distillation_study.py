"""Distilling a document as a study does it, on documents that are not the study's own, by a model that never saw language before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.analysis.evidence import load_evidence
from hanka.analysis.questions.distillation.ask import ask
from hanka.plan import build_plan
from hanka.plan.written import plan_json
from hanka.store.folder import read_json, read_predictions, write_json
from hanka.store.rows import read_rows
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from small_studies import Carried, carry_out
from squad_files import write_squad

READER = {"of": "reader", "train": "lessons", "size": 16}
ASKED = {
    "of": "towns", "documents": "towns-documents", "asking": "towns-asking", "reading": "towns-reading", "writer": READER,
    "teacher": READER, "marks": ["o", "e", "a", "t", "?"], "answer_tokens": 24, "question_tokens": 32,
}  # fmt: skip


def study(tiny: Path, folder: Path) -> dict[str, Any]:
    """A reader that has hardly learnt to read writes whatever it writes: what is asked here is that all parts fit."""
    texts = folder / "texts.jsonl"
    texts.write_text("".join(f'{{"text": "A plain sentence number {at}."}}\n' for at in range(12)), encoding="utf-8")
    own = {"start": READER, "asking": {"contexts": ["drawn", "retrieve"]}}
    return {
        "name": "towns",
        "base": {"model": str(tiny), "name": "tiny"},
        "data": {"source": "documents", "path": str(folder / "documents")},
        "datasets": {
            "plain": {"task": "text", "train": str(texts), "fields": {"output": "text"}},
            "lessons": {"recipe": {"concat": {"of": ["towns-reading", "towns-asking"]}}},
            "pairs": {"recipe": {"questions": ASKED}},
            "pairs and text": {"recipe": {"questions": ASKED | {"rehearse": "plain", "share": 0.5}}},
        },
        "tasks": {
            "closed-book": {"train": None, "in_domain": ["towns"]},
            "reading": {"train": "towns-reading", "in_domain": []},
            "asking": {"train": "towns-asking", "in_domain": []},
            "text": {"train": None, "in_domain": ["towns-documents"]},
        },
        "methods": [
            "base",
            {"sft": {"name": "reader", "on": "lessons", "sizes": 16, "epochs": 40, "peft": "none", "learning_rate": 5e-3}},
            {"sft": {"name": "tuned", "on": "pairs", **own}},
            {"distil": {"name": "distilled", "on": "pairs", **own}},
            {"distil": {"name": "held", "on": "pairs and text", **own}},
        ],
        "train": {"sizes": [6], "epochs": 1, "learning_rate": 1e-3, "checkpoint_seconds": 1000},
        "eval": {
            "contexts": ["drawn", {"open_book": {"passages": "towns"}}, {"retrieve": {"passages": "towns", "k": 1}}],
            "limit": 4, "max_new_tokens": 6,
        },
        "stats": {"resamples": 200},
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    folder = tmp_path_factory.mktemp("towns")
    write_squad(folder / "documents")
    written = yaml.safe_dump(study(tiny_folder, folder), sort_keys=False)
    plan = build_plan(resolve(parse_source(written, folder / "study.yaml")))
    found = carry_out(plan, folder / "run")
    write_json(found.folder.plan, plan_json(plan, "hanka run study.yaml"))
    return found


def rows_of(run: Carried, label: str) -> list[Any]:
    """The made rows of a variant, by data set."""
    training = run.planned(label).training
    assert training is not None
    return list(read_rows(run.folder.data(training.data_id)))


def test_every_arm_is_made_and_answers(run: Carried) -> None:
    for planned in run.plan.variants.values():
        assert run.made(planned.variant.label)["status"] == "done", run.made(planned.variant.label)["reason"]
    for cell in run.plan.cells.values():
        assert read_json(run.folder.cell(cell.cell.id) / "cell.json")["status"] == "done"


def test_all_arms_learn_the_very_same_answers_and_the_teacher_was_asked_once(run: Carried) -> None:
    (tuned,), (distilled,), (held, texts) = (rows_of(run, label) for label in ("tuned", "distilled", "held"))
    assert tuned.examples == distilled.examples == held.examples
    assert 0 < len(tuned.examples) <= 6
    assert all(set(row.fields) == {"document", "question"} and row.target for row in tuned.examples)
    assert (texts.dataset, len(texts.examples)) == ("plain", 3)
    asked = [read_json(path) for path in (run.folder.path / "asked").iterdir()]
    by_task = [one["task"] for one in asked]
    assert by_task.count("reading") == 2  # labelled rows, and the answers
    assert by_task.count("closed-book") == 1
    assert by_task.count("asking") in (1, 2)  # as often as a place stayed empty


def test_the_teacher_is_judged_before_anything_is_trained_and_said_in_the_report(run: Carried) -> None:
    training = run.planned("distilled").training
    assert training is not None
    told = read_json(run.folder.data(training.data_id) / "data.json")["told"]
    assert told["teacher"]["n"] == 4
    assert told["kept"] + sum(told["left_out"].values()) >= told["asked"] == 6
    answer = ask(load_evidence(run.folder))
    assert answer is not None
    assert answer.sentence_en.count("teacher unfit") == 2  # it read sixteen rows
    assert answer.rows == ()


def test_what_is_learnt_closed_book_is_asked_open_book_with_the_very_document(run: Carried) -> None:
    reader = run.planned("reader").variant.id
    documents = {row.id: row.fields["text"] for row in run.plan.study.datasets["towns"].load("passages")}
    groups = {row.id: row.group for row in run.plan.study.datasets["towns"].load("test")}
    cells = {one.cell.context: one.cell for one in run.plan.cells_of(reader) if one.cell.test_dataset == "towns"}
    for context, cell in cells.items():
        for one in read_predictions(run.folder.cell(cell.id))[0]:
            assert one.prompt.endswith("\nAnswer:")
            if context == "open_book":
                assert documents[groups[one.sample_id]] in one.prompt
            if context == "drawn":
                assert not any(text in one.prompt for text in documents.values())
    assert set(cells) == {"drawn", "open_book", "retrieve"}
