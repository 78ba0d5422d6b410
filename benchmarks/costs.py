"""Does what `hanka plan` predicts for one more test set, shot count, size or method come true?

    python -m benchmarks.costs          # about ten minutes on two cores

A small study is run on the real model in a cache of its own, so that hanka probes the machine and then corrects
itself by this first run. Each change of the study is planned (predicted seconds of what is missing), then run;
measured are the seconds that the new variants and cells took. Prints one JSON object; exits with 1 where a prediction
is off by more than a quarter.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.child import ROOT, environment

ALLOWED = 0.25
"Share by which a prediction may miss."
BASE = "smollm2-135m-instruct"
STUDY = """\
name: costs
base: {base}
data: {{source: mini}}
tasks: {{sentiment: {{in_domain: [tweets], out_of_domain: {out_of_domain}}}}}
methods: {methods}
train: {{sizes: {sizes}, epochs: 1}}
eval: {{shots: {shots}, limit: {limit}}}
stats: {{resamples: 200}}
"""
PLAIN = {"out_of_domain": "[]", "methods": "[base, sft]", "sizes": "[64]", "shots": "[0]"}
CHANGES = {
    "one more test set": {"out_of_domain": "[film-reviews]"},
    "one more shot count": {"shots": "[0, 4]"},
    "one more size": {"sizes": "[64, 128]"},
    "one more method": {"methods": "[base, sft, {fticl: {shots: 2}}]"},
}
LIMIT = 120


def measure() -> dict[str, Any]:
    """Return {change: {predicted_seconds, measured_seconds, error, n_variants, n_cells, met}}.

    Seconds are of making variants and answering cells. error: predicted over measured, minus one.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="hanka-costs-") as scratch:
        folder = Path(scratch)
        cache = _cache(folder / "cache")
        first = _study(folder, PLAIN)
        _hanka(cache, "run", str(first), "--out", str(folder / "plain"), "--quiet")
        for name, change in CHANGES.items():
            study, out = _study(folder, PLAIN | change), folder / "changed"
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(folder / "plain", out)
            kept = _rates(cache)
            before = _records(out)
            plan = json.loads(_hanka(cache, "plan", str(study), "--out", str(out), "--json"))
            _hanka(cache, "run", str(study), "--out", str(out), "--quiet")
            new = {path: record for path, record in _records(out).items() if path not in before}
            predicted, measured = plan["estimate"]["seconds_left"], sum(one["seconds"] for one in new.values())
            error = predicted / measured - 1
            found[name] = {
                "predicted_seconds": round(predicted, 1),
                "measured_seconds": round(measured, 1),
                "error": round(error, 3),
                "n_variants": sum(1 for path in new if path.name == "variant.json"),
                "n_cells": sum(1 for path in new if path.name == "cell.json"),
                "met": abs(error) <= ALLOWED,
            }
            for path, text in kept.items():
                path.write_text(text, encoding="utf-8")
    return found


def _study(folder: Path, values: dict[str, str]) -> Path:
    path = folder / "study.yaml"
    path.write_text(STUDY.format(base=BASE, limit=LIMIT, **values), encoding="utf-8")
    return path


def _cache(folder: Path) -> Path:
    """Return a cache that shares prepared models and data with the user's, and no measured speed."""
    from hanka.store.cache import cache_root

    folder.mkdir()
    for path in cache_root().iterdir() if cache_root().is_dir() else ():
        if path.name != "rates":
            (folder / path.name).symlink_to(path)
    return folder


def _rates(cache: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in (cache / "rates").glob("*.json")}


def _records(out: Path) -> dict[Path, dict[str, Any]]:
    """Return the records of made variants and answered cells, those that took time."""
    paths = [*out.glob("variants/*/variant.json"), *out.glob("cells/*/cell.json")]
    return {path: record for path in paths if "seconds" in (record := json.loads(path.read_text(encoding="utf-8")))}


def _hanka(cache: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "hanka.cli", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment() | {"HANKA_CACHE": str(cache)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed ({done.returncode}): {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    result = measure()
    print(json.dumps(result, indent=1))
    sys.exit(0 if all(one["met"] for one in result.values()) else 1)
