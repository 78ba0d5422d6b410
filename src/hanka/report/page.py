"""The page: sections in reading order, set into one HTML file that asks for nothing from outside.

Last step of the report. Templates escape every value; `finalize` makes text inert before it is escaped.
The content security policy allows inline styles and exactly one script, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import hanka
from hanka.report import inert
from hanka.report.answers import answers_section
from hanka.report.blocks import MARKS, Section
from hanka.report.checks import audits_section, baselines_section, failures_section
from hanka.report.decision_numbers import decision_section
from hanka.report.examples import examples_section
from hanka.report.figures import Sketchbook
from hanka.report.forest import forest_section
from hanka.report.forgetting import forgetting_section
from hanka.report.headline import Headline, make_headline
from hanka.report.matrix import matrix_section
from hanka.report.outline import Outline
from hanka.report.output_space import output_section
from hanka.report.provenance import definitions_section, reproduce_section, run_section
from hanka.report.samples import Samples
from hanka.report.shots import shots_section
from hanka.report.sizes import sizes_section
from hanka.report.tradeoff import tradeoff_section
from hanka.report.training import training_section
from hanka.report.words import Words

ANY_TEXT_LIMIT = 100_000
"Characters of any one text; sections set tighter limits of their own."


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template prints."""

    headline: Headline
    sections: tuple[Section, ...]
    has_all_samples: bool
    "Whether the page holds every sample; else there is a second file."


@dataclass(frozen=True, slots=True)
class PlainPage:
    """A page of its own beside the report: one sentence in a verdict's colours, then sections."""

    title: str
    "What kind of page it is."
    about: str
    "What it is about: a run, a log."
    tone: Literal["adapt", "trade-off", "keep", "undecided"]
    "Colour and shape of the verdict: shown, shown with a price, not so, open."
    word: str
    "The verdict in a word or two."
    sentence: str
    sections: tuple[Section, ...]


def make_page(outline: Outline, words: Words, samples: str = "") -> Page:
    """Build all sections of a run in reading order. samples: address of the second file."""
    shown = examples_section(outline, words, samples)
    sections = _sections(outline, words, shown.section)
    return Page(make_headline(outline, words), sections, shown.is_all)


def _sections(outline: Outline, words: Words, examples: Section) -> tuple[Section, ...]:
    sketches = Sketchbook()
    return (
        tradeoff_section(outline, words, sketches),
        decision_section(outline, words),
        matrix_section(outline, words),
        training_section(outline, words, sketches),
        forest_section(outline, words, sketches),
        answers_section(outline, words, sketches),
        shots_section(outline, words, sketches),
        sizes_section(outline, words, sketches),
        forgetting_section(outline, words),
        output_section(outline, words),
        baselines_section(outline, words),
        audits_section(outline, words),
        failures_section(outline, words),
        examples,
        run_section(outline, words),
        reproduce_section(outline, words),
        definitions_section(outline, words),
    )


def page_html(page: Page, words: Words) -> str:
    """Print a page as one HTML document."""
    return _html("page.html.j2", words, page=page)


def plain_html(page: PlainPage, words: Words) -> str:
    """Print a page beside the report as one HTML document."""
    return _html("plain.html.j2", words, page=page)


def samples_html(samples: Samples, report: str, words: Words) -> str:
    """Print all samples as one HTML document. report: address of the report."""
    return _html("samples.html.j2", words, samples=samples, report=report)


def _html(template: str, words: Words, **shown: Any) -> str:
    style, script = _asset("style.css") + _asset("first.css"), _asset("filter.js") + _asset("save.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _environment().get_template(template).render(
        **shown, words=words, policy=policy, version=hanka.__version__, marks=MARKS,
        style=Markup(style), script=Markup(script),  # noqa: S704 - our own package files
    )  # fmt: skip


def _asset(name: str) -> str:
    return (files("hanka.report") / "templates" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hanka.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )


def _inert(value: Any) -> Any:
    """Make text visible and finite; HTML made from dictionary words already is."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return inert.visible(inert.shorten(value, ANY_TEXT_LIMIT))
