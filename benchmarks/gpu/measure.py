"""The measurements: training steps, label scoring and writing, hanka beside the peers' code paths on the same items."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from benchmarks.gpu import peers, trainer
from benchmarks.gpu.flops import Shape, Work, forward_flops, shape_of, training_flops, work_of
from benchmarks.gpu.items import OWN_TOKENS, Sizes, queries, training_rows
from benchmarks.gpu.models import LORA_RANK, build, freed
from benchmarks.gpu.timing import Side, alternate, summary
from hanka.engines.contract import Decoding, LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.engines.prefixes import PrefixCache
from hanka.models.loading import LoadedModel
from hanka.models.memory import release_memory
from hanka.prompting import Encoded
from hanka.training.batching import shareable, supervised
from hanka.training.gradient import Gradient

LEARNING_RATE = 1e-6
"Small: the weights are random, and only the work matters."
FULL_BELOW = 2e9
"Models of more entries are trained with LoRA alone: optimizer states of all weights would not fit one GPU."


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


Measurement = dict[str, Any]
Task = tuple[str, Callable[[], Measurement]]


def tasks(model: str, kinds: Sequence[str], place: Place) -> list[Task]:
    """Return the measurements of one model, by name, in order; each makes its own model."""
    found: list[Task] = []
    if "scoring" in kinds:
        for shots in place.sizes.shots:
            found.append((f"scoring, {shots} shots", lambda shots=shots: scoring(model, shots, place)))  # type: ignore[misc]
    if "training" in kinds:
        for name, n_shared, n_rows in place.sizes.training:
            for peft in ("lora", "none"):
                if peft == "lora" or _n_entries(model) < FULL_BELOW:
                    found.append(
                        (
                            f"training, {name}, {'LoRA' if peft == 'lora' else 'full'}",
                            lambda n_shared=n_shared, n_rows=n_rows, peft=peft: training(  # type: ignore[misc]
                                model, n_shared, n_rows, peft, place
                            ),
                        )
                    )
    if "writing" in kinds:
        found.append(("writing", lambda: writing(model, place)))
    return found


def _n_entries(model: str) -> int:
    with torch.device("meta"):
        made = build(model, torch.device("meta"), torch.bfloat16).model
    return sum(value.numel() for value in made.parameters())


# ---- training


def training(name: str, n_shared: int, n_rows: int, peft: str, place: Place) -> Measurement:
    """Measure optimizer steps (gradient, clipping, AdamW) on one batch of rows."""
    loaded = build(name, place.device, torch.bfloat16)
    model = freed(loaded.model, peft)
    rows = training_rows(model.config.vocab_size, n_shared, n_rows)
    step = _stepper(model)
    shape = shape_of(model)
    lengths = [len(row.ids) for row in rows]
    sides = [
        _hanka_training(model, rows, step, shape, place.sizes.budgets, autocast=False),
        _hanka_training(model, rows, step, shape, place.sizes.budgets, autocast=True),
    ]
    for padded in (True, False):
        kind = peers.best_attention()
        sides.append(
            Side(
                "padded rows (TRL's path, rebuilt; sdpa)" if padded else f"padding-free (TRL's path, rebuilt; {kind})",
                _peer_step(model, rows, step, padded),
                [size for size in place.sizes.rows_trained_at_once if size <= n_rows],
                "rows at once",
                training_flops(shape, work_of(0, lengths, sum(lengths))),
            )
        )
    model.train()
    alternate(sides, place.repetitions, place.sizes.seconds, place.device)
    if trainer.importable():
        sides += [_trl_side(side, loaded, model, rows) for side in sides[2:4] if side.best is not None]
    details = {
        "rows": n_rows,
        "shared_tokens": shareable(rows),
        "own_tokens": OWN_TOKENS,
        "supervised_tokens": sum(map(supervised, rows)),
        "weights": f"LoRA, r = {LORA_RANK}, all linear layers" if peft == "lora" else "all",
    }
    return _measurement(sides, sum(lengths), n_rows, details, place.peak)


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
    model: Any, rows: Sequence[Encoded], step: Callable[[], None], shape: Shape, budgets: Sequence[int], autocast: bool
) -> Side:
    device = next(model.parameters()).device
    context = (lambda: torch.autocast(device.type, torch.bfloat16)) if autocast else contextlib.nullcontext
    gradient = Gradient(model, context)
    _require_packs(gradient.notes)

    def run(budget: int) -> int:
        before = gradient.n_forwarded
        gradient.accumulate(rows, budget)
        step()
        return gradient.n_forwarded - before

    n_shared = shareable(rows)
    work = work_of(n_shared, [len(row.ids) - n_shared for row in rows], sum(map(supervised, rows)))
    name = "hanka, in autocast" if autocast else "hanka"
    return Side(name, run, budgets, "tokens a micro-batch", training_flops(shape, work))


def _peer_step(model: Any, rows: Sequence[Encoded], step: Callable[[], None], padded: bool) -> Callable[[int], int]:
    kind = "sdpa" if padded else peers.best_attention()

    def run(rows_at_once: int) -> int:
        with peers.attention(model, kind):
            _, n_forwarded = peers.accumulate(model, rows, rows_at_once, padded)
        step()
        return n_forwarded

    return run


def _trl_side(rebuilt: Side, loaded: LoadedModel, model: Any, rows: Sequence[Encoded]) -> Side:
    """Return TRL's own steps at the best setting of its rebuilt path."""
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = tokenizer.pad_token
    assert rebuilt.best is not None
    padded = rebuilt.name.startswith("padded")
    kind = "sdpa" if padded else peers.best_attention()
    side = replace(rebuilt, name=f"TRL SFTTrainer, {'padded' if padded else 'padding-free'}", peak_gib=None)
    with peers.attention(model, kind):
        side.seconds = trainer.step_seconds(model, tokenizer, rows, rebuilt.best, padded)
    return side


# ---- scoring and writing


def scoring(name: str, shots: int, place: Place) -> Measurement:
    """Measure label scoring behind demonstrations; hanka reads them anew in every run."""
    loaded = build(name, place.device, torch.bfloat16)
    n_shared = shots * place.sizes.shot_tokens
    asked = queries(loaded.model.config.vocab_size, n_shared, place.sizes.n_queries)
    engine = LocalEngine(loaded, place.sizes.budgets[0])
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
    sides = [
        Side("hanka", ours, place.sizes.budgets, "tokens a pass",
             forward_flops(shape, _tree_work(n_shared, own, extra, len(own) * (1 + extra)))),
        Side(peer_name, theirs, place.sizes.rows_at_once, "rows at once",
             forward_flops(shape, work_of(0, whole, sum(whole)))),
    ]  # fmt: skip
    alternate(sides, place.repetitions, place.sizes.seconds, place.device)
    details = {"queries": len(asked), "labels": len(labels), "shared_tokens": n_shared, "own_tokens": OWN_TOKENS}
    details["same_choice"] = _share_equal(choices.get("hanka", []), choices.get("peer", []))
    n_asked = sum(len(query.ids) + len(label) for query in asked for label in labels)
    return _measurement(sides, n_asked, len(asked), details, place.peak)


def writing(name: str, place: Place) -> Measurement:
    """Measure greedy continuation behind demonstrations; all texts have the full length."""
    loaded = build(name, place.device, torch.bfloat16)
    sizes = place.sizes
    n_shared = sizes.shots[0] * sizes.shot_tokens
    asked = queries(loaded.model.config.vocab_size, n_shared, sizes.n_written, with_labels=False)
    contexts = [query.ids for query in asked]
    engine = LocalEngine(loaded, sizes.budgets[0])
    _require_packs(engine.notes)

    def ours(budget: int) -> int:
        _forget(engine, budget)
        engine.generate(asked, Decoding(sizes.n_new, ()))
        return engine.n_forwarded

    shape = shape_of(loaded.model)
    own = [len(ids) - n_shared + sizes.n_new - 1 for ids in contexts]
    n_places = len(asked) * sizes.n_new
    sides = [
        Side("hanka", ours, [8 * budget for budget in sizes.budgets], "tokens a pass",
             forward_flops(shape, work_of(n_shared, own, n_places))),
        Side("transformers generate", lambda at_once: peers.write(loaded.model, contexts, sizes.n_new, at_once)[1],
             sizes.rows_at_once, "rows at once",
             forward_flops(shape, work_of(0, [n_shared + n for n in own], n_places))),
    ]  # fmt: skip
    with torch.inference_mode():
        alternate(sides, place.repetitions, sizes.seconds, place.device)
    details = {"queries": len(asked), "new_tokens": sizes.n_new, "shared_tokens": n_shared, "own_tokens": OWN_TOKENS}
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
