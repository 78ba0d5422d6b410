"""A criterion in words: the title it has, and the sentence that says what was found, in the page's language.

For the page and, in English, for the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from hanka.operations.rollout.criteria import Criterion
from hanka.operations.rollout.stages import ALL, Stage
from hanka.operations.rollout.standing import Standing, missing
from hanka.report import inert, numbers
from hanka.report.words import Words

SIGN, GATE = "hanka log approve", "hanka gate"
"Commands that sentences name."
TITLES: Mapping[str, str] = {
    "task": "rollout_task", "complete": "rollout_complete", "gain": "rollout_gain", "seeds": "rollout_seeds",
    "out_of_domain": "rollout_out_of_domain", "cross_task": "rollout_cross_task", "answers": "rollout_answers", "guardrail": "rollout_guardrail",
    "training": "rollout_training", "gate": "rollout_gate", "review": "rollout_review", "cadence": "rollout_cadence",
}  # fmt: skip
WITHOUT_SET: Mapping[str, str] = {
    "out_of_domain": "rollout_any_out_of_domain", "cross_task": "rollout_any_cross_task", "answers": "rollout_any_answers",
}  # fmt: skip
SAID: Mapping[tuple[str, str, str], str] = {
    ("task", "open", ""): "rollout_task_open",
    ("complete", "met", ""): "rollout_complete_met",
    ("complete", "open", ""): "rollout_complete_open",
    ("gain", "met", ""): "rollout_gain_met",
    ("gain", "failed", ""): "rollout_gain_failed",
    ("gain", "open", "rows"): "rollout_gain_rows",
    ("gain", "open", "seeds"): "rollout_gain_more",
    ("seeds", "met", ""): "rollout_seeds_met",
    ("seeds", "open", ""): "rollout_seeds_open",
    ("loss", "met", ""): "rollout_loss_met",
    ("loss", "failed", ""): "rollout_loss_failed",
    ("loss", "open", "rows"): "rollout_loss_rows",
    ("loss", "open", "seeds"): "rollout_loss_more",
    ("loss", "open", "no_set"): "rollout_no_set",
    ("answers", "met", "rows"): "rollout_answers_met",
    ("answers", "failed", "rows"): "rollout_answers_failed",
    ("answers", "open", "rows"): "rollout_answers_open",
    ("answers", "open", "none"): "rollout_answers_none",
    ("guardrail", "met", "rows"): "rollout_guardrail_met",
    ("guardrail", "failed", "rows"): "rollout_guardrail_failed",
    ("guardrail", "open", "rows"): "rollout_guardrail_open",
    ("guardrail", "open", "none"): "rollout_guardrail_none",
    ("training", "met", ""): "rollout_training_met",
    ("training", "failed", "unfit"): "rollout_training_failed",
    ("training", "open", "unknown"): "rollout_training_open",
    ("gate", "met", "pass"): "rollout_gate_pass",
    ("gate", "failed", "fail"): "rollout_gate_fail",
    ("gate", "open", "inconclusive"): "rollout_gate_inconclusive",
    ("gate", "open", "none"): "rollout_gate_none_open",
    ("gate", "met", "none"): "rollout_gate_none_met",
    ("review", "met", ""): "rollout_review_met",
    ("review", "open", ""): "rollout_review_open",
    ("review", "open", "roles"): "rollout_review_roles",
    ("cadence", "met", "first"): "rollout_cadence_first",
    ("cadence", "met", "over"): "rollout_cadence_over",
    ("cadence", "met", "alarm"): "rollout_cadence_alarm",
    ("cadence", "failed", ""): "rollout_cadence_failed",
}
"Criterion, state, case → its sentence."
SHARED: Mapping[str, str] = {"few": "rollout_few", "uncompared": "rollout_uncompared"}
"Case → its sentence, whatever the criterion."
STATES: Mapping[str, str] = {"met": "rollout_state_met", "failed": "rollout_state_failed", "open": "rollout_state_open"}
KINDS: Mapping[str, str] = {
    "classification": "rollout_kind_classification", "regression": "rollout_kind_regression",
    "generation": "rollout_kind_generation", "likelihood": "rollout_kind_likelihood", "harness": "rollout_kind_harness",
}  # fmt: skip
STAGES: Mapping[str, str] = {
    "classification": "rollout_stage_classification", "generation": "rollout_stage_generation", "scale": "rollout_stage_scale",
}  # fmt: skip
VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "go_on": ("rollout_go_on", "rollout_sentence_go_on", "rollout_propose_go_on"),
    "must_not": ("rollout_must_not", "rollout_sentence_must_not", "rollout_propose_must_not"),
    "missing": ("rollout_missing", "rollout_sentence_missing", "rollout_propose_missing"),
    "through": ("rollout_through", "rollout_sentence_through", "rollout_propose_through"),
}
"Verdict → its word, its sentence, what is proposed."


def title(one: Criterion, words: Words) -> Markup:
    """Name a criterion, with what it is about."""
    if not one.about and one.name in WITHOUT_SET:
        return words(WITHOUT_SET[one.name])
    about = words.of("task", one.about) if one.name in ("gain", "seeds", "task") else one.about
    if one.name == "guardrail":
        about = words.comma.join((words.of("guardrail", one.about), *filter(None, [one.numbers.get("test", "")])))
    return words(TITLES[one.name], about=about)


def found(one: Criterion, words: Words) -> Markup:
    """Say what was found of a criterion."""
    name = "loss" if one.name in ("out_of_domain", "cross_task") else one.name
    key = SHARED.get(one.case) or SAID[name, one.state, one.case]
    return words(key, **_named(one, words))


def verdict(standing: Standing, words: Words) -> tuple[Markup, Markup]:
    """Return the verdict in a word or two, and in a sentence."""
    word, sentence, _ = VERDICTS[standing.verdict]
    state = "failed" if standing.verdict == "must_not" else "open"
    count = sum(one.state == state for one in standing.criteria)
    return words(word), words(
        sentence, stage=stage_name(standing.stage, words), title=standing.candidate.title, count=count
    )


def proposal(standing: Standing, words: Words) -> Markup:
    """Say what to propose in the meeting."""
    lacking = missing(standing.criteria)
    reason = found(lacking[0], words) if lacking else ""
    return words(VERDICTS[standing.verdict][2], stage=stage_name(standing.stage, words), reason=reason)


def stage_name(stage: Stage | None, words: Words) -> str:
    """Name a stage; a user's own by its own name."""
    name = "" if stage is None else stage.name
    return words.plain(STAGES[name]) if name in STAGES else name


def kinds(stage: Stage, words: Words) -> str:
    """List the kinds of task that a stage is about."""
    return words.plain("rollout_all_kinds") if set(stage.kinds) == set(ALL) else words.comma.join(
        words.plain(KINDS[kind]) for kind in stage.kinds
    )  # fmt: skip


def _named(one: Criterion, words: Words) -> dict[str, Any]:
    """Write the numbers of a criterion as its sentence sets them in."""
    stored = one.numbers
    is_share = one.name in ("answers", "guardrail")
    write = numbers.share if is_share else numbers.value
    named: dict[str, Any] = {
        "about": one.about[:8] if one.name == "training" else one.about,
        "command": GATE if one.name == "gate" else SIGN,
    }
    for name, value in stored.items():
        if name in ("gain", "low", "high") and not is_share:
            named[name] = numbers.signed(value)
        elif name in ("before", "after", "bound", "value", "low", "high"):
            named[name] = write(value)
        elif name == "metric":
            named[name] = words.metric(str(value))
        elif isinstance(value, (list, tuple)):
            shown = [words.plain(KINDS[part]) if name == "kinds" else str(part) for part in value]
            named[name] = words.comma.join(shown)
        elif isinstance(value, float):
            named[name] = f"{value:g}"
        else:
            named[name] = numbers.count(value) if isinstance(value, int) and name in ("n", "rows") else str(value)
    if "reason_en" in stored:
        named["reason"] = Markup("{}").format(inert.visible(words.written(stored, "reason")))
    return named
