"""Ask a variant the documents of a harness task and judge them as the harness does: its samples → predictions.

The harness renders, filters, judges and aggregates; what is kept of every document is its measures as amount and units. The value that
these give is compared with the one that the harness' own aggregation gives, and a cell in which they differ fails.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.errors import UnitError
from hanka.harness.found import SEED, HarnessUse, quiet, seeded
from hanka.harness.measures import amount_and_units, is_plain
from hanka.harness.model import EngineModel
from hanka.identity import sha256_text
from hanka.records import Example, Prediction

CHAT = "chat"


def ask_harness(use: HarnessUse, examples: Sequence[Example], model: EngineModel) -> list[Prediction]:
    """Return one prediction per row, in order. examples: the first documents of each task. Raises UnitError."""
    wanted: dict[str, int] = defaultdict(int)
    for example in examples:
        wanted[example.id.rpartition("/")[0]] += 1
    found: dict[str, Prediction] = {}
    for name, n in wanted.items():
        found |= _ask_task(use, name, n, model)
    return [found[example.id] for example in examples]


def _ask_task(use: HarnessUse, name: str, n: int, model: EngineModel) -> dict[str, Prediction]:
    from lm_eval.evaluator import evaluate

    task = use.tasks[name]
    model.reads_greedy = _reads_greedy(task)
    with quiet(), seeded():
        task.set_fewshot_seed(seed=SEED)
        result = evaluate(
            model,
            {"tasks": {name: task}},
            limit=n,
            bootstrap_iters=0,
            log_samples=True,
            system_instruction=model.policy.system,
            apply_chat_template=model.policy.template == CHAT,
            fewshot_as_multiturn=model.policy.template == CHAT,
        )
    samples: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for sample in result["samples"][name]:
        samples[int(sample["doc_id"])].append(sample)
    found = {
        f"{name}/{doc_id}": _prediction(use, task, f"{name}/{doc_id}", own, model) for doc_id, own in samples.items()
    }
    _compare(use, name, list(found.values()), result["results"][name])
    return found


def _reads_greedy(task: Any) -> bool:
    """Tell whether a task reads what the model would have written: where its code is its own, it may."""
    return not is_plain(task) or task.OUTPUT_TYPE == "loglikelihood" or "exact_match" in task.aggregation()


def _prediction(
    use: HarnessUse, task: Any, sample_id: str, samples: Sequence[Mapping[str, Any]], model: EngineModel
) -> Prediction:
    """Return a document's prediction; samples: one per filter."""
    first = samples[0]
    asked, answers = first["arguments"], [one[0] for one in first["resps"]]
    prompt = str(asked[0][0]) if len(asked[0]) > 1 else ""
    measures, wrong = _measured(use, samples)
    scores: tuple[float, ...] | None = None
    target = str(first["target"])
    if task.OUTPUT_TYPE == "generate_until":
        output = str(answers[0])
        parsed = str(first["filtered_resps"][0])
    elif task.OUTPUT_TYPE == "loglikelihood_rolling":
        scores, output, parsed, target = (float(answers[0]),), "", "", str(asked[0][0])
    else:
        n = len(asked) // 2 if "acc_mutual_info" in task.aggregation() else len(asked)
        scores = tuple(float(one[0]) for one in answers[:n])
        spelt = [str(one[1]).strip() for one in asked[:n]]
        choices = (
            spelt if len(set(spelt)) == n else [f"choice {at}" for at in range(1, n + 1)]
        )  # contexts differ, or choices are equal
        output = parsed = choices[max(range(n), key=scores.__getitem__)]
        if type(first["target"]) is int and 0 <= first["target"] < n and choices is spelt:
            target = choices[first["target"]]
    return Prediction(
        sample_id=sample_id,
        prompt=prompt,
        prompt_sha256=sha256_text(prompt),
        target=target,
        output=output,
        parsed=None if wrong else parsed,
        label_scores=scores,
        status="failed" if wrong else "ok",
        reason=wrong,
        n_prompt_tokens=len(model.tok_encode(prompt)) if prompt else 0,
        n_output_tokens=len(model.tok_encode(output, add_special_tokens=False)) if use.n_new else 0,
        measures=None if wrong else measures,
    )


def _measured(use: HarnessUse, samples: Sequence[Mapping[str, Any]]) -> tuple[dict[str, tuple[float, float]], str]:
    """Return amount and units of every measure, and why one of them is no number; empty where all are."""
    values = {f"{metric},{one['filter']}": one[metric] for one in samples for metric in one["metrics"]}
    found: dict[str, tuple[float, float]] = {}
    for measure in use.measures:
        if measure.key not in values:
            return {}, f"the harness gives no {measure.key.removesuffix(',none')} here"
        try:
            found[measure.name] = amount_and_units(values[measure.key], use.summed[measure.key])
        except (TypeError, ValueError, IndexError, KeyError) as error:
            return {}, f"the harness' {measure.key.removesuffix(',none')} is no number here: {error}"
    return found, ""


def _compare(use: HarnessUse, name: str, predictions: Sequence[Prediction], official: Mapping[str, Any]) -> None:
    """Raise UnitError where sums over samples do not give the value that the harness itself comes to."""
    judged = [one.measures for one in predictions if one.measures is not None]
    if len(judged) < len(predictions):
        return
    for measure in use.measures:
        amount = math.fsum(one[measure.name][0] for one in judged)
        units = math.fsum(one[measure.name][1] for one in judged)
        ours = math.exp(amount / units) if measure.exponential else amount / units
        theirs = float(official[measure.key])
        if not math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12):
            raise UnitError(
                f"lm-eval comes to {measure.name.removesuffix(',none')} = {theirs} for {name}, and sums over its samples to {ours}: its "
                f"aggregation is none that has intervals here"
            )
