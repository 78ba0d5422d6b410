"""What is served is what was tuned: variants folded into whole models are asked their own cells again and compared."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from hanka.cli import main
from hanka.errors import ModelError
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json
from hanka.study.resolve import load_study
from hanka.work.gguf import PRE_TOKENIZERS, pre_tokenizer, write_gguf
from tiny_models import save_tiny_model

STUDY = """\
name: exported
base: {base}
data: {{source: toy}}
tasks: {{sentiment: {{out_of_domain: []}}}}
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


def run(folder: Path, entries: str, wider: bool = False, **changes: object) -> RunFolder:
    """Run a study; wider: with a test set out of domain, too."""
    path = folder / "study.yaml"
    text = STUDY.replace("out_of_domain: []", "") if wider else STUDY
    path.write_text(text.format(base=save_tiny_model(folder / "tiny", **changes), entries=entries))
    return run_study(path, folder / "run", RunOptions(quiet=True)).folder


def test_an_adapter_and_all_weights_are_whole_models_that_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = run(tmp_path, "{sft: {peft: lora}}, {sft: {peft: none, name: full, learning_rate: 1.0e-3}}", wider=True)
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged") == 0
    said = capsys.readouterr().out
    for label in ("sft", "full"):
        (merged,) = [
            one for one in (folder.path / "export/merged").glob(f"{label}-*-16-0-*") if (one / "config.json").is_file()
        ]
        assert str(merged) in said
        assert (merged / "README.md").read_text(encoding="utf-8").startswith("---\nlicense:")
        model = AutoModelForCausalLM.from_pretrained(merged)
        assert type(model).__name__ == "LlamaForCausalLM"
        assert AutoTokenizer.from_pretrained(merged).eos_token == "</s>"
        assert not (merged / "adapter_config.json").exists()
        served = load_study(merged.with_name(f"{merged.name}-served.yaml")).models[0].served
        assert served is not None
        assert (served.model, served.eos, served.labels, served.same_as) == (
            merged.name,
            "</s>",
            "logprobs",
            "as exported",
        )
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


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize(("family", "head_dim"), [("llama", 8), ("qwen3", 128)])  # transformers reads no other of qwen3
def test_a_gguf_file_is_the_same_model_to_half_precision(
    family: str, head_dim: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import gguf

    folder = run(tmp_path, "{sft: {peft: lora}}", family=family, head_dim=head_dim)
    assert call(monkeypatch, "export", str(folder.path), "--to", "gguf") == 0
    said = capsys.readouterr().out
    (path,) = (folder.path / "export/gguf").glob("*.gguf")
    assert f"llama_cpp.server --model {path}" in said
    reader = gguf.GGUFReader(path)
    assert reader.fields["general.architecture"].contents() == family
    assert reader.fields["tokenizer.ggml.pre"].contents() == "gpt-2"
    assert len(reader.fields["tokenizer.ggml.tokens"].contents()) == 400
    assert {tensor.tensor_type.name for tensor in reader.tensors} == {"F16", "F32"}
    assert not [one for one in path.parent.iterdir() if (one / "model.safetensors").is_file()]
    asked = RunFolder(path.parent / f"{path.stem}-asked")
    cells = [read_json(asked.cell(one["id"]) / "cell.json") for one in read_json(asked.plan)["cells"]]
    assert {one["status"] for one in cells} == {"done"}
    assert "12 of 12 answers are the same" in said
    gap = re.search(r"label scores differ by at most ([\d.e-]+) nats", said)
    assert gap is not None
    assert 0 < float(gap[1]) < 0.02
    study = load_study(path.with_name(f"{path.stem}-served.yaml"))
    served, local = study.models
    assert served.served is not None
    assert (served.served.model, served.served.labels, served.served.same_as) == (path.stem, "grammar", "as exported")
    assert local.kind == "gguf"


@pytest.mark.usefixtures("without_page")
def test_a_base_that_was_weighed_against_another_is_asked_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = save_tiny_model(tmp_path / "other", seed=3)
    base = (
        f"[{{model: {other}, name: big}}, {{model: {save_tiny_model(tmp_path / 'tiny')}, name: small, reference: big}}]"
    )
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=base, entries="{sft: {bases: small}}"))
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged") == 0
    assert "12 of 12 answers are the same" in capsys.readouterr().out


@pytest.mark.usefixtures("without_page")
def test_what_a_gguf_file_cannot_hold_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path, "{sft: {peft: lora}}", family="gpt2")
    assert call(monkeypatch, "export", str(folder.path), "--to", "gguf") == 2
    said = capsys.readouterr().err
    assert "architecture 'gpt2' cannot be written as GGUF here" in said
    assert not list((folder.path / "export/gguf").glob("*.gguf"))


def test_values_that_half_precision_cannot_hold_stay_and_are_named(tmp_path: Path) -> None:
    import gguf
    from safetensors.torch import load_file, save_file

    folder = save_tiny_model(tmp_path / "tiny")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"][0, 0] = 1e6
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    notes = write_gguf(folder, tmp_path / "tiny.gguf", "tiny")
    assert len(notes) == 1
    assert "model.layers.0.mlp.up_proj.weight" in notes[0]
    kinds = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(tmp_path / "tiny.gguf").tensors}
    assert kinds["blk.0.ffn_up.weight"] == "F32"
    assert kinds["blk.1.ffn_up.weight"] == "F16"


@pytest.mark.parametrize("name", PRE_TOKENIZERS)
def test_known_ways_to_cut_text_are_told_apart(name: str) -> None:
    steps = PRE_TOKENIZERS[name]
    found = {"pre_tokenizer": steps[0] if len(steps) == 1 else {"type": "Sequence", "pretokenizers": steps}}
    assert pre_tokenizer(found) == name
    with pytest.raises(ModelError, match="cuts text before BPE in a way that has no name"):
        pre_tokenizer({"pre_tokenizer": {"type": "Whitespace"}})


@pytest.mark.usefixtures("without_page")
def test_tied_embeddings_under_an_adapter_are_named_before_it_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path, "{sft: {peft: lora, target_modules: [q_proj, lm_head]}}")
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged", "--out", str(tmp_path / "out")) == 0
    assert "embedding and head are tied, and the adapter changes lm_head" in capsys.readouterr().err


@pytest.mark.usefixtures("without_page")
def test_a_run_without_an_adapted_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=save_tiny_model(tmp_path / "tiny"), entries="").replace("[base, ]", "[base]"))
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    assert call(monkeypatch, "export", str(folder.path), "--to", "merged") == 2
    assert "holds no adapted language model that could be merged" in capsys.readouterr().err
    assert call(monkeypatch, "export", str(folder.path), "--to", "gguff") == 2
    assert "allowed: csv, parquet, lm-eval, model-card, merged, gguf" in capsys.readouterr().err
    assert json.loads(folder.plan.read_text())["study"] == "exported"
