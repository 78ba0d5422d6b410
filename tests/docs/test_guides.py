"""The commands of the guides do what the guides say, in the order of the page, with a tiny base model."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from markdown_blocks import ROOT, Block, blocks, pages

from hanka.cli import main
from model_server import serving, tiny_server

GUIDES = [page for page in pages() if any(block.mark.startswith("run") for block in blocks(page, "console"))]
TAKES_BASE = {"validate", "plan", "run"}
SHARP: dict[str, Any] = {"seed": 5, "initializer_range": 0.4}
"A tiny model that is certain enough of what it writes."


def commands(block: Block) -> list[list[str]]:
    """The commands of a console block: what follows `$ `."""
    return [shlex.split(line[2:]) for line in block.body.splitlines() if line.startswith("$ ")]


def promised(block: Block) -> list[str]:
    """The files that a block says it makes: `<!-- run; makes FILE FILE -->`."""
    _, _, files = block.mark.partition("makes ")
    return files.split()


def expected(block: Block) -> str:
    """The words that a block says it prints: `<!-- run; prints WORDS -->`."""
    _, _, words = block.mark.partition("prints ")
    return words


def run(words: list[str], base: Path | None, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run one command in this process and return its exit code."""
    assert words[0] == "hanka", f"guides run hanka commands, not {words[0]!r}"
    extra = ["--base", str(base)] if base is not None and words[1] in TAKES_BASE else []
    monkeypatch.setattr(sys, "argv", [*words, *extra])
    try:
        main()
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def test_there_is_a_guide_to_run() -> None:
    assert {page.name for page in GUIDES} >= {"ab.md", "own-data.md", "served.md"}


@contextmanager
def surroundings(page: Path, folder: Path, tiny: Path) -> Iterator[Path | None]:
    """Give a guide what it takes for granted: a base for its commands, or a server that its own study names."""
    if page.name != "served.md":
        yield tiny
        return
    study = folder / "docs/own-data/prompt-or-tune.yaml"
    with serving(tiny_server(SHARP, name="smollm2")) as server:
        text = study.read_text(encoding="utf-8")
        for before, after in (
            ("http://127.0.0.1:8000/v1", server.url), ("smollm2-135m-instruct", str(tiny)), ("all-minilm-l6-v2", "tfidf"),
            ("source: mini", "source: toy"), ("limit: 60", "limit: 4"), ("[96]", "[8]"),
        ):  # fmt: skip
            assert before in text
            text = text.replace(before, after)
        study.write_text(text, encoding="utf-8")
        yield None


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_guides_commands_work_and_make_what_they_promise(
    page: Path, tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    with surroundings(page, tmp_path, tiny_folder) as base:
        for block in (one for one in blocks(page, "console") if one.mark.startswith("run")):
            for words in commands(block):
                code = run(words, base, monkeypatch)
                said = capsys.readouterr()
                assert code == 0, f"{block.place}: {shlex.join(words)} left with {code}\n{said.err}"
                assert said.out, f"{block.place}: {shlex.join(words)} printed nothing"
                assert expected(block) in said.out, (
                    f"{block.place}: {shlex.join(words)} does not say {expected(block)!r}"
                )
            for name in promised(block):
                assert (tmp_path / name).is_file(), f"{block.place} promises {name}"
