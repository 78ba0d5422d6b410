"""The price file: strict, dated, each mistake one line that says what to write."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hanka.operations.costs.prices import PriceError, example, read_prices
from priced_runs import write_prices

TODAY = date(2026, 11, 28)
DATED = "date: 2026-11-01, source: list}"


def test_the_example_that_is_printed_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(example(), encoding="utf-8")
    found = read_prices(path, TODAY)
    assert found.prices.currency == "USD"
    assert found.prices.value is not None
    assert found.prices.volume is not None
    assert found.old == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labelling:": "labeling:"}, "prices.yaml:6: labeling: unknown key 'labeling': did you mean 'labelling'?"),
        ({"per_row: 2.5": "per_row: -1"}, "prices.yaml:6: labelling.per_row: -1 is out of range: give a number ≥ 0"),
        ({"per_row: 2.5": "per_row: .nan"}, "labelling.per_row: nan is not a finite number"),
        ({"per_row: 2.5": "per_row: .inf"}, "labelling.per_row: inf is not a finite number"),
        ({"per_row: 2.5": "per_row: yes"}, "labelling.per_row: true is not a number"),
        ({"date: 2026-11-01, source: invoice": "source: invoice"}, "labelling.date: the key is missing"),
        ({"source: invoice": "source: ''"}, "labelling.source: '' is empty; give text"),
        ({"2026-11-01, source: invoice": "2027-01-01, source: invoice"}, "2027-01-01 lies in the future"),
        ({"2026-11-01, source: invoice": "last week, source: invoice"}, "labelling.date: 'last week'"),
        ({"asked: tuned,": ""}, ""),
        ({"asked: tuned": "asked: trained"}, "serving.1.asked: 'trained' is not allowed: did you mean 'tuned'?"),
        ({"per_hour: 1.8": "per_hour: 1.8, per_kwh: 1"}, "per_hour and per_kwh is given; give exactly one of"),
        ({"per_hour: 1.8, ": ""}, "no price is given; give exactly one of per_million_tokens_read, per_hour, per_kwh"),
        ({", per_million_tokens_written: 50": ""}, "tokens read and tokens written are priced together"),
        ({"asked: tuned,": "asked: prompted,"}, "serving.1: prompted has two prices; keep one"),
        ({"currency: EUR": "currency: euro"}, "currency: 'euro'"),
        ({"per_correct: 0.01": "per_correct: 0.01, by_sample: a.csv"}, "per_correct and by_sample is given"),
        ({"per_correct: 0.01, ": ""}, "nothing is given; give exactly one of per_correct, by_sample, by_label"),
        ({"requests_per_month: 100000": "requests_per_month: 0"}, "volume.requests_per_month: 0"),
        ({"months: 6": "months: 0"}, "volume.months: 0"),
        (
            {"requests_per_month: 100000": "requests_per_month: 1.0e+308"},
            "volume.requests_per_month: 1e+308 is out of range",
        ),
        ({"per_row: 2.5": "per_row: 1.0e+308"}, "labelling.per_row: 1e+308 is out of range"),
        ({"per_correct: 0.01": "per_correct: -0.01"}, "value.per_correct: -0.01 is out of range: give a number ≥ 0"),
    ],
)
def test_a_mistake_is_one_line_with_the_key_and_what_is_allowed(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    path = write_prices(tmp_path, change)
    if not said:
        read_prices(path, TODAY)
        return
    with pytest.raises(PriceError) as caught:
        read_prices(path, TODAY)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="no such price file; `hanka cost --example` prints one"):
        read_prices(tmp_path / "none.yaml", TODAY)


def test_old_prices_are_named_with_their_age(tmp_path: Path) -> None:
    path = write_prices(tmp_path, {"2026-11-01, source: invoice": "2026-05-01, source: invoice"})
    (old,) = read_prices(path, TODAY).old
    assert (old.key, old.date, old.n_days) == ("labelling", date(2026, 5, 1), 211)
    assert (
        read_prices(write_prices(tmp_path, {"currency: EUR": "currency: EUR\nstale_after_days: 300"}), TODAY).old == ()
    )


def test_the_most_special_price_counts(tmp_path: Path) -> None:
    more = "serving:\n  - {base: tiny, per_hour: 9, " + DATED + "\n  - {per_hour: 7, " + DATED
    prices = read_prices(write_prices(tmp_path, {"serving:": more}), TODAY).prices
    found = [
        prices.serving_of("tiny", "tuned"),
        prices.serving_of("other", "tuned"),
        prices.serving_of("other", "prompted"),
    ]
    assert [one.per_hour if one else None for one in found] == [9.0, 1.8, None]
    assert found[2] is not None
    assert found[2].per_million_tokens_read == 10
