from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import ModelError
from hanka.models.attention import takes_packs
from hanka.models.catalogue import ModelRef
from hanka.models.fresh import FAMILIES, fresh_model
from hanka.models.identity import model_identity, n_parameters, pin_revision
from hanka.models.loading import load_full, load_model, load_tokenizer

TINY = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
SHAPES: dict[str, dict[str, Any]] = {
    "llama": TINY,
    "mistral": {**TINY, "num_key_value_heads": 2, "sliding_window": 8},
    "qwen2": {**TINY, "num_key_value_heads": 1, "tie_word_embeddings": True},
    "qwen3": {**TINY, "head_dim": 6},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 4},
}
PINNED = "6ed65f783130d6e0b9b054f7596ceb2fbf1782dab4459456468de6327b5f0533"
"Of the names and values of the state."
EVERY = pytest.mark.parametrize("kind", FAMILIES)


def made(tiny_folder: Path, kind: str = "llama", seed: int = 0, **changes: Any) -> ModelRef:
    said = {"tokenizer": str(tiny_folder), "model_type": kind, **SHAPES[kind], **changes}
    return fresh_model(said, seed, tiny_folder.parent)


def fingerprint(model: Any) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def test_weights_are_the_same_on_any_machine(tiny_folder: Path) -> None:
    assert fingerprint(load_model(made(tiny_folder), "float32").model) == PINNED


@EVERY
def test_weights_have_the_spread_that_was_asked_and_norms_are_as_at_the_start(tiny_folder: Path, kind: str) -> None:
    loaded = load_model(made(tiny_folder, kind, initializer_range=0.05), "float32")
    for name, value in loaded.model.named_parameters():
        if value.dim() == 1:
            expected = 0.0 if name.endswith("bias") else 1.0
            assert bool((value == expected).all()), name
            continue
        into_stream = kind == "gpt2" and "c_proj" in name
        expected = 0.05 / 2 if into_stream else 0.05  # the root of twice two layers
        assert float(value.std()) == pytest.approx(expected, rel=0.2), name
        assert abs(float(value.mean())) < 4 * expected / value.numel() ** 0.5


@EVERY
def test_parameters_are_counted_without_loading(tiny_folder: Path, kind: str) -> None:
    for changes in ({}, {"tie_word_embeddings": kind != "gpt2"}):
        ref = made(tiny_folder, kind, **changes)
        assert n_parameters(ref) == sum(value.numel() for value in load_model(ref, "float32").model.parameters())


@EVERY
def test_it_answers_and_takes_packed_passes(tiny_folder: Path, kind: str) -> None:
    loaded = load_model(made(tiny_folder, kind), "float32")
    assert takes_packs(loaded.model) == (True, "")
    assert loaded.model.training is False
    assert loaded.tokenizer.get_vocab() == load_tokenizer(made(tiny_folder, kind)).get_vocab()
    assert loaded.model.get_input_embeddings().weight.shape[0] == 400
    assert (loaded.model.config.bos_token_id, loaded.model.config.eos_token_id) == (0, 1)
    assert loaded.context_length == (1024 if kind == "gpt2" else 2048)


def test_the_seed_and_nothing_else_changes_the_weights(tiny_folder: Path) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = load_model(made(tiny_folder), "float32").model
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    assert fingerprint(load_model(made(tiny_folder), "float32").model) == fingerprint(first)
    assert fingerprint(load_model(made(tiny_folder, seed=1), "float32").model) != fingerprint(first)


def test_a_matrix_does_not_depend_on_the_layers_after_it(tiny_folder: Path) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    two, three = (load_model(made(tiny_folder, num_hidden_layers=n), "float32").model for n in (2, 3))
    assert torch.equal(two.get_parameter(name), three.get_parameter(name))
    assert not torch.equal(two.get_parameter(name), two.get_parameter(name.replace("0", "1")))


def test_lower_precision_rounds_the_same_weights(tiny_folder: Path) -> None:
    exact, half = (load_model(made(tiny_folder), dtype).model for dtype in ("float32", "bfloat16"))
    for one, other in zip(exact.parameters(), half.parameters(), strict=True):
        assert torch.equal(one.to(torch.bfloat16), other)


def test_identity_holds_configuration_seed_tokenizer_and_defaults(tiny_folder: Path, tmp_path: Path) -> None:
    ref = made(tiny_folder)
    identity = model_identity(ref)
    assert identity["fresh"]["rope_theta"] == 10_000.0
    assert identity["tokenizer"] == model_identity(ref.fresh.tokenizer)  # type: ignore[union-attr]
    others = [made(tiny_folder, seed=1), made(tiny_folder, rms_norm_eps=1e-5), made(tiny_folder, "qwen3")]
    assert len({str(model_identity(one)) for one in [ref, *others]}) == 4
    assert model_identity(made(tiny_folder, num_key_value_heads=4)) == identity
    assert model_identity(replace(ref, name="mine")) == identity
    assert pin_revision(ref, ask_hub=False) == ref


@pytest.mark.parametrize(
    ("kind", "constants"),
    [
        (
            "llama",
            {"rms_norm_eps": 1e-6, "rope_theta": 10_000.0, "max_position_embeddings": 2048, "initializer_range": 0.02},
        ),
        ("gpt2", {"layer_norm_epsilon": 1e-5, "n_positions": 1024, "initializer_range": 0.02}),
    ],
)
def test_what_a_configuration_leaves_out_is_as_published(kind: str, constants: dict[str, Any]) -> None:
    assert {name: FAMILIES[kind].others[name] for name in constants} == constants


def test_names(tiny_folder: Path) -> None:
    assert made(tiny_folder, seed=3).name == "fresh-llama-2x16-seed3"
    assert fresh_model({"tokenizer": str(tiny_folder), **TINY}, 0, tiny_folder, "mine").name == "mine"
    assert "random" in made(tiny_folder).note


def test_trained_weights_are_loaded_over_it_whole(tiny_folder: Path, tmp_path: Path) -> None:
    ref = made(tiny_folder)
    model = load_model(ref, "float32").model
    with torch.no_grad():
        model.lm_head.weight += 1
    model.save_pretrained(tmp_path)
    assert fingerprint(load_full(ref, "float32", tmp_path).model) == fingerprint(model)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "lama"}, "unknown model_type 'lama': did you mean 'llama'?"),
        ({"hiden_size": 8}, "a llama configuration has no key 'hiden_size': did you mean 'hidden_size'?"),
        ({"hidden_size": 10}, "hidden_size 10 is no multiple of num_attention_heads 4"),
        ({"hidden_size": 12}, "3 dimensions a head cannot be rotated in pairs"),
        ({"num_key_value_heads": 3}, "num_attention_heads 4 is no multiple of num_key_value_heads 3"),
        ({"num_hidden_layers": "2"}, "num_hidden_layers is '2'; it must be a whole number from 1"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True; it must be a whole number"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"initializer_range": -0.1}, "initializer_range is -0.1; it must be a number above 0"),
        ({"initializer_range": float("nan")}, "initializer_range is nan"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings is 1; it must be true or false"),
        ({"tokenizer": None}, "tokenizer is missing; name the model whose tokenizer"),
        ({"tokenizer": "no-such-model"}, "base model 'no-such-model' is no catalogue alias"),
        ({"model_type": "gpt2"}, "a gpt2 configuration has no key 'hidden_size'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_one_line(tiny_folder: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError) as caught:
        fresh_model({"tokenizer": str(tiny_folder), **TINY, **changes}, 0, tiny_folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, True, 1.0, "0"])
def test_a_seed_is_a_whole_number(tiny_folder: Path, seed: Any) -> None:
    with pytest.raises(ModelError, match="it must be a whole number from 0"):
        fresh_model({"tokenizer": str(tiny_folder), **TINY}, seed, tiny_folder)


def test_sizes_that_are_missing_are_named(tiny_folder: Path) -> None:
    with pytest.raises(
        ModelError, match="fresh: hidden_size is missing; a llama configuration needs hidden_size, inter"
    ):
        fresh_model({"tokenizer": str(tiny_folder)}, 0, tiny_folder)
