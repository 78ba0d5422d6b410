"""The order of the report: which variants, test sets and settings belong together, and where a result is.

Stands after reading: rows are grouped by what was trained (base × task × dataset) and indexed, so that
every section walks the same groups in the same order. Nothing is averaged: seeds and draws stay apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hanka.records import RELATIONS, Variant
from hanka.report import inert
from hanka.report.rows import Comparison, Result, fit
from hanka.report.stored import StoredRun
from hanka.report.words import Words


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """How a test set was asked."""

    prompt: str
    draw: int
    context: str
    "What stands before a query."
    shots: int


@dataclass(frozen=True, slots=True)
class TestSet:
    """A test set as one trained task sees it."""

    __test__ = False  # pytest: not a test class

    task: str
    name: str
    relation: str


Place: TypeAlias = tuple[str, str, str, Setting]
"Variant id, test task, test set, setting."


@dataclass(frozen=True, slots=True)
class Group:
    """Everything trained on one dataset of one base model, beside that base."""

    base: str
    "Base model as the study names it."
    task: str
    "Empty where nothing was trained."
    dataset: str
    base_variant: Variant | None
    variants: tuple[Variant, ...]
    "Adapted variants, in the order of the plan."
    test_sets: tuple[TestSet, ...]
    "By relation, then in the order of the plan."
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """Groups and the index of results."""

    run: StoredRun
    groups: tuple[Group, ...]
    by_place: Mapping[Place, Mapping[str, Result]]
    "Place → metric → result."
    primary: Mapping[str, str]
    "Test task → primary metric."
    metrics: tuple[str, ...]
    "All metrics in order of first use."

    def result(self, variant: Variant, test: TestSet, setting: Setting, metric: str = "") -> Result | None:
        """Return the result of a place; without metric the primary one. A failed cell answers for any metric."""
        found = self.by_place.get((variant.id, test.task, test.name, setting))
        if not found:
            return None
        wanted = found.get(metric or self.primary.get(test.task, ""))
        return wanted or next((row for row in found.values() if row.failed), None)

    def comparison(self, row: Result) -> Comparison | None:
        """Return what analysis wrote about a result's difference from the base."""
        return self.run.findings.comparisons.get((row.cell_id, row.metric))

    def asked(self, group: Group, setting: Setting) -> tuple[TestSet, ...]:
        """Return the test sets of a group that were asked in a setting."""
        models = [*group.variants, *([group.base_variant] if group.base_variant else [])]
        return tuple(
            test
            for test in group.test_sets
            if any((model.id, test.task, test.name, setting) in self.by_place for model in models)
        )


def make_outline(run: StoredRun) -> Outline:
    """Group and index what a run holds."""
    variants = dict(run.variants)
    by_place: dict[Place, dict[str, Result]] = defaultdict(dict)
    for row in run.results:
        if row.variant_id not in variants:
            variants[row.variant_id] = _variant_of(row)
        setting = Setting(row.prompt, row.draw, row.context, row.shots)
        by_place[row.variant_id, row.test_task, row.test_dataset, setting][row.metric] = row
    primary = {row.test_task: row.metric for row in reversed(run.results) if row.metric}
    return Outline(
        run=run,
        groups=_groups(list(variants.values()), run.results),
        by_place=by_place,
        primary=primary | dict(run.findings.primary_metrics),
        metrics=tuple(dict.fromkeys(row.metric for row in run.results if row.metric)),
    )


def _variant_of(row: Result) -> Variant:
    stored = {name: getattr(row, name) for name in ("base", "method", "train_task", "train_dataset", "train_size")}
    return fit(Variant, stored | {"id": row.variant_id, "label": row.method, "seed": row.seed})


def _groups(variants: list[Variant], results: Iterable[Result]) -> tuple[Group, ...]:
    bases = {variant.base: variant for variant in reversed(variants) if variant.is_unadapted}
    trained: dict[tuple[str, str, str], list[Variant]] = defaultdict(list)
    for variant in variants:
        if not variant.is_unadapted:
            trained[variant.reference or variant.base, variant.train_task, variant.train_dataset].append(variant)
    by_variant: dict[str, list[Result]] = defaultdict(list)
    for row in results:
        by_variant[row.variant_id].append(row)
    alone = [name for name in bases if not any(key[0] == name for key in trained)]
    keys = [*trained, *((name, "", "") for name in alone)]
    return tuple(_group(key, bases.get(key[0]), trained.get(key, []), by_variant) for key in keys)


def _group(
    key: tuple[str, str, str], base: Variant | None, tuned: list[Variant], by_variant: Mapping[str, list[Result]]
) -> Group:
    own = [row for variant in tuned for row in by_variant.get(variant.id, [])]
    base_rows = by_variant.get(base.id, []) if base else []
    seen: dict[tuple[str, str], str] = {}
    for row in own or base_rows:
        seen.setdefault((row.test_task, row.test_dataset), row.relation)
    tests = [TestSet(task, name, relation) for (task, name), relation in seen.items()]
    rank: dict[str, int] = {relation: position for position, relation in enumerate(RELATIONS)}
    shared = [row for row in base_rows if (row.test_task, row.test_dataset) in seen]
    return Group(
        *key,
        base_variant=base,
        variants=tuple(tuned),
        test_sets=tuple(sorted(tests, key=lambda test: rank.get(test.relation, len(RELATIONS)))),
        settings=tuple(sorted({Setting(row.prompt, row.draw, row.context, row.shots) for row in [*own, *shared]})),
    )


def group_title(group: Group, outline: Outline, words: Words) -> str:
    """Name a group: its task, what it was trained on, and the base where the study has several."""
    several = len({other.base for other in outline.groups}) > 1
    key = ("group_trained" if group.task else "group_base") + ("_of" if several or not group.task else "")
    return words(key, task=words.of("task", group.task), dataset=group.dataset, base=group.base)


def setting_title(setting: Setting, group: Group, words: Words) -> str:
    """Name a setting; the draw only where there are several."""
    several = len({other.draw for other in group.settings}) > 1
    key = "setting_draw" if several else "setting"
    title = words(key, shots=words.plain("shots", count=setting.shots), prompt=setting.prompt, draw=setting.draw + 1)
    if len({other.context for other in group.settings}) < 2:
        return title
    return title + " · " + inert.label(setting.context, 40)


def variant_note(variant: Variant, words: Words) -> str:
    """Say size and seed of an adapted variant; nothing of a base."""
    if variant.is_unadapted:
        return ""
    note = words.rows(variant.train_size, variant.seed)
    return note if variant.reference in ("", variant.base) else f"{note} · {inert.label(variant.base, 40)}"


def variant_name(variant: Variant, words: Words) -> str:
    """Name a variant on one plain line."""
    return " · ".join(part for part in (inert.label(variant.label, 40), variant_note(variant, words)) if part)


def rival_of(variants: Iterable[Variant]) -> str:
    """Return the base that all adapted variants are weighed against, where it is another than each one's own; else nothing."""
    found = {(one.reference or one.base, one.base) for one in variants if not one.is_unadapted}
    rivals = {reference for reference, _ in found}
    return rivals.pop() if len(rivals) == 1 and all(reference != base for reference, base in found) else ""
