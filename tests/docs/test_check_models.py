"""The comparison of the catalogue with the hub says what differs, on pages made up here."""

from __future__ import annotations

import sys

from markdown_blocks import ROOT

sys.path.insert(0, str(ROOT / "docs"))
from check_models import differences

from hanka.models.listed import MODELS

ENTRY = MODELS.get("smollm2-360m")


def test_a_page_that_agrees_says_nothing() -> None:
    card = {"license": "apache-2.0", "language": ["en"]}
    assert list(differences(ENTRY, card, {"n_parameters": 361_821_120})) == []
    assert list(differences(ENTRY, {}, {})) == []


def test_every_difference_is_a_line() -> None:
    found = list(differences(ENTRY, {"license": "other", "language": ["fr"]}, {"n_parameters": 5}))
    assert len(found) == 3
    assert "commercial use is `yes` here" in found[0]
    assert "languages are en here and fr" in found[1]
    assert "361,821,120 here and 5" in found[2]
    assert next(differences(MODELS.get("qwen2.5-3b"), {"license": "apache-2.0"}, {})).startswith("licence is 'Qwen")
