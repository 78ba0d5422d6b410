"""Small files of labelled pairs in the published layouts: ditto's lines, JSON lines, and what is wrong with some."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

KINDS = ("camera", "printer", "phone", "lens", "router")


def record(place: int, side: str, model: int) -> dict[str, str]:
    """A product: every record of one model shares its number."""
    name = f"{KINDS[place % len(KINDS)]} {side} zx{model}"
    return {"name": name, "description": f"{name} with strap" if side == "abt" else "", "price": f"{model}.99"}


def as_line(left: dict[str, str], right: dict[str, str], label: object) -> str:
    """A line as ditto has it."""
    sides = (" ".join(f"COL {name} VAL {text}" for name, text in one.items()) for one in (left, right))
    return "\t".join([*sides, str(label)])


def pairs(n: int, start: int = 0) -> list[tuple[dict[str, str], dict[str, str], int]]:
    """Pairs about records of their own; every fourth is a match."""
    return [
        (
            record(place, "abt", place),
            record(place, "buy", place if place % 4 == 0 else place + 1000),
            int(place % 4 == 0),
        )
        for place in range(start, start + n)
    ]


def write_ditto(folder: Path, name: str = "Abt-Buy", n: int = 80) -> Path:
    """Write three files; the last two training pairs stand among the validation and the test pairs, too."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"train": pairs(n), "valid": pairs(24, 10_000), "test": pairs(40, 20_000)}
    parts["train"] += [parts["valid"][3], parts["test"][5]]
    for split, rows in parts.items():
        text = "".join(as_line(*row) + "\n" for row in rows)
        (folder / f"{name}-{split}.txt").write_text(text, encoding="utf-8")
    return folder


def write_json_lines(folder: Path) -> Path:
    """Write files as WDC Products has them: sizes behind the split, another share of unseen records in the test file."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        "wdcproducts80cc20rnd000un_train_small": pairs(30),
        "wdcproducts80cc20rnd000un_valid_small": pairs(12, 10_000),
        "wdcproducts80cc20rnd100un_gs": pairs(16, 20_000),
    }
    for name, rows in names.items():
        lines = [
            {
                "pair_id": f"{place}#x", "id_left": place, "title_left": left["name"], "price_left": None,
                "title_right": right["name"], "price_right": right["price"], "label": label,
            }
            for place, (left, right, label) in enumerate(rows)
        ]  # fmt: skip
        with gzip.open(folder / f"{name}.json.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    return folder
