"""The measurements: training steps, label scoring and writing, hanka beside the peers' code paths on the same items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import torch

from benchmarks.gpu import peers, trainer
from benchmarks.gpu.flops import Shape, Work, forward_flops, shape_of, training_flops, work_of
from benchmarks.gpu.items import OWN_TOKENS, Part, Sizes, queries, training_rows
from benchmarks.gpu.models import LORA_RANK, to_answer, to_train, tokenizer_of
from benchmarks.gpu.timing import Side, alternate, summary
from hanka.engines.contract import Decoding, LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.engines.prefixes import PrefixCache
from hanka.models.memory import release_memory
from hanka.prompting import Encoded
from hanka.training.batching import shareable, supervised
from hanka.training.gradient import Gradient

LEARNING_RATE = 1e-6
"Small: the weights are random, and only the work matters."
TRAINING_TOKENS, ANSWERING_TOKENS = 4096, 8192
"What hanka takes in a pass without being told: `train.micro_batch_tokens`, `eval.batch_tokens`."
WEIGHTS = {
    "base": "the base, bfloat16",
    "LoRA": f"LoRA, r = {LORA_RANK}, all linear layers: float32 on a bfloat16 base",
    "all": "all, float32",
}


class Place(NamedTuple):
    """Where and how much is measured."""

    device: torch.device
    "Where the model is."
    peak: float | None
    "Operations per second the device can do; None on a processor, where no utilisation is reported."
    sizes: Sizes
    "How much is measured."
    repetitions: int
    "Of every side, in turn."
    seconds: float
    "About how long one measurement may take."


Measurement = dict[str, Any]


def measure(part: Part, place: Place) -> Measurement:
    """Carry out one measurement; it makes its own model."""
    if part.kind == "training":
        assert part.weights != "base"
        return training(part, part.weights, place)
    assert part.weights != "all"
    return (scoring if part.kind == "scoring" else writing)(part, part.weights, place)


# ---- training


def training(part: Part, weights: Literal["LoRA", "all"], place: Place) -> Measurement:
    """Measure optimizer steps (gradient under bfloat16 autocast, clipping, AdamW) on one batch of rows."""
    n_shared, n_rows = place.sizes.training[part.setting]
    model = to_train(part.model, place.device, weights)
    rows = training_rows(model.config.vocab_size, n_shared, n_rows)
    step = _stepper(model)
    shape = shape_of(model)
    lengths = [len(row.ids) for row in rows]
    sides = [_hanka_training(model, rows, step, shape, place.sizes.budgets)]
    for padded in (True, False):
        kind = "sdpa" if padded else peers.best_attention(place.device)
        sides.append(
            Side(
                f"{'padded rows' if padded else 'padding-free'} (TRL's path, rebuilt; {kind})",
                _peer_step(model, rows, step, padded, kind),
                _rows_at_once(place.sizes.budgets, max(lengths), n_rows),
                "rows at once",
                training_flops(shape, work_of(0, lengths, sum(lengths))),
            )
        )
    model.train()
    alternate(sides, place.repetitions, place.sizes.seconds, place.device, place.seconds)
    if trainer.importable():
        sides += [_trl_side(side, model, rows) for side in sides[1:3] if side.best is not None]
    details = {
        "rows": n_rows,
        "shared_tokens": shareable(rows),
        "own_tokens": OWN_TOKENS,
        "supervised_tokens": sum(map(supervised, rows)),
        "weights": WEIGHTS[weights],
    }
    return _measurement(sides, sum(lengths), n_rows, details, place.peak)


def _rows_at_once(budgets: Sequence[int], longest: int, most: int) -> list[int]:
    """Return how many padded rows fit into token budgets, most first: large batches suit padded rows best."""
    return sorted({min(most, max(1, budget // longest)) for budget in budgets}, reverse=True)


def _tokens_a_pass(budgets: Sequence[int], default: int, needed: int) -> list[int]:
    """Return the default and larger token budgets up to the first that takes all in one pass."""
    larger = [budget for budget in budgets if budget > default]
    return [default, *(budget for smaller, budget in zip([default, *larger], larger, strict=False) if smaller < needed)]


def _stepper(model: Any) -> Callable[[], None]:
    """Return what follows a gradient in a step of the training loop."""
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.0, fused=True)

    def step() -> None:
        torch.nn.utils.clip_grad_norm_(parameters, 1.0).item()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def _hanka_training(
    model: Any, rows: Sequence[Encoded], step: Callable[[], None], shape: Shape, budgets: Sequence[int]
) -> Side:
    device = next(model.parameters()).device
    gradient = Gradient(model, lambda: torch.autocast(device.type, torch.bfloat16))
    _require_packs(gradient.notes)

    def run(budget: int) -> int:
        before = gradient.n_forwarded
        model.zero_grad(set_to_none=True)  # a run that was out of memory leaves part of a gradient
        gradient.accumulate(rows, budget)
        step()
        return gradient.n_forwarded - before

    n_shared = shareable(rows)
    work = work_of(n_shared, [len(row.ids) - n_shared for row in rows], sum(map(supervised, rows)))
    tried = _tokens_a_pass(budgets, TRAINING_TOKENS, work.tokens)
    return Side("hanka", run, tried, "tokens a micro-batch", training_flops(shape, work), TRAINING_TOKENS)


def _peer_step(
    model: Any, rows: Sequence[Encoded], step: Callable[[], None], padded: bool, kind: str
) -> Callable[[int], int]:
    def run(rows_at_once: int) -> int:
        model.zero_grad(set_to_none=True)
        with peers.attention(model, kind):
            _, n_forwarded = peers.accumulate(model, rows, rows_at_once, padded)
        step()
        return n_forwarded

    return run


def _trl_side(rebuilt: Side, model: Any, rows: Sequence[Encoded]) -> Side:
    """Return TRL's own steps at the best setting of its rebuilt path."""
    tokenizer = tokenizer_of(model.config.vocab_size)
    tokenizer.eos_token = tokenizer.pad_token
    assert rebuilt.best is not None
    padded = rebuilt.name.startswith("padded")
    kind = "sdpa" if padded else peers.best_attention(next(model.parameters()).device)
    side = replace(rebuilt, name=f"TRL SFTTrainer, {'padded' if padded else 'padding-free'}", peak_gib=None)
    with peers.attention(model, kind):
        side.seconds = trainer.step_seconds(model, tokenizer, rows, rebuilt.best, padded)
    return side


# ---- scoring and writing


def scoring(part: Part, weights: Literal["base", "LoRA"], place: Place) -> Measurement:
    """Measure label scoring behind demonstrations; hanka reads them anew in every run."""
    loaded = to_answer(part.model, place.device, weights)
    n_shared = place.sizes.shots[part.setting] * place.sizes.shot_tokens
    asked = queries(loaded.model.config.vocab_size, n_shared, place.sizes.n_queries[part.model])
    engine = LocalEngine(loaded, ANSWERING_TOKENS)
    _require_packs(engine.notes)
    peer, peer_name = peers.scorer(loaded)
    choices: dict[str, list[int]] = {}

    def ours(budget: int) -> int:
        _forget(engine, budget)
        found = engine.score_labels(asked)
        choices["hanka"] = _choices(
            [[sum(one) for one in a.log_likelihoods] for a in found if isinstance(a, LabelAnswer)]
        )
        return engine.n_forwarded

    def theirs(rows_at_once: int) -> int:
        found, n_forwarded = peer(asked, rows_at_once)
        choices["peer"] = _choices(found)
        return n_forwarded

    shape, labels = shape_of(loaded.model), asked[0].labels
    extra = sum(len(label) - 1 for label in labels)
    own = [len(query.ids) - n_shared for query in asked]
    whole = [len(query.ids) + n for query in asked for n in sorted({len(label) - 1 for label in labels})]
    work, budgets = _tree_work(n_shared, own, extra, len(own) * (1 + extra)), place.sizes.budgets
    sides = [
        Side("hanka", ours, _tokens_a_pass(budgets, ANSWERING_TOKENS, work.tokens), "tokens a pass",
             forward_flops(shape, work), ANSWERING_TOKENS),
        Side(peer_name, theirs, _rows_at_once(budgets, max(whole), len(whole)), "rows at once",
             forward_flops(shape, work_of(0, whole, sum(whole)))),
    ]  # fmt: skip
    alternate(sides, place.repetitions, place.sizes.seconds, place.device, place.seconds)
    details = {
        "queries": len(asked),
        "labels": len(labels),
        "shared_tokens": n_shared,
        "own_tokens": OWN_TOKENS,
        "weights": WEIGHTS[weights],
    }
    details["same_choice"] = _share_equal(choices.get("hanka", []), choices.get("peer", []))
    n_asked = sum(len(query.ids) + len(label) for query in asked for label in labels)
    return _measurement(sides, n_asked, len(asked), details, place.peak)


def writing(part: Part, weights: Literal["base", "LoRA"], place: Place) -> Measurement:
    """Measure greedy continuation behind demonstrations; all texts have the full length."""
    loaded = to_answer(part.model, place.device, weights)
    sizes = place.sizes
    n_shared = sizes.shots[part.setting] * sizes.shot_tokens
    asked = queries(loaded.model.config.vocab_size, n_shared, sizes.n_written, with_labels=False)
    contexts = [query.ids for query in asked]
    engine = LocalEngine(loaded, ANSWERING_TOKENS)
    _require_packs(engine.notes)

    def ours(budget: int) -> int:
        _forget(engine, budget)
        engine.generate(asked, Decoding(sizes.n_new, ()))
        return engine.n_forwarded

    shape = shape_of(loaded.model)
    own = [len(ids) - n_shared + sizes.n_new - 1 for ids in contexts]
    n_places = len(asked) * sizes.n_new
    sides = [
        Side("hanka", ours, [ANSWERING_TOKENS], "tokens a pass",
             forward_flops(shape, work_of(n_shared, own, n_places)), ANSWERING_TOKENS),
        Side("transformers generate", lambda at_once: peers.write(loaded.model, contexts, sizes.n_new, at_once)[1],
             [len(asked), max(1, len(asked) // 4)], "rows at once",
             forward_flops(shape, work_of(0, [n_shared + n for n in own], n_places))),
    ]  # fmt: skip
    with torch.inference_mode():
        alternate(sides, place.repetitions, sizes.seconds, place.device, place.seconds)
    details = {
        "queries": len(asked),
        "new_tokens": sizes.n_new,
        "shared_tokens": n_shared,
        "own_tokens": OWN_TOKENS,
        "weights": WEIGHTS[weights],
    }
    return _measurement(sides, sum(n_shared + n for n in own), len(asked), details, place.peak)


def _require_packs(notes: Sequence[str]) -> None:
    """Refuse to time plain rows under hanka's name."""
    if notes:
        raise RuntimeError(f"hanka fell back: {'; '.join(notes)}")


def _forget(engine: LocalEngine, budget: int) -> None:
    """Let an engine read everything anew, with another budget, without the checks of a new one."""
    engine.batch_tokens = budget
    for voice in engine.voices.members:
        voice.prefixes, voice.n_forwarded = PrefixCache(voice.model), 0


def _tree_work(n_shared: int, own: Sequence[int], extra: int, places: int) -> Work:
    """Return the work of rows that end in branches of at most one token each, `extra` in all."""
    work = work_of(n_shared, own, places)
    return work._replace(
        tokens=work.tokens + extra * len(own),
        pairs=work.pairs + sum(extra * (n_shared + n + 1) for n in own),
    )


def _choices(scores: list[list[float]]) -> list[int]:
    return [one.index(max(one)) for one in scores]


def _share_equal(ours: list[int], theirs: list[int]) -> float | None:
    if not ours or not theirs:
        return None
    return sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)


def _measurement(
    sides: Sequence[Side], row_tokens: int, n_items: int, details: dict[str, Any], peak: float | None
) -> Measurement:
    found = {side.name: summary(side, row_tokens, peak) for side in sides}
    for one in found.values():
        if "median_seconds" in one:
            one["items_per_second"] = n_items / one["median_seconds"]
    ours = found["hanka"].get("median_seconds")
    ratios = {
        name: one["median_seconds"] / ours
        for name, one in found.items()
        if not name.startswith("hanka") and ours and "median_seconds" in one
    }
    release_memory()
    return {"details": details, "sides": found, "times_faster": ratios}
