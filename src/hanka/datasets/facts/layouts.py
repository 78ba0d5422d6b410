"""Two published layouts of facts, read into facts: subject, relation, object, other names, and wordings that end before the object.

    ParaRel           trex/P*.jsonl and patterns/P*.jsonl, or in a clone data/trex_lms_vocab and data/pattern_data/graphs_json
    EntityQuestions   {train,dev,test}/P*.{train,dev,test}.json, in the folder itself or in dataset/; templates of questions in
                      relation_query_templates.json; patterns/P*.jsonl of ParaRel may stand beside them

`synonyms.json` in the folder (name → other names of it) counts in both. A row that cannot be used is left out and counted, with its line.
Sources: Elazar et al. (2021), arXiv 2102.01017 (facts of LAMA, Petroni et al. 2019); Sciavolino et al. (2021), arXiv 2109.08535.
Limits: of a pattern only what stands before [Y] is asked, so patterns in which the object is not last are not used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as packaged
from pathlib import Path
from typing import Any, NamedTuple

from hanka.datasets.base import FileRead, SkippedRow
from hanka.datasets.files import read_rows
from hanka.errors import DataError
from hanka.records import Example, Split

WHERE = (
    "ParaRel is at github.com/yanaiela/pararel (folder data), EntityQuestions at nlp.cs.princeton.edu/projects/entity-questions "
    "(dataset.zip)"
)
SYNONYMS = "synonyms.json"
COMPLETION = re.compile(r"(.*\[X\].*?)\s*\[Y\]\s*[.,;]?\s*", re.DOTALL)
"A pattern whose object comes last."
SUBJECT = "[X]"
RELATION = re.compile(r"P\d+")
MOST_WORDINGS = 21
"Wordings of a relation that are kept at most: as many as the paper has."


class Place(NamedTuple):
    """One file of facts of one relation."""

    relation: str
    "Wikidata property, such as P19."
    split: Split | None
    "The split it is, where the release has splits."
    path: Path
    "The file."


@dataclass(frozen=True, slots=True)
class Library:
    """What a folder holds, by relation; no file of facts is read yet."""

    layout: str
    "pararel or entity-questions."
    places: tuple[Place, ...]
    "Files of facts, relations in the order of their numbers."
    patterns: Mapping[str, Path]
    "Relation → file of patterns."
    questions: Mapping[str, str]
    "Relation → template of a question, with [X]."
    synonyms: Mapping[str, tuple[str, ...]]
    "Name → other names of it."
    unasked: tuple[str, ...] = ()
    "Relations with facts and without a wording that asks for them: they are in no data set."

    @property
    def has_splits(self) -> bool:
        """Whether the release says which facts are tested."""
        return any(one.split is not None for one in self.places)

    @property
    def relations(self) -> tuple[str, ...]:
        """Its relations, each once."""
        return tuple(dict.fromkeys(one.relation for one in self.places))


def open_library(folder: Path) -> Library:
    """Find the files of a folder by their layout. Raises DataError where there are none."""
    synonyms = _synonyms(folder)
    patterns = _by_relation(
        folder, ("patterns", "pattern_data/graphs_json", "data/pattern_data/graphs_json"), "*.jsonl"
    )
    facts = _by_relation(folder, ("trex", "trex_lms_vocab", "data/trex_lms_vocab"), "*.jsonl")
    if facts:
        known = {name: path for name, path in facts.items() if name in patterns and completions(patterns[name])}
        if not known:
            raise DataError(
                f"{folder} holds facts of ParaRel and no patterns/P*.jsonl in which [Y] comes last; {WHERE}"
            )
        places = tuple(Place(name, None, path) for name, path in known.items())
        return Library("pararel", places, patterns, {}, synonyms, tuple(name for name in facts if name not in known))
    for root in (folder, folder / "dataset"):
        split_of: tuple[tuple[str, Split], ...] = (("train", "train"), ("dev", "validation"), ("test", "test"))
        places = tuple(
            Place(name, split, path)
            for part, split in split_of
            for name, path in _by_relation(root, (part,), f"*.{part}.json").items()
        )
        if places:
            templates = (
                _json(root / "relation_query_templates.json")
                if (root / "relation_query_templates.json").is_file()
                else {}
            )
            return Library("entity-questions", places, patterns, dict(templates), synonyms)
    raise DataError(f"{folder} holds no facts, neither trex/P19.jsonl nor train/P19.train.json; {WHERE}")


def _by_relation(folder: Path, parts: Sequence[str], names: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for part in parts:
        for path in (folder / part).glob(names):
            match = RELATION.match(path.name)
            if match is not None:
                found.setdefault(match[0], path)
    return dict(sorted(found.items(), key=lambda one: int(one[0][1:])))


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected an object, found {type(found).__name__}")
    return found


def _synonyms(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the packaged list with what the folder adds. Raises DataError for a list that is none."""
    own = _json(folder / SYNONYMS) if (folder / SYNONYMS).is_file() else {}
    wrong = next(
        (
            name
            for name, others in own.items()
            if not isinstance(others, list) or not all(isinstance(one, str) for one in others)
        ),
        None,
    )
    if wrong is not None:
        raise DataError(f'{folder / SYNONYMS}: {wrong!r} has no list of names; write {{"{wrong}": ["another name"]}}')
    return {**_listed(), **{name: tuple(others) for name, others in own.items()}}


@cache
def _listed() -> Mapping[str, tuple[str, ...]]:
    text = packaged("hanka.datasets.facts").joinpath(SYNONYMS).read_text(encoding="utf-8")
    return {name: tuple(others) for name, others in json.loads(text).items()}


# ---- facts of one file


def read_facts(library: Library, place: Place) -> FileRead:
    """Read one file: its facts in the order of the file, and the rows that are left out. Raises DataError for a file that is none."""
    wordings = completions(library.patterns[place.relation]) if place.relation in library.patterns else ()
    rows = read_rows(place.path)
    examples: list[Example] = []
    skipped: list[SkippedRow] = []
    seen: dict[str, int] = {}
    for at, row in enumerate(rows):
        if row.fault:
            skipped.append(SkippedRow(row.place, "broken", row.fault))
            continue
        made = _fact(library, place, wordings, row.values, at)
        if isinstance(made, str):
            skipped.append(SkippedRow(row.place, "blank", made))
            continue
        again = seen[made.id] = seen.get(made.id, 0) + 1
        if again > 1:
            skipped.append(SkippedRow(row.place, "broken", f"id {made.id} stands here a second time"))
            continue
        examples.append(made)
    return FileRead(place.split or "train", str(place.path), len(rows), tuple(skipped), tuple(examples))


def _fact(library: Library, place: Place, wordings: Sequence[str], values: Mapping[str, Any], at: int) -> Example | str:
    """Return a row as an example, or why it is none."""
    if library.layout == "pararel":
        subject, names = _text(values.get("sub_label")), [_text(values.get("obj_label"))]
        name = _text(values.get("uuid")) or f"{at:05d}"
        asked = [one.replace(SUBJECT, subject) for one in wordings]
    else:
        question, answers = _text(values.get("question")), values.get("answers")
        names = [_text(one) for one in answers] if isinstance(answers, list) else []
        subject = subject_of(question, library.questions.get(place.relation, ""))
        name = f"{place.split}/{at:05d}"
        asked = [one.replace(SUBJECT, subject) for one in wordings] if subject and wordings else [question]
    names = [one for one in names if one]
    if not names or not asked or not asked[0].strip() or (library.layout == "pararel" and not subject):
        return "no subject, question or object"
    others = [other for one in names for other in (one, *library.synonyms.get(one, ())) if other != names[0]]
    fields = {"input": asked[0], "wordings": "\n".join(asked), "synonyms": "\n".join(dict.fromkeys(others))}
    group = f"subject {subject.casefold()}" if subject else ""
    return Example(f"{place.relation}/{name}", fields, names[0], group, {"relation": place.relation})


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def subject_of(question: str, template: str) -> str:
    """Return what stands in a question where its template has [X]; empty where it is another question."""
    before, mark, behind = template.partition(SUBJECT)
    if not mark or not question.startswith(before) or not question.endswith(behind):
        return ""
    return question[len(before) : len(question) - len(behind) or None].strip()


@cache
def completions(path: Path) -> tuple[str, ...]:
    """Return the wordings of a relation that end before its object, each once, in the order of the file."""
    found = dict.fromkeys(_completions(path))
    return tuple(found)[:MOST_WORDINGS]


def _completions(path: Path) -> Iterator[str]:
    for row in read_rows(path):
        match = COMPLETION.fullmatch(_text(row.values.get("pattern")))
        if match is not None:
            yield match[1]
