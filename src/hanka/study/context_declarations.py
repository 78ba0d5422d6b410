"""What a study puts before its queries: `eval: {contexts: […]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from hanka.contexts import CONTEXTS, Context
from hanka.datasets.base import Dataset
from hanka.errors import nearest
from hanka.study.entry_declarations import EntryUse, resolve_entries
from hanka.study.schema import EntrySpec, StudySpec
from hanka.study.source import StudySource

ContextUse: TypeAlias = EntryUse[Context]


def resolve_contexts(source: StudySource, spec: StudySpec, datasets: Mapping[str, Dataset]) -> tuple[ContextUse, ...]:
    """Return the contexts of a study; without `contexts`, the one that `demonstrations` or the protocol names."""
    key = ("eval", "contexts")
    if spec.eval.contexts is None:
        default = spec.eval.demonstrations or ("first" if spec.protocol == "paper" else "drawn")
        return resolve_entries(source, ("eval", "demonstrations"), [EntrySpec(entry=default)], CONTEXTS)
    if spec.eval.demonstrations is not None:
        raise source.error(
            ("eval", "demonstrations"), f"`contexts` says what stands before a query; write contexts: "
            f"[{spec.eval.demonstrations}, …] and take this out"
        )  # fmt: skip
    uses = resolve_entries(source, key, spec.eval.contexts, CONTEXTS)
    if all(use.entry.shows_own for use in uses):
        raise source.error(
            key, f"{uses[0].label} shows what a variant was trained on, and a base as it is has no rows: name another context beside it, "
            f"such as contexts: [drawn, {uses[0].label}]"
        )  # fmt: skip
    for use in uses:
        split, word = use.entry.reads, "passages" if use.entry.reads == "passages" else "of"
        holding = [name for name, dataset in datasets.items() if split in dataset.splits]
        for name in use.entry.sources(use.params):
            if name not in holding:
                what = "passages" if split == "passages" else "training rows"
                raise source.error(
                    (*use.key, word), f"{name!r} is no data set of {what}: {nearest(name, holding)} (declare one with "
                    f"datasets.{name}.{split}: FILE)"
                )  # fmt: skip
    return uses
