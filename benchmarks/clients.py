"""Two clients of one server: hanka's engine `served` and lm-eval's `local-completions`, asked the same, as many requests at once.

Each is called in a process of its own (`benchmarks.child`). Seconds are those of answering alone, after one row as warm-up.
"""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.workloads import paper_folder

STOP = "\n"
LABELS = ("negative", "positive")
FILES = {"texts": "question/socialqa_test_500.json", "labels": "sentiment/amazon_test_500.json"}


def rows_of(kind: str, n: int) -> list[dict[str, str]]:
    """Return the first rows of the paper's release that a kind of question is asked of."""
    release = paper_folder()
    if release is None:
        raise SystemExit("the paper's release is not here: name its folder with HANKA_PAPER_DATA")
    found = json.loads((release / FILES[kind]).read_text(encoding="utf-8"))[:n]
    return [{key: str(value) for key, value in row.items()} for row in found]


def prompts_of(kind: str, n: int) -> list[str]:
    """Return what is asked, as text that goes on."""
    if kind == "texts":
        return [f"{row['input']}\nAnswer: {row['answer']}\nQuestion:" for row in rows_of(kind, n)]
    return [f"Review: {row['input']}\nSentiment:" for row in rows_of(kind, n)]


def with_hanka(url: str, model: str, kind: str, n: int, n_new: int, concurrency: int) -> dict[str, Any]:
    """Ask with hanka's engine; returns seconds, requests and what was chosen."""
    from hanka.engines.contract import Decoding, LabelAnswer, TextAnswer
    from hanka.engines.served.engine import ServedEngine
    from hanka.models.served import Served, ServedModel
    from hanka.models.spelling import ServedTokenizer
    from hanka.prompting import Query

    engine = ServedEngine(ServedModel(Served(url, model, concurrency=concurrency), None), 512)
    spell = ServedTokenizer()
    labels = tuple(tuple(spell([f" {label}"], add_special_tokens=False)["input_ids"][0]) for label in LABELS)
    queries = [
        Query(text, tuple(spell([text], add_special_tokens=False)["input_ids"][0]), labels if kind == "labels" else ())
        for text in prompts_of(kind, n + 1)
    ]

    def ask(some: list[Query]) -> list[Any]:
        if kind == "labels":
            return list(engine.score_labels(some))
        return list(engine.generate(some, Decoding(n_new, (STOP,))))

    ask(queries[n:])
    engine.account()
    started = time.perf_counter()
    answers = ask(queries[:n])
    seconds = time.perf_counter() - started
    said: list[Any] = []
    for one in answers:
        if isinstance(one, LabelAnswer):
            said.append([sum(tokens) for tokens in one.log_likelihoods])
        else:
            assert isinstance(one, TextAnswer), one
            said.append(one.text)
    return {"seconds": seconds, "n_requests": engine.account()["n_requests"], "said": said}


def with_harness(
    url: str, model: str, kind: str, n: int, n_new: int, concurrency: int, tokenizer: str
) -> dict[str, Any]:
    """Ask with the harness' client; returns seconds and what was chosen."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    client = LocalCompletionsAPI(
        base_url=f"{url}/completions", model=model, num_concurrent=concurrency, tokenizer=tokenizer, tokenized_requests=False,
        tokenizer_backend="huggingface", max_retries=3,
    )  # fmt: skip
    prompts = prompts_of(kind, n + 1)

    def ask(some: list[str]) -> list[Any]:
        if kind == "labels":
            pairs = [(text, f" {label}") for text in some for label in LABELS]
            found = client.loglikelihood([Instance("loglikelihood", {}, pair, at) for at, pair in enumerate(pairs)])
            values = [float(value) for value, _ in found]
            return [list(one) for one in zip(values[::2], values[1::2], strict=True)]
        how = {"until": [STOP], "max_gen_toks": n_new, "do_sample": False}
        return list(
            client.generate_until([Instance("generate_until", {}, (text, how), at) for at, text in enumerate(some)])
        )

    ask(prompts[n:])
    started = time.perf_counter()
    said = ask(prompts[:n])
    return {"seconds": time.perf_counter() - started, "said": said}
