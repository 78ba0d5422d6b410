"""Tasks of lm-evaluation-harness through hanka: the harness' own numbers, per document, with verdicts; wrong names in one line."""

from __future__ import annotations

import contextlib
import io
import json
import math
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lm_eval", reason="lm-eval is not installed")

from hanka.engines.local import LocalEngine
from hanka.errors import HankaError
from hanka.harness.found import harness_task
from hanka.harness.measures import amount_and_units, summed_by
from hanka.metrics import METRICS
from hanka.metrics.measured import measure_name
from hanka.plan import build_plan
from hanka.report import render_report
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_csv, read_json, read_predictions
from hanka.study.resolve import load_study
from harness_tasks import SETTINGS, N, write_tasks
from tiny_models import save_tiny_model, tiny_tokenizer
from worked import worked

STUDY = """\
name: harness
base: {base}
data: {{source: toy}}
tasks:
  sentiment: {{}}
  lm_eval: {lm_eval}
methods: [base, {{sft: {{peft: lora}}}}]
train: {{sizes: [16], epochs: 2, learning_rate: 1.0e-2}}
eval: {{shots: [0, 1], limit: {limit}{more}}}
stats: {{resamples: 200}}
"""
ALL = "{tasks: [" + ", ".join(SETTINGS) + "], include: tasks}"


def write_study(folder: Path, base: Path, lm_eval: str = ALL, limit: int = N, more: str = "") -> Path:
    write_tasks(folder / "tasks")
    path = folder / "study.yaml"
    path.write_text(STUDY.format(base=base, lm_eval=lm_eval, limit=limit, more=more), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def done(base: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    study = write_study(tmp_path_factory.mktemp("harness"), base)
    return run_study(study, study.parent / "run", RunOptions(quiet=True)).folder


def forget() -> None:
    for cached in (harness_task.__globals__["_found"], harness_task.__globals__["_manager"]):
        cached.cache_clear()


@cache
def their_model(base: Path) -> Any:
    """The harness' own `hf` model of a base."""
    from lm_eval.models.huggingface import HFLM

    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return HFLM(pretrained=str(base), device="cpu", dtype="float32", batch_size=1)


def official(base: Path, folder: Path, name: str, limit: int = N, **options: Any) -> dict[str, Any]:
    """What the harness' own `hf` model says of the base."""
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(evaluator, "add_env_info", lambda _results: None)  # asks other programs about the machine
        manager = TaskManager(include_path=str(folder), include_defaults=False)
        found: dict[str, Any] = evaluator.simple_evaluate(
            their_model(base),
            tasks=[name],
            task_manager=manager,
            limit=limit,
            bootstrap_iters=0,
            log_samples=True,
            **options,
        )
    return found


def cells(folder: RunFolder, method: str) -> dict[str, Path]:
    plan = read_json(folder.plan)
    own = {one["id"] for one in plan["variants"] if one["method"] == method}
    return {one["test_task"]: folder.cell(one["id"]) for one in plan["cells"] if one["variant_id"] in own}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_document_comes_out_as_through_the_harness_own_model(base: Path, done: RunFolder, name: str) -> None:
    theirs = official(base, done.path.parent / "tasks", name)
    rows = {row.sample_id: row for row in read_predictions(cells(done, "base")[name])[0]}
    assert len(rows) == N
    for sample in theirs["samples"][name]:
        row = rows[f"{name}/{sample['doc_id']}"]
        assert row.prompt == (sample["arguments"][0][0] if len(sample["arguments"][0]) > 1 else "")
        answers = [one[0] for one in sample["resps"]]
        if isinstance(answers[0], str):
            assert row.output == answers[0]
        else:
            scores = [float(one[0]) if isinstance(one, (tuple, list)) else float(one) for one in answers]
            assert row.label_scores == pytest.approx(scores, abs=1e-4)
        assert row.measures is not None
        for metric in sample["metrics"]:
            key = measure_name(f"{metric},{sample['filter']}", name, name != "tiny-share")
            if key in row.measures and not isinstance(sample[metric], (tuple, list)):
                amount, units = row.measures[key]
                assert abs(amount / units) == pytest.approx(abs(float(sample[metric])), abs=1e-4)
    values = {
        row["metric"]: float(row["value"])
        for row in read_csv(done.summary)
        if row["test_task"] == name and row["method"] == "base"
    }
    assert values
    for metric, value in values.items():
        assert value == pytest.approx(theirs["results"][name][metric.replace(f" of {name}", "")], rel=1e-4)


def test_a_metric_that_means_something_else_is_called_by_its_task(done: RunFolder) -> None:
    assert read_json(done.plan)["tasks"]["tiny-share"]["metrics"] == ["acc of tiny-share,none"]
    assert not METRICS.get("acc of tiny-share,none").binary
    assert METRICS.get("acc,none").binary


def test_code_that_judges_is_part_of_the_ids(base: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, base, "{tasks: [tiny-share, tiny-choice], include: tasks}")
    first = set(build_plan(load_study(study)).cells)
    forget()
    judges = tmp_path / "tasks/judges.py"
    judges.write_text(judges.read_text().replace("weights[0]", "weights[1]"))
    changed = {one.cell.test_task for one in build_plan(load_study(study)).cells.values() if one.cell.id not in first}
    assert changed == {"tiny-share"}


def test_a_task_that_fixes_its_shots_keeps_them(base: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path / "tasks", **{"tiny-last": {"num_fewshot": 0}})
    forget()
    assert harness_task("tiny-last", 2, tmp_path / "tasks").shots == 0
    assert harness_task("tiny-choice", 1, tmp_path / "tasks").shots == 1


def test_ways_to_write_that_no_engine_here_knows_are_refused(base: Path, tmp_path: Path) -> None:
    given = SETTINGS["tiny-writing"]["generation_kwargs"]
    write_tasks(tmp_path / "tasks", **{"tiny-writing": {"generation_kwargs": given | {"num_beams": 4}}})
    forget()
    with pytest.raises(
        HankaError, match="lm-eval task 'tiny-writing' writes with num_beams: 4, which hanka's engines do not know"
    ):
        harness_task("tiny-writing", None, tmp_path / "tasks")


def test_chats_with_demonstrations_are_rendered_as_the_harness_does(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "chat")
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
    tokenizer.save_pretrained(folder)
    study = write_study(tmp_path, folder, "{tasks: [tiny-choice], include: tasks}", limit=4)
    study.write_text(study.read_text().replace(", {sft: {peft: lora}}", "") + "tokens: {template: chat}\n")
    plan, run = worked(study, tmp_path / "run")
    theirs = official(folder, tmp_path / "tasks", "tiny-choice", 4, apply_chat_template=True)
    (cell,) = [one.cell.id for one in plan.cells.values() if one.cell.test_task == "tiny-choice"]
    rows = {row.sample_id: row for row in read_predictions(run.cell(cell))[0]}
    for sample in theirs["samples"]["tiny-choice"]:
        row = rows[f"tiny-choice/{sample['doc_id']}"]
        assert row.prompt == sample["arguments"][0][0]
        assert row.label_scores == pytest.approx([float(one[0][0]) for one in sample["resps"]], abs=1e-4)


def test_out_of_memory_is_tried_again_with_half_the_budget(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    whole = LocalEngine.score_labels

    def once(self: LocalEngine, queries: Any) -> Any:
        seen.append(self.batch_tokens)
        if len(seen) == 1:
            raise torch.OutOfMemoryError("out of memory")
        return whole(self, queries)

    study = write_study(tmp_path, base, "{tasks: [tiny-choice], include: tasks}", limit=4)
    study.write_text(study.read_text().replace("  sentiment: {}\n", "").replace(", {sft: {peft: lora}}", ""))
    monkeypatch.setattr(LocalEngine, "score_labels", once)
    assert run_study(study, tmp_path / "run", RunOptions(quiet=True)).n_failed == 0
    assert len(seen) == 2
    assert seen[1] < seen[0]


def test_measures_have_the_harness_names_and_what_is_no_sum_is_left_out_by_name(done: RunFolder) -> None:
    tasks = read_json(done.plan)["tasks"]
    assert tasks["tiny-choice"]["metrics"] == ["acc,none", "acc_norm,none"]
    assert tasks["tiny-writing"]["metrics"] == ["exact_match,whole", "exact_match,letters"]
    assert tasks["tiny-text"]["metrics"] == ["word_perplexity,none", "byte_perplexity,none", "bits_per_byte,none"]
    notes = read_json(cells(done, "base")["tiny-choice"] / "cell.json")["notes"]
    assert any(note.startswith("tiny-choice 2-shot: not measured: f1 of lm-eval") for note in notes)
    directions = {one: METRICS.get(one).higher_is_better for one in ("acc,none", "word_perplexity,none")}
    assert directions == {"acc,none": True, "word_perplexity,none": False}
    assert [METRICS.get(one).binary for one in ("acc,none", "exact_match,letters", "bits_per_byte,none")] == [
        True,
        True,
        False,
    ]


def test_what_was_adapted_is_weighed_on_them_as_on_any_other_task(done: RunFolder) -> None:
    rows = [row for row in read_csv(done.summary) if "," in row["metric"] and row["method"] == "sft"]
    assert {row["relation"] for row in rows} == {"cross_task"}
    first = {row["test_task"]: row for row in reversed(rows)}
    assert all(row["verdict"] and row["sim_low"] and row["delta"] for row in first.values())
    (entry,) = read_json(done.findings)["decision"]["per_task"]
    harms = {test for one in entry["harms"] for test in one["tests"]}
    assert {"tiny-choice 2-shot", "tiny-last"} <= harms


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_report_shows_them_by_their_names(done: RunFolder, tmp_path: Path, lang: Any) -> None:
    where = done.report if lang == "en" else tmp_path / "report.html"
    if lang != "en":  # which the run wrote itself
        render_report(done, where, lang)
    page = where.read_text(encoding="utf-8")
    assert "tiny-choice 2-shot" in page
    assert "exact_match,letters" in page


def test_a_group_is_one_test_set_whose_first_rows_are_of_all_its_tasks(base: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, base, "{tasks: [tiny-group], include: tasks, shots: 0}", limit=6)
    study.write_text(study.read_text().replace(", {sft: {peft: lora}}", ""))
    plan = build_plan(load_study(study))
    (test,) = {
        cell.test.dataset.name: cell.test for cell in plan.cells.values() if cell.cell.test_task == "tiny-group"
    }.values()
    assert [row.id for row in test.examples] == [
        f"{name}/{n}" for n in range(3) for name in ("tiny-choice", "tiny-own-choices")
    ]
    assert {row.slices["subtask"] for row in test.examples} == {"tiny-choice", "tiny-own-choices"}
    folder = run_study(study, tmp_path / "run", RunOptions(quiet=True)).folder
    (row,) = [one for one in read_csv(folder.summary) if one["metric"] == "acc,none" and one["method"] == "base"]
    expected = [official(base, tmp_path / "tasks", name, 3) for name in ("tiny-own-choices",)]
    own = [one for one in read_predictions(cells(folder, "base")["tiny-group"])[0] if "own" in one.sample_id]
    assert sum(one.measures["acc,none"][0] for one in own if one.measures) / 3 == pytest.approx(
        expected[0]["results"]["tiny-own-choices"]["acc,none"]
    )
    assert row["n"] == "6"


def test_a_rerun_asks_nothing_and_other_settings_are_other_cells(base: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, base, "{tasks: [tiny-choice], include: tasks}", limit=4)
    first = build_plan(load_study(study))
    run = run_study(study, tmp_path / "run", RunOptions(quiet=True))
    assert run_study(study, tmp_path / "run", RunOptions(quiet=True)).n_new == 0
    again = load_study(run.folder.path / "study.yaml")
    assert set(build_plan(again).cells) == set(first.cells)
    write_tasks(tmp_path / "tasks", **{"tiny-choice": {"doc_to_text": "{{text}} Sentiment:"}})
    forget()
    changed = {
        one.cell.test_task for one in build_plan(load_study(study)).cells.values() if one.cell.id not in first.cells
    }
    assert changed == {"tiny-choice"}


def test_ids_do_not_depend_on_where_files_lie_but_on_the_rows_that_are_shown(base: Path, tmp_path: Path) -> None:
    asked = "{tasks: [tiny-choice], include: tasks}"
    ids = [set(build_plan(load_study(write_study(tmp_path / name, base, asked))).cells) for name in ("a", "b")]
    assert ids[0] == ids[1]
    moved = write_study(tmp_path / "c", base, asked)
    shown = tmp_path / "c/tasks/shown.jsonl"
    shown.write_text(shown.read_text(encoding="utf-8").replace("Shown", "Seen"), encoding="utf-8")
    changed = {one.cell.test_task for one in build_plan(load_study(moved)).cells.values() if one.cell.id not in ids[0]}
    assert changed == {"tiny-choice"}


def few_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the harness come with few tasks: it reads thousands of files to know their names."""
    from lm_eval.tasks import manager

    whole = Path(str(manager.__file__)).parent
    shutil.copytree(whole / "hellaswag", folder / "hellaswag")
    monkeypatch.setattr(manager, "__file__", str(folder / "manager.py"))


def test_a_study_that_grows_asks_them_whole(base: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, base, "{tasks: [tiny-choice], include: tasks}", more=", until: decided, block: 10")
    plan = build_plan(load_study(study))
    assert {one.n_first for one in plan.cells.values() if one.cell.test_task == "tiny-choice"} == {N}


@pytest.mark.parametrize(
    ("lm_eval", "more", "says"),
    [
        ("[]", "", "tasks.lm_eval: [] is empty; give at least 1"),
        ("{include: tasks}", "", "tasks.lm_eval.tasks: the key is missing"),
        ("{tasks: [tiny-choice], include: gone}", "", "gone is no folder; name one with task files (YAML) of lm-eval"),
        ("{tasks: [tiny-choices], include: tasks}", "", "lm-eval has no task 'tiny-choices': did you mean 'tiny-choice'"),
        ("{tasks: [hellaswags], include: tasks}", "", "lm-eval has no task 'hellaswags': did you mean 'hellaswag'"),
        ("{tasks: [tiny-choice, tiny-choice], include: tasks}", "", "['tiny-choice', 'tiny-choice'] names something twice"),
        ("{tasks: [sentiment], include: tasks}", "", "'sentiment' is a task of the study, too"),
        ("{tasks: [tiny-choice], include: tasks, shot: 2}", "", "unknown key 'shot'"),
        ("{tasks: [tiny-choice], include: tasks, shots: -1}", "", "tasks.lm_eval.shots: -1"),
        ("{tasks: [tiny-gone], include: tasks}", "", "lm-eval task 'tiny-gone' cannot be loaded: "),
        ("{tasks: [tiny-f1], include: tasks}", "", "lm-eval 'tiny-f1' has no metric that is a sum over samples"),
        ("{tasks: [tiny-choice], include: tasks}", ", prompts: {tiny-choice: [p2]}", "task tiny-choice is asked as lm-eval says"),
    ],
)  # fmt: skip
def test_wrong_entries_are_one_line(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lm_eval: str, more: str, says: str
) -> None:
    few_of_its_own(tmp_path / "own", monkeypatch)
    study = write_study(tmp_path, base, lm_eval, more=more)
    choice = SETTINGS["tiny-choice"]
    write_tasks(
        tmp_path / "tasks",
        **{
            "tiny-gone": choice | {"dataset_kwargs": {"data_files": {"test": str(tmp_path / "gone.jsonl")}}},
            "tiny-f1": choice | {"metric_list": [{"metric": "f1"}]},
        },
    )
    with pytest.raises(HankaError) as caught:
        load_study(study)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_thinking_is_refused(base: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, base)
    study.write_text(study.read_text() + "tokens: {template: chat, thinking: on}\n")
    with pytest.raises(HankaError, match=r"tokens.thinking: tasks of lm-eval leave no room for reasoning"):
        load_study(study)


def test_how_an_aggregation_sums_is_found_by_what_it_makes_of_numbers() -> None:
    from lm_eval.api import metrics

    assert summed_by(metrics.mean) == "mean"
    assert summed_by(metrics.perplexity) == "perplexity"
    assert summed_by(metrics.weighted_perplexity) == "weighted_perplexity"
    assert summed_by(metrics.bits_per_byte) == "bits_per_byte"
    assert summed_by(lambda lists: sum(map(sum, lists)) / sum(map(len, lists))) == "pooled"
    for other in (metrics.median, metrics.f1_score, metrics.matthews_corrcoef, max, sum):
        assert summed_by(other) is None


@pytest.mark.parametrize(
    ("value", "how", "expected"),
    [
        (True, "mean", (1.0, 1.0)),
        ([1, 0, 1], "pooled", (2.0, 3.0)),
        (-1.5, "perplexity", (1.5, 1.0)),
        ((-3.0, 4), "weighted_perplexity", (3.0, 4.0)),
        ((-math.log(2), 8), "bits_per_byte", (1.0, 8.0)),
        (float("nan"), "mean", None),
        ([], "pooled", None),
        ((-1.0, 0), "bits_per_byte", None),
    ],
)
def test_amounts_and_units(value: Any, how: Any, expected: tuple[float, float] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="is no number"):
            amount_and_units(value, how)
    else:
        assert amount_and_units(value, how) == pytest.approx(expected)


def test_a_stored_measure_that_is_no_number_is_damage(done: RunFolder, tmp_path: Path) -> None:
    rows = read_predictions(cells(done, "base")["tiny-last"])[0]
    assert json.loads(json.dumps(rows[0].measures)) == {
        name: list(pair) for name, pair in (rows[0].measures or {}).items()
    }
