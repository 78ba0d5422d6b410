"""Weights that are already there: as a variant with verdicts, the same as if hanka had tuned them, or refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file, save_file

from hanka.analysis.summary import CELLS
from hanka.errors import HankaError
from hanka.identity import sha256_text
from hanka.report import render_report
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_csv, read_json, read_predictions
from hanka.study.resolve import load_study
from tiny_models import save_tiny_model, tiny_config, tiny_tokenizer

STUDY = """\
name: there
base: {base}
data: {{source: toy}}
tasks: {{sentiment: {{}}}}
methods: [base, {entries}]
train: {{sizes: [16], epochs: 3, learning_rate: 1.0e-2}}
eval: {{shots: [0], limit: 12}}
stats: {{resamples: 200}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base, and what was tuned on it: an adapter, and a whole model."""
    folder = tmp_path_factory.mktemp("made")
    save_tiny_model(folder / "base")
    path = folder / "tune.yaml"
    path.write_text(
        STUDY.format(
            base=folder / "base", entries="{sft: {peft: lora}}, {sft: {peft: none, name: full, learning_rate: 1.0e-3}}"
        )
    )
    run = run_study(path, folder / "tuned", RunOptions(quiet=True)).folder
    for one in read_json(run.plan)["variants"]:
        if one["method"] == "sft":
            shutil.copytree(run.variant(one["id"]), folder / one["label"])
    return folder


def run(made: Path, to: Path, entries: str, base: str = "base") -> RunFolder:
    path = to / "study.yaml"
    path.write_text(STUDY.format(base=made / base, entries=entries))
    return run_study(path, to / "run", RunOptions(quiet=True)).folder


def variant(folder: RunFolder, label: str) -> dict[str, Any]:
    (one,) = [one for one in read_json(folder.plan)["variants"] if one["label"] == label]
    record: dict[str, Any] = read_json(folder.variant(one["id"]) / "variant.json")
    return record


def scores(folder: RunFolder, label: str) -> dict[str, tuple[float, ...]]:
    plan = read_json(folder.plan)
    (of,) = [one["id"] for one in plan["variants"] if one["label"] == label]
    found = {}
    for cell in plan["cells"]:
        if cell["variant_id"] == of:
            record = read_json(folder.cell(cell["id"]) / "cell.json")
            assert record["status"] == "done", record["reason"]
            for row in read_predictions(folder.cell(cell["id"]))[0]:
                assert row.label_scores is not None
                found[f"{cell['test_dataset']}/{row.sample_id}"] = row.label_scores
    return found


@pytest.mark.usefixtures("without_page")
def test_an_adapter_and_a_whole_model_answer_as_they_did_where_they_were_tuned(made: Path, tmp_path: Path) -> None:
    entries = ", ".join([
        f"{{existing: {{path: {made}/{path}, trained_on: shop, name: {name}}}}}"
        for path, name in (("sft", "theirs"), ("sft, merge: true", "merged"), ("full", "whole"))
    ])  # fmt: skip
    folder = run(made, tmp_path, entries)
    tuned = RunFolder(made / "tuned")
    assert scores(folder, "theirs") == scores(tuned, "sft")
    assert scores(folder, "whole") == scores(tuned, "full")
    merged, apart = scores(folder, "merged"), scores(folder, "theirs")
    assert merged != apart  # folded in, weights round differently
    assert all(
        a == pytest.approx(b, abs=1e-3) for name in merged for a, b in zip(merged[name], apart[name], strict=True)
    )
    theirs = variant(folder, "theirs")
    assert (theirs["tuner"], theirs["record"]["kind"], theirs["train_dataset"]) == (
        "lora",
        "adapter (LORA)",
        "shop",
    )
    assert theirs["record"]["largest_nats"] > 0
    assert theirs["record"]["notes"] == []
    assert variant(folder, "whole")["record"]["kind"] == "whole model"
    findings = read_json(folder.findings)
    compared = {one["variant"] for one in findings["comparisons"]} if "variant" in findings["comparisons"][0] else set()
    assert findings["comparisons"]
    assert compared <= {one["id"] for one in read_json(folder.plan)["variants"]}
    again = load_study(folder.path / "study.yaml")
    assert [use.label for use in again.methods] == ["base", "theirs", "merged", "whole"]


@pytest.mark.parametrize(("lang", "word"), [("en", "Not declared"), ("ja", "申告なし")])
def test_weights_that_nobody_says_the_data_of_are_in_no_domain(
    made: Path, tmp_path: Path, lang: Literal["en", "ja"], word: str
) -> None:
    half = "{interpolate: {of: theirs, weight: 0.5}}"
    folder = run(made, tmp_path, f"{{existing: {{path: {made}/sft, name: theirs}}}}, {half}")
    plan, findings = read_json(folder.plan), read_json(folder.findings)
    own = {one["id"]: one["label"] for one in plan["variants"]}
    relations = {(own[cell["variant_id"]], cell["test_dataset"]): cell["relation"] for cell in plan["cells"]}
    declared = {name: relation for (label, name), relation in relations.items() if label == "base"}
    assert sorted(declared.values()) == ["in_domain", "out_of_domain"]
    assert {pair: relation for pair, relation in relations.items() if pair[0] != "base"} == {
        (label, name): "undeclared" for label in ("theirs", "interpolate") for name in declared
    }
    assert findings["decision"]["per_task"] == []
    said = {
        "en": "theirs, interpolate: it is not declared what",
        "ja": "theirs、interpolate：何で学習した重みかが申告されていない",
    }
    assert findings["decision"][f"sentence_{lang}"].startswith(said[lang])
    assert any(note[f"message_{lang}"].startswith(said[lang]) for note in findings["notes"])
    assert findings["decision"]["n_contrasts"] == {"benefit": 0, "harm": 0}
    rows = read_csv(folder.summary)
    assert {row["verdict"] != "" for row in rows if row["method"] == "theirs" and row["metric"] == "accuracy"} == {True}
    assert {row["family"] for row in rows if row["method"] == "theirs"} == {"", CELLS}
    assert sum("theirs: nothing says what its weights were tuned on" in note for note in plan["notes"]) == 1
    render_report(folder, tmp_path / "report.html", lang)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert word in page
    assert page.index(said[lang]) < page.index('class="below"')


@pytest.mark.usefixtures("without_page")
def test_what_changes_nothing_is_named(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "sft", tmp_path / "zero")
    tensors = load_file(tmp_path / "zero/adapter_model.safetensors")
    save_file({name: torch.zeros_like(value) if "lora_B" in name else value for name, value in tensors.items()},
              tmp_path / "zero/adapter_model.safetensors", {"format": "pt"})  # fmt: skip
    folder = run(made, tmp_path, f"{{existing: {{path: {tmp_path}/zero}}}}")
    record = variant(folder, "existing")["record"]
    assert record["largest_nats"] == 0
    assert "changes nothing: the variant is its base" in record["notes"][0]
    assert any("changes nothing" in str(note) for note in read_json(folder.findings)["notes"])


@pytest.mark.usefixtures("without_page")
def test_sharded_weights_are_one_model(made: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(made / "full").save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    folder = run(made, tmp_path, f"{{existing: {{path: {tmp_path}/shards, name: whole}}}}")
    assert scores(folder, "whole") == scores(RunFolder(made / "tuned"), "full")


def other_base(folder: Path) -> Path:
    return save_tiny_model(folder / "other", hidden_size=48, num_attention_heads=4, head_dim=12)


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize(("kind", "says"), [("sft", "this adapter"), ("full", "these weights were not made on")])
def test_weights_of_another_base_fail_in_one_line(made: Path, tmp_path: Path, kind: str, says: str) -> None:
    shutil.copytree(made / kind, tmp_path / kind)
    other = other_base(tmp_path)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=other, entries=f"{{existing: {{path: {tmp_path}/{kind}}}}}"))
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    record = variant(folder, "existing")
    assert record["status"] == "failed"
    assert says in record["reason"]
    assert "\n" not in record["reason"]


@pytest.mark.usefixtures("without_page")
def test_an_adapter_with_tensors_that_have_no_place_fails_by_name(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "sft", tmp_path / "odd")
    tensors = load_file(tmp_path / "odd/adapter_model.safetensors")
    renamed = {name.replace("layers.1", "layers.7"): value for name, value in tensors.items()}
    save_file(renamed, tmp_path / "odd/adapter_model.safetensors", {"format": "pt"})
    reason = variant(run(made, tmp_path, f"{{existing: {{path: {tmp_path}/odd}}}}"), "existing")["reason"]
    assert "this adapter was not made on" in reason
    assert "layers.7" in reason


@pytest.mark.usefixtures("without_page")
def test_a_tokenizer_of_another_family_fails_in_one_line(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "full", tmp_path / "full")
    tokenizer = json.loads((tmp_path / "full/tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    first, second = list(vocabulary)[-2:]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (tmp_path / "full/tokenizer.json").write_text(json.dumps(tokenizer))
    reason = variant(run(made, tmp_path, f"{{existing: {{path: {tmp_path}/full}}}}"), "existing")["reason"]
    assert "differ in vocabulary" in reason


def damage(folder: Path) -> None:
    (path,) = folder.glob("*.safetensors")
    tensors = load_file(path)
    name = sorted(tensors)[0]
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.usefixtures("without_page")
def test_weights_that_are_no_numbers_fail_with_their_name(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "full", tmp_path / "full")
    damage(tmp_path / "full")
    reason = variant(run(made, tmp_path, f"{{existing: {{path: {tmp_path}/full}}}}"), "existing")["reason"]
    assert "hold NaN or infinity" in reason
    shutil.copytree(made / "base", tmp_path / "base")
    damage(tmp_path / "base")
    study = tmp_path / "base.yaml"
    study.write_text(STUDY.format(base=tmp_path / "base", entries="{sft: {peft: lora}}"))
    broken = run_study(study, tmp_path / "base-run", RunOptions(quiet=True)).folder
    cells = [read_json(broken.cell(one["id"]) / "cell.json") for one in read_json(broken.plan)["cells"]]
    assert {one["status"] for one in cells} == {"failed"}
    assert any("base: weights of" in one["reason"] and "hold NaN or infinity" in one["reason"] for one in cells)


# ---- what a folder is, before anything is loaded


def config_of(folder: Path, **changes: Any) -> Path:
    save_tiny_model(folder)
    config = read_json(folder / "config.json") | changes
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architectures": ["LlamaForSequenceClassification"]}, "is a classifier (LlamaForSequenceClassification)"),
        ({"architectures": ["BertForMaskedLM"]}, "is an encoder (BertForMaskedLM)"),
        ({"architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True}, "is an encoder-decoder model"),
        ({"vocab_size": 100}, "and its embedding 100 rows, so some tokens have no vector"),
    ],
)
def test_a_folder_that_is_no_causal_model_is_told_for_what_it_is(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    folder = config_of(tmp_path / "model", **changes)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=folder, entries="{sft: {peft: lora}}"))
    with pytest.raises(HankaError) as caught:
        load_study(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            "path: nowhere",
            ": methods.1.existing.path: 'nowhere' is no folder, no GGUF file and no hub id (owner/name[@revision])",
        ),
        ("path: ./owner/name", "is no folder, no GGUF file and no hub id"),
        ("path: {made}/full, merge: true", "is a whole model, and `merge` folds an adapter in"),
        ("path: {made}/sft, sha256: " + "ab" * 32, "they changed"),
        ("path: {made}/sft, trained_on: [mails]", "'mails' is no data set of a task of this study"),
        ("merge: true", "path"),
    ],
)
def test_entries_that_cannot_be_are_one_line(made: Path, tmp_path: Path, entry: str, says: str) -> None:
    from hanka.plan import build_plan

    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=made / "base", entries=f"{{existing: {{{entry.format(made=made)}}}}}"))
    with pytest.raises(HankaError) as caught:
        build_plan(load_study(path))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_data_set_that_is_none_of_the_study_is_refused_before_any_row_is_had(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = STUDY.format(base=made / "base", entries=f"{{existing: {{path: {made}/sft, trained_on: [tweet]}}}}")
    path.write_text(text.replace("source: toy", "source: mini"))
    with pytest.raises(
        HankaError, match=r"existing\.trained_on: 'tweet' is no data set of a task of this study: did you"
    ):
        load_study(path)


@pytest.mark.usefixtures("without_page")
def test_weights_may_be_tuned_on_a_data_set_of_which_only_task_and_domain_are_known(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = STUDY.format(base=made / "base", entries=f"{{existing: {{path: {made}/sft, trained_on: old}}}}")
    path.write_text(text + "datasets: {old: {task: sentiment, domain: film}}\n")
    folder = run_study(path, tmp_path / "run", RunOptions(quiet=True)).folder
    relations = {
        one["test_dataset"]: one["relation"] for one in read_csv(folder.summary) if one["method"] == "existing"
    }
    assert relations == {"film": "in_domain", "shop": "out_of_domain"}
    plan = read_json(folder.plan)
    assert [one.id for one in plan_variants(load_study(folder.study))] == [one["id"] for one in plan["variants"]]
    (entry,) = read_json(folder.findings)["decision"]["per_task"]
    assert entry["task"] == "sentiment"
    assert [one["method"] for one in entry["systems"]] == ["existing"]


def test_an_adapter_is_no_base(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=made / "sft", entries="{sft: {peft: lora}}"))
    with pytest.raises(HankaError, match=r"is an adapter for .*, not a model: name that as base, and add `existing:"):
        load_study(path)


def test_an_adapter_folder_beside_a_whole_tokenizer_is_still_an_adapter(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "sft", tmp_path / "both")
    tiny_tokenizer().save_pretrained(tmp_path / "both")
    tiny_config().save_pretrained(tmp_path / "both")
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(base=tmp_path / "both", entries="{sft: {peft: lora}}"))
    with pytest.raises(HankaError, match="is an adapter for"):
        load_study(path)


@pytest.mark.usefixtures("without_page")
def test_weights_of_the_hub_are_those_of_their_commit(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, asked = "0123456789abcdef" * 2 + "01234567", []

    def there(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert not any(pattern.endswith((".bin", ".py")) for pattern in allow_patterns)
        return str(made / "sft")

    monkeypatch.setattr("huggingface_hub.snapshot_download", there)
    folder = run(made, tmp_path, f"{{existing: {{path: me/mails@{commit}, name: theirs}}}}")
    assert asked == [("me/mails", commit)]
    assert scores(folder, "theirs") == scores(RunFolder(made / "tuned"), "sft")
    other = commit[:-1] + "8"
    path = tmp_path / "other.yaml"
    path.write_text((tmp_path / "study.yaml").read_text().replace(commit, other))
    ids = [
        [one.id for use in (load_study(at),) for one in plan_variants(use)] for at in (tmp_path / "study.yaml", path)
    ]
    assert ids[0][0] == ids[1][0]
    assert ids[0][1] != ids[1][1]  # another commit is another variant


class Commit:
    """What the hub says of a branch."""

    sha = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.usefixtures("without_page")
def test_weights_of_a_branch_of_the_hub_are_those_of_the_commit_it_stands_for(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_names, **_more: Commit())
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download",
        lambda name, *, revision, allow_patterns: asked.append((name, revision)) or str(made / "sft"),
    )
    folder = run(made, tmp_path, "{existing: {path: me/mails, name: theirs}}")
    assert asked == [("me/mails", Commit.sha)]
    written = folder.study.read_text()
    assert f"path: me/mails@{Commit.sha}" in written
    pinned = plan_variants(load_study(folder.study))
    assert [one.id for one in pinned] == [one["id"] for one in read_json(folder.plan)["variants"]]
    assert sha256_text(written) == read_json(folder.plan)["reproduce"]["study_sha256"]


def test_a_branch_that_the_hub_does_not_name_the_commit_of_is_one_line(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_names: str, **_more: Any) -> Commit:
        raise OSError("no\nroute")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", fail)
    with pytest.raises(HankaError) as caught:
        run(made, tmp_path, "{existing: {path: me/mails}}")
    assert str(caught.value) == (
        f"{tmp_path}/study.yaml:5: methods.1.existing.path: the hub does not say which commit main of me/mails is (no route): "
        "check the id, go online once, or name the commit: me/mails@<40 digits>"
    )


def plan_variants(study: Any) -> list[Any]:
    from hanka.plan import build_plan

    return [planned.variant for planned in build_plan(study).variants.values()]


@pytest.mark.usefixtures("without_page")
def test_a_hub_that_cannot_be_reached_is_one_line(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_names: str, **_more: Any) -> str:
        raise OSError("no\nroute")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    folder = run(made, tmp_path, f"{{existing: {{path: me/mails@{'ab' * 20}}}}}")
    assert variant(folder, "existing")["reason"] == f"path 'me/mails@{'ab' * 20}' cannot be had from the hub: no route"
