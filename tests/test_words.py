"""One word for a thing, read from the sources: what is unadapted, and how parameters are read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/hanka"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
WORD = "base"
OTHER_MEANINGS = ("per", "stands_on")
"`Method.per` and `Method.stands_on` have a value of the same spelling."
READS_OF_PARAMS = {
    # what a study wrote, before it is typed
    "study/entry_declarations.py": {"name"},
    "study/dataset_declarations.py": {"trained_on"},
    "study/method_declarations.py": {"name", "on", "bases"},
    "study/mix_declarations.py": {"on"},
    "study/kept_steps.py": {"name", "keep_steps"},
    "study/resolve.py": {"sizes"},
    # what a plan stored of a variant
    "analysis/questions/seven_claims/arms.py": {"prompt"},
    "analysis/questions/emergence/gathered.py": {"weight"},
    "analysis/questions/intruders/counted.py": {"start", "k", "epsilon", "draws"},
    "analysis/questions/levels/gathered.py": {"level", "share"},
}
"""File → parameters that it may read by name."""


def last_name(node: ast.expr) -> str:
    """`use.method.per` → per."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def comparisons(tree: ast.AST) -> Iterator[ast.Compare]:
    """Comparisons with the word, alone or in a list of words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = [one for side in sides for one in ast.walk(side) if isinstance(one, (ast.Constant, ast.Tuple))]
            plain = any(isinstance(side, ast.Constant) and side.value == WORD for side in sides)
            listed = any(
                isinstance(one, ast.Tuple) and any(getattr(item, "value", None) == WORD for item in one.elts)
                for one in words
            )
            if plain or listed:
                yield node


def reads_of_params(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """`….params["x"]`, `params.get("x")` and `row["params"]["x"]` with a literal key."""
    for node in ast.walk(tree):
        whole: ast.expr | None = None
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            whole, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            reads = node.func.attr in ("get", "pop", "setdefault")
            whole, key = node.func.value if reads else None, node.args[0]
        if whole is None or not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            continue
        inner = whole.slice if isinstance(whole, ast.Subscript) else None
        if last_name(whole).endswith("params") or (isinstance(inner, ast.Constant) and inner.value == "params"):
            yield node.lineno, key.value


@pytest.mark.parametrize("path", TREES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_unadapted_has_one_word(path: Path) -> None:
    if path.name == "records.py" and path.parent == SOURCE:
        return
    wrong = [
        f"line {one.lineno}: {ast.unparse(one)}"
        for one in comparisons(TREES[path])
        if last_name(one.left) not in OTHER_MEANINGS
    ]
    assert wrong == [], "ask `is_unadapted` instead"


@pytest.mark.parametrize("path", TREES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_parameters_are_read_as_attributes(path: Path) -> None:
    allowed = READS_OF_PARAMS.get(path.relative_to(SOURCE).as_posix(), set())
    assert [(line, name) for line, name in reads_of_params(TREES[path]) if name not in allowed] == []


@pytest.mark.parametrize(
    "text",
    ['x == "base"', 'x != "base"', '"base" == x', 'x in ("base", "")', 'd["m"] == "base"', 'not x.method == "base"'],
)
def test_the_test_finds_the_word(text: str) -> None:
    assert list(comparisons(ast.parse(text)))


@pytest.mark.parametrize("text", ['params["r"]', 'v.params.get("r")', 'row["params"]["r"]', 'tuner_params.pop("r")'])
def test_the_test_finds_reads_by_name(text: str) -> None:
    assert [name for _, name in reads_of_params(ast.parse(text))] == ["r"]


def test_words_for_a_rival_stand_in_for_words_that_are_there() -> None:
    from hanka.report.words import LANGUAGES, RIVALS

    places = re.compile(r"{(\w+)}")
    assert RIVALS["en"].keys() == RIVALS["ja"].keys()
    for lang, words in RIVALS.items():
        for key, text in words.items():
            assert set(places.findall(text)) - {"rival"} <= set(places.findall(LANGUAGES[lang][key])), key
            assert not re.search(r"\b(before|after)\b", re.sub(places, "", text)), key
