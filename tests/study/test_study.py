"""What a right study file means: defaults, per-task maps, overrides, the written study.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fact_files import write_pararel
from hanka.errors import StudyError
from hanka.metrics import DEFAULT_METRICS
from hanka.plan import build_plan
from hanka.plan.written import study_yaml
from hanka.study.dataset_declarations import with_data_folder
from hanka.study.resolve import resolve
from hanka.study.schema import StudySpec
from hanka.study.source import StudySource, parse_source
from hanka.study.task_declarations import VERIFIED_METRICS
from hanka.study.templates import TEMPLATES, template_path
from matching_files import write_ditto
from own_studies import SMALLEST, ids, own_data, rewritten, smallest, study_of
from squad_files import write_squad

ROOT = Path(__file__).parents[2]

# ---- defaults


def test_an_empty_task_takes_the_roles_of_the_source() -> None:
    use = smallest().tasks["sentiment"]
    assert use.train is not None
    assert use.train.name == "shop"
    assert [dataset.name for dataset in use.in_domain] == ["shop"]
    assert [dataset.name for dataset in use.out_of_domain] == ["film"]
    assert use.tests == use.in_domain + use.out_of_domain


@pytest.mark.parametrize("tasks", [["sentiment"], {"sentiment": None}, {"sentiment": {}}])
def test_a_task_may_be_named_without_a_map(tasks: Any) -> None:
    assert smallest(tasks=tasks).spec == smallest().spec


def test_null_for_train_keeps_the_tests_and_trains_nothing() -> None:
    use = smallest(tasks={"sentiment": {"train": None}}, methods=["base"]).tasks["sentiment"]
    assert use.train is None
    assert [dataset.name for dataset in use.tests] == ["shop", "film"]


def test_another_training_set_drops_the_default_test_sets(tmp_path: Path) -> None:
    datasets = own_data(tmp_path)["datasets"] | {"mails": {"task": "sentiment", "train": "rows/train.csv"}}
    study = study_of(SMALLEST | {"datasets": datasets, "tasks": {"sentiment": {"train": "mails"}}}, tmp_path)
    use = study.tasks["sentiment"]
    assert ([one.name for one in use.in_domain], use.out_of_domain) == (["mails"], ())


def test_defaults_are_the_documented_ones() -> None:
    study = smallest()
    assert study.spec.protocol == "corrected"
    assert study.spec.train.sizes == (64,)
    assert study.spec.seeds == (0,)
    assert study.spec.strict is False
    assert (study.scoring, study.demonstrations) == ("full", "drawn")
    task = study.tasks["sentiment"].task
    assert study.shots(task) == (0,)
    assert study.prompts(task, "in_domain") == ("p1",)


def test_the_paper_protocol_scores_first_tokens_and_takes_the_first_demonstrations() -> None:
    study = smallest(protocol="paper")
    assert (study.scoring, study.demonstrations) == ("first_token", "first")
    said = smallest(protocol="paper", eval={"scoring": "full", "demonstrations": "drawn"})
    assert (said.scoring, said.demonstrations) == ("full", "drawn")


def test_base_comes_first_wherever_the_file_names_it() -> None:
    study = smallest(methods=["sft", {"fticl": {"shots": 1}}, "base"])
    assert [use.label for use in study.methods] == ["base", "sft", "fticl"]


def test_one_value_stands_for_a_list_of_one() -> None:
    study = smallest(seeds=3, train={"sizes": 8}, eval={"shots": 2, "prompts": "p2"})
    assert study.spec.seeds == (3,)
    assert study.spec.train.sizes == (8,)
    assert study.shots(study.tasks["sentiment"].task) == (2,)
    assert study.prompts(study.tasks["sentiment"].task, "cross_task") == ("p2",)


def test_a_learning_rate_without_a_point_is_a_number() -> None:
    study = resolve(parse_source(yaml.safe_dump(SMALLEST) + "train: {learning_rate: 2e-4}\n", ROOT / "s.yaml"))
    assert study.spec.train.learning_rate == 2e-4


# ---- maps per task


def test_a_map_goes_by_task_then_by_kind_then_to_the_default() -> None:
    study = smallest(
        tasks=["sentiment", "detection", "summary"],
        eval={
            "shots": {"classification": [0, 2], "sentiment": [1]},
            "prompts": {"cross_task": ["p1", "p2"], "detection": ["p2"]},
        },
    )
    task = {name: use.task for name, use in study.tasks.items()}
    assert {name: study.shots(one) for name, one in task.items()} == {
        "sentiment": (1,),
        "detection": (0, 2),
        "summary": (0,),
    }
    assert study.prompts(task["sentiment"], "cross_task") == ("p1", "p2")
    assert study.prompts(task["sentiment"], "in_domain") == ("p1",)
    assert study.prompts(task["detection"], "in_domain") == ("p2",)


def test_method_parameters_may_differ_between_tasks() -> None:
    study = smallest(
        tasks=["sentiment", "summary"],
        methods=["base", {"fticl": {"name": "few", "r": 4, "shots": {"generation": 1, "sentiment": 3}}}],
    )
    few = study.methods[1]
    assert few.label == "few"
    assert {name: one.shown.shots for name, one in few.adaptations.items()} == {"shop": 3, "news": 1}
    assert {one.as_json()["shots"] for one in few.adaptations.values()} == {3, 1}
    assert {one.tuner_params.model_dump()["r"] for one in few.adaptations.values() if one.tuner_params} == {4}


# ---- overrides


def test_limit_caps_every_size_and_every_test_set() -> None:
    study = smallest(
        train={"sizes": [8, 16, 24]},
        eval={"limit": 10, "cross_task_sizes": [24]},
        methods=[
            "base",
            "sft",
            {"sft": {"name": "own", "sizes": [2, 24]}},
            {"sft": {"name": "map", "sizes": {"sentiment": [24]}}},
            {"sft": {"name": "one", "sizes": 24}},
        ],
    )
    limited = resolve(study.source, limit=4)
    assert limited.spec.train.sizes == (4,)
    assert limited.spec.eval.limit == 4
    assert limited.spec.eval.cross_task_sizes == (4,)
    sizes = [use.adaptations["shop"].train.sizes for use in limited.methods if use.trains]
    assert sizes == [(4,), (2, 4), (4,), (4,)]
    assert resolve(study.source, limit=20).spec.eval.limit == 10
    plan = build_plan(limited)
    assert {len(cell.test.examples) for cell in plan.cells.values()} == {4}
    assert {one.variant.train_size for one in plan.variants.values()} == {0, 2, 4}


def test_a_limit_may_differ_from_task_to_task() -> None:
    study = smallest(
        tasks=["sentiment", "summary", "detection"],
        eval={"limit": {"classification": 6, "detection": 3}},
        train={"sizes": [4]},
    )

    def asked(limit: int | None) -> dict[str, int]:
        plan = build_plan(resolve(study.source, limit=limit))
        return {cell.cell.test_task: len(cell.test.examples) for cell in plan.cells.values()}

    whole = asked(None)
    assert (whole["sentiment"], whole["detection"]) == (6, 3)
    assert whole["summary"] > 6
    assert asked(5) == {"sentiment": 5, "summary": 5, "detection": 3}


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"sentimant": 4}, "eval.limit.sentimant: 'sentimant' is no task of the study and no task kind: did you mean 'sentiment'?"),
        ({"sentiment": 0}, "eval.limit: 0 is no number of rows: write a whole number ≥ 1, or null for all"),
        ("many", "eval.limit: 'many' is no number of rows: write a whole number ≥ 1, or null for all"),
        (True, "eval.limit: True is no number of rows"),
        ({}, "eval.limit: an empty map"),
    ],
)  # fmt: skip
def test_a_limit_that_is_none_is_one_line(limit: Any, said: str) -> None:
    with pytest.raises(StudyError, match=re.escape(said)):
        smallest(eval={"limit": limit})


def test_one_task_may_be_trained_alone() -> None:
    tasks = {"sentiment": {}, "detection": {}, "summary": {"train": None}}
    both = smallest(tasks=tasks, train={"sizes": [8]})
    alone = resolve(both.source, train=["detection"])
    assert {name for name, use in alone.tasks.items() if use.train} == {"detection"}
    assert [[one.name for one in use.tests] for use in alone.tasks.values()] == [
        [one.name for one in use.tests] for use in both.tasks.values()
    ]
    (_, *trained), cells = ids(alone)
    assert len(trained) == 1
    assert set(trained) < set(ids(both)[0])
    assert set(cells) < set(ids(both)[1])
    assert ids(resolve(parse_source(study_yaml(alone), ROOT / "s.yaml"))) == ids(alone)


def test_sizes_of_a_task_that_is_only_tested_now_may_still_be_named() -> None:
    study = smallest(
        tasks=["sentiment", "detection"],
        methods=["base", {"sft": {"sizes": {"sentiment": [4], "detection": [8]}}}],
        train={"sizes": [8]},
        eval={"cross_task_sizes": [4, 8]},
    )
    alone = resolve(study.source, train=["detection"])
    assert {one.train_size for one in (planned.variant for planned in build_plan(alone).variants.values())} == {0, 8}


@pytest.mark.parametrize("task", ["detektion", "summary"])
def test_a_task_that_cannot_be_trained_alone_is_one_line(task: str) -> None:
    tasks = {"detection": {}, "summary": {"train": None}}
    with pytest.raises(StudyError, match=f"--train {task}: no task of the study that has a training set: "):
        study_of(SMALLEST | {"tasks": tasks}, train=[task])


def test_base_replaces_every_base_of_the_file(tiny_folder: Path) -> None:
    study = study_of(SMALLEST | {"base": ["llama-2-7b", "qwen3-0.6b-base"]}, base=str(tiny_folder))
    (model,) = study.models
    assert (model.kind, model.folder) == ("folder", tiny_folder)
    assert [base.model for base in study.spec.base] == [str(tiny_folder)]


def test_a_model_folder_is_looked_up_from_the_study_file(tiny_folder: Path) -> None:
    study = study_of(SMALLEST | {"base": tiny_folder.name}, tiny_folder.parent)
    assert study.models[0].folder == tiny_folder


# ---- studies that ship


def write_squads(folder: Path) -> Path:
    """Documents under the name that the study gives them."""
    write_squad(folder, "xquad-en")
    return folder


def write_pairs(folder: Path) -> Path:
    """Labelled pairs under the names that the study gives them."""
    for name in ("Abt-Buy", "Amazon-Google", "DBLP-ACM"):
        write_ditto(folder, name)
    return folder


STUDIES = [*(ROOT / "studies").glob("*.yaml"), *(template_path(name) for name in TEMPLATES)]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_that_ship_are_right(path: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    folders = {"source: paper}": "paper_data", "source: japanese}": "japanese_data"}
    data = next((str(request.getfixturevalue(one)) for said, one in folders.items() if said in text), None)
    own = {"source: facts}": write_pararel, "source: documents}": write_squads, "source: matching}": write_pairs}
    data = next((str(write(tmp_path)) for said, write in own.items() if said in text), data)
    study = resolve(parse_source(text, path), data=data)
    assert study.methods[0].method.name == "base"


# ---- the folder of a source's files


def of_paper(**data: str) -> StudySource:
    return parse_source(yaml.safe_dump(SMALLEST | {"data": {"source": "paper"} | data}), Path("/nowhere/study.yaml"))


def test_the_folder_of_a_source_is_that_of_the_command_then_of_the_study_then_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {word: tmp_path / word for word in ("command", "study", "environment")}
    for folder in named.values():
        folder.mkdir()

    def chosen(source: StudySource, data: str | None = None) -> str:
        spec = with_data_folder(StudySpec.model_validate(source.values), data)
        assert spec.data is not None
        return Path(str(spec.data.path)).name

    monkeypatch.setenv("HANKA_DATA", str(named["environment"]))
    own = of_paper(path=str(named["study"]))
    assert [chosen(own, str(named["command"])), chosen(own), chosen(of_paper())] == list(named)
    monkeypatch.chdir(tmp_path)
    assert chosen(of_paper(), "command") == "command"


def test_a_folder_that_is_not_there_or_that_nothing_reads_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudyError, match=r"^--data: 'gone' is no folder"):
        resolve(of_paper(), data="gone")
    with pytest.raises(StudyError, match=r"^--data '\.' .* source toy reads none; leave it out$"):
        resolve(parse_source(yaml.safe_dump(SMALLEST), tmp_path / "study.yaml"), data=".")
    monkeypatch.setenv("HANKA_DATA", "gone")
    with pytest.raises(StudyError, match=r"^HANKA_DATA: 'gone' is no folder"):
        resolve(of_paper())
    resolve(parse_source(yaml.safe_dump(SMALLEST), tmp_path / "study.yaml"))


def test_no_study_that_ships_points_outside_the_repository() -> None:
    for path in (ROOT / "studies").glob("*.yaml"):
        places = re.findall(r"(?:path|train|test|passages): ([.~/][^,}\s]*)", path.read_text(encoding="utf-8"))
        assert all((path.parent / place).resolve().is_relative_to(ROOT) for place in places), path


WRITTEN = {"prompt": "{input}:", "in_domain": ["rows"]}


@pytest.mark.parametrize(
    ("declared", "metrics", "judge"),
    [
        ({"kind": "regression", **WRITTEN}, ("mae", "pearson", "spearman"), ("number", {})),
        ({"kind": "regression", "metric": "spearman", **WRITTEN}, ("spearman", "mae", "pearson"), ("number", {})),
        ({"kind": "generation", **WRITTEN}, DEFAULT_METRICS["generation"], ("text", {})),
        ({"kind": "generation", "verifier": "text", **WRITTEN}, DEFAULT_METRICS["generation"], ("text", {})),
        ({"kind": "generation", "verifier": "json", **WRITTEN}, VERIFIED_METRICS, ("json", {})),
        (
            {"kind": "generation", "metric": "reward", "verifier": {"number": {"tolerance": 0.5}}, **WRITTEN},
            ("reward", "solved", *VERIFIED_METRICS[2:]),
            ("number", {"tolerance": 0.5}),
        ),
        ({"kind": "likelihood", "in_domain": ["rows"]}, ("bits_per_byte", "nats_per_token"), ("text", {})),
    ],
)
def test_an_own_task_gets_the_metrics_and_the_verifier_of_its_kind(
    tmp_path: Path, declared: dict[str, Any], metrics: tuple[str, ...], judge: tuple[str, dict[str, Any]]
) -> None:
    (tmp_path / "rows.csv").write_text("input,output\n" + "".join(f"row {i},{i}\n" for i in range(8)))
    rows = {"task": "mine", "domain": "d", "test": "rows.csv"}
    values = {
        **SMALLEST,
        "datasets": {"rows": rows},
        "tasks": {"sentiment": {}, "mine": declared},
        "train": {"sizes": 8},
    }
    study = study_of(values, tmp_path)
    task = study.tasks["mine"].task
    assert (task.kind, task.metrics) == (declared["kind"], tuple(metrics))
    assert (task.verifier, task.verifier_params.model_dump(exclude_unset=True)) == judge
    again = rewritten(study, tmp_path / "run")
    assert again.tasks["mine"].task == task
    assert ids(again) == ids(study)


def test_where_nothing_is_asked_there_are_no_shots_and_one_empty_prompt(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("words\n" + "".join(f"row {i}\n" for i in range(8)))
    rows = {"task": "text", "domain": "d", "test": "rows.csv", "fields": {"output": "words"}}
    values = {
        **SMALLEST,
        "datasets": {"rows": rows},
        "tasks": {"sentiment": {}, "text": {"in_domain": ["rows"]}},
        "eval": {"shots": [0, 2], "prompts": ["p1", "p2"]},
        "train": {"sizes": 8},
    }
    study = study_of(values, tmp_path)
    asked = [cell.cell for cell in build_plan(study).cells.values() if cell.cell.test_task == "text"]
    assert {(cell.shots, cell.prompt) for cell in asked} == {(0, "p1")}
    assert study.answering(study.tasks["text"].task) == {"scoring": "text"}


def test_another_tolerance_is_another_judgement_and_so_another_cell(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("input,output\n" + "".join(f"row {i},{i}\n" for i in range(8)))
    found = []
    for tolerance in (0.5, 1.0, 0.5):
        judge = {"number": {"tolerance": tolerance}}
        values = {
            **SMALLEST,
            "datasets": {"rows": {"task": "mine", "domain": "d", "test": "rows.csv"}},
            "tasks": {"sentiment": {}, "mine": {"kind": "generation", "verifier": judge, **WRITTEN}},
            "train": {"sizes": 8},
        }
        plan = build_plan(study_of(values, tmp_path))
        found.append({name for name, one in plan.cells.items() if one.cell.test_task == "mine"})
    assert found[0] == found[2]
    assert not found[0] & found[1]


def test_a_data_set_without_files_is_one_that_weights_from_elsewhere_were_tuned_on_or_a_mistake() -> None:
    with pytest.raises(StudyError, match=r"datasets\.old: no dataset of the source, and without files"):
        smallest(datasets={"old": {"task": "sentiment", "domain": "film"}})
