"""What is served is what was tuned: variants folded into whole models are asked their own cells again and compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hanka.cli import main
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json
from tiny_models import save_tiny_model

STUDY = """\
name: exported
base: {base}
data: {{source: toy}}
tasks: {{sentiment: {{}}}}
methods: [base, {entries}]
train: {{sizes: [16], epochs: 2, learning_rate: 1.0e-2}}
eval: {{shots: [0], limit: 12}}
stats: {{resamples: 200}}
"""


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def run(folder: Path, entries: str, **changes: object) -> RunFolder:
    path = folder / "study.yaml"
    path.write_text(STUDY.format(base=save_tiny_model(folder / "tiny", **changes), entries=entries))
    return run_study(path, folder / "run", RunOptions(quiet=True)).folder


def test_an_adapter_and_all_weights_are_whole_models_that_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = run(tmp_path, "{sft: {peft: lora}}, {sft: {peft: none, name: full, learning_rate: 1.0e-3}}")
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged") == 0
    said = capsys.readouterr().out
    for label in ("sft", "full"):
        (merged,) = [
            one for one in (folder.path / "export/merged").glob(f"{label}-*-16-0-*") if (one / "config.json").is_file()
        ]
        assert str(merged) in said
        model = AutoModelForCausalLM.from_pretrained(merged)
        assert type(model).__name__ == "LlamaForCausalLM"
        assert AutoTokenizer.from_pretrained(merged).eos_token == "</s>"
        assert not (merged / "adapter_config.json").exists()
        asked = RunFolder(merged.parent / f"{merged.name}-asked")
        plan = read_json(asked.plan)
        assert [one["label"] for one in plan["variants"]] == ["base", "as tuned", "as exported"]
        cells = [read_json(asked.cell(one["id"]) / "cell.json") for one in plan["cells"]]
        assert {one["status"] for one in cells} == {"done"}
        ours = {cell["test_dataset"] for cell in read_json(folder.plan)["cells"]}
        assert {one["test_dataset"] for one in cells} <= ours
    assert said.count("as exported") >= 2
    assert said.count("24 of 24 answers are the same") == 2  # folding rounds, and changes no choice here
    assert said.count("label scores differ by at most") == 1  # what was trained whole is what it was


def test_tied_embeddings_under_an_adapter_are_named_before_it_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path, "{sft: {peft: lora, target_modules: [q_proj, lm_head]}}")
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged", "--out", str(tmp_path / "out")) == 0
    assert "embedding and head are tied, and the adapter changes lm_head" in capsys.readouterr().err


def test_a_run_without_an_adapted_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=save_tiny_model(tmp_path / "tiny"), entries="").replace("[base, ]", "[base]"))
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged") == 2
    assert "holds no adapted language model that could be merged" in capsys.readouterr().err
    assert call(monkeypatch, "export", str(folder.path), "--to", "gguff") == 2
    assert "allowed: csv, parquet, lm-eval, model-card, merged" in capsys.readouterr().err
    assert json.loads(folder.plan.read_text())["study"] == "exported"
