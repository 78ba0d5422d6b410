"""Does a task of lm-evaluation-harness come out the same through hanka and through the harness' own `hf` model, and how fast?

    python -m benchmarks.harness    # about twenty minutes; writes benchmarks/results/harness.json

Four tasks, one of each kind of output, over rows of the main paper's release (HANKA_PAPER_DATA), 200 documents each, the base model as it
is. Compared are per-document log-likelihoods and texts as the harness logs them, and the values that either comes to. Seconds are those of
answering alone: of hanka's cells as recorded, of the harness' `simple_evaluate` with its tasks loaded before, each after one document as warm-up.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.workloads import paper_folder

RESULT = Path(__file__).parent / "results/harness.json"
N, BASE = 200, "smollm2-135m-instruct"
BATCH_SIZES = (1, 8)
"Of the harness' model; the faster one counts."
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "choices": {
        "data": "reviews",
        "output_type": "multiple_choice",
        "num_fewshot": 4,
        "fewshot_split": "train",
        "doc_to_text": "Review: {{input}}\nSentiment:",
        "doc_to_target": "output",
        "doc_to_choice": ["negative", "positive"],
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    },
    "texts": {
        "data": "questions",
        "output_type": "generate_until",
        "doc_to_text": "{{input}}\nAnswer: {{answer}}\nQuestion:",
        "doc_to_target": "{{output}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 24, "do_sample": False},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    },
    "last-words": {
        "data": "questions",
        "output_type": "loglikelihood",
        "doc_to_text": "{{input.split(' ')[:-1]|join(' ')}}",
        "doc_to_target": " {{input.split(' ')[-1]}}",
        "metric_list": [{"metric": "acc"}, {"metric": "perplexity"}],
    },
    "whole-texts": {
        "data": "reviews",
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "input",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "bits_per_byte"}],
    },
}
FILES = {
    "reviews": {"test": "sentiment/amazon_test_500.json", "train": "sentiment/amazon_train_2000.json"},
    "questions": {"test": "question/socialqa_test_500.json"},
}
LIMITS = {"whole-texts": 1e-2}
"Nats that a document may differ by, where it is a sum over hundreds of tokens; elsewhere 1e-4."
STUDY = """\
name: bench-harness
base: {base}
tasks: {{lm_eval: {{tasks: [{tasks}], include: tasks}}}}
methods: [base]
eval: {{limit: {n}}}
"""


def write_tasks(folder: Path) -> None:
    """Write the tasks as files of the harness, with their rows beside them."""
    release = paper_folder()
    if release is None:
        raise SystemExit("the paper's release is not here: name its folder with HANKA_PAPER_DATA")
    folder.mkdir()
    for name, files in FILES.items():
        for split, path in files.items():
            rows = json.loads((release / path).read_text(encoding="utf-8"))[:N]
            lines = [json.dumps({key: str(value) for key, value in row.items()}) for row in rows]
            (folder / f"{name}-{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, given in SETTINGS.items():
        values = {key: value for key, value in given.items() if key != "data"}
        files = {split: str(folder / f"{given['data']}-{split}.jsonl") for split in FILES[given["data"]]}
        values |= {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": files}, "test_split": "test"}
        (folder / f"{name}.yaml").write_text(json.dumps(values), encoding="utf-8")


def with_hanka(scratch: Path) -> dict[str, Any]:
    """Ask with hanka: per task seconds, values, and what came out of every document."""
    from hanka.run import RunOptions, run_study
    from hanka.store.folder import read_csv, read_json, read_predictions

    study = scratch / "study.yaml"
    study.write_text(STUDY.format(base=BASE, tasks=", ".join(SETTINGS), n=N), encoding="utf-8")
    folder = run_study(study, scratch / "run", RunOptions(quiet=True)).folder
    found: dict[str, Any] = {}
    for cell in read_json(folder.plan)["cells"]:
        rows = read_predictions(folder.cell(cell["id"]))[0]
        values = {
            row["metric"]: float(row["value"]) for row in read_csv(folder.summary) if row["cell_id"] == cell["id"]
        }
        record = read_json(folder.cell(cell["id"]) / "cell.json")
        said = [list(row.label_scores) if row.label_scores is not None else row.output for row in rows]
        found[cell["test_task"]] = {"seconds": record["seconds"], "values": values, "said": said}
    return found


def with_harness(scratch: Path, batch_size: int) -> dict[str, Any]:
    """Ask with the harness and its own model class around the same weights."""
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    from hanka.models.catalogue import find_model
    from hanka.models.loading import load_model

    loaded = load_model(find_model(BASE, Path.cwd()), "float32")
    model = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size, dtype="float32")
    manager = TaskManager(include_path=str(scratch / "tasks"), include_defaults=False)
    found: dict[str, Any] = {}
    for name in SETTINGS:
        seconds = 0.0
        for limit in (1, N):
            started = time.perf_counter()
            result = simple_evaluate(model, tasks=[name], task_manager=manager, limit=limit, bootstrap_iters=0)
            seconds = time.perf_counter() - started
        samples = sorted(result["samples"][name], key=lambda one: one["doc_id"])
        said = [_said(name, [one[0] for one in sample["resps"]]) for sample in samples]
        values = {key: value for key, value in result["results"][name].items() if "," in key and "stderr" not in key}
        found[name] = {"seconds": seconds, "values": values, "said": said}
    return found


def _said(name: str, answers: list[Any]) -> Any:
    if SETTINGS[name]["output_type"] == "generate_until":
        return answers[0]
    return [float(one[0]) if isinstance(one, (list, tuple)) else float(one) for one in answers]


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Count equal answers and say the largest gap of a log-likelihood (nats) and of a value."""
    pairs = list(zip(ours["said"], theirs["said"], strict=True))
    texts = isinstance(pairs[0][0], str)
    equal = sum(a == b if texts else a.index(max(a)) == b.index(max(b)) for a, b in pairs)
    gap = 0.0 if texts else max(abs(x - y) for a, b in pairs for x, y in zip(a, b, strict=True))
    values = {name: [ours["values"][name], theirs["values"][name]] for name in ours["values"]}
    return {
        "n": len(pairs), "n_equal": equal, "largest_nats": gap, "values": values, "hanka_seconds": ours["seconds"],
        "harness_seconds": theirs["seconds"], "batch_size": theirs["batch_size"], "ratio": theirs["seconds"] / ours["seconds"],
    }  # fmt: skip


def main() -> int:
    """Ask with both, write the result; return 1 where an answer differs."""
    with tempfile.TemporaryDirectory(prefix="hanka-harness-") as scratch:
        folder = Path(scratch)
        write_tasks(folder / "tasks")
        ours = with_hanka(folder)
        tried = [(size, with_harness(folder, size)) for size in BATCH_SIZES]
    found = {}
    for name in SETTINGS:
        size, fastest = min(tried, key=lambda pair: pair[1][name]["seconds"])
        found[name] = compare(ours[name], fastest[name] | {"batch_size": size})
        print(name, found[name], flush=True)
    RESULT.write_text(json.dumps({"machine": machine.describe(), "tasks": found}, indent=1) + "\n", encoding="utf-8")
    return int(
        any(one["n_equal"] < one["n"] or one["largest_nats"] > LIMITS.get(name, 1e-4) for name, one in found.items())
    )


if __name__ == "__main__":
    raise SystemExit(main())
