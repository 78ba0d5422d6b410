"""What analysis, audits and the study file would say about a made-up run."""

from __future__ import annotations

from dataclasses import asdict

from synthetic_decision import decision
from synthetic_shape import LABELS, METRICS, Book, Row, Shape, kind

from hanka.records import AuditWarning, Variant


def findings(book: Book) -> Row:
    shape, dress = book.shape, book.shape.dress
    model = {"name": dress("smollm2-135m-instruct"), "licence": dress("Apache-2.0"), "identity": "sha256:b179c952",
             "note": dress("weights are 4-bit (GGUF Q4_1), de-quantised to float32")}  # fmt: skip
    datasets = [
        {"name": dress(name), "task": task, "domain": dress(domain), "source": dress("paper"),
         "licence": dress("CC BY 4.0"), "n_test": shape.n, "note": dress("evaluation only")}
        for task, tests in shape.tests.items() for name, domain in tests
    ]  # fmt: skip
    return {
        "decision": decision(book),
        "settings": _settings(book),
        "comparisons": book.comparisons,
        "answers": {"tradeoff": _answer(book)},
        "training": [_training(shape, place, one) for place, one in enumerate([one for one in book.variants if one.train_task][:8])],
        "notes": [{"kind": "model", "message_en": dress("Weights are de-quantised from 4 bit (GGUF Q4_1); they are not "
                   "the original checkpoint."), "message_ja": dress("重みは 4 ビットから逆量子化したものです。")}],
        "reproduce": {"command": dress("hanka run study.yaml --out runs/demo"), "study_sha256": "5c0ffee" * 9,
                      "versions": {"hanka": "0.1.0", "torch": "2.6.0"}, "device": dress("cpu, 2 cores"),
                      "models": [model], "datasets": datasets},
        "primary_metrics": {"sentiment": "accuracy", "inference": "accuracy", "summary": "rouge_l"},
    }  # fmt: skip


def _answer(book: Book) -> Row:
    """A trade-off whose figure has two panels and whose table has a row per point."""
    dress, tuned = book.shape.dress, [one for one in book.variants if one.train_task]
    columns = [("number", "count"), ("method", "text"), ("train_size", "count"), ("relation", "relation"),
               ("gain", "difference"), ("change", "difference"), ("on_front", "text"), ("front_share", "share")]  # fmt: skip
    rows: list[list[object]] = []
    curves = []
    for relation in ("out_of_domain", "cross_task"):
        points = []
        for place, one in enumerate(tuned[:12]):
            gain, change = 0.05 * place, 0.02 - 0.03 * place
            x, y = ({"value": v, "low": v - 0.04, "high": v + 0.05, "n": book.shape.n} for v in (gain, change))
            rows.append([len(rows) + 1, one.label, one.train_size, relation, x, y, "✓" if place % 3 else "", 0.4])
            group, label = one.label, str(len(rows))
            points.append({"x": x, "y": y, "group": group, "label": label, "stands_out": bool(place % 3)})
        curves.append({"title_en": dress(relation), "title_ja": dress("別の図"), "x_label": "gain", "y_label": "change",
                       "joined": False, "points": points})  # fmt: skip
    return {
        "version": 1, "reference": dress("Pareto (1906)"), "description": dress("gain against loss"),
        "sentence_en": dress("sft · 512 rows gains most in domain: +0.220 [+0.160, +0.280] (n = 200)."),
        "sentence_ja": dress("ドメイン内の改善が最大なのは sft · 512 件です。"),
        "columns": [{"name": name, "shows": shows} for name, shows in columns], "rows": rows, "curves": curves,
        "notes": [{"message_en": dress("Positive is better."), "message_ja": dress("正が改善です。")}],
    }  # fmt: skip


def _training(shape: Shape, place: int, one: Variant) -> Row:
    """The first variant is undertrained, the second has collapsed elsewhere, the others fit."""
    dress = shape.dress
    names = ("own_loss", "own_accuracy", "validation_loss", "validation_accuracy")
    values = [(name, when, {"before": 2.5, "after": 0.25}[when]) for name in names for when in ("before", "after")]
    sign = {"cell_id": "c", "test_task": "summary", "test_dataset": dress("xsum"), "relation": "cross_task", "shots": 0,
            "prompt": "p1", "kind": "label_words", "answer": dress("positive"), "usual": 0.0, "base": 0.0, "value": 0.883,
            "low": 0.778, "high": 0.942, "n": 60, "message_en": dress("xsum, 0-shot: writes nothing but a label word"),
            "message_ja": dress("xsum（0-shot）：ラベル語だけを返します。")}  # fmt: skip
    return {
        "variant_id": one.id, "label": one.label, "base": one.base, "train_task": one.train_task, "seed": one.seed,
        "train_dataset": one.train_dataset, "train_size": one.train_size, "signs": [],
        "status": "fitted" if place else "undertrained", "reason_en": dress("own rows are not fitted"),
        "reason_ja": dress("自身の学習例に適合していません。"), "kept_step": 8,
        "numbers": [{"name": f"{name}_{when}", "n": 48, "value": value, "low": 0.2, "high": 0.3} for name, when, value in values],
        "curve": [{"step": step, "loss": 2.5 / step, "validation_loss": 3 / step if step % 2 else None,
                   "validation_accuracy": None} for step in range(1, 9)],
        "collapses": [sign] if place == 1 else [],
    }  # fmt: skip


def _settings(book: Book) -> list[Row]:
    grouped: dict[tuple[str, str, int, str], list[Row]] = {}
    for row in book.rows:
        if row["train_task"] and row["metric"] in ("accuracy", "rouge_l") and row["value"] is not None:
            grouped.setdefault((row["train_task"], row["method"], row["train_size"], row["relation"]), []).append(row)
    lines = []
    for (task, method, size, relation), rows in grouped.items():
        mean = sum(row["delta"] for row in rows) / len(rows)
        verdicts = [row["verdict"] for row in rows]
        lines.append(
            {"train_task": task, "method": method, "train_size": size, "relation": relation, "n_cells": len(rows),
             "n_better": verdicts.count("better"), "n_worse": verdicts.count("worse"), "n_leaning": verdicts.count("leaning"),
             "n_undecided": verdicts.count("undecided"), "metric": "rouge_l" if task == "summary" else "accuracy",
             "mean_delta": mean, "ci_low": mean - 0.02, "ci_high": mean + 0.02}
        )  # fmt: skip
    return lines


def baselines(shape: Shape) -> list[Row]:
    return [
        {"test_task": task, "test_dataset": shape.dress(name), "metric": METRICS[kind(task)][0], "n": shape.n,
         "baseline": shape.dress("majority_test_label") if task in LABELS else "first_sentence",
         "value": 0.5 if task in LABELS else 0.16, "ci_low": 0.43 if task in LABELS else 0.14,
         "ci_high": 0.57 if task in LABELS else 0.18}
        for task, tests in shape.tests.items() for name, _ in tests
    ]  # fmt: skip


def audits(shape: Shape) -> Row:
    dress = shape.dress
    ids = (dress("amazonfood-17"), "amazonfood-40")
    message = dress("almost the same input stands on both sides")
    near = AuditWarning("near overlap", dress("amazon train × amazonfood test"), 4, 200, message, ids)
    cut = AuditWarning(
        "truncation",
        dress("sft on amazon, 512 rows"),
        1,
        512,
        dress("rows do not fit max_length 1024 and are left out"),
    )
    names = ("exact overlap", "near overlap", "labels", "demonstrations", "template")
    checks = [
        {"audit": name, "where": dress(f"{test} test"), "checked": shape.n}
        for name in names
        for test in ("amazon", "yelp")
    ]
    policy = {dress("smollm2-135m-instruct"): {"bos": "model", "bos_tokens": 0, "template": "plain"}}
    return {"warnings": [asdict(near), asdict(cut)], "checks": checks, "policy": policy}


def study(shape: Shape) -> str:
    text = "name: sentiment-and-inference\nprotocol: corrected\ntokens: {bos: model, eos: true, template: plain}\n"
    text += "stats: {level: 0.95, resamples: 2000}\neval: {shots: [0, 2], max_new_tokens: 60}\n# "
    return text + shape.dress("a comment") + "\n"
