"""A run as files of lm-evaluation-harness, there and back: exported tasks give the same numbers there, and logs are compared row by row."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed")

from typer.testing import CliRunner

from hanka.analysis.across import compare_with_harness
from hanka.analysis.export import export_run
from hanka.analysis.lm_eval_runs import as_run, is_logged
from hanka.cli import app
from hanka.errors import HankaError
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_csv, read_json
from harness_tasks import write_tasks
from tiny_models import save_tiny_model

STUDY = """\
name: there and back
base: {base}
data: {{source: toy}}
tasks:
  sentiment: {{}}
  summary: {{train: null, in_domain: [news], out_of_domain: []}}
  words: {{kind: likelihood, in_domain: [words]}}
  lm_eval: {{tasks: [tiny-choice, tiny-writing], include: tasks}}
datasets: {{words: {{task: words, domain: words, test: words.jsonl}}}}
methods: [base, {{sft: {{peft: none}}}}]
train: {{sizes: [16], epochs: 4, learning_rate: 2.0e-2}}
eval: {{shots: {{classification: [0, 2], generation: [0]}}, limit: 12, max_new_tokens: 8}}
stats: {{resamples: 200}}
"""
OWN = ("sentiment_shop_p1_0shot_0", "sentiment_shop_p1_2shot_0", "summary_news_p1_0shot_0", "words_words_p1_0shot_0")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def done(base: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("there")
    write_tasks(folder / "tasks")
    (folder / "words.jsonl").write_text(
        "".join(json.dumps({"output": f"word {n} of a text"}) + "\n" for n in range(12))
    )
    (folder / "study.yaml").write_text(STUDY.format(base=base), encoding="utf-8")
    return run_study(folder / "study.yaml", folder / "run", RunOptions(quiet=True)).folder


@pytest.fixture(scope="module")
def exported(done: RunFolder) -> Path:
    out = done.path / "export/lm-eval"
    export_run(done, "lm-eval", out)
    return out


def asked_there(base: Path, tasks: Path, names: list[str], logs: Path) -> dict[str, Any]:
    """Ask the harness' own model class, and log as its command line does."""
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        tracker = EvaluationTracker(output_path=str(logs))
        model = HFLM(pretrained=str(base), device="cpu", dtype="float32", batch_size=1)
        manager = TaskManager(include_path=str(tasks), include_defaults=False)
        found: dict[str, Any] = simple_evaluate(
            model,
            tasks=names,
            task_manager=manager,
            limit=12,
            bootstrap_iters=100,
            log_samples=True,
            evaluation_tracker=tracker,
        )
        samples = found.pop("samples")
        tracker.save_results_aggregated(results=found, samples=samples)
        for name in found["configs"]:
            tracker.save_results_samples(task_name=name, samples=samples[name])
    return found


@pytest.fixture(scope="module")
def logs(base: Path, exported: Path, done: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("logs")
    both = done.path.parent / "both"
    both.mkdir()
    for file in (*(exported / "tasks").iterdir(), *(done.path.parent / "tasks").iterdir()):
        (both / file.name).write_bytes(file.read_bytes())
    asked_there(base, both, [*OWN, "tiny-choice", "tiny-writing"], where)
    return where


def test_exported_tasks_give_the_same_numbers_there(done: RunFolder, logs: Path) -> None:
    (file,) = logs.rglob("results_*.json")
    theirs = read_json(file)["results"]
    ours = {(row["test_task"], row["shots"], row["metric"]): float(row["value"]) for row in read_csv(done.summary)
            if row["method"] == "base" and row["test_dataset"] in ("shop", "news", "words")}  # fmt: skip
    assert theirs[OWN[0]]["acc,none"] == pytest.approx(ours["sentiment", "0", "accuracy"], abs=1e-9)
    assert theirs[OWN[1]]["acc,none"] == pytest.approx(ours["sentiment", "2", "accuracy"], abs=1e-9)
    assert theirs[OWN[2]]["rougeL,none"] == pytest.approx(ours["summary", "0", "rouge_l"], abs=1e-9)
    assert theirs[OWN[3]]["bits_per_byte,none"] == pytest.approx(ours["words", "0", "bits_per_byte"], abs=1e-4)


def test_results_hold_standard_errors_directions_and_label_words(done: RunFolder, exported: Path, logs: Path) -> None:
    plan = read_json(done.plan)
    (own,) = [one["id"] for one in plan["variants"] if one["method"] == "base"]
    ours = read_json(exported / f"results_{own}.json")
    (file,) = logs.rglob("results_*.json")
    theirs = read_json(file)
    for name, key in ((OWN[0], "acc"), (OWN[1], "acc"), (OWN[2], "rougeL"), ("tiny-choice", "acc_norm")):
        wanted = theirs["results"][name]
        assert ours["results"][name][f"{key},none"] == pytest.approx(wanted[f"{key},none"], abs=1e-9)
        assert ours["results"][name][f"{key}_stderr,none"] == pytest.approx(wanted[f"{key}_stderr,none"], abs=1e-9)
    assert ours["results"][OWN[0]]["f1_stderr,none"] == "N/A"
    assert ours["higher_is_better"]["words_words_p1_0shot_0"] == {"bits_per_byte": False, "nats_per_token": False}
    assert ours["configs"][OWN[0]]["doc_to_choice"] == ["positive", "negative"]
    assert ours["n-shot"]["tiny-choice"] == 2
    line = json.loads((exported / f"samples_{OWN[0]}_{own}.jsonl").read_text().splitlines()[0])
    assert [one["arg_1"] for one in line["arguments"].values()] == ["positive", "negative"]
    assert {"acc", "doc_id", "target", "filter"} <= line.keys()


def test_what_the_harness_cannot_ask_alike_is_left_out_by_name(exported: Path) -> None:
    page = (exported / "tasks/README.md").read_text(encoding="utf-8")
    assert "- tiny-choice: it is the harness' own" in page
    assert not (exported / "tasks/tiny-choice.yaml").exists()


def test_logs_are_compared_document_by_document(done: RunFolder, logs: Path) -> None:
    found = compare_with_harness(done.path, "base", logs)
    assert {row["test_dataset"] for row in found["rows"]} == {
        "shop",
        "news",
        "words",
        "tiny-choice 2-shot",
        "tiny-writing",
    }
    n_rows = {row["test_dataset"]: int(row["n"]) for row in read_csv(done.summary)}
    assert all(row["n"] == n_rows[row["test_dataset"]] for row in found["rows"])
    for row in found["rows"]:
        assert row["delta"] == pytest.approx(0, abs=1e-4)
    assert {row["test_dataset"]: row["metric"] for row in found["rows"]} == {
        "news": "rouge_l", "shop": "accuracy", "words": "bits_per_byte", "tiny-choice 2-shot": "acc,none",
        "tiny-writing": "exact_match,whole",
    }  # fmt: skip
    assert found["left_out"] == {}
    tuned = compare_with_harness(done.path, "sft", logs)
    moved = [row for row in tuned["rows"] if abs(row["delta"]) > 1e-3]
    summary = {
        (row["test_dataset"], row["shots"]): row["delta"]
        for row in read_csv(done.summary)
        if row["method"] == "sft" and row["verdict"]
    }
    assert moved
    for row in tuned["rows"]:
        assert row["delta"] == pytest.approx(float(summary[row["test_dataset"], str(row["shots"])]), abs=1e-4)


def test_two_logs_are_compared_with_each_other(logs: Path) -> None:
    found = compare_with_harness(logs, None, logs)
    assert {row["delta"] for row in found["rows"]} == {0.0}
    assert {row["n"] for row in found["rows"]} <= {11, 12}


def test_the_command_takes_either(done: RunFolder, logs: Path) -> None:
    for words in ([str(done.path), "base", str(logs)], [str(logs), str(logs)]):
        result = CliRunner().invoke(app, ["compare", *words])
        assert result.exit_code == 0, result.output


def test_odd_logs_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    """Line separators inside text, fractions where others are right or wrong, numbers that are none, a task without samples."""
    kinds: dict[str, Any] = {
        "results": {"texts": {"acc,none": 0.5, "bleu,none": 31.0, "nan,none": float("nan")}, "gone": {"acc,none": 1.0}, "odd": 3},
        "higher_is_better": None, "model_name": "m",
    }  # fmt: skip
    for side, values in (("first", (1.0, 0.0)), ("second", (0.25, 0.75))):
        folder = tmp_path / side
        folder.mkdir()
        (folder / "results_1.json").write_text(json.dumps(kinds))
        rows = [
            {"doc_id": n, "doc": {"text": "a\u2028b"}, "target": "x", "metrics": ["acc", "bleu", "nan"], "filter": "none",
             "acc": value, "bleu": ["a", "b"], "nan": None, "arguments": [["a\u2028b", " x"]], "filtered_resps": ["x"]}
            for n, value in enumerate(values)
        ]  # fmt: skip
        (folder / "samples_texts_1.jsonl").write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
        )
    for first, second in (("first", "second"), ("second", "first")):
        found = compare_with_harness(tmp_path / first, None, tmp_path / second)
        (row,) = found["rows"]
        assert (row["n"], row["value_a"], row["value_b"], row["delta"]) == (2, 0.5, 0.5, 0.0)
        assert found["not_compared"] == [
            "bleu,none of texts (no sum over documents)", "nan,none of texts (no sum over documents)", "gone (no samples)", "odd (no samples)",
        ]  # fmt: skip


def test_an_export_is_read_back_as_logs(done: RunFolder, exported: Path) -> None:
    plan = read_json(done.plan)
    (own,) = [one["id"] for one in plan["variants"] if one["method"] == "base"]
    found = compare_with_harness(done.path, "base", exported / f"results_{own}.json")
    assert found["rows"]
    assert {row["delta"] for row in found["rows"]} == {0.0}


def test_wrong_folders_are_one_line(done: RunFolder, logs: Path, tmp_path: Path) -> None:
    assert is_logged(logs)
    assert not is_logged(done.path)
    cases: list[tuple[Any, str]] = []
    cases.append((lambda: compare_with_harness(done.path, None, logs), "holds several variants (base, sft): say which"))
    cases.append((lambda: compare_with_harness(done.path, "stf", logs), "no variant 'stf': did you mean 'sft'"))
    (file,) = logs.rglob("results_*.json")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / file.name).write_bytes(file.read_bytes())
    cases.append((lambda: as_run(bare, tmp_path / "a"), "samples are there with --log_samples"))
    two = tmp_path / "two"
    two.mkdir()
    for name in ("results_1.json", "results_2.json"):
        (two / name).write_bytes(file.read_bytes())
    cases.append((lambda: as_run(two, tmp_path / "b"), "holds 2 results of lm-eval (results_1.json, results_2.json)"))
    for content, says in ((b"[]", "holds no results by task"), (b"{", "is not JSON"), (b"\xff", "is not UTF-8")):
        odd = tmp_path / f"odd{len(cases)}"
        odd.mkdir()
        (odd / "results_1.json").write_bytes(content)
        cases.append((lambda odd=odd: as_run(odd, tmp_path / "d"), says))
    broken = tmp_path / "broken"
    broken.mkdir()
    for one in file.parent.iterdir():
        (broken / one.name).write_bytes(one.read_bytes() if one.suffix == ".json" else b"{\n")
    cases.append((lambda: as_run(broken, tmp_path / "c"), ":1 is not JSON"))
    for call, says in cases:
        with pytest.raises(HankaError) as caught:
            call()
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
