"""Families of mixes written out: `mixes` of a data set becomes a data set for every mix, and `on: [FAMILY]` all of them.

Before anything else is resolved. What is written into a run names every mix, so nothing is left to be worked out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hanka.recipes.mixes import Mix, mixes_of
from hanka.study.mix_schema import MixesSpec
from hanka.study.schema import DatasetSpec, EntrySpec, StudySpec
from hanka.study.source import Key, StudySource


def with_mixes(source: StudySource, spec: StudySpec) -> tuple[StudySource, StudySpec]:
    """Return the study with every mix as a data set; errors of a mix name the line of its family. Raises StudyError."""
    families: dict[str, tuple[str, ...]] = {}
    datasets: dict[str, DatasetSpec] = {}
    lines = dict(source.lines)
    for name, entry in spec.datasets.items():
        if entry.mixes is None:
            datasets[name] = entry
            continue
        key: Key = ("datasets", name)
        others = sorted(entry.model_fields_set - {"mixes"})
        if others:
            raise source.error(
                (*key, others[0]), f"{name!r} is a family of mixes, so `{others[0]}` has nothing to say; take it out"
            )
        members = dict(_members(name, entry.mixes))
        families[name] = tuple(members)
        datasets |= members
        lines |= {("datasets", one): source.line((*key, "mixes")) for one in members}
    if not families:
        return source, spec
    taken = [name for name in datasets if name in families]
    if taken:
        raise source.error(("datasets", taken[0]), "a mix and a family have one name; choose another")
    methods = tuple(_on_mixes(entry, families) for entry in spec.methods)
    return replace(source, lines=lines), spec.model_copy(update={"datasets": datasets, "methods": methods})


def _members(family: str, spec: MixesSpec) -> Iterator[tuple[str, DatasetSpec]]:
    extra = (*spec.general, *spec.mathematics) if spec.stand == "as_sets" else ()
    for mix in mixes_of((*spec.of, *extra), spec.kinds):
        params = _params(mix, spec)
        yield f"{family}/{mix.name}", DatasetSpec(recipe=EntrySpec(entry="mix", params=params))


def _params(mix: Mix, spec: MixesSpec) -> dict[str, Any]:
    """Return the parameters of a mix's recipe, without what says nothing."""
    alone = spec.stand == "as_sets"
    general = [name for name in spec.general if not alone or name in mix.members]
    mathematics = [name for name in spec.mathematics if not alone or name in mix.members]
    found: dict[str, Any] = {"of": {name: spec.of[name] for name in mix.members if name in spec.of}}
    if general:
        found |= {"general": general, "general_share": spec.general_share}
    if mathematics:
        found |= {"mathematics": mathematics, "mathematics_share": spec.mathematics_share}
    if alone and (general or mathematics):
        found["counted"] = dict(spec.of)
    return found | ({"sample": spec.sample} if spec.sample != "seeded" else {})


def _on_mixes(entry: EntrySpec, families: Mapping[str, tuple[str, ...]]) -> EntrySpec:
    """Return an entry that trains on every mix of the families it names."""
    named = entry.params.get("on")
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or not any(isinstance(one, str) and one in families for one in listed):
        return entry
    each = [member for one in listed for member in (families.get(one, (one,)) if isinstance(one, str) else (one,))]
    return entry.model_copy(update={"params": {**entry.params, "on": each}})
