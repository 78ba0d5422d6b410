"""A plan for people and programs: what there is to do, what is done, what it will cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hanka.costs.estimate import Cost, Estimator
from hanka.costs.longest import Longest, longest_prompts, longest_said
from hanka.costs.served import Requests, spelt_money
from hanka.costs.speed import in_bfloat16, multiplies_bfloat16
from hanka.plan import Plan
from hanka.records import ASIDE, RELATIONS, is_unadapted
from hanka.store.folder import RunFolder
from hanka.store.rows import has_rows
from hanka.terminal.progress import spell_seconds
from hanka.terminal.result_tables import console
from hanka.work.adapt import variant_done
from hanka.work.cells import cell_done
from hanka.work.probe import probe_done

GPU_FILE = Path("/dev/nvidiactl")
"Is there where an NVIDIA GPU is; looking for it imports nothing."


def describe_plan(plan: Plan, folder: RunFolder) -> dict[str, Any]:
    """Return variants, cells and costs, JSON-like; `done` says what the folder already holds."""
    costs = Estimator(plan)
    variants: list[dict[str, Any]] = []
    total = {"n_tokens": 0, "seconds": 0.0, "n_bytes": 0, "seconds_left": 0.0}
    cells = []
    for planned in plan.variants.values():
        one, cost = planned.variant, costs.variant(planned)
        done = variant_done(folder, planned)
        own = plan.cells_of(one.id)
        names = (
            "id", "base", "label", "method", "train_task", "train_dataset", "train_size", "seed", "parents", "trained_on",
        )  # fmt: skip
        entry: dict[str, Any] = {name: getattr(one, name) for name in names}
        entry |= {"n_cells": len(own), "n_tokens": cost.n_tokens, "seconds": round(cost.seconds, 1), "done": done}
        variants.append(entry | {"blocked": planned.blocked})
        _add(total, cost, done)
        for cell in own:
            price, answered = costs.cell(cell), cell_done(folder, cell)
            _add(total, price, answered)
            fields = ("id", "variant_id", "test_task", "test_dataset", "relation", "shots", "prompt", "draw", "context")
            cells.append(
                {name: getattr(cell.cell, name) for name in fields}
                | {
                    "n": len(cell.test.examples),
                    "n_tokens": price.n_tokens,
                    "seconds": round(price.seconds, 1),
                    "done": answered,
                }
            )
    others = [("data", one.id, costs.made(one), has_rows(folder.data(one.id))) for one in plan.made.values()]
    others += [("probe", one.id, costs.probe(one), probe_done(folder, one.id)) for one in plan.probes.values()]
    for _, _, price, ready in others:
        _add(total, price, ready)
    return {
        "study": plan.study.spec.name,
        "n_variants": len(variants),
        "n_cells": len(cells),
        "n_variants_done": sum(1 for entry in variants if entry["done"]),
        "n_cells_done": sum(1 for entry in cells if entry["done"]),
        "estimate": {name: round(value, 1) for name, value in total.items()}
        | {"basis": costs.basis, "at_most": plan.study.spec.eval.until is not None},
        "memory": costs.memory(),
        "served": _served(plan, costs, folder),
        "longest_prompts": {base: asdict(one) for base, one in longest_prompts(plan).items()},
        "bfloat16_seconds_left": _bfloat16_seconds(plan, costs, variants, cells, total["seconds_left"]),
        "parts": parts(variants, cells),
        "notes": list(plan.notes),
        "other_units": [
            {"kind": kind, "id": of, "n_tokens": price.n_tokens, "seconds": round(price.seconds, 1), "done": ready}
            for kind, of, price, ready in others
        ],
        "variants": variants,
        "cells": cells,
    }


def _bfloat16_seconds(
    plan: Plan, costs: Estimator, variants: list[dict[str, Any]], cells: list[dict[str, Any]], left: float
) -> float | None:
    """Return the seconds that are left with `train.dtype: bfloat16`; None where it is set, or nothing is known of a gain here."""
    models = {planned.variant.id: planned.model for planned in plan.variants.values() if planned.model.is_loaded}
    on_processor = all(costs.speed(model).device == "cpu" for model in models.values()) and not GPU_FILE.exists()
    if plan.study.spec.train.dtype != "float32" or not on_processor or not multiplies_bfloat16():
        return None
    making = sum(one["seconds"] for one in variants if one["id"] in models and not one["done"])
    asking = sum(one["seconds"] for one in cells if one["variant_id"] in models and not one["done"])
    return round(left - making - asking + in_bfloat16(making, asking), 1) if making + asking else None


def _served(plan: Plan, costs: Estimator, folder: RunFolder) -> dict[str, dict[str, Any]]:
    """Return what is still to be asked of every server, by base model."""
    found: dict[str, Requests] = {}
    known = {planned.model.name: planned.model.served for planned in plan.variants.values() if planned.model.served}
    for planned in plan.variants.values():
        if planned.model.name in known:
            left = [costs.requests(cell) for cell in plan.cells_of(planned.variant.id) if not cell_done(folder, cell)]
            found[planned.model.name] = sum(left, found.get(planned.model.name, Requests(0, 0, 0)))
    return {name: spelt_money(asked, known[name]) for name, asked in found.items()}


def _add(total: dict[str, Any], cost: Cost, done: bool) -> None:
    total["n_tokens"] += cost.n_tokens
    total["seconds"] += cost.seconds
    total["n_bytes"] += cost.n_bytes
    total["seconds_left"] += 0.0 if done else cost.seconds


def parts(variants: list[dict[str, Any]], cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what each test set, shot count, context, size, method and base costs: what one more of its like would add.

    A size, a method or a base (where there are several) costs its variants and their cells; a test set, a shot count or a
    context (where there are several) costs its cells. Cells of a model as it is are counted with no size and no method.
    """
    owners = {one["id"]: one for one in variants}
    several = {
        "base": len({one["base"] for one in variants}) > 1,
        "context": len({one["context"] for one in cells}) > 1,
    }
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def add(part: str, value: Any, entry: dict[str, Any], kind: str) -> None:
        empty = {"part": part, "value": value, "n_variants": 0, "n_cells": 0, "n_tokens": 0, "seconds": 0.0}
        one = found.setdefault((part, str(value)), empty)
        one[kind] += 1
        one["n_tokens"] += entry["n_tokens"]
        one["seconds"] = round(one["seconds"] + entry["seconds"], 1)

    for cell in cells:
        add("test set", cell["test_dataset"], cell, "n_cells")
        add("shots", cell["shots"], cell, "n_cells")
        if several["context"]:
            add("context", cell["context"], cell, "n_cells")
        owner = owners[cell["variant_id"]]
        if not is_unadapted(owner["method"]):
            add("size", owner["train_size"], cell, "n_cells")
            add("method", owner["label"], cell, "n_cells")
        if several["base"]:
            add("base", owner["base"], cell, "n_cells")
    for one in variants:
        if not is_unadapted(one["method"]):
            add("size", one["train_size"], one, "n_variants")
            add("method", one["label"], one, "n_variants")
        if several["base"]:
            add("base", one["base"], one, "n_variants")
    order = ("test set", "shots", "context", "size", "method", "base")
    return sorted(
        found.values(), key=lambda one: (order.index(one["part"]), one["value"] if isinstance(one["value"], int) else 0)
    )


def print_plan(description: dict[str, Any]) -> None:
    """Print a plan as tables."""
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    table = Table(title=escape(f"{description['study']}: variants"), title_justify="left")
    bases = {one["base"] for one in description["variants"]}
    for name in (
        "id",
        *(("base",) if len(bases) > 1 else ()),
        "method",
        "trained on",
        "rows",
        "seed",
        "cells",
        "tokens",
        "time",
        "done",
    ):
        table.add_column(name, justify="right" if name in ("rows", "seed", "cells", "tokens", "time") else "left")
    for one in description["variants"]:
        trained = f"{one['train_task']}: {one['train_dataset']}" if one["train_task"] else "–"
        state = "rows missing" if one["blocked"] else "yes" if one["done"] else ""
        table.add_row(
            one["id"][:8], *((escape(one["base"]),) if len(bases) > 1 else ()), escape(one["label"]), escape(trained), str(one["train_size"] or "–"), str(one["seed"]),
            str(one["n_cells"]), f"{one['n_tokens']:,}", spell_seconds(one["seconds"]), state,
        )  # fmt: skip
    screen.print(table)
    _print_cells(screen, description["cells"])
    _print_parts(screen, description["parts"])
    cost, memory = description["estimate"], description["memory"]
    screen.print(
        f"{description['n_variants']} variants ({description['n_variants_done']} done), "
        f"{description['n_cells']} cells ({description['n_cells_done']} done). Estimated: "
        f"{'at most ' if cost['at_most'] else ''}{cost['n_tokens']:,.0f} tokens, "
        f"{spell_seconds(cost['seconds_left'])} left of {spell_seconds(cost['seconds'])}, {cost['n_bytes'] / 1e6:,.0f} MB on disk; "
        f"memory: {memory['training'] / 1e9:.1f} GB training, {memory['answering'] / 1e9:.1f} GB answering. "
        f"Basis: {cost['basis']}{', and that no question is decided before all test rows are asked' if cost['at_most'] else ''}.",
        highlight=False,
    )
    if (less := description["bfloat16_seconds_left"]) is not None:
        screen.print(
            f"With `train: {{dtype: bfloat16}}` about {spell_seconds(less)} instead of {spell_seconds(cost['seconds_left'])}: this "
            f"processor multiplies it. Some answers change (16 of 500 did where it was measured).",
            highlight=False,
            markup=False,
        )
    for name, one in description["longest_prompts"].items():
        screen.print(longest_said(name, Longest(**one)), highlight=False, markup=False)
    for name, one in description["served"].items():
        price = "" if one["money"] is None else f"; about {one['money']:,.2f} {one['currency']}"
        screen.print(
            escape(f"{name}: about {one['n_requests']:,} requests left, {one['n_read']:,} tokens read and at most "
                   f"{one['n_written']:,} written{price}"),
            highlight=False,
        )  # fmt: skip


def _print_parts(screen: Any, found: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="what each part costs: one more of its like adds as much", title_justify="left")
    for name in ("part", "value", "variants", "cells", "tokens", "time"):
        table.add_column(name, justify="left" if name in ("part", "value") else "right")
    for one in found:
        table.add_row(
            one["part"], escape(str(one["value"])), str(one["n_variants"] or ""), str(one["n_cells"]),
            f"{one['n_tokens']:,}", spell_seconds(one["seconds"]),
        )  # fmt: skip
    screen.print(table)


def _print_cells(screen: Any, cells: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="cells by test set", title_justify="left")
    found = {cell["relation"] for cell in cells}
    shown = [*RELATIONS, *(one for one in ("undeclared", *ASIDE) if one in found)]
    for name in ("task", "test set", "shots", "prompts", "cells", *(one.replace("_", " ") for one in shown), "tokens"):
        table.add_column(name, justify="left" if name in ("task", "test set", "shots", "prompts") else "right")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cell in cells:
        groups.setdefault((cell["test_task"], cell["test_dataset"]), []).append(cell)
    for (task, dataset), members in groups.items():
        relations = Counter(cell["relation"] for cell in members)
        table.add_row(
            escape(task), escape(dataset), ",".join(map(str, sorted({cell["shots"] for cell in members}))),
            escape(",".join(sorted({cell["prompt"] for cell in members}))), str(len(members)),
            *(str(relations[name] or "") for name in shown),
            f"{sum(cell['n_tokens'] for cell in members):,}",
        )  # fmt: skip
    screen.print(table)
