from __future__ import annotations

from pathlib import Path

import pytest
from ab_logs import design

from hanka.errors import DesignError
from hanka.operations.ab.design import EXAMPLE, bare_design, read_design, require_apart, with_wanted


def written(folder: Path, text: str, name: str = "ab.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_a_design(tmp_path: Path) -> None:
    found = read_design(written(tmp_path, EXAMPLE))
    assert found.treatments == ("new",)
    assert found.horizon == 5000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\narms: {x: 1, y: 1}\ncontrl: x\n", r":3: .*unknown key 'contrl': did you mean 'control'\?"),
        ("name: a\narms: {x: 1, y: 1}\ncontrol: z\n", r"control 'z' is none of the arms: allowed: x, y"),
        ("name: a\narms: {x: 1}\ncontrol: x\n", r":2: arms"),
        ("name: a\narms: {x: 1, y: 0}\ncontrol: x\n", r"arm 'y' has weight 0"),
        ("name: a\narms: {x: 1, y: 0.5}\ncontrol: x\n", r":2: arms.y: 0.5 is not a whole number"),
        ("name: a\narms: {x: 1, y: 1}\ncontrol: x\nlevel: .nan\n", r":4: level"),
        (
            "name: a\narms: {x: 1, y: 1}\ncontrol: x\nmetric: {bettr: lower}\n",
            r":4: .*'bettr': did you mean 'better'\?",
        ),
        (
            "name: a\narms: {x: 1, y: 1}\ncontrol: x\nguardrails: {speed: {field: s, harm: 0}}\n",
            r"harm: 0 is out of range: give a number > 0",
        ),
        ("name: a\narms: {x: 1, y: 1}\ncontrol: x\ntest: sometimes\n", r"'sometimes' is not allowed"),
        ("name: a\narms: {x: 1, y: 1}\ncontrol: x\nlayer: {salt: s, first: 9, last: 2}\n", r"slots 9 to 2"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DesignError, match=said) as found:
        read_design(written(tmp_path, text))
    assert "\n" not in str(found.value)
    assert found.value.exit_code == 2


def test_a_missing_design_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="hanka ab design"):
        read_design(tmp_path / "none.yaml")


def test_the_hash_is_of_what_was_agreed(tmp_path: Path) -> None:
    plain = read_design(written(tmp_path, EXAMPLE))
    assert read_design(written(tmp_path, "# a comment\n" + EXAMPLE)).hash == plain.hash
    assert read_design(written(tmp_path, EXAMPLE + "pairing: auto\n")).hash == plain.hash, (
        "a default written out is the same"
    )
    assert with_wanted(plain, {"rate": 0.3}).hash == plain.hash, "what planning supposes judges nothing"
    for before, after in (
        ("0.02", "0.03"),
        ("5000", "6000"),
        ("harm: 0.5", "harm: 0.6"),
        ("{now: 50, new: 50}", "{new: 50, now: 50}"),
    ):
        assert read_design(written(tmp_path, EXAMPLE.replace(before, after))).hash != plain.hash


def test_experiments_of_one_layer_must_not_share_slots() -> None:
    one, other, apart = (
        design(layer={"salt": "s", "first": first, "last": last}) for first, last in ((0, 499), (400, 999), (500, 999))
    )
    require_apart({"a": one, "b": apart})
    require_apart({"a": one, "b": design(layer={"salt": "other", "first": 0, "last": 999})})
    with pytest.raises(DesignError, match=r"b and a share slots 400 to 499 of the layer 's'"):
        require_apart({"a": one, "b": other})


def test_suppositions_out_of_range_are_refused() -> None:
    with pytest.raises(DesignError, match="--rows-per-unit 0"):
        with_wanted(design(), {"rows_per_unit": 0})
    with pytest.raises(DesignError, match="none of the arms"):
        bare_design({"a": 1, "b": 1}, "c", {}, "share")
