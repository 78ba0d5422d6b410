"""Sampling for levels of knowledge: every fact in several wordings, each several times; hanka beside transformers' `generate`.

    python -m benchmarks.sampling                      # about ten minutes on two quiet cores; writes results/sampling.json
    python -m benchmarks.sampling --quick              # a few facts, to see that it works; writes nothing

Both sides get the same prompts (invented names, wordings as in ParaRel), temperature 0.7, no nucleus, 8 new tokens, no stop but the end of
text; times hold tokenising and decoding. transformers gets rows sorted by length, padded on the left, `num_return_sequences` for the samples,
and the number of prompts a batch that was fastest on a few of them. No ratio without equal distributions: each side's samples have the same
log-probability under both (teacher-forced), their means do not differ by chance alone, and 2,000 first tokens of one prompt fit the model's
own probabilities (chi-square).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import table, workloads
from benchmarks.child import PeakMemory, measure
from benchmarks.comparison import Agreement, Comparison

RESULT = Path(__file__).parent / "results/sampling.json"
TARGET = 1.5
"Least ratio."
WORDINGS = (
    "{} was born in", "{} is originally from", "{} was native to", "{} originated from", "The place where {} was born is",
)  # fmt: skip
FIRST = ("Ada", "Bo", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hiro")
LAST = (
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Novak",
    "Abernathy",
    "Takahashi",
    "Delacroix",
    "Yılmaz",
    "van der Berg",
    "O'Rourke",
)
SAMPLES, NEW_TOKENS, TEMPERATURE = 4, 8, 0.7
BATCH_SIZES = (4, 8, 16, 32)
"Prompts of a batch, tried for the peer."
TRIAL_FACTS = 6
N_FIRST = 2000
"First tokens drawn of one prompt."
LEAST_P = 1e-3
MOST_GAP = 1e-3
"Nats by which the log-probability of a token may differ between the two."
MOST_Z = 4.0


def prompts(n_facts: int) -> list[str]:
    """Return every wording of so many invented people."""
    names = [f"{first} {last}" for last in LAST for first in FIRST]
    return [wording.format(name) for name in names[:n_facts] for wording in WORDINGS]


def _hanka(loaded: Any, texts: Sequence[str], samples: int, n_new: int) -> list[list[int]]:
    """Sample with hanka; return token ids, sample by sample."""
    from hanka.engines.contract import Decoding, TextAnswer
    from hanka.engines.local import LocalEngine
    from hanka.prompting import Query

    queries = [
        Query(text, ids, ()) for text, ids in zip(texts, loaded.tokenizer(list(texts))["input_ids"], strict=True)
    ]
    asked = [query for query in queries for _ in range(samples)]
    answers = LocalEngine(loaded, 8192).generate(asked, Decoding(n_new, (), TEMPERATURE))
    written = [one.text for one in answers if isinstance(one, TextAnswer)]
    assert len(written) == len(asked)
    return loaded.tokenizer(written, add_special_tokens=False)["input_ids"]  # type: ignore[no-any-return]


def _transformers(loaded: Any, texts: Sequence[str], samples: int, n_new: int, size: int) -> list[list[int]]:
    """Sample with transformers, `size` prompts at a time; return token ids, sample by sample in the order of the prompts."""
    import torch

    tokenizer, model = loaded.tokenizer, loaded.model
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.pad_token or tokenizer.eos_token
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found: dict[int, list[list[int]]] = {}
    torch.manual_seed(1)
    with torch.inference_mode():
        for start in range(0, len(order), size):
            part = order[start : start + size]
            batch = tokenizer([texts[at] for at in part], return_tensors="pt", padding=True)
            made = model.generate(
                **batch, do_sample=True, temperature=TEMPERATURE, top_k=0, top_p=1.0, max_new_tokens=n_new,
                num_return_sequences=samples, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
            new = made[:, batch["input_ids"].shape[1] :].tolist()
            texts_out = tokenizer.batch_decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            ids = tokenizer(texts_out, add_special_tokens=False)["input_ids"]
            for at, place in enumerate(part):
                found[place] = ids[at * samples : (at + 1) * samples]
    return [one for place in range(len(texts)) for one in found[place]]


def side(who: str, n_facts: int, size: int = 0) -> dict[str, Any]:
    """Sample with one side (child process); the first few prompts are asked once before, and not timed."""
    loaded = workloads.load()
    loaded.model.generation_config.eos_token_id = loaded.tokenizer.eos_token_id

    def sample(texts: Sequence[str]) -> list[list[int]]:
        if who == "hanka":
            return _hanka(loaded, texts, SAMPLES, NEW_TOKENS)
        return _transformers(loaded, texts, SAMPLES, NEW_TOKENS, size)

    sample(prompts(1)[:2])
    memory, started = PeakMemory(), time.perf_counter()
    texts = prompts(n_facts)
    ids = sample(texts)
    return {"seconds": time.perf_counter() - started, "ids": ids, "mib": memory.mib()}


def scored(asked: Sequence[Sequence[list[int]]], n_facts: int) -> dict[str, Any]:
    """Score both sides' samples with both (child process): per side, log-probabilities by hanka and by transformers, token by token."""
    import torch

    from hanka.engines.contract import TextScore
    from hanka.engines.local import LocalEngine
    from hanka.prompting import Query

    loaded = workloads.load()
    texts = [text for text in prompts(n_facts) for _ in range(SAMPLES)]
    before = loaded.tokenizer(texts)["input_ids"]
    ours, theirs = [], []
    for samples in asked:
        queries = [Query("", ids, (tuple(own),)) for ids, own in zip(before, samples, strict=True) if own]
        answers = LocalEngine(loaded, 8192).score_text(queries)
        ours.append([list(one.log_likelihoods) for one in answers if isinstance(one, TextScore)])
        whole = []
        with torch.inference_mode():
            for query in queries:
                own = query.labels[0]
                logits = loaded.model(torch.tensor([[*query.ids, *own]])).logits[0, len(query.ids) - 1 : -1].float()
                whole.append(logits.log_softmax(-1).gather(1, torch.tensor(own)[:, None])[:, 0].tolist())
        theirs.append(whole)
    return {"hanka": ours, "transformers": theirs}


def first_tokens(who: str, n: int) -> dict[str, Any]:
    """Return the p-value of a chi-square test of n first tokens of one prompt against the model's own probabilities (child process)."""
    import torch
    from scipy.stats import chisquare

    from hanka.engines.contract import Decoding
    from hanka.engines.sampling import draw, row_seeds

    loaded, text = workloads.load(), prompts(1)[0]
    ids = loaded.tokenizer(text)["input_ids"]
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([ids])).logits[:, -1]
        if who == "hanka":
            drawn = draw(logits.repeat(n, 1), row_seeds([ids] * n, 0), [0] * n, Decoding(1, (), TEMPERATURE))
        else:
            torch.manual_seed(3)
            made = loaded.model.generate(
                torch.tensor([ids]), do_sample=True, temperature=TEMPERATURE, top_k=0, top_p=1.0, max_new_tokens=1,
                min_new_tokens=1, num_return_sequences=n, pad_token_id=loaded.tokenizer.eos_token_id,
            )  # fmt: skip
            drawn = made[:, -1].tolist()
    wanted = ((logits[0].double() / TEMPERATURE).softmax(-1) * n).tolist()
    counts, often = Counter(drawn), [token for token, one in enumerate(wanted) if one >= 5]
    found = [*(counts[token] for token in often), n - sum(counts[token] for token in often)]
    expected = [*(wanted[token] for token in often), n - sum(wanted[token] for token in often)]
    return {"p": float(chisquare(found, expected).pvalue), "bins": len(found)}


def compare(n_facts: int, repetitions: int, n_first: int) -> Comparison:
    """Measure both sides in turn and hold their samples against each other."""
    trials = {
        size: measure("benchmarks.sampling:side", who="peer", n_facts=min(TRIAL_FACTS, n_facts), size=size)
        for size in BATCH_SIZES
    }
    best = min(trials, key=lambda size: float(trials[size]["seconds"]))
    ours, theirs = [], []
    for _ in range(repetitions):
        ours.append(measure("benchmarks.sampling:side", who="hanka", n_facts=n_facts))
        theirs.append(measure("benchmarks.sampling:side", who="peer", n_facts=n_facts, size=best))
    found = measure("benchmarks.sampling:scored", asked=[ours[-1]["ids"], theirs[-1]["ids"]], n_facts=n_facts)
    firsts = {who: measure("benchmarks.sampling:first_tokens", who=who, n=n_first) for who in ("hanka", "peer")}
    n_asked = len(prompts(n_facts)) * SAMPLES
    return Comparison(
        workload=f"sampling for levels, {n_facts} facts × {len(WORDINGS)} wordings × {SAMPLES} samples of {NEW_TOKENS} tokens",
        peer=f"transformers generate, {best} prompts a batch",
        hanka_seconds=[one["seconds"] for one in ours],
        peer_seconds=[one["seconds"] for one in theirs],
        agreements=agreements(found, {who: float(one["p"]) for who, one in firsts.items()}),
        floor_ratio=floor_ratio(),
        hanka_mib=max(one["mib"] for one in ours),
        peer_mib=max(one["mib"] for one in theirs),
        details={
            "samples": n_asked,
            "samples_per_second": n_asked / min(one["seconds"] for one in ours),
            "trial_seconds": {str(size): one["seconds"] for size, one in trials.items()},
            "first_tokens": firsts,
        },
    )


def agreements(found: dict[str, Any], p_values: dict[str, float]) -> list[Agreement]:
    """Say whether both sides sample from one distribution. found: log-probabilities by scorer, by side, by sample, by token."""
    gaps = [
        abs(a - b)
        for ours, theirs in zip(found["hanka"], found["transformers"], strict=True)
        for one, other in zip(ours, theirs, strict=True)
        for a, b in zip(one, other, strict=True)
    ]
    return [
        Agreement("largest difference of a token's log-probability under both (nats)", max(gaps), MOST_GAP, False),
        Agreement(
            "standard errors between the mean log-probabilities of both sides' samples",
            _z(found["transformers"]),
            MOST_Z,
            False,
        ),
        *(Agreement(f"p-value of first tokens, {who}", p, LEAST_P, True) for who, p in p_values.items()),
    ]


def _z(sides: Sequence[Sequence[Sequence[float]]]) -> float:
    """Return by how many standard errors the mean log-probability of a sample differs between two sides."""
    totals = [[math.fsum(one) for one in samples] for samples in sides]
    means = [math.fsum(one) / len(one) for one in totals]
    variances = [
        math.fsum((value - mean) ** 2 for value in one) / (len(one) - 1) / len(one)
        for one, mean in zip(totals, means, strict=True)
    ]
    return abs(means[0] - means[1]) / math.sqrt(math.fsum(variances))


def floor_ratio(prompt_tokens: float = 9.0) -> float:
    """Return the tokens that transformers forwards over the least there are: it reads a prompt once for every sample."""
    steps = NEW_TOKENS - 1
    return (prompt_tokens + steps) * SAMPLES / (prompt_tokens + steps * SAMPLES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, store; 1 where the sides disagree or the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=40, help="facts, five prompts each")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="two facts, one repetition, nothing written")
    asked = parser.parse_args(arguments)
    if not 1 <= asked.facts <= len(FIRST) * len(LAST) or asked.repetitions < 1:
        parser.error(f"--facts is from 1 to {len(FIRST) * len(LAST)}, --repetitions from 1")
    if asked.quick:
        asked.facts, asked.repetitions = 2, 1
    found = compare(asked.facts, asked.repetitions, 200 if asked.quick else N_FIRST).as_json() | {
        "target": TARGET,
        "memory_target": None,
    }
    print(found["refused"] or table.row(found).strip(), flush=True)
    for one in found["agreements"]:
        print(f"  {one['what']}: {one['found']:.4g} ({'at least' if one['at_least'] else 'at most'} {one['limit']:g})")
    if not asked.quick:
        stored = {"machine": measure("benchmarks.machine:describe"), "comparisons": [found]}
        RESULT.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return int(found["ratio"] is None or (not asked.quick and found["ratio"] < TARGET))


if __name__ == "__main__":
    sys.exit(main())
