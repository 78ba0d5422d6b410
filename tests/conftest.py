"""Shared fixtures: tiny models on disk, the paper's and the Japanese data where they are present."""

from __future__ import annotations

import gc
import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # tiny models; pytest-xdist and the machine's other work need the cores
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # so do a handful of texts

import pytest
from hypothesis import settings

from tiny_models import save_tiny_model

ROOT = Path(__file__).parents[1]
# How long an example takes says how busy the machine is; and a suite that passed passes again.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Let collections of garbage, which every change of model asks for, pass over what all tests import."""
    import pandas  # noqa: F401
    import peft.tuners  # noqa: F401
    import scipy.stats  # noqa: F401
    import transformers.models.auto.modeling_auto  # noqa: F401

    gc.collect()
    gc.freeze()


def paper_folder() -> Path | None:
    """Where the main paper's data is: HANKA_PAPER_DATA, or beside the repository."""
    for place in (os.environ.get("HANKA_PAPER_DATA"), ROOT.parent / "shared/data/paper"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


def japanese_folder() -> Path | None:
    """Where JGLUE and JSICK are: HANKA_JAPANESE_DATA, or beside the repository."""
    for place in (os.environ.get("HANKA_JAPANESE_DATA"), ROOT.parent / "shared/data/japanese"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


def matching_folder() -> Path | None:
    """Where labelled pairs are: HANKA_MATCHING_DATA, or beside the repository."""
    for place in (os.environ.get("HANKA_MATCHING_DATA"), ROOT.parent / "shared/data/matching"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def matching_data() -> Path:
    folder = matching_folder()
    if folder is None:
        pytest.skip("labelled pairs are not here; set HANKA_MATCHING_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def paper_data() -> Path:
    folder = paper_folder()
    if folder is None:
        pytest.skip("the main paper's data is not here; set HANKA_PAPER_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def japanese_data() -> Path:
    folder = japanese_folder()
    if folder is None:
        pytest.skip("JGLUE and JSICK are not here; set HANKA_JAPANESE_DATA to their folder")
    return folder


@pytest.fixture(scope="module", autouse=True)
def passed_over() -> None:
    """Let them pass over what tests of other modules imported and what is kept of them, too."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Keep the user's cache out of the tests, unless a test asks for what is prepared there, and the user's data."""
    monkeypatch.delenv("HANKA_DATA", raising=False)
    if "real_cache" not in request.keywords:
        monkeypatch.setenv("HANKA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
