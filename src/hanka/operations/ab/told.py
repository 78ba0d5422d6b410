"""What an A/B test shows, in words and tables: once for the terminal, the Markdown summary and the page.

Stands between `judged` and what prints. Every sentence is the dictionary's (`report.words_ab`); every value has its n and interval
beside it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from hanka.operations.ab.checks import Check
from hanka.operations.ab.effects import Effect, Side
from hanka.operations.ab.judged import BROKEN, Judged, Kept, Reason, Result
from hanka.operations.ab.logs import KINDS
from hanka.report import numbers
from hanka.report.blocks import Tone
from hanka.report.words import Words
from hanka.stats import Interval

PageTone = Literal["adapt", "trade-off", "keep", "undecided"]
TONES: dict[str, Tone] = {
    "better": "better", "worse": "worse", "equivalent": "equivalent", "leaning": "leaning", "undecided": "undecided",
    "holds": "equivalent", "fails": "warn", "broken": "worse", "open": "undecided", "not_made": "muted",
}  # fmt: skip


class Shown(NamedTuple):
    """A table with its heading."""

    id: str
    title: str
    lead: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[Tone, ...] = ()
    "Of each row's last cell; empty where rows are not judged."
    notes: tuple[str, ...] = ()


class Told(NamedTuple):
    """A result in words."""

    tone: PageTone
    word: str
    "In a few words."
    sentences: tuple[str, ...]
    "One per arm, then one per guardrail that does not hold."
    tables: tuple[Shown, ...]
    terms: tuple[tuple[str, str], ...]
    "What was agreed, or supposed."
    agreed: str
    "The design's number."


def tell(result: Result, words: Words) -> Told:
    """Put a result into words."""
    tables = [
        _result(result, words),
        _guards(result, words),
        _value(result, words),
        _checks(result, words),
        _rows(result, words),
    ]
    key = "ab_agreed_lead" if result.is_agreed else "ab_not_agreed_lead"
    return Told(
        _tone(result),
        _word(result, words),
        (*(_sentence(one, result, words) for one in result.judged), *_guard_sentences(result, words)),
        tuple(table for table in tables if table is not None),
        _terms(result, words),
        words.plain(key, hash=result.design.hash),
    )


def _tone(result: Result) -> PageTone:
    found = {one.verdict for one in result.judged}
    if result.exit_code == BROKEN:
        return "trade-off"
    if "better" in found:
        return "adapt" if result.exit_code == 0 else "undecided"
    return "keep" if found <= {"worse", "equivalent"} else "undecided"


def _word(result: Result, words: Words) -> str:
    if result.exit_code == BROKEN:
        return words.plain("ab_word_broken")
    if len(result.judged) > 1:
        counts = [(word, sum(1 for one in result.judged if one.verdict == word)) for word in TONES]
        tally = words.comma.join(f"{words.of('verdict', word)} {count}" for word, count in counts if count)
        return f"{words.plain('ab_word_several', count=len(result.judged))}: {tally}"
    (one,) = result.judged
    return words.plain(f"ab_word_{one.verdict}", arm=one.effect.arm)


def _sentence(one: Judged, result: Result, words: Words) -> str:
    design, effect = result.design, one.effect
    named = {"arm": effect.arm, "control": design.control, "metric": effect.metric}
    if one.reasons:
        return " ".join((words.plain("ab_no_verdict", **named), *_reasons(one.reasons, words)))
    ends = one.once if design.test == "fixed" else one.always
    return words.plain(
        f"ab_{one.verdict}",
        **named,
        value=numbers.value(effect.a.value, _fine(effect)),
        other=numbers.value(effect.b.value, _fine(effect)),
        margin=_plain(design.metric.equivalence),
        level=_level(design.level),
        looks=words.plain("ab_looks_fixed" if design.test == "fixed" else "ab_looks_always"),
        difference=_difference(effect, ends),
    )


def _reasons(reasons: tuple[Reason, ...], words: Words) -> tuple[str, ...]:
    # Beside a sentence, not in it: what is set into a sentence is a name, and a long one is cut.
    return tuple(words.plain(f"ab_reason_{reason}") for reason in reasons)


def _guard_sentences(result: Result, words: Words) -> tuple[str, ...]:
    standing = {one.effect.arm for one in result.judged if one.verdict != "worse"}
    return tuple(
        " ".join((_guard_sentence(one, words), *_reasons(one.reasons, words)))
        for one in result.kept
        if one.outcome != "holds" and one.effect.arm in standing
    )


def _guard_sentence(one: Kept, words: Words) -> str:
    return words.plain(
        "ab_guard_no_verdict" if one.reasons else f"ab_guard_{one.outcome}",
        name=one.effect.metric,
        arm=one.effect.arm,
        harm=_plain(one.rail.harm),
        difference=_difference(one.effect, one.decides),
    )


def _result(result: Result, words: Words) -> Shown:
    arms, notes = result.arms, []
    if arms.is_paired:
        notes.append(words.plain("ab_paired", both=numbers.count(arms.n_both), items=numbers.count(arms.n_items)))
    elif arms.n_items and "unit" in result.log_has:
        notes.append(
            words.plain("ab_unpaired_items", both=numbers.count(arms.n_both), items=numbers.count(arms.n_items))
        )
    lead = words.plain("ab_result_lead_fixed" if result.design.test == "fixed" else "ab_result_lead_always")
    names = (
        "arm",
        "metric",
        "units",
        "value",
        "control",
        "difference",
        "once",
        "p_once",
        "always",
        "p_always",
        "verdict",
    )
    rows = tuple((*_compared(one, one.effect.metric), words.of("verdict", one.verdict)) for one in result.judged)
    tones: tuple[Tone, ...] = tuple(TONES[one.verdict] for one in result.judged)
    return Shown("result", words.plain("ab_result"), lead, _head(words, *names), rows, tones, tuple(notes))


def _compared(one: Judged, name: str) -> tuple[str, ...]:
    effect, decimals = one.effect, _fine(one.effect)
    return (
        effect.arm,
        name,
        _n(effect),
        _side(effect.a, decimals),
        _side(effect.b, decimals),
        numbers.signed(effect.delta, decimals),
        numbers.interval(*(one.once or (None, None)), sign=True, decimals=decimals) or numbers.NOTHING,
        numbers.p_value(one.p_once),
        numbers.interval(*(one.always or (None, None)), sign=True, decimals=decimals) or numbers.NOTHING,
        numbers.p_value(one.p_always),
    )


def _guards(result: Result, words: Words) -> Shown | None:
    if not result.kept:
        return None
    rows = tuple(
        (
            one.effect.arm, one.effect.metric, _n(one.effect), _side(one.effect.a, _fine(one.effect)), _side(one.effect.b, _fine(one.effect)),
            _difference(one.effect, one.decides), _plain(one.rail.harm),
            words.plain(f"ab_outcome_{one.outcome}"),
        )
        for one in result.kept
    )  # fmt: skip
    head = _head(words, "arm", "metric", "units", "value", "control", "difference", "harm", "outcome")
    tones: tuple[Tone, ...] = tuple(TONES[one.outcome] for one in result.kept)
    return Shown("guardrails", words.plain("ab_guards"), words.plain("ab_guards_lead"), head, rows, tones)


def _value(result: Result, words: Words) -> Shown | None:
    if not result.valued:
        return None
    names = ("arm", "metric", "units", "value", "control", "difference", "once", "p_once", "always", "p_always")
    rows = tuple(_compared(one, words.plain("ab_value")) for one in result.valued)
    return Shown("value", words.plain("ab_value"), words.plain("ab_value_lead"), _head(words, *names), rows)


def _checks(result: Result, words: Words) -> Shown:
    rows = tuple(
        (
            words.plain(f"ab_check_{check.name}", arm=check.arm, metric=check.metric),
            _found(check, result, words),
            _limit(check, words),
            words.plain(f"ab_outcome_{check.outcome}"),
        )
        for check in result.checks
    )
    head = _head(words, "check", "found", "limit", "outcome")
    tones: tuple[Tone, ...] = tuple(TONES[check.outcome] for check in result.checks)
    return Shown("checks", words.plain("ab_checks"), words.plain("ab_checks_lead"), head, rows, tones)


def _found(check: Check, result: Result, words: Words) -> str:
    why = words.plain(f"ab_why_{check.why}") if check.why else ""
    if check.outcome == "not_made":
        return why
    if check.name == "sample_ratio":
        counts = words.comma.join(f"{arm} {numbers.count(n)}" for arm, n in result.arms.n_units.items())
        said = f"{counts}{words.comma}{words.plain('ab_found_p', p=_p(check.p_value))}"
    elif check.p_value is not None:
        said = words.plain(
            "ab_found_missing",
            count=numbers.count(check.n_wrong),
            n=numbers.count(check.n),
            p=_p(check.p_value),
        )
    else:
        said = words.plain("ab_found_share", count=numbers.count(check.n_wrong), n=numbers.count(check.n))
    return f"{said}; {why}" if why else said


def _p(number: float | None) -> str:
    text = numbers.p_value(number)
    return text if text.startswith("<") else f"= {text}"


def _limit(check: Check, words: Words) -> str:
    if check.outcome == "not_made":
        return ""
    if check.p_value is not None:
        return words.plain("ab_limit_p", limit=_plain(check.limit))
    return words.plain("ab_limit_share", limit=numbers.share(check.limit))


def _rows(result: Result, words: Words) -> Shown:
    counted = result.counted
    rows = [
        (words.plain(f"ab_row_{kind}"), numbers.count(counted[kind]), words.comma.join(counted.places[kind]))
        for kind in KINDS
        if counted[kind]
    ]
    rows += [
        (words.plain(f"ab_row_{kind}"), numbers.count(count), "")
        for kind, count in result.arms.left_out.items()
        if count
    ]
    notes = [] if rows else [words.plain("ab_rows_clean")]
    if not result.log_has & {"id", "item", "time"}:
        notes.append(words.plain("ab_row_repeats_unseen"))
    lead = words.plain("ab_rows_lead", rows=numbers.count(counted.rows), used=numbers.count(result.n_used))
    return Shown(
        "rows", words.plain("ab_rows"), lead, _head(words, "what", "count", "first"), tuple(rows), (), tuple(notes)
    )


def _terms(result: Result, words: Words) -> tuple[tuple[str, str], ...]:
    design = result.design
    metric = words.plain(f"ab_metric_{design.metric.better}", name=design.metric.name)
    if design.metric.equivalence:
        metric = words.plain("ab_metric_margin", metric=metric, margin=_plain(design.metric.equivalence))
    horizon = words.plain("ab_none") if design.horizon is None else words.plain("ab_units", count=f"{design.horizon:,}")
    method = result.judged[0].effect.method
    every = (
        "ab_method_none" if method == "none" else f"ab_every_{'betting' if method == 'mcnemar_tango' else 'mixture'}"
    )
    pairs = {
        "name": design.name,
        "arms": words.comma.join(f"{arm} {weight}" for arm, weight in design.arms.items()),
        "control": design.control,
        "metric": metric,
        "test": words.plain(f"ab_test_{design.test}"),
        "level": _level(design.level),
        "horizon": horizon,
        "salt": design.salt or words.plain("ab_none"),
        "method": words.plain(f"ab_method_{method}"),
        "every": words.plain(every),
    }
    return tuple((words.plain(f"ab_term_{name}"), text) for name, text in pairs.items())


def _n(effect: Effect) -> str:
    return f"{numbers.count(effect.a.n)} / {numbers.count(effect.b.n)}"


def _fine(effect: Effect) -> int:
    return numbers.fine(effect.a.value, effect.b.value)


def _difference(effect: Effect, ends: Interval | None) -> str:
    low, high = ends or (None, None)
    return numbers.difference(effect.delta, low, high, _fine(effect))


def _side(side: Side, decimals: int) -> str:
    return numbers.with_interval(side.value, side.low, side.high, decimals)


def _head(words: Words, *names: str) -> tuple[str, ...]:
    return tuple(words.plain(f"ab_column_{name}") for name in names)


def _level(level: float) -> str:
    return f"{_plain(level * 100)} %"


def _plain(number: float) -> str:
    return f"{number:.6g}"
