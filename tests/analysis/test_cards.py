"""A model card: what the hub accepts, with nothing in it that nobody stated; every number with n and interval."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governed_runs import BASE, GOOD, governed_run, variant_of
from hanka.analysis.cards import Governed, Signed, card_beside, gather, model_card
from hanka.analysis.cards.metadata import licence_of, metadata
from hanka.analysis.evidence import load_evidence
from hanka.analysis.export import export_run
from hanka.store.folder import RunFolder, read_json, write_json

NOBODY: Governed = Governed((), "", "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # other: a fifth is lost; away and home: gained
    return governed_run(tmp_path_factory.mktemp("made") / "run", tuned=GOOD | {"other": range(100)}).path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    shutil.copytree(made, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def card_of(run: RunFolder, governed: Governed = NOBODY) -> str:
    return model_card(gather(load_evidence(run), variant_of(run), governed))


def metadata_of(run: RunFolder) -> dict[str, Any]:
    return metadata(gather(load_evidence(run), variant_of(run)))


def section(card: str, title: str) -> str:
    return card.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def changed(run: RunFolder, **changes: Any) -> None:
    plan = read_json(run.plan)
    plan["reproduce"] |= changes
    write_json(run.plan, plan)


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, float):
        yield value


def test_the_hubs_own_library_reads_the_card_and_gives_the_same_metadata_back(run: RunFolder) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(card_of(run))
    data = card.data
    assert isinstance(data, hub.ModelCardData)
    assert (data.license, data.base_model, data.library_name, data.pipeline_tag) == (
        "apache-2.0", "acme/tiny", "peft", "text-generation",
    )  # fmt: skip
    assert data.model_name == "mails-sft-home-8-seed0"
    assert [(one.dataset_name, one.metric_type) for one in data.eval_results] == [
        ("home", "accuracy"), ("away", "accuracy"), ("other", "f1"),
    ]  # fmt: skip
    assert {(one.task_type, one.dataset_split) for one in data.eval_results} == {("text-classification", "test")}
    written = metadata_of(run)
    assert data.to_dict() == written
    assert hub.ModelCard(str(card)).data.to_dict() == written


def test_a_p_value_is_never_nothing(run: RunFolder) -> None:
    rows = [line.split("|") for line in section(card_of(run), "Results").splitlines() if line.startswith("| ")][1:]
    written = [cells[9].strip() for cells in rows]
    assert any(one == "< 0.001" for one in written)
    assert "0.000" not in written


def test_every_result_carries_n_interval_and_the_difference_from_the_base(run: RunFolder) -> None:
    home = metadata_of(run)["model-index"][0]["results"][0]["metrics"][0]
    assert home["value"] == 0.75
    args = home["args"]
    assert (args["n"], args["relation"], args["base_value"], args["verdict"]) == (400, "in_domain", 0.5, "better")
    assert args["ci_low"] < 0.75 < args["ci_high"]
    assert args["sim_low"] < args["delta"] == 0.25 < args["sim_high"]
    assert all(math.isfinite(one) for one in numbers(metadata_of(run)))


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("CC BY-SA 4.0", {"license": "cc-by-sa-4.0"}),
        ("Llama 3.2 Community License (gated: accept it on the hub first)", {"license": "llama3.2"}),
        ("Qwen Research License", {"license": "other", "license_name": "qwen-research-license"}),
        ("not stated", {"license": "unknown"}),
        ("", {"license": "unknown"}),
    ],
)
def test_a_licence_is_the_hubs_identifier_another_name_or_unknown(stated: str, said: dict[str, str]) -> None:
    assert licence_of(stated) == said


def test_an_unknown_licence_is_said_in_metadata_and_text(run: RunFolder) -> None:
    changed(
        run, models=[{"name": "tiny", "licence": "not stated", "note": "", "identity": {"folder_sha256": "a" * 64}}]
    )
    assert metadata_of(run)["license"] == "unknown"
    assert "as its makers state it: not stated" in section(card_of(run), "Base model and licence")
    away = next(row for row in section(card_of(run), "Data").splitlines() if row.startswith("| away |"))
    assert "| not stated | own |" in away


@pytest.mark.parametrize(
    "identity", [{"folder_sha256": "a" * 64}, {"wheel": "llm-tiny", "sha256": "b" * 64}, {"hub": "no id"}, None]
)
def test_a_base_that_is_not_the_hubs_is_not_named_as_if_it_were(run: RunFolder, identity: Any) -> None:
    changed(run, models=[{"name": "tiny", "licence": "MIT", "note": "", "identity": identity}])
    assert not {"base_model", "base_model_relation"} & metadata_of(run).keys()
    assert "Base model: `tiny`." in card_of(run)


def test_data_sets_of_the_hub_are_named_and_own_files_are_not(run: RunFolder) -> None:
    assert "datasets" not in metadata_of(run)
    sets = read_json(run.plan)["reproduce"]["datasets"]
    sets[0]["source"] = "hub:acme/mails@main::train"
    changed(run, datasets=sets)
    found = metadata_of(run)
    assert found["datasets"] == ["acme/mails"]
    assert found["model-index"][0]["results"][0]["dataset"]["type"] == "acme/mails"


def test_languages_are_those_its_makers_state_and_none_where_they_state_none(run: RunFolder) -> None:
    assert "language" not in metadata_of(run)
    models = read_json(run.plan)["reproduce"]["models"]
    changed(run, models=[models[0] | {"languages": ["en", "ja"]}])
    assert metadata_of(run)["language"] == ["en", "ja"]


def test_what_it_lost_is_listed_with_interval_and_n(run: RunFolder) -> None:
    lost = section(card_of(run), "What it lost")
    row = next(row for row in gather(load_evidence(run), variant_of(run)).summary if row["test_dataset"] == "other")
    ends = f"[{float(row['sim_low']):+.3f}, {float(row['sim_high']):+.3f}]"
    assert (
        f"Shown to be worse:\n\n- other, another task, 0-shot: macro_f1 {float(row['delta']):+.3f} {ends} (n = 400)"
        in lost
    )
    assert "home" not in lost
    assert "not measured" not in lost


def test_a_loss_that_was_not_measured_is_said_to_be_so(tmp_path: Path) -> None:
    run = governed_run(tmp_path / "run", tuned={"home": range(300)}, base={"home": range(200)})
    lost = section(card_of(run), "What it lost")
    assert "What it lost on other text was not measured." in lost
    assert "What it lost on other tasks was not measured." in lost


def test_a_loss_that_few_rows_leave_open_is_listed_and_the_card_agrees_with_the_decision(tmp_path: Path) -> None:
    few = {"home": range(40), "away": range(20), "other": range(19)}
    run = governed_run(tmp_path / "run", tuned=few, base={name: range(20) for name in BASE}, n=40)
    card = card_of(run)
    lost = section(card, "What it lost")
    (system,) = read_json(run.findings)["decision"]["per_task"][0]["systems"]
    named = {test for tests in system["open"] for test in tests}
    assert named == {"away", "other"}  # of 40 rows alike, a loss of 6 % is not excluded
    listed = lost.split("A loss of 0.05 is not excluded:\n\n", 1)[1].split("\n\n", 1)[0].splitlines()
    assert {line.split(",")[0].removeprefix("- ") for line in listed} == named
    assert "Shown to be worse" not in lost


def test_data_are_stated_with_licence_source_rows_and_hash(run: RunFolder) -> None:
    rows = [line for line in section(card_of(run), "Data").splitlines() if line.startswith("| home |")]
    assert rows == [
        f"| home | training | sentiment | home | CC BY-SA 4.0 | own | 8 | {'f' * 64} |",
        f"| home | test | sentiment | home | CC BY-SA 4.0 | own | 400 | {'e' * 64} |",
    ]


def test_a_divided_file_and_rows_left_out_are_stated(run: RunFolder) -> None:
    plan = read_json(run.plan)
    plan["splits"] = {
        "home": {
            "file": "mails.csv",
            "test": 0.2,
            "validation": 0.0,
            "seed": 1,
            "n_groups": 90,
            "n_rows": {"train": 80, "test": 20},
        }
    }
    plan["files"] = [
        {"dataset": "home", "split": "train", "file": "mails.csv", "n_rows": 103, "left_out": {"label": 3}}
    ]
    write_json(run.plan, plan)
    data = section(card_of(run), "Data")
    assert "mails.csv was divided into 80 train, 20 test rows, 90 groups whole (seed 1)." in data
    assert "of 103 rows of mails.csv these are not used: 3 label." in data


def test_the_prompt_is_shown_as_a_template_from_the_study_or_the_registry_and_no_row_is_published(
    run: RunFolder,
) -> None:
    assert "    {input}\n    ### Sentiment:" in section(card_of(run), "How to ask it")
    run.study.write_text('tasks: {sentiment: {prompt: "Mail: {input}\\nTone:"}}\n', encoding="utf-8")
    asked = section(card_of(run), "How to ask it")
    assert "    Mail: {input}\n    Tone:" in asked
    assert "answered with one of 'yes', 'no'" in asked
    assert "without demonstrations" in asked


def test_approvals_stand_with_names_and_dates_and_so_does_what_is_served_instead(run: RunFolder) -> None:
    assert "there is no log of decisions" in section(card_of(run), "Approvals")
    signed = (Signed("Ada", "lead", "2026-03-01", 4, ""), Signed("Bob", "security", "2026-03-02", 5, "a pilot"))
    said = section(card_of(run, Governed(signed, "base of mails", "c" * 64)), "Approvals")
    assert "- Ada (lead), 2026-03-01, entry 4 of the log.\n" in said
    assert "did not allow it: a pilot" in said
    assert "served instead: base of mails." in said
    assert "c" * 64 in said
    assert "Nobody approved it in the log of decisions." in section(
        card_of(run, Governed((), "", "c" * 64)), "Approvals"
    )


def test_exported_as_a_whole_the_card_is_the_readme_of_the_folder_or_stands_beside_the_file(
    run: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "merged").mkdir()
    path = card_beside(run, variant_of(run)["id"], tmp_path / "merged", {})
    assert path == tmp_path / "merged/README.md"
    assert "library_name: transformers\n" in path.read_text(encoding="utf-8")
    (tmp_path / "one.gguf").touch()
    path = card_beside(run, variant_of(run)["id"], tmp_path / "one.gguf", {})
    assert path == tmp_path / "one.md"
    text = path.read_text(encoding="utf-8")
    assert "library_name: gguf\n" in text
    assert "base_model_relation: quantized\n" in text


def test_a_card_is_written_for_every_adapted_variant_and_for_no_other(run: RunFolder, tmp_path: Path) -> None:
    assert export_run(run, "model-card", tmp_path / "cards") == [tmp_path / f"cards/{variant_of(run)['id']}.md"]


def test_a_card_speaks_of_its_own_variant_and_says_when_nothing_was_decided(run: RunFolder) -> None:
    found = read_json(run.findings)
    found["notes"].append({"kind": "training_status", "message_en": "another one collapsed", "message_ja": ""})
    found["decision"]["per_task"] = []
    write_json(run.findings, found)
    card = card_of(run)
    assert "another one collapsed" not in card
    assert "nothing was compared with the base model" in section(card, "Decision")
    assert "Shown to be worse" in section(card, "What it lost")
