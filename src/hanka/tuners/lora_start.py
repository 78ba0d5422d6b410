"""How LoRA begins where that follows from rows or weights, and how such an adapter is saved; the heavy half of `lora`.

A layer that begins with A₀, B₀ and the rest W − s B₀ A₀ has changed by s (B A − B₀ A₀): an adapter of twice the rank, A over A₀ and
B beside −B₀, on the base as it is.
Sources: PiSSA, Meng et al. (2024), arXiv 2404.02948, appendix C; OLoRA, Büyükakyüz (2024), arXiv 2406.01775; EVA, Paischer et al.
(2024), arXiv 2410.07170; CorDA, Yang et al. (2024), arXiv 2406.05223; LoRA-GA, Wang et al. (2024), arXiv 2407.05000.
Limit: EVA keeps every layer's rank; the paper also moves ranks between layers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from hanka.tuners.adapters import FILES, wrapped
from hanka.tuners.layer_types import linear_names
from hanka.tuners.rests import Rest

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel
    from hanka.prompting import Encoded

N_ROWS = 64
"Training rows that are read, the first ones."
AT_ONCE = 8
"Rows in a pass."
MADE = ("eva_config", "corda_config", "lora_ga_config")
"What a configuration says of how first weights were made, and the weights themselves say as well."


class Start(Rest):
    """A rest that remembers what was taken out of it."""

    down: torch.Tensor
    "A₀"
    up: torch.Tensor
    "B₀"


def _split_layers(model: Any) -> dict[str, Any]:
    """Return LoRA layers beside a rest, by name."""
    from peft.tuners.lora.layer import LoraLayer

    found = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    return {name: layer for name, layer in found.items() if isinstance(layer.get_base_layer().weight, Rest)}


def remember_start(model: Any) -> None:
    """Keep the first A and B of layers that begin with a share of the weights."""
    for layer in _split_layers(model).values():
        base, (name,) = layer.get_base_layer(), layer.active_adapters
        rest = base.weight
        start = Start(rest.data, requires_grad=False)
        start.replaced = rest.replaced
        start.down = layer.lora_A[name].weight.detach().clone()
        start.up = layer.lora_B[name].weight.detach().clone()
        base.weight = start


def write_change(model: Any, stage: Path) -> None:
    """Make what PEFT has saved say the change from the base, with an ordinary configuration."""
    layers = _split_layers(model)
    place, weights = stage / FILES[0], stage / FILES[1]
    config = json.loads(place.read_text(encoding="utf-8"))
    config |= {"init_lora_weights": True} | dict.fromkeys(MADE)
    if layers:
        tensors = load_file(weights)
        for name, layer in layers.items():
            start = layer.get_base_layer().weight
            down, up = f"{name}.lora_A.weight", f"{name}.lora_B.weight"
            tensors[down] = torch.cat([tensors[down], start.down.cpu().to(tensors[down].dtype)], 0).contiguous()
            tensors[up] = torch.cat([tensors[up], -start.up.cpu().to(tensors[up].dtype)], 1).contiguous()
        save_file(tensors, weights, metadata={"format": "pt"})
        grown = 2**0.5 if config["use_rslora"] else 2
        config |= {"r": 2 * config["r"], "lora_alpha": grown * config["lora_alpha"]}
    place.write_text(json.dumps(config), encoding="utf-8")


def wrapped_on_rows(
    loaded: LoadedModel, rows: Sequence[Encoded], init: str, configuration: Callable[[], Any], seed: int
) -> Any:
    """Put LoRA on a model, its first weights made of what the model makes of rows. Raises UnitError where it does not fit."""
    from peft.tuners.lora.corda import preprocess_corda
    from peft.tuners.lora.eva import initialize_lora_eva_weights
    from peft.tuners.lora.loraga import preprocess_loraga

    # CorDA's covariance is built of one row at a time
    model, batches = loaded.model, _batches(loaded, rows, 1 if init == "corda" else AT_ONCE)

    def configure(drawn: int) -> Any:
        """Return the configuration, after the model has read the rows where they are read before it is wrapped."""
        config = configuration()
        if config.target_modules == "all-linear":
            config.target_modules = set(linear_names(model))
        if init == "corda":
            preprocess_corda(model, config, run_model=_reader(model, batches))
        elif init == "lora_ga":
            preprocess_loraga(model, config, _learner(model, batches))
        return config

    found = wrapped("lora", model, configure, seed)
    if init == "eva":
        initialize_lora_eva_weights(found, batches, gather_distributed_inputs=False, show_progress_bar=False)
    model.eval()
    model.zero_grad(set_to_none=True)
    remember_start(found)
    return found


def _batches(loaded: LoadedModel, rows: Sequence[Encoded], at_once: int) -> list[dict[str, torch.Tensor]]:
    """Lay out rows, padded on the right; labels are those that training supervises."""
    made = []
    chosen = rows[:N_ROWS]
    for start in range(0, len(chosen), at_once):
        part = chosen[start : start + at_once]
        width = max(len(row.ids) for row in part)
        ids, mask = torch.zeros(len(part), width, dtype=torch.long), torch.zeros(len(part), width, dtype=torch.long)
        labels = torch.full((len(part), width), -100)
        for at, row in enumerate(part):
            length = len(row.ids)
            ids[at, :length], mask[at, :length] = torch.tensor(row.ids), 1
            labels[at, row.start : length] = ids[at, row.start : length]
        batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        made.append({name: value.to(loaded.device) for name, value in batch.items()})
    return made


def _reader(model: Any, batches: Sequence[dict[str, torch.Tensor]]) -> Callable[[], None]:
    def read() -> None:
        """Let the model read all rows."""
        with torch.no_grad():
            for batch in batches:
                model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)

    return read


def _learner(model: Any, batches: Sequence[dict[str, torch.Tensor]]) -> Callable[[], None]:
    def learn() -> None:
        """Add up the gradient of all rows."""
        for batch in batches:
            model(**batch, use_cache=False).loss.backward()

    return learn
