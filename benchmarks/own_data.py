"""Does the default recipe advise rightly on small files of one's own? Five data sets, beside a long run that is tuned.

    python -m benchmarks.own_data    # about an hour; writes benchmarks/results/own_data.json

A user's file goes in whole: split by the study, everything else left out. Beside it stands what care would have found: three learning
rates, three to ten epochs (600 rows seen), looked at five times, the best look of the best rate chosen by validation rows alone. Advice is false where
one says adapt and the other keep. Data: mails of the own-data template; reviews, paraphrases and questions of the main paper's release;
JGLUE's JNLI. The latter two are read where they are (HANKA_PAPER_DATA and the folder `japanese` beside it). Limits: one
model, one seed, few test rows: most outcomes are open, and a table of five shows no rates.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.pilot import RATES

RESULT = Path(__file__).parent / "results/own_data.json"
SEEN, MOST_EPOCHS, LOOKS = 600, 10, 5
"Rows seen in a careful training, its epochs at most, its looks at validation rows."
FASTER = 3.0
"The neighbours of the default learning rate, as a factor."


class Corpus(NamedTuple):
    """A file of one's own."""

    rows: tuple[Mapping[str, str], ...]
    "Columns of the file: `output` and what the prompt names."
    prompt: str
    labels: tuple[str, ...]
    "Empty: text is written."
    size: int
    "Training rows."


def corpora(paper: Path) -> Iterator[tuple[str, Corpus]]:
    """Yield the five files by name, the smallest first."""
    text = files("hanka.study.templates").joinpath("mails.csv").read_text(encoding="utf-8")
    mails = tuple({"input": row["text"], "output": row["tone"]} for row in csv.DictReader(text.splitlines()))
    yield "mails", Corpus(mails, "Mail: {input}\nTone:", ("good", "bad"), 32)
    questions = _json(paper / "question/socialqa_train_2000.json", ("input", "answer", "output"), 100)
    yield "questions", Corpus(questions, "{input}\nAnswer: {answer}\nQuestion:", (), 50)
    pairs = _json(paper / "detection/paws_train_2000.json", ("input_1", "input_2", "output"), 160)
    yield "paraphrases", Corpus(pairs, "{input_1}\n{input_2}\nSame meaning, yes or no:", ("yes", "no"), 80)
    lines = (paper.parent / "japanese/jnli-valid.jsonl").read_text(encoding="utf-8").splitlines()[:240]
    read = [json.loads(line) for line in lines]
    nli = tuple({"input_1": row["sentence1"], "input_2": row["sentence2"], "output": row["label"]} for row in read)
    labels = ("entailment", "neutral", "contradiction")
    yield "Japanese NLI", Corpus(nli, "前提：{input_1}\n仮説：{input_2}\n関係：", labels, 120)
    reviews = _json(paper / "sentiment/amazon_train_2000.json", ("input", "output"), 400)
    yield "reviews", Corpus(reviews, "{input}\nSentiment:", ("positive", "negative"), 200)


def _json(path: Path, columns: Iterable[str], n: int) -> tuple[Mapping[str, str], ...]:
    rows = json.loads(path.read_text(encoding="utf-8"))[:n]
    return tuple({name: str(row[name]) for name in columns} for row in rows)


def study(corpus: Corpus, tuned: bool) -> dict[str, Any]:
    """Return the study of a file: as a user writes it, or with care."""
    columns = {name: name for name in corpus.rows[0]}
    task: dict[str, Any] = {"prompt": corpus.prompt, "train": "mine", "in_domain": ["mine"]}
    task |= (
        {"kind": "classification", "labels": list(corpus.labels)}
        if corpus.labels
        else {"kind": "generation", "metric": "rouge_l", "stop": ["\n"]}
    )
    rate = RATES["lora"][0]
    rates = [rate / FASTER, rate, rate * FASTER]
    epochs = min(MOST_EPOCHS, -(-SEEN // corpus.size))
    careful = [{"sft": {"name": f"rate {one:.0e}", "learning_rate": one}} for one in rates]
    return {
        "name": "own data",
        "base": "smollm2-135m-instruct",
        "datasets": {
            "mine": {
                "task": "mine", "domain": "mine", "train": "mine.csv", "fields": columns,
                "split": {"test": 0.35, "validation": 0.1},
            }
        },
        "tasks": {"mine": task},
        "methods": ["base", *(careful if tuned else ["sft"])],
        "train": {"sizes": [corpus.size]} | ({"epochs": epochs, "checkpoints": LOOKS} if tuned else {}),
        "eval": {"max_new_tokens": 24},
    }  # fmt: skip


def run(corpus: Corpus, tuned: bool) -> dict[str, Any]:
    """Run one study and return what it says."""
    from hanka.run import RunOptions, run_study

    with tempfile.TemporaryDirectory(prefix="hanka-own-") as scratch:
        folder = Path(scratch)
        with (folder / "mine.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(corpus.rows[0]))
            writer.writeheader()
            writer.writerows(corpus.rows)
        (folder / "study.yaml").write_text(json.dumps(study(corpus, tuned), ensure_ascii=False), encoding="utf-8")
        started = time.monotonic()
        out = run_study(folder / "study.yaml", folder / "run", RunOptions(quiet=True)).folder
        seconds = time.monotonic() - started
        findings = json.loads(out.findings.read_text(encoding="utf-8"))
        variants = json.loads(out.plan.read_text(encoding="utf-8"))["variants"]
        label = {one["id"]: one["label"] for one in variants}
        losses = {}
        for one in variants:
            record = json.loads((out.variant(one["id"]) / "variant.json").read_text(encoding="utf-8")).get("record", {})
            if record.get("checkpoints"):
                losses[one["label"]] = min(look["loss"] for look in record["checkpoints"])
    (entry,) = findings["decision"]["per_task"]
    chosen = min(losses, key=losses.__getitem__) if losses else entry["candidate"]
    system = next(one for one in entry["systems"] if one["method"] == chosen)
    (benefit, *_) = system["benefits"]
    (trained,) = [one for one in findings["training"] if label[one["variant_id"]] == chosen]
    return {
        "chosen": chosen,
        "outcome": system["outcome"],
        "training": trained["status"],
        "reason": trained["reason_en"],
        "n_test": benefit["n"],
        "value": benefit["value"],
        "base_value": benefit["base_value"],
        "delta": benefit["delta"],
        "sim_low": benefit["sim_low"],
        "sim_high": benefit["sim_high"],
        "seconds": round(seconds, 1),
    }


def is_false(default: str, careful: str) -> bool:
    """Tell whether one of two outcomes says adapt and the other keep."""
    gains = ("adapt", "trade-off")
    return (default == "keep" and careful in gains) or (default in gains and careful == "keep")


def main() -> int:
    """Run all, write the table as it grows; return 1 where advice was false or a status is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+")
    asked = parser.parse_args()
    kept = json.loads(RESULT.read_text(encoding="utf-8"))["studies"] if asked.only and RESULT.is_file() else []
    found, wrong = [one for one in kept if one["data"] not in asked.only], 0
    for name, corpus in corpora(Path(os.environ["HANKA_PAPER_DATA"])):
        if asked.only and name not in asked.only:
            continue
        default, careful = run(corpus, tuned=False), run(corpus, tuned=True)
        false = is_false(default["outcome"], careful["outcome"])
        wrong += false or not default["training"]
        sides = {"default": default, "careful": careful, "false_advice": false}
        found.append({"data": name, "rows": corpus.size, **sides, "machine": machine.describe()})
        for side in (default, careful):
            print(f"{name:14} {side['chosen']:12} {side['outcome']:10} {side['training']:13} {side['base_value']:.3f} → "
                  f"{side['value']:.3f} (n={side['n_test']}), {side['seconds']:.0f} s", flush=True)  # fmt: skip
        RESULT.write_text(json.dumps({"studies": found}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
