"""Every training method of METHODS on a tiny model and toy data; a new method is covered without another line.

Each is taken from a study through the plan, as a run would, and made by its own `adapt`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from pydantic import ValidationError
from safetensors.torch import load_file

from hanka.engines.contract import Decoding, LabelAnswer, TextAnswer
from hanka.engines.local import LocalEngine
from hanka.methods import METHODS, Method
from hanka.methods.contract import Adapted, AdaptRequest, TrainingData
from hanka.methods.supervised.adapt import trainable
from hanka.models.loading import LoadedModel, load_model
from hanka.plan import Plan, PlannedVariant, build_plan
from hanka.prompting import Prompter, Query, TextPolicy
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tuners import TUNERS
from hanka.tuners.contract import Made as Layer
from hanka.tuners.resident import Resident

TRAINING = [method for method in METHODS if method.trains]
EVERY = pytest.mark.parametrize("method", TRAINING, ids=lambda method: method.name)
FALL = 0.2
"Nats per token; without training, the loss of these batches differs by 0.02."
PEFT = pytest.mark.parametrize("peft", ["none", "lora"])


class Made(NamedTuple):
    """A variant, as `adapt` left it."""

    planned: PlannedVariant
    "From the plan."
    loaded: LoadedModel
    "The model it was made from, changed in place."
    before: dict[str, torch.Tensor]
    "Its weights before."
    adapted: Adapted
    "What the method says."
    folder: Path
    "What it saved."


Make = Callable[..., Made]


def planned(tiny_folder: Path, method: str, seed: int = 0, **params: Any) -> tuple[Plan, PlannedVariant]:
    study = {
        "name": "contract",
        "base": str(tiny_folder),
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}},
        "methods": [{method: params}],
        "train": {"sizes": [16], "epochs": 3, "learning_rate": 2e-2, "batch_size": 8, "checkpoint_seconds": 1000},
        "seeds": [seed],
    }
    plan = build_plan(resolve(parse_source(yaml.safe_dump(study), tiny_folder / "study.yaml")))
    return plan, next(one for one in plan.variants.values() if one.variant.train_task)


@pytest.fixture(scope="module")
def make(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make a variant; equal ones are made once, unless `again` says otherwise."""
    known: dict[str, Made] = {}

    def made(method: str, seed: int = 0, again: bool = False, **params: Any) -> Made:
        key = repr((method, seed, sorted(params.items())))
        if again or key not in known:
            known[key] = adapt(tiny_folder, tmp_path_factory.mktemp("variant"), method, seed, params)
        return known[key]

    return made


def adapt(tiny_folder: Path, folder: Path, method: str, seed: int, params: dict[str, Any]) -> Made:
    plan, one = planned(tiny_folder, method, seed, **params)
    assert one.use is not None
    assert one.training is not None
    loaded = load_model(one.model, "float32")
    before = {name: value.detach().clone() for name, value in loaded.model.named_parameters()}
    data = TrainingData(
        task=one.use.task,
        prompt=one.variant.params["prompt"],
        examples=one.training.examples,
        demonstrations=one.demonstrations,
        protocol=plan.study.spec.protocol,
        companions=one.companions,
    )
    shares: list[float] = []
    request = AdaptRequest(
        loaded, data, one.variant.params, one.variant.seed, folder, lambda _what, share: shares.append(share)
    )
    adapted = METHODS.get(method).adapt(request)
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    loaded.model.eval()
    loaded.model.requires_grad_(False)  # as what is saved is loaded: torch rounds otherwise where gradients are needed
    return Made(one, loaded, before, adapted, folder)


def queries(made: Made) -> list[Query]:
    assert made.planned.use is not None
    task = made.planned.use.task
    examples = made.planned.use.tests[0].load("test")[:6]
    prompter = Prompter(made.loaded.tokenizer, TextPolicy())
    return prompter.label_queries(task, "", prompter.render(task, "p1", (), examples)[1], 0)


def answers(loaded: LoadedModel, asked: list[Query]) -> tuple[list[Any], list[str]]:
    """Everything an engine says: every token of every label, and free text."""
    engine = LocalEngine(loaded, 4096)
    scored = engine.score_labels(asked)
    written = engine.generate(asked, Decoding(5, ()))
    assert all(isinstance(one, LabelAnswer) for one in scored)
    return [one.log_likelihoods for one in scored if isinstance(one, LabelAnswer)], [
        one.text for one in written if isinstance(one, TextAnswer)
    ]


def saved(made: Made) -> dict[str, torch.Tensor]:
    (path,) = made.folder.glob("*.safetensors")
    return dict(load_file(path))


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("method", list(METHODS), ids=METHODS.names())
def test_declares_itself(method: Method) -> None:
    assert method.description
    assert method.reference
    assert method.version >= 1
    assert all(field.validate_default or not field.is_required() for field in method.params.model_fields.values())


@pytest.mark.parametrize("method", list(METHODS), ids=METHODS.names())
def test_unknown_parameters_are_refused(method: Method) -> None:
    with pytest.raises(ValidationError, match="not_a_parameter"):
        method.params.model_validate({"not_a_parameter": 1})


@EVERY
@pytest.mark.parametrize(
    "wrong",
    [
        {"r": 0},
        {"r": True},
        {"peft": "lroa"},
        {"dropout": 1.0},
        {"learning_rate": float("inf")},
        {"sizes": [0]},
        {"sizes": []},
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(method: Method, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        method.params.model_validate(wrong)


@EVERY
@PEFT
def test_loss_falls_on_toy_data(make: Make, method: Method, peft: str) -> None:
    made = make(method.name, peft=peft)
    assert made.adapted.record["loss_last"] < made.adapted.record["loss_first"] - FALL
    assert made.adapted.record["n_examples"] == 16
    assert made.adapted.record["n_supervised_tokens"] > 16
    assert made.adapted.record["steps"] == 6


@EVERY
def test_full_training_frees_and_changes_every_weight(make: Make, method: Method) -> None:
    made = make(method.name, peft="none")
    assert made.adapted.weights == "full"
    assert made.adapted.n_trained_parameters == sum(value.numel() for value in made.before.values())
    after = dict(made.loaded.model.named_parameters())
    assert [name for name, value in made.before.items() if torch.equal(value, after[name])] == []


@EVERY
@pytest.mark.parametrize("targets", ["all-linear", ["q_proj"]], ids=str)
def test_lora_changes_adapters_and_nothing_else(make: Make, method: Method, targets: Any) -> None:
    made = make(method.name, peft="lora", r=4, target_modules=targets)
    assert made.adapted.weights == "adapter"
    after = {name.replace(".base_layer", ""): value for name, value in made.loaded.model.named_parameters()}
    assert [name for name, value in made.before.items() if not torch.equal(value, after[name])] == []
    adapters = saved(made)
    assert all("lora_" in name for name in adapters)
    assert all(bool(value.any()) for value in adapters.values())
    assert made.adapted.n_trained_parameters == sum(value.numel() for value in adapters.values())
    assert targets == "all-linear" or all("q_proj" in name for name in adapters)


@EVERY
def test_an_untrained_adapter_is_the_base_exactly(
    tiny_folder: Path, tmp_path: Path, method: Method, make: Make
) -> None:
    _, one = planned(tiny_folder, method.name, peft="lora")
    trainable(load_model(one.model, "float32").model, one.variant.params, 0).save_pretrained(tmp_path)
    asked, held = queries(make(method.name, peft="lora")), Resident()
    with held.lend(one.model, "float32", [Layer("untrained", "lora", tmp_path)]) as wrapped:
        assert any("lora_A" in name for name, _ in wrapped.model.named_parameters())
        found = answers(wrapped, asked)
    assert found == answers(held.base(one.model, "float32"), asked)


@EVERY
@PEFT
def test_what_is_saved_answers_as_what_was_trained(make: Make, method: Method, peft: str) -> None:
    made = make(method.name, peft=peft)
    asked = queries(made)
    with Resident().lend(made.planned.model, "float32", [Layer("made", peft, made.folder)]) as loaded:
        assert set(TUNERS.get(peft).files) <= {path.name for path in made.folder.iterdir()}
        found = answers(loaded, asked)
    assert found == answers(made.loaded, asked)
    assert found != answers(load_model(made.planned.model, "float32"), asked)


@EVERY
def test_no_checkpoint_and_no_pickle_is_left(make: Make, method: Method) -> None:
    names = {path.suffix for path in make(method.name, peft="lora").folder.rglob("*") if path.is_file()}
    assert names <= {".safetensors", ".json", ".jsonl", ".md", ".txt", ".jinja"}
    assert not (make(method.name, peft="lora").folder / "checkpoints").exists()


@EVERY
@PEFT
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(make: Make, method: Method, peft: str) -> None:
    first = saved(make(method.name, peft=peft))
    assert equal(first, saved(make(method.name, peft=peft, again=True)))
    assert not equal(first, saved(make(method.name, peft=peft, seed=1)))


def test_base_changes_nothing(tiny_folder: Path, tmp_path: Path, make: Make) -> None:
    made = make("sft", peft="lora")
    assert made.planned.use is not None
    base = load_model(made.planned.model, "float32")
    data = TrainingData(made.planned.use.task, "p1", (), (), "corrected")
    adapted = METHODS.get("base").adapt(AdaptRequest(base, data, {}, 0, tmp_path, lambda _what, _share: None))
    assert (adapted.weights, adapted.n_trained_parameters) == ("base", 0)
    assert list(tmp_path.iterdir()) == []
    assert equal(dict(base.model.named_parameters()), made.before)


def test_fticl_with_other_demonstrations_learns_something_else(make: Make) -> None:
    fixed = saved(make("fticl", peft="lora"))
    assert not equal(fixed, saved(make("fticl", peft="lora", draw="per_example")))
    assert not equal(fixed, saved(make("fticl", peft="lora", shots=1)))
    assert not equal(fixed, saved(make("sft", peft="lora")))
