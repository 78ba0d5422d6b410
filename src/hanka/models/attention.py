"""The attention function through which transformers models meet packed passes, and the check that they may.

`packed_attention(model)` switches a model to it and back. Within, `forward(model, layout, ...)` passes a layout
(`packing.Pack`, `decoding.Step`) down to every attention layer; without a layout nothing changes.
`takes_packs` says whether a model's numbers survive that: by structure, and by comparing them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from hanka.errors import UnitError
from hanka.models.lean import lean_layers
from hanka.models.memory import is_out_of_memory
from hanka.models.packing import NOTHING, Pack, Prefix, Row, pack, to_device

NAME = "hanka_packed"
KNOWN_LAYERS = {"full_attention", "sliding_attention"}
"Layer types whose attention is told by the window alone."
LENGTH_DEPENDENT = {"dynamic", "longrope"}
"Rotary embeddings whose frequencies depend on the longest row of a batch."


class Layout(Protocol):
    """Who sees whom in a pass."""

    @property
    def input_ids(self) -> torch.Tensor:
        """(1, tokens)"""
        ...

    @property
    def position_ids(self) -> torch.Tensor:
        """(1, tokens)"""
        ...

    def attend(
        self, layer: int, qkv: Sequence[torch.Tensor], scaling: float, window: int | None, dropout: float
    ) -> torch.Tensor:
        """Return the attention output of a layer, (1, tokens, heads, width)."""
        ...


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    layout: Layout | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Answer as transformers' attention functions do; what it does not know it refuses."""
    if layout is None:
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, sliding_window=sliding_window, **others
        )
        return found
    strange = [name for name, given in others.items() if name not in HARMLESS and given is not None]
    if strange or query.shape[0] != 1:
        raise ValueError(f"its attention takes {', '.join(strange) or 'several rows'}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return layout.attend(module.layer_idx, (query, key, value), scale, sliding_window, dropout), None


HARMLESS = {"position_ids", "use_cache", "output_attentions", "output_hidden_states", "return_dict", "is_causal"}
"Arguments that models pass down and that change no number."

AttentionInterface.register(NAME, _attention)


@contextlib.contextmanager
def packed_attention(model: Any) -> Iterator[None]:
    """Let a model's attention take layouts and its layers work leanly; the backward pass belongs inside, too."""
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        # cuDNN builds a plan for every new shape, and packed passes seldom repeat one.
        kernels = sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])
        with kernels, lean_layers(model):
            yield
    finally:
        config._attn_implementation = before


def forward(model: Any, layout: Layout, keep: torch.Tensor) -> torch.Tensor:
    """Return logits at the places `keep` (n,) of a pass: (n, vocabulary)."""

    def with_layout(
        _: Any, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return positional, {**named, "layout": layout}

    # The decoder gets the layout itself: some models do not hand on what they do not know (GPT-2 before transformers 5.3).
    hook = model.get_decoder().register_forward_pre_hook(with_layout, with_kwargs=True)
    try:
        logits: torch.Tensor = model(
            input_ids=layout.input_ids, position_ids=layout.position_ids, use_cache=False, logits_to_keep=keep
        ).logits[0]
    finally:
        hook.remove()
    return logits


def read(model: Any, ids: Sequence[int], before: Prefix = NOTHING) -> Prefix:
    """Run a model over the tokens that follow a prefix and return the keys and values of these alone."""
    device = next(model.parameters()).device
    passed = pack([Row(ids)], before, device=device, capture=True)
    forward(model, passed, to_device([len(ids) - 1], device))
    assert passed.captured is not None
    return Prefix(passed.captured, len(ids))


def joined(parts: Sequence[Prefix]) -> Prefix:
    """Put prefixes that follow each other together."""
    parts = [part for part in parts if part.n_tokens]
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    layers = {
        layer: (
            torch.cat([part.layers[layer][0] for part in parts], dim=2),
            torch.cat([part.layers[layer][1] for part in parts], dim=2),
        )
        for layer in parts[0].layers
    }
    return Prefix(layers, sum(part.n_tokens for part in parts))


_known: dict[tuple[object, ...], tuple[bool, str]] = {}


def takes_packs(model: Any) -> tuple[bool, str]:
    """Tell whether packed passes give the model's own numbers; if not, why. Asked once per architecture.

    Structure: every layer attends fully or within a sliding window, and positions do not depend on the batch.
    Numbers: two rows behind an outer and an inner prefix, one with branches, against plain passes. Raises UnitError where
    plain passes give no numbers: nothing can be said of the architecture then.
    """
    weight = next(model.parameters())
    adapter = getattr(getattr(model, "active_peft_config", None), "peft_type", None)
    configuration = {name: value for name, value in model.config.to_dict().items() if "_attn" not in name}
    key = (type(model).__name__, repr(configuration), adapter, weight.dtype, weight.device.type)
    if key not in _known:
        _known[key] = _check(model)
    return _known[key]


def _check(model: Any) -> tuple[bool, str]:
    config = model.config
    strange = set(getattr(config, "layer_types", None) or ()) - KNOWN_LAYERS
    if strange:
        return False, f"the model has layers of type {', '.join(sorted(strange))}"
    if rope_types(config) & LENGTH_DEPENDENT:
        return False, "the model's rotary embedding depends on the longest row of a batch"
    try:
        with torch.inference_mode():
            gap, tolerance, n_layers = _gap(model)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as error:
        if is_out_of_memory(error):
            raise
        return False, f"the model does not take packed rows ({' '.join(str(error).split())[:120]})"
    if n_layers != config.get_text_config().num_hidden_layers:
        return False, f"only {n_layers} of the model's layers attend in a way that is known"
    if not gap <= tolerance:
        return False, f"packed rows move log-probabilities by {gap:.2g}"
    return True, ""


def rope_types(config: Any) -> set[str]:
    """Return the kinds of rotary embedding a configuration names."""
    said = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    entries = [said, *(one for one in said.values() if isinstance(one, dict))]
    return {str(one.get("rope_type", one.get("type", "default"))) for one in entries}


def _gap(model: Any) -> tuple[float, float, int]:
    """Return the difference of a probe's log-probabilities, what rounding allows of it, and how many layers took part.

    The largest difference where weights are float32; the mean in half precision, where single ones are noise.
    """
    device = next(model.parameters()).device
    vocabulary = model.get_input_embeddings().weight.shape[0]
    probe = [(37 * step + 11) % vocabulary for step in range(24)]
    other = [(53 * step + 7) % vocabulary for step in range(9)]
    with packed_attention(model):
        outer = read(model, probe[:6])
        passed = pack([Row(other), Row(probe[10:20], (other[:2], probe[20:24]))], outer, probe[6:10], device)
        at = passed.starts[1] + 9
        found = forward(model, passed, torch.tensor([at, at + 6, passed.starts[0] + 8], device=device))
    own = model(input_ids=torch.tensor([probe], device=device), use_cache=False).logits[0, [19, 23]]
    second = model(input_ids=torch.tensor([probe[:10] + other], device=device), use_cache=False).logits[0, [-1]]
    plain = torch.cat([own, second])
    if not plain.float().logsumexp(-1).isfinite().all():
        raise UnitError(
            "the model's outputs hold NaN or infinity where plain text is read: its weights are damaged, or training diverged"
        )
    gaps = (plain.float().log_softmax(-1) - found.float().log_softmax(-1)).abs()
    exact = plain.dtype in (torch.float32, torch.float64)
    return (gaps.max() if exact else gaps.mean()).item(), 1e-3 if exact else 0.1, len(outer.layers)


def new_pack(
    model: Any, rows: Sequence[Row], outer: Prefix = NOTHING, inner: Sequence[int] = (), capture: bool = False
) -> Pack:
    """Lay rows out on the model's device."""
    return pack(rows, outer, inner, next(model.parameters()).device, capture)
