"""`hanka ab`: who sees which arm, how many units are needed, what the outcomes show.

Exit codes of `test`: 0 every arm is decided (better, worse or equivalent) and no guardrail is open; 1 a guardrail of an arm that is not
worse is broken; 3 undecided, leaning, or no verdict; 2 the input is wrong. Of `assign`: 1 where a row has no unit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, TypeAlias

import typer

if TYPE_CHECKING:
    from hanka.operations.ab.assigned_rows import Assigned
    from hanka.operations.ab.design import Design
    from hanka.operations.ab.judged import Result
    from hanka.operations.ab.planning import Plan
    from hanka.operations.ab.told import Shown, Told

ab = typer.Typer(
    name="ab",
    help="A/B tests: assign units, plan how many are needed, test what came out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
MaybeText: TypeAlias = Optional[str]  # noqa: UP045
MaybePath: TypeAlias = Optional[Path]  # noqa: UP045
MaybePaths: TypeAlias = Optional[list[Path]]  # noqa: UP045
MaybeNumber: TypeAlias = Optional[float]  # noqa: UP045
MaybeCount: TypeAlias = Optional[int]  # noqa: UP045
DesignFile = Annotated[MaybePath, typer.Option("--design", metavar="FILE", help="What was agreed (YAML).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Fields = Annotated[
    str, typer.Option("--fields", metavar="A=B,…", help="Columns of the log: unit=user_id,arm=variant,…")
]


@ab.command("design")
def print_design() -> None:
    """Print a design to begin with: arms, metric, margins, horizon."""
    from hanka.operations.ab.design import EXAMPLE

    print(EXAMPLE, end="")


@ab.command()
def assign(
    rows: Annotated[
        MaybeText, typer.Argument(metavar="[FILE|-]", help="Units: jsonl, csv, tsv or parquet; - reads stdin.")
    ] = None,
    design: DesignFile = None,
    unit: Annotated[
        str, typer.Option("--unit", metavar="COLUMN", help="Column of the unit's id; default: the design's.")
    ] = "",
    unit_id: Annotated[str, typer.Option("--unit-id", metavar="ID", help="Say the arm of this one unit.")] = "",
    beside: Annotated[
        MaybePaths,
        typer.Option(
            "--beside",
            metavar="FILE",
            help="Design of an experiment that must not share a unit with this one; may be repeated.",
        ),
    ] = None,
    out: Annotated[
        MaybePath, typer.Option("--out", metavar="FILE", help="Where the rows go; default: the terminal.")
    ] = None,
    stdin: Annotated[
        str, typer.Option("--stdin", metavar="jsonl|csv", help="Format of what comes by standard input.")
    ] = "jsonl",
) -> None:
    """Give every unit its arm by a hash of its id: the same on every machine, in every language, whenever it is asked."""
    from hanka.errors import DesignError
    from hanka.operations.ab.assigned_rows import assign_rows, assign_text, require_salt, require_suffix
    from hanka.operations.ab.assignment import assigned_arm
    from hanka.operations.ab.design import read_design, require_apart

    if design is None:
        raise DesignError("assign needs --design FILE: salt and weights stand in it; `hanka ab design` prints one")
    if bool(rows) == bool(unit_id):
        raise DesignError("give either a file of units (or - for standard input) or --unit-id ID")
    if stdin not in ("jsonl", "csv"):
        raise DesignError(f"--stdin {stdin!r}: allowed: jsonl, csv")
    agreed = read_design(design)
    require_apart({str(path): read_design(path) for path in (design, *(beside or ()))})
    require_salt(agreed)
    column = unit or agreed.fields.unit
    if out is not None and rows:
        require_suffix(out, f".{stdin}" if rows == "-" else Path(rows).suffix)
    if unit_id:
        print(assigned_arm(agreed, unit_id) or "")
    elif rows == "-":
        _give(assign_text(sys.stdin.buffer.read(), f".{stdin}", agreed, column), out, agreed)
    else:
        _give(assign_rows(Path(str(rows)), agreed, column), out, agreed)


def _give(found: Assigned, out: Path | None, agreed: Design) -> None:
    """Write assigned rows, and say on standard error how many are in which arm."""
    from hanka.store.folder import write_text

    if out is None:
        sys.stdout.write(found.text)
    else:
        write_text(out, found.text)
        print(out)
    counts = ", ".join(f"{arm} {count:,}" for arm, count in found.n_units.items())
    outside = f"not in the experiment {found.n_outside:,}; design {agreed.hash}"
    print(f"{found.n_rows:,} rows; units: {counts}; {outside}", file=sys.stderr)
    if found.without_unit:
        places = ", ".join(found.without_unit[:3])
        print(f"{len(found.without_unit):,} rows without a unit have no arm: {places}", file=sys.stderr)
        raise typer.Exit(1)


@ab.command()
def power(
    design: DesignFile = None,
    difference: Annotated[
        MaybeNumber, typer.Option("--difference", help="Difference that is to be found, in the metric's units.")
    ] = None,
    rate: Annotated[MaybeNumber, typer.Option("--rate", help="Share right in the control arm.")] = None,
    sd: Annotated[
        MaybeNumber, typer.Option("--sd", help="Standard deviation of a row; with --paired, of the differences.")
    ] = None,
    discordant: Annotated[
        MaybeNumber, typer.Option("--discordant", help="Share of items that one arm alone has right.")
    ] = None,
    rows_per_unit: Annotated[MaybeNumber, typer.Option("--rows-per-unit", help="Rows of a unit on average.")] = None,
    icc: Annotated[MaybeNumber, typer.Option("--icc", help="Correlation of the rows of a unit, 0 to 1.")] = None,
    wanted: Annotated[MaybeNumber, typer.Option("--power", help="With which it is to be found (0.8).")] = None,
    looks: Annotated[MaybeCount, typer.Option("--looks", help="Looks until the horizon (100).")] = None,
    paired: Annotated[bool, typer.Option("--paired", help="Both arms answer the same items.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how many units show a wanted difference, looked at once or as often as you like."""
    from hanka.operations.ab.design import bare_design, read_design, with_wanted
    from hanka.operations.ab.planning import plan_test
    from hanka.operations.ab.written import plan_as_json

    agreed = (
        read_design(design)
        if design
        else bare_design({"control": 1, "new": 1}, "control", {}, "mean" if sd else "share")
    )
    given = {
        "difference": difference, "rate": rate, "sd": sd, "discordant": discordant, "rows_per_unit": rows_per_unit, "icc": icc,
        "power": wanted, "looks": looks,
    }  # fmt: skip
    agreed = with_wanted(agreed, {name: value for name, value in given.items() if value is not None})
    plan = plan_test(agreed, paired or agreed.pairing == "items")
    if as_json:
        print(json.dumps(plan_as_json(plan), indent=1, ensure_ascii=False))
    else:
        _print_plan(plan)


def _print_plan(plan: Plan) -> None:
    wanted, design = plan.design.wanted, plan.design
    said = [f"difference {wanted.difference:g}", f"power {wanted.power:g}", f"level {design.level:g}"]
    said += [
        f"{name} {value:g}" for name in ("rate", "sd", "discordant") if (value := getattr(wanted, name)) is not None
    ]
    if wanted.rows_per_unit > 1:
        said.append(f"{wanted.rows_per_unit:g} rows a unit, ICC {wanted.icc:g}")
    what = "items answered by both arms" if plan.kind == "paired" else "units of both arms"
    print(f"Supposed: {', '.join(said)}; {plan.kind}.")
    for one in plan.arms:
        against = f"{one.arm} against {design.control}"
        print(f"{against}, looked at once: {one.once:,} {what}.")
        print(
            f"{against}, looked at {wanted.looks} times: at most {one.often.units:,} {what}; {one.often.expected:,.0f} on average "
            f"if the difference is real."
        )
        split = "" if plan.kind == "paired" else f": {one.arm} {one.per_arm[0]:,}, {design.control} {one.per_arm[1]:,}"
        print(f"{against}, by the design's test ({design.test}){split}; {one.n_rows:,} rows.")
        if one.horizon_power is not None:
            print(
                f"{against}: the design's horizon of {design.horizon:,} finds it with probability {one.horizon_power:.2f}."
            )
    print(f"horizon: {plan.horizon}   (design {design.hash})")


@ab.command("test")
def judge(
    logs: Annotated[
        list[Path], typer.Argument(metavar="LOGS", help="Outcomes: jsonl, csv, tsv or parquet, one row an answer.")
    ],
    design: DesignFile = None,
    control: Annotated[
        str, typer.Option("--control", metavar="ARM", help="Without a design: the arm to compare with.")
    ] = "",
    weights: Annotated[
        str, typer.Option("--weights", metavar="A=N,…", help="Without a design: now=90,new=10; default: equal.")
    ] = "",
    fields: Fields = "",
    as_json: AsJson = False,
    to_markdown: Annotated[MaybePath, typer.Option("--markdown", metavar="FILE", help="Write a summary.")] = None,
    html: Annotated[MaybePath, typer.Option("--html", metavar="FILE", help="Write a page.")] = None,
    lang: Annotated[str, typer.Option("--lang", metavar="en|ja", help="Language of page and summary.")] = "en",
) -> None:
    """Compare the arms: intervals of one look and of every look, guardrails, and whether the log can be trusted."""
    from hanka.errors import DesignError
    from hanka.operations.ab.markdown import markdown
    from hanka.operations.ab.page import result_html
    from hanka.operations.ab.told import tell
    from hanka.operations.ab.written import as_json as written
    from hanka.report.words import Words
    from hanka.store.folder import write_text

    if lang not in ("en", "ja"):
        raise DesignError(f"--lang {lang!r}: allowed: en, ja")
    if design is not None and (control or weights or fields):
        raise DesignError("--control, --weights and --fields stand in the design: leave them out, or change the design")
    result = _agreed(logs, design) if design else _supposed(logs, control, weights, fields)
    words = Words("ja" if lang == "ja" else "en")
    if to_markdown is not None:
        write_text(to_markdown, markdown(tell(result, words), words))
    if html is not None:
        write_text(html, result_html(result, logs, words))
    if as_json:
        print(json.dumps(written(result), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print_told(tell(result, Words("en")))
        for path in filter(None, (to_markdown, html)):
            print(path)
    raise typer.Exit(result.exit_code)


def _agreed(logs: list[Path], design: Path) -> Result:
    from hanka.operations.ab.design import read_design
    from hanka.operations.ab.judged import judge_log

    return judge_log(tuple(logs), read_design(design))


def _supposed(logs: list[Path], control: str, weights: str, fields: str) -> Result:
    """Judge a log that comes without a design."""
    from hanka.operations.ab.judged import judge_log
    from hanka.operations.ab.supposed import supposed_design

    design, are_weights_agreed = supposed_design(
        logs, control, _pairs(weights, "--weights"), _pairs(fields, "--fields")
    )
    return judge_log(tuple(logs), design, False, are_weights_agreed)


def _pairs(text: str, option: str) -> Mapping[str, str]:
    """Read `a=b,c=d`."""
    from hanka.errors import DesignError

    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (name and equals and value) or name in found:
            raise DesignError(f"{option} {part!r}: write name=value, separated by commas, each name once")
        found[name] = value
    return found


def _print_told(told: Told) -> None:
    from hanka.terminal.result_tables import console

    screen = console()
    screen.print(told.word, markup=False, highlight=False, style="bold")
    for sentence in told.sentences:
        screen.print(sentence, markup=False, highlight=False)
    for table in told.tables:
        _print_table(table)
    screen.print(told.agreed, markup=False, highlight=False)


def _print_table(shown: Shown) -> None:
    from rich.markup import escape
    from rich.table import Table

    from hanka.terminal.result_tables import console

    screen = console()
    if shown.rows:
        table = Table(title=escape(shown.title), title_justify="left")
        for name in shown.head:
            table.add_column(escape(name), overflow="fold")
        for row in shown.rows:
            table.add_row(*map(escape, row))
        screen.print(table)
    for note in (*((shown.lead,) if not shown.rows else ()), *shown.notes):
        screen.print(note, markup=False, highlight=False)
