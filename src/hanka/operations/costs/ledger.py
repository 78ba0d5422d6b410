"""The ledger of a run: what every system took and costs, and what each tuned one returns against prompting.

evidence + price file → **ledger** → page, table, JSON, CSV. The intervals of all gains hold together (one family), and net value, return,
payback and break-even carry them; which systems are compared: `comparisons`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hanka.analysis.amounts import Amounts, amounts_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.pooling import Pooling
from hanka.errors import nearest
from hanka.operations.costs.charges import Charges
from hanka.operations.costs.comparisons import drafts_of, priced, unfinished_of, weighed
from hanka.operations.costs.prices import PriceError, PriceFile
from hanka.operations.costs.records import Entry, Ledger, Totals
from hanka.store.folder import read_json_or_none

FAMILY = "costs"
"Name of the family of all gains."


def make_ledger(evidence: Evidence, file: PriceFile | None = None) -> Ledger:
    """Make the ledger of a run. Raises PriceError where the price file does not fit the run."""
    tests = file.prices.volume.test_sets if file is not None and file.prices.volume is not None else ()
    _require_tests(evidence, tests)
    _require_bases(evidence, file)
    entries = tuple(Entry(one, _charges(evidence, file, one)) for one in amounts_of(evidence, tests))
    contrasts = Contrasts(evidence)
    pooling = Pooling(contrasts)
    drafts = [one for system in pooling.systems() for one in drafts_of(pooling, system, tests, file)]
    family = contrasts.judge([one.contrast for one in drafts if one.contrast is not None], FAMILY)
    compared = tuple(weighed(one, evidence, file, family) for one in drafts)
    known = {one.system.system for one in drafts}
    left = [
        f"{system.label} ({system.dataset}, {system.size:,})"
        for system in (one.system for one in pooling.systems())
        if system not in known
    ]
    return Ledger(
        str(evidence.plan.get("study", "")), file, entries, compared, evidence.level, family.local_level, _totals(evidence), tuple(left),
        tuple(gap for system in pooling.systems() for gap in unfinished_of(evidence, system, tests)),
    )  # fmt: skip


def _require_tests(evidence: Evidence, tests: Sequence[str]) -> None:
    known = {str(cell.cell["test_dataset"]) for cell in evidence.cells.values() if cell.cell["relation"] == "in_domain"}
    for name in tests:
        if name not in known:
            raise PriceError(f"volume.test_sets: {name!r} is no in-domain test set of this run: {nearest(name, known)}")


def _require_bases(evidence: Evidence, file: PriceFile | None) -> None:
    known = {str(one["base"]) for one in evidence.plan["variants"]}
    if file is None:
        return
    for key, charged in (("serving", file.prices.serving), ("training", file.prices.training)):
        for one in charged:
            if one.base is not None and one.base not in known:
                raise PriceError(f"{key}: {one.base!r} is no base model of this run: {nearest(one.base, known)}")


def _charges(evidence: Evidence, file: PriceFile | None, one: Amounts) -> Charges | None:
    return None if file is None else priced(evidence, file, one.system.base, one.training, one.serving)


def _totals(evidence: Evidence) -> Totals:
    made: list[dict[str, Any]] = [
        read_json_or_none(evidence.folder.variant(str(one["id"])) / "variant.json") or {}
        for one in evidence.plan["variants"]
        if one["train_size"]
    ]
    trained = [one for one in made if one.get("status") == "done"]
    done = list(evidence.done())
    return Totals(
        len(trained),
        sum(float(one.get("seconds", 0.0)) for one in trained),
        len(done),
        sum(float(cell.record.get("seconds", 0.0)) for cell in done),
    )
