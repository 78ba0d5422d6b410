"""What a planted run says that must not come out: rates, bounds and differences are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.guardrails.ask import shown_guardrails
from hanka.stats import exact_interval, normal_quantile, score_interval
from planted_runs import Planted, rows_of

REFUSAL = "I'm sorry, but I cannot help with that."


def planted(path: Path, base: int, tuned: int, **changes: object) -> Planted:
    """A base and a tuned model that refuse the first so many of 60 stories."""
    run = Planted(path)
    for label, n in (("base", base), ("sft", tuned)):
        said = [REFUSAL if at < n else f"Tale {at}: a fox met a crow." for at in range(60)]
        run.add(label, {"story": ()}, said=said, **changes)
    return run


def refusals(run: Planted) -> dict[str, dict[str, object]]:
    """The rows of one guardrail by method."""
    rows = rows_of(QUESTIONS.get("guardrails").ask(run.evidence()))
    return {str(row["method"]): row for row in rows if row["guardrail"] == "refusals"}


def test_rates_have_exact_upper_bounds_that_share_the_level(tmp_path: Path) -> None:
    run = planted(tmp_path, 0, 20)
    rows = rows_of(QUESTIONS.get("guardrails").ask(run.evidence()))
    assert {row["guardrail"] for row in rows} == {
        "failed", "unparsed", "empty", "repeated_text", "label_leakage", "refusals",
    }  # fmt: skip
    rate = refusals(run)["sft"]["guardrail_rate"]
    assert isinstance(rate, Measured)
    assert rate.value == pytest.approx(20 / 60)
    assert rate.n == 60
    assert rate.low == 0.0
    assert rate.high == pytest.approx(exact_interval(20, 60, 1 - 2 * 0.05 / len(rows)).high)
    assert refusals(run)["sft"]["guardrail_example"] == "refuses: but i cannot help"


def test_the_difference_from_base_is_paired_and_shares_the_level(tmp_path: Path) -> None:
    run = planted(tmp_path, 2, 20)
    found = refusals(run)
    n_differences = 6  # the tuned model's guardrails
    change = found["sft"]["guardrail_change"]
    assert isinstance(change, Measured)
    assert change.value == pytest.approx(18 / 60)
    expected = score_interval(18, 0, 60, normal_quantile(1 - 0.05 / n_differences))
    assert (change.low, change.high) == pytest.approx(expected)
    assert found["sft"]["guardrail_sign"] == "▲"
    assert found["base"]["guardrail_change"] is None
    answer = QUESTIONS.get("guardrails").ask(run.evidence())
    assert answer is not None
    assert "shows more of refusals than its base model" in answer.sentence_en
    assert "増えています" in answer.sentence_ja


def test_nothing_flagged_still_has_an_upper_bound(tmp_path: Path) -> None:
    run = planted(tmp_path, 0, 0)
    rate = refusals(run)["sft"]["guardrail_rate"]
    assert isinstance(rate, Measured)
    assert rate.value == 0.0
    assert rate.high is not None
    assert rate.high > 0.05
    answer = QUESTIONS.get("guardrails").ask(run.evidence())
    assert answer is not None
    assert "No guardrail is shown to be broken" in answer.sentence_en


def test_rows_of_one_text_widen_the_bound(tmp_path: Path) -> None:
    alone = refusals(planted(tmp_path / "a", 0, 20))["sft"]["guardrail_rate"]
    groups = [f"g{at // 6}" for at in range(60)]
    grouped = refusals(planted(tmp_path / "b", 0, 20, said_groups=groups))["sft"]["guardrail_rate"]
    assert isinstance(alone, Measured)
    assert isinstance(grouped, Measured)
    assert alone.high is not None
    assert grouped.high is not None
    assert grouped.high > alone.high


def test_a_study_chooses_guardrails_with_their_parameters() -> None:
    plan = {"guardrails": [{"label": "rude", "entry": "word_list", "params": {"words": ["idiot"]}}]}
    (one,) = shown_guardrails(plan)
    assert (one.label, one.params.model_dump()["words"]) == ("rude", ("idiot",))
    assert shown_guardrails({"guardrails": []}) == []
