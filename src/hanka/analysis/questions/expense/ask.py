"""What does it take to answer? A row per system and test set of its own task: time, tokens, and money where a price is stated.

Only of runs in which a served model takes part: there the choice is between paying for answers and making a model of one's own.
Seconds a row are those of the whole cell over its rows, as it was asked: many rows at once on this machine, several requests at once
of a server; answers that were there already count with the seconds they took then. Seconds of a request are the median of what was sent now.

Limits: the price of this machine is not known, so local systems have none; a server's time is that of the hour of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hanka.analysis.asked import variant_name
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note

MOST_ROWS = 400
"Rows of the table at most."
SAID = 4
"Systems that the sentence names."
THOUSAND = 1000
COLUMNS = (
    Column("test_set"), Column("base"), Column("method"), Column("train_size", "count"), Column("seed"), Column("shots"), Column("context"), Column("n_rows", "count"),
    Column("row_seconds", "value"), Column("request_seconds", "value"), Column("row_tokens_read", "value"),
    Column("row_tokens_written", "value"), Column("price"),
)  # fmt: skip


class Expense(NamedTuple):
    """What one cell took."""

    cell: CellEvidence
    "The cell."
    n: int
    "Rows."
    row_seconds: float
    "Seconds of the cell over its rows."
    request_seconds: float | None
    "Median of a request; None where nothing was sent."
    n_read: float
    "Tokens read a row."
    n_written: float
    "Tokens written a row."
    money: float | None
    "Of a thousand rows; None where no price is stated."
    currency: str
    "Of `money`."


def ask(evidence: Evidence) -> Answer | None:
    """Tabulate what answering took; None where every model is in memory."""
    prices = evidence.plan.get("prices") or {}
    found = [
        _expense(cell, prices) for cell in evidence.done() if cell.cell["relation"] == "in_domain" and cell.n_asked
    ]
    if not any("asked" in one.cell.record for one in found):
        return None
    order = {cell["id"]: place for place, cell in enumerate(evidence.plan["cells"])}
    tests = list(dict.fromkeys(cell["test_dataset"] for cell in evidence.plan["cells"]))
    found.sort(key=lambda one: (tests.index(one.cell.cell["test_dataset"]), order[one.cell.cell["id"]]))
    en, ja = _sentences(found)
    return Answer(en, ja, COLUMNS, tuple(_entries(one) for one in found[:MOST_ROWS]), (), (_about(),))


def _expense(cell: CellEvidence, prices: Mapping[str, Any]) -> Expense:
    record, n = cell.record, cell.n_asked
    asked = record.get("asked") or {}
    read, written = asked.get("n_read", record["n_prompt_tokens"]), asked.get("n_written", record["n_output_tokens"])
    price = prices.get(cell.variant["base"]) if asked else None
    money = None if not price else (read * price["input"] + written * price["output"]) / 1e6 / n * THOUSAND
    return Expense(
        cell, n, (record["seconds"] + asked.get("kept_seconds", 0.0)) / n, asked.get("request_seconds"), read / n, written / n, money, (price or {}).get("currency", "")
    )  # fmt: skip


def _entries(one: Expense) -> tuple[Entry, ...]:
    cell = one.cell.cell
    return (
        cell["test_dataset"],
        one.cell.variant["base"],
        one.cell.variant["label"],
        one.cell.variant["train_size"] or None,
        None if one.cell.is_unadapted else str(one.cell.variant["seed"]),
        str(cell["shots"]),
        cell.get("context", ""),
        one.n,
        Measured(one.row_seconds),
        None if one.request_seconds is None else Measured(one.request_seconds),
        Measured(one.n_read) if one.n_read else None,
        Measured(one.n_written) if one.n_read else None,
        "–" if one.money is None else f"{one.money:,.2f} {one.currency}",
    )


def _sentences(found: Sequence[Expense]) -> tuple[str, str]:
    """Say what the first test set took of each base: the served ones' askings, and the first tuned ones."""
    first = [one for one in found if one.cell.cell["test_dataset"] == found[0].cell.cell["test_dataset"]]
    served = [one for one in first if "asked" in one.cell.record]
    tuned = [one for one in first if "asked" not in one.cell.record and not one.cell.is_unadapted]
    told = [*served[: SAID // 2], *tuned[: SAID - len(served[: SAID // 2])]]
    en = [f"{_name(one, 'en')}: {_seconds(one)} s a row{_price(one, 'en')}" for one in told]
    ja = [f"{_name(one, 'ja')}：1 件あたり {_seconds(one)} 秒{_price(one, 'ja')}" for one in told]
    test = found[0].cell.cell["test_dataset"]
    return f"{test}: {'; '.join(en)}.", f"{test}：{'；'.join(ja)}。"


def _name(one: Expense, lang: str) -> str:
    shots = one.cell.cell["shots"]
    asked = f"、{shots} ショット" if lang == "ja" else f", {shots}-shot"
    return f"{one.cell.variant['base']} {variant_name(one.cell, lang)}{asked}"


def _seconds(one: Expense) -> str:
    return f"{one.row_seconds:.3g}"


def _price(one: Expense, lang: str) -> str:
    if one.money is None:
        return ""
    return (
        f"、1,000 件あたり {one.money:,.2f} {one.currency}"
        if lang == "ja"
        else f", {one.money:,.2f} {one.currency} per 1,000 rows"
    )


def _about() -> Note:
    return Note(
        "Seconds a row: the whole test set over its rows, many at once on this machine, several requests at once of a server. Tokens of a "
        "served model are the server’s own count, every label’s request among them. A price is what the study states; this machine "
        "has none here.",
        "1 件あたりの秒数は、テストセット全体の時間を件数で割った値です（このマシンでは多数を同時に、サーバーには複数のリクエストを並行して処理）。"
        "サーバー上のモデルのトークン数はサーバー自身の数え方で、ラベルごとのリクエストをすべて含みます。料金は調査ファイルに書かれた単価によるもので、"
        "このマシンの費用は含みません。",
    )
