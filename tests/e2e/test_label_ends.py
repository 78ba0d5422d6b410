"""Labels of which one begins another: tuned, they are told apart by where an answer ends, as it was trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.models.catalogue import find_model
from hanka.models.loading import load_model
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from tiny_models import save_tiny_model

SETS = {
    "digits": (("1", "10", "100"), ("a", "b", "c")),
    "cards": (("card", "card lost"), ("mine", "gone")),
    "intents": (tuple(f"card {place}" if place else "card" for place in range(12)), tuple("abcdefghijkl")),
}
"""Labels, and the word that says each."""


def write_study(folder: Path, name: str, base: Path, evaluation: str) -> Path:
    labels, words = SETS[name]
    rows = [
        {"input": f"{words[place % len(words)] * 3} {place // len(words)}", "output": labels[place % len(labels)]}
        for place in range(10 * len(labels))
    ]
    n_test = 2 * len(labels)
    for file, part in (("train", rows[n_test:]), ("test", rows[:n_test])):
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")
    study = {
        "name": "ends", "base": str(base),
        "datasets": {"mine": {"task": "which", "domain": "mine", "train": "train.jsonl", "test": "test.jsonl",
                              "fields": {"input": "input", "output": "output"}}},
        "tasks": {"which": {"kind": "classification", "labels": list(labels), "prompt": "Q: {input}\nA: ",
                            "train": "mine", "in_domain": ["mine"]}},
        "methods": ["base", {"sft": {"peft": "none"}}],
        "train": {"sizes": [6 * len(labels)], "epochs": 30, "learning_rate": 5.0e-3, "batch_size": 4},
        "eval": json.loads(evaluation), "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


def run(folder: Path, name: str, evaluation: str = "{}") -> RunFolder:
    base = save_tiny_model(folder / "tiny")
    return run_study(write_study(folder, name, base, evaluation), folder / "run", RunOptions(quiet=True)).folder


def tuned_cell(folder: RunFolder) -> tuple[dict[str, Any], Path]:
    plan = read_json(folder.plan)
    sft = next(one["id"] for one in plan["variants"] if one["method"] == "sft")
    cell = next(one for one in plan["cells"] if one["variant_id"] == sft)
    return read_json(folder.cell(cell["id"]) / "cell.json"), folder.cell(cell["id"])


def accuracy(folder: RunFolder) -> float:
    _, path = tuned_cell(folder)
    found = read_predictions(path)[0]
    return sum(one.parsed == one.target for one in found) / len(found)


@pytest.mark.parametrize("name", SETS)
def test_a_tuned_model_tells_labels_apart_that_begin_each_other(tmp_path: Path, name: str) -> None:
    folder = run(tmp_path, name)
    assert accuracy(folder) == 1.0
    assert tuned_cell(folder)[0]["ends"] is True
    labels = SETS[name][0]
    begun = sum(one != other and other.startswith(one) for one in labels for other in labels)
    (check,) = (one for one in read_json(folder.audits)["checks"] if one["audit"] == "label beginnings")
    assert check["harmless"] >= begun - (name == "intents")  # "card 1" and "card 10" may be other tokens


def test_scores_are_those_of_whole_answers_by_hand(tmp_path: Path) -> None:
    folder = run(tmp_path, "cards")
    record, path = tuned_cell(folder)
    plan = read_json(folder.plan)
    sft = next(one["id"] for one in plan["variants"] if one["method"] == "sft")
    loaded = load_model(find_model(str(folder.variant(sft)), Path.cwd()), "float32")
    tokenizer = loaded.tokenizer
    for one in read_predictions(path)[0]:
        assert one.label_scores is not None
        for label, score in zip(record["labels"], one.label_scores, strict=True):
            before = tokenizer(one.prompt, add_special_tokens=False)["input_ids"]
            whole = tokenizer(one.prompt + label, add_special_tokens=False)["input_ids"]
            start = next(at for at, (a, b) in enumerate(zip([*before, -1], whole, strict=False)) if a != b)
            ids = [*whole, tokenizer.eos_token_id]
            with torch.inference_mode():
                logs = loaded.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
            by_hand = sum(float(logs[at - 1, ids[at]]) for at in range(start, len(ids)))
            assert score == pytest.approx(by_hand, abs=0.02)  # a tuned model ends in EOS and hardly ever in a new line


@pytest.mark.parametrize("evaluation", ['{"scoring": "normalised"}', '{"scoring": "full"}'])
def test_every_mode_but_first_token_scores_the_end(tmp_path: Path, evaluation: str) -> None:
    assert accuracy(run(tmp_path, "cards", evaluation)) == 1.0


def test_without_an_end_the_shorter_label_wins_and_the_audit_says_so(tmp_path: Path) -> None:
    base = save_tiny_model(tmp_path / "tiny")
    path = write_study(tmp_path, "cards", base, "{}")
    study = json.loads(path.read_text(encoding="utf-8")) | {"tokens": {"eos": False}}
    path.write_text(json.dumps(study), encoding="utf-8")
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    assert {one.parsed for one in read_predictions(tuned_cell(folder)[1])[0]} == {"card"}
    said = [one["message"] for one in read_json(folder.audits)["warnings"] if one["audit"] == "label beginnings"]
    assert said
    assert "the shorter one wins" in said[0]
