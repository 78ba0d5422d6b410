"""Ask a variant a task of lm-evaluation-harness: the whole test set at once, for the harness draws its demonstrations row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hanka.engines.contract import Engine
from hanka.harness.found import HarnessUse
from hanka.models.memory import is_out_of_memory, release_memory
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

    while True:
        model = EngineModel(engine, tokenizer, policy, engine.context_length)
        try:
            predictions = ask_harness(use, cell.test.examples, model)
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not engine.halve():
                raise
            release_memory()
    notes = []
    if model.n_cut:
        notes.append(
            f"{use.test_set}: {model.n_cut:,} requests are longer than the model's context of {model.max_length:,} tokens and were cut at "
            f"the left, as lm-eval does"
        )
    if use.left_out:
        notes.append(
            f"{use.test_set}: not measured: {', '.join(use.left_out)} of lm-eval, no sum over documents, not given for them, or not common "
            f"to all tasks of a group"
        )
    if len(use.tasks) > 1:
        notes.append(
            f"{use.test_set}: every document counts alike, whatever weights lm-eval gives the tasks of this group"
        )
    return predictions, {"notes": notes, "harness": {"name": use.name, "shots": use.shots, **use.content}}
