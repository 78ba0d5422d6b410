"""`adalora`: W + P Λ Q, whose ranks are moved to where the loss is most sensitive while it trains.

The allocation is PEFT's; the loop is ours, so that it acts after every optimizer step and survives a checkpoint (`RankHook`), and its
pull of P and Q towards orthogonal matrices is added to the loss of every step.
Source: Zhang et al. (2023), arXiv 2303.10512, sections 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from hanka.errors import UnitError
from hanka.tuners.adapters import Kind, peft_tuner
from hanka.tuners.layer_types import DropoutParams, counter, targets_of

if TYPE_CHECKING:
    import torch

ALWAYS = 1 << 40
"A number of steps that no training reaches: PEFT wants one before it is known."


class AdaloraParams(DropoutParams):
    """Parameters of `adalora`."""

    r: int = Field(default=8, ge=1)
    "Mean rank of a layer at the end."
    init_r: int | None = Field(default=None, ge=2)
    "Rank of every layer at the start (default: 3/2 r, as in the paper)."
    alpha: float = Field(default=32.0, gt=0)
    "Scaling numerator."
    tinit: float = Field(default=0.1, ge=0, lt=1)
    "Share of the steps before ranks are taken away."
    tfinal: float = Field(default=0.5, ge=0, lt=1)
    "Share of the steps after which none is taken away any more, counted from the end."
    delta_t: int = Field(default=1, ge=1)
    "Steps between two allocations."
    orth_reg_weight: float = Field(default=0.5, ge=0)
    "Weight of the pull towards orthogonal matrices, in nats."

    @property
    def first_rank(self) -> int:
        """Return the rank of every layer at the start."""
        return self.init_r or max(self.r + 1, 3 * self.r // 2)


def _configure(model: Any, params: AdaloraParams, seed: int) -> Any:
    from peft import AdaLoraConfig

    if params.first_rank <= params.r:
        raise ValueError(f"init_r {params.first_rank} leaves nothing to take away down to r {params.r}; raise it")
    return AdaLoraConfig(
        task_type="CAUSAL_LM",
        target_modules=targets_of(params),
        target_r=params.r,
        init_r=params.first_rank,
        lora_alpha=params.alpha,
        lora_dropout=params.dropout,
        deltaT=params.delta_t,
        orth_reg_weight=params.orth_reg_weight,
        total_step=ALWAYS,
    )


class RankHook:
    """Allocates ranks after every optimizer step."""

    name = "adalora"

    def __init__(self, model: Any, params: AdaloraParams, n_steps: int) -> None:
        self._tuner = model.base_model
        config = self._tuner.peft_config[self._tuner.trainable_adapter_name]
        config.total_step = n_steps
        config.tinit, config.tfinal = int(params.tinit * n_steps), int(params.tfinal * n_steps)
        if config.tinit >= n_steps - config.tfinal:
            raise UnitError(
                f"adalora takes no rank away in {n_steps} steps with tinit {params.tinit:g} and tfinal {params.tfinal:g}: "
                "lower them, or train longer"
            )
        self._config = config

    def begin(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        """Forget what another training has seen."""
        self._tuner.rankallocator.reset_ipt()
        self._config.rank_pattern = {}

    def after_step(self, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
        """Note how sensitive the loss is to every weight, and take ranks away where it is least."""
        self._tuner.update_and_allocate(step)

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return sensitivities, their uncertainties, and which ranks are left."""
        import torch

        ranks = self._tuner.rankallocator
        kept = {f"sensitivity/{name}": value for name, value in ranks.exp_avg_ipt.items()}
        kept |= {f"uncertainty/{name}": value for name, value in ranks.exp_avg_unc.items()}
        return kept | {f"ranks/{name}": torch.tensor(left) for name, left in self._config.rank_pattern.items()}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what a checkpoint kept."""
        ranks = self._tuner.rankallocator
        device = next(self._tuner.parameters()).device
        for key, value in tensors.items():
            what, _, name = key.partition("/")
            if what == "ranks":
                self._config.rank_pattern[name] = value.tolist()
                continue
            place = ranks.exp_avg_ipt if what == "sensitivity" else ranks.exp_avg_unc
            place[name] = value.to(device)
            ranks.ipt.setdefault(name, value.to(device))


def _penalty(model: Any, params: AdaloraParams) -> Iterator[torch.Tensor]:
    """Yield how far P and Q are from orthogonal, the mean over all matrices of ‖P'P − I‖."""
    import torch

    squares = []
    for name, value in model.named_parameters():
        if ".lora_A." in name or ".lora_B." in name:
            wide = value if ".lora_A." in name else value.T
            squares.append(torch.linalg.norm(wide @ wide.T - torch.eye(len(wide), device=value.device)))
    yield params.orth_reg_weight * torch.stack(squares).mean()


ADALORA = replace(
    peft_tuner(
        Kind(
            name="adalora",
            reference="Zhang et al. 2023, arXiv 2303.10512",
            description="low-rank adapters whose ranks move to where they matter",
            params=AdaloraParams,
            configure=_configure,
            n_trained=counter(lambda one, params: params.first_rank * (one.n_in + one.n_out + 1)),
            size="r",
        )
    ),
    hook=RankHook,
    penalty=_penalty,
)
