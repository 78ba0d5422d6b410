"""A real server beside the same weights in memory, and hanka's client beside lm-eval's on one server; writes results/served.json.

    python -m benchmarks.served --transformers "transformers serve {folder} --host 127.0.0.1 --port {port} --device cpu --dtype float32"
    python -m benchmarks.served --synthetic
    python -m benchmarks.served --llama "python -m llama_cpp.server --model FILE.gguf --model_alias smollm2 --port {port} --n_ctx 2048"

Servers are started here and ended again; what no command is given for keeps its last result. Agreement: 200 rows of the paper's release a kind of
question, SmolLM2-135M-Instruct, asked through a study of a served base and a local one (float32). Texts are compared as the task
reads them; a label that the server wrote and hanka read, with the label that the local engine wrote to the same words. Clients: the same prompts,
as many requests at once, several repetitions in turn, each in a process of its own; on a server without a model, whose answer takes a fixed
time, what remains is the client's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.child import measure
from benchmarks.clients import LABELS, STOP, rows_of
from benchmarks.serving import SYNTHETIC, started

RESULT = Path(__file__).parent / "results/served.json"
BASE = "smollm2-135m-instruct"
N, N_NEW = 200, 12
"Rows of a comparison, and tokens of a text."
N_POOL = 8
"Rows beside them, so that none is set aside as a demonstration."
HINT = "Answer with one of these and with nothing else: " + ", ".join(LABELS)
QUESTION, REVIEW = "{input}\nAnswer: {answer}\nQuestion:", "Review: {input}\nSentiment:"
LOCAL, SERVED = "local", "served"
SETTINGS = ((4, 50), (32, 50), (128, 50))
"Requests at once, and milliseconds that the server without a model takes."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what there is a command for, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transformers", default="", help="command of `transformers serve`, with {folder} and {port}")
    parser.add_argument("--llama", default="", help="command of a server of llama.cpp, with {port}")
    parser.add_argument("--synthetic", action="store_true", help="ask the server without a model")
    parser.add_argument("--apis", nargs="*", choices=("completions", "chat"), default=("completions", "chat"))
    parser.add_argument("--rows", type=int, default=N)
    parser.add_argument("--client-rows", type=int, default=40, help="rows of a repetition on a real server")
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args(arguments)
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    for name, part in _measured(asked):
        print(name, json.dumps(part), flush=True)
        found = found | {"machine": machine.describe(), name: part}
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _measured(asked: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    folder = _weights()
    places = {"folder": str(folder)}
    if asked.transformers:
        with started(asked.transformers, **places) as url:
            for api in asked.apis:
                yield f"agreement, transformers serve, {api}", agreement(url, str(folder), api, asked.rows)
            yield "clients, transformers serve", [clients(url, str(folder), "texts", asked.client_rows, 4, asked)]
    if asked.llama:
        with started(asked.llama, **places) as url:
            yield "clients, llama-cpp-python", [clients(url, "smollm2", "texts", asked.client_rows, 4, asked)]
    if asked.synthetic:
        yield "clients, a server of fixed time", list(_of_fixed_time(places, asked))


def _of_fixed_time(places: Mapping[str, str], asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield both clients on the server without a model, by requests at once and kind."""
    for concurrency, milliseconds in SETTINGS:
        with started(SYNTHETIC, milliseconds=str(milliseconds), **places) as url:
            for kind in ("texts", "labels"):
                n = min(5 * concurrency + 80, 480)
                found = clients(url, "synthetic", kind, n, concurrency, asked)
                yield {"milliseconds": milliseconds} | found


def _weights() -> Path:
    """Return the folder of the unpacked model."""
    from hanka.models.catalogue import find_model
    from hanka.models.vocabulary import model_folder

    folder = model_folder(find_model(BASE, Path.cwd()))
    if folder is None or not folder.is_dir():
        raise SystemExit(f"{BASE} is not on this machine; `hanka demo` fetches it")
    return folder


# ---- agreement


def agreement(url: str, model: str, api: str, n: int) -> dict[str, Any]:
    """Ask a study of both and compare: texts, and labels that were written."""
    said = measure("benchmarks.served:asked_study", url=url, model=model, api=api, n=n)
    found: dict[str, Any] = {"n": n, "how": said["how"], "seconds": said["seconds"]}
    for task in ("questions", "tone_written"):
        pairs = list(zip(said[SERVED][task], said[LOCAL][task], strict=True))
        found[task] = {
            "n_equal": sum(a == b for a, b in pairs),
            "different": [one for one in pairs if one[0] != one[1]][:5],
        }
    read = list(zip(said[SERVED]["tone"], said[LOCAL]["read"], said["targets"], strict=True))
    found["labels"] = {
        "n_equal": sum(a == b for a, b, _ in read),
        "n_read": [sum(a is not None for a, _, _ in read), sum(b is not None for _, b, _ in read)],
        "n_right": [sum(a == target for a, _, target in read), sum(b == target for _, b, target in read)],
    }
    return found


def asked_study(url: str, model: str, api: str, n: int) -> dict[str, Any]:
    """Run the study and return what both said: texts, and labels as they are read."""
    from hanka.engines.served.written import read_label
    from hanka.run import RunOptions, run_study
    from hanka.store.folder import read_json, read_predictions

    with tempfile.TemporaryDirectory(prefix="hanka-served-") as scratch:
        study = _write_study(Path(scratch), url, model, api, n)
        folder = run_study(study, Path(scratch) / "run", RunOptions(quiet=True)).folder
        plan = read_json(folder.plan)
        base = {one["id"]: one["base"] for one in plan["variants"]}
        found: dict[str, Any] = {LOCAL: {}, SERVED: {}, "seconds": {}}
        for cell in plan["cells"]:
            who, task = base[cell["variant_id"]], cell["test_task"]
            record = read_json(folder.cell(cell["id"]) / "cell.json")
            rows = sorted(read_predictions(folder.cell(cell["id"]))[0], key=lambda one: one.sample_id)
            found["seconds"][f"{who}, {task}"] = record["seconds"]
            found["how"] = record["notes"][0] if who == SERVED else found.get("how", "")
            found[who][task] = [one.parsed for one in rows]
            found["targets"] = [one.target for one in rows] if task == "tone" else found.get("targets")
    found[LOCAL]["read"] = [read_label(str(one).strip().split(STOP)[0], LABELS) for one in found[LOCAL]["tone_written"]]
    return found


def _write_study(folder: Path, url: str, model: str, api: str, n: int) -> Path:
    """Write the study with its rows; what is asked of a label's words stands in the prompt of the task that writes them."""
    for name, kind in (("questions", "texts"), ("reviews", "labels")):
        lines = [json.dumps(row) + "\n" for row in rows_of(kind, n + N_POOL)]
        (folder / f"{name}.jsonl").write_text("".join(lines[:n]), encoding="utf-8")
        (folder / f"{name}-pool.jsonl").write_text("".join(lines[n:]), encoding="utf-8")
    written = {"kind": "generation", "metric": "rouge_l", "stop": [STOP]}
    behind, before = f"{REVIEW}\n\n{HINT}", f"{HINT}\n\n{REVIEW}"
    tasks: Mapping[str, Mapping[str, Any]] = {
        "questions": {**written, "prompt": QUESTION, "in_domain": ["questions"]},
        "tone_written": {**written, "prompt": behind if api == "chat" else before, "in_domain": ["written"]},
        "tone": {"kind": "classification", "labels": list(LABELS), "prompt": REVIEW, "in_domain": ["reviews"]},
    }
    datasets = {
        "questions": {"task": "questions", "train": "questions-pool.jsonl", "test": "questions.jsonl"},
        "written": {"task": "tone_written", "train": "reviews-pool.jsonl", "test": "reviews.jsonl"},
        "reviews": {"task": "tone", "train": "reviews-pool.jsonl", "test": "reviews.jsonl"},
    }
    study = {
        "name": "bench-served",
        "base": [
            {"served": url, "model": model, "name": SERVED, "server": {"api": api, "labels": "parsed"}},
            {"model": BASE, "name": LOCAL},
        ],
        "tasks": tasks, "datasets": datasets, "methods": ["base"],
        "tokens": {"template": "chat" if api == "chat" else "plain"},
        "eval": {"shots": [0], "max_new_tokens": N_NEW, "limit": n, "cross_task": False}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


# ---- clients


def clients(url: str, model: str, kind: str, n: int, concurrency: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Ask with both clients in turn; which begins changes with every repetition."""
    same = {"url": url, "model": model, "kind": kind, "n": n, "n_new": N_NEW, "concurrency": concurrency}
    taken: dict[str, list[Any]] = {"hanka": [], "lm-eval": []}
    for at in range(asked.repetitions):
        for who in ("hanka", "lm-eval") if at % 2 == 0 else ("lm-eval", "hanka"):
            if who == "hanka":
                taken[who].append(measure("benchmarks.clients:with_hanka", **same))
            else:
                taken[who].append(measure("benchmarks.clients:with_harness", tokenizer=str(_weights()), **same))
    ours, theirs = taken["hanka"], taken["lm-eval"]
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs, strict=True)]
    return {
        "kind": kind, "n": n, "concurrency": concurrency, "hanka_requests": ours[0]["n_requests"],
        "hanka_seconds": [one["seconds"] for one in ours], "lm_eval_seconds": [one["seconds"] for one in theirs],
        "ratio": statistics.median(ratios), "ratios": ratios, **_same(kind, ours[0]["said"], theirs[0]["said"]),
    }  # fmt: skip


def _same(kind: str, ours: Sequence[Any], theirs: Sequence[Any]) -> dict[str, Any]:
    """Count rows of which both chose the same: the label of the higher score, or the text before its first end of a line."""
    pairs = list(zip(ours, theirs, strict=True))
    if kind == "texts":
        return {"n_same": sum(a.strip().split(STOP)[0] == b.strip().split(STOP)[0] for a, b in pairs)}
    gap = max(abs(x - y) for a, b in pairs for x, y in zip(a, b, strict=True))
    return {"n_same": sum(a.index(max(a)) == b.index(max(b)) for a, b in pairs), "largest_nats": gap}


if __name__ == "__main__":
    raise SystemExit(main())
