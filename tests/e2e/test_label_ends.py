"""Labels of which one begins another: tuned, they are told apart by where an answer ends, as it was trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.models.catalogue import find_model
from hanka.models.loading import LoadedModel, load_model
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from tiny_models import save_tiny_model

SETS = {
    "digits": (("1", "10", "100"), ("a", "b", "c")),
    "cards": (("card", "card lost"), ("mine", "gone")),
    "intents": (tuple(f"card {place}" if place else "card" for place in range(12)), tuple("abcdefghijkl")),
}
"""Labels, and the word that says each."""


def write_study(
    folder: Path, name: str, base: Path, evaluation: str, own: tuple[tuple[str, ...], tuple[str, ...]] | None = None
) -> Path:
    labels, words = own or SETS[name]
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
        "train": {"sizes": [6 * len(labels)], **({"epochs": 16, "learning_rate": 1.0e-2, "batch_size": 8} if len(labels) > 3 else
                                                 {"epochs": 30, "learning_rate": 5.0e-3, "batch_size": 4})},
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


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of two labels, scored in full, and its run."""
    folder = tmp_path_factory.mktemp("cards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANKA_CACHE", str(folder / "cache"))
        run(folder, "cards", '{"scoring": "full"}')
    return folder


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize("name", SETS)
def test_a_tuned_model_tells_labels_apart_that_begin_each_other(cards: Path, tmp_path: Path, name: str) -> None:
    folder = RunFolder(cards / "run") if name == "cards" else run(tmp_path, name)
    assert accuracy(folder) == 1.0
    assert tuned_cell(folder)[0]["ends"] is True
    labels = SETS[name][0]
    begun = sum(one != other and other.startswith(one) for one in labels for other in labels)
    (check,) = (one for one in read_json(folder.audits)["checks"] if one["audit"] == "label beginnings")
    assert check["harmless"] >= begun - (name == "intents")  # "card 1" and "card 10" may be other tokens


def tuned(folder: RunFolder) -> LoadedModel:
    sft = next(one["id"] for one in read_json(folder.plan)["variants"] if one["method"] == "sft")
    return load_model(find_model(str(folder.variant(sft)), Path.cwd()), "float32")


def by_hand(loaded: LoadedModel, prompt: str, labels: Sequence[str]) -> list[float]:
    """The log-likelihood of each whole answer, label and any end of it (EOS, a line break), from a plain pass.

    All begin where any of them leaves the prompt's own tokens.
    """
    tokenizer = loaded.tokenizer

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    before, wholes = ids(prompt), [ids(prompt + label) for label in labels]
    start = min(next(at for at, (a, b) in enumerate(zip([*before, -1], one, strict=False)) if a != b) for one in wholes)
    tails = [
        (one, ids(prompt + label + tail)) for label, one in zip(labels, wholes, strict=True) for tail in ("\n", "\n\n")
    ]
    ends = sorted({tokenizer.eos_token_id, *(longer[len(one)] for one, longer in tails if longer[: len(one)] == one)})
    found, most = [], max(map(len, wholes))
    with torch.inference_mode():  # what is behind an answer, it does not see
        every = loaded.model(input_ids=torch.tensor([[*one, *[0] * (most - len(one))] for one in wholes])).logits
    for whole, logs in zip(wholes, every.log_softmax(-1), strict=True):
        said = sum(float(logs[at - 1, whole[at]]) for at in range(start, len(whole)))
        found.append(said + float(torch.logsumexp(logs[len(whole) - 1, ends], 0)))
    return found


def test_scores_are_those_of_whole_answers_by_hand(cards: Path) -> None:
    folder = RunFolder(cards / "run")
    record, path = tuned_cell(folder)
    loaded = tuned(folder)
    for one in read_predictions(path)[0]:
        assert one.label_scores is not None
        assert list(one.label_scores) == pytest.approx(by_hand(loaded, one.prompt, record["labels"]), abs=1e-3)


@pytest.mark.usefixtures("without_page")
def test_seventy_seven_intents_reach_what_whole_answers_say_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hanka.methods.supervised.adapt.OWN_ROWS", 4
    )  # what it makes of its own rows is not looked at here
    things = ("card", "cash", "fee", "loan", "limit", "top up", "refund", "account", "PIN", "transfer", "exchange")
    states = ("", " lost", " lost abroad", " late", " late again", " not known", " not known yet")
    labels = tuple(thing + state for thing in things for state in states)
    assert len(labels) == 77
    words = tuple(f"{chr(97 + place // 26)}{chr(97 + place % 26)}" for place in range(77))
    base = save_tiny_model(tmp_path / "tiny")
    path = write_study(tmp_path, "digits", base, "{}", (labels, words))
    study = json.loads(path.read_text(encoding="utf-8"))
    study["train"] |= {"sizes": [4 * len(labels)], "epochs": 6}
    study["eval"] = {"limit": 20}
    path.write_text(json.dumps(study), encoding="utf-8")
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    loaded, rows = tuned(folder), read_predictions(tuned_cell(folder)[1])[0]
    some = rows[:: len(rows) // 8]
    for one in some:
        sums = by_hand(loaded, one.prompt, labels)
        assert one.label_scores is not None
        assert one.parsed == labels[sums.index(max(sums))]
        assert list(one.label_scores) == pytest.approx(sums, abs=1e-3)
    assert accuracy(folder) > 10 / 77


@pytest.mark.usefixtures("without_page")
def test_every_mode_but_first_token_scores_the_end(cards: Path, tmp_path: Path) -> None:
    """The model that was asked in full is asked in the other mode."""
    shutil.copytree(cards, tmp_path / "cards")
    before = tuned_cell(RunFolder(cards / "run"))[1].name
    path = write_study(tmp_path / "cards", "cards", cards / "tiny", '{"scoring": "normalised"}')
    folder = run_study(path, tmp_path / "cards/run", RunOptions(quiet=True)).folder
    assert tuned_cell(folder)[1].name != before
    assert accuracy(folder) == 1.0


@pytest.mark.usefixtures("without_page")
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
