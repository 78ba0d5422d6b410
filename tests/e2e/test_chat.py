"""Chat studies from file to report: conversations, system turns and reasoning, with a tiny model that learns to end its turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hanka.errors import HankaError
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import load_study
from tiny_models import tiny_config, tiny_tokenizer

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is defined and enable_thinking %}<think>{% endif %}{% endif %}"
)
MARKS = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
COLOURS = ("red", "blue")


def save_chat_model(folder: Path) -> Path:
    """A tiny model with a chat template whose turns end in another token than EOS."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS})
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config(vocab_size=len(tokenizer)), dtype=torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def talks(n: int, offset: int = 0) -> list[dict[str, Any]]:
    """Conversations of two questions; the second answer is the colour that the first question names."""
    rows = []
    for place in range(offset, offset + n):
        colour = COLOURS[place % 2]
        rows.append({"conversations": [
            {"from": "human", "value": f"It is {colour}, number {place}."}, {"from": "gpt", "value": "Yes."},
            {"from": "human", "value": "Which?"}, {"from": "gpt", "value": colour},
        ]})  # fmt: skip
    return rows


def write_study(folder: Path, **changes: Any) -> Path:
    for name, rows in (("train", talks(40)), ("test", talks(12, 100))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    study = {
        "name": "talk", "base": str(folder / "model"),
        "tasks": {"chat": {"train": "mine", "in_domain": ["mine"]}},
        "datasets": {"mine": {"task": "chat", "domain": "mine", "train": "train.jsonl", "test": "test.jsonl"}},
        "tokens": {"template": "chat", "system": "Say a colour."},
        "methods": ["base", {"sft": {"peft": "none"}}],
        "train": {"sizes": [36], "epochs": 12, "learning_rate": 5.0e-3, "batch_size": 4},
        "eval": {"max_new_tokens": 8}, "stats": {"resamples": 200},
    } | changes  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


def run(folder: Path, **changes: Any) -> RunFolder:
    if not (folder / "model").exists():
        save_chat_model(folder / "model")
    return run_study(write_study(folder, **changes), folder / "run", RunOptions(quiet=True)).folder


def cells_of(folder: RunFolder, method: str) -> list[tuple[dict[str, Any], Path]]:
    plan = read_json(folder.plan)
    variants = {one["id"] for one in plan["variants"] if one["method"] == method}
    places = [folder.cell(one["id"]) for one in plan["cells"] if one["variant_id"] in variants]
    return [(read_json(place / "cell.json"), place) for place in places]


def test_conversations_are_trained_and_answers_end_where_the_turn_ends(tmp_path: Path) -> None:
    folder = run(tmp_path)
    ((record, place),) = cells_of(folder, "sft")
    rows = read_predictions(place)[0]
    assert record["status"] == "done", record["reason"]
    assert {row.output for row in rows} <= set(COLOURS)  # one word, then the end of the turn
    assert all(row.n_output_tokens < 8 for row in rows)
    asked = "<|system|>Say a colour.<|end|><|user|>It is red, number 100.<|end|><|assistant|>Yes.<|end|><|user|>Which?<|end|><|assistant|>"
    assert asked in {row.prompt for row in rows}
    policy = read_json(folder.audits)["policy"]["model"]
    assert (policy["answer_begins"], policy["turn_ends"], policy["earlier_turns"]) == (
        "as asked",
        "<|end|>",
        "as they are",
    )


def test_every_turn_of_the_assistant_can_be_learnt(tmp_path: Path) -> None:
    save_chat_model(tmp_path / "model")
    path = write_study(tmp_path)
    study = json.loads(path.read_text())
    study["datasets"]["mine"]["turns"] = "all"
    path.write_text(json.dumps(study))
    found = load_study(path)
    dataset = found.datasets["mine"]
    rows = {row.id: row for split in ("train", "demonstrations") for row in dataset.load(split)}
    assert len(rows) == 80
    assert [rows[f"mine/train/000000/{turn}"].target for turn in (1, 2)] == ["Yes.", "red"]
    assert {row.group for row in rows.values()} == {f"mine/train/{place:06d}" for place in range(40)}
    assert len(dataset.load("test")) == 12


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize("kind", ["labels", "text"])
def test_reasoning_is_written_closed_and_counted_before_the_answer(tmp_path: Path, kind: str) -> None:
    task = (
        {"kind": "classification", "labels": list(COLOURS)} if kind == "labels" else {"kind": "generation", "stop": []}
    )
    for name, rows in (("train", talks(12)), ("test", talks(6, 100))):
        lines = [
            {"input": row["conversations"][0]["value"], "output": row["conversations"][3]["value"]} for row in rows
        ]
        (tmp_path / f"say-{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    changes = {
        "tasks": {"say": {**task, "prompt": "{input} Which?", "train": "said", "in_domain": ["said"]}},
        "datasets": {"said": {"task": "say", "domain": "said", "train": "say-train.jsonl", "test": "say-test.jsonl"}},
        "tokens": {"template": "chat", "thinking": 5},
        "methods": ["base", {"sft": {"peft": "none", "epochs": 1}}],
        "train": {"sizes": [8]},
    }
    folder = run(tmp_path, **changes)
    for method in ("base", "sft"):
        ((record, place),) = cells_of(folder, method)
        assert record["status"] == "done", record["reason"]
        rows = read_predictions(place)[0]
        assert all(row.prompt.endswith("<|assistant|><think>") for row in rows)
        if method == "base":  # random weights do not close a block: the budget does
            assert any("reasoning used its whole budget" in note for note in record["notes"])
            assert all(row.n_output_tokens >= 5 for row in rows)
            assert any(row.reasoning for row in rows)
    ids = {one["id"] for one in read_json(folder.plan)["variants"]}
    off = run_study(
        write_study(tmp_path, **{**changes, "tokens": {"template": "chat"}}), tmp_path / "off", RunOptions(quiet=True)
    )
    assert {one["id"] for one in read_json(off.folder.plan)["variants"]} == ids  # trained alike, asked differently


def test_a_template_that_changes_between_training_and_asking_is_noticed(tmp_path: Path) -> None:
    folder = run(tmp_path)
    ((_, place),) = cells_of(folder, "sft")
    variant = next(
        path for path in (folder.path / "variants").glob("*/variant.json") if read_json(path)["method"] == "sft"
    )
    record = read_json(variant)
    record["record"]["template_hash"] = "0" * 16
    variant.write_text(json.dumps(record), encoding="utf-8")
    (place / "cell.json").unlink()
    run_study(tmp_path / "study.yaml", tmp_path / "run", RunOptions(quiet=True))
    assert "was trained on task chat rendered as 0000000000000000" in read_json(place / "cell.json")["reason"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tokens": {"template": "plain"}}, "asks conversations, and a plain prompt has no turns"),
        ({"tokens": {"system": "x"}}, "tokens.system: a plain prompt has no turns"),
        ({"tokens": {"thinking": "on"}}, "tokens.thinking: a plain prompt has no turns"),
        ({"tokens": {"template": "chat", "thinking": 0}}, "0 is neither off, on, nor a number of tokens"),
        ({"tokens": {"template": "chat", "date": "tomorrow"}}, "'tomorrow' is no day; write it as YYYY-MM-DD"),
        ({"tokens": {"template": "chat", "control": "drop"}}, "control"),
        ({"tasks": {"talk": {"kind": "generation", "prompt": "Q: {messages}", "train": "mine", "in_domain": ["mine"]}},
          "datasets": {"mine": {"task": "talk", "train": "train.jsonl", "test": "test.jsonl"}}}, "has text around {messages}"),
        ({"datasets": {"mine": {"task": "chat", "train": "train.jsonl", "test": "test.jsonl", "turns": "some"}}}, "turns"),
    ],
)  # fmt: skip
def test_what_needs_a_chat_says_so(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    save_chat_model(tmp_path / "model")
    with pytest.raises(HankaError) as caught:
        load_study(write_study(tmp_path, **changes))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_that_are_no_conversation_are_named_with_their_line(tmp_path: Path) -> None:
    save_chat_model(tmp_path / "model")
    path = write_study(tmp_path)
    with (tmp_path / "test.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps({"conversations": [{"from": "human", "value": "Hi."}]}) + "\n")
    with pytest.raises(HankaError, match=r"test.jsonl:13: column 'conversations' ends with a turn of the user"):
        load_study(path).datasets["mine"].load("test")
