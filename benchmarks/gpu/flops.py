"""Floating-point operations that work needs, and what devices can do: MFU is the one divided by the other.

Training: 6·N per token where all weights train, 4·N for LoRA (no weight gradients; the adapters themselves 6·n), scoring
and writing 2·N, after Kaplan et al. (2020), arXiv 2001.08361. N: entries of the matrices in the layers; the head counts
at the positions whose logits are needed, input embeddings never. Attention: 4·width per layer and pair of tokens that see
each other, three times that in training (Chowdhery et al. 2022, arXiv 2204.02311, appendix B, counting only
pairs that the causal mask leaves). Recomputation never counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

PEAKS = {
    "H200": 989.4, "H100 PCIE": 756.5, "H100 NVL": 835.5, "H100": 989.4, "A100": 312.0, "L40S": 362.0,
    "RTX 4090": 165.2,
}  # fmt: skip
"Dense bf16 TFLOP/s with float32 sums, by the makers' data sheets; the first name found in the device's counts."


class Shape(NamedTuple):
    """What a model computes per token."""

    body: int
    "Entries of the matrices in the layers, adapters excluded."
    head: int
    "Entries of the head."
    adapters: int
    "Entries of LoRA matrices."
    attention: int
    "Layers × heads × width of a head."


class Work(NamedTuple):
    """What passes a model."""

    tokens: int
    "Tokens that pass the layers."
    pairs: int
    "Pairs (token, token that it sees)."
    places: int
    "Positions whose logits are needed."


def shape_of(model: Any) -> Shape:
    """Count a model's entries."""
    config = model.config
    body = adapters = 0
    for name, value in model.named_parameters():
        if "lora_" in name:
            adapters += value.numel()
        elif value.dim() == 2 and "embed_tokens" not in name and "lm_head" not in name:
            body += value.numel()
    width = config.num_attention_heads * config.head_dim
    return Shape(body, config.vocab_size * config.hidden_size, adapters, config.num_hidden_layers * width)


def work_of(n_shared: int, own: Sequence[int], places: int) -> Work:
    """Return the work of rows with `own` tokens each behind a prefix that passes once."""
    pairs = n_shared * (n_shared + 1) // 2 + sum(n_shared * n + n * (n + 1) // 2 for n in own)
    return Work(n_shared + sum(own), pairs, places)


def forward_flops(shape: Shape, work: Work) -> float:
    """Return the operations of a forward pass."""
    return (
        2.0 * (shape.body + shape.adapters) * work.tokens
        + 2.0 * shape.head * work.places
        + 4.0 * shape.attention * work.pairs
    )


def training_flops(shape: Shape, work: Work) -> float:
    """Return the operations of a forward and a backward pass; with adapters, the model's own weights stay."""
    per_weight = 4.0 if shape.adapters else 6.0
    return (
        per_weight * (shape.body * work.tokens + shape.head * work.places)
        + 6.0 * shape.adapters * work.tokens
        + 12.0 * shape.attention * work.pairs
    )


def peak_flops(device: Any) -> tuple[float | None, str]:
    """Return a GPU's dense bf16 operations per second and where the number is from; None on a processor."""
    import torch

    if device.type != "cuda":
        return None, ""
    name = torch.cuda.get_device_name(device).upper()
    for known, tera in PEAKS.items():
        if known in name:
            return tera * 1e12, f"data sheet of {known}, dense bf16"
    return measured_flops(device), "measured: a large bf16 matrix product"


def measured_flops(device: Any) -> float:
    """Return the operations per second of a large bf16 matrix product on a GPU."""
    import torch

    from benchmarks.gpu.timing import timed

    size, n_products = 8192, 20
    left = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    right = torch.randn_like(left)

    def multiply() -> None:
        for _ in range(n_products):
            torch.mm(left, right)

    multiply()
    return 2.0 * size**3 * n_products / timed(multiply, device).seconds


def measured_bandwidth(device: Any) -> float:
    """Return the bytes per second, read and written together, of large copies within a GPU's memory."""
    import torch

    from benchmarks.gpu.timing import timed

    size, n_copies = 2**31, 20
    source = torch.randint(256, (size,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def copy() -> None:
        for _ in range(n_copies):
            target.copy_(source)

    copy()
    return 2.0 * size * n_copies / timed(copy, device).seconds
