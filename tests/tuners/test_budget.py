"""Sizes for a budget: the nearest there is, whichever way a count goes with its size."""

from __future__ import annotations

import pytest

from hanka.tuners import TUNERS
from hanka.tuners.budget import sized

CONFIG = {
    "model_type": "llama", "vocab_size": 1000, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
}  # fmt: skip
WITH_SIZE = [one.name for one in TUNERS if one.size and one.n_trained(CONFIG, one.params()) is not None]


@pytest.mark.parametrize("name", WITH_SIZE)
@pytest.mark.parametrize("budget", [5_000, 300_000, 2_442_240])
def test_no_other_size_is_nearer(name: str, budget: int) -> None:
    tuner = TUNERS.get(name)
    found = sized(tuner, tuner.params(), CONFIG, budget)
    assert found.is_set
    assert found.n_trained == tuner.n_trained(CONFIG, found.params)
    size = getattr(found.params, tuner.size)
    others = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 192, 500, 1000, 5000] if isinstance(size, int) else []
    others += (
        [0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99] if isinstance(size, float) else [size + 1, size - 1, size + 2]
    )
    for other in others:
        if tuner.size_divides and 192 % other:
            continue
        try:
            given = tuner.params.model_validate(found.params.model_dump() | {tuner.size: other})
        except ValueError:
            continue
        count = tuner.n_trained(CONFIG, given)
        assert count is not None
        assert abs(count - budget) >= abs(found.n_trained - budget), other


def test_lora_of_rank_8_is_the_budget_of_itself_and_dora_gets_a_smaller_rank() -> None:
    lora = TUNERS.get("lora")
    budget = lora.n_trained(CONFIG, lora.own({"r": 8}))
    assert budget is not None
    assert sized(lora, lora.params(), CONFIG, budget).params == lora.own({"r": 8})
    dora = sized(lora, lora.own({"use_dora": True}), CONFIG, budget)
    assert dora.params.model_dump()["r"] == 7


def test_a_tuner_without_a_size_stays_as_it_is() -> None:
    for name in ("ia3", "bitfit", "head"):
        tuner = TUNERS.get(name)
        found = sized(tuner, tuner.params(), CONFIG, 1000)
        assert (found.params, found.is_set) == (tuner.params(), False)
