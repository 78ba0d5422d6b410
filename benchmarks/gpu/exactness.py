"""Are hanka's numbers the model's? Checked in the precision that is measured, before anything is timed.

A model with fewer layers is made as hanka makes it (bfloat16 weights to answer, float32 adapters on them; float32 weights
where all of them train) and copied to float32: the same weights, so what separates them is rounding. hanka (shared
prefix, packed rows, label trees; packed gradients under autocast) and the plain padded way are both held against the
plain padded way in float32. hanka passes where its gap is at most a stated multiple of the plain way's, and where, run
in float32 itself, it agrees to a small absolute gap: rounding hides no error of layout there.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch

from benchmarks.gpu.items import Sizes, queries, training_rows
from benchmarks.gpu.models import UP, adapted, build, move_adapters, to_answer, to_train
from benchmarks.gpu.peers import accumulate, plain_scores, write
from hanka.engines.contract import Decoding, LabelAnswer, TextAnswer
from hanka.engines.local import LocalEngine
from hanka.models.loading import LoadedModel
from hanka.models.memory import release_memory
from hanka.prompting import Encoded, Query
from hanka.training.gradient import Gradient

MEAN_FACTOR = 1.5
"hanka's mean gap to float32 at most so many times that of plain bf16; the relative error of gradients, too."
LARGEST_FACTOR = 2.0
"The same for the largest gap, which scatters more; the gap of the loss, too, which is a single number."
LOSS_ROUNDING = 2.0**-9
"Of the loss: what one rounding to bf16 may move; a smaller gap is luck and no limit for the other side."
FLOAT32_GAP = 2e-3
"Nats; hanka in float32 against plain float32. Relative for gradients."
EQUAL_TEXTS = 0.9
"Share of texts that are equal in float32; random weights leave some tokens nearly as likely as others."
BUDGETS = (8192, 256)
"Token budgets: all in one pass, and many passes behind a prefix of its own."
N_TOKENS = 16
"Of a text that is compared."

Scores = list[list[float]]


@dataclass(slots=True)
class Check:
    """What one check found."""

    gaps: dict[str, dict[str, float]] = field(default_factory=dict)
    "By comparison: gap by name."
    reasons: list[str] = field(default_factory=list)
    "Why it does not pass; none: it does."

    def require(self, what: str, found: float, limit: float) -> None:
        """Note a gap that is over its limit, or no number."""
        if not found <= limit:
            self.reasons.append(f"{what} {found:.2g} is over {limit:.2g}")

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {"gaps": self.gaps, "reasons": list(dict.fromkeys(self.reasons))}


class Slope(NamedTuple):
    """A gradient and its loss."""

    loss: float
    "Nats."
    values: torch.Tensor
    "Of all trained weights."


def checks(
    model: str, kinds: set[tuple[str, str]], device: torch.device, sizes: Sizes
) -> dict[str, Callable[[], Check]]:
    """Return the checks that measurements of these kinds, (kind, weights), need, by name."""
    found: dict[str, Callable[[], Check]] = {}
    for weights in ("base", "LoRA"):
        if {("scoring", weights), ("writing", weights)} & kinds:
            found[f"scoring, {weights}"] = lambda weights=weights: check_scores(model, weights, device, sizes)  # type: ignore[misc]
    for weights in ("LoRA", "all"):
        if ("training", weights) in kinds:
            found[f"training, {weights}"] = lambda weights=weights: check_gradients(model, weights, device, sizes)  # type: ignore[misc]
    if ("scoring", "LoRA") in kinds:
        found["an untrained adapter"] = lambda: check_untrained(model, device, sizes)
    if any(kind == "writing" for kind, _ in kinds):
        found["writing"] = lambda: check_texts(model, device, sizes)
    return found


def needs(kind: str, weights: str) -> tuple[str, ...]:
    """Return the checks that must pass before a kind of measurement means anything."""
    if kind == "training":
        return (f"training, {weights}",)
    untrained = ("an untrained adapter",) if (kind, weights) == ("scoring", "LoRA") else ()
    return (f"scoring, {weights}", *untrained, *(("writing",) if kind == "writing" else ()))


# ---- answering


def check_scores(model: str, weights: Literal["base", "LoRA"], device: torch.device, sizes: Sizes) -> Check:
    """Compare label log-likelihoods (nats)."""
    loaded = to_answer(model, device, weights, sizes.exact_layers)
    exact = _in_float32(loaded)
    asked = queries(loaded.model.config.vocab_size, sizes.exact_shared, sizes.n_exact)
    reference, plain = plain_scores(exact.model, asked), plain_scores(loaded.model, asked)
    found = Check()
    found.gaps["plain bf16 to float32"] = usual = _gaps(plain, reference)
    for budget in BUDGETS:
        ours, notes = _hanka_scores(loaded, asked, budget)
        precise, more = _hanka_scores(exact, asked, budget)
        found.reasons += [f"hanka fell back: {note}" for note in [*notes, *more]]
        found.gaps[f"hanka bf16 to float32, budget {budget}"] = gap = _gaps(ours, reference)
        found.gaps[f"hanka bf16 to plain bf16, budget {budget}"] = _gaps(ours, plain)
        found.gaps[f"hanka float32 to float32, budget {budget}"] = close = _gaps(precise, reference)
        found.require(f"budget {budget}: the mean gap", gap["mean"], MEAN_FACTOR * usual["mean"])
        found.require(f"budget {budget}: the largest gap", gap["largest"], LARGEST_FACTOR * usual["largest"])
        found.require(f"budget {budget}: the gap in float32", close["largest"], FLOAT32_GAP)
    return found


def check_untrained(model: str, device: torch.device, sizes: Sizes) -> Check:
    """Compare a base with itself under a fresh adapter: nothing may change, not by a bit."""
    loaded = to_answer(model, device, "base", sizes.exact_layers)
    asked = queries(loaded.model.config.vocab_size, sizes.exact_shared, sizes.n_exact)
    base, _ = _hanka_scores(loaded, asked, BUDGETS[0])
    fresh, _ = _hanka_scores(adapted(loaded, 0.0), asked, BUDGETS[0])
    found = Check({"untrained adapter to base": _gaps(fresh, base)})
    found.require("the largest gap", found.gaps["untrained adapter to base"]["largest"], 0.0)
    return found


def check_texts(model: str, device: torch.device, sizes: Sizes) -> Check:
    """Compare greedy texts in float32 with those of transformers' `generate`."""
    loaded = build(model, device, torch.float32, sizes.exact_layers)
    asked = queries(loaded.model.config.vocab_size, sizes.exact_shared, min(sizes.n_exact, 16), with_labels=False)
    engine = LocalEngine(loaded, BUDGETS[0])
    texts = [one.text for one in engine.generate(asked, Decoding(N_TOKENS, ())) if isinstance(one, TextAnswer)]
    with torch.inference_mode():
        theirs, _ = write(loaded.model, [query.ids for query in asked], N_TOKENS, len(asked))
    expected = [loaded.tokenizer.decode(ids, skip_special_tokens=True) for ids in theirs]
    equal = sum(one == other for one, other in zip(texts, expected, strict=True)) / len(expected)
    found = Check({"hanka float32 to float32": {"unequal texts": 1 - equal}})
    found.reasons += [f"hanka fell back: {note}" for note in engine.notes]
    found.require("the share of unequal texts", 1 - equal, 1 - EQUAL_TEXTS)
    return found


def _in_float32(loaded: LoadedModel) -> LoadedModel:
    return LoadedModel(copy.deepcopy(loaded.model).float(), loaded.tokenizer, loaded.ref, loaded.folder, "", "float32")


def _hanka_scores(loaded: LoadedModel, asked: Sequence[Query], budget: int) -> tuple[Scores, tuple[str, ...]]:
    engine = LocalEngine(loaded, budget)
    answers = engine.score_labels(asked)
    given = [one for one in answers if isinstance(one, LabelAnswer)]
    return [[sum(label) for label in one.log_likelihoods] for one in given], engine.notes


def _gaps(found: Scores, expected: Scores) -> dict[str, float]:
    """Return mean and largest absolute difference; infinite where something is missing."""
    if list(map(len, found)) != list(map(len, expected)):
        return {"mean": math.inf, "largest": math.inf}
    gaps = [abs(a - b) for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)]
    return {"mean": sum(gaps) / len(gaps), "largest": max(gaps)}


# ---- training


def check_gradients(model: str, weights: Literal["LoRA", "all"], device: torch.device, sizes: Sizes) -> Check:
    """Compare losses and gradients of what hanka trains, under bfloat16 autocast and in float32."""
    trained = move_adapters(to_train(model, device, weights, sizes.exact_layers), UP)
    # Weights that all train are float32 already; only the arithmetic differs.
    exact = trained if weights == "all" else copy.deepcopy(trained).float()
    rows = training_rows(trained.config.vocab_size, sizes.exact_shared, sizes.n_exact)
    reference = _plain_gradient(exact, rows, autocast=False)
    plain = _plain_gradient(trained, rows, autocast=True)
    found = Check()
    found.gaps["plain bf16 to float32"] = usual = _apart(plain, reference)
    loss_limit = LARGEST_FACTOR * max(usual["loss"], LOSS_ROUNDING * abs(reference.loss))
    for budget in BUDGETS:
        ours, notes = _hanka_gradient(trained, rows, budget, autocast=True)
        found.gaps[f"hanka bf16 to float32, budget {budget}"] = gap = _apart(ours, reference)
        found.gaps[f"hanka bf16 to plain bf16, budget {budget}"] = _apart(ours, plain)
        precise, more = _hanka_gradient(exact, rows, budget, autocast=False)
        found.gaps[f"hanka float32 to float32, budget {budget}"] = close = _apart(precise, reference)
        found.reasons += [f"hanka fell back: {note}" for note in [*notes, *more]]
        found.require(f"budget {budget}: the error", gap["relative error"], MEAN_FACTOR * usual["relative error"])
        found.require(f"budget {budget}: the gap of the loss", gap["loss"], loss_limit)
        found.require(f"budget {budget}: the error in float32", close["relative error"], FLOAT32_GAP)
        found.require(f"budget {budget}: the gap of the loss in float32", close["loss"], FLOAT32_GAP)
        del ours, precise
        release_memory()
    return found


def _plain_gradient(model: Any, rows: Sequence[Encoded], autocast: bool) -> Slope:
    model.zero_grad()
    loss, _ = accumulate(model, rows, 4, padded=True, autocast=autocast)
    return Slope(loss, _flat_gradient(model))


def _hanka_gradient(model: Any, rows: Sequence[Encoded], budget: int, autocast: bool) -> tuple[Slope, tuple[str, ...]]:
    model.zero_grad()
    kind = next(model.parameters()).device.type
    context = (lambda: torch.autocast(kind, torch.bfloat16)) if autocast else contextlib.nullcontext
    gradient = Gradient(model, context)
    loss = gradient.accumulate(rows, budget)
    return Slope(loss, _flat_gradient(model)), gradient.notes


def _flat_gradient(model: Any) -> torch.Tensor:
    flat = torch.cat([value.grad.flatten().float() for value in model.parameters() if value.grad is not None])
    model.zero_grad()
    return flat


def _apart(found: Slope, expected: Slope) -> dict[str, float]:
    if found.values.shape != expected.values.shape:
        return {"loss": math.inf, "relative error": math.inf}
    wide = {"dtype": torch.float64}
    gap = torch.linalg.vector_norm(found.values - expected.values, **wide)
    return {
        "loss": abs(found.loss - expected.loss),
        "relative error": float(gap / torch.linalg.vector_norm(expected.values, **wide)),
    }
