"""What can be approved: a variant of a run, by name and by hash, with what the run decided about it.

Between a run's folder and the entries of the log. A run is known by the content ids of its plan, so the same study in another folder
is the same run; the files of a variant are known by their SHA-256, those of the variants it was made from included.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hanka.analysis.compare import find_side
from hanka.analysis.decision import overall
from hanka.analysis.evidence import Evidence, load_evidence
from hanka.errors import HankaError, LedgerError
from hanka.identity import canonical, content_id, sha256_text
from hanka.records import is_unadapted
from hanka.store.folder import RunFolder, read_json, read_json_or_none

SERVED = (".safetensors", ".json", ".jinja", ".txt", ".model", ".gguf", ".npz")
"Endings of the files that a variant is loaded from."
OF_WORK = ("agreement.json",)
"Files of a variant's folder that change while it is asked."
BLOCK_BYTES = 1 << 20
AS_IS = "as_is"
"Outcome of the base model, about which a run decides nothing."


class Judged(NamedTuple):
    """What a run decided about a system."""

    outcome: str
    "adapt, trade-off, keep or undecided; as_is for the base model; none where nothing was compared."
    sentence: str
    "The decision in words, English."


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant of a run as it is before anybody signs for it."""

    folder: RunFolder
    "The run."
    evidence: Evidence
    "Its cells."
    findings: Mapping[str, Any]
    "findings.json."
    variant: Mapping[str, Any]
    "Its fields, from plan.json."
    title: str
    "What it is called."

    @property
    def run(self) -> str:
        """Id of the run."""
        return run_id(self.evidence.plan)

    @property
    def decision(self) -> str:
        """Hash of what was decided; other numbers, another hash."""
        return sha256_text(canonical(self.findings["decision"]))

    @property
    def judged(self) -> Judged:
        """What the run decided about its system."""
        if is_unadapted(self.variant["method"]):
            return Judged(AS_IS, "The base model as it is.")
        names = ("base", "train_dataset", "train_size")
        tasks = [
            (task, one["outcome"])
            for task in self.findings["decision"]["per_task"]
            for one in task.get("systems", ())
            if one["method"] == self.variant["label"] and all(one[name] == self.variant[name] for name in names)
        ]
        if not tasks:
            return Judged("none", "Nothing was compared with the base model in its own domain.")
        return Judged(overall([outcome for _, outcome in tasks]), " ".join(task["sentence_en"] for task, _ in tasks))


def run_id(plan: Mapping[str, Any]) -> str:
    """Return the id of a run: what it asked, not where it lies."""
    return content_id(
        {"variants": [one["id"] for one in plan["variants"]], "cells": [one["id"] for one in plan["cells"]]}
    )


def find_candidate(folder: RunFolder, name: str) -> Candidate:
    """Find the one variant of a run that a name means: id, its beginning, label or title. Raises HankaError with what to write."""
    folder.require_format()
    evidence = load_evidence(folder)
    if not folder.findings.is_file():
        raise LedgerError(f"{folder.findings}: no such file; `hanka report {folder.path}` writes it")
    side = find_side(evidence, name)
    if len(side.variants) > 1:
        listed = ", ".join(side.variants)
        raise HankaError(
            f"{name!r} names {len(side.variants)} seeds, and one of them is served; write its id: {listed}"
        )
    variant = next(one for one in evidence.plan["variants"] if one["id"] == side.variants[0])
    return Candidate(folder, evidence, read_json(folder.findings), variant, side.title)


class Missing(NamedTuple):
    """What of a run has no answer, counted."""

    variants: int
    "Variants that were not made."
    cells: int
    "Cells that were not asked, or failed."
    rows: int
    "Single rows of the other cells."
    totals: tuple[int, int, int]
    "Out of how many of each."

    @property
    def lines(self) -> list[str]:
        """Say it in English; empty where the run is complete."""
        said = ("variants were not made", "cells have no answers", "rows got no answer")
        counted = zip(self[:3], self.totals, said, strict=True)
        return [f"{n:,} of {total:,} {what}" for n, total, what in counted if n]


def missing_of(one: Candidate) -> Missing:
    """Count what of a run is not there."""
    variants = one.evidence.plan["variants"]
    made = [read_json_or_none(one.folder.variant(each["id"]) / "variant.json") or {} for each in variants]
    done = list(one.evidence.done())
    rows = sum(int(cell.record.get("n_failed", 0)) for cell in done)
    return Missing(
        sum(each.get("status") != "done" for each in made),
        len(one.evidence.cells) - len(done),
        rows,
        (len(variants), len(one.evidence.cells), sum(cell.n_asked for cell in done)),
    )


def files_of(one: Candidate) -> dict[str, str]:
    """Return the SHA-256 of every file a variant is loaded from, by its path in the run, parents' files included.

    Empty for the base model as it is. Raises LedgerError where a variant that changes weights left no file.
    """
    found: dict[str, str] = {}
    is_changed = False
    for each in _ancestry(one.evidence.plan["variants"], one.variant):
        if each.get("changes_weights", not is_unadapted(each["method"])):
            is_changed = True
            paths = sorted(one.folder.variant(each["id"]).glob("*"))
            files = [path for path in paths if path.suffix in SERVED and path.name not in OF_WORK]
            found |= {path.relative_to(one.folder.path).as_posix(): file_sha256(path) for path in files}
    if is_changed and all(PurePosixPath(name).name == "variant.json" for name in found):
        raise LedgerError(
            f"{one.folder.variant(one.variant['id'])}: no weights, so there is nothing to serve; run the study again"
        )
    return found


def changed_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Say which of some files are missing or are not what they were; empty where all are. folder: of the run, as it is here."""
    said = []
    for name, digest in files.items():
        path = folder / PurePosixPath(name)
        if not path.is_file():
            said.append(f"{name} is missing")
        elif file_sha256(path) != digest:
            said.append(f"{name} was changed")
    return said


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def base_of(one: Candidate) -> dict[str, Any]:
    """Return the base model of a variant: name, licence and what identifies it."""
    models = one.evidence.plan["reproduce"]["models"]
    found: Mapping[str, Any] = next((each for each in models if each["name"] == one.variant["base"]), {})
    return {name: found.get(name) for name in ("name", "licence", "identity")} | {"name": one.variant["base"]}


def relative(folder: Path, place: Path) -> str:
    """Return a folder as it is written in the log: seen from the log's own, so that both can be moved together."""
    try:
        return Path(os.path.relpath(folder.resolve(), place.resolve())).as_posix()
    except ValueError:  # another drive
        return folder.resolve().as_posix()


def _ancestry(variants: Sequence[Mapping[str, Any]], variant: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a variant and all that it is made from, each once."""
    by_id = {one["id"]: one for one in variants}
    todo = [variant["id"]]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        yield by_id[name]
        todo += by_id[name].get("parents", ())
