"""Every optimizer of the table: torch agrees with what is said of it, and a study file is checked without torch."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from hanka.errors import HankaError
from hanka.training.optimizers import OPTIMIZERS, Option, build, n_moments, resolve_options, stated_options
from hanka.training.params import CourseParams

EVERY = pytest.mark.parametrize("name", OPTIMIZERS)
OTHERS: dict[str, dict[str, Any]] = {
    "adamw": {"betas": [0.8, 0.99], "eps": 1e-6, "amsgrad": True},
    "adam": {"amsgrad": True},
    "sgd": {"momentum": 0.9, "nesterov": True},
    "adafactor": {"beta2_decay": -0.5, "eps": [1e-4, 1e-2], "d": 2},
    "adagrad": {"lr_decay": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-8},
    "adadelta": {"rho": 0.5, "eps": 1e-5},
    "adamax": {"betas": [0.8, 0.9]},
    "nadam": {"momentum_decay": 0.01, "decoupled_weight_decay": True},
    "radam": {"decoupled_weight_decay": True},
    "rmsprop": {"alpha": 0.9, "momentum": 0.5, "centered": True},
    "asgd": {"lambd": 1e-3, "alpha": 0.5, "t0": 2},
    "rprop": {"etas": [0.4, 1.5], "step_sizes": [1e-5, 10]},
}
"Options unlike torch's own."
NOT_OPTIONS = {"self", "params", "lr", "weight_decay", "foreach", "fused", "maximize", "capturable", "differentiable"}


def after_steps(optimizer: torch.optim.Optimizer, weight: torch.nn.Parameter) -> torch.Tensor:
    for step in range(3):
        weight.grad = torch.linspace(-1, 2, weight.numel()).view_as(weight) * (step + 1)
        optimizer.step()
    return weight.detach().clone()


@EVERY
@pytest.mark.parametrize("others", [False, True], ids=["default", "others"])
def test_the_table_builds_what_torch_builds(name: str, others: bool) -> None:
    options = OTHERS[name] if others else {}
    decay = 0.01 if OPTIMIZERS[name].decays else 0.0
    settings = CourseParams(optimizer=name, optimizer_options=options, learning_rate=0.1, weight_decay=decay)
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 6).view(2, 3)) for _ in range(2))
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    if OPTIMIZERS[name].decays:
        plain["weight_decay"] = decay
    if OPTIMIZERS[name].fuses:
        plain["fused"] = True
    expected = after_steps(getattr(torch.optim, OPTIMIZERS[name].torch_name)([theirs], lr=0.1, **plain), theirs)
    assert torch.equal(after_steps(build({"weight": ours}, settings), ours), expected)


@EVERY
def test_options_and_defaults_are_torch_s(name: str) -> None:
    theirs = inspect.signature(getattr(torch.optim, OPTIMIZERS[name].torch_name)).parameters
    found = {key: option.default for key, option in OPTIMIZERS[name].options.items()}
    # Adam's decoupled weight decay is AdamW.
    expected = {key: one.default for key, one in theirs.items() if key not in NOT_OPTIONS}
    assert found == {key: value for key, value in expected.items() if key in found}
    assert set(expected) - set(found) <= ({"decoupled_weight_decay"} if name == "adam" else set())
    assert ("weight_decay" in theirs) == OPTIMIZERS[name].decays


@EVERY
@pytest.mark.parametrize("others", [False, True], ids=["default", "others"])
def test_as_many_moments_are_kept_as_the_table_says(name: str, others: bool) -> None:
    """Tensors of a weight's size; of a 40 × 30 matrix Adafactor keeps 40 and 30 numbers."""
    options = OTHERS[name] if others else {}
    weight = torch.nn.Parameter(torch.ones(40, 30))
    optimizer = build({"weight": weight}, CourseParams(optimizer=name, optimizer_options=options))
    after_steps(optimizer, weight)
    kept = sum(value.numel() for value in optimizer.state[weight].values() if isinstance(value, torch.Tensor))
    assert kept // weight.numel() == n_moments(name, options)
    assert kept - n_moments(name, options) * weight.numel() < 80


def test_adamw_is_fused_as_it_was_and_the_default() -> None:
    optimizer = build({"weight": torch.nn.Parameter(torch.ones(2))}, CourseParams(weight_decay=0.1))
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["fused"] is True
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (2e-4, 0.1)
    assert next(iter(OPTIMIZERS)) == CourseParams().optimizer == "adamw"


@pytest.mark.parametrize(
    ("name", "options", "decay", "line"),
    [
        ("adamx", {}, 0.0, "unknown optimizer 'adamx': did you mean 'ad"),
        ("lbfgs", {}, 0.0, "unknown optimizer 'lbfgs': allowed: adadelta"),
        ("sgd", {"momentun": 0.9}, 0.0, "optimizer sgd has no option 'momentun': did you mean 'momentum'?"),
        ("sgd", {"lr": 0.9}, 0.0, r"no option 'lr'.*\(learning_rate is a setting of its own\)"),
        ("sgd", {"momentum": True}, 0.0, "optimizer_options.momentum: True is not a number"),
        ("sgd", {"momentum": "0.9"}, 0.0, "optimizer_options.momentum: '0.9' is not a number"),
        ("sgd", {"momentum": -0.1}, 0.0, "optimizer_options.momentum: -0.1 is out of range; at least 0$"),
        ("sgd", {"momentum": float("inf")}, 0.0, "momentum: inf is out of range"),
        ("sgd", {"momentum": float("nan")}, 0.0, "momentum: nan is out of range"),
        ("sgd", {"nesterov": 1, "momentum": 0.9}, 0.0, "optimizer_options.nesterov: 1 is neither true nor false"),
        ("sgd", {"nesterov": True}, 0.0, "nesterov needs a momentum"),
        ("sgd", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, 0.0, "nesterov needs a momentum"),
        ("adamw", {"betas": 0.9}, 0.0, r"betas: 0.9 is not a list of 2 numbers such as \[0.9, 0.999\]"),
        ("adamw", {"betas": [0.9]}, 0.0, r"betas: \[0.9\] is not a list of 2 numbers"),
        ("adamw", {"betas": [0.9, 1.0]}, 0.0, "betas: 1.0 is out of range; at least 0 and below 1"),
        ("adamw", {"betas": [0.9, None]}, 0.0, "betas: None is not a number"),
        ("adafactor", {"beta2_decay": 0.5}, 0.0, "beta2_decay: 0.5 is out of range"),
        ("rprop", {}, 0.1, "rprop takes no weight decay, but weight_decay is 0.1; set it to 0"),
        ("rprop", {"etas": [1.5, 1.2]}, 0.0, r"etas: \[1.5, 1.2\] is not a factor below 1 and one above 1"),
        ("rprop", {"step_sizes": [1, 0.1]}, 0.0, r"step_sizes: \[1.0, 0.1\] is not the least and the largest step"),
    ],
)
def test_mistakes_are_one_clear_line(name: str, options: dict[str, Any], decay: float, line: str) -> None:
    with pytest.raises(HankaError, match=line):
        resolve_options(name, options, decay)
    with pytest.raises(ValidationError, match=line.removesuffix("$")):
        CourseParams(optimizer=name, optimizer_options=options, weight_decay=decay)


def test_a_refused_bound_is_the_first_one_that_torch_would_not_take() -> None:
    """What the table allows at its edges, torch takes, too."""
    for name, entry in OPTIMIZERS.items():
        for key, option in entry.options.items():
            if isinstance(option.default, float) and option.low > float("-inf") and key != "d":
                built = build(
                    {"weight": torch.nn.Parameter(torch.ones(2))},
                    CourseParams(optimizer=name, optimizer_options={key: option.low}),
                )
                assert type(built).__name__ == entry.torch_name


def test_equal_courses_say_equal_things() -> None:
    """Options spelt out as torch has them are not another course."""
    assert stated_options("sgd", {"momentum": 0, "nesterov": False}) == {}
    stated = CourseParams(optimizer="adamw", optimizer_options={"betas": [0.9, 0.999], "eps": 1e-6})
    assert stated.optimizer_options == {"eps": 1e-6}
    assert json.dumps(stated.model_dump()) == json.dumps(CourseParams(optimizer_options={"eps": 1e-6}).model_dump())
    assert OPTIMIZERS["sgd"].options["momentum"] == Option(0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": True}, {"epochs": 0}, {"learning_rate": 0.0}, {"validate_every": 0}, {"validate_every": True},
        {"keep_steps": [0]}, {"keep_steps": [True]}, {"keep_steps": [3, 3]}, {"objective": "kl_bass"}, {"unknown": 1},
        {"learning_rate": float("inf")}, {"micro_batch_tokens": 7}, {"max_length": 7}, {"checkpoint_seconds": -1},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        CourseParams.model_validate(wrong)


def test_kept_steps_are_put_in_order() -> None:
    assert CourseParams.model_validate({"keep_steps": [20, 5]}).keep_steps == (5, 20)
    assert CourseParams.model_validate({"keep_steps": 5}).keep_steps == (5,)


def test_an_unknown_objective_names_the_nearest() -> None:
    with pytest.raises(ValidationError, match="unknown objective 'kl_bass': did you mean 'kl_base'"):
        CourseParams(objective="kl_bass")


def test_params_and_table_need_no_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, hanka.training.params, hanka.training.course; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "False"
