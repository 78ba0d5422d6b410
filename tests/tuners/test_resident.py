"""One base model for many variants: what comes after equals what a freshly loaded model gives, bit for bit."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.errors import UnitError
from hanka.models.catalogue import ModelRef, find_model
from hanka.models.loading import LoadedModel, load_model
from hanka.prompting import Encoded, Query
from hanka.training.loop import Course, train
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS, resident
from hanka.tuners.contract import Made
from hanka.tuners.resident import Resident
from tiny_models import save_tiny_model

QUERIES = [Query("", list(range(5, 5 + length)), ((9,), (11, 12))) for length in (4, 7, 12)]
ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(6)]


Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def ref(tiny_folder: Path) -> ModelRef:
    return find_model(str(tiny_folder), tiny_folder.parent)


EACH = ("none", "lora", "bitfit", "ia3", "bottleneck", "head", "ln_tuning", "prefix_tuning")
"One tuner of every way to put something onto a model."
MERGED = EACH[:4] + EACH[5:7]
"Those on which another can be made."


@cache
def _loaded(folder: Path) -> LoadedModel:
    return load_model(find_model(str(folder), folder.parent), "float32")


def loaded_anew(ref: ModelRef, dtype: str) -> LoadedModel:
    """What loading gives, modules and weights of its own; read from disk once."""
    if dtype != "float32":
        return load_model(ref, dtype)
    loaded = _loaded(ref.folder)
    return replace(loaded, model=copy.deepcopy(loaded.model))


@pytest.fixture(autouse=True)
def quick_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "load_model", loaded_anew)


def scores(loaded: LoadedModel) -> list[Any]:
    answers = LocalEngine(loaded, 512).score_labels(QUERIES)
    return [one.log_likelihoods for one in answers if isinstance(one, LabelAnswer)]


def fit(loaded: LoadedModel, peft: str, folder: Path, checkpointing: bool = False) -> Weights:
    tuner = TUNERS.get(peft)
    model = tuner.wrap(loaded.model, tuner.own({"r": 4, "biases": "added"}), 0)
    settings = CourseParams(
        epochs=1, batch_size=3, learning_rate=1e-2, micro_batch_tokens=64, gradient_checkpointing=checkpointing
    )
    train(Course(model, settings, ROWS, 0, folder, lambda _what, _share: None))
    tuner.save(replace(loaded, model=model), folder)
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def made(tuner: str, folder: Path) -> Made:
    return Made(folder.name, tuner, folder)


def fresh(ref: ModelRef, *stack: Made) -> LoadedModel:
    """A model loaded anew, frozen, with variants put on, all but the last merged."""
    loaded = loaded_anew(ref, "float32")
    loaded.model.requires_grad_(False)
    for at, one in enumerate(stack):
        tuner = TUNERS.get(one.tuner)
        loaded = tuner.load(loaded, one.folder)
        if at + 1 < len(stack):
            loaded = tuner.merge(loaded)
    return loaded


@pytest.fixture(scope="module")
def base(ref: ModelRef) -> list[Any]:
    """What a base says that nobody had before."""
    return scores(fresh(ref))


@pytest.fixture(scope="module")
def trained(ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Made, Weights]]:
    """One variant of every tuner, each made on a base of its own, and its weights."""
    folder = tmp_path_factory.mktemp("variants")
    return {name: (made(name, folder / name), fit(loaded_anew(ref, "float32"), name, folder / name)) for name in EACH}


@pytest.fixture(scope="module")
def variants(trained: dict[str, tuple[Made, Weights]]) -> dict[str, Made]:
    return {name: one for name, (one, _) in trained.items()}


@pytest.mark.parametrize("first", EACH)
@pytest.mark.parametrize("second", EACH)
@pytest.mark.parametrize("checkpointing", [False, True], ids=["", "checkpointing"])
def test_a_second_variant_is_what_it_would_be_on_a_fresh_model(
    ref: ModelRef,
    base: list[Any],
    trained: dict[str, tuple[Made, Weights]],
    tmp_path: Path,
    first: str,
    second: str,
    checkpointing: bool,
) -> None:
    held = Resident()
    with held.lend(ref, "float32", train=True, changes_weights=TUNERS.get(first).changes_weights) as loaded:
        fit(loaded, first, tmp_path / "first", checkpointing and first != "prefix_tuning")  # which is refused with it
    assert scores(held.base(ref, "float32")) == base
    with held.lend(ref, "float32", train=True, changes_weights=TUNERS.get(second).changes_weights) as loaded:
        found = fit(loaded, second, tmp_path / "second")
    wanted = trained[second][1]
    assert found.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in found.items())
    assert held.n_loads == 1


def test_adapters_come_and_go(ref: ModelRef, tmp_path: Path) -> None:
    held = Resident()
    for name in ("one", "two"):
        with held.lend(ref, "float32", train=True) as loaded:
            fit(loaded, "lora", tmp_path / name)
    base = scores(held.base(ref, "float32"))
    for name in ("one", "two", "one"):
        with held.lend(ref, "float32", [made("lora", tmp_path / name)]) as loaded:
            assert scores(loaded) == scores(fresh(ref, made("lora", tmp_path / name))) != base
    with held.lend(ref, "float32") as loaded:
        assert scores(loaded) == base
    assert held.n_loads == 1


def test_a_base_that_cannot_be_restored_is_loaded_anew(ref: ModelRef) -> None:
    """Weights changed without a copy, and a layer exchanged: neither may reach the next variant."""
    held = Resident()
    base = scores(held.base(ref, "float32"))
    with held.lend(ref, "float32", train=True) as loaded, torch.no_grad():
        next(loaded.model.parameters()).add_(1.0)
    assert scores(held.base(ref, "float32")) == base
    with held.lend(ref, "float32", train=True, changes_weights=True) as loaded:
        loaded.model.lm_head = torch.nn.Linear(32, 400, bias=False)
    assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 3


def test_a_method_that_fails_leaves_the_base_as_it_was(ref: ModelRef, tmp_path: Path) -> None:
    held = Resident()
    base = scores(held.base(ref, "float32"))

    def fail() -> None:
        with held.lend(ref, "float32", train=True, changes_weights=True) as loaded:
            fit(loaded, "none", tmp_path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 1


@pytest.mark.parametrize(
    ("budget", "loads"), [(0, ["float32", "bfloat16", "float32"]), (1 << 40, ["float32", "bfloat16"])], ids=str
)
def test_another_dtype_is_another_base_and_both_stay_where_they_fit(
    ref: ModelRef, monkeypatch: pytest.MonkeyPatch, budget: int, loads: list[str]
) -> None:
    asked = []
    monkeypatch.setattr(resident, "load_model", lambda ref, dtype: asked.append(dtype) or load_model(ref, dtype))
    held = Resident(budget)
    for dtype in ("float32", "float32", "bfloat16", "bfloat16", "float32"):
        assert held.base(ref, dtype).dtype == dtype
    assert asked == loads


def test_the_base_not_used_for_longest_leaves_first(tiny_folder: Path, tmp_path: Path) -> None:
    refs = {}
    for name in "abc":
        save_tiny_model(tmp_path / name, seed=ord(name))
        refs[name] = find_model(str(tmp_path / name), tmp_path)
    size = sum(path.stat().st_size for path in (tmp_path / "a").glob("*.safetensors"))
    held = Resident(2 * size)
    for name, n_loads in [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4), ("c", 5)]:
        held.base(refs[name], "float32")
        assert held.n_loads == n_loads, name


def test_a_stack_is_what_loading_and_merging_one_after_another_gives(ref: ModelRef, variants: dict[str, Made]) -> None:
    held = Resident()
    base = scores(held.base(ref, "float32"))
    for names in (["lora", "ia3"], ["bitfit", "lora"], ["ia3", "bitfit", "lora"], ["lora", "none", "bitfit"]):
        stack = [variants[name] for name in names]
        wanted = scores(fresh(ref, *stack[names.index("none") :] if "none" in names else stack))
        with held.lend(ref, "float32", stack) as loaded:
            assert scores(loaded) == wanted
            assert wanted not in (base, scores(fresh(ref, stack[-1])))
        assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 1


@pytest.mark.parametrize("lower", MERGED)
@pytest.mark.parametrize("upper", EACH[:-1])  # what stands before rows is no part of the base that is asked here
def test_a_variant_made_on_another_one_answers_as_it_was_trained(
    ref: ModelRef, base: list[Any], tmp_path: Path, variants: dict[str, Made], lower: str, upper: str
) -> None:
    held, tuner = Resident(), TUNERS.get(upper)
    lend = held.lend(ref, "float32", [variants[lower]], train=True, changes_weights=tuner.changes_weights)
    refused = {"bitfit": "added biases", "head": "a head of its own"}
    if upper == "none" and lower in refused:
        with pytest.raises(UnitError, match=f"all weights cannot train on top of {refused[lower]}"), lend as loaded:
            fit(loaded, upper, tmp_path / "upper")
        assert scores(held.base(ref, "float32")) == base
        return
    with lend as loaded:
        model = loaded.model
        fit(loaded, upper, tmp_path / "upper")
        model.eval().requires_grad_(False)
        wanted = scores(loaded)
    with held.lend(ref, "float32", [variants[lower], made(upper, tmp_path / "upper")]) as loaded:
        assert scores(loaded) == wanted
    assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 1


def test_several_are_lent_at_once_and_none_disturbs_another(ref: ModelRef, variants: dict[str, Made]) -> None:
    """The plain base, one with an adapter and one with a merged stack, as proxy-tuning asks for."""
    held = Resident()
    stack = [variants["lora"], variants["ia3"]]
    wanted = [scores(fresh(ref)), scores(fresh(ref, variants["bitfit"])), scores(fresh(ref, *stack))]
    for _ in range(2):
        with (
            held.lend(ref, "float32") as plain,
            held.lend(ref, "float32", [variants["bitfit"]]) as tuned,
            held.lend(ref, "float32", stack) as stacked,
        ):
            assert [scores(one) for one in (plain, tuned, stacked)] == wanted
    assert held.n_loads == 2  # merging changes weights; an adapter beside the plain base does not
    with held.lend(ref, "float32", stack) as stacked, held.lend(ref, "float32", [variants["none"]]) as whole:
        assert scores(whole) == scores(fresh(ref, variants["none"]))
        assert scores(stacked) == wanted[2]
    assert held.n_loads == 2


def test_copies_beyond_the_budget_leave_when_they_come_back(ref: ModelRef) -> None:
    held = Resident(0)
    with held.lend(ref, "float32"), held.lend(ref, "float32", train=True):
        assert held.n_loads == 2
    with held.lend(ref, "float32"):
        assert held.n_loads == 2
        with held.lend(ref, "float32", train=True):
            assert held.n_loads == 3


@pytest.mark.parametrize("tuner", [name for name in EACH if not TUNERS.get(name).is_whole])
@pytest.mark.parametrize("plain_first", [True, False])
def test_a_base_and_its_adapter_are_heard_together_around_the_same_weights(
    ref: ModelRef, base: list[Any], variants: dict[str, Made], tuner: str, plain_first: bool
) -> None:
    """In either order: what is put on stays with whom it was put on for, and is gone afterwards."""
    held, stack = Resident(), [variants[tuner]]
    tuned = scores(fresh(ref, *stack))
    asked: list[list[Made]] = [[], stack] if plain_first else [stack, []]
    for _ in range(2):
        with held.lend(ref, "float32", asked[0]) as first, held.lend(ref, "float32", asked[1]) as second:
            found = {len(stack): one for stack, one in zip(asked, (first, second), strict=True)}
            assert (scores(found[0]), scores(found[1])) == (base, tuned) != (base, base)
            assert first.model is not second.model
            there = {value.data_ptr() for value in found[1].model.parameters()}
            weights = {
                value.data_ptr() for name, value in found[0].model.named_parameters() if not name.endswith("bias")
            }
            assert weights <= there
        assert scores(held.base(ref, "float32")) == base
    assert held.n_loads == 1


def test_weights_that_one_borrower_changes_are_heard_by_no_other(ref: ModelRef, variants: dict[str, Made]) -> None:
    held, base = Resident(), scores(fresh(ref))
    with held.lend(ref, "float32", train=True, changes_weights=True) as trained, held.lend(ref, "float32") as plain:
        with torch.no_grad():
            next(trained.model.parameters()).add_(1.0)
        assert scores(plain) == base
    with (
        held.lend(ref, "float32") as plain,
        held.lend(ref, "float32") as same,
        held.lend(ref, "float32", [variants["lora"], variants["ia3"]]) as merged,
    ):
        assert scores(plain) == scores(same) == base != scores(merged)
    assert held.n_loads == 2


def test_a_whole_variant_takes_the_place_of_the_base_where_both_do_not_fit(
    ref: ModelRef, variants: dict[str, Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Resident()
    wanted = scores(fresh(ref, variants["none"]))
    full, tries = resident.load_full, []

    def load(*args: Any) -> LoadedModel:
        tries.append(args)
        if len(tries) == 1:
            raise RuntimeError("CUDA out of memory")
        return full(*args)

    monkeypatch.setattr(resident, "load_full", load)
    held.base(ref, "float32")
    with held.lend(ref, "float32", [variants["none"]]) as loaded:
        assert scores(loaded) == wanted
    held.base(ref, "float32")
    assert (len(tries), held.n_loads) == (2, 2)
    tries.clear()
    held.drop()
    with pytest.raises(RuntimeError, match="out of memory"), held.lend(ref, "float32", [variants["none"]]):
        pass


@pytest.mark.parametrize(("free", "n_loads"), [(6, 2), (1, 3)])
def test_by_default_bases_take_half_of_the_memory_that_is_free_or_theirs(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, n_loads: int
) -> None:
    """Two of size 1: six free and one held leave room for (6 + 1) / 2; one free and one held do not."""
    size = sum(path.stat().st_size for path in tiny_folder.glob("*.safetensors"))
    monkeypatch.setattr(resident, "free_bytes", lambda _device: free * size)
    first = find_model(str(tiny_folder), tiny_folder.parent)
    second = find_model(str(save_tiny_model(tmp_path / "other")), tmp_path)
    held = Resident()
    for ref in (first, second, first):
        held.base(ref, "float32")
    assert held.n_loads == n_loads


@pytest.mark.parametrize(("changes_weights", "n_loads"), [(False, 2), (True, 3)])
def test_training_all_weights_makes_room_for_gradients_and_moments(
    tiny_folder: Path, tmp_path: Path, changes_weights: bool, n_loads: int
) -> None:
    """Two of size 1 fit into 4; trained, the first alone takes 4."""
    size = sum(path.stat().st_size for path in tiny_folder.glob("*.safetensors"))
    first = find_model(str(tiny_folder), tiny_folder.parent)
    second = find_model(str(save_tiny_model(tmp_path / "other")), tmp_path)
    held = Resident(4 * size)
    held.base(second, "float32")
    with held.lend(first, "float32", train=True, changes_weights=changes_weights):
        pass
    held.base(second, "float32")
    assert held.n_loads == n_loads


def test_where_memory_is_too_small_for_another_base_the_idle_ones_leave(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_model(str(tiny_folder), tiny_folder.parent)
    second = find_model(str(save_tiny_model(tmp_path / "other")), tmp_path)
    held, tries = Resident(1 << 40), []
    held.base(first, "float32")

    def load(ref: ModelRef, dtype: str) -> LoadedModel:
        tries.append(ref)
        if tries == [second]:
            raise RuntimeError("CUDA out of memory")
        return load_model(ref, dtype)

    monkeypatch.setattr(resident, "load_model", load)
    held.base(second, "float32")
    held.base(first, "float32")
    assert tries == [second, second, first]
