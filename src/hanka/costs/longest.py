"""How long prompts get where a variant's rows stand before every query, beside what the model can read.

plan → **longest** → the table of a plan. Tokens are counted as `estimate.py` counts them: text by text, with the model's tokenizer
where it is on this machine, without what a chat template adds. Limits: an estimate. What does not fit when it is asked is a failed
row with its reason, never cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hanka.costs.sizes import token_counter
from hanka.models.catalogue import ModelRef
from hanka.models.vocabulary import model_folder
from hanka.plan import Plan, PlannedCell
from hanka.records import Example
from hanka.store.folder import read_json_or_none
from hanka.tasks.base import Task


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest prompt that a base is asked with rows before it."""

    n_tokens: int
    "About as many, with room for the answer."
    limit: int
    "Tokens that the model reads; 0: not known."
    shots: int
    "Rows shown."
    test_dataset: str
    "Test set."
    n_cells_too_long: int
    "Cells whose longest prompt does not fit."


def longest_prompts(plan: Plan) -> dict[str, Longest]:
    """Return by base model the longest prompt of the cells that show a variant its rows; empty without such cells."""
    found: dict[str, Longest] = {}
    counters: dict[str, Callable[[str], int]] = {}
    for cell in plan.cells.values():
        if not cell.context.entry.shows_own:
            continue
        model = plan.variants[cell.cell.variant_id].model
        measure = counters.setdefault(model.name, _counted(token_counter(model)))
        n_tokens, limit = _tokens(plan, cell, measure), context_length(model)
        known = found.get(model.name)
        n_too_long = (known.n_cells_too_long if known else 0) + int(0 < limit < n_tokens)
        longest = Longest(n_tokens, limit, cell.cell.shots, cell.test.dataset.name, n_too_long)
        if known is not None and known.n_tokens >= n_tokens:
            longest = Longest(known.n_tokens, limit, known.shots, known.test_dataset, n_too_long)
        found[model.name] = longest
    return found


def longest_said(base: str, one: Longest) -> str:
    """Say it in one line."""
    rows = f"{one.shots} rows before {one.test_dataset}"
    if not one.n_cells_too_long:
        limit = f" of the {one.limit:,} that it reads" if one.limit else ", and it is not known how many it reads"
        return f"{base}: the longest prompt with rows shown has about {one.n_tokens:,} tokens ({rows}){limit}."
    return (
        f"{base}: {one.n_cells_too_long} cell(s) have prompts of up to about {one.n_tokens:,} tokens ({rows}), and it reads {one.limit:,}: "
        f"what does not fit is a failed row, never cut; choose smaller sizes, or a base with a longer context."
    )


def context_length(model: ModelRef) -> int:
    """Return how many tokens a model reads, from its configuration if it is here, else as its makers say; 0: not known."""
    folder = model_folder(model)
    config = (read_json_or_none(folder / "config.json") if folder else None) or {}
    said = config.get("max_position_embeddings") or config.get("n_positions")
    return int(said or (model.entry.context if model.entry else 0))


def _tokens(plan: Plan, cell: PlannedCell, measure: Callable[[str], int]) -> int:
    """Count the tokens of a cell's demonstrations, of its longest query and of the room for its answer."""
    task, prompt = plan.study.tasks[cell.cell.test_task].task, cell.cell.prompt
    shown = sum(measure(task.render(one, prompt) + one.target + "\n\n") for one in cell.demonstrations)
    return shown + _longest_query(task, prompt, cell.test.examples, measure) + _answer(plan, task, measure)


def _longest_query(task: Task, prompt: str, rows: Sequence[Example], measure: Callable[[str], int]) -> int:
    return max(measure(task.render(one, prompt)) for one in rows)


def _answer(plan: Plan, task: Task, measure: Callable[[str], int]) -> int:
    if task.is_written or plan.study.writes(task):
        return int(plan.study.spec.eval.max_new_tokens)
    return max((measure(label) for label in task.labels), default=0)


def _counted(measure: Callable[[str], float]) -> Callable[[str], int]:
    """Count every text once: smaller sizes are parts of larger ones, and all of them stand before the same queries."""
    known: dict[str, int] = {}

    def count(text: str) -> int:
        """Return the tokens of a text."""
        if text not in known:
            known[text] = int(measure(text) + 0.5)
        return known[text]

    return count
