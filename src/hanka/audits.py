"""What could spoil the numbers, looked for before any training → audits.json, table, report.

Overlap between training, tests and demonstrations; repeated rows; labels outside the label set; rows lost
to truncation; answers that merge with the prompt; references longer than the generation cap; labels that
begin with the same token; prompts that differ between training and scoring. Every finding carries counts;
`strict: true` turns them into one error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hanka.datasets.overlap import duplicates_within, exact_overlap, near_overlap
from hanka.errors import AuditError
from hanka.methods.contract import TrainingData
from hanka.plan import Plan, PlannedVariant
from hanka.prompting import Prompter, TextPolicy, colliding_labels, require_distinct_first_tokens
from hanka.records import AuditWarning, Example

SAMPLE = 50
"Rows on which training and scoring are compared token by token."


@dataclass(slots=True)
class Audits:
    """What was looked at and what was found."""

    warnings: list[AuditWarning] = field(default_factory=list)
    "Findings."
    checks: list[dict[str, Any]] = field(default_factory=list)
    "Every check with how many rows it looked at."
    policy: dict[str, Any] = field(default_factory=dict)
    "Token policy and what it comes to with this tokenizer."

    def checked(self, audit: str, where: str, n_checked: int) -> None:
        """Note that a check was made."""
        self.checks.append({"audit": audit, "where": where, "checked": n_checked})

    def found(self, audit: str, where: str, ids: Sequence[str], total: int, message: str) -> None:
        """Note a finding if there is any."""
        self.checked(audit, where, total)
        if ids:
            self.warnings.append(AuditWarning(audit, where, len(ids), total, message, tuple(ids[:5])))

    def as_json(self) -> dict[str, Any]:
        """Return what audits.json holds."""
        return {"warnings": [asdict(one) for one in self.warnings], "checks": self.checks, "policy": self.policy}

    def raise_if_strict(self, strict: bool) -> None:
        """Raise AuditError naming the findings if the study is strict."""
        if strict and self.warnings:
            first = self.warnings[0]
            raise AuditError(
                f"strict: {len(self.warnings)} audit findings, first {first.audit} in {first.where}: {first.count} of "
                f"{first.total} rows, {first.message}; mend the data or set strict: false"
            )


def audit_rows(plan: Plan) -> Audits:
    """Run the audits that need rows alone: overlap, repetition, labels, sizes."""
    audits = Audits()
    trained = {use.train.name: use for use in plan.study.tasks.values() if use.train}
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    for name, use in trained.items():
        sets = [one.training for one in plan.variants.values() if one.training and one.training.dataset.name == name]
        if not sets:
            continue
        largest = max(sets, key=lambda one: len(one.examples))
        rows = largest.examples
        audits.found(
            "repeated rows", f"{name} train", [a for a, _ in duplicates_within(rows)], len(rows), "rows stand twice"
        )
        _labels(audits, plan, f"{name} train", use.task.labels, rows, largest.left_out)
        if len(rows) < largest.asked:
            audits.found(
                "training size", f"{name} train", [f"{largest.asked - len(rows)} rows"], 1,
                f"{largest.asked} rows asked, {len(rows)} exist",
            )  # fmt: skip
        for test_name, test in tests.items():
            if test.dataset.task == use.task.name:
                _overlap(audits, f"{name} train × {test_name} test", test.examples, rows)
        pool = [
            one for planned in plan.variants.values() if planned.training is largest for one in planned.demonstrations
        ]
        unique = list({one.id: one for one in pool}.values())
        if unique:
            _overlap(audits, f"{name} train × its demonstrations", unique, rows)
            leaked = sorted(plan.data.leaked_training_demonstrations(largest.dataset))
            where = f"{name} demonstrations in training × its task's tests"
            total = len(unique) + len(leaked)
            audits.found("demonstrations", where, leaked, total, "test rows; left out of the pool")
            if not plan.data.corrected:
                for test_name, test in tests.items():
                    shared = {pair.first for pair in exact_overlap(unique, test.examples)}
                    where = f"{name} demonstrations in training × {test_name} test"
                    audits.found(
                        "demonstrations",
                        where,
                        sorted(shared),
                        len(unique),
                        "test rows shown in training, as published",
                    )
    for name, test in tests.items():
        task = plan.study.tasks[test.dataset.task].task
        repeated = [a for a, _ in duplicates_within(test.examples)]
        audits.found("repeated rows", f"{name} test", repeated, len(test.examples), "rows stand twice")
        _labels(audits, plan, f"{name} test", task.labels, test.examples, test.left_out)
        _demonstrations(audits, plan, name)
    return audits


def _overlap(audits: Audits, where: str, rows: Sequence[Example], others: Sequence[Example]) -> None:
    exact = {one for one, _ in exact_overlap(rows, others)}
    near = {pair.first for pair in near_overlap(rows, others)} - exact
    audits.found("exact overlap", where, sorted(exact), len(rows), "the same input stands on both sides")
    audits.found("near overlap", where, sorted(near), len(rows), "almost the same input stands on both sides")


def _labels(
    audits: Audits, plan: Plan, where: str, labels: Sequence[str], rows: Sequence[Example], left_out: Sequence[str]
) -> None:
    if not labels:
        return
    outside = list(left_out) + [row.id for row in rows if row.target not in labels]
    what = "are left out" if plan.data.corrected else "stay and can never be right"
    audits.found(
        "labels", where, outside, len(rows) + len(left_out), f"labels outside the label set; these rows {what}"
    )


def _demonstrations(audits: Audits, plan: Plan, name: str) -> None:
    """Demonstrations that are test rows: left out of the pool, or (as published) used."""
    cells = [cell for cell in plan.cells.values() if cell.test.dataset.name == name and cell.demonstrations]
    if not cells:
        return
    pool, leaked = plan.data.pool(cells[0].test.dataset)
    where = f"{name} demonstrations × {name} test"
    if plan.data.corrected:
        audits.found("demonstrations", where, leaked, len(pool) + len(leaked), "test rows; left out of the pool")
        return
    used = list({one.id: one for cell in cells for one in cell.demonstrations}.values())
    shared = sorted({one for one, _ in exact_overlap(used, cells[0].test.examples)})
    audits.found("demonstrations", where, shared, len(used), "test rows used as demonstrations, as published")


def audit_tokens(plan: Plan, audits: Audits, tokenizer: Any, model: str) -> None:
    """Run the audits that need a base model's tokenizer: truncation, boundaries, caps, labels, templates."""
    policy = TextPolicy(**plan.study.spec.tokens.model_dump(), protocol=plan.study.spec.protocol)
    prompter = Prompter(tokenizer, policy)
    audits.policy[model] = {
        "bos": policy.bos,
        "bos_tokens": len(prompter.bos_ids("x")),
        "eos_after_targets": policy.eos,
        "template": policy.template,
        "padding": "left, masked; never attended",
        "answer_boundary": "tokenised with the prompt; the answer begins where the ids first differ",
    }
    seen: set[tuple[Any, ...]] = set()
    for planned in plan.variants.values():
        if planned.training is None or planned.use is None or planned.model.name != model:
            continue
        params = planned.variant.params
        key = (
            planned.training.fingerprint,
            params["prompt"],
            params["max_length"],
            params.get("shots"),
            params.get("draw"),
            planned.variant.seed,
        )
        if key not in seen:
            seen.add(key)
            _training_tokens(audits, plan, prompter, planned)
    asked = {(cell.test.dataset.name, cell.cell.prompt): cell for cell in plan.cells.values()}
    for (name, prompt), cell in asked.items():
        task = plan.study.tasks[cell.cell.test_task].task
        rows = cell.test.examples
        if task.kind == "classification":
            queries = prompter.ask(task, prompt, (), rows).encoded
            if plan.study.scoring == "first_token":
                require_distinct_first_tokens(queries, task.labels, f"task {task.name}, prompt {prompt}")
            pairs = colliding_labels(queries, task.labels)
            audits.found(
                "label tokens", f"{name} test, {prompt}", [f"{a} / {b}" for a, b in pairs], len(task.labels),
                "labels begin with the same token; first-token scoring cannot tell them apart",
            )  # fmt: skip
        else:
            cap = plan.study.spec.eval.max_new_tokens
            lengths = tokenizer([row.target for row in rows], add_special_tokens=False)["input_ids"]
            longer = [row.id for row, ids in zip(rows, lengths, strict=True) if len(ids) > cap]
            audits.found(
                "generation cap", f"{name} test", longer, len(rows), f"references are longer than {cap} tokens"
            )


def _training_tokens(audits: Audits, plan: Plan, prompter: Prompter, planned: PlannedVariant) -> None:
    from hanka.methods.supervised import encode_training

    assert planned.training is not None
    assert planned.use is not None
    params, rows = planned.variant.params, planned.training.examples
    data = TrainingData(
        planned.use.task, params["prompt"], rows, planned.demonstrations, plan.study.spec.protocol, planned.companions
    )
    encoded = encode_training(prompter, data, params, planned.variant.seed)
    where = f"{planned.variant.label} on {planned.training.dataset.name}, {len(rows)} rows"
    total = len(rows)
    limit = params["max_length"]

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
    _same_tokens(audits, prompter, data, where)


def _same_tokens(audits: Audits, prompter: Prompter, data: TrainingData, where: str) -> None:
    """Training and scoring must see the same ids before the answer; compared on a sample of rows."""
    rows = list(data.examples[:SAMPLE])
    asked = prompter.ask(data.task, data.prompt, (), rows)
    trained = prompter.training_rows([""] * len(rows), asked.queries, [row.target for row in rows])
    scored = [query.context for query in asked.encoded]
    differ = [
        row.id
        for row, encoded, context in zip(rows, trained, scored, strict=True)
        if encoded.ids[: encoded.start] != context
    ]
    audits.found(
        "template", where, differ, len(rows), "the tokens before the answer differ between training and scoring"
    )
