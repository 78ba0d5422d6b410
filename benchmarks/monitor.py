"""Is a million rows of a log watched in under a minute and a gibibyte?

    python -m benchmarks.monitor                      # a million rows; writes results/monitor.json
    python -m benchmarks.monitor --rows 100000 --folder runs/monitor   # fewer, nothing written; run and log are kept

The log is what a service writes: time, id, prompt, output, confidence, latency, one row in five with a label later in a line of its own,
one line in a thousand broken, repeated, late or ahead. `hanka monitor` runs on it in a process of its own, as from a shell, with a
state, a page and all ten signals; wall seconds with the start of the interpreter, CPU seconds, and the peak resident size that the
system reports. A second call shows what an unchanged log costs. Where more processes want the cores than there are, CPU seconds are held
against the target, for the wall then says how busy the machine is. The made-up run is
equally sure of every answer, so `unsure` alarms. Exits with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "monitor.json"
TARGETS = {"seconds": 60.0, "peak_mib": 1024.0}
HANKA = (sys.executable, "-m", "hanka.cli")
WORDS = [
    "parcel", "late", "refund", "thanks", "helpful", "broken", "again", "invoice", "order", "arrived", "never", "colour", "size", "wrong",
    "quick", "friendly", "support", "answer", "waiting", "weeks", "box", "damaged", "perfect", "return", "label", "shop", "account",
    "login", "charge", "twice", "lovely", "gift",
]  # fmt: skip
LABELS = ("good", "bad")


def write_log(path: Path, n: int, seed: int = 0) -> int:
    """Write n requests, and the labels that arrive later; return the lines."""
    rng, begin, lines, waiting = random.Random(seed), time.time() - 86_400.0 * 90, 0, []
    step = 86_400.0 * 89 / n
    with path.open("w", encoding="utf-8") as log:
        for at in range(n):
            label = LABELS[rng.random() < 0.5]
            answer = label if rng.random() < 0.9 else LABELS[label == "good"]
            text = " ".join(rng.choices(WORDS, k=rng.randrange(8, 40)))
            row: dict[str, Any] = {
                "time": round(begin + step * at, 3), "id": f"{seed}-{at}", "prompt": f"Mail: {text}\nTone:", "output": answer,
                "confidence": round(rng.betavariate(9, 1), 4), "latency": round(rng.lognormvariate(-1, 0.4), 4),
            }  # fmt: skip
            odd = rng.random()
            if odd < 0.00025:
                log.write('{"time": 17\n')
                lines += 1
            elif odd < 0.0005:
                log.write(json.dumps(row) + "\n")
                lines += 1
            elif odd < 0.00075:
                row["time"] -= 1000.0
            elif odd < 0.001:
                row["time"] += 86_400.0 * 365
            log.write(json.dumps(row) + "\n")
            lines += 1
            if rng.random() < 0.2:
                waiting.append((row["id"], label))
            if len(waiting) > 2000:
                late, truth = waiting.pop(0)
                log.write(json.dumps({"id": late, "label": truth}) + "\n")
                lines += 1
    return lines


def write_run(folder: Path) -> Path:
    """Write a run of 1,000 test rows of the same kind of mail, right on nine of ten."""
    sys.path.insert(0, str(ROOT / "tests"))
    import yaml

    from fake_runs import fake_run

    rng = random.Random(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, n in (("train", 64), ("test", 1000)):
        rows = (
            {"text": " ".join(rng.choices(WORDS, k=rng.randrange(8, 40))), "tone": LABELS[at % 2]} for at in range(n)
        )
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    files = {
        "task": "mailtone",
        "domain": "support",
        "train": "train.jsonl",
        "test": "test.jsonl",
        "fields": {"input": "text", "output": "tone"},
    }
    task = {
        "kind": "classification",
        "labels": list(LABELS),
        "prompt": "Mail: {input}\nTone:",
        "train": "mails",
        "in_domain": ["mails"],
    }
    study = {
        "name": "mails", "base": "smollm2-135m-instruct", "datasets": {"mails": files}, "tasks": {"mailtone": task}, "methods": ["base", "sft"],
        "train": {"sizes": [16]},
    }  # fmt: skip
    (folder / "mails.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return fake_run(folder / "mails.yaml", folder / "run").path


def call(folder: Path, run: Path, log: Path) -> dict[str, Any]:
    """Run the command once and return its wall and CPU seconds, peak MiB, exit code and what it says."""
    (folder / "monitor.yaml").write_text("window: 10000\n", encoding="utf-8")
    words = (
        *HANKA,
        "monitor",
        str(log),
        "--against",
        str(run),
        "--settings",
        str(folder / "monitor.yaml"),
        "--state",
        str(folder / "state"),
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    begin = time.perf_counter()
    done = subprocess.Popen(
        [*words, "--html", str(folder / "page.html"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert done.stdout is not None
    said = json.loads(done.stdout.read())
    _, status, used = os.wait4(done.pid, 0)
    return {
        "seconds": round(time.perf_counter() - begin, 1), "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": round(used.ru_maxrss / 1024, 1), "exit_code": os.waitstatus_to_exitcode(status), "verdict": said["verdict"],
        "tally": said["tally"], "windows": len(said["windows"]), "alarms": [one["signal"] for one in said["alarms"]],
    }  # fmt: skip


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Write run and log, watch it twice, and return what was measured beside the targets."""
    run, log = write_run(folder), folder / "log.jsonl"
    lines = write_log(log, rows)
    first, again = call(folder, run, log), call(folder, run, log)
    cores, load = len(os.sched_getaffinity(0)), [round(one, 1) for one in os.getloadavg()]
    judged = "seconds" if load[0] <= cores else "cpu_seconds"
    kept = rows < 1_000_000 or (first[judged] <= TARGETS["seconds"] and first["peak_mib"] <= TARGETS["peak_mib"])
    return {
        "requests": rows, "lines": lines, "mib": round(log.stat().st_size / 2**20, 1), "targets": TARGETS, "first": first, "unchanged": again,
        "load": load,
        "judged_by": judged, "cores": cores, "kept": kept,
    }  # fmt: skip


def main() -> int:
    """Measure, print, write results; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hanka-monitor-") as scratch:
        found = measure((asked.folder or Path(scratch)).resolve(), asked.rows)
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    if asked.rows >= 1_000_000:
        RESULTS.write_text(text, encoding="utf-8")
    return int(not found["kept"])


if __name__ == "__main__":
    sys.exit(main())
