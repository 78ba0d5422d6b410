"""Trained weights that papers report, counted from the shapes of their models alone.

Each row names the paper and the place. A paper that rounds is met at its own rounding; an encoder that no shape here describes is
counted through a decoder of the same widths (RoBERTa's attention has GPT-2's, with separate projections of Llama's kind).
"""

from __future__ import annotations

from typing import Any

import peft
import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from hanka.tuners import TUNERS
from hanka.tuners.left_out import LEFT_OUT

LLAMA_7B = {
    "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "tie_word_embeddings": False,
}  # fmt: skip
ROBERTA_BASE = LLAMA_7B | {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}
ROBERTA_LARGE = ROBERTA_BASE | {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
GPT3 = LLAMA_7B | {"hidden_size": 12288, "num_hidden_layers": 96, "num_attention_heads": 96}
QUERIES_VALUES = {"target_modules": ("q_proj", "v_proj")}

PUBLISHED: list[tuple[str, dict[str, Any], str, dict[str, Any], float, float]] = [
    # tuner, model, place in the paper, parameters, published, unit it is rounded to
    ("none", LLAMA_7B, "Touvron et al. 2023, table 2: 6.7B", {}, 6.7e9, 1e8),
    ("lora", ROBERTA_BASE, "Hu et al. 2021, table 2: RoBERTa base 0.3M", {"r": 8} | QUERIES_VALUES, 0.3e6, 1e5),
    ("lora", ROBERTA_LARGE, "Hu et al. 2021, table 2: RoBERTa large 0.8M", {"r": 8} | QUERIES_VALUES, 0.8e6, 1e5),
    ("lora", GPT3, "Hu et al. 2021, table 4: GPT-3 4.7M", {"r": 1} | QUERIES_VALUES, 4.7e6, 1e5),
    ("lora", GPT3, "Hu et al. 2021, table 4: GPT-3 37.7M", {"r": 8} | QUERIES_VALUES, 37.7e6, 1e5),
    ("bottleneck", GPT3, "Hu et al. 2021, table 4: GPT-3 7.1M (Adapter-H)", {"adapter_size": 1}, 7.1e6, 1e5),
    ("bottleneck", GPT3, "Hu et al. 2021, table 4: GPT-3 40.1M (Adapter-H)", {"adapter_size": 8}, 40.1e6, 1e5),
    ("vera", ROBERTA_BASE, "Kopiczko et al. 2024, table 2: base 0.043M", {"r": 1024} | QUERIES_VALUES, 0.043e6, 1e3),
    ("vera", ROBERTA_LARGE, "Kopiczko et al. 2024, table 2: large 0.061M", {"r": 256} | QUERIES_VALUES, 0.061e6, 1e3),
    ("fourierft", ROBERTA_BASE, "Gao et al. 2024, table 2: base 0.024M", {"n_frequency": 1000} | QUERIES_VALUES, 24e3, 1e3),
    ("fourierft", ROBERTA_LARGE, "Gao et al. 2024, table 2: large 0.048M", {"n_frequency": 1000} | QUERIES_VALUES, 48e3, 1e3),
    ("fourierft", LLAMA_7B, "Gao et al. 2024, abstract: Llama-2-7b 0.064M", {"n_frequency": 1000} | QUERIES_VALUES, 0.064e6, 1e3),
    ("vera", LLAMA_7B, "Kopiczko et al. 2023, abstract of version 1: Llama-2-7b 1.4M", {"r": 256}, 1.4e6, 1e5),
    ("adaption_prompt", LLAMA_7B, "Zhang et al. 2023, table 1: 1.2M", {"adapter_len": 10, "adapter_layers": 30}, 1.2e6, 1e5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "config", "place", "params", "published", "unit"), PUBLISHED, ids=lambda one: str(one)[:60]
)
def test_the_count_is_the_published_one(
    name: str, config: dict[str, Any], place: str, params: dict[str, Any], published: float, unit: float
) -> None:
    tuner = TUNERS.get(name)
    counted = tuner.n_trained(config, tuner.own(params))
    assert counted is not None
    assert abs(counted - published) <= unit / 2 + 1, place


def test_lora_on_llama_by_hand() -> None:
    tuner = TUNERS.get("lora")
    attention = 4 * 8 * (4096 + 4096)
    feeding = 3 * 8 * (4096 + 11008)
    assert tuner.n_trained(LLAMA_7B, tuner.own({"r": 8})) == 32 * (attention + feeding) == 19_988_480
    dora = tuner.own({"r": 8, "use_dora": True})
    assert tuner.n_trained(LLAMA_7B, dora) == 19_988_480 + 32 * (4 * 4096 + 2 * 11008 + 4096)


def test_every_type_of_the_installed_peft_is_a_tuner_or_says_why_not() -> None:
    there = {str(getattr(one, "value", one)).lower() for one in PEFT_TYPE_TO_CONFIG_MAPPING}
    names = set(TUNERS.names())
    assert there - names == set(LEFT_OUT), peft.__version__
    assert not names & set(LEFT_OUT)
