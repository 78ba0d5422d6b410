"""What a card is made from: the variant, what it left, its rows of the summary, its decision, its data and who signed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.store.folder import read_csv, read_json_or_none


class Signed(NamedTuple):
    """One approval, as the log of decisions has it."""

    name: str
    role: str
    date: str
    "ISO 8601, day."
    entry: int
    "Of the log."
    although: str
    "Why, where run, decision or gate did not allow it; empty: they did."


class Governed(NamedTuple):
    """What the log of decisions says of a variant."""

    approvals: tuple[Signed, ...]
    "Those that count."
    rollback: str
    "What is served instead if it has to be taken back; empty: nothing approved is left."
    head: str
    "Head of the log when the card was made; empty: there was no log."


SAVED = {"adapter_config.json": "peft", "config.json": "transformers"}
"File in a variant's folder → library that loads it."
NOT_GOVERNED = Governed((), "", "")
"Of a variant without a log."


@dataclass(frozen=True, slots=True)
class CardParts:
    """Everything that a card says."""

    evidence: Evidence
    variant: Mapping[str, Any]
    made: Mapping[str, Any]
    "variant.json; {} where it is not there."
    findings: Mapping[str, Any]
    "findings.json; {} where it is not there."
    summary: Sequence[Mapping[str, str]]
    "Its rows of summary.csv."
    cells: Sequence[CellEvidence]
    "Its cells that are done."
    governed: Governed
    library: str
    "Which library loads it: peft, transformers, gguf, or hanka alone."

    @property
    def base(self) -> Mapping[str, Any]:
        """What is known of the base model: name, licence, identity, languages."""
        models = self.evidence.plan["reproduce"]["models"]
        found: Mapping[str, Any] = next((one for one in models if one["name"] == self.variant["base"]), {})
        return found

    @property
    def datasets(self) -> Mapping[str, Mapping[str, Any]]:
        """Data sets of the study by name."""
        return {one["name"]: one for one in self.evidence.plan["reproduce"]["datasets"]}

    @property
    def decisions(self) -> list[Mapping[str, Any]]:
        """What the study decided about the tasks that the variant's system was judged on."""
        return [task for task, _ in self._judged()]

    @property
    def outcomes(self) -> list[str]:
        """What the study decided about its own system, by task."""
        return [str(own["outcome"]) for _, own in self._judged()]

    def named(self, kind: Literal["harmed", "open"]) -> set[str]:
        """Return the test sets on which a loss of its system is shown, or neither shown nor excluded."""
        return {str(test) for _, own in self._judged() for tests in own[kind] for test in tests}

    def _judged(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        names = ("base", "train_dataset", "train_size")
        for task in (self.findings.get("decision") or {}).get("per_task", ()):
            for one in task.get("systems", ()):
                if one["method"] == self.variant["label"] and all(one[name] == self.variant[name] for name in names):
                    yield task, one


def gather(evidence: Evidence, variant: Mapping[str, Any], governed: Governed = NOT_GOVERNED) -> CardParts:
    """Read what a variant's card says. Raises StoreError where the run has no summary yet."""
    folder, place = evidence.folder, evidence.folder.variant(variant["id"])
    return CardParts(
        evidence=evidence,
        variant=variant,
        made=read_json_or_none(place / "variant.json") or {},
        findings=read_json_or_none(folder.findings) or {},
        summary=[row for row in read_csv(folder.summary) if row["variant_id"] == variant["id"]],
        cells=[cell for cell in evidence.done() if cell.variant["id"] == variant["id"]],
        governed=governed,
        library=next((library for file, library in SAVED.items() if (place / file).is_file()), "hanka"),
    )
