"""Carry out one unit of work: make a variant, or answer its cells, and store what came out.

adapt → predict → store. A unit that fails for a nameable reason becomes failed rows with that reason; the
run goes on. A variant is always evaluated from its saved files, so that an interrupted and an undisturbed
run score the same weights.
"""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from hanka.costs.speed import known_speed, measure_speed, remember_speed
from hanka.engines.contract import Decoding, Engine, LabelAnswer, Refusal, TextAnswer
from hanka.errors import HankaError, UnitError
from hanka.identity import sha256_text
from hanka.methods.contract import AdaptRequest, TrainingData
from hanka.models.catalogue import ModelRef
from hanka.models.memory import LEAST_TOKENS, free_bytes, is_out_of_memory, pass_tokens, release_memory
from hanka.plan import Plan, PlannedCell, PlannedVariant, Unit
from hanka.prompting import Asked, Prompter, TextPolicy, require_distinct_first_tokens
from hanka.records import Prediction
from hanka.store.folder import RunFolder, make_folder, read_json_or_none, write_json, write_predictions, write_text
from hanka.tuners.contract import Made
from hanka.tuners.resident import Resident

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel

Report = Callable[[str, float], None]
PACKAGES = ("hanka", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy")


@dataclass(slots=True)
class Worker:
    """Carries out units of one plan in this process."""

    plan: Plan
    "The plan."
    folder: RunFolder
    "Where results go."
    report: Report
    "Told what is being done and which share of the unit is done."
    _resident: Resident = field(default_factory=Resident)
    _asked: dict[tuple[str, str, int, str, int], Asked] = field(default_factory=dict)

    def run(self, unit: Unit) -> None:
        """Carry out a unit; done work is skipped. HankaErrors end the run, other failures become rows."""
        planned = self.plan.variants[unit.variant_id]
        if unit.kind == "adapt":
            self._adapt(planned)
        else:
            self._evaluate(planned)

    def measure(self, model: ModelRef) -> None:
        """Measure a base model on this machine and remember its speed."""
        planned = [one for one in self.plan.variants.values() if one.model is model and one.training is not None]
        kinds = sorted({"none" if one.variant.params["peft"] == "none" else "lora" for one in planned})
        remember_speed(model, measure_speed(self._resident, model, self.plan.study.spec.train.dtype, kinds))

    def release(self) -> None:
        """Let go of the model in memory."""
        self._resident.drop()

    # ---- adapt

    def _adapt(self, planned: PlannedVariant) -> None:
        folder = self.folder.variant(planned.variant.id)
        if variant_done(self.folder, planned.variant.id):
            return
        make_folder(folder)
        started = time.monotonic()
        record: dict[str, Any] = {**asdict(planned.variant), "status": "done", "reason": "", "weights": "base"}
        try:
            if planned.blocked:
                raise UnitError(planned.blocked)
            if planned.use is not None:
                record |= self._train(planned)
        except HankaError:
            raise
        except Exception as error:
            record |= {"status": "failed", "reason": _reason(error, self.folder, planned.variant.id)}
        record |= {"seconds": round(time.monotonic() - started, 2), "versions": versions()}
        write_json(folder / "variant.json", record)

    def _train(self, planned: PlannedVariant) -> dict[str, Any]:
        assert planned.use is not None
        assert planned.training is not None
        params = planned.variant.params
        data = TrainingData(
            task=planned.use.task,
            prompt=params["prompt"],
            examples=planned.training.examples,
            demonstrations=planned.demonstrations,
            protocol=self.plan.study.spec.protocol,
            companions=planned.companions,
        )
        folder = self.folder.variant(planned.variant.id)
        full = params["peft"] == "none"
        # Small steps vanish in bfloat16 weights, so full training keeps float32 ones and computes in bfloat16.
        dtype = "float32" if full else params["dtype"]
        with self._resident.lend(planned.model, dtype, train=True, changes_weights=full) as loaded:
            params = self._fitting(params, planned.model, loaded)
            request = AdaptRequest(loaded, data, params, planned.variant.seed, folder, self.report)
            adapted = planned.method.method.adapt(request)
            device, commit = device_name(loaded), loaded.commit
        return {
            "weights": adapted.weights,
            "n_trained_parameters": adapted.n_trained_parameters,
            "record": dict(adapted.record),
            "device": device,
            "base_commit": commit,
        }

    def _fitting(self, params: Mapping[str, Any], model: ModelRef, loaded: LoadedModel) -> Mapping[str, Any]:
        """Lower the token budget to what fits into free memory, where it is known how much a token takes."""
        speed = known_speed(model)
        if speed is None:
            return params
        full = params["peft"] == "none"
        kept = speed.training["none" if full else "lora"].token_bytes
        fixed = 3 * sum(value.nbytes for value in loaded.model.parameters()) if full else 0  # gradients, two moments
        fits = max(LEAST_TOKENS, int((0.8 * free_bytes(loaded.device) - fixed) / kept))
        if fits >= pass_tokens(params["micro_batch_tokens"], loaded.device.type, "training"):
            return params
        self.report(f"little memory: token budget now {fits}", 0.0)
        return {**params, "micro_batch_tokens": fits}

    # ---- evaluate

    def _evaluate(self, planned: PlannedVariant) -> None:
        todo = [cell for cell in self.plan.cells_of(planned.variant.id) if not cell_done(self.folder, cell.cell.id)]
        if not todo:
            return
        made = read_json_or_none(self.folder.variant(planned.variant.id) / "variant.json") or {}
        if made.get("status") != "done":
            for cell in todo:
                self._store_failed(cell, made.get("reason") or "the variant was not made")
            return
        made_in = self.folder.variant(planned.variant.id)
        dtype = self.plan.study.spec.train.dtype
        unadapted = made["weights"] == "base"
        stack = [] if unadapted else [Made(planned.variant.id, planned.variant.params["peft"], made_in)]
        with self._resident.lend(planned.model, dtype, stack) as loaded:
            self._answer_all(planned, sorted(todo, key=_shared_text), loaded)

    def _answer_all(self, planned: PlannedVariant, todo: Sequence[PlannedCell], loaded: LoadedModel) -> None:
        from hanka.engines.local import LocalEngine

        engine = LocalEngine(loaded, self.plan.study.spec.eval.batch_tokens)
        for index, cell in enumerate(todo):
            self.report(
                f"asking {cell.cell.test_dataset}, {cell.cell.shots} shots, {cell.cell.prompt}", index / len(todo)
            )
            try:
                self._answer(cell, loaded, engine)
            except HankaError:
                raise
            except Exception as error:
                self._store_failed(cell, _reason(error, self.folder, planned.variant.id))

    def _answer(self, cell: PlannedCell, loaded: LoadedModel, engine: Any) -> None:
        """Ask one cell; after running out of memory, again with half the token budget."""
        started = time.monotonic()
        budget = engine.batch_tokens
        asked = self._ask(cell, loaded)
        while True:
            try:
                predictions = self._predict(cell, asked, engine)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or not engine.halve():
                    raise
                release_memory()
                self.report(f"out of memory: token budget now {engine.batch_tokens}", 0.0)
        self._store(cell, predictions)
        counts = {status: sum(1 for one in predictions if one.status == status) for status in ("unparsed", "failed")}
        record = self._cell_record(cell) | {
            "status": "done",
            "reason": "",
            "prefix": asked.prefix,
            "template_hash": asked.template_hash,
            "n": len(predictions) - counts["failed"],
            "n_failed": counts["failed"],
            "n_unparsed": counts["unparsed"],
            "n_prompt_tokens": sum(one.n_prompt_tokens for one in predictions),
            "n_output_tokens": sum(one.n_output_tokens for one in predictions),
            "seconds": round(time.monotonic() - started, 3),
            "batch_tokens": [budget, engine.batch_tokens],
            "device": device_name(loaded),
            "notes": list(engine.notes),
            "versions": versions(),
        }
        write_json(self.folder.cell(cell.cell.id) / "cell.json", record)

    def _ask(self, cell: PlannedCell, loaded: LoadedModel) -> Asked:
        one = cell.cell
        key = (loaded.ref.name, one.test_dataset, one.shots, one.prompt, one.draw)
        if key not in self._asked:
            study = self.plan.study
            task = study.tasks[one.test_task].task
            policy = TextPolicy(**study.spec.tokens.model_dump(), protocol=study.spec.protocol)
            prompter = Prompter(loaded.tokenizer, policy)
            asked = prompter.ask(task, one.prompt, cell.demonstrations, cell.test.examples)
            if task.kind == "classification" and study.scoring == "first_token":
                require_distinct_first_tokens(asked.encoded, task.labels, f"task {task.name}, prompt {one.prompt}")
            self._asked[key] = asked
        return self._asked[key]

    def _predict(self, cell: PlannedCell, asked: Asked, engine: Engine) -> list[Prediction]:
        study = self.plan.study
        task = study.tasks[cell.cell.test_task].task
        if task.kind == "classification":
            scored = engine.score_labels(asked.encoded)
            parts: list[dict[str, Any]] = [_label_part(answer, task.labels, study.scoring) for answer in scored]
        else:
            written = engine.generate(asked.encoded, Decoding(study.spec.eval.max_new_tokens, task.stop))
            parts = [_text_part(answer, task.parse) for answer in written]
        return [
            Prediction(
                sample_id=example.id,
                prompt=query,
                prompt_sha256=sha256_text(asked.prefix + query),
                target=example.target,
                n_prompt_tokens=len(encoded.ids),
                **part,
            )
            for example, query, encoded, part in zip(
                cell.test.examples, asked.queries, asked.encoded, parts, strict=True
            )
        ]

    # ---- store

    def _cell_record(self, cell: PlannedCell) -> dict[str, Any]:
        study = self.plan.study
        task = study.tasks[cell.cell.test_task].task
        return (
            asdict(cell.cell)
            | {
                "labels": list(task.labels),
                "demonstrations": [one.id for one in cell.demonstrations],
                "rows_sha256": cell.test.fingerprint,
            }
            | study.answering(task)
        )

    def _store(self, cell: PlannedCell, predictions: Sequence[Prediction]) -> None:
        groups = [example.group for example in cell.test.examples]
        write_predictions(self.folder.cell(cell.cell.id), predictions, groups)

    def _store_failed(self, cell: PlannedCell, reason: str) -> None:
        record = self._cell_record(cell) | {
            "status": "failed",
            "reason": reason,
            "prefix": "",
            "n": 0,
            "n_failed": len(cell.test.examples),
            "versions": versions(),
        }
        write_json(self.folder.cell(cell.cell.id) / "cell.json", record)


def label_scores(answer: LabelAnswer, scoring: str) -> tuple[float, ...]:
    """Return each label's score in nats: its log-likelihood, that per token, or its first token's."""
    if scoring == "first_token":
        return tuple(tokens[0] for tokens in answer.log_likelihoods)
    if scoring == "normalised":
        return tuple(sum(tokens) / len(tokens) for tokens in answer.log_likelihoods)
    return tuple(sum(tokens) for tokens in answer.log_likelihoods)


def _label_part(answer: LabelAnswer | Refusal, labels: Sequence[str], scoring: str) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return _refused(answer)
    scores = label_scores(answer, scoring)
    chosen = labels[max(range(len(labels)), key=lambda index: scores[index])]
    return {
        "output": chosen,
        "parsed": chosen,
        "label_scores": scores,
        "status": "ok",
        "reason": "",
        "n_output_tokens": 0,
    }


def _text_part(answer: TextAnswer | Refusal, parse: Callable[[str], str | None]) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return _refused(answer)
    parsed = parse(answer.text)
    return {
        "output": answer.text,
        "parsed": parsed,
        "label_scores": None,
        "status": "ok" if parsed is not None else "unparsed",
        "reason": "" if parsed is not None else "no answer could be read from the output",
        "n_output_tokens": answer.n_tokens,
    }


def _refused(answer: Refusal) -> dict[str, Any]:
    return {
        "output": None,
        "parsed": None,
        "label_scores": None,
        "status": "failed",
        "reason": answer.reason,
        "n_output_tokens": 0,
    }


def _shared_text(planned: PlannedCell) -> tuple[str, str, int, int]:
    """Order cells so that those which begin with the same demonstrations follow each other, fewer shots first."""
    cell = planned.cell
    return cell.test_dataset, cell.prompt, cell.draw, cell.shots


def variant_done(folder: RunFolder, variant_id: str) -> bool:
    """Tell whether a variant was made and its files are whole."""
    made = read_json_or_none(folder.variant(variant_id) / "variant.json")
    if not isinstance(made, dict) or made.get("status") != "done":
        return False
    needed = {"base": (), "adapter": ("adapter_config.json", "adapter_model.safetensors"), "full": ("config.json",)}
    return all((folder.variant(variant_id) / name).is_file() for name in needed.get(made.get("weights", ""), ()))


def cell_done(folder: RunFolder, cell_id: str) -> bool:
    """Tell whether a cell was answered and stored."""
    record = read_json_or_none(folder.cell(cell_id) / "cell.json")
    done = isinstance(record, dict) and record.get("status") == "done"
    return done and (folder.cell(cell_id) / "predictions.parquet").is_file()


def device_name(loaded: LoadedModel) -> str:
    """Name the device for records: cpu with its thread count, or the accelerator's name."""
    import torch

    if loaded.device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(loaded.device)})"
    return f"{loaded.device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def versions() -> dict[str, str]:
    """Return the versions of Python and of what numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _reason(error: Exception, folder: RunFolder, variant_id: str) -> str:
    """Say in one line why a unit failed; what is not foreseen leaves its traceback beside the variant."""
    if isinstance(error, UnitError):
        return str(error)
    if is_out_of_memory(error):
        return "out of memory: lower eval.batch_tokens, train.micro_batch_tokens or train.max_length"
    write_text(folder.variant(variant_id) / "error.txt", traceback.format_exc())
    return (
        f"{type(error).__name__}: {' '.join(str(error).split())[:300]} (traceback in variants/{variant_id}/error.txt)"
    )
