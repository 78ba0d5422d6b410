"""One run for all tests of the monitor."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.store.folder import RunFolder
from live_traffic import write_run


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose tuned variant is right on nine of ten of 300 test rows."""
    return write_run(Path(tmp_path_factory.mktemp("shipped")))
