"""Adapters that PEFT made elsewhere: whole modules among them, prompts, and what merging them means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model

from hanka.errors import ModelError, UnitError
from hanka.models.catalogue import ModelRef, find_model
from hanka.models.loading import LoadedModel, load_model
from hanka.tuners import TUNERS, adapters
from hanka.tuners.contract import Made
from hanka.tuners.resident import Resident

IDS = torch.tensor([[5, 9, 2, 77, 31, 8, 100]])
LORA = TUNERS.get("lora")


@pytest.fixture
def ref(tiny_folder: Path) -> ModelRef:
    return find_model(str(tiny_folder), tiny_folder.parent)


def logits(loaded: LoadedModel) -> torch.Tensor:
    with torch.inference_mode():
        return loaded.model(input_ids=IDS, use_cache=False).logits  # type: ignore[no-any-return]


def save(ref: ModelRef, config: Any, folder: Path) -> Made:
    """An adapter whose weights were moved at random."""
    model = get_peft_model(load_model(ref, "float32").model, config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            if value.requires_grad:
                value.add_(0.1 * torch.randn(value.shape, generator=generator))
    model.save_pretrained(folder)
    return Made("elsewhere", "lora", folder)


@pytest.mark.parametrize(
    "more",
    [
        {"modules_to_save": ["lm_head"]},
        {"modules_to_save": ["input_layernorm"]},
        {"use_dora": True},
        {"use_rslora": True},
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "olora"},
    ],
    ids=str,
)
def test_an_adapter_from_elsewhere_is_lent_merged_and_taken_out(ref: ModelRef, tmp_path: Path, more: Any) -> None:
    made = save(ref, LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj", "up_proj"], r=4, **more), tmp_path)
    held = Resident()
    base = logits(held.base(ref, "float32"))
    with held.lend(ref, "float32", [made]) as loaded:
        alone = logits(loaded)
        assert not torch.allclose(alone, base, atol=1e-3)
    assert torch.equal(logits(held.base(ref, "float32")), base)
    assert held.n_loads == 1
    with held.lend(ref, "float32", [made], train=True) as loaded:
        assert type(loaded.model) is type(held.base(ref, "float32").model)
        torch.testing.assert_close(logits(loaded), alone, rtol=1e-5, atol=1e-5)
    assert torch.equal(logits(held.base(ref, "float32")), base)


def test_prompts_are_not_merged(ref: ModelRef, tmp_path: Path) -> None:
    made = save(ref, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3), tmp_path)
    held = Resident()
    base = logits(held.base(ref, "float32"))
    with held.lend(ref, "float32", [made]) as loaded:
        assert logits(loaded).shape[1] == IDS.shape[1] + 3
    with (
        pytest.raises(UnitError, match="PROMPT_TUNING puts tokens before a row and cannot be merged"),
        held.lend(ref, "float32", [made], train=True),
    ):
        pass
    assert torch.equal(logits(held.base(ref, "float32")), base)
    assert held.n_loads == 1


def test_a_damaged_adapter_leaves_the_base_as_it_was(ref: ModelRef, tmp_path: Path) -> None:
    made = save(ref, LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear"), tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"half")
    held = Resident()
    base = logits(held.base(ref, "float32"))
    with (
        pytest.raises(ModelError, match=r"this adapter cannot be put onto '.*tiny': Error while deserializing"),
        held.lend(ref, "float32", [made]),
    ):
        pass
    assert torch.equal(logits(held.base(ref, "float32")), base)
    assert held.n_loads == 1


def test_a_saved_configuration_is_written_the_same_in_every_process(tmp_path: Path) -> None:
    path = tmp_path / "adapter_config.json"
    path.write_text('{"target_modules": ["up", "down", "gate"], "r": 4, "alpha_pattern": {"b": 1, "a": 2}}')
    adapters.settle_config(path, ModelRef("tiny", "folder", None))
    assert path.read_text() == (
        '{\n  "alpha_pattern": {\n    "a": 2,\n    "b": 1\n  },\n  "base_model_name_or_path": "tiny",\n  "r": 4,\n  "target_modules": [\n    "down",\n    "gate",\n'
        '    "up"\n  ]\n}\n'
    )
