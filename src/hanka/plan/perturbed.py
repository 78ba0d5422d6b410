"""What a plan says of test sets with changed rows: how many were changed, how much of them, and what is left out and why."""

from __future__ import annotations

from typing import Any

from hanka.plan.records import Plan


def note_changed(plan: Plan) -> None:
    """Note in a line for each changed test set what was changed and what is left out."""
    for name, one in perturbed_json(plan).items():
        out = "; ".join(f"{n} {why}" for why, n in one["left_out"].items())
        plan.note(
            f"{name}: {one['n_rows']} of {one['n_source']} rows of {one['of']} changed, {one['n_changed']} of {one['n_units']} words or parts "
            f"({one['n_can']} could be)" + (f"; left out on both sides: {out}" if out else "")
        )


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
