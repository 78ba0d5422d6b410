"""What the question of changed rows says has words in both languages: verdicts, kinds of change, reasons why rows are left out."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import hanka.recipes
from hanka.analysis.questions.robustness.judged import Word
from hanka.analysis.questions.robustness.sentences import REASONS_JA
from hanka.recipes import RECIPES
from hanka.report.words_robustness import ROBUSTNESS_EN, ROBUSTNESS_JA

SOURCES = Path(hanka.recipes.__file__).parent


def test_every_verdict_and_every_kind_of_change_has_its_word_and_no_word_is_left_over() -> None:
    ours = [one.name for one in RECIPES if one.perturbs is not None and type(one).__module__.startswith("hanka.")]
    wanted = {f"robustness_{word}" for word in get_args(Word)} | {f"robustness_kind_{name}" for name in ours}
    for words in (ROBUSTNESS_EN, ROBUSTNESS_JA):
        assert {key for key in words if key.startswith("robustness_")} == wanted


def reasons() -> set[str]:
    """Every reason that a module of recipes gives: what stands in `Changed(None, …)` and `TextChange(None, …)`, and text of `_counted`."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES.glob("*.py")]
    known = {
        target.id: node.value.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or len(node.args) < 2:
                continue
            is_none = isinstance(node.args[0], ast.Constant) and node.args[0].value is None
            if (node.func.id in ("Changed", "TextChange") and is_none) or node.func.id == "_counted":
                why = node.args[-1]
                said = why.value if isinstance(why, ast.Constant) else known.get(getattr(why, "id", ""))
                found |= {str(said)} if said else set()
    return found


def test_every_reason_why_a_row_is_left_out_is_said_in_japanese() -> None:
    found = reasons()
    assert {
        "no word long enough",
        "a negation that cannot be undone",
        "has no edit",
        "neither English nor Japanese",
    } <= found
    assert found - set(REASONS_JA) == set()
