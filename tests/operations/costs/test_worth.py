"""What an answer is worth: by row, by confusion, by metric; a value that is missing is an error that names it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hanka.operations.costs.ledger import make_ledger
from hanka.operations.costs.prices import PriceError, read_prices
from hanka.operations.costs.records import Comparison
from planted_runs import N
from priced_runs import priced_run, write_prices

TODAY = date(2026, 11, 28)
BY_SAMPLE = {"per_correct: 0.01": "by_sample: values.csv"}
BY_LABEL = {"per_correct: 0.01": "by_label: values.csv"}
PAIRS = "target,answer,value\nyes,yes,3\nyes,no,-1\nno,no,1\nno,yes,-9\n"


def compared(folder: Path, changes: dict[str, str], values: str) -> Comparison:
    folder.mkdir(exist_ok=True)
    (folder / "values.csv").write_text(values, encoding="utf-8")
    evidence = priced_run(folder / "run")
    return make_ledger(evidence, read_prices(write_prices(folder, changes), TODAY)).comparisons[0]


def by_sample(right: float, wrong: float, n: int = N) -> str:
    return "sample_id,right,wrong\n" + "".join(f"s{place},{right},{wrong}\n" for place in range(n))


def test_one_value_for_every_row_is_a_value_per_right_answer(tmp_path: Path) -> None:
    """12 more of 40 rows are right; each is worth 2 instead of -1."""
    found = compared(tmp_path, BY_SAMPLE, by_sample(2, -1))
    assert found.metric == "value"
    assert found.difference is not None
    assert found.difference.value == pytest.approx(12 / 40 * 3)
    assert found.returns is not None
    assert found.returns.gain == pytest.approx(found.difference)


def test_rows_of_different_worth_are_compared_row_by_row(tmp_path: Path) -> None:
    """Rows 20 to 31 became right, row k is worth k/10: the mean over 40 rows with its own paired t interval."""
    lines = "".join(f"s{place},{place / 10},0\n" for place in range(N))
    found = compared(tmp_path, BY_SAMPLE, "sample_id,right,wrong\n" + lines)
    rows = np.array([place / 10 if 20 <= place < 32 else 0.0 for place in range(N)])
    assert found.difference is not None
    assert found.difference.value == pytest.approx(rows.mean())
    half = (found.difference.high - found.difference.low) / 2
    assert half > 1.96 * rows.std(ddof=1) / np.sqrt(N)
    assert half < 3 * rows.std(ddof=1) / np.sqrt(N)


def test_confusions_have_their_own_values(tmp_path: Path) -> None:
    """Odd rows are yes: of rows 20 to 31 six gain 3 - (-1), six gain 1 - (-9)."""
    found = compared(tmp_path, BY_LABEL, PAIRS)
    assert found.difference is not None
    assert found.difference.value == pytest.approx((6 * 4 + 6 * 10) / 40)


@pytest.mark.parametrize(
    ("changes", "values", "said"),
    [
        (BY_SAMPLE, by_sample(1, 0, n=38), "2 of 40 rows of home have no value (s38, s39); add a line for each"),
        (BY_SAMPLE, by_sample(1, 0) + "s0,1,0\n", "values.csv:42: s0 of home stands twice; keep one line"),
        (BY_SAMPLE, "sample_id,right,wrong\ns0,nan,0\n", "values.csv:2: right 'nan' is not an amount of money"),
        (BY_SAMPLE, "sample_id,right,wrong\ns0,1e308,0\n", "values.csv:2: right '1e308' is not an amount of money"),
        (BY_SAMPLE, "sample_id,rihgt,wrong\ns0,1,0\n", "unknown column 'rihgt': did you mean 'right'?"),
        (BY_SAMPLE, "sample_id,right\ns0,1\n", "no column 'wrong'; the columns are sample_id,right,wrong"),
        (BY_SAMPLE, "sample_id,right,wrong\n", "holds no row"),
        (BY_SAMPLE, "sample_id,right,wrong\ns0,1\n", "values.csv:2: 3 columns are named, and this line has others"),
        (BY_LABEL, PAIRS.replace("no,yes,-9\n", ""), "no value for yes for no; add a line for each"),
        (BY_LABEL, PAIRS + "yse,no,1\n", "values.csv:6: target 'yse' is no label of task sentiment: did you mean 'yes'?"),
        ({"per_correct: 0.01": "per_correct: 0.01, metric: acuracy"}, "", "value.metric: 'acuracy' is no metric of task sentiment"),
    ],
)  # fmt: skip
def test_a_value_that_is_missing_or_no_number_is_one_line(
    tmp_path: Path, changes: dict[str, str], values: str, said: str
) -> None:
    with pytest.raises(PriceError) as caught:
        compared(tmp_path, changes, values)
    assert said in str(caught.value)


def test_a_missing_file_of_values_is_one_line(tmp_path: Path) -> None:
    evidence = priced_run(tmp_path / "run")
    with pytest.raises(PriceError, match=r"values\.csv: cannot be read: No such file"):
        make_ledger(evidence, read_prices(write_prices(tmp_path, BY_SAMPLE), TODAY))
