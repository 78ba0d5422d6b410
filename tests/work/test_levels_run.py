"""A study of levels on a tiny model, unit by unit: asked once, binned for training and for tests, on facts and on other data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fact_files import write_pararel
from hanka.errors import StudyError
from hanka.plan import Plan
from hanka.store.folder import RunFolder, read_json
from hanka.store.probes import read_probe, read_probe_values
from hanka.store.rows import read_rows
from hanka.work import asked_before
from hanka.work.place import Workplace
from hanka.work.worker import Worker
from planned_studies import planned, the, variants

SAMPLING = {"templates": 2, "samples": 2, "max_new_tokens": 3}
PROBES = [
    {"levels": {"of": ["facts-location", "facts-other"], "sampling": SAMPLING}},
    {"first_token_kl": {"of": "facts-location", "level": 0, "sampling": SAMPLING}},
]


def study(folder: Path, data: Path, **changes: Any) -> Plan:
    level = {"of": "facts-location", "level": 0, "sampling": SAMPLING}
    values: dict[str, Any] = {
        "data": {"source": "facts", "path": str(data)},
        "datasets": {
            "level-0": {"recipe": {"levels": level}},
            "level-0-there": {"recipe": {"levels": level | {"rows": "there"}}},
        },
        "tasks": {"facts": {}},
        "methods": [
            "base",
            {"sft": {"name": "tuned", "on": "level-0", "peft": "none", "sizes": [4]}},
            {"sft": {"name": "all", "on": "level-0-there", "sizes": [999]}},
            {"sft": {"name": "still", "on": "level-0", "sizes": [4], "learning_rate": 1e-30}},
        ],
        "train": {"sizes": [4], "epochs": 1, "sample": "seeded"},
        "eval": {"shots": [0], "limit": 6, "max_new_tokens": 3},
        "probes": PROBES,
    }
    return planned(folder, **values | changes)


@pytest.fixture(scope="module")
def ran(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, RunFolder, Counter[str]]:
    """A run, and how often each question was put to a model."""
    folder = tmp_path_factory.mktemp("levels")
    plan = study(tiny_folder, write_pararel(folder / "facts"))
    asked: Counter[str] = Counter()
    keep = asked_before.keep_answers

    def counting(place: Workplace, question: Any, answers: Any) -> Any:
        asked[f"{question.examples[0].id.split('/')[0]} {len(question.examples)}"] += 1
        return keep(place, question, answers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hanka.work.prepare.keep_answers", counting)
        patch.setattr("hanka.work.asked_probe.keep_answers", counting)
        worker = Worker(plan, RunFolder(folder / "run"), lambda _what, _share: None)
        for unit in plan.units():
            worker.run(unit)
    return plan, RunFolder(folder / "run"), asked


def test_bins_are_a_unit_of_work_that_needs_the_base(tiny_folder: Path, tmp_path: Path) -> None:
    plan = study(tiny_folder, write_pararel(tmp_path))
    base = plan.unadapted(the(plan, "tuned")).variant.id
    units = {unit.id: unit for unit in plan.units()}
    data = the(plan, "tuned").training
    assert data is not None
    assert units[f"prepare:{data.data_id}"].needs == (f"adapt:{base}",)
    assert all(units[f"probe:{one}"].needs[0] == f"adapt:{base}" for one in plan.probes)


def test_training_facts_and_test_facts_are_asked_once_for_all_that_read_them(
    ran: tuple[Plan, RunFolder, Counter[str]],
) -> None:
    plan, folder, asked = ran
    assert len(plan.made) == 2  # as many as there are, and four
    assert max(asked.values()) == 1
    assert len(asked) == 3  # facts to train on, and two test sets
    assert len(list((folder.path / "asked").iterdir())) == 3


def test_rows_are_of_the_level_and_as_many_as_there_are(ran: tuple[Plan, RunFolder, Counter[str]]) -> None:
    plan, folder, _ = ran
    made = {one.recipe.name: one for one in plan.made.values()}
    (part,) = read_rows(folder.data(made["level-0"].id))
    assert len(part.examples) == 4
    record = read_json(folder.data(made["level-0-there"].id) / "data.json")
    levels = record["told"]["levels"]
    assert record["n_rows"] == levels["n_by_level"][0] <= levels["n_facts"] < 999
    assert levels["samples"] == 2
    assert levels["templates"] == [2, 2, 2]
    for one in variants(plan, "all"):
        assert read_json(folder.variant(one.variant.id) / "variant.json")["status"] == "done"


def test_the_base_alone_is_binned_and_every_test_fact_has_a_share(ran: tuple[Plan, RunFolder, Counter[str]]) -> None:
    plan, folder, _ = ran
    (one,) = [one for one in plan.probes.values() if one.use.entry.name == "levels"]
    assert plan.variants[one.variant_id].variant.is_unadapted
    rows = [row for row in read_probe_values(folder.probe(one.id)) if row.parameter]
    tests = {
        f"{name} {row.id}"
        for name in ("facts-location", "facts-other")
        for row in plan.data.test(plan.study.datasets[name]).examples
    }
    assert {row.parameter for row in rows} == tests
    assert {row.n for row in rows} == {2, 4}  # one wording of P106, two of the others, two samples each


def test_an_untrained_adapter_moves_no_first_token(ran: tuple[Plan, RunFolder, Counter[str]]) -> None:
    plan, folder, _ = ran
    values = {
        plan.variants[one.variant_id].variant.label: read_probe(folder.probe(one.id))
        for one in plan.probes.values()
        if one.use.entry.name == "first_token_kl"
    }
    assert set(values) == {"tuned", "all", "still"}
    assert {name: one.status for name, one in values.items() if one} == dict.fromkeys(values, "done")
    assert values["still"] is not None
    assert values["still"].values["first_token_kl"] == 0.0
    assert values["tuned"] is not None
    assert values["tuned"].values["first_token_kl"] > 0.0


def test_too_few_facts_are_why_a_variant_is_not_made(tiny_folder: Path, tmp_path: Path) -> None:
    data = write_pararel(tmp_path / "facts")
    plan = study(
        tiny_folder, data, methods=["base", {"sft": {"name": "many", "on": "level-0", "sizes": [500]}}], probes=[]
    )
    worker = Worker(plan, RunFolder(tmp_path / "run"), lambda _what, _share: None)
    for unit in plan.units():
        if unit.kind in ("prepare", "adapt"):
            worker.run(unit)
    made = worker.place.made(the(plan, "many").variant.id)
    assert made["status"] == "failed"
    assert "500 facts of level 0 are asked and facts-location has" in made["reason"]


def test_other_data_than_facts_has_levels(tiny_folder: Path, tmp_path: Path) -> None:
    """Summaries, which have no wordings and no synonyms: asked as they stand, right where they hold the reference."""
    sampling = {"samples": 2, "max_new_tokens": 3}
    plan = planned(
        tiny_folder,
        tasks={"summary": {}},
        datasets={"hard": {"recipe": {"levels": {"of": "news", "level": 0, "sampling": sampling}}}},
        methods=["base", {"sft": {"on": "hard", "sizes": [4]}}],
        probes=[{"levels": {"of": "news", "sampling": sampling}}, {"first_token_kl": {"of": "news", "level": None}}],
        train={"sizes": [4], "epochs": 1},
        eval={"shots": [0], "limit": 3, "max_new_tokens": 3},
    )
    worker = Worker(plan, RunFolder(tmp_path), lambda _what, _share: None)
    for unit in plan.units():
        worker.run(unit)
    records = [read_probe(RunFolder(tmp_path).probe(one)) for one in plan.probes]
    assert [(one.status, one.reason) for one in records if one] == [("done", "")] * 2
    assert worker.place.made(the(plan, "sft").variant.id)["status"] == "done"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probes": [{"levels": {"of": "facts-locations"}}]}, "unknown data set 'facts-locations'.*facts-location"),
        ({"probes": [{"levels": {"of": "facts-location", "sampling": {"samples": 0}}}]}, "samples"),
        ({"datasets": {"level-5": {"recipe": {"levels": {"of": "facts-location", "level": 5}}}}}, "level"),
        (
            {"datasets": {"level-0": {"recipe": {"levels": {"of": "nothing", "level": 0}}}}},
            "unknown data set 'nothing'",
        ),
    ],
)
def test_mistakes_are_one_line(tiny_folder: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message) as told:
        study(tiny_folder, write_pararel(tmp_path), **({"methods": ["base"]} | changes))
    assert "\n" not in str(told.value)
