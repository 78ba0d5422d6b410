"""Data that is not part of the repository; tests that need it are skipped, saying so, where it is absent."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset
from hanka.datasets.mini.entries import FAMILIES
from hanka.datasets.mini.prepare import prepared_folder


@pytest.fixture(scope="session")
def paper(paper_data: Path) -> Mapping[str, Dataset]:
    return SOURCES.get("paper").catalogue(paper_data)


@pytest.fixture(scope="session")
def mini() -> Mapping[str, Dataset]:
    """The prepared source; for tests marked `real_cache`."""
    absent = [family for family in FAMILIES if not (prepared_folder() / f"{family}.json").is_file()]
    if absent:
        pytest.skip(f"source mini is not prepared in {prepared_folder()}: load its data sets once")
    return SOURCES.get("mini").catalogue(None)
