"""What pyproject.toml declares: a lower bound for every dependency, which `make test-lowest` installs exactly."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = sorted(
    line
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in group
    if not line.startswith("hanka[")
)


@pytest.mark.parametrize("line", DECLARED)
def test_every_dependency_has_a_lower_bound_that_the_make_target_reads(line: str) -> None:
    assert re.match(r"[A-Za-z0-9._-]+(\[[^]]*\])?>=[0-9.]+", line), (
        "write it as name>=version: make test-lowest reads it"
    )


@pytest.mark.parametrize("line", DECLARED)
def test_the_lock_keeps_to_what_is_declared(line: str) -> None:
    wanted = Requirement(line)
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = [Requirement(one) for one in text.splitlines() if one and not one.startswith((" ", "#"))]
    versions = [
        str(one.specifier).removeprefix("==")
        for one in locked
        if canonicalize_name(one.name) == canonicalize_name(wanted.name)
    ]
    assert versions, "run `make lock`"
    assert all(wanted.specifier.contains(version) for version in versions)
