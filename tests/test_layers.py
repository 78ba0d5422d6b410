"""The layer rule of the architecture, read from the imports: a module imports only from the left.

Imports inside functions count like others, except for cost: what is heavy may be imported there only.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from fake_runs import fake_run, write_study

SOURCE = Path(__file__).parents[1] / "src/hanka"
LAYERS = (
    ("hanka", "errors", "records", "registry", "identity"),
    ("store", "declared"),
    ("stats",),
    ("metrics",),
    ("tasks",),
    ("guardrails",),
    ("datasets",),
    ("models",),
    ("prompting",),
    ("training", "engines", "tuners"),
    ("harness",),
    ("methods", "recipes", "contexts"),
    ("probes",),
    ("study",),
    ("plan",),
    ("costs",),
    ("audits", "work", "executors"),
    ("analysis",),
    ("report",),
    ("operations",),
    ("advise",),
    ("judge",),
    ("terminal",),
    ("run",),
    ("commands",),
    ("cli",),
)
"From left to right; modules of one layer may import each other where that makes no cycle."
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
READING = ("guardrails", "analysis", "report", "operations")
NOT_FOR_READING = {
    "run", "plan", "study", "engines", "models", "methods", "training", "tuners", "prompting", "probes", "recipes", "contexts",
    "work", "executors", "audits", "costs", "cli", "terminal", "commands", "advise", "judge",
}  # fmt: skip
HEAVY = {"torch", "transformers", "peft", "accelerate", "trl", "safetensors", "gguf", "tokenizers"}
RUNS_MODELS = {"torch", "transformers", "peft", "accelerate", "trl"}
HEAVY_AT_MODULE_LEVEL = {
    "engines/served/steered.py", "engines/local.py", "engines/generation.py", "engines/voices.py", "engines/sampling.py", "models/decoding.py", "models/packing.py", "models/segments.py", "models/attention.py", "models/lean.py", "training/head.py", "training/gradient.py", "tuners/biases.py", "tuners/bottlenecks.py", "tuners/lora_start.py", "tuners/own_weights.py", "tuners/rests.py",
}  # fmt: skip
HEAVY_IN_FUNCTIONS = (
    "models/",
    "training/",
    "engines/",
    "tuners/",
    "probes/",
    "work/",
    "executors/",
    "costs/speed.py",
)
PICKLE_LIKE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
MAY_PICKLE = re.compile(r"\b(torch|np)\b[\s\\]*\.[\s\\]*(save|load|savez)\b|allow_pickle")
"Text that a module holds where it is worth to be read as a tree."


class Import(NamedTuple):
    """One imported module."""

    name: str
    "Full dotted name."
    line: int
    "Where it stands."
    when: str
    "import: when the module is imported; call: inside a function; check: for type checking only."


def imports_of(path: Path) -> Iterator[Import]:
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), "import")


def _imports(node: ast.AST, when: str) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = when
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            inside = "call" if when == "import" else when
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            inside = "check"
        elif isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, when) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"a relative import in line {child.lineno}"
            for alias in child.names:
                yield Import(_module(str(child.module), alias.name), child.lineno, when)
        elif (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Name)
            and child.func.id == "Registry"
            and isinstance(child.args[1], ast.Dict)
        ):
            for entry in child.args[1].values:  # imported when it is looked up
                assert isinstance(entry, ast.Constant)
                yield Import(str(entry.value).partition(":")[0], entry.lineno, "call")
        yield from _imports(child, inside)


def _module(package: str, name: str) -> str:
    """`from package import name`: the name may itself be a module."""
    parts = package.split(".")
    if parts[0] == "hanka":
        beside = SOURCE.joinpath(*parts[1:], name)
        if beside.is_dir() or beside.with_suffix(".py").is_file():
            return f"{package}.{name}"
    return package


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str:
    """The part of `hanka.part.…` that the rule speaks of."""
    return module.split(".")[1] if "." in module else module


MODULES: Mapping[Path, list[Import]] = {path: list(imports_of(path)) for path in sorted(SOURCE.rglob("*.py"))}
EVERY = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))


@EVERY
def test_a_module_imports_only_from_the_left(path: Path) -> None:
    own = layer_of(module_name(path))
    assert own in RANK, f"{path} is in no layer; add it to LAYERS"
    wrong = [
        f"line {one.line}: {one.name}"
        for one in MODULES[path]
        if one.name.split(".")[0] == "hanka" and RANK[layer_of(one.name)] > RANK[own]
    ]
    assert wrong == []


@EVERY
def test_reading_never_imports_running(path: Path) -> None:
    if layer_of(module_name(path)) in READING:
        wrong = [
            one for one in MODULES[path] if one.name.startswith("hanka.") and layer_of(one.name) in NOT_FOR_READING
        ]
        assert wrong == []


def cycle(*, when: tuple[str, ...]) -> list[str]:
    graph = {
        module_name(path): {one.name for one in found if one.when in when and one.name.startswith("hanka.")}
        - {module_name(path)}
        for path, found in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_by_a_detour() -> None:
    assert cycle(when=("import", "call", "check")) == []


@EVERY
def test_heavy_libraries_are_met_only_where_models_run(path: Path) -> None:
    place = path.relative_to(SOURCE).as_posix()
    heavy = [one for one in MODULES[path] if one.name.split(".")[0] in HEAVY]
    if place not in HEAVY_AT_MODULE_LEVEL:
        assert [one for one in heavy if one.when == "import"] == []
    adapts = place.startswith("methods/") and place.endswith("/adapt.py")
    allowed = adapts or place.startswith(HEAVY_IN_FUNCTIONS) or place == "terminal/doctor.py"
    assert allowed or [one for one in heavy if one.when == "call" and one.name.split(".")[0] in RUNS_MODELS] == []


@EVERY
def test_nothing_is_pickled(path: Path) -> None:
    assert [one for one in MODULES[path] if one.name.split(".")[0] in PICKLE_LIKE] == []
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if MAY_PICKLE.search(text) else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("torch", "np"):
            assert node.attr not in ("save", "load", "savez"), f"line {node.lineno}: {node.value.id}.{node.attr}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


LOOK = """
import json, sys
from hanka.cli import main
codes = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["hanka", *words]
    try:
        main()
        codes.append(0)
    except SystemExit as leaving:
        codes.append(leaving.code or 0)
found = sorted({name.split(".")[0] for name in sys.modules})
print("\\n" + json.dumps([codes, found]))
"""


def libraries_of(*commands: list[str], folder: Path) -> set[str]:
    """Run commands that must succeed in a fresh interpreter; return the packages it imported."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, json.dumps(commands)], capture_output=True, text=True, cwd=folder, check=True
    )
    codes, found = json.loads(done.stdout.splitlines()[-1])
    assert codes == [0] * len(commands)
    return set(found)


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    found = libraries_of(["--help"], folder=tmp_path)
    assert not found & (HEAVY | {"numpy", "scipy", "pyarrow", "duckdb", "vl_convert", "pydantic", "datasets"})


def test_validate_and_plan_import_no_torch(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    found = libraries_of(["validate", str(study)], ["plan", str(study)], folder=tmp_path)
    assert not found & HEAVY


def test_a_study_without_demonstrations_is_checked_without_numpy(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "{name: s, base: smollm2-135m-instruct, data: {source: toy}, tasks: {sentiment: {}}, methods: [base]}"
    )
    found = libraries_of(["validate", str(study)], folder=tmp_path)
    assert "pydantic" in found
    assert not found & (HEAVY | {"numpy", "scipy", "pyarrow", "sklearn"})


def test_report_imports_no_torch(tmp_path: Path) -> None:
    fake_run(write_study(tmp_path), tmp_path / "run")
    found = libraries_of(["report", str(tmp_path / "run")], folder=tmp_path)
    assert not found & HEAVY
    assert (tmp_path / "run/report.html").is_file()
