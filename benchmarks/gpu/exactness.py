"""Are hanka's numbers the model's? Checked in the precision that is measured, before anything is timed.

A model with fewer layers is made in bf16 and copied to float32: the same weights, so what separates them is rounding.
hanka (shared prefix, packed rows, label trees; packed gradients) and the plain padded way are both
held against the plain padded way in float32. hanka passes where its gap is at most a stated multiple of the plain
way's, and where, run in float32 itself, it agrees to a small absolute gap: rounding hides no error of layout there.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.gpu.items import Sizes, queries, training_rows
from benchmarks.gpu.models import build, freed
from benchmarks.gpu.peers import accumulate, plain_scores
from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.models.loading import LoadedModel
from hanka.models.memory import release_memory
from hanka.prompting import Encoded, Query
from hanka.training.gradient import Gradient

MEAN_FACTOR = 1.5
"hanka's mean gap to float32 at most so many times that of plain bf16."
LARGEST_FACTOR = 2.0
"The same for the largest gap, which scatters more."
FLOAT32_GAP = 2e-3
"Nats; hanka in float32 against plain float32. Relative for gradients."
BUDGETS = (8192, 256)
"Token budgets: all in one pass, and many passes behind a prefix of its own."


def check(name: str, device: torch.device, sizes: Sizes) -> dict[str, Any]:
    """Return the gaps of scores, losses and gradients, and the reasons why they do not pass (none: they do)."""
    torch.set_float32_matmul_precision("highest")
    loaded = build(name, device, torch.bfloat16, sizes.exact_layers)
    vocabulary = loaded.model.config.vocab_size
    asked = queries(vocabulary, sizes.exact_shared, sizes.n_exact)
    scores, reasons = check_scores(loaded, asked)
    rows = training_rows(vocabulary, sizes.exact_shared, sizes.n_exact)
    gradients, more = check_gradients(loaded, rows)
    del loaded
    release_memory()
    return {
        "layers": sizes.exact_layers,
        "limits": {"mean": MEAN_FACTOR, "largest": LARGEST_FACTOR, "float32": FLOAT32_GAP},
        "scores": scores,
        "gradients": gradients,
        "reasons": reasons + more,
    }


def check_scores(loaded: LoadedModel, asked: Sequence[Query]) -> tuple[dict[str, Any], list[str]]:
    """Compare label log-likelihoods (nats)."""
    exact = _in_float32(loaded)
    reference = plain_scores(exact.model, asked)
    plain = plain_scores(loaded.model, asked)
    found: dict[str, Any] = {"plain bf16 to float32": _gaps(plain, reference)}
    reasons = []
    for budget in BUDGETS:
        ours, notes = _hanka_scores(loaded, asked, budget)
        precise, more = _hanka_scores(exact, asked, budget)
        reasons += [f"hanka fell back: {note}" for note in [*notes, *more]]
        found[f"hanka bf16 to float32, budget {budget}"] = gap = _gaps(ours, reference)
        found[f"hanka bf16 to plain bf16, budget {budget}"] = _gaps(ours, plain)
        found[f"hanka float32 to float32, budget {budget}"] = close = _gaps(precise, reference)
        reasons += _exceeding(f"scores, budget {budget}", gap, found["plain bf16 to float32"])
        if not close["largest"] <= FLOAT32_GAP:
            reasons.append(f"scores, budget {budget}: in float32 the gap is {close['largest']:.2g} nats")
    return found, reasons


def check_gradients(loaded: LoadedModel, rows: Sequence[Encoded]) -> tuple[dict[str, Any], list[str]]:
    """Compare losses and LoRA gradients; the adapters are moved away from zero, where half of them has no gradient."""
    model = freed(loaded.model, "lora")
    generator = torch.Generator().manual_seed(1)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data.copy_(torch.randn(value.shape, generator=generator) * 0.02)
    exact = copy.deepcopy(model).float()
    loss, reference = _plain_gradient(exact, rows)
    plain_loss, plain = _plain_gradient(model, rows)
    found: dict[str, Any] = {"plain bf16 to float32": _apart(plain_loss, plain, loss, reference)}
    reasons = []
    for budget in BUDGETS:
        ours_loss, ours, notes = _hanka_gradient(model, rows, budget)
        precise_loss, precise, more = _hanka_gradient(exact, rows, budget)
        reasons += [f"hanka fell back: {note}" for note in [*notes, *more]]
        found[f"hanka bf16 to float32, budget {budget}"] = gap = _apart(ours_loss, ours, loss, reference)
        found[f"hanka bf16 to plain bf16, budget {budget}"] = _apart(ours_loss, ours, plain_loss, plain)
        close = _apart(precise_loss, precise, loss, reference)
        found[f"hanka float32 to float32, budget {budget}"] = close
        limit = MEAN_FACTOR * found["plain bf16 to float32"]["relative_error"]
        if not gap["relative_error"] <= limit:
            reasons.append(f"gradient, budget {budget}: relative error {gap['relative_error']:.2g} is over {limit:.2g}")
        if not max(close["relative_error"], close["loss"]) <= FLOAT32_GAP:
            reasons.append(
                f"gradient, budget {budget}: in float32 {close['relative_error']:.2g}, loss {close['loss']:.2g}"
            )
    return found, reasons


def _in_float32(loaded: LoadedModel) -> LoadedModel:
    return LoadedModel(copy.deepcopy(loaded.model).float(), loaded.tokenizer, loaded.ref, loaded.folder, "", "float32")


def _hanka_scores(
    loaded: LoadedModel, asked: Sequence[Query], budget: int
) -> tuple[list[list[float]], tuple[str, ...]]:
    engine = LocalEngine(loaded, budget)
    answers = engine.score_labels(asked)
    given = [one for one in answers if isinstance(one, LabelAnswer)]
    return [[sum(label) for label in one.log_likelihoods] for one in given], engine.notes


def _plain_gradient(model: Any, rows: Sequence[Encoded]) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    loss, _ = accumulate(model, rows, 4, padded=True)
    return loss, _flat_gradient(model)


def _hanka_gradient(model: Any, rows: Sequence[Encoded], budget: int) -> tuple[float, torch.Tensor, tuple[str, ...]]:
    model.zero_grad()
    gradient = Gradient(model)
    loss = gradient.accumulate(rows, budget)
    return loss, _flat_gradient(model), gradient.notes


def _flat_gradient(model: Any) -> torch.Tensor:
    return torch.cat([value.grad.flatten().double() for value in model.parameters() if value.grad is not None])


def _gaps(found: list[list[float]], expected: list[list[float]]) -> dict[str, float]:
    """Return mean and largest absolute difference; infinite where something is missing."""
    if list(map(len, found)) != list(map(len, expected)):
        return {"mean": math.inf, "largest": math.inf}
    gaps = [abs(a - b) for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)]
    return {"mean": sum(gaps) / len(gaps), "largest": max(gaps)}


def _apart(loss: float, found: torch.Tensor, expected_loss: float, expected: torch.Tensor) -> dict[str, float]:
    if found.shape != expected.shape:
        return {"loss": math.inf, "relative_error": math.inf, "cosine": 0.0}
    return {
        "loss": abs(loss - expected_loss),
        "relative_error": float((found - expected).norm() / expected.norm()),
        "cosine": float(torch.nn.functional.cosine_similarity(found, expected, dim=0)),
    }


def _exceeding(what: str, gap: dict[str, float], plain: dict[str, float]) -> list[str]:
    factors = {"mean": MEAN_FACTOR, "largest": LARGEST_FACTOR}
    return [
        f"{what}: {which} gap {gap[which]:.2g} nats is over {factor} times plain bf16's {plain[which]:.2g}"
        for which, factor in factors.items()
        if not gap[which] <= factor * plain[which]
    ]
