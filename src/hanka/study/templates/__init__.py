"""Study files that ship with the package: what `hanka init` writes, and the embedded demo."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = ("classification", "generation", "paper", "own-data")
ROWS = {"own-data": ("mails.csv", "reviews.csv")}
"Template → files of rows that its study names, so that it runs as written."


def template_path(name: str) -> Path:
    """Return the file of a template, or of the demo."""
    return Path(__file__).parent / f"{name}.yaml"
