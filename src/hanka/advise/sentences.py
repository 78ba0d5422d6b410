"""The advice in sentences, one language at a time: verdict, path, changes. Read by the page and by the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from hanka.advise.advice import Advice
from hanka.advise.flips import Flip
from hanka.advise.flow import Exit, Step
from hanka.advise.inputs import Given
from hanka.advise.usable import Usable
from hanka.report import numbers
from hanka.report.words import Words


def verdict_word(advice: Advice, words: Words) -> str:
    """Return the verdict in a few words."""
    return words.plain(f"advise_side_{advice.side}")


def flow_sentence(advice: Advice, words: Words) -> str:
    """Say what the flow advises, or why it does not."""
    path = advice.path
    if path.side == "LLM":
        return words.plain("advise_flow_LLM")
    if path.side == "FT":
        return words.plain("advise_flow_FT", most=billions(advice.thresholds.largest_tuned, words))
    missing = [one for one in path.unsettled if one.state == "missing"]
    undecided = [one for one in path.unsettled if one.state == "open"]
    if missing and undecided:
        return words.plain("advise_flow_both", missing=_questions(missing, words), open=_questions(undecided, words))
    if missing or undecided:
        key = "advise_flow_missing" if missing else "advise_flow_open"
        return words.plain(key, questions=_questions(missing or undecided, words))
    return words.plain("advise_flow_none")


def stands_sentence(advice: Advice, words: Words) -> str:
    """Say what the run shows beside the flow, and which of the two stands."""
    return words.plain(f"advise_stands_{advice.measurement.weighed.reason}")


def billions(number: float, words: Words) -> str:
    """Write a number of parameters."""
    return words.plain("advise_billions", count=f"{number / (1e8 if words.lang == 'ja' else 1e9):g}")


def exit_word(exit_: Exit, words: Words) -> str:
    """Return the word of an exit."""
    return words.plain("advise_exit_none" if exit_ == "?" else f"advise_exit_{exit_}")


def title(number: int, words: Words) -> str:
    """Return a question in a few words."""
    return words.plain(f"advise_node_{number}")


def _questions(steps: Sequence[Step], words: Words) -> str:
    """Name the questions: one with its title, several by their numbers, which a sentence has room for."""
    if len(steps) == 1:
        number = steps[0].question.number
        return words.plain("advise_question", number=number, title=title(number, words).rstrip("?？"))
    return words.plain("advise_questions", numbers=words.comma.join(str(one.question.number) for one in steps))


def label(name: str, words: Words) -> str:
    """Return what an input is called."""
    return words.plain(f"advise_input_{name}")


def value(known: Given, words: Words) -> str:
    """Write a value with its interval and n."""
    if isinstance(known.value, bool):
        return words.plain("advise_yes" if known.value else "advise_no")
    written = number(known.value) if known.is_exact else numbers.with_interval(known.value, known.low, known.high)
    return written if known.n is None else f"{written}, n = {numbers.count(known.n)}"


def number(one: float) -> str:
    """Write a line or an exact value: whole numbers without decimals."""
    return numbers.count(one) if one == int(one) else numbers.value(one)


def source(known: Given, words: Words) -> str:
    """Say where a value is from."""
    kind = words.plain("advise_measured" if known.is_measured else "advise_declared")
    said = f"{kind}{words.comma}{words.plain(f'advise_source_{known.source}')}"
    return f"{said}{words.comma}{known.about}" if known.about else said


def flip_said(flip: Flip, words: Words) -> str:
    """Say a change."""
    if flip.test == "is":
        return words.plain("advise_flip_yes" if flip.line else "advise_flip_no", input=label(flip.input, words))
    return words.plain(f"advise_flip_{flip.test}", input=label(flip.input, words), line=number(flip.line))


def may_said(model: Usable, words: Words) -> str:
    """Say whether a model may be used."""
    if model.may in ("yes", "conditions"):
        return words.plain(f"advise_may_{model.may}")
    why = model.against if model.may == "no" else model.unknown
    return words.plain(f"advise_may_{model.may}", why=words.comma.join(words.plain(f"advise_why_{one}") for one in why))


def needs_said(advice: Advice, words: Words) -> str:
    """Say what was asked of the models."""
    needs, unsaid = advice.needs, words.plain("advise_not_declared")
    commercial = unsaid if needs.commercial is None else words.plain("advise_yes" if needs.commercial else "advise_no")
    tokens = unsaid if needs.longest_prompt_tokens is None else numbers.count(needs.longest_prompt_tokens)
    return words.plain(
        "advise_models_needs",
        languages=words.comma.join(needs.languages) or unsaid,
        commercial=commercial,
        tokens=tokens,
    )
