"""How numbers are written."""

from __future__ import annotations

import pytest

from hanka.report import numbers
from hanka.report.provenance import ABSOLUTE
from hanka.report.words import Words


@pytest.mark.parametrize(
    ("number", "written"),
    [(0.8124, "0.812"), (1.0, "1.000"), (12.345, "12.35"), (123.45, "123.5"), (12345.6, "12,346"), (-0.5, "−0.500"),
     (-0.0001, "0.000"), (0, "0.000"), (None, "–")],
)  # fmt: skip
def test_values(number: float | None, written: str) -> None:
    assert numbers.value(number) == written


@pytest.mark.parametrize(("number", "written"), [(0.1, "+0.100"), (-0.1, "−0.100"), (0.0001, "0.000"), (None, "–")])
def test_differences_carry_their_sign(number: float | None, written: str) -> None:
    assert numbers.signed(number) == written


def test_intervals_do_not_break_and_vanish_where_there_is_none() -> None:
    assert numbers.difference(0.1, -0.05, 0.25) == "+0.100 [−0.050,\N{NO-BREAK SPACE}+0.250]"
    assert numbers.with_interval(0.1, None, 0.25) == "0.100"
    assert numbers.shares(0.125, 0.1, 0.2) == "12.5 % [10.0, 20.0]"
    assert numbers.shares(None, 0.1, 0.2) == ""


def test_small_p_values_are_not_written_as_zero() -> None:
    assert numbers.p_value(0.0) == "< 0.001"
    assert numbers.p_value(0.04999) == "0.050"
    assert numbers.p_value(None) == "–"


def test_times_have_a_unit() -> None:
    said = [str(Words("en").duration(s)) for s in (1.25, 600, 10_000, None)]
    assert said == ["1.2\N{NO-BREAK SPACE}s", "10.0\N{NO-BREAK SPACE}min", "2.8\N{NO-BREAK SPACE}h", "–"]
    assert Words("ja").duration(600) == "10.0\N{NO-BREAK SPACE}分"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("hanka run /home/someone/my/study.yaml --out runs/a", "hanka run study.yaml --out runs/a"),
        ("hanka run study.yaml --base=/srv/models/base", "hanka run study.yaml --base=base"),
        ("hanka run '/srv/x/y.yaml' --limit 4/5", "hanka run 'y.yaml' --limit 4/5"),
    ],
)
def test_a_command_is_shown_without_the_folders_of_a_machine(command: str, shown: str) -> None:
    assert ABSOLUTE.sub(r"\1", command) == shown
