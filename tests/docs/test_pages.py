"""What the pages show is true: studies load, generated tables are current, links lead somewhere, columns exist."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest
import yaml
from markdown_blocks import ROOT, Block, blocks, pages
from pydantic import BeforeValidator, Field

from hanka.contexts import CONTEXTS
from hanka.contexts.contract import ContextParams
from hanka.store.folder import PREDICTION_COLUMNS, SUMMARY_COLUMNS
from hanka.study import load_study
from hanka.work.baselines import BASELINE_COLUMNS

YAML = [block for page in pages() for block in blocks(page, "yaml")]
STUDIES = [block for block in YAML if not block.mark.startswith("file ")]
FILES = [block for block in YAML if block.mark.startswith("file ")]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location("hanka_docs_generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "docs"))


@pytest.mark.parametrize("block", STUDIES, ids=lambda block: block.place)
def test_every_study_shown_loads(block: Block, tmp_path: Path) -> None:
    for file in (*(ROOT / "docs/own-data").glob("*.csv"), ROOT / "docs/own-data/talks.jsonl"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = block.body
    if block.mark.startswith("into "):
        whole = yaml.safe_load((ROOT / block.mark.removeprefix("into ")).read_text(encoding="utf-8"))
        text = yaml.safe_dump(whole | yaml.safe_load(text), sort_keys=False)
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_study(path).tasks


@pytest.mark.parametrize("block", FILES, ids=lambda block: block.place)
def test_a_page_shows_a_file_as_it_is(block: Block) -> None:
    assert block.body == (ROOT / block.mark.removeprefix("file ")).read_text(encoding="utf-8")


def test_there_are_studies_to_load() -> None:
    assert {block.page.name for block in STUDIES} >= {"README.md", "README.ja.md", "study-file.md", "own-data.md"}


def test_the_guide_shows_the_study_it_runs() -> None:
    shown = [block.body for block in blocks(ROOT / "docs/own-data.md", "yaml") if not block.mark]
    assert shown == [(ROOT / "docs/own-data/mails.yaml").read_text(encoding="utf-8")]


def test_both_readmes_show_the_same_study() -> None:
    english, japanese = (blocks(ROOT / name, "yaml") for name in ("README.md", "README.ja.md"))
    without_comments = [re.sub(r"\s+#.*", "", block.body) for block in (*english, *japanese)]
    assert len(set(without_comments)) == 1


@pytest.mark.parametrize(
    "page", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "studies/README.md"], ids=lambda page: page.name
)
def test_generated_tables_are_current(page: Path, generate: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.rewritten(text) == text, "run `make docs`"


def test_every_generated_table_stands_on_a_page(generate: ModuleType) -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in generate.pages())
    shown = [match["name"] for match in generate.BLOCK.finditer(text)]
    assert sorted(shown) == sorted(generate.BLOCKS)


def test_every_study_of_the_repository_is_in_the_index_with_question_system_and_time(generate: ModuleType) -> None:
    rows = [row.split(" | ") for row in generate.study_table().splitlines()[2:]]
    studies = sorted(path.name for path in (ROOT / "studies").glob("*.yaml"))
    assert [row[0].partition("]")[0].removeprefix("| [") for row in rows] == studies
    assert all(cell.strip(" |") for row in rows for cell in row)


def test_a_study_says_more_than_fits_in_one_line_by_an_indented_second_one(generate: ModuleType) -> None:
    text = "# Question: Why\n#   not?\n# System: A.\n# Time: 1 min.\n#\n# More.\n"
    assert [(one["key"], one["text"]) for one in generate.HEAD.finditer(text)] == [
        ("Question", "Why\n#   not?"),
        ("System", "A."),
        ("Time", "1 min."),
    ]


class MineParams(ContextParams):
    """Parameters of a third party's context."""

    depth: int = Field(default=3, ge=1)
    "How far it looks."


class WideParams(ContextParams):
    """Parameters of which one is read more widely than its type says."""

    depth: Annotated[int, BeforeValidator(int)] | None = None
    "How far it looks."


def test_a_new_entry_appears_by_itself_with_its_parameters(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = replace(CONTEXTS.get("nearest"), name="mine", description="what nobody knew", params=MineParams)
    monkeypatch.setattr(CONTEXTS, "_entries", {**CONTEXTS._entries, "mine": mine})
    written = generate.BLOCKS["contexts"]()
    assert "| `mine` | what nobody knew |" in written
    assert "| `mine` | `depth` | whole number ≥ 1 | `3` | How far it looks. |" in written


def test_a_key_that_is_read_more_widely_than_its_type_says_needs_words(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = replace(CONTEXTS.get("nearest"), name="mine", params=WideParams)
    monkeypatch.setattr(CONTEXTS, "_entries", {**CONTEXTS._entries, "mine": mine})
    with pytest.raises(ValueError, match=r"WideParams\.depth: a validator reads more"):
        generate.BLOCKS["contexts"]()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    missing = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize(
    "columns",
    [SUMMARY_COLUMNS, (*PREDICTION_COLUMNS, "group"), BASELINE_COLUMNS],
    ids=["summary", "predictions", "baselines"],
)
def test_every_column_is_described(columns: tuple[str, ...]) -> None:
    text = (ROOT / "docs/files.md").read_text(encoding="utf-8")
    assert [name for name in columns if f"`{name}`" not in text] == []


def test_the_columns_of_the_summary_stand_in_the_order_in_which_they_are_described() -> None:
    text = (ROOT / "docs/files.md").read_text(encoding="utf-8")
    section = text.split("## summary.csv", 1)[1].split("\n## ", 1)[0]
    named = [name for line in section.splitlines() if line.startswith("| `") for name in line.split("|")[1].split(", ")]
    assert tuple(name.strip(" `") for name in named) == SUMMARY_COLUMNS


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_name_nobodys_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w/.])/(work|tmp|home|root|Users)/", text)


def test_decisions_are_listed_in_order_under_their_titles() -> None:
    folder = ROOT / "docs/decisions"
    listed = re.findall(r"^(\d+)\. \[.*\]\((.*)\)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [(str(int(path.name[:4])), path.name) for path in sorted(folder.glob("0*.md"))]


def test_contributing_has_a_recipe_for_every_kind_of_entry() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    points = tomllib.loads((ROOT / "tests/plugin/pyproject.toml").read_text(encoding="utf-8"))
    kinds = {name.partition(".")[0] for name in points["project"]["entry-points"]["hanka"]}
    assert [kind for kind in sorted(kinds) if f"\n### {kind.capitalize()}\n" not in text] == []
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []
