from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from ab_logs import design
from markdown_blocks_of import javascript

from hanka.errors import DataError, DesignError
from hanka.operations.ab.assigned_rows import assign_rows, assign_text
from hanka.operations.ab.assignment import arm_of, assigned_arm, point, slot_of

SALT = "new-answers-1"
# By `printf '%s' "new-answers-1:user-1" | sha256sum | cut -c1-13` and shell arithmetic.
KNOWN = {
    "user-1": ("fffe03811467b", "b", "b", 999),
    "user-2": ("e3eccf2db472c", "b", "a", 890),
    "ユーザー-3": ("df8b6b1101506", "b", "a", 873),
    "12": ("f2df2ec58a838", "b", "b", 948),
}


@pytest.mark.parametrize("unit", KNOWN)
def test_points_arms_and_slots_are_those_of_another_program(unit: str) -> None:
    digits, even, uneven, slot = KNOWN[unit]
    assert f"{point(SALT, unit):013x}" == digits
    assert arm_of(SALT, unit, {"a": 1, "b": 1}) == even
    assert arm_of(SALT, unit, {"a": 90, "b": 10}) == uneven
    assert slot_of(SALT, unit) == slot


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_javascript_of_the_guide_assigns_alike() -> None:
    units = [*KNOWN, *(f"u{at}" for at in range(300))]
    weights = {"a": 3, "b": 1, "c": 2}
    call = f"\nconsole.log(JSON.stringify({json.dumps(units)}.map(u => arm({json.dumps(SALT)}, u, {json.dumps(list(weights.items()))}))));"
    said = subprocess.run(["node", "-e", javascript() + call], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == [arm_of(SALT, unit, weights) for unit in units]


def test_arms_come_in_their_weights_and_salts_are_independent() -> None:
    units = [f"u{at}" for at in range(6_000)]
    first = [arm_of("one", unit, {"a": 70, "b": 30}) for unit in units]
    second = [arm_of("two", unit, {"a": 50, "b": 50}) for unit in units]
    # Four standard errors of 6,000 coins.
    assert Counter(first)["a"] / 6_000 == pytest.approx(0.7, abs=4 * (0.21 / 6_000) ** 0.5)
    both = Counter(zip(first, second, strict=True))
    assert both["a", "a"] / 6_000 == pytest.approx(0.35, abs=4 * (0.35 * 0.65 / 6_000) ** 0.5)


def test_a_smaller_arm_that_grows_keeps_its_units() -> None:
    units = [f"u{at}" for at in range(2_000)]
    small = {unit for unit in units if arm_of("s", unit, {"new": 10, "now": 90}) == "new"}
    grown = {unit for unit in units if arm_of("s", unit, {"new": 50, "now": 50}) == "new"}
    assert small < grown


def test_experiments_of_one_layer_never_share_a_unit() -> None:
    one = design(salt="x", layer={"salt": "shared", "first": 0, "last": 299})
    other = design(salt="y", layer={"salt": "shared", "first": 300, "last": 999})
    units = [f"u{at}" for at in range(3_000)]
    inside = [assigned_arm(one, unit) is not None for unit in units]
    assert inside == [assigned_arm(other, unit) is None for unit in units]
    assert sum(inside) / 3_000 == pytest.approx(0.3, abs=4 * (0.21 / 3_000) ** 0.5)


def test_rows_keep_their_order_and_those_without_a_unit_are_counted(tmp_path: Path) -> None:
    text = '{"unit": "user-2", "n": 1}\n{"unit": null, "n": 2}\n{"unit": 12, "n": 3}\n{"unit": 12.0, "n": 4}\n'
    agreed = design(salt=SALT, arms={"now": 9, "new": 1})
    found = assign_text(text.encode(), ".jsonl", agreed, "unit")
    lines = [json.loads(line) for line in io.StringIO(found.text)]
    assert [line["n"] for line in lines] == [1, 2, 3, 4]
    assert [line["arm"] for line in lines] == ["now", None, "new", "new"]
    assert found.n_units == {"now": 1, "new": 1}
    assert found.without_unit == ("stdin.jsonl:2",)


def test_tables_come_back_as_tables(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text('user,note\nuser-2,"a, b"\nuser-1,\n', encoding="utf-8")
    found = assign_rows(path, design(salt=SALT), "user")
    assert found.text == 'user,note,arm\nuser-2,"a, b",new\nuser-1,,new\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"user": 1}\n', "no column 'unit'"),
        ('{"unit": 1, "arm": "now"}\n', "have a column 'arm' already"),
        ('{"unit": 1}\n{oops\n', r"^stdin.jsonl:2 is not JSON"),
        ("", "stdin.jsonl has no rows"),
    ],
)
def test_rows_that_cannot_be_assigned_are_one_line(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        assign_text(text.encode(), ".jsonl", design(salt=SALT), "unit")


def test_without_a_salt_nothing_is_assigned() -> None:
    with pytest.raises(DesignError, match=re.escape("has no salt")):
        assign_text(b'{"unit": 1}\n', ".jsonl", design(), "unit")
