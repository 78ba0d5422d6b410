"""Every method of METHODS on tiny models, taken from a study through the plan and made by a worker, as a run would.

A new method is covered without another line where its defaults can be made; `NEEDS` says what it needs otherwise.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from hanka.contexts import CONTEXTS
from hanka.errors import StudyError
from hanka.methods import METHODS, Method
from hanka.plan import Plan, PlannedVariant, build_plan
from hanka.records import Prediction
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tuners import TUNERS
from hanka.tuners.resident import Resident
from hanka.work.adapt import make_variant
from hanka.work.place import Report
from hanka.work.worker import Worker
from tiny_models import save_tiny_model

NEEDS: dict[str, dict[str, Any]] = {
    "interpolate": {"of": "tuned"},
    "merge": {"of": ["tuned", "other"]},
    "restore": {"of": "tuned"},
    "proxy": {"expert": {"of": "tuned", "base": "SMALL"}},
    "select": {"of": ["tuned", "other"]},
    "reduce_intruders": {"of": "tuned"},
    "classifier": {"bases": ["tfidf"]},
    "existing": {"path": "THERE", "bases": ["TINY"]},
    "distil": {"before": "{input}\n\n", "teacher": {"of": "base", "base": "SMALL"}, "learning_rate": 5e-3},
}
TUNER_NEEDS: dict[str, dict[str, Any]] = {"bitfit": {"biases": "added"}, "ia3": {"learning_rate": 5e-2}}
COURSES = [method for method in METHODS if method.course]
PLUGGED = tuple(name for name in TUNERS.names() if not TUNERS.get(name).params.__module__.startswith("hanka.tuners"))
EACH = ("none", "lora", "bitfit", "ia3")
"Tuners that the plainest method trains with; the first two train with every method."
FURTHER = ("adalora", "bottleneck", "head", "ln_tuning", "prefix_tuning", *PLUGGED)
"One of every other way to put something onto a model, for the plainest method; tests/contracts/test_tuners.py has all."
WAYS = [
    (method, tuner) for method in COURSES for tuner in (method.tuners or (EACH if method.name == "sft" else EACH[:2]))
]
WAYS += [(METHODS.get("sft"), tuner) for tuner in FURTHER]
EVERY = pytest.mark.parametrize("method", list(METHODS), ids=METHODS.names())
EVERY_WAY = pytest.mark.parametrize(("method", "tuner"), WAYS, ids=lambda one: getattr(one, "name", one))
FALL = {"ia3": 0.0, "ln_tuning": 0.0, "prefix_tuning": 0.0, "distil": 0.0}
"Nats per token the loss falls by, 0.1 unless said; keys, values and norms of a random model, or a teacher of random weights, have little to give."


@dataclass(slots=True)
class Run:
    """Units of a study, carried out."""

    plan: Plan
    folder: RunFolder
    worker: Worker

    def variant(self, label: str, seed: int = 0) -> PlannedVariant:
        (found,) = [
            one
            for one in self.plan.variants.values()
            if one.variant.label == label and one.variant.seed == seed and one.model is not self.plan.study.models[1]
        ]
        return found

    def made(self, label: str, seed: int = 0) -> dict[str, Any]:
        return read_json(self.path(label, seed) / "variant.json")

    def path(self, label: str, seed: int = 0) -> Path:
        return self.folder.variant(self.variant(label, seed).variant.id)

    def weights(self, label: str, seed: int = 0) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in sorted(self.path(label, seed).glob("*.safetensors"))}

    def make(self, label: str) -> None:
        """Make the variants of a label, and bases as they are that these hear, and ask them; all else is left aside."""
        for planned in [one for one in self.plan.variants.values() if one.variant.label == label]:
            make_heard(self, planned)
        for unit in self.plan.units():
            if unit.kind == "prepare" or self.plan.variants[unit.of].variant.label == label:
                self.worker.run(unit)

    def answers(self, label: str, seed: int = 0) -> dict[tuple[Any, ...], list[Prediction]]:
        cells = self.plan.cells_of(self.variant(label, seed).variant.id)
        return {
            (one.cell.test_dataset, one.cell.shots): read_predictions(self.folder.cell(one.cell.id))[0] for one in cells
        }


def make_heard(run: Run, planned: PlannedVariant) -> None:
    """Make the bases as they are that a variant is made from: nothing has to be trained for that."""
    for parent in planned.parents:
        if run.plan.variants[parent.variant_id].variant.is_unadapted:
            make_variant(run.worker.place, run.plan.variants[parent.variant_id])


Do = Callable[..., Run]


def said(answers: dict[tuple[Any, ...], list[Prediction]]) -> dict[tuple[Any, ...], list[Any]]:
    """Everything that came out, to the last bit."""
    return {key: [(one.output, one.label_scores) for one in rows] for key, rows in answers.items()}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrower model with the same tokenizer; beside it, one in the shape of the tiny one."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "there", seed=9)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1}
    return save_tiny_model(folder / "small", seed=5, **sizes)


@pytest.fixture(scope="module")
def do(tiny_folder: Path, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Do]:
    """Carry out a study of some entries; what several of them have in common is made and asked once."""
    known: dict[str, Run] = {}
    folder, held = tmp_path_factory.mktemp("run"), Resident()

    def carried_out(*entries: dict[str, Any], **changes: Any) -> Run:
        text = repr((entries, sorted(changes.items())))
        if text not in known:
            known[text] = run(folder, study(tiny_folder, small, list(entries), **changes), resident=held)
            gc.freeze()  # collections of garbage pass over what is kept, until the last test here
        return known[text]

    yield carried_out
    known.clear()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def study(tiny: Path, small: Path, entries: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": "contract",
        "base": [str(tiny), str(small), {"encoder": "tfidf"}],
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}, "question": {"train": None, "out_of_domain": []}},
        "methods": entries,
        "train": {"sizes": [8], "batch_size": 4, "epochs": 2, "learning_rate": 2e-2, "checkpoint_seconds": 1000},
        "eval": {"shots": [0, 1], "limit": 2, "max_new_tokens": 3},
    }
    only = [METHODS.get(name).asked_with for one in entries for name in one if METHODS.get(name).asked_with]
    values["eval"] |= {"contexts": ["drawn", *only]} if only else {}
    for path, value in changes.items():
        above, _, last = path.rpartition("__")
        (values.setdefault(above, {}) if above else values)[last] = value
    text = yaml.safe_dump(values)
    for word, place in {"SMALL": small, "THERE": small.with_name("there"), "TINY": tiny}.items():
        text = text.replace(word, str(place))
    return yaml.safe_load(text)


def planned(folder: Path, values: dict[str, Any]) -> Plan:
    return build_plan(resolve(parse_source(yaml.safe_dump(values), folder / "study.yaml")))


def begun(folder: Path, values: dict[str, Any], resident: Resident, report: Report = lambda _what, _share: None) -> Run:
    """A study of which nothing is made that is not in the folder."""
    plan = planned(folder, values)
    out = RunFolder(folder)
    found = Run(plan, out, Worker(plan, out, report))
    found.worker.place.resident = resident
    return found


def run(folder: Path, values: dict[str, Any], resident: Resident) -> Run:
    found = begun(folder, values, resident)
    for unit in found.plan.units():
        found.worker.run(unit)
    return found


def entry(method: Method, tuner: str = "", **params: Any) -> dict[str, Any]:
    own = dict(NEEDS.get(method.name, {}))
    if tuner:
        own |= {"peft": tuner} | TUNER_NEEDS.get(tuner, {}) | {"bases": ["TINY"]}
    own |= params
    return {method.name: {"name": "it"} | {key: value for key, value in own.items() if value is not None}}


def entries(method: Method, tuner: str = "", **params: Any) -> list[dict[str, Any]]:
    """What a method is made from, and itself under the name `it`."""
    made = (
        [{"sft": {"name": "tuned", "validation": 0.2}}, {"sft": {"name": "other", "prompt": "p2", "validation": 0.2}}]
        if method.follows_parents
        else []
    )
    return [*made, entry(method, tuner, **params)]


@EVERY
def test_declares_itself(method: Method) -> None:
    assert method.description
    assert method.reference
    assert method.version >= 1
    assert method.asked_with in ("", *CONTEXTS.names())
    fields = method.params.model_fields
    assert all(name in NEEDS.get(method.name, {}) for name, field in fields.items() if field.is_required())


@EVERY
@pytest.mark.parametrize("wrong", [{"not_a_parameter": 1}, {"name": ""}, {"bases": ["nowhere"]}], ids=str)
def test_unknown_and_wrong_parameters_are_one_line_of_the_study(
    method: Method, wrong: dict[str, Any], tiny_folder: Path, small: Path, tmp_path: Path
) -> None:
    values = study(tiny_folder, small, entries(method, **wrong))
    with pytest.raises(StudyError) as found:
        resolve(parse_source(yaml.safe_dump(values), tmp_path / "study.yaml"))
    assert "\n" not in str(found.value)
    assert "study.yaml:" in str(found.value)


@EVERY
def test_is_made_answers_all_it_is_asked_and_leaves_no_checkpoint_and_no_pickle(do: Do, method: Method) -> None:
    found = do(*entries(method), eval__shots=[0])
    cells = [one for one in found.plan.cells.values() if found.plan.variants[one.cell.variant_id].variant.label == "it"]
    assert cells
    for cell in cells:
        record = read_json(found.folder.cell(cell.cell.id) / "cell.json")
        assert (record["status"], record["n_failed"]) == ("done", 0), record["reason"]
    files = {path.suffix for path in found.folder.path.glob("variants/*/*") if path.is_file()}
    assert files <= {".safetensors", ".json", ".jsonl", ".md", ".txt", ".jinja"}
    assert not list(found.folder.path.glob("variants/*/checkpoints"))


@EVERY_WAY
def test_loss_falls_on_toy_data(do: Do, method: Method, tuner: str) -> None:
    record = do(entry(method, tuner)).made("it")["record"]
    assert record["loss_last"] < record["loss_first"] - FALL.get(method.name, FALL.get(tuner, 0.1))
    assert record["n_examples"] == 8
    assert record["steps"] == 4


@EVERY_WAY
def test_only_declared_weights_change(do: Do, method: Method, tuner: str) -> None:
    found = do(entry(method, tuner))
    made = found.made("it")
    assert made["tuner"] == tuner
    place = found.worker.place
    base = found.variant("base").model
    before = {name: value.clone() for name, value in place.resident.base(base, "float32").model.named_parameters()}
    with place.lend(found.variant("it").variant.id) as loaded:
        after = {name.replace(".base_layer", "").replace("base_model.model.", ""): value.clone()
                 for name, value in loaded.model.named_parameters()}  # fmt: skip
    changed = {name for name, value in before.items() if not torch.equal(value, after.get(name, value))}
    assert (changed == set(before)) == (tuner == "none" and method.name != "spider") or tuner == "none"
    assert changed == set() or tuner == "none"
    saved = {name: value for file in found.path("it").glob("*.safetensors") for name, value in load_file(file).items()}
    if tuner not in ("none", "adalora"):  # the latter leaves out what it has taken away
        assert made["n_trained_parameters"] == sum(value.numel() for value in saved.values())


@EVERY_WAY
def test_untrained_is_the_base_exactly(do: Do, method: Method, tuner: str) -> None:
    if TUNERS.get(tuner).params().at_start:
        assert "untrained it is not its base" in str(do(entry(method, tuner)).made("it")["record"]["notes"])
        return
    found = do(entry(method, tuner, learning_rate=1e-30))
    base = said(found.answers("base"))
    own = said(found.answers("it"))
    assert own
    assert {key: base[key] for key in own} == own


@EVERY_WAY
def test_a_trained_variant_answers_otherwise_than_its_base(do: Do, method: Method, tuner: str) -> None:
    found = do(entry(method, tuner))
    base, own = said(found.answers("base")), said(found.answers("it"))
    assert any(own[key] != base[key] for key in own)


@EVERY
def test_the_same_seed_gives_the_same_bytes(
    do: Do, method: Method, tiny_folder: Path, small: Path, tmp_path: Path
) -> None:
    """A second time from the same parents; those that a course makes are cases of their own."""
    first = do(*entries(method), eval__shots=[0])
    values = study(tiny_folder, small, entries(method), eval__shots=[0])
    second = begun(tmp_path, values, first.worker.place.resident)
    for one in second.plan.variants.values():
        if one.variant.label != "it":
            shutil.copytree(first.folder.variant(one.variant.id), second.folder.variant(one.variant.id))
    second.make("it")
    assert first.variant("it").variant.id == second.variant("it").variant.id
    assert first.weights("it") == second.weights("it")
    assert said(first.answers("it")) == said(second.answers("it"))


@EVERY_WAY
def test_another_seed_gives_other_weights(
    do: Do, method: Method, tuner: str, tiny_folder: Path, small: Path, tmp_path: Path
) -> None:
    found = do(entry(method, tuner))
    values = study(tiny_folder, small, [entry(method, tuner)], seeds=[1])
    other = begun(tmp_path, values, found.worker.place.resident)
    make_heard(other, other.variant("it", 1))
    make_variant(other.worker.place, other.variant("it", 1))
    assert other.weights("it", 1).keys() == found.weights("it").keys()
    assert other.weights("it", 1) != found.weights("it")


@pytest.mark.parametrize("method", [one for one in METHODS if not one.is_seeded], ids=lambda one: one.name)
def test_what_draws_nothing_is_made_once_for_all_seeds_of_equal_parents(
    method: Method, tiny_folder: Path, small: Path, tmp_path: Path
) -> None:
    plan = planned(tmp_path, study(tiny_folder, small, entries(method), seeds=[0, 1], eval__shots=[0]))
    own = [one for one in plan.variants.values() if one.variant.label == "it"]
    bases = {one.variant.base for one in own}
    assert len(own) == len(bases) * (2 if method.follows_parents else 1)


@EVERY_WAY
def test_a_course_broken_off_after_a_checkpoint_ends_where_an_undisturbed_one_does(
    do: Do, method: Method, tuner: str, tiny_folder: Path, small: Path, tmp_path: Path
) -> None:
    values = study(tiny_folder, small, [entry(method, tuner)], train__checkpoint_seconds=0.0)

    def break_off(what: str, _share: float) -> None:
        if "step 3 of" in what:
            raise KeyboardInterrupt

    undisturbed = do(entry(method, tuner))
    held = undisturbed.worker.place.resident
    with pytest.raises(KeyboardInterrupt):
        begun(tmp_path, values, held, break_off).make("it")
    assert list(tmp_path.glob("variants/*/checkpoints/step-*"))
    again = begun(tmp_path, values, held)
    again.make("it")
    assert again.weights("it") == undisturbed.weights("it")
    assert (again.path("it") / "train_log.jsonl").read_text().count("\n") == 4
    assert said(again.answers("it")) == said(undisturbed.answers("it"))


# ---- what is made from others


@pytest.mark.parametrize("tuner", [*EACH, *(name for name in FURTHER if TUNERS.get(name).scale)])
def test_the_ends_of_an_interpolation_are_the_base_and_the_variant(do: Do, tuner: str) -> None:
    only = {"bases": ["TINY"]}
    tuned = {"sft": {"name": "tuned", "peft": tuner} | only | TUNER_NEEDS.get(tuner, {})}
    between = [
        {"interpolate": {"name": f"at {weight}", "of": "tuned", "weight": weight} | only} for weight in (0, 0.5, 1)
    ]
    found = do(tuned, *between)
    base, own = said(found.answers("base")), said(found.answers("tuned"))
    asked = said(found.answers("at 0"))
    assert asked == {key: base[key] for key in asked}
    assert said(found.answers("at 1")) == own
    middle = said(found.answers("at 0.5"))
    assert middle not in (asked, own)


def test_a_proxy_without_weight_or_difference_is_its_base_and_one_on_the_small_model_is_the_expert(do: Do) -> None:
    tuned = {"sft": {"name": "tuned"}}
    expert = {"of": "tuned", "base": "SMALL"}
    found = do(
        tuned,
        {"proxy": {"name": "no weight", "expert": expert, "alpha": 0}},
        {"proxy": {"name": "no difference", "expert": expert, "anti": expert}},
        {"proxy": {"name": "own", "expert": "tuned"}},
        {"proxy": {"name": "steered", "expert": expert}},
    )
    base = said(found.answers("base"))
    for label in ("no weight", "no difference"):
        asked = said(found.answers(label))
        assert asked == {key: base[key] for key in asked}
    # base = anti-expert, and all of the difference is added: what is left is the expert.
    tuned_answers = found.answers("tuned")
    for key, rows in found.answers("own").items():
        for one, other in zip(rows, tuned_answers[key], strict=True):
            assert one.output == other.output
            assert one.label_scores == pytest.approx(other.label_scores, abs=1e-6)
    steered = said(found.answers("steered"))
    assert any(steered[key] != base[key] for key in steered)


def test_a_stage_begins_where_the_one_before_ended_and_a_kept_checkpoint_is_the_shorter_training(do: Do) -> None:
    only: dict[str, Any] = {"bases": ["TINY"]}
    steady = {"schedule": "constant", "keep_steps": [2]} | only
    found = do(
        {"sft": {"name": "first", "peft": "none", "learning_rate": 1e-3} | steady},
        {"sft": {"name": "idle", "start": "first", "learning_rate": 1e-30} | only},
        {"sft": {"name": "second", "start": "first"} | only},
        {"interpolate": {"name": "kept", "of": {"of": "first", "step": 2}, "weight": 1} | only},
        {"sft": {"name": "short", "peft": "none", "learning_rate": 1e-3, "epochs": 1} | steady},
    )
    assert said(found.answers("idle")) == said(found.answers("first"))
    assert said(found.answers("second")) != said(found.answers("first"))
    assert said(found.answers("kept")) == said(found.answers("short"))
    assert found.variant("second").variant.parents == (found.variant("first").variant.id,)


def test_a_failed_parent_is_the_reason_of_its_children_and_the_others_go_on(do: Do) -> None:
    found = do(
        {"sft": {"name": "broken", "peft": "bitfit"}},
        {"sft": {"name": "after", "start": "broken"}},
        {"interpolate": {"name": "between", "of": "broken"}},
        {"proxy": {"name": "steered", "expert": "broken"}},
        {"sft": {"name": "whole"}},
        eval__shots=[0],
    )
    assert "biases: added" in found.made("broken")["reason"]
    for label in ("after", "between", "steered"):
        made = found.made(label)
        assert made["status"] == "failed"
        assert made["reason"].startswith("broken was not made: ")
    assert found.made("whole")["status"] == "done"
    cell = found.plan.cells_of(found.variant("after").variant.id)[0]
    assert "broken was not made" in read_json(found.folder.cell(cell.cell.id) / "cell.json")["reason"]


def test_a_variant_whose_files_are_gone_is_made_again_with_the_same_bytes(
    do: Do, tiny_folder: Path, small: Path, tmp_path: Path
) -> None:
    entries = [{"sft": {"name": "it", "keep_steps": [2], "bases": ["TINY"]}}]
    found = do(*entries)
    before = found.weights("it")
    again = begun(tmp_path, study(tiny_folder, small, entries), found.worker.place.resident)
    variant = again.path("it")
    shutil.copytree(found.path("it"), variant)
    shutil.rmtree(variant / "steps" / "2")
    again.make("it")
    assert again.weights("it") == before
    assert (variant / "steps" / "2" / "adapter_model.safetensors").is_file()
