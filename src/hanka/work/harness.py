"""Ask a variant a task of lm-evaluation-harness: the whole test set at once, for the harness draws its demonstrations row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hanka.engines.contract import Engine
from hanka.harness.found import HarnessUse
from hanka.plan import PlannedCell
from hanka.prompting import TextPolicy

if TYPE_CHECKING:
    from hanka.records import Prediction


def ask_of_harness(
    use: HarnessUse, cell: PlannedCell, engine: Engine, tokenizer: Any, policy: TextPolicy
) -> tuple[list[Prediction], dict[str, Any]]:
    """Return a cell's predictions and what its record says of how they came about. Raises UnitError."""
    from hanka.harness.model import EngineModel
    from hanka.harness.samples import ask_harness

    model = EngineModel(engine, tokenizer, policy, engine.context_length)
    predictions = ask_harness(use, cell.test.examples, model)
    notes = []
    if model.n_cut:
        notes.append(
            f"{use.test_set}: {model.n_cut:,} requests are longer than the model's context of {model.max_length:,} tokens and were cut at "
            f"the left, as lm-eval does"
        )
    if use.left_out:
        notes.append(
            f"{use.test_set}: {', '.join(use.left_out)} of lm-eval are no sums over samples and are not measured"
        )
    return predictions, {"notes": notes, "harness": {"name": use.name, "shots": use.shots, **use.content}}
