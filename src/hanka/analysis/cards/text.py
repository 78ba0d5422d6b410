"""The text of a card: what it is, what was decided, what for, how to ask it, what came out, what it lost, its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hanka.analysis.asked import rows_and_seed
from hanka.analysis.cards.parts import CardParts
from hanka.analysis.growth import growth_of, growth_said
from hanka.metrics import METRICS
from hanka.tasks import TASKS

HEAD = (
    "| test set | relation | shots | prompt | metric | n | value | Δ base | p, all together | verdict |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
ELSEWHERE = ("growth", "training_status")
"Kinds of note that a card says in its own place, or that are about other variants."
RELATIONS = {
    "in_domain": "in domain", "out_of_domain": "out of domain", "cross_task": "another task", "undeclared": "not declared", "perturbed": "changed rows",
}  # fmt: skip


def text_of(parts: CardParts) -> str:
    """Return the text up to the results, as Markdown."""
    one, plan = parts.variant, parts.evidence.plan
    lines = [
        f"# {one['label']} on {one['train_dataset']} ({rows_and_seed(one)})",
        "",
        f"Adapted from `{one['base']}` with `{one['method']}` in the study `{plan['study']}`, loaded with {parts.library}.",
        *_learnt(parts.made.get("record", {})),
        *_grown(parts),
        *_section("Decision", _decision(parts)),
        *_section("Intended use", _use(parts)),
        *_section("How to ask it", _asking(parts)),
        *_section("Results", _results(parts.summary)),
        *_section("What it lost", _lost(parts)),
        *_section("Limits", _limits(parts)),
    ]
    return "\n".join([*lines, ""])


def _section(title: str, lines: Iterator[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _decision(parts: CardParts) -> Iterator[str]:
    if not parts.decisions:
        yield "None: nothing was compared with the base model in its own domain."
    for task, own in zip(parts.decisions, parts.outcomes, strict=True):
        is_it = (
            task.get("candidate") == parts.variant["label"] and task.get("train_size") == parts.variant["train_size"]
        )
        yield f"- {task['sentence_en']}" + ("" if is_it else f" Of this system: {own}.")


def _use(parts: CardParts) -> Iterator[str]:
    """Say what it was tested for, which is all that is known of what it may be used for."""
    own = _tests(parts, "in_domain")
    tasks = list(
        dict.fromkeys(str(cell.cell["test_task"]) for cell in parts.cells if cell.cell["relation"] == "in_domain")
    )
    domains = [str(parts.datasets.get(name, {}).get("domain", name)) for name in own]
    if not own:
        yield "Not known: no test set of the study is declared to be its own domain."
        return
    yield f"The task {', '.join(tasks)} on text like that of {', '.join(own)} (domain: {', '.join(dict.fromkeys(domains))})."
    outside = _tests(parts, "out_of_domain")
    yield f"It was tested on other text, too: {', '.join(outside)}." if outside else "It was tested on no other text."
    yield "Nothing is known of any other use."


def _tests(parts: CardParts, relation: str) -> list[str]:
    return list(dict.fromkeys(str(one.cell["test_dataset"]) for one in parts.cells if one.cell["relation"] == relation))


def _asking(parts: CardParts) -> Iterator[str]:
    """Show the prompt of each own task as a template; rows of data sets are nobody's to publish."""
    shots = int(parts.variant.get("meant_shots", 0))
    yield (
        f"It is meant to be asked with {shots} demonstrations before the query."
        if shots
        else "It is meant to be asked without demonstrations."
    )
    asked = {
        (str(one.cell["test_task"]), str(one.cell["prompt"])): None
        for one in parts.cells
        if one.cell["relation"] == "in_domain"
    }
    for task, prompt in asked:
        template, labels = _template(parts, task, prompt), parts.evidence.task(task)["labels"]
        yield ""
        yield f"Prompt {prompt} of {task}" + (
            f", answered with one of {', '.join(map(repr, labels))}:" if labels else ":"
        )
        yield ""
        yield from (f"    {line}" for line in template.splitlines()) if template else ("    (not stored)",)


def _template(parts: CardParts, task: str, prompt: str) -> str:
    """Return a prompt's template, from the study where it declares one, else from the registry; empty where neither has it."""
    import yaml

    try:
        study = yaml.safe_load(parts.evidence.folder.study.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError):
        study = {}
    declared = (study.get("tasks") or {}).get(task) or {}
    own = declared.get("prompts") or ({"p1": declared["prompt"]} if declared.get("prompt") else {})
    if prompt in own:
        return str(own[prompt])
    return TASKS.get(task).prompts.get(prompt, "") if task in TASKS else ""


def _results(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield from HEAD
    for row in rows:
        p = _p_value(float(row["p_adjusted"])) if row["p_adjusted"] else ""
        yield (
            f"| {row['test_dataset']} | {row['relation']} | {row['shots']} | {row['prompt']} | {row['metric']} | {row['n']} "
            f"| {_value(row)} | {_delta(row)} | {p} | {row['verdict']} |"
        )


def _p_value(number: float) -> str:
    return "< 0.001" if number < 0.001 else f"{number:.3f}"


def _value(row: Mapping[str, str]) -> str:
    if not row["value"]:
        return ""
    ends = f" [{float(row['ci_low']):.3f}, {float(row['ci_high']):.3f}]" if row["ci_low"] else ""
    return f"{float(row['value']):.3f}{ends}"


def _delta(row: Mapping[str, str]) -> str:
    """Write a difference with the interval that its verdict rests on."""
    if not row["delta"]:
        return ""
    low, high = row["sim_low"] or row["delta_ci_low"], row["sim_high"] or row["delta_ci_high"]
    ends = f" [{float(low):+.3f}, {float(high):+.3f}]" if low and high else ""
    return f"{float(row['delta']):+.3f}{ends}"


def _lost(parts: CardParts) -> Iterator[str]:
    """List what is shown to be worse than the base, and what may be; the primary metrics of all test sets.

    What is open is what the decision leaves open, asked as it is meant to be; without a decision, what the row's own interval does.
    """
    primary = [row for row in parts.summary if row["metric"] == parts.evidence.primary(row["test_task"])]
    harm = float(parts.evidence.plan["stats"]["harm"])
    compared = [row for row in primary if row["delta"]]
    harmed, unclear = parts.named("harmed"), parts.named("open")
    meant = [
        row
        for row in compared
        if int(row["shots"]) == _nearest(compared, row, int(parts.variant.get("meant_shots", 0)))
    ]
    shown = [row for row in compared if row["verdict"] == "worse" or (row in meant and row["test_dataset"] in harmed)]
    open_ones = [
        row for row in (meant if parts.outcomes else compared)
        if row not in shown and (row["test_dataset"] in unclear if parts.outcomes else not _excludes(row, harm))
    ]  # fmt: skip
    for words, rows in (("Shown to be worse", shown), (f"A loss of {harm:g} is not excluded", open_ones)):
        if rows:
            yield f"{words}:"
            yield ""
            yield from (f"- {_where(row)}: {row['metric']} {_delta(row)} (n = {row['n']})" for row in rows)
            yield ""
    if not shown and not open_ones and compared:
        tests = {row["test_dataset"] for row in compared}
        yield f"On none of {len(tests)} test sets is a loss of {harm:g} shown or left open."
    if missing := len(primary) - len(compared):
        yield f"{missing} of {len(primary)} comparisons with the base model could not be made, so nothing is known of them."
    outside = {row["relation"] for row in compared}
    for relation, words in (("out_of_domain", "on other text"), ("cross_task", "on other tasks")):
        if relation not in outside:
            yield f"What it lost {words} was not measured."


def _nearest(rows: Sequence[Mapping[str, str]], row: Mapping[str, str], wanted: int) -> int:
    """Return the shots nearest to what is meant, of those that a row's test set was asked with."""
    shots = {int(one["shots"]) for one in rows if one["test_dataset"] == row["test_dataset"]}
    return min(shots, key=lambda one: (abs(one - wanted), one))


def _where(row: Mapping[str, str]) -> str:
    return f"{row['test_dataset']}, {RELATIONS.get(row['relation'], row['relation'])}, {row['shots']}-shot"


def _excludes(row: Mapping[str, str], harm: float) -> bool:
    """Tell whether a loss as large as the declared harm is excluded, by the interval that the row shows."""
    metric = METRICS.get(row["metric"])
    low, high = row["sim_low"] or row["delta_ci_low"], row["sim_high"] or row["delta_ci_high"]
    if metric.higher_is_better is None or not low or not high:
        return metric.higher_is_better is None
    least = float(low) if metric.higher_is_better else -float(high)
    bound = harm if metric.high != float("inf") else harm * abs(float(row["base_value"]))
    return least > -bound


def _limits(parts: CardParts) -> Iterator[str]:
    for note in parts.findings.get("notes", ()):
        if note["kind"] not in ELSEWHERE:
            yield f"- {note['message_en']}"
    health = next((one for one in parts.findings.get("training", ()) if one["variant_id"] == parts.variant["id"]), None)
    if health is not None:
        yield f"- Training: {health['status']}. {health['reason_en']}"
        yield from (f"- {one['message_en']}" for one in health["collapses"])
    failed = sum(int(cell.record.get("n_failed", 0)) for cell in parts.cells)
    unread = sum(int(cell.record.get("n_unparsed", 0)) for cell in parts.cells)
    n = sum(cell.n_asked for cell in parts.cells)
    yield f"- Of {n:,} answers {unread:,} could not be read, and {failed:,} rows got none."
    yield "- It was tested on the rows above and on nothing else; bias, safety and other languages were not measured unless a test set above says so."


def _grown(parts: CardParts) -> list[str]:
    growth = growth_of(parts.evidence)
    return [growth_said(growth)["message_en"]] if growth else []


def _learnt(record: Mapping[str, Any]) -> list[str]:
    """Say how a training went; nothing where nothing was trained."""
    if "loss_first" not in record:
        return []
    losses = f"{record['loss_first']:.3f} → {record['loss_last']:.3f}"
    return [f"Supervised tokens: {record.get('n_supervised_tokens', 'unknown')}; loss {losses}."]
