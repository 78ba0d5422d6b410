"""Ways to tune a tiny Llama-like model: every tuner of TUNERS, and those options of a tuner that go another way than its defaults."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.models.attention import forward as packed_forward
from hanka.models.attention import new_pack, packed_attention
from hanka.models.catalogue import find_model
from hanka.models.loading import LoadedModel, load_model
from hanka.models.segments import Row
from hanka.prompting import Encoded
from hanka.training.gradient import Gradient
from hanka.tuners import TUNERS
from hanka.tuners.contract import Tuner, TunerParams

NEEDS: dict[str, dict[str, Any]] = {
    "bitfit": {"biases": "added"},
    "miss": {"r": 8},
    "fourierft": {"n_frequency": 50},
    "waveft": {"n_frequency": 50},
    "c3a": {"block_size": 8},
    "shira": {"r": 4},
    "psoft": {"r": 8},
    "road": {"group_size": 8},
    "vblora": {"vector_length": 8, "num_vectors": 16},
    "supertuning": {"sparsity": 0.9},
    "adamss": {"r": 8, "num_subspaces": 2},
    "trainable_tokens": {"token_indices": (3, 5, 6, 7, 9)},
}
"What a tuner needs on a model this small."
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("lora", {"init": init, "r": 4}) for init in ("orthogonal", "mica", "pissa", "olora", "eva", "corda", "lora_ga")),
    ("lora", {"use_dora": True}),
    ("lora", {"use_rslora": True, "init": "pissa", "r": 4}),
    ("lokr", {"r": 1, "decompose_both": True}),
    ("fourierft", {"n_frequency": 50, "init_weights": True}),
    ("bottleneck", {"placement": "pfeiffer", "adapter_size": 8}),
    ("bottleneck", {"placement": "parallel", "adapter_size": 8, "scaling": 4.0}),
)
ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index, 9], 3) for index in range(6)]
READ = [Encoded([(13 * at * step + step) % 400 for step in range(1, 13)], 4) for at in range(1, 13)]
"Rows that first weights may follow from."
IDS = torch.tensor([[5, 9, 2, 77, 31, 8, 100]])


@dataclass(frozen=True)
class Way:
    """A tuner with parameters."""

    tuner: Tuner
    given: dict[str, Any]

    @property
    def params(self) -> TunerParams:
        return self.tuner.own(self.given)

    @property
    def splits(self) -> bool:
        """Whether weights are split, so that what is saved sums otherwise than what trained."""
        return self.params.model_dump().get("init") in ("pissa", "olora", "corda", "lora_ga")

    def __str__(self) -> str:
        said = ",".join(f"{key}={value}" for key, value in self.given.items() if key not in ("r", "adapter_size"))
        return f"{self.tuner.name}({said})" if (self.tuner.name, self.given) in OPTIONS else self.tuner.name


WAYS = [Way(tuner, NEEDS.get(tuner.name, {})) for tuner in TUNERS]
WAYS += [Way(TUNERS.get(name), given) for name, given in OPTIONS]
EVERY = pytest.mark.parametrize("way", WAYS, ids=str)


@lru_cache(maxsize=4)
def _loaded(folder: Path, dtype: str) -> LoadedModel:
    return load_model(find_model(str(folder), folder.parent), dtype)


def base_of(folder: Path, dtype: str = "float32") -> LoadedModel:
    """A base model of its own, frozen."""
    loaded = _loaded(folder, dtype)
    return replace(loaded, model=copy.deepcopy(loaded.model).requires_grad_(False))


def wrapped(way: Way, base: LoadedModel, seed: int = 0) -> LoadedModel:
    """A base with a tuner on it."""
    if way.tuner.on_rows is None:
        return replace(base, model=way.tuner.wrap(base.model, way.params, seed))
    return replace(base, model=way.tuner.on_rows(base, way.params, seed, READ))


def fit(loaded: LoadedModel, n_steps: int = 2) -> None:
    """A few optimizer steps."""
    model = loaded.model.train()
    free = [value for value in model.parameters() if value.requires_grad]
    optimizer, gradient = torch.optim.AdamW(free, lr=1e-2, weight_decay=0.01), Gradient(model)
    for _ in range(n_steps):
        optimizer.zero_grad()
        gradient.accumulate(ROWS, 64)
        optimizer.step()
    model.eval()


def frozen(loaded: LoadedModel) -> LoadedModel:
    """A model that answers."""
    loaded.model.requires_grad_(False)
    loaded.model.eval()
    return loaded


def plain(loaded: LoadedModel) -> torch.Tensor:
    """Logits of a plain pass, for the tokens of the row alone."""
    with torch.inference_mode():
        found: torch.Tensor = loaded.model(input_ids=IDS, use_cache=False).logits[:, -IDS.shape[1] :]
        return found


def packed(loaded: LoadedModel) -> torch.Tensor:
    """Logits of a packed pass over two rows."""
    with torch.inference_mode(), packed_attention(loaded.model):
        return packed_forward(
            loaded.model, new_pack(loaded.model, [Row([5, 9, 2]), Row([77, 31, 8, 100])]), torch.arange(7)
        )


@lru_cache(maxsize=4)
def said_by_base(folder: Path, dtype: str = "float32") -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a base, `plain` and `packed`."""
    base = base_of(folder, dtype)
    return plain(base), packed(base)


def gap(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference of log-probabilities."""
    return (one.float().log_softmax(-1) - other.float().log_softmax(-1)).abs().max().item()
