"""The criterion of a study, frozen before its run: hypotheses, margins and rows, with a hash.

`hanka plan STUDY --freeze` writes it beside the study file, and refuses once anything was answered. A run reads it and
writes into plan.json whether it was kept; the report says so. So nobody, the author included, has to trust that margins
were chosen before the numbers were seen.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hanka.errors import HankaError
from hanka.identity import canonical, sha256_text
from hanka.plan.records import Plan
from hanka.store.folder import read_json_or_none, write_json

MARGINS = ("equivalence", "harm", "worthwhile")
"What findings.json holds of `stats` beside its decision."
LATER = ("margins",)
"Came after the first files were frozen; what they say is in a file of before, too, under `stats`."


def criterion(plan: Plan) -> dict[str, Any]:
    """Return what decides: per adapted system what it is tested on and against, the margins, the rows of each test set."""
    study = plan.study
    hypotheses: dict[str, dict[str, Any]] = {}
    for planned in plan.variants.values():
        one = planned.variant
        cells = plan.cells_of(one.id)
        if one.is_unadapted or not cells:
            continue
        named = {
            "base": one.base,
            "method": one.label,
            "train_dataset": one.train_dataset,
            "train_size": one.train_size,
        }
        found = hypotheses.setdefault(
            canonical(named), named | {"params": dict(one.params), "shots": plan.meant_shots(planned), "seeds": []}
        )
        found["seeds"] += [one.seed]
        for relation in ("in_domain", "out_of_domain", "cross_task"):
            found[relation] = sorted({cell.cell.test_dataset for cell in cells if cell.cell.relation == relation})
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    asked = {cell.cell.prompt for cell in plan.cells.values()}
    return {
        "study": study.spec.name,
        "stats": study.spec.stats.model_dump(),
        "margins": {kind: getattr(study.spec.stats, kind) for kind in MARGINS},
        "primary": {name: use.task.metrics[0] for name, use in study.tasks.items()},
        "prompts": sorted(asked),
        "shots": sorted({cell.cell.shots for cell in plan.cells.values()}),
        "draws": sorted({cell.cell.draw for cell in plan.cells.values()}),
        "hypotheses": list(hypotheses.values()),
        "looks": study.spec.eval.rows_between_looks,
        "rows": {
            name: {"n": len(test.examples), "fingerprint": test.fingerprint} for name, test in sorted(tests.items())
        },
    }


def frozen_path(study: Path) -> Path:
    """Return where the criterion of a study file stands."""
    return study.with_suffix(".frozen.json")


def freeze(plan: Plan, n_answered: int) -> Path:
    """Write the criterion beside the study file. Raises HankaError where it is too late, or another one is frozen."""
    path, found = frozen_path(plan.study.source.path), criterion(plan)
    digest = sha256_text(canonical(found))
    known = read_json_or_none(path)
    if _is_whole(known) and not _changed(known, found):
        return path
    if known is not None:
        changed = ", ".join(_changed(known, found)) or "its text"
        raise HankaError(
            f"{path}: another criterion is frozen already ({changed} differ); delete it to freeze this one"
        )
    if n_answered:
        raise HankaError(
            f"{n_answered} cells of this study are answered; a criterion is frozen before the run: choose another --out"
        )
    write_json(path, {"written": datetime.now(UTC).isoformat(timespec="seconds"), "sha256": digest, "criterion": found})
    return path


def frozen_state(plan: Plan) -> dict[str, Any] | None:
    """Say whether the frozen criterion is kept: its hash, when it was written, what differs; None where none is frozen.

    Raises HankaError where the file was changed by hand.
    """
    path = frozen_path(plan.study.source.path)
    if not path.is_file():
        return None
    known = read_json_or_none(path)
    if not _is_whole(known):
        raise HankaError(
            f"{path}: its hash does not fit its text, so it was changed after it was frozen; restore or delete it"
        )
    changed = _changed(known, criterion(plan))
    return {"sha256": known["sha256"], "written": known["written"], "kept": not changed, "changed": changed}


def _is_whole(known: Any) -> bool:
    """Tell whether a frozen file is as it was written."""
    return isinstance(known, dict) and sha256_text(canonical(known.get("criterion"))) == known.get("sha256")


def _changed(known: dict[str, Any], found: dict[str, Any]) -> list[str]:
    before = known.get("criterion")
    before = before if isinstance(before, dict) else {}
    compared = [name for name in found if name in before or name not in LATER]
    return [name for name in compared if canonical(before.get(name)) != canonical(found[name])]
