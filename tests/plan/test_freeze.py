"""A criterion is frozen before the run; whether it was kept is in plan.json and in the findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_runs import STUDY, fake_run, write_study
from hanka.analysis import analyse
from hanka.errors import HankaError
from hanka.identity import canonical, sha256_text
from hanka.plan import Plan, build_plan
from hanka.plan.freeze import criterion, freeze, frozen_path, frozen_state
from hanka.store.folder import read_json, write_json
from hanka.study.resolve import load_study

MARGINS = STUDY.replace("resamples: 200}", "resamples: 200, harm: 0.1}")


def planned(path: Path) -> Plan:
    return build_plan(load_study(path))


def test_what_decides_is_frozen(tmp_path: Path) -> None:
    found = criterion(planned(write_study(tmp_path)))
    assert [one["method"] for one in found["hypotheses"]] == ["sft", "sft", "fticl", "fticl"]
    assert {one["shots"] for one in found["hypotheses"]} == {0, 1}
    assert found["stats"]["harm"] == 0.05
    assert found["margins"] == {"equivalence": 0.03, "harm": 0.05, "worthwhile": 0.02}
    assert set(found["rows"]) == {test for one in found["hypotheses"] for test in (
        *one["in_domain"], *one["out_of_domain"], *one["cross_task"])}  # fmt: skip


def test_nothing_is_said_where_nothing_is_frozen(tmp_path: Path) -> None:
    assert frozen_state(planned(write_study(tmp_path))) is None


def test_a_criterion_that_is_kept_is_said_with_its_hash(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = freeze(planned(study), 0)
    assert path == frozen_path(study)
    assert freeze(planned(study), 7) == path  # the same again is no second freeze
    folder = fake_run(study, tmp_path / "run")
    analyse(folder)
    digest = read_json(path)["sha256"]
    (note,) = [one for one in read_json(folder.findings)["notes"] if one["kind"] == "frozen"]
    assert digest[:12] in note["message_en"]
    assert "and kept" in note["message_en"]
    assert "守られました" in note["message_ja"]


def test_another_margin_afterwards_is_said(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    freeze(planned(study), 0)
    write_study(tmp_path, MARGINS)
    state = frozen_state(planned(study))
    assert state is not None
    assert (state["kept"], state["changed"]) == (False, ["stats", "margins"])
    with pytest.raises(HankaError, match="another criterion is frozen already \\(stats, margins differ\\)"):
        freeze(planned(study), 0)


def test_margins_are_frozen_as_the_findings_have_them(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = freeze(planned(study), 0)
    folder = fake_run(study, tmp_path / "run")
    analyse(folder)
    assert read_json(path)["criterion"]["margins"] == read_json(folder.findings)["decision"]["margins"]


def test_a_file_that_was_frozen_before_margins_stood_in_it_holds_as_it_did(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = freeze(planned(study), 0)
    before = {name: value for name, value in read_json(path)["criterion"].items() if name != "margins"}
    write_json(path, read_json(path) | {"criterion": before, "sha256": sha256_text(canonical(before))})
    state = frozen_state(planned(study))
    assert state is not None
    assert (state["kept"], state["changed"]) == (True, [])
    assert freeze(planned(study), 0) == path
    write_study(tmp_path, MARGINS)
    with pytest.raises(HankaError, match="\\(stats differ\\)"):
        freeze(planned(study), 0)


def test_more_seeds_afterwards_are_said(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    freeze(planned(study), 0)
    write_study(tmp_path, STUDY + "seeds: [0, 1]\n")
    state = frozen_state(planned(study))
    assert state is not None
    assert state["changed"] == ["hypotheses"]


def test_after_an_answer_it_is_too_late(tmp_path: Path) -> None:
    with pytest.raises(HankaError, match="3 cells of this study are answered; a criterion is frozen before the run"):
        freeze(planned(write_study(tmp_path)), 3)


def test_a_criterion_that_was_edited_by_hand_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = freeze(planned(study), 0)
    found = read_json(path)
    found["criterion"]["stats"]["harm"] = 0.5
    write_json(path, found)
    with pytest.raises(HankaError, match="changed after it was frozen"):
        frozen_state(planned(study))
