"""What a plan says of test sets with changed rows: how many were changed, how much of them, and what is left out and why."""

from __future__ import annotations

from typing import Any

from hanka.plan.records import Plan
from hanka.recipes import Recipe
from hanka.study.entry_declarations import EntryUse


def note_changed(plan: Plan) -> None:
    """Note in a line for each changed test set what was changed and what is left out.

    Raises StudyError for one that needs more demonstrations than any variant is asked with, and is not trained on either.
    """
    trained = {one.training.name for one in plan.variants.values() if one.training is not None}
    asked = {cell.cell.test_dataset for cell in plan.cells.values()}
    for copy in (one for copies in plan.study.perturbed.values() for one in copies if one.name not in asked):
        assert copy.changed_from is not None
        if copy.changed_from.name not in asked:
            plan.note(f"{copy.name} is not asked: nothing asks {copy.changed_from.name}, whose rows it changes")
            continue
        use = plan.study.recipes[copy.name].use
        why = (
            f"{copy.name} is asked with {_fewest(use)} or more demonstrations, and {copy.changed_from.name} with fewer: add shots under "
            "eval.shots"
        )
        if copy.name not in trained:
            raise plan.study.source.error(use.key, why)
        plan.note(why)
    for name, one in perturbed_json(plan).items():
        out = "; ".join(f"{n} {why}" for why, n in one["left_out"].items())
        plan.note(
            f"{name}: {one['n_rows']} of {one['n_source']} rows of {one['of']} changed, {one['n_changed']} of {one['n_units']} words or parts "
            f"({one['n_can']} could be)" + (f"; left out on both sides: {out}" if out else "")
        )


def _fewest(use: EntryUse[Recipe]) -> int:
    return 0 if use.entry.perturbs is None else use.entry.perturbs.fewest_shots(use.params)


def perturbed_json(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return what plan.json holds of them, by name, those that some cell asks."""
    found = {}
    for name in dict.fromkeys(cell.test.dataset.name for cell in plan.cells.values()):
        dataset = plan.study.datasets[name]
        if dataset.changed_from is None:
            continue
        use, rows = plan.study.recipes[name].use, plan.data.changed(dataset)
        assert use.entry.perturbs is not None
        found[name] = {
            "of": dataset.changed_from.name,
            "recipe": use.entry.name,
            "version": use.entry.version,
            "params": use.params.model_dump(mode="json", exclude={"words", "edits"}),
            "expects": use.entry.perturbs.expects,
            "n_source": rows.n_source,
            "n_rows": len(rows.examples),
            "left_out": {why: len(ids) for why, ids in rows.left_out.items()},
            "n_units": rows.n_units,
            "n_can": rows.n_can,
            "n_changed": rows.n_changed,
        }
    return found
