"""What a model does on this machine: seconds per token, and bytes; measured in a short probe, or guessed.

The cost of a token grows with the tokens it attends to: `attend` is how many of them double it. A decoding
step costs a part of its own and a part per row; an optimizer step costs a part beside its tokens. A measured
`Speed` is kept in the cache folder, and every run corrects it by what its own work took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.models.catalogue import ModelRef
from hanka.models.identity import n_parameters
from hanka.store.cache import cache_root
from hanka.store.folder import read_json_or_none, write_json
from hanka.tuners import TUNERS

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel
    from hanka.tuners.resident import Resident

DEFAULT_PARAMETERS = 1_000_000_000
"Assumed where a model's size is unknown."
EDITION = 2
"Of the file; others are not read."
PROBE_TOKENS = 512
PROBE_PREFIX = 384
PROBE_ROWS = 8
SAVED_VALUES = 34
"Guessed values kept for the backward pass per token, layer and unit of hidden width."


@dataclass(frozen=True, slots=True)
class Training:
    """Cost of training with one kind of PEFT."""

    token_seconds: float
    "Per token that passes forward and back, attending to nothing else."
    step_seconds: float
    "Per optimizer step beside its tokens."
    token_bytes: float
    "Kept for the backward pass per token."


@dataclass(frozen=True, slots=True)
class Speed:
    """What a model does on this machine."""

    basis: str
    "How it is known, in words."
    token_seconds: float
    "Scoring, per token attending to nothing else."
    attend: float
    "Tokens attended to that double the cost of a token."
    step_seconds: float
    "Decoding, per step."
    row_seconds: float
    "Decoding, per row of a step."
    load_seconds: float
    "Loading the model."
    device: str = "cpu"
    "Kind of device."
    training: Mapping[str, Training] = field(default_factory=dict)
    "By kind of PEFT: none, lora."

    def reading(self, n_tokens: float, n_seen: float) -> float:
        """Return the seconds of a scoring pass over tokens that attend to `n_seen` others each."""
        return n_tokens * self.token_seconds * (1 + n_seen / self.attend)

    def writing(self, n_rows: float, n_new: float, n_slots: float, n_seen: float) -> float:
        """Return the seconds of continuing rows by `n_new` tokens each, `n_slots` at once."""
        steps = n_rows * n_new / max(1.0, n_slots)
        return steps * (self.step_seconds + n_slots * self.row_seconds * (1 + n_seen / self.attend))

    def scaled(self, reading: float = 1.0, writing: float = 1.0, training: Mapping[str, float] | None = None) -> Speed:
        """Return a speed whose seconds are multiplied by what was measured over what was estimated."""
        factors = training or {}
        return replace(
            self,
            token_seconds=self.token_seconds * reading,
            step_seconds=self.step_seconds * writing,
            row_seconds=self.row_seconds * writing,
            training={
                kind: replace(
                    one,
                    token_seconds=one.token_seconds * factors.get(kind, 1.0),
                    step_seconds=one.step_seconds * factors.get(kind, 1.0),
                )
                for kind, one in self.training.items()
            },
        )


def speed_file(model: ModelRef, dtype: str = "float32") -> Path:
    """Return where this machine's measured speed with a model in an arithmetic is kept."""
    name = "".join(letter if letter.isalnum() else "-" for letter in model.name)
    return cache_root() / "rates" / f"{name}{'' if dtype == 'float32' else f'-{dtype}'}.json"


def known_speed(model: ModelRef, dtype: str = "float32") -> Speed | None:
    """Return what was measured on this machine before."""
    known = read_json_or_none(speed_file(model, dtype))
    if not isinstance(known, dict) or known.get("edition") != EDITION:
        return None
    training = {kind: Training(**one) for kind, one in known["training"].items()}
    values = {name: known[name] for name in Speed.__slots__ if name not in ("basis", "training")}
    return Speed("measured on this machine", **values, training=training)


def remember_speed(model: ModelRef, speed: Speed, dtype: str = "float32") -> None:
    """Keep a measured speed for later estimates."""
    write_json(speed_file(model, dtype), asdict(speed) | {"edition": EDITION})


BFLOAT16_GAINS = {"answering": 1.49, "training": 1.29}
"""What bfloat16 gained over float32 on a processor that multiplies it (benchmarks/results/dtypes.json: SmolLM2-135M, two cores with
AVX512-BF16), the lesser of two workloads each."""
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
"What a processor says of itself that multiplies bfloat16."


@lru_cache(maxsize=1)
def multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether this machine's processor says that it multiplies bfloat16; False where it says nothing."""
    try:
        flags = next(
            (line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("flags")), ""
        )
    except (OSError, ValueError):
        return False
    return any(flag in flags.split() for flag in BFLOAT16_FLAGS)


def in_bfloat16(training_seconds: float, answering_seconds: float) -> float:
    """Return what work that takes so long in float32 would take in bfloat16, by `BFLOAT16_GAINS`."""
    return training_seconds / BFLOAT16_GAINS["training"] + answering_seconds / BFLOAT16_GAINS["answering"]


def guessed_speed(model: ModelRef, dtype: str = "float32") -> Speed:
    """Guess from a short matrix product: about 2 × parameters operations per token forward, three times that in training.

    bfloat16 is guessed to gain what it gained where that was measured, on a processor that multiplies it.
    """
    if dtype == "bfloat16" and multiplies_bfloat16():
        less, trained = 1 / BFLOAT16_GAINS["answering"], 1 / BFLOAT16_GAINS["training"]
        return guessed_speed(model).scaled(less, less, {"none": trained, "lora": trained})
    size = n_parameters(model) or DEFAULT_PARAMETERS
    token = 2 * size / (0.6 * matrix_rate())
    width, layers = (size / 12 / 24) ** 0.5, 24
    kept = 4.0 * SAVED_VALUES * width * layers
    adam = 28 * size / 1e10
    return Speed(
        basis="guessed from a short matrix product on this machine's processor and the model's size",
        token_seconds=token,
        attend=2000.0,
        step_seconds=8 * token,
        row_seconds=1.5 * token,
        load_seconds=2.0 + 4 * size / 1e9,
        training={"none": Training(3 * token, adam, kept), "lora": Training(2.6 * token, 0.05, kept)},
    )


@lru_cache(maxsize=1)
def matrix_rate() -> float:
    """Measure this machine's float32 matrix products: operations per second, in about 0.2 s, the best of many."""
    import numpy as np

    left = np.ones((768, 768), dtype=np.float32)
    left @ left
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - started)
    return 2 * 768**3 / best


# ---- the probe


def measure_speed(resident: Resident, model: ModelRef, dtype: str, kinds: Sequence[str]) -> Speed:
    """Measure a model: scoring with and without a prefix, decoding, and training by every kind of PEFT in `kinds`."""
    started = time.perf_counter()
    loaded = resident.base(model, dtype)
    load_seconds = time.perf_counter() - started
    alone, behind = _reading(loaded, 0), _reading(loaded, PROBE_PREFIX)
    few, many = _step(loaded, PROBE_ROWS), _step(loaded, 8 * PROBE_ROWS)
    per_row = max((many - few) / (7 * PROBE_ROWS), 1e-9)
    guess = guessed_speed(model)
    training = {}
    for kind in ("none", "lora"):
        training[kind] = _training(resident, model, dtype, kind) if kind in kinds else guess.training[kind]
    own_seen = PROBE_TOKENS / PROBE_ROWS / 2
    slope = max((behind / alone - 1) / PROBE_PREFIX, _least_slope(loaded))
    return Speed(
        basis="measured in a short probe on this machine",
        token_seconds=alone / PROBE_TOKENS / (1 + own_seen * slope),
        attend=1 / slope,
        step_seconds=max(few - PROBE_ROWS * per_row, 0.0),
        row_seconds=per_row,
        load_seconds=load_seconds,
        device=loaded.device.type,
        training=training,
    )


def _least_slope(loaded: LoadedModel) -> float:
    """Return what a token attended to adds to a token's operations, as a share: attention is not faster than products."""
    config = loaded.model.config.get_text_config()
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    size = sum(value.numel() for value in loaded.model.parameters())
    return float(2 * width * config.num_hidden_layers / size)


def _ids(loaded: LoadedModel, n_tokens: int) -> list[int]:
    size = loaded.model.get_input_embeddings().weight.shape[0]
    return [(97 * step + 13) % size for step in range(n_tokens)]


def _best(work: Callable[[], Any], device: Any, times: int = 2) -> float:
    """Return the shorter of a few timings, in seconds."""
    import torch

    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best


def _reading(loaded: LoadedModel, n_prefix: int) -> float:
    import torch

    from hanka.models.attention import forward, new_pack, packed_attention, read, takes_packs
    from hanka.models.packing import NOTHING, Row

    packs, _ = takes_packs(loaded.model)
    row = _ids(loaded, PROBE_TOKENS // PROBE_ROWS)
    with torch.inference_mode():
        if not packs:
            ids = torch.tensor([_ids(loaded, n_prefix) + row] * PROBE_ROWS, device=loaded.device)
            return _best(lambda: loaded.model(input_ids=ids, use_cache=False, logits_to_keep=1), loaded.device)
        with packed_attention(loaded.model):
            outer = read(loaded.model, _ids(loaded, n_prefix)) if n_prefix else NOTHING
            passed = new_pack(loaded.model, [Row(row)] * PROBE_ROWS, outer)
            keep = torch.tensor(passed.starts, device=loaded.device)
            return _best(lambda: forward(loaded.model, passed, keep), loaded.device)


def _step(loaded: LoadedModel, n_rows: int) -> float:
    import torch

    ids = torch.tensor([[token] for token in _ids(loaded, n_rows)], device=loaded.device)
    with torch.inference_mode():
        return _best(lambda: loaded.model(input_ids=ids, use_cache=False, logits_to_keep=1), loaded.device)


def _training(resident: Resident, model: ModelRef, dtype: str, kind: str) -> Training:
    """Measure one micro-batch forward and back, what it keeps, and one optimizer step."""
    import torch

    from hanka.prompting import Encoded
    from hanka.training.gradient import Gradient

    tuner = TUNERS.get(kind)
    whole = kind == "none"
    with resident.lend(model, "float32" if whole else dtype, train=True, changes_weights=whole) as loaded:
        free = tuner.wrap(loaded.model, tuner.params(), 0)
        free.train()
        gradient = Gradient(free)
        length = PROBE_TOKENS // PROBE_ROWS
        ids = _ids(loaded, PROBE_TOKENS + PROBE_ROWS)
        rows = [
            Encoded([ids[-1 - index], *ids[index * length : (index + 1) * length - 1]], length - 2)
            for index in range(PROBE_ROWS)
        ]
        kept: dict[int, int] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            if not isinstance(tensor, torch.nn.Parameter):
                kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            gradient.accumulate(rows, PROBE_TOKENS)
        seconds = _best(lambda: gradient.accumulate(rows, PROBE_TOKENS), loaded.device, times=1)
        # A step of no size: the same work, the same weights.
        weights = [value for value in free.parameters() if value.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=0.0, weight_decay=0.0, fused=loaded.device.type in ("cpu", "cuda"))
        optimizer.step()
        step = _best(optimizer.step, loaded.device, times=1)
    own = {value.untyped_storage().data_ptr() for value in weights}
    n_bytes = sum(size for place, size in kept.items() if place not in own)
    return Training(seconds / PROBE_TOKENS, step, n_bytes / PROBE_TOKENS)
