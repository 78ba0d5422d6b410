"""The page that a lead signs: every criterion has a sentence in both languages, and what was signed stands on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from test_rollout_standing import NOW

from governed_runs import GOOD, governed_run
from hanka.operations.ledger.approvals import Signing, add, approve
from hanka.operations.rollout import promote, stand
from hanka.operations.rollout.criteria import Criterion, Name
from hanka.operations.rollout.page import rollout_html
from hanka.operations.rollout.sentences import (
    SAID,
    SHARED,
    STAGES,
    TITLES,
    VERDICTS,
    WITHOUT_SET,
    found,
    proposal,
    title,
    verdict,
)
from hanka.operations.rollout.stages import ALL, Stages
from hanka.operations.rollout.standing import EXIT
from hanka.report.inert import plain
from hanka.report.words import Lang, Words
from hanka.store.folder import RunFolder

LANGS = pytest.mark.parametrize("lang", ["en", "ja"])
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return governed_run(tmp_path_factory.mktemp("made") / "run").path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    shutil.copytree(made, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def test_every_verdict_stage_and_criterion_has_words() -> None:
    assert VERDICTS.keys() == EXIT.keys()
    assert TITLES.keys() == set(get_args(Name))
    assert {one.name for one in Stages().stages} == STAGES.keys()
    assert {name for name, _, _ in SAID} | set(WITHOUT_SET) == set(get_args(Name)) | {"loss"}


@LANGS
def test_every_sentence_is_made_from_the_numbers_of_its_criterion(lang: Lang) -> None:
    words = Words(lang)
    claim = {
        "metric": "accuracy",
        "before": 0.5,
        "after": 0.7,
        "gain": 0.2,
        "low": 0.1,
        "high": 0.3,
        "n": 1400,
        "seeds": 3,
    }
    numbers: dict[str, dict[str, Any]] = {
        "gain": claim | {"bound": 0.0, "rows": 1200}, "loss": claim | {"bound": 0.02, "rows": 1200}, "seeds": {"seeds": 1, "asked": 5},
        "task": {"kinds": list(ALL)}, "complete": {"variants": 1, "cells": 2, "rows": 3},
        "answers": {"value": 0.01, "low": 0.0, "high": 0.02, "n": 80, "bound": 0.05},
        "guardrail": {"value": 0.01, "low": 0.0, "high": 0.02, "n": 80, "bound": 0.05},
        "training": {"reason_en": "It did not.", "reason_ja": "学習していません。"}, "gate": {"entry": 3, "date": "2026-03-01", "asked": True},
        "review": {"signed": 1, "asked": 2, "roles": ["lead"], "names": ["Ada"]},
        "cadence": {"days": 30.0, "last": "2026-02-01", "until": "2026-03-03", "entry": 4, "alarm": 5},
    }  # fmt: skip
    for name, state, case in SAID:
        own: Name = "out_of_domain" if name == "loss" else name  # type: ignore[assignment]
        one = Criterion(own, state, case, "mails", numbers[name])  # type: ignore[arg-type]
        assert "{" not in plain(found(one, words)) + plain(title(one, words))
    for case in SHARED:
        assert "{" not in plain(found(Criterion("gain", "open", case, "mails", numbers["gain"]), words))
    said = plain(found(Criterion("gain", "open", "rows", "mails", numbers["gain"]), words))
    assert [part in said for part in ("0.500", "0.700", "+0.200", "+0.100", "+0.300", "1,400", "1,200")] == [True] * 7


@LANGS
def test_the_page_says_the_verdict_the_conditions_what_to_say_and_who_signed(
    run: RunFolder, tmp_path: Path, lang: Lang
) -> None:
    place = tmp_path / "log"
    approve(place, run, Signing("sft", f"Ada {HOSTILE}", "lead"), NOW)
    standing = stand(run, place, Stages(), "", NOW)
    words, html = Words(lang), rollout_html(standing, run, lang)
    assert re.findall(r'<section id="(\w+)"', html) == ["conditions", "stages", "say", "sign"]
    assert 'class="panel undecided"' in html
    assert str(verdict(standing, words)[1]) in html
    for one in standing.criteria:
        assert str(found(one, words)) in html
    assert str(proposal(standing, words)) in html
    assert "75" in html[html.index('id="say"') : html.index('id="sign"')]  # of 100 answers 75 are right instead of 50
    signed = html[html.index('id="sign"') :]
    assert signed.count("2026-03-01") == 1
    assert "Ada &lt;script&gt;" in signed
    assert signed.count("____") >= 2 * 5
    assert standing.head in signed
    assert HOSTILE not in html
    if lang == "ja":
        text = re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", "", html, flags=re.DOTALL)
        assert not re.search(r"\b(the|with|was|are|not) \w+ \w+", text)


@LANGS
def test_a_stage_that_was_passed_says_by_whom_and_when(run: RunFolder, tmp_path: Path, lang: Lang) -> None:
    place = tmp_path / "log"
    add(place, "gate", {"outcome": "pass"}, "ci", run)
    approve(place, run, Signing("sft", "Ada", "lead"), NOW)
    promote(place, stand(run, place, Stages(), "", NOW), "Bob", NOW)
    html = rollout_html(stand(run, place, Stages(), "", NOW), run, lang)
    stages = html[html.index('id="stages"') : html.index('id="say"')]
    assert "2026-03-01" in stages
    assert "Bob" in stages


def test_what_speaks_against_it_is_proposed_before_what_is_missing(tmp_path: Path) -> None:
    run = governed_run(tmp_path / "run", tuned=GOOD | {"home": range(100)})
    standing = stand(run, tmp_path / "log", Stages(), "", NOW)
    assert standing.verdict == "must_not"
    assert "at most −0.2" in plain(proposal(standing, Words("en")))
    assert 'class="panel keep"' in rollout_html(standing, run, "en")
