"""A study of tasks whose answers are no labels: numbers, verified text, and text that is only scored."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hanka.analysis.compare import compare_variants
from hanka.analysis.export import export_run
from hanka.models.catalogue import find_model
from hanka.models.loading import LoadedModel, load_model
from hanka.report import render_report
from hanka.run import Outcome, RunOptions, run_study
from hanka.store.folder import RunFolder, read_csv, read_json, read_predictions
from hanka.study.resolve import load_study
from tiny_models import save_tiny_model

STUDY = """\
name: kinds
base: {base}
datasets:
  marks: {{task: mark, domain: shop, train: train.jsonl, test: test.jsonl, fields: {{input: text, output: mark}}}}
  totals: {{task: total, domain: shop, test: test.jsonl, fields: {{input: text, output: mark}}}}
  facts: {{task: fact, domain: shop, test: test.jsonl, fields: {{input: text, output: fact}}}}
  prose: {{task: text, domain: shop, train: train.jsonl, test: test.jsonl, fields: {{output: text}}}}
  letters: {{task: text, domain: post, test: test.jsonl, fields: {{output: fact}}}}
tasks:
  mark: {{kind: regression, prompt: "Text: {{input}}\\nMark:", train: marks, in_domain: [marks]}}
  total: {{kind: generation, verifier: {{number: {{tolerance: 0.5}}}}, prompt: "{{input}} =", in_domain: [totals]}}
  fact: {{kind: generation, verifier: json, metric: reward, prompt: "{{input}} as JSON:", in_domain: [facts]}}
  text: {{train: prose, in_domain: [prose], out_of_domain: [letters]}}
methods: [base, sft]
train: {{sizes: [8], epochs: 1, batch_size: 4, learning_rate: 0.01}}
eval: {{shots: [0, 1], max_new_tokens: 4, cross_task: true}}
stats: {{resamples: 200}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Outcome]]:
    folder = tmp_path_factory.mktemp("kinds")
    save_tiny_model(folder / "tiny")
    for name, n in (("train", 24), ("test", 12)):
        rows = (
            {"text": f"good film {name} {i}", "mark": 1.5 * (i % 5) - 3, "fact": json.dumps({"i": i})} for i in range(n)
        )
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "kinds.yaml").write_text(STUDY.format(base=folder / "tiny"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANKA_CACHE", str(folder / "cache"))
        yield folder, run_study(folder / "kinds.yaml", folder / "run", RunOptions(quiet=True))


def test_every_kind_is_answered_scored_and_compared(finished: tuple[Path, Outcome]) -> None:
    folder, outcome = finished
    assert outcome.n_failed == 0
    rows = read_csv(folder / "run/summary.csv")
    metrics = {task: {row["metric"] for row in rows if row["test_task"] == task} for task in ("mark", "total", "text")}
    assert metrics["mark"] == {"mae", "pearson", "spearman"}
    assert metrics["text"] == {"bits_per_byte", "nats_per_token"}
    assert {"solved", "reward"} <= metrics["total"]
    for row in rows:
        # Where there are no training rows, one test row is set aside as the demonstration.
        assert row["n"] == ("12" if row["test_dataset"] in ("marks", "prose") else "11")
        assert float(row["ci_low"]) - 1e-9 <= float(row["value"]) <= float(row["ci_high"]) + 1e-9
    assert {row["shots"] for row in rows if row["test_task"] == "text"} == {"0"}
    assert {row["shots"] for row in rows if row["test_task"] == "mark"} == {"0", "1"}


def test_training_on_text_lowers_its_bits_per_byte(finished: tuple[Path, Outcome]) -> None:
    rows = read_csv(finished[0] / "run/summary.csv")
    rows = [row for row in rows if row["metric"] == "bits_per_byte" and row["train_task"] == "text"]
    (tuned,) = [row for row in rows if row["test_dataset"] == "prose"]
    assert float(tuned["delta"]) < 0
    assert tuned["verdict"] == "better"


def test_less_is_better_in_the_decision_too(finished: tuple[Path, Outcome]) -> None:
    decision = read_json(finished[0] / "run/findings.json")["decision"]
    (text,) = [entry for entry in decision["per_task"] if entry["task"] == "text"]
    benefit = text["benefit"]
    assert benefit["delta"] < 0
    assert benefit["verdict"] == "better"
    assert text["outcome"] in ("adapt", "trade-off", "undecided")
    assert f"{benefit['delta']:+.3f}" in text["sentence_en"]


def test_a_pooled_line_counts_test_sets_equally(finished: tuple[Path, Outcome]) -> None:
    run = RunFolder(finished[0] / "run")
    variants = {one["train_task"]: one["id"] for one in read_json(run.plan)["variants"]}
    found = compare_variants(run, variants["text"], variants[""])
    (pooled,) = [row for row in found["rows"] if row["test_dataset"] == "(pooled)" and row["metric"] == "bits_per_byte"]
    values = [
        float(row["value"])
        for row in read_csv(run.summary)
        if row["metric"] == "bits_per_byte" and row["variant_id"] == variants["text"]
    ]
    assert (pooled["n"], len(values)) == (23, 2)
    assert pooled["value_a"] == pytest.approx(sum(values) / 2)


def test_bits_per_byte_is_that_of_a_plain_forward_pass(finished: tuple[Path, Outcome]) -> None:
    folder = finished[0]
    run = RunFolder(folder / "run")
    loaded = load_model(find_model(str(folder / "tiny"), folder), "float32")
    base = next(one["id"] for one in read_json(run.plan)["variants"] if one["method"] == "base")
    cell = next(one for one in read_json(run.plan)["cells"] if one["test_task"] == "text" and one["variant_id"] == base)
    predictions, _ = read_predictions(run.cell(cell["id"]))
    bits, n_bytes = 0.0, 0
    for one in predictions:
        ids = loaded.tokenizer([one.target], add_special_tokens=False)["input_ids"][0]
        with torch.inference_mode():
            logits = loaded.model(input_ids=torch.tensor([[start_of(loaded), *ids]])).logits[0, :-1]
        scores = logits.log_softmax(-1)[range(len(ids)), ids].tolist()
        assert one.token_scores == pytest.approx(scores, abs=1e-4)
        assert (one.parsed, one.reward, one.output, one.n_prompt_tokens) == (None, None, None, 1)
        bits -= sum(scores) / math.log(2)
        n_bytes += len(one.target.encode())
    rows = read_csv(folder / "run/summary.csv")
    (row,) = [row for row in rows if row["cell_id"] == cell["id"] and row["metric"] == "bits_per_byte"]
    assert float(row["value"]) == pytest.approx(bits / n_bytes, abs=1e-5)


def start_of(loaded: LoadedModel) -> int:
    """BOS where the tokenizer puts one, else EOS."""
    first = loaded.tokenizer(["a"])["input_ids"][0][0]
    bos, eos = loaded.tokenizer.bos_token_id, loaded.tokenizer.eos_token_id
    return bos if first == bos else eos


def test_rewards_are_stored_and_scored(finished: tuple[Path, Outcome]) -> None:
    run = RunFolder(finished[0] / "run")
    for cell in read_json(run.plan)["cells"]:
        predictions, _ = read_predictions(run.cell(cell["id"]))
        if cell["test_task"] != "text":
            assert all(one.reward in (0.0, 1.0) and one.token_scores is None for one in predictions)
            assert all(one.reason for one in predictions if one.status == "unparsed")


def test_the_written_study_means_the_same(finished: tuple[Path, Outcome]) -> None:
    folder = finished[0]
    again = load_study(folder / "run/study.yaml")
    first = load_study(folder / "kinds.yaml")
    assert {name: use.task for name, use in again.tasks.items()} == {
        name: use.task for name, use in first.tasks.items()
    }


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_report_has_words_for_every_kind(finished: tuple[Path, Outcome], tmp_path: Path, lang: str) -> None:
    render_report(RunFolder(finished[0] / "run"), tmp_path / "report.html", lang)  # type: ignore[arg-type]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    words = {"en": ("bits per byte", "mean absolute error"), "ja": ("バイトあたりビット数", "平均絶対誤差")}
    for word in words[lang]:
        assert word in page


@pytest.mark.parametrize("to", ["csv", "parquet", "lm-eval", "model-card"])
def test_a_run_of_every_kind_can_be_exported(finished: tuple[Path, Outcome], tmp_path: Path, to: str) -> None:
    assert export_run(RunFolder(finished[0] / "run"), to, tmp_path / to)
