"""Colours: text on its ground has a contrast of at least 4.5:1, marks at least 3:1, in light and dark."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

FILES = ("style.css", "first.css")
CSS = "".join((files("hanka.report") / "templates" / name).read_text(encoding="utf-8") for name in FILES)
VERDICTS = ("better", "worse", "equivalent", "leaning", "undecided", "failed", "warn", "base")


def _variables(css: str) -> dict[str, str]:
    def full(color: str) -> str:
        return "".join(letter * 2 for letter in color) if len(color) == 3 else color

    return {
        name: full(color) for name, color in re.findall(r"--([a-z0-9-]+):\s*#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b", css)
    }


_light, _dark, _print = re.findall(r":root \{(.*?)\n\s*\}", CSS, re.S)
LIGHT = _variables(_light)
THEMES = {"light": LIGHT, "dark": LIGHT | _variables(_dark), "print": LIGHT | _variables(_print)}


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("767676", "ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_readable_on_its_ground(theme: str) -> None:
    colors = THEMES[theme]
    pairs = [(f"{verdict}-ink", verdict) for verdict in VERDICTS]
    pairs += [(ink, ground) for ink in ("ink", "ink-soft", "accent") for ground in ("paper", "panel")]
    assert {pair: round(contrast(colors[pair[0]], colors[pair[1]]), 2) for pair in pairs
            if contrast(colors[pair[0]], colors[pair[1]]) < 4.5} == {}  # fmt: skip


@pytest.mark.parametrize("theme", THEMES)
def test_marks_in_figures_are_seen(theme: str) -> None:
    colors = THEMES[theme]
    marks = [name for name in colors if name.startswith(("mark-", "series-"))]
    assert len(marks) == 14
    assert [name for name in marks if contrast(colors[name], colors["paper"]) < 3] == []


def test_every_variable_that_is_used_is_defined() -> None:
    used = set(re.findall(r"var\(--([a-z0-9-]+)", CSS))
    defined = set(re.findall(r"--([a-z0-9-]+)\s*:", CSS))
    assert used - defined == set()
