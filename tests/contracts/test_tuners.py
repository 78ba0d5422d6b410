"""Every tuner of TUNERS on tiny models; a new one is covered without another line.

Its defaults are used where it can be made on a Llama-like model with them; `tuner_ways.NEEDS` says what it needs otherwise.
"""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.errors import ModelError, UnitError
from hanka.models.attention import takes_packs
from hanka.models.loading import LoadedModel
from hanka.models.weights import copies_of, restore, state_of
from hanka.prompting import Query
from hanka.tuners import TUNERS
from hanka.tuners.adapters import FILES
from hanka.tuners.contract import Made
from hanka.tuners.interpolation import interpolate
from tiny_models import tiny_model
from tuner_ways import EVERY, IDS, WAYS, Way, base_of, fit, frozen, gap, packed, plain, said_by_base, wrapped

ROUNDING = 5e-6
"Nats by which float32 may move a log-probability where sums are taken in another order: merged, split, put together."
QUERIES = [Query("", list(range(5, 5 + length)), ((9,), (11, 12))) for length in (4, 7, 12)]


Once = Callable[[str, Callable[[], Any]], Any]


def scores(loaded: LoadedModel) -> list[Any]:
    return [
        one.log_likelihoods for one in LocalEngine(loaded, 512).score_labels(QUERIES) if isinstance(one, LabelAnswer)
    ]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for path in sorted(folder.glob("*.safetensors")) for name, value in load_file(path).items()}


@dataclass(frozen=True)
class Trained:
    """A way, two steps on."""

    loaded: LoadedModel
    free: set[str]
    "Names of the weights that may change."
    changed: set[str]
    "Names of those that did."
    folder: Path
    "What was saved."


def trained_on(folder: Path, way: Way, to: Path) -> Trained:
    loaded = wrapped(way, base_of(folder))
    free = {name for name, value in loaded.model.named_parameters() if value.requires_grad}
    before = {name: value.detach().clone() for name, value in loaded.model.named_parameters()}
    fit(loaded)
    after = dict(loaded.model.named_parameters())
    way.tuner.save(loaded, to)
    return Trained(loaded, free, {name for name, value in before.items() if not torch.equal(value, after[name])}, to)


@pytest.fixture(scope="module")
def once() -> Iterator[Once]:
    """What tests of a way only look at, made once."""
    known: dict[str, Any] = {}

    def made(what: str, make: Callable[[], Any]) -> Any:
        if what not in known:
            known[what] = make()
            gc.freeze()  # collections of garbage pass over what is kept, until the last test here
        return known[what]

    yield made
    known.clear()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture
def trained(way: Way, once: Once, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The way of a test, trained."""
    found: Trained = once(
        f"trained {way}", lambda: trained_on(tiny_folder, way, tmp_path_factory.mktemp(way.tuner.name))
    )
    return found


@pytest.fixture
def folder(trained: Trained) -> Path:
    """What it saved."""
    return trained.folder


@pytest.fixture
def again(way: Way, once: Once, tiny_folder: Path, folder: Path) -> LoadedModel:
    """What it saved, on another base; to be looked at."""
    found: LoadedModel = once(f"loaded {way}", lambda: way.tuner.load(base_of(tiny_folder), folder))
    return found


@pytest.fixture
def merged(way: Way, once: Once, tiny_folder: Path, folder: Path) -> LoadedModel:
    """What it saved, merged into another base; to be looked at."""
    found: LoadedModel = once(f"merged {way}", lambda: way.tuner.merge(way.tuner.load(base_of(tiny_folder), folder)))
    return found


@EVERY
def test_declares_itself(way: Way) -> None:
    tuner = way.tuner
    assert tuner.reference
    assert tuner.description
    assert tuner.version >= 1
    assert tuner.files
    assert not tuner.is_whole or tuner.changes_weights
    assert tuner.own({"not_its": 1}) == tuner.params()
    assert not tuner.size or tuner.size in tuner.params.model_fields
    assert set(tuner.params.later) <= set(tuner.params.model_fields)
    with pytest.raises(ValidationError, match="not_a_parameter"):
        tuner.params.model_validate({"not_a_parameter": 1})


@EVERY
def test_only_declared_weights_change_and_all_of_them_do_and_the_count_is_right(way: Way, trained: Trained) -> None:
    assert trained.changed == trained.free
    weights = dict(trained.loaded.model.named_parameters())
    counted = way.tuner.n_trained(trained.loaded.model.config.to_dict(), way.params)
    assert counted in (sum(weights[name].numel() for name in trained.free), None)


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_untrained_it_is_the_base_exactly_or_says_why_not(
    way: Way, tiny_folder: Path, tmp_path: Path, dtype: str
) -> None:
    in_plain, in_packs = said_by_base(tiny_folder, dtype)
    loaded = frozen(wrapped(way, base_of(tiny_folder, dtype)))
    if way.params.at_start:
        moved = gap(plain(loaded), in_plain)
        assert moved > 0 or "in bfloat16" in way.params.at_start or dtype == "bfloat16"
        assert moved < (ROUNDING if dtype == "float32" else 0.1) or "but for rounding" not in way.params.at_start
        return
    assert torch.equal(plain(loaded), in_plain)
    assert torch.equal(packed(loaded), in_packs)
    way.tuner.save(loaded, tmp_path)
    again = way.tuner.load(base_of(tiny_folder, dtype), tmp_path)
    assert torch.equal(plain(again), in_plain)
    assert torch.equal(packed(again), in_packs)


@EVERY
def test_what_is_saved_answers_as_what_was_trained(
    way: Way, tiny_folder: Path, trained: Trained, again: LoadedModel
) -> None:
    loaded, folder = trained.loaded, trained.folder
    if way.splits:
        assert gap(plain(again), plain(loaded)) <= ROUNDING
    else:
        assert torch.equal(plain(again), plain(frozen(loaded)))
        assert scores(again) == scores(loaded)
    assert gap(plain(again), said_by_base(tiny_folder)[0]) > 100 * ROUNDING
    assert {path.name for path in folder.iterdir()} >= set(way.tuner.files)
    assert not [one for one in again.model.parameters() if one.requires_grad]
    assert not again.model.training


@EVERY
def test_it_loads_without_hanka_with_equal_predictions_or_says_why_not(
    way: Way, tiny_folder: Path, folder: Path, again: LoadedModel
) -> None:
    tuner = way.tuner
    if tuner.not_elsewhere:
        return
    head = {"tie_word_embeddings": False} if tuner.name == "head" else {}
    if tuner.is_whole:
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    else:
        theirs = AutoModelForCausalLM.from_pretrained(tiny_folder, **head) if head else base_of(tiny_folder).model
        if tuner.files == FILES:
            theirs = PeftModel.from_pretrained(theirs, str(folder))
        else:
            assert not theirs.load_state_dict(load_file(folder / tuner.files[-1]), strict=False).unexpected_keys
    assert torch.equal(plain(replace(again, model=theirs.eval().requires_grad_(False))), plain(again))


@EVERY
def test_packed_passes_hold_as_declared(way: Way, again: LoadedModel) -> None:
    assert takes_packs(again.model)[0] == way.tuner.keeps_keys_values
    if way.tuner.keeps_keys_values:
        with torch.inference_mode():
            alone = [again.model(input_ids=IDS[:, cut], use_cache=False).logits[0] for cut in (slice(3), slice(3, 7))]
        torch.testing.assert_close(packed(again), torch.cat(alone), rtol=1e-5, atol=1e-5)


@EVERY
def test_merged_it_answers_as_before_to_rounding_or_is_refused_in_one_line(
    way: Way, tiny_folder: Path, folder: Path, again: LoadedModel, request: pytest.FixtureRequest
) -> None:
    if way.tuner.not_merged:
        with pytest.raises(UnitError, match=f"^{way.tuner.name} cannot be merged") as caught:
            way.tuner.merge(way.tuner.load(base_of(tiny_folder), folder))
        assert "\n" not in str(caught.value)
        return
    merged: LoadedModel = request.getfixturevalue("merged")
    assert type(merged.model) is LlamaForCausalLM
    assert gap(plain(merged), plain(again)) <= ROUNDING
    assert gap(said_by_base(tiny_folder)[0], plain(again)) > 100 * ROUNDING


@EVERY
@pytest.mark.parametrize("done", ["wrap", "load", "merge"])
def test_taken_out_the_base_is_what_it_was_bit_for_bit(way: Way, done: str, tiny_folder: Path, folder: Path) -> None:
    base, tuner = base_of(tiny_folder), way.tuner
    model, before, modules = base.model, state_of(base.model), [name for name, _ in base.model.named_modules()]
    copies = copies_of(model) if done == "merge" or tuner.changes_weights else {}
    if done == "wrap":
        loaded = wrapped(way, base)
        if tuner.changes_weights:
            fit(loaded)
    else:
        loaded = tuner.load(base, folder)
        if done == "merge" and not tuner.not_merged:
            tuner.merge(loaded)
    tuner.take_out(model)
    assert restore(model, before, copies)
    assert state_of(model) == before
    assert [name for name, _ in model.named_modules()] == modules
    assert torch.equal(plain(frozen(base)), said_by_base(tiny_folder)[0])


@EVERY
def test_the_same_seed_gives_the_same_bytes(way: Way, tiny_folder: Path, tmp_path: Path, folder: Path) -> None:
    torch.rand(3)  # what was drawn before does not matter
    trained_on(tiny_folder, way, tmp_path)
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted(path.name for path in tmp_path.iterdir())
    for name in files:
        if name.endswith(".safetensors"):
            assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("way", "weight"),
    [(way, weight) for way in WAYS for weight in ((0.0, 0.75, 1.0) if way.tuner.scale else (0.75,))],
    ids=str,
)
def test_interpolated_it_is_base_and_variant_at_the_ends_and_their_mean_between(
    way: Way,
    weight: float,
    tiny_folder: Path,
    tmp_path: Path,
    folder: Path,
    again: LoadedModel,
    request: pytest.FixtureRequest,
) -> None:
    base, tuner = base_of(tiny_folder), way.tuner
    made = Made("it", tuner.name, folder)
    if tuner.scale is None and tuner.not_merged:
        with pytest.raises(UnitError, match="cannot be merged"):
            interpolate(base, made, weight, tmp_path)
        return
    if way.given.get("use_dora"):
        with pytest.raises(UnitError, match="more than A and B"):
            interpolate(base, made, weight, tmp_path)
        return
    name = interpolate(base, made, weight, tmp_path)
    assert name == ("none" if tuner.scale is None else tuner.name)
    found = TUNERS.get(name).load(base_of(tiny_folder), tmp_path)
    if weight in (0.0, 1.0):
        assert torch.equal(plain(found), plain(again) if weight else said_by_base(tiny_folder)[0])
        return
    merged: LoadedModel = request.getfixturevalue("merged")
    mixed, high, low = (one.model.state_dict() for one in (TUNERS.get(name).merge(found), merged, base_of(tiny_folder)))
    for name, value in high.items():
        own = low.get(name, torch.zeros_like(value))
        torch.testing.assert_close(mixed[name], own + weight * (value - own), rtol=1e-5, atol=1e-7)


@EVERY
def test_what_was_made_on_another_base_is_refused_in_one_line(
    way: Way, once: Once, tiny_folder: Path, folder: Path
) -> None:
    wider = once("wider", lambda: tiny_model("llama", hidden_size=48, head_dim=12).requires_grad_(False))
    other = replace(base_of(tiny_folder), model=copy.deepcopy(wider))
    if not way.tuner.is_whole:  # a whole model needs no base
        with pytest.raises(ModelError) as caught:
            way.tuner.load(other, folder)
        assert "\n" not in str(caught.value)
