"""Every tuner of TUNERS on tiny models; a new one is covered without another line.

Its defaults are used where it can be made on a Llama-like model with them; `NEEDS` says what it needs otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.errors import ModelError
from hanka.models.attention import forward as packed_forward
from hanka.models.attention import new_pack, packed_attention, takes_packs
from hanka.models.catalogue import find_model
from hanka.models.loading import LoadedModel, load_model
from hanka.models.segments import Row
from hanka.models.weights import copies_of, restore, state_of
from hanka.prompting import Encoded, Query
from hanka.training.gradient import Gradient
from hanka.tuners import TUNERS
from hanka.tuners.contract import Made, Tuner
from hanka.tuners.interpolation import interpolate
from tiny_models import tiny_model

NEEDS: dict[str, dict[str, Any]] = {"bitfit": {"biases": "added"}}
MERGING = {"lora": 2e-6, "ia3": 2e-6}
"Nats by which merging in float32 may move a log-probability; others merge without a rounding."
EVERY = pytest.mark.parametrize("tuner", list(TUNERS), ids=TUNERS.names())
ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index, 9], 3) for index in range(6)]
QUERIES = [Query("", list(range(5, 5 + length)), ((9,), (11, 12))) for length in (4, 7, 12)]
IDS = torch.tensor([[5, 9, 2, 77, 31, 8, 100]])


def base_of(folder: Path, dtype: str = "float32") -> LoadedModel:
    loaded = load_model(find_model(str(folder), folder.parent), dtype)
    loaded.model.requires_grad_(False)
    return loaded


def wrapped(tuner: Tuner, base: LoadedModel, seed: int = 0) -> LoadedModel:
    return replace(base, model=tuner.wrap(base.model, tuner.own(NEEDS.get(tuner.name, {})), seed))


def fit(loaded: LoadedModel, n_steps: int = 3) -> None:
    """A few optimizer steps on packed rows."""
    model = loaded.model.train()
    free = [value for value in model.parameters() if value.requires_grad]
    optimizer, gradient = torch.optim.AdamW(free, lr=1e-2, weight_decay=0.01), Gradient(model)
    for _ in range(n_steps):
        optimizer.zero_grad()
        gradient.accumulate(ROWS, 64)
        optimizer.step()
    model.eval()


def frozen(loaded: LoadedModel) -> LoadedModel:
    loaded.model.requires_grad_(False)
    loaded.model.eval()
    return loaded


def logits(loaded: LoadedModel) -> tuple[torch.Tensor, torch.Tensor]:
    """A plain pass and a packed one."""
    with torch.inference_mode():
        plain = loaded.model(input_ids=IDS, use_cache=False).logits
        with packed_attention(loaded.model):
            passed = new_pack(loaded.model, [Row([5, 9, 2]), Row([77, 31, 8, 100])])
            return plain, packed_forward(loaded.model, passed, torch.arange(7))


def same(one: LoadedModel, other: LoadedModel) -> bool:
    return all(torch.equal(a, b) for a, b in zip(logits(one), logits(other), strict=True))


def scores(loaded: LoadedModel) -> list[Any]:
    return [
        one.log_likelihoods for one in LocalEngine(loaded, 512).score_labels(QUERIES) if isinstance(one, LabelAnswer)
    ]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for path in sorted(folder.glob("*.safetensors")) for name, value in load_file(path).items()}


@pytest.fixture(scope="module")
def folders(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What every tuner saved after three steps."""
    made = {}
    for tuner in TUNERS:
        loaded = wrapped(tuner, base_of(tiny_folder))
        fit(loaded)
        made[tuner.name] = tmp_path_factory.mktemp(tuner.name)
        tuner.save(loaded, made[tuner.name])
    return made


@EVERY
def test_declares_itself(tuner: Tuner) -> None:
    assert tuner.reference
    assert tuner.description
    assert tuner.version >= 1
    assert tuner.files
    assert not tuner.is_whole or tuner.changes_weights
    assert tuner.own({"not_its": 1}) == tuner.params()


@EVERY
def test_unknown_parameters_are_refused(tuner: Tuner) -> None:
    with pytest.raises(ValidationError, match="not_a_parameter"):
        tuner.params.model_validate({"not_a_parameter": 1})


@EVERY
def test_only_declared_weights_change_and_all_of_them_do(tuner: Tuner, tiny_folder: Path) -> None:
    loaded = wrapped(tuner, base_of(tiny_folder))
    free = {name for name, value in loaded.model.named_parameters() if value.requires_grad}
    before = {name: value.detach().clone() for name, value in loaded.model.named_parameters()}
    fit(loaded)
    after = dict(loaded.model.named_parameters())
    assert {name for name, value in before.items() if not torch.equal(value, after[name])} == free
    config = loaded.model.config.to_dict()
    n_free = sum(after[name].numel() for name in free)
    assert tuner.n_trained(config, tuner.own(NEEDS.get(tuner.name, {}))) in (n_free, None)


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_untrained_it_is_the_base_exactly(tuner: Tuner, tiny_folder: Path, tmp_path: Path, dtype: str) -> None:
    base = base_of(tiny_folder, dtype)
    loaded = frozen(wrapped(tuner, base_of(tiny_folder, dtype)))
    assert same(loaded, base)
    tuner.save(loaded, tmp_path)
    assert same(tuner.load(base_of(tiny_folder, dtype), tmp_path), base)


@EVERY
def test_what_is_saved_answers_as_what_was_trained(tuner: Tuner, tiny_folder: Path, tmp_path: Path) -> None:
    loaded = wrapped(tuner, base_of(tiny_folder))
    fit(loaded)
    tuner.save(loaded, tmp_path)
    again = tuner.load(base_of(tiny_folder), tmp_path)
    assert same(again, frozen(loaded))
    assert scores(again) == scores(loaded) != scores(base_of(tiny_folder))
    assert {path.name for path in tmp_path.iterdir()} >= set(tuner.files)
    assert not [one for one in again.model.parameters() if one.requires_grad]
    assert not again.model.training


@EVERY
def test_packed_passes_hold_as_declared(tuner: Tuner, tiny_folder: Path, folders: dict[str, Path]) -> None:
    loaded = tuner.load(base_of(tiny_folder), folders[tuner.name])
    assert takes_packs(loaded.model)[0] == tuner.keeps_keys_values
    if tuner.keeps_keys_values:
        _plain, packed = logits(loaded)
        with torch.inference_mode():
            alone = [loaded.model(input_ids=IDS[:, cut], use_cache=False).logits[0] for cut in (slice(3), slice(3, 7))]
        torch.testing.assert_close(packed, torch.cat(alone), rtol=1e-5, atol=1e-5)


@EVERY
def test_merged_it_answers_as_before_to_rounding(tuner: Tuner, tiny_folder: Path, folders: dict[str, Path]) -> None:
    loaded = tuner.load(base_of(tiny_folder), folders[tuner.name])
    before = logits(loaded)[0].log_softmax(-1)
    merged = tuner.merge(loaded)
    assert type(merged.model) is type(base_of(tiny_folder).model)
    gap = (logits(merged)[0].log_softmax(-1) - before).abs().max().item()
    assert gap <= MERGING.get(tuner.name, 0.0)
    moved = (logits(base_of(tiny_folder))[0].log_softmax(-1) - before).abs().max().item()
    assert moved > 100 * MERGING.get(tuner.name, 1e-6)


@EVERY
@pytest.mark.parametrize("done", ["wrap", "load", "merge"])
def test_taken_out_the_base_is_what_it_was_bit_for_bit(
    tuner: Tuner, done: str, tiny_folder: Path, folders: dict[str, Path]
) -> None:
    base = base_of(tiny_folder)
    model, before, modules = base.model, state_of(base.model), [name for name, _ in base.model.named_modules()]
    copies = copies_of(model) if done == "merge" or tuner.changes_weights else {}
    if done == "wrap":
        fit(wrapped(tuner, base))
    else:
        loaded = tuner.load(base, folders[tuner.name])
        if done == "merge":
            tuner.merge(loaded)
    tuner.take_out(model)
    assert restore(model, before, copies)
    assert state_of(model) == before
    assert [name for name, _ in model.named_modules()] == modules
    assert same(frozen(base), base_of(tiny_folder))


@EVERY
def test_the_same_seed_gives_the_same_bytes(tuner: Tuner, tiny_folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        torch.rand(3)  # what was drawn before does not matter
        loaded = wrapped(tuner, base_of(tiny_folder), seed=3)
        fit(loaded)
        tuner.save(loaded, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        if name.endswith(".safetensors"):
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@EVERY
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_ends_of_interpolation_are_the_base_and_the_variant_exactly(
    tuner: Tuner, weight: float, tiny_folder: Path, tmp_path: Path, folders: dict[str, Path]
) -> None:
    base = base_of(tiny_folder)
    name = interpolate(base, Made("it", tuner.name, folders[tuner.name]), weight, tmp_path)
    assert name == tuner.name
    found = tuner.load(base_of(tiny_folder), tmp_path)
    wanted = base if weight == 0 else tuner.load(base_of(tiny_folder), folders[tuner.name])
    assert same(found, wanted)
    assert scores(found) == scores(wanted)
    if weight == 1:
        made, own = tensors(tmp_path), tensors(folders[tuner.name])
        assert made.keys() == own.keys()
        assert all(torch.equal(value, own[key]) for key, value in made.items())


@EVERY
@pytest.mark.parametrize("weight", [0.3, 0.75, 1.5])
def test_in_between_it_is_the_interpolation_of_merged_weights(
    tuner: Tuner, weight: float, tiny_folder: Path, tmp_path: Path, folders: dict[str, Path]
) -> None:
    base = base_of(tiny_folder)
    interpolate(base, Made("it", tuner.name, folders[tuner.name]), weight, tmp_path)
    found = tuner.merge(tuner.load(base_of(tiny_folder), tmp_path)).model.state_dict()
    tuned = tuner.merge(tuner.load(base_of(tiny_folder), folders[tuner.name])).model.state_dict()
    own = base.model.state_dict()
    assert found.keys() == tuned.keys()
    for name, value in tuned.items():
        low = own.get(name, torch.zeros_like(value))
        torch.testing.assert_close(found[name], low + weight * (value - low), rtol=1e-5, atol=1e-7)


@EVERY
def test_what_was_made_on_another_base_is_refused_in_one_line(
    tuner: Tuner, tiny_folder: Path, tmp_path: Path, folders: dict[str, Path]
) -> None:
    other = replace(base_of(tiny_folder), model=tiny_model("llama", hidden_size=48, head_dim=12).requires_grad_(False))
    if not tuner.is_whole:  # a whole model needs no base
        with pytest.raises(ModelError) as caught:
            tuner.load(other, folders[tuner.name])
        assert "\n" not in str(caught.value)
