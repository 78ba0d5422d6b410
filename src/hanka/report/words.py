"""The words of the report in two languages: look-up, and how names are set into sentences.

Every word of the interface stands under the same key in `words_en.py` and `words_ja.py`, or in `words_PART.py` with both languages
(first screen, trainings, claims, A/B tests, advice, costs, gate, monitor, rollout, amounts of data); what analysis wrote (`…_en`, `…_ja`) is chosen here
too, and what other stages stored in English only is translated by `stored_words.py`. Dictionary text is plain: it is escaped like any other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from markupsafe import Markup, escape

from hanka.metrics import METRICS
from hanka.report import inert
from hanka.report.numbers import NOTHING
from hanka.report.rows import as_text
from hanka.report.stored_words import in_japanese, place_in_japanese
from hanka.report.terms import TERMS_EN, TERMS_JA
from hanka.report.words_ab import AB_EN, AB_JA
from hanka.report.words_advise import ADVISE_EN, ADVISE_JA
from hanka.report.words_claims import CLAIMS_EN, CLAIMS_JA
from hanka.report.words_costs import COSTS_EN, COSTS_JA
from hanka.report.words_distillation import DISTILLATION_EN, DISTILLATION_JA
from hanka.report.words_emergence import EMERGENCE_EN, EMERGENCE_JA
from hanka.report.words_en import ENGLISH
from hanka.report.words_first_en import FIRST_ENGLISH
from hanka.report.words_first_ja import FIRST_JAPANESE
from hanka.report.words_gate import GATE_EN, GATE_JA
from hanka.report.words_guardrails import GUARDRAILS_EN, GUARDRAILS_JA
from hanka.report.words_how_much import HOW_MUCH_EN, HOW_MUCH_JA
from hanka.report.words_intruders import INTRUDERS_EN, INTRUDERS_JA
from hanka.report.words_ja import JAPANESE
from hanka.report.words_judge import JUDGE_EN, JUDGE_JA
from hanka.report.words_levels import LEVELS_EN, LEVELS_JA
from hanka.report.words_mixes import MIXES_EN, MIXES_JA
from hanka.report.words_monitor import MONITOR_EN, MONITOR_JA
from hanka.report.words_rival import RIVAL_ENGLISH, RIVAL_JAPANESE
from hanka.report.words_robustness import ROBUSTNESS_EN, ROBUSTNESS_JA
from hanka.report.words_rollout import ROLLOUT_EN, ROLLOUT_JA
from hanka.report.words_training import TRAINING_EN, TRAINING_JA
from hanka.report.words_transfer import TRANSFER_EN, TRANSFER_JA

Lang: TypeAlias = Literal["en", "ja"]
Word: TypeAlias = str | int | float
UNITS = ((1.0, 120.0, "seconds_s"), (60.0, 7200.0, "seconds_min"), (3600.0, math.inf, "seconds_h"))
"Seconds of a unit, below how many seconds it is used, its word."

PARTS: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = (
    (ENGLISH, JAPANESE),
    (FIRST_ENGLISH, FIRST_JAPANESE),
    (TRAINING_EN, TRAINING_JA),
    (CLAIMS_EN, CLAIMS_JA),
    (TERMS_EN, TERMS_JA),
    (ADVISE_EN, ADVISE_JA),
    (COSTS_EN, COSTS_JA),
    (GATE_EN, GATE_JA),
    (GUARDRAILS_EN, GUARDRAILS_JA),
    (JUDGE_EN, JUDGE_JA),
    (ROLLOUT_EN, ROLLOUT_JA),
    (MONITOR_EN, MONITOR_JA),
    (MIXES_EN, MIXES_JA),
    (AB_EN, AB_JA),
    (HOW_MUCH_EN, HOW_MUCH_JA),
    (EMERGENCE_EN, EMERGENCE_JA),
    (ROBUSTNESS_EN, ROBUSTNESS_JA),
    (LEVELS_EN, LEVELS_JA),
    (DISTILLATION_EN, DISTILLATION_JA),
    (INTRUDERS_EN, INTRUDERS_JA),
    (TRANSFER_EN, TRANSFER_JA),
)
"Words by part, English and Japanese."
LANGUAGES: Mapping[Lang, Mapping[str, str]] = {
    "en": {key: word for english, _ in PARTS for key, word in english.items()},
    "ja": {key: word for _, japanese in PARTS for key, word in japanese.items()},
}

RIVALS: Mapping[Lang, Mapping[str, str]] = {"en": RIVAL_ENGLISH, "ja": RIVAL_JAPANESE}
"Words that stand in for those above where models are weighed against another one."

BY_DISPLAY = {metric.display: metric.name for metric in METRICS}
DISPLAYS = re.compile(
    r" ?(?<![\w-])(" + "|".join(map(re.escape, sorted(BY_DISPLAY, key=len, reverse=True))) + r")(?![\w-]) ?", re.ASCII
)
"What analysis calls metrics inside its sentences, in either language."


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    lang: Lang
    "Language of the page."
    rival: str = ""
    "Another base model that everything is weighed against; empty: each adapted model against its own base."

    def __call__(self, key: str, **names: Word) -> Markup:
        """Return a sentence as HTML, each name made inert and isolated; Markup is set in as it is."""
        named = {"rival": self.rival, **names}
        parts = {part: value if isinstance(value, Markup) else inert.name(str(value)) for part, value in named.items()}
        return Markup(escape(self._text(key))).format(**parts)  # noqa: S704 - escaped before

    def plain(self, key: str, **names: Word) -> str:
        """Return a sentence as plain text: for tooltips, figures and spoken labels."""
        named = {"rival": self.rival, **names}
        return self._text(key).format(**{part: inert.label(str(value)) for part, value in named.items()})

    def _text(self, key: str) -> str:
        found = RIVALS[self.lang].get(key) if self.rival else None
        return LANGUAGES[self.lang][key] if found is None else found

    def rows(self, size: int, seed: object = None) -> str:
        """Say on how many rows a variant was tuned, as plain text; 0: it was tuned elsewhere."""
        if not size:
            return self.plain("tuned_elsewhere")
        return (
            self.plain("size", size=f"{size:,}")
            if seed is None
            else self.plain("size_seed", size=f"{size:,}", seed=str(seed))
        )

    def of(self, group: str, name: str) -> str:
        """Return the word for a stored value such as a metric or relation, or the value where there is none."""
        return self.known(group, name) or inert.label(name)

    def known(self, group: str, name: str) -> str:
        """Return the word for a stored value, or nothing where there is none."""
        return LANGUAGES[self.lang].get(f"{group}_{name}".replace(" ", "_"), "")

    def metric(self, name: str) -> str:
        """Return what a metric is called: by the dictionary, else as another package's entry calls itself."""
        return self.known("metric", name) or inert.label(METRICS.get(name).display if name in METRICS else name)

    def relation(self, name: str) -> str:
        """Return what a relation is called."""
        return self.of("relation", name)

    def written(self, stored: Mapping[str, Any], field: str) -> str:
        """Return analysis' own sentence in this language, or in the other where it is missing."""
        own = as_text(stored.get(f"{field}_{self.lang}"))
        if own:
            return DISPLAYS.sub(self._metric_inside, own) if self.lang == "ja" else own
        return as_text(stored.get(f"{field}_{'ja' if self.lang == 'en' else 'en'}"))

    def _metric_inside(self, found: re.Match[str]) -> str:
        """Write a metric inside a Japanese sentence: without spaces around it unless it is Latin."""
        name = self.metric(BY_DISPLAY[found[1]])
        return found[0] if name.isascii() else name

    @property
    def comma(self) -> str:
        """What stands between the names of a list."""
        return "、" if self.lang == "ja" else ", "

    def stored(self, text: str) -> str:
        """Return a sentence that a stage stored in English only, in this language where it is known."""
        return in_japanese(text) if self.lang == "ja" else text

    def place(self, text: str) -> str:
        """Return the place that an audit looked at in this language; names in it stay as they are."""
        return place_in_japanese(text) if self.lang == "ja" else text

    def duration(self, seconds: float | None) -> Markup:
        """Return a measured time with its unit: seconds, minutes or hours."""
        if seconds is None:
            return Markup("{}").format(NOTHING)
        size, key = next((size, key) for size, below, key in UNITS if seconds < below)
        return self(key, count=Markup("{}").format(f"{seconds / size:.1f}"))
