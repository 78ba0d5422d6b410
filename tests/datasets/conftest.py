"""Where the tests find data that is not part of the repository, and how they say that it is absent."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset
from hanka.datasets.mini.entries import FAMILIES
from hanka.datasets.mini.prepare import prepared_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def paper_folder() -> Path:
    folder = Path(os.environ.get("HANKA_PAPER_DATA", ROOT.parent / "shared" / "data" / "paper"))
    if not folder.is_dir():
        pytest.skip(f"the paper's release is not at {folder}: set HANKA_PAPER_DATA to its folder `data`")
    return folder


@pytest.fixture(scope="session")
def paper(paper_folder: Path) -> Mapping[str, Dataset]:
    return SOURCES.get("paper").catalogue(paper_folder)


@pytest.fixture(scope="session")
def mini() -> Mapping[str, Dataset]:
    absent = [family for family in FAMILIES if not (prepared_folder() / f"{family}.json").is_file()]
    if absent:
        pytest.skip(f"source mini is not prepared in {prepared_folder()}: load its data sets once")
    return SOURCES.get("mini").catalogue(None)
