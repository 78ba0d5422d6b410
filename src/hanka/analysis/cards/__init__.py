"""Model cards: what the hub reads of a variant, and what whoever meets it has to know; one Markdown file per variant.

Made from stored files alone; who approved it is handed in, as the log of decisions is another layer's. English, as the hub is.
Source: Mitchell et al. (2019), "Model cards for model reporting"; Gebru et al. (2021), "Datasheets for datasets", for the data statements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanka.analysis.cards.metadata import metadata_yaml
from hanka.analysis.cards.parts import NOT_GOVERNED, CardParts, Governed, Signed, gather
from hanka.analysis.cards.statements import statements
from hanka.analysis.cards.text import text_of
from hanka.analysis.evidence import Evidence, load_evidence
from hanka.records import is_unadapted
from hanka.store.folder import RunFolder, write_text


def has_card(variant: Mapping[str, Any]) -> bool:
    """Tell whether a variant is a model of its own."""
    return not is_unadapted(variant["method"]) and bool(variant.get("changes_weights", True))


def model_card(parts: CardParts) -> str:
    """Return the card of a variant: metadata as the hub reads it, then the text."""
    return f"---\n{metadata_yaml(parts)}---\n\n{text_of(parts)}\n{statements(parts)}"


def write_cards(evidence: Evidence, out: Path, governed: Mapping[str, Governed] | None = None) -> list[Path]:
    """Write a card for every adapted variant and return the files. governed: variant id → what the log says of it."""
    written = []
    for variant in evidence.plan["variants"]:
        if has_card(variant):
            path = out / f"{variant['id']}.md"
            write_text(path, model_card(gather(evidence, variant, (governed or {}).get(variant["id"], NOT_GOVERNED))))
            written.append(path)
    return written


def card_beside(folder: RunFolder, variant_id: str, weights: Path, governed: Mapping[str, Governed]) -> Path | None:
    """Write the card of a variant that was exported as a whole: README.md in its folder, or NAME.md beside its file.

    Returns the file; None where the run has no tables to say what came out.
    """
    if not folder.summary.is_file():
        return None
    evidence = load_evidence(folder)
    variant = next(one for one in evidence.plan["variants"] if one["id"] == variant_id)
    path = weights / "README.md" if weights.is_dir() else weights.with_suffix(".md")
    parts = gather(evidence, variant, governed.get(variant_id, NOT_GOVERNED))
    write_text(path, model_card(replace(parts, library="transformers" if weights.is_dir() else "gguf")))
    return path


__all__ = ["CardParts", "Governed", "Signed", "card_beside", "gather", "has_card", "model_card", "write_cards"]
