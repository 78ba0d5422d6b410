"""Which cells stand for a variant where a page has room for one (the first asking, as everywhere), and how sentences name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hanka.analysis.evidence import CellEvidence, Evidence

OWN_TASK = ("in_domain", "out_of_domain")
"Relations of test sets that ask what was trained."


def first_cells(evidence: Evidence, relations: tuple[str, ...] = OWN_TASK) -> list[CellEvidence]:
    """Return a done cell per test set and variant, at its first asking: test set by test set, variants as planned."""
    found: dict[tuple[str, str], CellEvidence] = {}
    for cell in evidence.done():
        if cell.cell["relation"] not in relations:
            continue
        key = (cell.cell["test_dataset"], str(cell.variant["id"]))
        if key not in found or evidence.order(cell.asking) < evidence.order(found[key].asking):
            found[key] = cell
    variants = {str(variant["id"]): place for place, variant in enumerate(evidence.plan["variants"])}
    tests = {
        name: place for place, name in enumerate(dict.fromkeys(one["test_dataset"] for one in evidence.plan["cells"]))
    }
    return [found[key] for key in sorted(found, key=lambda key: (tests[key[0]], variants[key[1]]))]


def variant_name(cell: CellEvidence, lang: str) -> str:
    """Name the variant of a cell in a sentence: entry, rows and seed."""
    one = cell.variant
    if cell.is_unadapted:
        return str(one["label"])
    opened, closed = ("（", "）") if lang == "ja" else (" (", ")")
    return f"{one['label']}{opened}{rows_and_seed(one, lang)}{closed}"


def rows_and_seed(variant: Mapping[str, Any], lang: str = "en") -> str:
    """Say on how many rows a variant was tuned and by which seed; of one without rows, that it was tuned elsewhere."""
    size, seed = variant["train_size"], variant["seed"]
    if not size:
        return "ほかで学習済み" if lang == "ja" else "tuned elsewhere"
    return f"{size:,} 件、シード {seed}" if lang == "ja" else f"{size:,} rows, seed {seed}"


def undeclared_said(evidence: Evidence) -> tuple[str, str] | None:
    """Say in both languages of which variants nobody declares what they were tuned on; None where there is none."""
    cells = [one for one in evidence.cells.values() if one.cell["relation"] == "undeclared"]
    names = list(dict.fromkeys(str(one.variant["label"]) for one in cells))
    if not names:
        return None
    return (
        f"{', '.join(names)}: it is not declared what these weights were tuned on, so no test set counts as their domain and no "
        f"decision is made of them. Name data sets of the study in `trained_on`. Differences from the base model are in the tables.",
        f"{'、'.join(names)}：何で学習した重みかが申告されていないため、ドメイン内とするテストセットがなく、判断の対象にしていません。"
        f"スタディの `trained_on` にデータセットの名前を書いてください。ベースモデルとの差は表にあります。",
    )
