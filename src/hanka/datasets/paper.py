"""Source `paper`: the files released with the main paper, read where the user keeps them.

A folder with `<task>/<name>_train_{2000,4000,6000}.json`, `<task>/<name>_test_500.json` and
`<task>/few_shot/<name>_few_shot.json`, as in the authors' repository (LHRYANG/Generalization_of_FT-LLM,
folder `data`). Every load checks the file against the published counts, so a file that was cut, mixed up
or edited is never scored silently. Rows are kept as they are: tokenised text, `-` labels and all.
Source: Yang et al. (2024), arXiv 2403.09162. The release states no licence: it is read, never copied.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hanka.datasets.base import Dataset, Source
from hanka.datasets.release import ENTRIES, INPUTS, LABELS, ROLES, ReleaseEntry
from hanka.errors import DataError, DataMissingError
from hanka.records import Example, Split

LICENCE = "not stated by the release: read only"
TRAIN_SIZES = (2000, 4000, 6000)
WHERE = "it comes with the paper's release (github.com/LHRYANG/Generalization_of_FT-LLM, folder data)"


@dataclass(frozen=True, slots=True)
class Golden:
    """What a released file is known to hold."""

    rows: int | None
    "Row count; None where no copy was at hand to count."
    labels: Mapping[str, int] = field(default_factory=dict)
    "Label word → rows; empty for generation."


def _inference(entailment: int, neutral: int, contradiction: int, unlabelled: int = 0) -> Golden:
    labels = {"entailment": entailment, "neutral": neutral, "contradiction": contradiction, "-": unlabelled}
    return Golden(sum(labels.values()), {label: count for label, count in labels.items() if count})


def _detection(yes: int, no: int) -> Golden:
    return Golden(yes + no, {"yes": yes, "no": no})


def _sentiment(positive: int, negative: int) -> Golden:
    return Golden(positive + negative, {"positive": positive, "negative": negative})


GOLDENS: Mapping[str, Golden] = {
    "summary/xsum_train_2000.json": Golden(2000),
    "summary/xsum_train_4000.json": Golden(None),
    "summary/xsum_train_6000.json": Golden(None),
    "summary/xsum_test_500.json": Golden(500),
    "summary/xlsum_test_500.json": Golden(500),
    "summary/pdfs_test_500.json": Golden(500),
    "summary/cnn_test_500.json": Golden(382),
    "summary/few_shot/xsum_few_shot.json": Golden(4),
    "summary/few_shot/xlsum_few_shot.json": Golden(4),
    "summary/few_shot/pdfs_few_shot.json": Golden(4),
    "summary/few_shot/cnn_few_shot.json": Golden(4),
    "question/socialqa_train_2000.json": Golden(2000),
    "question/socialqa_train_4000.json": Golden(4000),
    "question/socialqa_train_6000.json": Golden(6000),
    "question/socialqa_test_500.json": Golden(500),
    "question/tweetqa_test_500.json": Golden(500),
    "question/sciqa_test_500.json": Golden(500),
    "question/few_shot/socialqa_few_shot.json": Golden(8),
    "question/few_shot/tweetqa_few_shot.json": Golden(4),
    "question/few_shot/sciqa_few_shot.json": Golden(8),
    "sentiment/amazon_train_2000.json": _sentiment(979, 1021),
    "sentiment/amazon_train_4000.json": _sentiment(2013, 1987),
    "sentiment/amazon_train_6000.json": _sentiment(2989, 3010),
    "sentiment/amazon_test_500.json": _sentiment(260, 240),
    "sentiment/amazonfood_test_500.json": _sentiment(263, 237),
    "sentiment/sst2_test_500.json": _sentiment(271, 229),
    "sentiment/yelp_test_500.json": _sentiment(243, 257),
    "sentiment/few_shot/amazon_few_shot.json": _sentiment(5, 3),
    "sentiment/few_shot/amazonfood_few_shot.json": _sentiment(4, 4),
    "sentiment/few_shot/sst2_few_shot.json": _sentiment(5, 3),
    "sentiment/few_shot/yelp_few_shot.json": _sentiment(5, 3),
    "detection/paws_train_2000.json": _detection(860, 1140),
    "detection/paws_train_4000.json": _detection(1742, 2258),
    "detection/paws_train_6000.json": _detection(2617, 3369),
    "detection/paws_test_500.json": _detection(233, 267),
    "detection/qqp_test_500.json": _detection(216, 284),
    "detection/stsb_test_500.json": _detection(187, 313),
    "detection/few_shot/paws_few_shot.json": _detection(3, 5),
    "detection/few_shot/qqp_few_shot.json": _detection(5, 3),
    "detection/few_shot/stsb_few_shot.json": _detection(3, 5),
    "inference/multinli_train_2000.json": _inference(678, 663, 659),
    "inference/multinli_train_4000.json": _inference(1355, 1321, 1324),
    "inference/multinli_train_6000.json": _inference(2010, 1952, 2038),
    "inference/multinli_test_500.json": _inference(167, 160, 165, 8),
    "inference/multinli2_test_500.json": _inference(170, 147, 167, 16),
    "inference/rte_test_500.json": _inference(265, 235, 0),
    "inference/gptnli_test_500.json": _inference(174, 160, 166),
    "inference/few_shot/multinli_few_shot.json": _inference(4, 2, 2),
    "inference/few_shot/multinli2_few_shot.json": _inference(2, 2, 4),
    "inference/few_shot/rte_few_shot.json": _inference(4, 4, 0),
    "inference/few_shot/gptnli_few_shot.json": _inference(3, 2, 3),
}


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the release's data sets under `path`; raise DataError when the folder is not the release."""
    if path is None:
        raise DataError("source paper needs `data.path`: the folder `data` of the paper's release")
    folder = path.expanduser()
    missing = [task for task in ROLES if not (folder / task).is_dir()]
    if missing:
        raise DataError(f"{folder} is not the paper's release: no folder {missing[0]!r} in it; {WHERE}")
    return _datasets(folder)


def _datasets(folder: Path) -> dict[str, Dataset]:
    return {entry.name: _dataset(folder, entry) for entry in ENTRIES}


def _dataset(folder: Path, entry: ReleaseEntry) -> Dataset:
    return Dataset(
        name=entry.name,
        task=entry.task,
        domain=entry.domain,
        source="paper",
        licence=LICENCE,
        splits=("train", "test", "demonstrations") if entry.has_train else ("test", "demonstrations"),
        read=partial(_read, folder, entry),
        note=entry.note,
    )


def _read(folder: Path, entry: ReleaseEntry, split: Split, size: int | None) -> list[Example]:
    part: str = split
    if split == "train":
        nominal = _train_size(folder, entry, size)
        part = f"train-{nominal}"
        file = f"{entry.name}_train_{nominal}.json"
    elif split == "test":
        file = f"{entry.name}_test_500.json"
    else:
        file = f"few_shot/{entry.name}_few_shot.json"
    rows = _checked_rows(folder, f"{entry.task}/{file}", INPUTS[entry.task])
    names = INPUTS[entry.task]
    return [
        Example(
            id=f"{entry.name}/{part}/{position:04d}",
            fields={name: row[name] for name in names},
            target=row["output"],
        )
        for position, row in enumerate(rows)
    ]


def _train_size(folder: Path, entry: ReleaseEntry, size: int | None) -> int:
    """Return the nominal size of the file to read: the smallest that is enough, or the largest present."""
    if size is None:
        present = [n for n in TRAIN_SIZES if (folder / entry.task / f"{entry.name}_train_{n}.json").is_file()]
        return max(present, default=TRAIN_SIZES[-1])
    enough = [n for n in TRAIN_SIZES if n >= size]
    if not enough:
        raise DataError(
            f"{entry.name} has no training file for {size} rows: the release goes up to {TRAIN_SIZES[-1]}; "
            f"set train.sizes to {TRAIN_SIZES[-1]} or less"
        )
    return enough[0]


def _checked_rows(folder: Path, file: str, inputs: tuple[str, ...]) -> list[dict[str, str]]:
    """Read a released JSON list and compare it with its golden; raise DataError naming what differs."""
    path = folder / file
    try:
        rows: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataMissingError(f"{path} is missing: {WHERE}; put it there under this name") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error}): fetch it again; {WHERE}") from error
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of rows, found {type(rows).__name__}")
    expected = {*inputs, "output"}
    for position, row in enumerate(rows):
        found = set(row) - {"idx"} if isinstance(row, dict) else set()
        if found != expected:
            raise DataError(f"{path}: row {position}: expected fields {sorted(expected)}, found {sorted(found)}")
        if not all(isinstance(row[name], str) for name in expected):
            raise DataError(f"{path}: row {position}: expected text in every field, found another type")
    golden = GOLDENS[file]
    if golden.rows is not None and len(rows) != golden.rows:
        raise DataError(f"{path}: expected {golden.rows} rows, found {len(rows)}: not the released file")
    labels = Counter(row["output"] for row in rows) if file.split("/")[0] in LABELS else Counter()
    if labels != golden.labels:
        wanted, got = dict(sorted(golden.labels.items())), dict(sorted(labels.items()))
        raise DataError(f"{path}: expected labels {wanted}, found {got}: not the released file")
    return rows


PAPER = Source(
    name="paper",
    description="the files released with the main paper (folder `data` of github.com/LHRYANG/Generalization_of_FT-LLM)",
    roles=ROLES,
    needs_path=True,
    catalogue=catalogue,
    described=lambda: _datasets(Path()),
)
