"""From the published files of JGLUE and JSICK to rows: columns and labels are checked, text is kept but for outer space.

Every mistake is one DataError that names file and row. What must not stand on both sides of a split is told with each row.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hanka.datasets.repeats import joined
from hanka.errors import DataError
from hanka.records import Example

LABELS: Mapping[str, str] = {"entailment": "含意", "contradiction": "矛盾", "neutral": "中立"}
"Label of the files → word of the task."
CHOICES = range(5)
SEPARATOR = " [SEP] "
"Stands between the title of an article and its paragraph in JSQuAD."
AGAIN = "fetch the file again"


class Row(NamedTuple):
    """One row of a file."""

    example: Example
    "The row; its group is what statistics take for one draw."
    apart: tuple[str, ...]
    "Source texts (photos, sentences, articles, choices): rows that share one stay on one side of a split."


def inference_rows(path: Path, prefix: str) -> list[Row]:
    """Read JNLI: pairs of captions with a label."""
    columns = ("sentence_pair_id", "yjcaptions_id", "sentence1", "sentence2", "label")
    return [_captions(row, prefix, _label(place, row["label"])) for place, row in _json_lines(path, columns)]


def similarity_rows(path: Path, prefix: str) -> list[Row]:
    """Read JSTS: pairs of captions with a mean rating, 0 to 5."""
    columns = ("sentence_pair_id", "yjcaptions_id", "sentence1", "sentence2", "label")
    return [_captions(row, prefix, _rating(place, row["label"], 0, 5)) for place, row in _json_lines(path, columns)]


def choice_rows(path: Path, prefix: str) -> list[Row]:
    """Read JCommonsenseQA: a question, five choices, and which is right; the target is its number, from 1."""
    names = tuple(f"choice{n}" for n in CHOICES)
    found = []
    for place, row in _json_lines(path, ("q_id", "question", *names, "label")):
        label = row["label"]
        if type(label) is not int or label not in CHOICES:
            raise DataError(f"{place}: label {label!r} is no choice: expected 0 to 4; {AGAIN}")
        texts = [_text(place, row, name) for name in names]
        fields = {"input": _text(place, row, "question"), **{f"choice_{n + 1}": texts[n] for n in CHOICES}}
        group = "\n".join(sorted(texts))  # questions are written in turns for one set of choices
        found.append(Row(Example(f"{prefix}/{row['q_id']}", fields, str(label + 1), group), (group,)))
    return found


def reading_rows(path: Path, prefix: str) -> list[Row]:
    """Read JSQuAD: a question about a paragraph; the target is the answer that most annotators gave, the first of equals.

    The title stands above its paragraph, on a line of its own.
    """
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        return [
            _question(prefix, str(article["title"]), str(paragraph["context"]), asked)
            for article in articles
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    except KeyError as error:
        raise DataError(f"{path} is not in the layout of SQuAD: no {error} where it is expected; {AGAIN}") from error
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is not in the layout of SQuAD ({error}); {AGAIN}") from error


def jsick_rows(path: Path, prefix: str) -> list[Row]:
    """Read JSICK: pairs of sentences with the gold label of the Japanese pair."""
    label = "entailment_label_Ja"
    return [_sick(place, row, prefix, _label(place, row[label])) for place, row in _tab_lines(path, label)]


def relatedness_rows(path: Path, prefix: str) -> list[Row]:
    """Read JSICK: pairs of sentences with how related the Japanese pair is, 1 to 5."""
    score = "relatedness_score_Ja"
    return [_sick(place, row, prefix, _rating(place, row[score], 1, 5)) for place, row in _tab_lines(path, score)]


# ---- one row


def _captions(row: Mapping[str, Any], prefix: str, target: str) -> Row:
    """Return a pair of captions; its photos are the first part of `yjcaptions_id`, joined by _."""
    texts = [str(row[name]).strip() for name in ("sentence1", "sentence2")]
    photos = str(row["yjcaptions_id"]).partition("-")[0]
    fields = {"input_1": texts[0], "input_2": texts[1]}
    example = Example(f"{prefix}/{row['sentence_pair_id']}", fields, target, f"photo {photos}")
    return Row(example, (*(f"photo {one}" for one in photos.split("_")), *texts))


def _sick(place: str, row: Mapping[str, str], prefix: str, target: str) -> Row:
    first, second = _text(place, row, "sentence_A_Ja"), _text(place, row, "sentence_B_Ja")
    return Row(
        Example(f"{prefix}/{row['pair_ID']}", {"input_1": first, "input_2": second}, target, first), (first, second)
    )


def _question(prefix: str, title: str, context: str, asked: Mapping[str, Any]) -> Row:
    answers = Counter(str(answer["text"]).strip() for answer in asked["answers"])
    target = max(answers, key=lambda text: answers[text])
    if not target:
        raise ValueError(f"question {asked['id']} has no answer")
    fields = {"input": context.strip().replace(SEPARATOR, "\n", 1), "question": str(asked["question"]).strip()}
    return Row(Example(f"{prefix}/{asked['id']}", fields, target, f"article {title}"), (title,))


def _label(place: str, label: Any) -> str:
    if label not in LABELS:
        raise DataError(f"{place}: label {label!r} is none of {', '.join(LABELS)}; {AGAIN}")
    return LABELS[label]


def _rating(place: str, value: Any, low: int, high: int) -> str:
    """Return a rating as it is to be written, with one decimal or two."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high or isinstance(value, bool):
        raise DataError(f"{place}: rating {value!r} is no number from {low} to {high}; {AGAIN}")
    return str(round(number, 2))


def _text(place: str, row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place}: {name} is {value!r}: expected text; {AGAIN}")
    return value.strip()


# ---- files


def _json_lines(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and row of a file of JSON lines that has some columns."""
    for number, line in enumerate(_opened(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{place} is no line of JSON ({error}); {AGAIN}") from error
        _require(place, row if isinstance(row, dict) else (), columns)
        for name in {"sentence1", "sentence2"} & set(columns):
            _text(place, row, name)
        yield place, row


def _tab_lines(path: Path, column: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield place and row of a JSICK file that has some column; quotes in it are text."""
    lines = csv.reader(
        _opened(path).replace("\r\n", "\n").rstrip("\n").split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    header = next(lines, [])
    _require(f"{path}:1", header, ("pair_ID", "sentence_A_Ja", "sentence_B_Ja", column))
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(header):
            raise DataError(f"{path}:{number}: expected {len(header)} columns, found {len(cells)}; {AGAIN}")
        yield f"{path}:{number}", dict(zip(header, cells, strict=True))


def _require(place: str, found: Iterable[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in set(found)]
    if missing:
        raise DataError(f"{place}: expected columns {', '.join(columns)}; {missing[0]} is missing; {AGAIN}")


def _opened(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8 ({error.reason}); {AGAIN}") from error


def kept_apart(rows: Sequence[Row]) -> list[Example]:
    """Return the rows with what must stay on one side, directly or through other rows, as their group."""
    roots = joined([[("apart", key) for key in row.apart] for row in rows])
    return [replace(row.example, group=rows[root].example.id) for row, root in zip(rows, roots, strict=True)]
