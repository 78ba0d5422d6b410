"""A run as lm-evaluation-harness writes its own: results and samples of every variant, and the tasks that were asked as files of the harness.

A task file holds the questions as rendered, so `lm_eval run --include_path DIR/tasks --tasks NAME` asks the same of any model: labels with
what ends them, as they were scored here, texts judged by hanka's own metrics (the task files import them). Left out by name: what no task of the
harness can ask alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hanka import __version__
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import METRICS, Metric
from hanka.metrics.base import mean
from hanka.records import Prediction
from hanka.store.folder import read_predictions, write_json, write_text
from hanka.store.paths import as_file_name

NAMES = {"accuracy": "acc", "macro_f1": "f1", "rouge_l": "rougeL", "rouge_1": "rouge1", "rouge_2": "rouge2"}
"What the harness calls metrics of hanka."
MODULE = "hanka_rows"
"Python file beside the task files."
CODE = f'''"""Rows and judges of the tasks beside this file, as hanka {__version__} asked and judged them; needs hanka installed."""

from pathlib import Path

from hanka.harness.exported import choose, judge, rows_of, weigh  # noqa: F401


def rows(file, **_):
    """Return the rows of a task."""
    return rows_of(Path(__file__).parent / file)
'''


def write_lm_eval(evidence: Evidence, out: Path) -> list[Path]:
    """Write results and samples per variant, and the tasks; return the files."""
    written = []
    for variant in evidence.plan["variants"]:
        cells = [cell for cell in evidence.done() if cell.variant["id"] == variant["id"]]
        if not cells:
            continue
        results: dict[str, Any] = {
            "results": {}, "n-shot": {}, "n-samples": {}, "versions": {}, "configs": {}, "higher_is_better": {},
        }  # fmt: skip
        for cell in cells:
            name, shots = task_name(evidence, cell), _shots(cell)
            rows = _samples(evidence, cell)
            results["results"][name] = {"alias": name, "sample_len": cell.n_asked} | _numbers(evidence, cell)
            results["n-shot"][name] = shots
            results["n-samples"][name] = {"original": cell.n_most, "effective": cell.n_asked}
            results["versions"][name] = 1
            results["configs"][name] = {
                "task": name,
                "num_fewshot": shots,
                "doc_to_choice": cell.record.get("labels") or None,
            }
            results["higher_is_better"][name] = {
                _bare(evidence, metric): metric.higher_is_better for metric in evidence.metrics(cell)
            }
            samples = out / f"samples_{as_file_name(name)}_{variant['id']}.jsonl"
            write_text(samples, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
            written.append(samples)
        results["model_name"] = f"{variant['base']}:{variant['label']}"
        results["config"] = {"model": "hanka", "model_args": variant["params"]}
        write_json(out / f"results_{variant['id']}.json", results)
        written.append(out / f"results_{variant['id']}.json")
    return written + _write_tasks(evidence, out / "tasks")


def task_name(evidence: Evidence, cell: CellEvidence) -> str:
    """Return what the harness calls what a cell asks: its own name for a task of its own."""
    one, contexts = cell.cell, evidence.plan.get("contexts", [])
    if evidence.task(one["test_task"])["kind"] == "harness":
        return str(one["test_task"])
    name = f"{one['test_task']}_{one['test_dataset']}_{one['prompt']}_{one['shots']}shot_{one['draw']}"
    name += f"_{one['context']}" if len(contexts) > 1 else ""
    return re.sub(r"[^\w.-]", "_", name)  # it becomes a file name


def key_of(evidence: Evidence, metric: Metric) -> str:
    """Return a metric's key in the harness' results: name and filter."""
    own = {str(one["name"]): str(one["key"]) for one in evidence.plan.get("measures", ())}
    return own.get(metric.name) or (
        metric.name if "," in metric.name else f"{NAMES.get(metric.name, metric.name)},none"
    )


def _bare(evidence: Evidence, metric: Metric) -> str:
    return key_of(evidence, metric).partition(",")[0]


def _shots(cell: CellEvidence) -> int:
    return int(cell.record.get("harness", {}).get("shots", cell.cell["shots"]))


def _numbers(evidence: Evidence, cell: CellEvidence) -> dict[str, Any]:
    """Return values, each with the standard error of its mean as the harness computes it; N/A where it is no mean."""
    numbers: dict[str, Any] = {}
    for metric in evidence.metrics(cell):
        statistics = evidence.rows(cell, metric).statistics
        if not len(statistics):
            continue
        name, _, filtered = key_of(evidence, metric).partition(",")
        numbers[f"{name},{filtered}"] = metric.value(statistics)
        spread = np.std(statistics[:, 0], ddof=1) / np.sqrt(len(statistics)) if _is_mean(metric, statistics) else None
        numbers[f"{name}_stderr,{filtered}"] = "N/A" if spread is None else float(spread)
    return numbers


def _is_mean(metric: Metric, statistics: Any) -> bool:
    """Tell whether a metric is the mean of its samples' values; of a measure, whether it is one here."""
    equal = metric.kinds == ("harness",) and statistics.shape[1] == 3 and bool((statistics[:, 2] == 1).all())
    return len(statistics) > 1 and (metric.aggregate is mean or equal)


def _samples(evidence: Evidence, cell: CellEvidence) -> list[dict[str, Any]]:
    """Return the rows of a cell as logged documents, one line per filter of the harness."""
    by_filter: dict[str, list[tuple[str, dict[int, float]]]] = {}
    for metric in evidence.metrics(cell):
        scored = evidence.rows(cell, metric)
        of = dict(zip(scored.places.tolist(), scored.statistics[:, 0].tolist(), strict=True))
        name, _, filtered = key_of(evidence, metric).partition(",")
        by_filter.setdefault(filtered, []).append((name, of))
    predictions, _ = read_predictions(evidence.folder.cell(cell.cell["id"]))
    prefix, labels = cell.record.get("prefix", ""), cell.record.get("labels", [])
    return [
        {
            "doc_id": place,
            "doc": {"hanka": __version__, "id": one.sample_id, "prompt": prefix + one.prompt, "choices": labels},
            "target": one.target,
            "arguments": _arguments(prefix + one.prompt, labels),
            "resps": _responses(one),
            "filtered_resps": [one.parsed],
            "filter": filtered,
            "metrics": [name for name, _ in values],
        }
        | {name: of.get(place) for name, of in values}
        for filtered, values in by_filter.items()
        for place, one in enumerate(predictions)
    ]


def _arguments(prompt: str, labels: Sequence[str]) -> dict[str, dict[str, str]]:
    asked = [{"arg_0": prompt, "arg_1": label} for label in labels] or [{"arg_0": prompt}]
    return {f"gen_args_{place}": one for place, one in enumerate(asked)}


def _responses(prediction: Prediction) -> list[list[Any]]:
    """Return what came out: the text, each label's log-likelihood, or that of the text which was scored."""
    if prediction.token_scores is not None:
        return [[sum(prediction.token_scores)]]
    if prediction.label_scores is not None:
        return [[score] for score in prediction.label_scores]
    return [[prediction.output]]


# ---- tasks


def _write_tasks(evidence: Evidence, out: Path) -> list[Path]:
    """Write what was asked as task files, each once, and a page that says how to ask it and what is left out."""
    written, left_out = [], []
    for name, cell in {task_name(evidence, cell): cell for cell in reversed(list(evidence.done()))}.items():
        why, settings = _settings(evidence, cell)
        if why:
            left_out.append(f"- {name}: {why}")
            continue
        predictions, _ = read_predictions(evidence.folder.cell(cell.cell["id"]))
        file = f"{as_file_name(name)}.jsonl"
        rows = (_row(evidence, one, cell) for one in predictions)
        write_text(out / file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        shared = {"task": name, "custom_dataset": f"!function {MODULE}.rows", "dataset_kwargs": {"file": file},
                  "test_split": "test", "doc_to_text": "{{prompt}}", "target_delimiter": "", "num_fewshot": 0,
                  "metadata": {"version": 1.0}}  # fmt: skip
        write_text(out / f"{as_file_name(name)}.yaml", _yaml(shared | settings))
        written += [out / file, out / f"{as_file_name(name)}.yaml"]
    if not written:
        return []
    write_text(out / f"{MODULE}.py", CODE)
    listed = "\n".join(["", "Not asked alike by the harness, and left out:", "", *left_out, ""]) if left_out else ""
    asked = f"lm_eval run --model hf --model_args pretrained=MODEL --include_path {out.name} --tasks NAME --log_samples"
    page = f"# {evidence.plan['study']}\n\nTasks of hanka as lm-evaluation-harness asks them, with hanka installed beside it:\n\n    {asked}\n{listed}"
    write_text(out / "README.md", page)
    return [*written, out / f"{MODULE}.py", out / "README.md"]


def _settings(evidence: Evidence, cell: CellEvidence) -> tuple[str, dict[str, Any]]:
    """Return why the harness cannot ask alike, or the settings of its task."""
    task, record = evidence.task(cell.cell["test_task"]), cell.record
    kind = task["kind"]
    if kind == "harness":
        return "it is the harness' own", {}
    primary = METRICS.get(task["metrics"][0])
    ranked = [
        {
            "metric": _bare(evidence, primary),
            "aggregation": "mean",
            "higher_is_better": primary.higher_is_better,
        }
    ]
    if kind == "classification":
        if record.get("scoring") != "full":
            return f"labels are chosen by {record.get('scoring')}", {}
        if record.get("ends") and not record.get("ends_spelt"):
            return "its record does not say what ends a label; ask it again with this version", {}
        return "", {"output_type": "multiple_choice", "doc_to_choice": "{{choices}}", "doc_to_target": "{{target}}",
                    "process_results": f"!function {MODULE}.choose", "metric_list": ranked}  # fmt: skip
    if kind == "likelihood":
        if not record.get("begins_spelt"):
            return "its record does not say which token stands before a text; ask it again with this version", {}
        return "", {"output_type": "loglikelihood", "doc_to_target": "{{target}}", "process_results": f"!function {MODULE}.weigh",
                    "metric_list": [{"metric": "bits_per_byte"}]}  # fmt: skip
    if primary.aggregate is not mean:
        return f"its metric {primary.name} is no mean over rows", {}
    given = {"until": [], "max_gen_toks": record["max_new_tokens"], "do_sample": False}
    return "", {"output_type": "generate_until", "doc_to_target": "{{target}}", "generation_kwargs": given,
                "process_results": f"!function {MODULE}.judge", "metric_list": ranked}  # fmt: skip


def _row(evidence: Evidence, one: Prediction, cell: CellEvidence) -> dict[str, Any]:
    """Return a row of a task file: the question as rendered, and what its answer is judged by."""
    record = cell.record
    ends = record.get("ends_spelt") or [""]
    primary = METRICS.get(evidence.primary(cell.cell["test_task"]))
    return {
        "hanka": __version__,
        "id": one.sample_id,
        "prompt": record.get("begins_spelt") or record.get("prefix", "") + one.prompt,
        "target": one.target,
        "labels": record["labels"],
        "choices": [label + end for label in record["labels"] for end in ends],
        "stop": record.get("stop", []),
        "metric": primary.name,
        "called": _bare(evidence, primary),
        "verifier": json.dumps(record.get("judging") or {}),
    }


def _yaml(values: Mapping[str, Any]) -> str:
    """Write settings as YAML that is JSON but for the harness' tags."""
    lines = []
    for name, value in values.items():
        tagged = isinstance(value, str) and value.startswith("!function ")
        lines.append(f"{name}: {value if tagged else json.dumps(value, ensure_ascii=False)}")
    return "\n".join([*lines, ""])
