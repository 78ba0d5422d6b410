"""Audits that need a base model's tokenizer: truncation, boundaries, caps, labels, templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hanka.audits.label_tokens import audit_label_tokens
from hanka.audits.record import Audits
from hanka.methods.contract import TrainingPart
from hanka.models.vocabulary import Spelling, common_vocabulary
from hanka.plan import Plan, PlannedVariant
from hanka.prompting import Prompter, require_distinct_first_tokens
from hanka.prompting.control import control_tokens, holds_control
from hanka.records import AuditWarning, Example

SAMPLE = 50
"Rows on which training and scoring are compared token by token."


def audit_tokens(plan: Plan, audits: Audits, tokenizer: Any, model: str) -> None:
    """Run the audits that need a base model's tokenizer: truncation, boundaries, caps, labels, templates."""
    policy = plan.study.policy
    prompter = Prompter(tokenizer, policy)
    audits.policy[model] = {
        "bos": policy.bos,
        "bos_tokens": len(prompter.bos_ids("x")),
        "eos_after_targets": policy.eos,
        "template": policy.template,
        "padding": "left, masked; never attended",
        "answer_boundary": "tokenised with the prompt; the answer begins where the ids first differ",
        "template_hashes": _template_hashes(plan, prompter, model),
        **_chat(prompter),
    }
    control = control_tokens(tokenizer)
    seen: set[tuple[Any, ...]] = set()
    for planned in plan.variants.values():
        training, adaptation = planned.training, planned.adaptation
        if training is None or training.data_id or not planned.use.method.course or planned.model.name != model:
            continue
        train = adaptation.train
        key = (training.fingerprint, train.prompt, train.max_length, adaptation.shown, planned.variant.seed)
        if key not in seen:
            seen.add(key)
            _training_tokens(audits, plan, Prompter(tokenizer, adaptation.tokens), planned)
            for part in planned.data().parts:
                where = f"{planned.variant.label} on {training.name}, {training.n_rows} rows"
                _audit_control(audits, where, part.examples, control, policy.control)
    asked = {(cell.test.dataset.name, cell.cell.prompt): cell for cell in plan.cells.values()}
    for (name, prompt), cell in asked.items():
        task = plan.study.tasks[cell.cell.test_task].task
        rows = cell.test.examples
        if task.kind == "harness":
            continue
        _audit_control(audits, f"{name} test, {prompt}", rows, control, policy.control)
        if task.kind == "classification":
            queries = prompter.ask(task, prompt, (), rows).encoded
            if plan.study.scoring == "first_token":
                require_distinct_first_tokens(queries, task.labels, f"task {task.name}, prompt {prompt}")
            audit_label_tokens(audits, f"{name} test, {prompt}", queries, task.labels)
        elif task.is_written:
            cap = plan.study.spec.eval.max_new_tokens
            lengths = tokenizer([row.target for row in rows], add_special_tokens=False)["input_ids"]
            longer = [row.id for row, ids in zip(rows, lengths, strict=True) if len(ids) > cap]
            audits.found(
                "generation cap", f"{name} test", longer, len(rows), f"references are longer than {cap} tokens"
            )


def audit_served_labels(plan: Plan, audits: Audits, tokenizer: Any, model: str) -> None:
    """Look at the labels that a served base is to score, in the tokens of its server; see `audit_tokens`.

    Raises DataError where `scoring: first_token` could not tell two of them apart.
    """
    policy = replace(plan.study.policy, template="plain", bos="model", system=None, thinking="off")
    prompter = Prompter(tokenizer, policy)
    own = [cell for cell in plan.cells.values() if plan.variants[cell.cell.variant_id].model.name == model]
    for (name, prompt), cell in {(cell.test.dataset.name, cell.cell.prompt): cell for cell in own}.items():
        task = plan.study.tasks[cell.cell.test_task].task
        if task.kind == "classification":
            where = f"{name} test, {prompt}, {model}"
            queries = prompter.ask(task, prompt, (), cell.test.examples).encoded
            if plan.study.scoring == "first_token":
                require_distinct_first_tokens(queries, task.labels, f"task {task.name}, prompt {prompt}, base {model}")
            audit_label_tokens(audits, where, queries, task.labels)


def _template_hashes(plan: Plan, prompter: Prompter, model: str) -> dict[str, dict[str, str]]:
    """Return the hash of how a model is asked each task, by task and prompt: that of its cells."""
    own = [cell.cell for cell in plan.cells.values() if plan.variants[cell.cell.variant_id].model.name == model]
    found: dict[str, dict[str, str]] = {}
    for name, prompt in dict.fromkeys((cell.test_task, cell.prompt) for cell in own):
        found.setdefault(name, {})[prompt] = prompter.template_hash(plan.study.tasks[name].task, prompt)
    return found


def _chat(prompter: Prompter) -> dict[str, str]:
    """Say what a chat template does, as far as it decides numbers."""
    chat = prompter.chat
    if chat is None:
        return {}
    return {
        "answer_begins": chat.joins,
        "turn_ends": chat.turn_end.strip() or "with the end-of-sequence token",
        "earlier_turns": "changed by what follows: nothing is shared" if chat.changes_earlier_turns else "as they are",
    }


def _audit_control(audits: Audits, where: str, rows: Sequence[Example], control: tuple[str, ...], read: str) -> None:
    """Count the rows that hold what the tokenizer takes for control tokens."""
    holding = [row.id for row in rows if holds_control((*row.fields.values(), row.target), control)]
    said = "the text they are" if read == "text" else "what they control"
    audits.found("control tokens", where, holding, len(rows), f"rows hold control tokens, which are read as {said}")


def require_common_vocabularies(plan: Plan, tokenizers: Mapping[str, Spelling]) -> None:
    """Raise ModelError where models that are to answer together spell differently; tokenizers: by base model."""
    compared = set()
    for planned in plan.variants.values():
        for _, parent in planned.voices:
            names = (planned.model.name, plan.variants[parent.variant_id].model.name)
            if planned.model.is_loaded and names[0] != names[1] and names not in compared:
                common_vocabulary(tokenizers[names[0]], tokenizers[names[1]], names)
                compared.add(names)


def _training_tokens(audits: Audits, plan: Plan, prompter: Prompter, planned: PlannedVariant) -> None:
    from hanka.methods.supervised.rows import encode_training

    assert planned.training is not None
    data, adaptation = planned.data(), planned.adaptation
    encoded = encode_training(prompter, data, adaptation, planned.variant.seed)
    total = planned.training.n_rows
    where = f"{planned.variant.label} on {planned.training.name}, {total} rows"
    limit = adaptation.train.max_length

    def count(audit: str, number: int, message: str, ids: Sequence[str] = ()) -> None:
        audits.checked(audit, where, total)
        if number:
            audits.warnings.append(AuditWarning(audit, where, number, total, message, tuple(ids)))

    count("truncation", encoded.n_dropped, f"rows do not fit max_length {limit} and are left out", encoded.dropped_ids)
    count("truncation", encoded.n_cut, f"rows are cut at max_length {limit}, as published")
    count("lost targets", encoded.n_unsupervised, "rows have no supervised token left and teach nothing, as published")
    what = "is swallowed by the mask, as published" if plan.study.spec.protocol == "paper" else "is supervised whole"
    count(
        "merged boundary",
        encoded.n_merged,
        f"a token holds the end of the prompt and the start of the answer; it {what}",
    )
    for part in data.parts:
        if part.task.kind != "likelihood":  # all of a text is supervised, and there is no prompt to agree on
            _same_tokens(audits, prompter, part, adaptation.train.prompt, where)


def _same_tokens(audits: Audits, prompter: Prompter, part: TrainingPart, prompt: str, where: str) -> None:
    """Training and scoring must see the same ids before the answer; compared on a sample of rows."""
    rows = list(part.examples[:SAMPLE])
    asked = prompter.ask(part.task, prompt, (), rows)
    _, queries = prompter.render(part.task, prompt, (), rows)
    trained = prompter.training_rows([""] * len(rows), queries, [row.target for row in rows])
    scored = [query.ids for query in asked.encoded]
    differ = [
        row.id
        for row, encoded, context in zip(rows, trained, scored, strict=True)
        if encoded.ids[: encoded.start] != context
    ]
    audits.found(
        "template", where, differ, len(rows), "the tokens before the answer differ between training and scoring"
    )
