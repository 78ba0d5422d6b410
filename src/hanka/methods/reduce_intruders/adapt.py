"""The heavy half of `reduce_intruders`: matrix by matrix, the tuned weights are edited, counted again, and saved as a whole model.

Intruders are those against the base itself, all stages below the variant together. PEFT's function is given the adapter on that base,
and its result is read layer by layer, before anything is written. One matrix is decomposed at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hanka.errors import UnitError
from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.reduce_intruders.params import ReduceIntrudersParams
from hanka.tuners.changes import Changes, changes_of
from hanka.tuners.intruders import KEPT, leading, matrices, neighbours, places, scaled

if TYPE_CHECKING:
    import torch


@dataclass(slots=True)
class Tally:
    """What became of the matrices, for the record."""

    matrices_changed: int = 0
    "By what was trained."
    matrices_edited: int = 0
    directions: int = 0
    "That were scaled."
    intruders_before: int = 0
    intruders_after: int = 0
    "Counted again on the edited weights."
    matrices_with_more: int = 0
    "That have more intruders after the edit than before."

    def count(self, n_before: int, n_after: int, n_directions: int) -> None:
        """Count one matrix."""
        self.matrices_changed += 1
        self.matrices_edited += n_directions > 0
        self.directions += n_directions
        self.intruders_before += n_before
        self.intruders_after += n_after
        self.matrices_with_more += n_after > n_before


def adapt_reduced(request: AdaptRequest) -> Adapted:
    """Write the parent with scaled intruders. Raises UnitError for a parent without weights, or that PEFT's function does not take."""
    from hanka.tuners import TUNERS

    params, (stack,) = request.adaptation.own, request.parents
    assert isinstance(params, ReduceIntrudersParams)
    if not stack:
        raise UnitError(f"{params.of.of} has no weights of its own, so it has no intruders to scale")
    theirs = _by_peft(request, params) if params.edit == "peft" else {}
    with changes_of(request.loaded, request.parents, [params.of.of], request.folder, request.report) as changes:
        tally = _put_edited(request, params, changes, theirs)
        TUNERS.get("none").save(request.loaded, request.folder)
    record = {"edit": params.edit, "scale": params.scale, "which": params.which, **asdict(tally)}
    notes = [] if tally.directions else [f"{params.of.of} has no intruders: nothing was scaled"]
    return Adapted(tuner="none", n_trained_parameters=0, record={**record, "notes": notes})


def _put_edited(
    request: AdaptRequest, params: ReduceIntrudersParams, changes: Changes, theirs: Mapping[str, torch.Tensor]
) -> Tally:
    """Write the edited weights into the base, in place; `changes` gives them back."""
    import torch

    tally, parameters = Tally(), dict(request.loaded.model.named_parameters())
    for at, name in enumerate(changes.names):
        request.report(f"editing {name}", at / len(changes.names))
        before = changes.base[name].float()
        after = before + changes.of(0, name)
        result = theirs.get(name, after).clone()
        for (part, old), (_, new), (_, edited) in zip(
            *(matrices(name, one) for one in (before, after, result)), strict=True
        ):
            if torch.equal(old, new):
                continue
            edited.copy_(_edited(params, part, (old, new, edited), tally))
        with torch.no_grad():
            parameters[name].copy_(result.to(parameters[name].dtype))
    return tally


def _edited(
    params: ReduceIntrudersParams, name: str, weights: tuple[torch.Tensor, torch.Tensor, torch.Tensor], tally: Tally
) -> torch.Tensor:
    """Return one matrix as it is saved. weights: of the base, of the parent, and of what PEFT made of that (else the parent's)."""
    before, after, theirs = weights
    base, found = KEPT.basis(before, name), leading(after, params.k, name)
    known = places(base, found.left, params.epsilon)
    chosen = known[:1] if params.which == "top" else known
    if params.edit == "neighbours":
        chosen = neighbours(len(found.values), chosen, known)
    result = theirs if params.edit == "peft" else scaled(after, found, chosen, params.scale)
    again = len(known) if not chosen else len(places(base, leading(result, params.k, name).left, params.epsilon))
    tally.count(len(known), again, len(chosen))
    return result


def _by_peft(request: AdaptRequest, params: ReduceIntrudersParams) -> dict[str, torch.Tensor]:
    """Return the edited weights of every layer that PEFT's function was given, by the base's names, in host memory."""
    from hanka.tuners import TUNERS
    from hanka.tuners.adapters import take_adapters_out

    (stack,) = request.parents
    if len(stack) > 1 or stack[0].tuner != "lora":
        made = " on ".join(one.tuner for one in reversed(stack))
        raise UnitError(
            f"PEFT scales intruders of one LoRA adapter on its base, and {params.of.of} is {made}; use `edit: intruders`"
        )
    try:
        from peft.tuners.lora.intruders import reduce_intruder_dimension
    except ImportError:
        raise UnitError(
            "the installed PEFT has no function that scales intruders; install peft>=0.21, or use `edit: intruders`"
        ) from None
    loaded = TUNERS.get("lora").load(request.loaded, stack[0].folder)
    try:
        reduce_intruder_dimension(
            loaded.model, top_k=params.k, threshold_epsilon=params.epsilon, mitigation_lambda=params.scale, logging_sink=None
        )  # fmt: skip
        return dict(_layers(loaded.model))
    except (ValueError, RuntimeError, AttributeError, KeyError) as error:
        said = " ".join(str(error).split())[:160]
        raise UnitError(f"PEFT cannot scale the intruders of {params.of.of}: {said}; use `edit: intruders`") from None
    finally:
        take_adapters_out(request.loaded.model)


def _layers(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    from peft.tuners.lora.layer import LoraLayer

    for name, layer in model.get_base_model().named_modules():  # type: ignore[operator]
        if isinstance(layer, LoraLayer):
            weight = layer.get_base_layer().weight
            yield f"{name}.weight", (weight + layer.get_delta_weight("intruder_reduced")).detach().to("cpu").float()
