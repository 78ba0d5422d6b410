"""What torch ships to follow a gradient, with the options of each: a study file is checked without torch.

Left out: LBFGS (needs the loss again within a step), SparseAdam (sparse gradients only) and Muon (matrices only: it
cannot train the norms and embeddings that training all weights frees). Learning rate and weight decay
are the course's own settings; options say the rest. Defaults are torch's.

Source: the documentation of torch.optim; its classes name their papers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hanka.errors import HankaError, UnitError, nearest
from hanka.training.pace import Pace

if TYPE_CHECKING:
    import torch

Value = bool | float | tuple[float | None, ...]
"What an option can be."


class Settings(Protocol):
    """What is read of a course's settings."""

    @property
    def optimizer(self) -> str:
        """Name of the optimizer."""
        ...

    @property
    def optimizer_options(self) -> Mapping[str, Any]:
        """Its options, as far as they are stated."""
        ...

    @property
    def pace(self) -> Pace:
        """Return how long and how fast it trains."""
        ...

    @property
    def rate_factors(self) -> Mapping[str, float]:
        """Factors on the learning rate by a word in a weight's name."""
        ...

    @property
    def weight_decay(self) -> float:
        """Weight decay."""
        ...


@dataclass(frozen=True, slots=True)
class Option:
    """An option of an optimizer."""

    default: Value
    "torch's own; its type is the option's."
    low: float = 0.0
    "Least value, of each number."
    below: float | None = None
    "Numbers stay below this; None: no limit."


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One optimizer of torch."""

    name: str
    "The name a study file uses."
    torch_name: str
    "Its class in torch.optim."
    options: Mapping[str, Option]
    "What may be set beside learning rate and weight decay."
    n_moments: Callable[[Mapping[str, Value]], int]
    "Options, all given → tensors of a weight's size that are kept per weight."
    decays: bool = True
    "Whether it takes a weight decay."
    fuses: bool = False
    "Whether torch has one kernel for a whole step, on processors and on CUDA."


def _constant(n_moments: int) -> Callable[[Mapping[str, Value]], int]:
    return lambda _: n_moments


_BETAS = Option((0.9, 0.999), below=1.0)
_EPS = Option(1e-8)
_ADAM = {"betas": _BETAS, "eps": _EPS, "amsgrad": Option(False)}
_NESTEROV = {"betas": _BETAS, "eps": _EPS, "decoupled_weight_decay": Option(False)}


def _adam_moments(options: Mapping[str, Value]) -> int:
    return 3 if options["amsgrad"] else 2


OPTIMIZERS: Mapping[str, Optimizer] = {
    one.name: one
    for one in (
        Optimizer("adamw", "AdamW", _ADAM, _adam_moments, fuses=True),
        Optimizer("adam", "Adam", _ADAM, _adam_moments, fuses=True),
        Optimizer(
            "sgd",
            "SGD",
            {"momentum": Option(0.0), "dampening": Option(0.0), "nesterov": Option(False)},
            lambda options: 1 if options["momentum"] else 0,
        ),
        # Row and column means instead of a second moment; kept whole for vectors alone.
        Optimizer(
            "adafactor",
            "Adafactor",
            {"beta2_decay": Option(-0.8, float("-inf"), 0.0), "eps": Option((None, 1e-3)), "d": Option(1.0, 1.0)},
            _constant(0),
        ),
        Optimizer(
            "adagrad",
            "Adagrad",
            {"lr_decay": Option(0.0), "initial_accumulator_value": Option(0.0), "eps": Option(1e-10)},
            _constant(1),
        ),
        Optimizer("adadelta", "Adadelta", {"rho": Option(0.9, below=1.0), "eps": Option(1e-6)}, _constant(2)),
        Optimizer("adamax", "Adamax", {"betas": _BETAS, "eps": _EPS}, _constant(2)),
        Optimizer("nadam", "NAdam", {**_NESTEROV, "momentum_decay": Option(4e-3)}, _constant(2)),
        Optimizer("radam", "RAdam", _NESTEROV, _constant(2)),
        Optimizer(
            "rmsprop",
            "RMSprop",
            {"alpha": Option(0.99, below=1.0), "eps": _EPS, "momentum": Option(0.0), "centered": Option(False)},
            lambda options: 1 + bool(options["momentum"]) + bool(options["centered"]),
        ),
        Optimizer("asgd", "ASGD", {"lambd": Option(1e-4), "alpha": Option(0.75), "t0": Option(1e6)}, _constant(1)),
        Optimizer(
            "rprop",
            "Rprop",
            {"etas": Option((0.5, 1.2), 1e-6), "step_sizes": Option((1e-6, 50.0))},
            _constant(2),
            decays=False,
        ),
    )
}
"By name, the default first."


def resolve_options(name: str, options: Mapping[str, Any], weight_decay: float = 0.0) -> dict[str, Value]:
    """Return an optimizer's options, all of them, checked.

    Raises HankaError, one line, for an unknown optimizer or option, and for a value of another type or out of range.
    """
    entry = OPTIMIZERS.get(name)
    if entry is None:
        raise HankaError(f"unknown optimizer {name!r}: {nearest(name, OPTIMIZERS)}")
    if weight_decay and not entry.decays:
        raise HankaError(f"{name} takes no weight decay, but weight_decay is {weight_decay:g}; set it to 0")
    found = {key: option.default for key, option in entry.options.items()}
    for key, value in options.items():
        if key not in entry.options:
            raise HankaError(f"optimizer {name} has no option {key!r}: {nearest(key, entry.options)}{_elsewhere(key)}")
        found[key] = _read(f"optimizer_options.{key}", value, entry.options[key])
    _refuse_together(found)
    return found


def stated_options(name: str, options: Mapping[str, Any], weight_decay: float = 0.0) -> dict[str, Value]:
    """Return the options that differ from torch's defaults, checked."""
    usual = OPTIMIZERS[name].options
    found = resolve_options(name, options, weight_decay)
    return {key: value for key, value in found.items() if value != usual[key].default}


def _elsewhere(key: str) -> str:
    own = {"lr": "learning_rate", "learning_rate": "learning_rate", "weight_decay": "weight_decay"}
    return f" ({own[key]} is a setting of its own)" if key in own else ""


def _read(what: str, value: Any, option: Option) -> Value:
    default = option.default
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise HankaError(f"{what}: {value!r} is neither true nor false")
        return value
    if isinstance(default, tuple):
        if not isinstance(value, (list, tuple)) or len(value) != len(default):
            raise HankaError(f"{what}: {value!r} is not a list of {len(default)} numbers such as {list(default)}")
        return tuple(
            None if one is None and usual is None else _number(what, one, option)
            for one, usual in zip(value, default, strict=True)
        )
    return _number(what, value, option)


def _number(what: str, value: Any, option: Option) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise HankaError(f"{what}: {value!r} is not a number such as {option.default}")
    if not option.low <= value < (float("inf") if option.below is None else option.below):
        limit = "" if option.below is None else f" and below {option.below:g}"
        raise HankaError(f"{what}: {value!r} is out of range; at least {option.low:g}{limit}")
    return float(value)


def _refuse_together(options: Mapping[str, Value]) -> None:
    """Refuse options that torch refuses together, in our words."""
    if options.get("nesterov") and (not options["momentum"] or options["dampening"]):
        raise HankaError("optimizer_options.nesterov needs a momentum above 0 and no dampening")
    etas, steps = options.get("etas"), options.get("step_sizes")
    if isinstance(etas, tuple) and not (etas[0] or 0) < 1 < (etas[1] or 0):
        raise HankaError(f"optimizer_options.etas: {list(etas)} is not a factor below 1 and one above 1")
    if isinstance(steps, tuple) and (steps[0] or 0) > (steps[1] or 0):
        raise HankaError(f"optimizer_options.step_sizes: {list(steps)} is not the least and the largest step")


def n_moments(name: str, options: Mapping[str, Any]) -> int:
    """Count the tensors of a weight's size that an optimizer keeps for each weight."""
    return OPTIMIZERS[name].n_moments(resolve_options(name, options))


FACTOR = "rate_factor"
"What a group of weights says of its learning rate."


def build(parameters: Mapping[str, torch.nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
    """Return the optimizer of a course on `parameters`. Raises UnitError for a factor that no weight has."""
    import torch

    groups = _groups(parameters, settings.rate_factors)
    entry = OPTIMIZERS[settings.optimizer]
    given: dict[str, Any] = resolve_options(entry.name, settings.optimizer_options, settings.weight_decay)
    if entry.decays:
        given["weight_decay"] = settings.weight_decay
    if entry.fuses:
        given["fused"] = next(iter(parameters.values())).device.type in ("cpu", "cuda")
    made: torch.optim.Optimizer = getattr(torch.optim, entry.torch_name)(
        groups, lr=settings.pace.learning_rate, **given
    )
    return made


def _groups(parameters: Mapping[str, torch.nn.Parameter], factors: Mapping[str, float]) -> list[dict[str, Any]]:
    """Group weights by the factor on their learning rate."""
    left, groups = dict(parameters), []
    for word, factor in factors.items():
        found = {name: value for name, value in left.items() if word in name}
        if not found:
            raise UnitError(
                f"rate_factors names {word!r}, and no weight that trains has that in its name (the first is "
                f"{next(iter(parameters))}); take it out or name another part"
            )
        groups.append({"params": list(found.values()), FACTOR: factor})
        left = {name: value for name, value in left.items() if name not in found}
    return [*groups, *([{"params": list(left.values()), FACTOR: 1.0}] if left else [])]
