"""A study that grows until it is decided, run for real on a tiny model that decides nothing, or everything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hanka import run as whole_run
from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import load_study
from hanka.terminal.plan_table import describe_plan, print_plan
from tiny_models import save_tiny_model

QUIET = RunOptions(quiet=True)
TEXT = """\
name: growing
base: {base}
datasets: {{mine: {{task: sentiment, domain: mail, train: train.jsonl, test: test.jsonl}}}}
tasks: {{sentiment: {{train: mine, in_domain: [mine], out_of_domain: []}}}}
methods: [base, {{sft: {{peft: none}}}}]
train: {{sizes: [8], epochs: 60, learning_rate: 1.0e-2, batch_size: 4}}
eval: {{shots: [0], limit: 30{eval}}}
stats: {{resamples: 200}}
"""
GROWING = ", until: decided, block: 10"
TABLES = ("summary.csv", "findings.json", "looks.json", "scores.parquet")


def write_study(folder: Path, base: Path, asked: str) -> Path:
    """Reviews: a word says the label of those that are trained on, and nothing of those tested on; five of these come twice."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, n, start, every in (("train", 12, 100, 1), ("test", 30, 0, 2)):
        rows = [
            {
                "input": f"{('good', 'bad')[place // every % 2]} {start + place % 25}",
                "output": ("positive", "negative")[place % 2],
            }
            for place in range(n)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = folder / "study.yaml"
    path.write_text(TEXT.format(base=base, eval=asked), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def grown(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunFolder]:
    study = write_study(tmp_path_factory.mktemp("grown"), base, GROWING)
    return study, run_study(study, study.parent / "run", QUIET).folder


def answers(folder: RunFolder) -> dict[tuple[str, str], object]:
    plan = read_json(folder.plan)
    label = {one["id"]: one["label"] for one in plan["variants"]}
    return {
        (label[cell["variant_id"]], one.sample_id): (one.prompt_sha256, one.parsed, one.label_scores)
        for cell in plan["cells"]
        for one in read_predictions(folder.cell(cell["id"]))[0]
    }


@pytest.mark.usefixtures("without_page")
def test_grown_to_its_end_a_study_has_asked_what_it_would_have_asked_at_once(
    base: Path, grown: tuple[Path, RunFolder]
) -> None:
    _, folder = grown
    looks = read_json(folder.looks)["looks"]
    assert [sorted(set(one["rows"].values())) for one in looks] == [[10], [20], [30]]
    assert looks[-1]["grow"] == {}
    once = write_study(folder.path.parent / "once", base, "")
    found, known = answers(folder), answers(run_study(once, once.parent / "run", QUIET).folder)
    assert found.keys() == known.keys()
    for key, (prompt, parsed, scores) in found.items():
        assert (prompt, parsed) == known[key][:2]
        assert scores == pytest.approx(known[key][2], abs=1e-5)


def test_records_count_all_rows_and_the_run_says_that_it_grew(grown: tuple[Path, RunFolder]) -> None:
    _, folder = grown
    for cell in read_json(folder.plan)["cells"]:
        record = read_json(folder.cell(cell["id"]) / "cell.json")
        assert (record["n"], record["n_wanted"], cell["n_rows"]) == (30, 30, 30)
    findings = read_json(folder.findings)
    assert findings["growth"]["n_looks"] == 3
    assert any(note["kind"] == "growth" for note in findings["notes"])
    assert "Stopped when decided" in folder.report.read_text(encoding="utf-8")


def test_a_rerun_asks_nothing(grown: tuple[Path, RunFolder]) -> None:
    study, folder = grown
    before = {name: (folder.path / name).read_bytes() for name in TABLES}
    assert run_study(study, folder.path, QUIET).n_new == 0
    assert {name: (folder.path / name).read_bytes() for name in TABLES} == before


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize("moment", ["look", "want_rows", "_execute"])
def test_interrupted_at_any_look_it_ends_the_same(
    grown: tuple[Path, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """What was trained is kept: the rest is as in a run that has asked nothing yet."""
    study, folder = grown
    shutil.copytree(folder.path / "variants", tmp_path / "run/variants")
    real, calls = getattr(whole_run, moment), []

    def interrupted(*arguments: object) -> object:
        calls.append(moment)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(whole_run, moment, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, tmp_path / "run", QUIET)
    run_study(study, tmp_path / "run", QUIET)
    for name in TABLES:
        assert (tmp_path / "run" / name).read_bytes() == (folder.path / name).read_bytes(), name


@pytest.mark.usefixtures("without_page")
def test_interrupted_while_it_asks_for_more_rows_it_goes_on_with_the_look_that_was_under_way(
    grown: tuple[Path, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One system would have the rows of the second look and the other not: looking at that would be a look too many."""
    study, folder = grown
    shutil.copytree(folder.path / "variants", tmp_path / "run/variants")
    real = whole_run.want_rows

    def half(run: RunFolder, rows: dict[str, int]) -> None:
        real(run, dict(list(rows.items())[:1]))
        if len(rows) > 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(whole_run, "want_rows", half)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, tmp_path / "run", QUIET)
    wanted = [read_json(path)["n_wanted"] for path in sorted((tmp_path / "run").glob("cells/*/cell.json"))]
    assert sorted(wanted) == [10, 20]
    run_study(study, tmp_path / "run", QUIET)
    for name in TABLES:
        assert (tmp_path / "run" / name).read_bytes() == (folder.path / name).read_bytes(), name


def test_rows_of_one_question_follow_each_other(grown: tuple[Path, RunFolder]) -> None:
    _, folder = grown
    cell = read_json(folder.plan)["cells"][0]
    groups = read_predictions(folder.cell(cell["id"]))[1]
    for group in {one for one in groups if one}:
        places = [place for place, one in enumerate(groups) if one == group]
        assert places == list(range(places[0], places[-1] + 1))


def test_the_plan_says_that_its_times_are_the_most(
    base: Path, grown: tuple[Path, RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for study, at_most in ((grown[0], True), (write_study(tmp_path, base, ""), False)):
        print_plan(describe_plan(build_plan(load_study(study)), RunFolder(tmp_path / "run")))
        said = " ".join(capsys.readouterr().out.split())
        assert ("Estimated: at most " in said, "no question is decided before" in said) == (at_most, at_most)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (", block: 10", "block: 10 is read with `until: decided` alone"),
        (", until: decided, block: 5", "give a number ≥ 10"),
        (", until: sure", "decided"),
        (", until: decided, blok: 20", "block"),
    ],
)
def test_wrong_keys_are_refused_in_one_line(base: Path, tmp_path: Path, asked: str, said: str) -> None:
    with pytest.raises(StudyError) as refused:
        load_study(write_study(tmp_path, base, asked))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
