"""A run folder without a run: plausible numbers for two trained tasks, no model, no statistics.

`build_run` writes every file a report reads. `Shape` (synthetic_shape.py) says how large and how broken;
`dress` is applied to every free text, so that one function makes the whole folder hostile.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import synthetic_claims as claims
from synthetic_shape import HOSTILE, LABELS, METRICS, TRAINED, Book, Row, Shape, hostile, kind, some_fail

from hanka.records import Cell, Prediction, Variant
from hanka.report import render_report
from hanka.store.folder import SUMMARY_COLUMNS, RunFolder, write_csv, write_json, write_predictions, write_text

__all__ = ["HOSTILE", "Shape", "build_run", "hostile", "render", "some_fail"]


def build_run(path: Path, shape: Shape) -> RunFolder:
    """Write a whole run folder and return it."""
    folder, book = RunFolder(path), Book(shape)
    book.variants += _variants(shape)
    for variant in book.variants:
        book.cells += _cells(variant, shape)
    plan = {
        "hanka": "0.1.0", "study": shape.dress("sentiment-and-inference"), "protocol": "corrected",
        "variants": [asdict(one) for one in book.variants], "cells": [asdict(one) for one in book.cells],
    }  # fmt: skip
    write_json(folder.plan, plan)
    for cell in book.cells:
        _summarise(cell, book)
    write_csv(folder.summary, SUMMARY_COLUMNS, [_encodable(row) for row in book.rows])
    _write_cells(folder, book)
    _write_variants(folder, book)
    write_json(folder.findings, claims.findings(book))
    columns = ("test_task", "test_dataset", "baseline", "metric", "n", "value", "ci_low", "ci_high")
    write_csv(folder.baselines, columns, [_encodable(row) for row in claims.baselines(shape)])
    write_json(folder.audits, claims.audits(shape))
    write_text(folder.study, claims.study(shape))
    return folder


def render(root: Path, shape: Shape, lang: str = "en") -> str:
    """Build a run folder and return its report."""
    html = root / f"{lang}.html"
    render_report(build_run(root / "run", shape), html, lang)  # type: ignore[arg-type]
    return html.read_text(encoding="utf-8")


def _encodable(row: Row) -> Row:
    return {
        key: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for key, value in row.items()
    }


def _variants(shape: Shape) -> list[Variant]:
    base = shape.dress("smollm2-135m-instruct")
    variants = [Variant("base-0", base, "base", "base", {}, "", "", 0, 0)]
    for task in shape.tasks:
        for method in shape.methods:
            params = {"peft": "lora", "r": 8, "epochs": 1, "learning_rate": 2e-4, "note": shape.dress("q, v")}
            params |= {"shots": 2} if method == "fticl" else {}
            variants += [
                Variant(
                    f"{method}-{task}-{size}-{seed}", base, method, shape.dress(method), params, task,
                    shape.dress(TRAINED[task][0]), size, seed,
                )
                for size in shape.sizes for seed in shape.seeds
            ]  # fmt: skip
    return variants


def _relation(task: str, test_task: str, domain: str) -> str:
    if task != test_task:
        return "cross_task"
    return "in_domain" if TRAINED[task][1] == domain else "out_of_domain"


def _cells(variant: Variant, shape: Shape) -> list[Cell]:
    cells = []
    for test_task, tests in shape.tests.items():
        for name, domain in tests:
            task = variant.train_task or (test_task if test_task in TRAINED else "sentiment")
            relation = _relation(task, test_task, domain)
            for shots in shape.shots:
                for prompt in shape.prompts:
                    cell_id = f"{variant.id}.{name}.{shots}.{prompt}"
                    dataset = shape.dress(name)
                    cells.append(Cell(cell_id, variant.id, test_task, dataset, relation, shots, prompt, 0))
    return cells


def _value(cell: Cell, variant: Variant, metric: str) -> float:
    """Make up a value: tuning gains in domain, less outside, and costs on other tasks."""
    chance = random.Random(cell.id + metric)
    start = {"classification": 0.58, "generation": 0.19}[kind(cell.test_task)] + 0.03 * (cell.shots > 0)
    gain = {"in_domain": 0.22, "out_of_domain": 0.09, "cross_task": -0.17}[cell.relation]
    scale = 0.0 if not variant.train_task else 0.6 + 0.4 * (variant.train_size > 100)
    scale *= 0.6 if variant.method == "fticl" and cell.relation == "cross_task" else 1.0
    if metric == "length_ratio":
        return 1.4 - 0.5 * scale + chance.uniform(-0.05, 0.05)
    if metric in ("label_share", "cap_hits", "distinct_share"):
        return min(
            1.0,
            max(0.0, {"label_share": 0.02 + 0.5 * scale, "cap_hits": 0.3 - 0.2 * scale}.get(metric, 0.9 - 0.4 * scale)),
        )
    return min(0.98, max(0.02, start + gain * scale + chance.uniform(-0.03, 0.03)))


def _summarise(cell: Cell, book: Book) -> None:
    variant = next(one for one in book.variants if one.id == cell.variant_id)
    failed = book.shape.fail(cell)
    base = next(one for one in book.variants if one.method == "base")
    for metric in METRICS[kind(cell.test_task)][: 1 if failed else None]:
        row: Row = dict.fromkeys(SUMMARY_COLUMNS)
        row |= {"cell_id": cell.id, "variant_id": variant.id, "base": variant.base, "method": variant.label,
                "params": "{}", "metric": metric, "verdict": "", "context": "drawn", "n": 0, "n_failed": book.shape.n}  # fmt: skip
        row |= {name: getattr(variant, name) for name in ("train_task", "train_dataset", "train_size", "seed")}
        row |= {
            name: getattr(cell, name) for name in ("test_task", "test_dataset", "relation", "shots", "prompt", "draw")
        }
        if not failed:
            row |= _numbers(cell, variant, base, metric, book)
        book.rows.append(row)


def _numbers(cell: Cell, variant: Variant, base: Variant, metric: str, book: Book) -> Row:
    lost = 3 * bool(cell.shots)
    n = book.shape.n - lost
    value, half = _value(cell, variant, metric), 0.9 / n**0.5
    row: Row = {"n": n, "n_failed": lost, "value": value, "ci_low": value - half, "ci_high": value + half}
    if variant is base:
        return row
    base_value = _value(cell, base, metric)
    delta = value - base_value
    descriptive = metric in METRICS["generation"][3:]
    p = None if descriptive else min(1.0, 2.0 ** (-abs(delta) / half * 4))
    adjusted = None if p is None else min(1.0, p * 8)
    verdict = (
        "" if adjusted is None else "better" if delta > 1.5 * half else "worse" if delta < -1.5 * half else "undecided"
    )
    verdict = "leaning" if verdict == "undecided" and abs(delta) > half else verdict
    row |= {"base_value": base_value, "delta": delta, "delta_ci_low": delta - half, "delta_ci_high": delta + half,
            "p_value": p, "p_adjusted": adjusted, "verdict": verdict,
            "sim_low": None if descriptive else delta - 1.5 * half, "sim_high": None if descriptive else delta + 1.5 * half,
            "family": "" if descriptive else "cells"}  # fmt: skip
    flips = metric == "accuracy"
    lost = max(0, int(n * (0.12 - delta / 2)))
    book.comparisons.append(
        {"cell_id": cell.id, "metric": metric, "n": n, "delta": delta, "low": delta - half, "high": delta + half,
         "p_value": p, "p_adjusted": adjusted, "verdict": verdict,
         "test": book.shape.dress("mcnemar_mid_p" if flips else "jackknife_t"),
         "right_to_wrong": lost if flips else None, "wrong_to_right": lost + int(n * delta) if flips else None,
         "forgotten_share": lost / n if flips else None, "learned_share": lost / n + delta if flips else None,
         "forgotten_low": 0.01, "forgotten_high": 0.2, "forgotten_beyond": 0.03,
         "forgotten_beyond_low": -0.01, "forgotten_beyond_high": 0.07, "chance_guessing": 0.05, "chance_independent": 0.08}
    )  # fmt: skip
    return row


def _write_cells(folder: RunFolder, book: Book) -> None:
    shared: dict[str, Path] = {}
    for cell in book.cells:
        failed = book.shape.fail(cell)
        reason = book.shape.dress("CUDA out of memory while scoring 2 demonstrations") if failed else ""
        labels = LABELS.get(cell.test_task, [])
        record = asdict(cell) | {
            "status": "failed" if failed else "done", "reason": reason, "labels": labels,
            "prefix": book.shape.dress("### Input:\nA fine kettle.\n### Sentiment: positive\n\n") if cell.shots else "",
            "n": 0 if failed else book.shape.n, "n_failed": 3 * bool(cell.shots), "n_unparsed": 2 * (not labels),
            "seconds": 12.5, "n_prompt_tokens": 21000, "n_output_tokens": 0 if labels else 9000,
            "device": book.shape.dress("cpu, 2 cores"),
        }  # fmt: skip
        path = folder.cell(cell.id) / "cell.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record), encoding="utf-8")  # not atomic: thousands of syncs take seconds
        if failed:
            continue
        key = cell.test_task + ("tuned" if not cell.variant_id.startswith("base") else "base")
        if book.shape.shared_predictions and key in shared:
            os.link(shared[key] / "predictions.parquet", folder.cell(cell.id) / "predictions.parquet")
        else:
            predictions = _predictions(cell, book.shape)
            write_predictions(folder.cell(cell.id), predictions, [""] * len(predictions))
            shared[key] = folder.cell(cell.id)


REVIEWS = (
    "The lid does not close and the handle was loose on the first day. I wrote twice and got no answer.",
    "Bought it for my mother, who now uses it every morning. Quiet, light and easy to clean.",
    "静かで軽く、毎朝使っています。箱の角がつぶれていましたが、中身は無事でした。",
    "Not bad, not great: the picture is sharp, but the sound is thin and the remote feels cheap.",
)


REASONS = {"failed": "prompt is longer than the context", "unparsed": "no answer could be read"}


def _predictions(cell: Cell, shape: Shape) -> list[Prediction]:
    labels = LABELS.get(cell.test_task)
    tuned = not cell.variant_id.startswith("base")
    predictions = []
    for index in range(shape.rows):
        text = shape.dress(REVIEWS[index % len(REVIEWS)] + (" x" * 900 if index == 5 else ""))
        target = labels[index % len(labels)] if labels else "A kettle that leaks is sent back."
        wrong = (index * 7 + 3 * tuned) % 10 < (3 if tuned else 4)
        output = (
            labels[(index + wrong) % len(labels)]
            if labels
            else ("positive" if tuned else shape.dress("The kettle leaks."))
        )
        status = "failed" if index < 3 and cell.shots else "unparsed" if index in (3, 4) and not labels else "ok"
        predictions.append(
            Prediction(
                sample_id=shape.dress(f"{cell.test_task}-{index}"),
                prompt=f"### Input:\n{text}\n### Answer:",
                prompt_sha256="0" * 64,
                target=target,
                output=None if status == "failed" else output,
                parsed=output if status == "ok" else None,
                label_scores=None,
                status=status,  # type: ignore[arg-type]
                reason=shape.dress(REASONS[status]) if status != "ok" else "",
                n_prompt_tokens=100,
                n_output_tokens=0,
            )
        )  # fmt: skip
    return predictions


def _write_variants(folder: RunFolder, book: Book) -> None:
    for variant in book.variants:
        record = {"loss_first": 3.214, "loss_last": 0.412, "n_examples": variant.train_size, "n_dropped": 1,
                  "n_supervised_tokens": variant.train_size * 3, "steps": variant.train_size // 8}  # fmt: skip
        stored = asdict(variant) | {
            "status": "done", "reason": "", "seconds": 42.0, "device": book.shape.dress("cpu"),
            "record": record if variant.train_task else {},
        }  # fmt: skip
        write_json(folder.variant(variant.id) / "variant.json", stored)
