"""Invented rows in the layout of JGLUE and JSICK, as many as the published files have; no text of theirs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

LABELS = ("entailment", "contradiction", "neutral")
N_ROWS = {"jnli": 2434, "jsts": 1457, "jsquad": 4442, "jcommonsenseqa": 1119, "jsick": 9927}
TEXTS = ("sentence_A_Ja", "sentence_B_Ja")


def pairs(n: int, *, first_photo: int = 0) -> list[Json]:
    """Two pairs of each photo, three captions; every tenth photo has a caption of the photo before."""
    found = []
    for i in range(n):
        photo = first_photo + i // 2
        captions = [f"写真{photo}の中で{who}が歩いています。" for who in ("犬", "猫", "人")]
        if photo % 10 == 9:
            captions[0] = f"写真{photo - 1}の中で犬が歩いています。"
        found.append(
            {
                "sentence_pair_id": str(i),
                "yjcaptions_id": f"{photo}-{3 * photo}-{3 * photo + 1}",
                "sentence1": captions[0],
                "sentence2": captions[1 + i % 2],
                "label": LABELS[i % 3],
            }
        )
    return found


def rated_pairs(n: int) -> list[Json]:
    """Pairs with ratings; every seventh is of two photos."""
    rows = [row | {"label": (i % 26) / 5} for i, row in enumerate(pairs(n))]
    for i, row in enumerate(rows):
        if i % 7 == 6:
            row["yjcaptions_id"] = f"{i // 2}_{i // 2 + 1}-{i}-{i + 1}"
    return rows


def choices(n: int, *, first: int = 0) -> list[Json]:
    """Questions with five choices, two for each set of choices."""
    return [
        {"q_id": i, "question": f"問い{i}の答えは？", **{f"choice{c}": f"物{i // 2}の{c}" for c in range(5)}, "label": i % 5}
        for i in range(first, first + n)
    ]  # fmt: skip


def articles(n: int) -> Json:
    """Forty articles of paragraphs with three questions each."""
    made: list[Json] = [{"title": f"題{a}", "paragraphs": []} for a in range(40)]
    for p in range(-(-n // 3)):
        article = made[p % len(made)]
        asked = [
            {
                "question": f"段落{p}の塔{q}はどこにあるか。",
                "id": f"a{p}q{q}",
                "answers": [{"text": text, "answer_start": 0} for text in (f"町{p}", f"北の町{p}", f"北の町{p}")],
                "is_impossible": False,
            }
            for q in range(min(3, n - 3 * p))
        ]
        article["paragraphs"].append(
            {"context": f"{article['title']} [SEP] 塔は北の町{p}にある。[SEP]も字である。", "qas": asked}
        )
    return {"data": made}


def sick(n: int, *, with_scores: bool = False) -> list[dict[str, str]]:
    """Three pairs of each first sentence; every fifth second sentence is the first one of the next."""
    found = []
    for i in range(n):
        sentence = i // 3
        second = f"文{sentence + 1}" if i % 15 == 2 else f"文{sentence}の{i % 3}"
        row = {"pair_ID": str(i + 1), TEXTS[0]: f"文{sentence}", TEXTS[1]: second, "entailment_label_Ja": LABELS[i % 3]}
        found.append(row | ({"relatedness_score_Ja": f"{1 + (i % 41) / 10:.1f}"} if with_scores else {}))
    return found


def write_lines(path: Path, rows: Iterable[Json]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_all(folder: Path) -> Path:
    """Write the single files: validation files, the small training file, the annotations."""
    write_lines(folder / "jnli-valid.jsonl", pairs(N_ROWS["jnli"]))
    write_lines(folder / "jsts-valid.jsonl", rated_pairs(N_ROWS["jsts"]))
    write_lines(folder / "jcommonsenseqa-train-2000.jsonl", choices(2000))
    write_lines(folder / "jcommonsenseqa-valid.jsonl", choices(N_ROWS["jcommonsenseqa"], first=8939))
    write_lines(folder / "jsquad-valid.json", [articles(N_ROWS["jsquad"])])
    write_table(folder / "jsick-annotations.tsv", sick(N_ROWS["jsick"]))
    return folder
