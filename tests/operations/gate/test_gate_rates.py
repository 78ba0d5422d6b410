"""Guardrails: shares with exact bounds, the commonest answer, tokens, prices, and the seconds of requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gate_runs import judged, only, pair
from hanka.analysis.evidence import Evidence
from hanka.operations.gate.results import Check
from hanka.store.folder import RunFolder, read_table, write_table
from planted_runs import Planted


def guarded(run: Evidence, rail: str, **policy: object) -> Check:
    more = "".join(f"{key}: {value}, " for key, value in policy.items())
    return only(judged(run, f"{{candidate: sft, {more}guardrails: [{rail}]}}"))


def changed(run: Planted, column: str, values: list[object]) -> Evidence:
    """Change a column of the tuned model's stored answers."""
    import pyarrow as pa

    path = RunFolder(run.path).cell(str(run.cells[-1]["id"])) / "predictions.parquet"
    table = read_table(path)
    place = table.schema.get_field_index(column)
    write_table(path, table.set_column(place, column, pa.array(values, table.schema.field(place).type)))
    return run.evidence()


def test_no_row_of_forty_leaves_room_for_seven_in_a_hundred(tmp_path: Path) -> None:
    run = pair(tmp_path).evidence()
    for rail in ("unparsed", "failed", "empty", "outside_labels", "repeated_text"):
        check = guarded(run, f"{{{rail}: 0.08}}")
        assert check.high == pytest.approx(1 - 0.05 ** (1 / 40))  # 0.0722
        assert (check.outcome, check.n, check.estimate) == ("pass", 40, 0.0)
        assert guarded(run, f"{{{rail}: 0.07}}").outcome == "inconclusive"


def test_what_was_stored_of_the_rows_is_counted(tmp_path: Path) -> None:
    status = ["unparsed"] * 10 + ["ok"] * 30
    assert guarded(changed(pair(tmp_path / "a"), "status", [*status]), "{unparsed: 0.1}").estimate == 0.25
    texts = [" \n"] * 4 + ["yes"] * 36
    assert guarded(changed(pair(tmp_path / "b"), "output", [*texts]), "{empty: 0.5}").estimate == 0.1
    answers = ["maybe"] * 20 + ["yes"] * 20
    found = guarded(changed(pair(tmp_path / "c"), "parsed", [*answers]), "{outside_labels: 0.1}")
    assert (found.estimate, found.outcome) == (0.5, "fail")


def test_failed_rows_are_counted_among_those_asked(tmp_path: Path) -> None:
    run = pair(tmp_path, missing=range(8)).evidence()
    assert guarded(run, "{failed: 0.5}").estimate == 0.2
    missing = guarded(run, "{unparsed: 0.5}")
    assert missing.reason is not None
    assert missing.reason.key == "missing_answers"
    assert guarded(run, "{unparsed: 0.5}", most_missing=0.3).n == 32


def test_a_collapsed_output_space_is_the_share_of_any_one_answer(tmp_path: Path) -> None:
    even = pair(tmp_path / "a").evidence()  # right on all rows: half yes, half no
    check = guarded(even, "{one_answer: 0.7}")
    assert (check.estimate, check.outcome) == (0.5, "pass")
    collapsed = changed(pair(tmp_path / "b"), "parsed", ["yes"] * 40)
    check = guarded(collapsed, "{one_answer: 0.9}")
    assert (check.estimate, check.outcome) == (1.0, "fail")
    assert check.low == pytest.approx(0.025 ** (1 / 40))  # two labels share alpha
    assert guarded(collapsed, "{label_share: {'yes': 0.9}}").low == pytest.approx(0.05 ** (1 / 40))
    assert guarded(collapsed, "{label_share: {'no': 0.1}}").outcome == "pass"


def test_rows_of_a_group_are_worth_less(tmp_path: Path) -> None:
    alone, grouped = (pair(tmp_path / str(n), groups=n).evidence() for n in (1, 4))
    ends = [guarded(run, "{unparsed: 0.5}").high for run in (alone, grouped)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[1] > 1 - 0.05 ** (1 / 10) > ends[0]  # no better than ten independent rows


def test_tokens_are_bounded_by_their_mean_over_rows(tmp_path: Path) -> None:
    counts = [10 + at % 3 for at in range(40)]
    run = changed(pair(tmp_path), "n_prompt_tokens", [*counts])
    check = guarded(run, "{tokens: 12}")
    mean, spread = float(np.mean(counts)), float(np.std(counts, ddof=1))
    assert check.estimate == pytest.approx(mean)
    assert check.high == pytest.approx(mean + 1.6848751 * spread / 40**0.5)  # t quantile, 39 degrees of freedom
    assert check.outcome == "pass"
    assert guarded(run, "{tokens: 9}").outcome == "fail"


def test_a_price_needs_one_that_is_stated_and_counts_what_the_server_counts(tmp_path: Path) -> None:
    run = changed(pair(tmp_path), "n_prompt_tokens", [10 + at % 3 for at in range(40)])
    unknown = guarded(run, "{price: 1}")
    assert unknown.reason is not None
    assert unknown.reason.key == "no_price"
    run.plan["prices"] = {"tiny": {"input": 100.0, "output": 0.0, "currency": "USD"}}  # type: ignore[index]
    cell = next(one for one in run.cells.values() if one.variant["label"] == "sft")
    cell.record |= {"asked": {"n_read": 4000, "n_written": 0}}  # type: ignore[operator]
    check = guarded(run, "{price: 12}")
    assert check.estimate == pytest.approx(4000 / 40 * 100 / 1e6 * 1000)  # 10 for 1,000 rows
    assert check.outcome == "pass"


def test_the_seconds_of_requests_are_bounded_by_order_statistics(tmp_path: Path) -> None:
    run = pair(tmp_path).evidence()
    variant = next(one for one in run.plan["variants"] if one["label"] == "sft")
    none = guarded(run, "{seconds_p95: 1}")
    assert none.reason is not None
    assert none.reason.key == "no_seconds"
    folder = RunFolder(tmp_path).variant(variant["id"])
    folder.mkdir(parents=True)

    def kept(n: int) -> Evidence:
        lines = [json.dumps({"key": str(at), "seconds": (at + 1) / n, "value": ""}) for at in range(n)]
        (folder / "responses.jsonl").write_text("\n".join([*lines, '{"key": "cut o']), encoding="utf-8")
        return run

    check = guarded(kept(100), "{seconds_p95: 1.0}")
    assert check.estimate == pytest.approx(0.9505)
    assert check.high == pytest.approx(0.99)
    assert (check.outcome, check.n) == ("pass", 100)
    assert guarded(kept(58), "{seconds_p95: 9}").outcome == "inconclusive"  # 0.95^58 > 0.05: no upper bound
    assert guarded(kept(59), "{seconds_p95: 9}").outcome == "pass"
    assert guarded(kept(100), "{seconds_p95: 0.5}").outcome == "fail"
