"""The linear layers and the weight counts of a model, from its config.json alone; light, for planning.

Knows the decoders built like Llama (Touvron et al. 2023, arXiv 2302.13971) and GPT-2; any other kind is None, never a
guess. Names are those of transformers' modules within a decoder layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Linear(NamedTuple):
    """A linear layer of every decoder layer."""

    name: str
    "Its name within the decoder layer."
    n_in: int
    "Input width."
    n_out: int
    "Output width."
    has_bias: bool
    "Whether the model gives it a bias."


class Shapes(NamedTuple):
    """What a model consists of."""

    linear: tuple[Linear, ...]
    "Linear layers of one decoder layer."
    n_layers: int
    "Decoder layers."
    n_other: int
    "Weights outside these linear layers: embeddings, norms, a head of its own."
    n_other_biases: int
    "Biases among them."
    width: int
    "Of the hidden states."
    key_width: int
    "Of the keys that a layer keeps for a token, all heads together; values have the same."
    n_norm_weights: int
    "Weights of norms, biases included."
    n_final_norm: int
    "Those of the norm behind the last layer."
    head: int
    "Weights of the head, a head that is the embedding included."

    @property
    def n_weights(self) -> int:
        """All weights."""
        each = sum(one.n_in * one.n_out + one.has_bias * one.n_out for one in self.linear)
        return self.n_layers * each + self.n_other

    def named(self, targets: Iterable[str]) -> tuple[Linear, ...] | None:
        """Return the layers that names mean, as PEFT matches them: by the end of the path; None where one means none."""
        chosen: set[Linear] = set()
        for target in targets:
            found = {one for one in self.linear if f".{one.name}".endswith(f".{target}")}
            if not found:
                return None
            chosen |= found
        return tuple(one for one in self.linear if one in chosen)


class _Family(NamedTuple):
    ties: bool = False
    "Whether the head is the embedding where the config does not say."
    n_norms: int = 2
    "Of the hidden width, per layer."
    norms_heads: bool = False
    "Whether queries and keys are normed, per head."
    biased: tuple[str, ...] = ()
    "Layers that have a bias whatever the config says."


_FAMILIES = {
    "llama": _Family(),
    "mistral": _Family(),
    "granite": _Family(),
    "smollm3": _Family(ties=True),
    "qwen2": _Family(biased=("q_proj", "k_proj", "v_proj")),
    "qwen3": _Family(norms_heads=True),
    "gemma": _Family(ties=True),
    "gemma2": _Family(ties=True, n_norms=4),
    "gemma3_text": _Family(ties=True, n_norms=4, norms_heads=True),
}


def shapes_of(config: Mapping[str, Any]) -> Shapes | None:
    """Return what the model of a config.json consists of; None for kinds that are not known."""
    kind = config.get("model_type")
    try:
        if kind == "gpt2":
            return _gpt2(config)
        return _llama_like(config, _FAMILIES[str(kind)])
    except (KeyError, TypeError):
        return None


def _llama_like(config: Mapping[str, Any], family: _Family) -> Shapes:
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    size = config.get("head_dim") or width // heads
    keys = (config.get("num_key_value_heads") or heads) * size
    attends, feeds = bool(config.get("attention_bias")), bool(config.get("mlp_bias"))
    parts = (
        ("self_attn.q_proj", width, heads * size, attends),
        ("self_attn.k_proj", width, keys, attends),
        ("self_attn.v_proj", width, keys, attends),
        ("self_attn.o_proj", heads * size, width, attends),
        ("mlp.gate_proj", width, inner, feeds),
        ("mlp.up_proj", width, inner, feeds),
        ("mlp.down_proj", inner, width, feeds),
    )
    linear = tuple(
        Linear(name, n_in, n_out, biased or name.split(".")[-1] in family.biased) for name, n_in, n_out, biased in parts
    )
    n_layers = config["num_hidden_layers"]
    norms = n_layers * (family.n_norms * width + 2 * size * family.norms_heads) + width
    tied = config.get("tie_word_embeddings", family.ties)
    head = config["vocab_size"] * width
    return Shapes(linear, n_layers, (1 if tied else 2) * head + norms, 0, width, keys, norms, width, head)


def _gpt2(config: Mapping[str, Any]) -> Shapes:
    width, n_layers = config["n_embd"], config["n_layer"]
    inner = config.get("n_inner") or 4 * width
    linear = (
        Linear("attn.c_attn", width, 3 * width, True),
        Linear("attn.c_proj", width, width, True),
        Linear("mlp.c_fc", width, inner, True),
        Linear("mlp.c_proj", inner, width, True),
    )
    biases = (2 * n_layers + 1) * width
    embeddings = config["vocab_size"] * width + config["n_positions"] * width
    head = config["vocab_size"] * width
    own_head = 0 if config.get("tie_word_embeddings", True) else head
    return Shapes(
        linear, n_layers, embeddings + own_head + 2 * biases, biases, width, width, 2 * biases, 2 * width, head
    )
