from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.killed_run import run_killed
from e2e.study_files import TEXT, write_study
from hanka.errors import AuditError, DataError, StoreError
from hanka.models import attention, packing
from hanka.models.loading import load_model
from hanka.plan import build_plan
from hanka.run import Outcome, RunOptions, rebuild, run_study
from hanka.store.folder import SUMMARY_COLUMNS, RunFolder, read_json, read_predictions
from hanka.study.resolve import load_study
from hanka.tuners import resident
from hanka.work.lacking import Lacking
from hanka.work.worker import Worker
from tiny_models import save_tiny_model

QUIET = RunOptions(quiet=True)


@pytest.fixture(scope="module")
def loads() -> list[str]:
    """The types in which the base was loaded while `finished` was made."""
    return []


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, loads: list[str]) -> Iterator[tuple[Path, Outcome]]:
    folder = tmp_path_factory.mktemp("finished")
    base = save_tiny_model(folder / "tiny")
    study = write_study(folder, base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANKA_CACHE", str(folder / "cache"))
        with patch.context() as counting:
            counting.setattr(resident, "load_model", lambda ref, dtype: loads.append(dtype) or load_model(ref, dtype))
            outcome = run_study(study, folder / "run", QUIET)
        yield study, outcome


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_run_leaves_every_file_of_the_contract(finished: tuple[Path, Outcome]) -> None:
    _, outcome = finished
    folder = outcome.folder.path
    for name in (
        "study.yaml",
        "plan.json",
        "scores.parquet",
        "summary.csv",
        "summary.parquet",
        "audits.json",
        "report.html",
    ):
        assert (folder / name).stat().st_size > 0, name
    plan = json.loads((folder / "plan.json").read_text())
    for variant in plan["variants"]:
        made = json.loads((folder / "variants" / variant["id"] / "variant.json").read_text())
        assert made["status"] == "done"
        if variant["method"] != "base":
            assert (folder / "variants" / variant["id"] / "train_log.jsonl").read_text().count("\n") == 4
            assert list((folder / "variants" / variant["id"]).glob("*.safetensors"))
            assert not (folder / "variants" / variant["id"] / "checkpoints").exists()
    for cell in plan["cells"]:
        record = json.loads((folder / "cells" / cell["id"] / "cell.json").read_text())
        assert record["status"] == "done"
        predictions, _ = read_predictions(folder / "cells" / cell["id"])
        assert len(predictions) == record["n"] == 10
        assert (record["prefix"] == "") == (cell["shots"] == 0)
        for one in predictions:
            scored = one.label_scores is not None
            assert scored == bool(record["labels"])
            if scored:
                assert one.parsed == record["labels"][max(range(2), key=lambda index: one.label_scores[index])]


def test_the_summary_has_base_sft_and_fticl_in_all_three_settings(finished: tuple[Path, Outcome]) -> None:
    rows = rows_of(finished[1].folder.path)
    assert tuple(rows[0]) == SUMMARY_COLUMNS
    found = {(row["method"], row["relation"]) for row in rows}
    assert found == {(m, r) for m in ("base", "sft", "fticl") for r in ("in_domain", "out_of_domain", "cross_task")}
    for row in rows:
        assert row["n"] == "10"
        if row["metric"] == "macro_f1":  # fewer than ten rows of a class support no interval
            assert (row["ci_low"], row["ci_high"], row["delta_ci_low"]) == ("", "", "")
            continue
        assert float(row["ci_low"]) <= float(row["value"]) + 1e-9
        assert float(row["value"]) <= float(row["ci_high"]) + 1e-9
        assert (row["delta"] == "") == (row["method"] == "base")
        if row["delta"]:
            assert float(row["delta"]) == pytest.approx(float(row["value"]) - float(row["base_value"]), abs=1e-12)


def test_the_audits_hold_how_each_model_is_asked_as_its_cells_do(finished: tuple[Path, Outcome]) -> None:
    folder = finished[1].folder
    (policy,) = read_json(folder.audits)["policy"].values()
    found: dict[str, dict[str, str]] = {}
    for path in folder.path.glob("cells/*/cell.json"):
        cell = read_json(path)
        assert (
            found.setdefault(cell["test_task"], {}).setdefault(cell["prompt"], cell["template_hash"])
            == cell["template_hash"]
        )
    assert policy["template_hashes"] == found


def test_the_primary_cells_of_the_study_are_one_family_and_no_verdict_contradicts_its_interval(
    finished: tuple[Path, Outcome],
) -> None:
    rows = [row for row in rows_of(finished[1].folder.path) if row["p_value"]]
    primary = read_json(finished[1].folder.findings)["primary_metrics"]
    for row in rows:
        is_primary = row["metric"] == primary[row["test_task"]]
        assert bool(row["verdict"]) == (row["family"] == "cells") == is_primary
        if row["sim_low"]:
            low, high = float(row["sim_low"]), float(row["sim_high"])
            assert low <= float(row["delta_ci_low"]) <= float(row["delta_ci_high"]) <= high
            assert (row["verdict"] in ("better", "worse")) == (low > 0 or high < 0)
            assert float(row["p_adjusted"]) >= float(row["p_value"])
        elif is_primary:  # fewer than ten independent rows decide nothing
            assert (row["verdict"], row["p_adjusted"]) == ("undecided", "")
    assert any(row["sim_low"] for row in rows)


def test_training_and_scoring_share_the_template_hash(finished: tuple[Path, Outcome]) -> None:
    folder = finished[1].folder.path
    trained = [json.loads(path.read_text()) for path in folder.glob("variants/*/variant.json")]
    hashes = {one["record"]["template_hash"] for one in trained if one["train_task"] == "sentiment"}
    cells = [json.loads(path.read_text()) for path in folder.glob("cells/*/cell.json")]
    assert hashes == {one["template_hash"] for one in cells if one["test_task"] == "sentiment"}


def test_a_finished_study_is_a_no_op_that_touches_nothing(finished: tuple[Path, Outcome]) -> None:
    study, outcome = finished
    folder = outcome.folder.path
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"}
    started = time.monotonic()
    again = run_study(study, folder, QUIET)
    assert time.monotonic() - started < 5
    assert again.n_new == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"}


def test_report_rebuilds_the_same_tables_from_stored_files(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder = finished[1].folder
    before = folder.summary.read_bytes(), folder.findings.read_bytes()
    rebuild(RunFolder(folder.path), tmp_path / "ja.html", "ja")
    assert (folder.summary.read_bytes(), folder.findings.read_bytes()) == before
    assert 'lang="ja"' in (tmp_path / "ja.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("without_page")
def test_killed_and_run_again_gives_the_same_summary_byte_for_byte(
    finished: tuple[Path, Outcome], tmp_path: Path
) -> None:
    """Killed while it trains, and once more while it asks; test_every_unit.py has more such moments."""
    study, outcome = finished
    for moment in ("training, step 2 of 4", "asking film, 2 shots"):
        assert run_killed(study, tmp_path / "run", moment) == -9
        assert not (tmp_path / "run" / "summary.csv").exists()
    again = run_study(study, tmp_path / "run", QUIET)
    assert again.n_failed == 0
    assert (tmp_path / "run" / "summary.csv").read_bytes() == outcome.folder.summary.read_bytes()
    assert (tmp_path / "run" / "findings.json").read_bytes() == outcome.folder.findings.read_bytes()


def test_a_failed_variant_is_failed_rows_and_the_rest_goes_on(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    study = finished[0]
    text = study.read_text().replace("peft: lora", "peft: lora, max_length: 9")
    broken = study.with_name("broken.yaml")
    broken.write_text(text)
    outcome = run_study(broken, tmp_path / "run", QUIET)
    rows = rows_of(tmp_path / "run")
    failed = [row for row in rows if row["method"] == "sft"]
    assert outcome.lacking == Lacking(cells=6, variants=1)
    assert len(failed) == 6
    assert {(row["n"], row["n_failed"], row["value"], row["verdict"]) for row in failed} == {("0", "10", "", "")}
    assert all(row["value"] for row in rows if row["method"] != "sft")
    record = json.loads((tmp_path / "run/cells" / failed[0]["cell_id"] / "cell.json").read_text())
    assert "fits max_length 9" in record["reason"]
    counted = ("n", "n_unparsed", "n_prompt_tokens", "n_output_tokens", "seconds", "device")
    assert [record[name] for name in counted] == [0, 0, 0, 0, 0.0, ""]


@pytest.mark.usefixtures("without_page")
def test_damaged_predictions_are_made_again(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    study, outcome = finished
    import shutil

    shutil.copytree(outcome.folder.path, tmp_path / "run")
    cell = json.loads((tmp_path / "run/plan.json").read_text())["cells"][0]["id"]
    (tmp_path / "run/cells" / cell / "predictions.parquet").unlink()
    again = run_study(study, tmp_path / "run", QUIET)
    assert again.n_new == 1
    assert again.folder.summary.read_bytes() == outcome.folder.summary.read_bytes()


def test_strict_turns_audit_findings_into_one_error_before_any_training(
    finished: tuple[Path, Outcome], tmp_path: Path
) -> None:
    strict = finished[0].with_name("strict.yaml")
    strict.write_text(finished[0].read_text().replace("max_new_tokens: 6", "max_new_tokens: 1") + "strict: true\n")
    with pytest.raises(AuditError, match=r"strict: \d+ audit findings.*references are longer than 1 tokens"):
        run_study(strict, tmp_path / "run", QUIET)
    assert not (tmp_path / "run" / "variants").exists()


def test_a_second_process_in_the_same_folder_is_refused(finished: tuple[Path, Outcome]) -> None:
    study, outcome = finished
    with outcome.folder.lock(), pytest.raises(StoreError, match="another hanka process"):
        run_study(study, outcome.folder.path, QUIET)


def test_labels_that_begin_alike_are_refused_in_first_token_mode_before_any_training(
    finished: tuple[Path, Outcome], tmp_path: Path
) -> None:
    for name, n_rows in (("train", 24), ("test", 22)):
        lines = [f"mail {index} of {name},{('zzqa', 'zzqb')[index % 2]}" for index in range(n_rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["input,output", *lines]) + "\n")
    study = tmp_path / "study.yaml"
    study.write_text(
        f"name: clash\nbase: {finished[0].parent / 'tiny'}\n"
        "datasets: {mine: {task: tone, train: train.csv, test: test.csv}}\n"
        "tasks: {tone: {kind: classification, labels: [zzqa, zzqb], prompt: 'Mail: {input}\\nTone:', "
        "train: mine, in_domain: [mine]}}\n"
        "methods: [base, sft]\ntrain: {sizes: [8], epochs: 1}\neval: {scoring: first_token}\n"
    )
    with pytest.raises(DataError, match="'zzqa' and 'zzqb' begin with the same token"):
        run_study(study, tmp_path / "run", QUIET)
    assert not (tmp_path / "run" / "variants").exists()


def numbers_of(folder: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "params"} for row in rows_of(folder)]


@pytest.mark.usefixtures("without_page")
def test_token_budgets_and_what_ran_before_change_no_number(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    """Tiny passes, and only the last variant's cells asked by a process that never saw the others."""
    _, outcome = finished
    text = TEXT.replace("limit: 10}}", "limit: 10, batch_tokens: 64}}").replace(
        "{{sizes", "{{micro_batch_tokens: 32, sizes"
    )
    study = write_study(tmp_path, outcome.folder.path.parent / "tiny", text=text)
    folder = run_study(study, tmp_path / "run", QUIET).folder
    assert numbers_of(folder.path) == numbers_of(outcome.folder.path)
    last = read_json(folder.plan)["cells"][-1]["id"]
    expected, _ = read_predictions(folder.cell(last))
    shutil.rmtree(folder.cell(last))
    plan = build_plan(load_study(study))
    for unit in plan.units():
        Worker(plan, folder, lambda _what, _share: None).run(unit)
    assert read_predictions(folder.cell(last))[0] == expected


def test_one_base_is_loaded_once_for_all_variants(finished: tuple[Path, Outcome], loads: list[str]) -> None:
    assert finished[1].n_failed == 0
    assert loads == ["float32"]


@pytest.mark.usefixtures("without_page")
def test_running_out_of_memory_lowers_the_budget_and_says_so(
    finished: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes of more than 300 tokens fail, in training and in scoring; the numbers are those of enough memory."""
    study, outcome = finished
    whole = packing.pack

    def small(*asked: Any, **named: Any) -> packing.Pack:
        passed = whole(*asked, **named)
        if passed.input_ids.shape[1] > 300:
            raise RuntimeError("CUDA out of memory. Tried to allocate")
        return passed

    monkeypatch.setattr(attention, "pack", small)
    run_study(study, tmp_path / "run", QUIET)
    assert rows_of(tmp_path / "run") == rows_of(outcome.folder.path)
    cells = [json.loads(path.read_text()) for path in (tmp_path / "run/cells").glob("*/cell.json")]
    assert [one["notes"] for one in cells] == [[]] * len(cells)
    # The first cell of a variant runs out; the others start with what it was left with.
    assert {tuple(one["batch_tokens"]) for one in cells} == {(8192, 256), (256, 256)}
    made = [json.loads(path.read_text()) for path in (tmp_path / "run/variants").glob("*/variant.json")]
    assert {tuple(one["record"]["micro_batch_tokens"]) for one in made if one["train_task"]} == {(4096, 256)}
