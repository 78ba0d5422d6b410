"""`hanka sample`: how many rows to label, which ones, and what each stands for.

Exit codes: 0 drawn, planned, or no more rows are worth it; 2 the input is wrong; 3 the learning curve does not say how many.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypeAlias

import typer

from hanka.errors import DataError, HankaError, nearest

if TYPE_CHECKING:
    from hanka.operations.sampling.amount import Margin, NextRows
    from hanka.operations.sampling.draw import Design, Sample
    from hanka.operations.sampling.pool import Pool

MaybePath: TypeAlias = Optional[Path]  # noqa: UP045
MaybePaths: TypeAlias = Optional[list[Path]]  # noqa: UP045
MaybeTexts: TypeAlias = Optional[list[str]]  # noqa: UP045
MaybeNumber: TypeAlias = Optional[float]  # noqa: UP045
MaybeCount: TypeAlias = Optional[int]  # noqa: UP045
INCONCLUSIVE = 3


def sample(
    pool: Annotated[
        MaybePath, typer.Argument(metavar="[POOL]", help="Texts to draw from: jsonl, csv, tsv or parquet.")
    ] = None,
    out: Annotated[
        MaybePath,
        typer.Option("--out", metavar="FILE", help="Write the rows here (.csv or .jsonl), and FILE.record.json."),
    ] = None,
    n: Annotated[MaybeCount, typer.Option("--n", min=1, metavar="N", help="Draw N rows.")] = None,
    margin: Annotated[
        MaybeNumber,
        typer.Option("--margin", metavar="SHARE", help="Draw as many as find this difference of two systems: 0.03."),
    ] = None,
    from_run: Annotated[
        MaybePath,
        typer.Option("--from", metavar="RUN", help="Draw as many training rows as the run's learning curve asks for."),
    ] = None,
    text: Annotated[str, typer.Option("--text", metavar="COLUMN", help="Column of the text.")] = "",
    by: Annotated[
        str, typer.Option("--by", metavar="COLUMN", help="Column of the source; every source is drawn from.")
    ] = "",
    allocation: Annotated[
        str, typer.Option("--allocation", metavar="WAY", help="How sources share: proportional, equal, neyman.")
    ] = "proportional",
    spread: Annotated[
        MaybeTexts,
        typer.Option("--spread", metavar="SOURCE=SD", help="For neyman: how much a source varies; may be repeated."),
    ] = None,
    clusters: Annotated[
        MaybeCount, typer.Option("--clusters", min=0, metavar="K", help="Kinds of text to meet; 0: none.")
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME", help="Cluster by an encoder: all-minilm-l6-v2, tfidf.")
    ] = "",
    exclude: Annotated[
        MaybePaths,
        typer.Option("--exclude", metavar="FILE|RUN", help="Leave out what is labelled here; may be repeated."),
    ] = None,
    discordant: Annotated[
        MaybeNumber,
        typer.Option("--discordant", help="With --margin: share of rows that one system alone has right (0.2)."),
    ] = None,
    power: Annotated[MaybeNumber, typer.Option("--power", help="With --margin: with which it is found (0.8).")] = None,
    level: Annotated[float, typer.Option("--level", help="Of intervals.")] = 0.95,
    entry: Annotated[str, typer.Option("--entry", metavar="LABEL", help="With --from: which entry's curve.")] = "",
    on: Annotated[str, typer.Option("--on", metavar="DATASET", help="With --from: trained on what.")] = "",
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="With --from: from which base model.")] = "",
    gain: Annotated[
        MaybeNumber,
        typer.Option("--gain", help="With --from: least gain of a doubling that is worth labelling (0.01)."),
    ] = None,
    reach: Annotated[MaybeNumber, typer.Option("--reach", help="With --from: value to be reached instead.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose rows to label: stratified, every kind of text met, with weights that make estimates over the pool unbiased."""
    from hanka.operations.sampling.amount import Margin
    from hanka.operations.sampling.draw import Design

    _require_one({"--n": n, "--margin": margin, "--from": from_run})
    _require_with("--margin", margin, {"--discordant": discordant, "--power": power})
    _require_with(
        "--from",
        from_run,
        {"--entry": entry or None, "--on": on or None, "--base": base or None, "--gain": gain, "--reach": reach},
    )
    given = {"discordant": discordant, "power": power}
    asked = (
        None
        if margin is None
        else Margin(margin, level=level, **{name: value for name, value in given.items() if value is not None})
    )
    following = None if from_run is None else _following(from_run, (entry, on, base), gain, reach, level)
    if pool is None:
        _plan_alone(asked, following, out, as_json)
        return
    design = Design(_allocation(allocation), _spreads(spread), clusters, seed)
    if following is not None and not following.rows:
        _say_next(following, as_json)
        raise typer.Exit(0 if following.rows == 0 else INCONCLUSIVE)
    found = _read(pool, out, (text, by), (*(exclude or ()), *((from_run,) if from_run else ())))
    drawn = _draw(found, n, asked, following, design, encoder)
    _give(drawn, out, asked, following, as_json)


def _require_one(given: dict[str, Any]) -> None:
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        said = " and ".join(named) or "none"
        raise HankaError(f"how many rows? Give one of {', '.join(given)}, not {said}")


def _require_with(option: str, value: Any, given: dict[str, Any]) -> None:
    for name, one in given.items():
        if one is not None and value is None:
            raise HankaError(f"{name} {one}: is of {option}, which is not given")


def _allocation(name: str) -> Any:
    from hanka.operations.sampling.draw import ALLOCATIONS

    if name not in ALLOCATIONS:
        raise HankaError(f"--allocation {name!r}: {nearest(name, ALLOCATIONS)} (allowed: {', '.join(ALLOCATIONS)})")
    return name


def _spreads(given: list[str] | None) -> dict[str, float] | None:
    found: dict[str, float] = {}
    for part in given or ():
        name, equals, value = part.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (equals and name) or number < 0 or name in found:
            raise HankaError(f"--spread {part!r}: write SOURCE=SD, a number, each source once")
        found[name] = number
    return found or None


def _following(
    run: Path, which: tuple[str, str, str], gain: float | None, reach: float | None, level: float
) -> NextRows:
    from hanka.analysis.evidence import load_evidence
    from hanka.operations.sampling.amount import Wanted, find_curve, next_rows
    from hanka.stats.extrapolation import ONE_POINT
    from hanka.store.folder import RunFolder

    if not 0 < level < 1:
        raise HankaError(f"--level {level:g}: between 0 and 1, such as 0.95")
    folder = RunFolder(run)
    folder.require_format()
    return next_rows(
        find_curve(load_evidence(folder), Wanted(*which)), ONE_POINT if gain is None else gain, reach, level
    )


def _plan_alone(asked: Margin | None, following: NextRows | None, out: Path | None, as_json: bool) -> None:
    """Say how many rows, where there is no pool to draw them from."""
    if out is not None:
        raise HankaError(f"--out {out}: there is nothing to write without a pool; name the file of texts")
    if following is not None:
        _say_next(following, as_json)
        raise typer.Exit(INCONCLUSIVE if following.rows is None else 0)
    if asked is None:
        raise HankaError("--n without a pool draws nothing; name the file of texts: hanka sample POOL --n N")
    if as_json:
        print(
            json.dumps(
                {
                    "difference": asked.difference,
                    "discordant": asked.discordant,
                    "power": asked.power,
                    "level": asked.level,
                    "rows": asked.rows,
                }
            )
        )
    else:
        print(_margin_line(asked))


def _margin_line(asked: Margin) -> str:
    return (
        f"{asked.rows:,} rows find a difference of {asked.difference:g} with power {asked.power:g} at level {asked.level:g}, where one of two systems "
        f"alone is right on {asked.discordant:g} of the rows"
    )


def _say_next(following: NextRows, as_json: bool) -> None:
    from hanka.operations.sampling.amount import name_of
    from hanka.operations.sampling.written import next_json

    if as_json:
        print(json.dumps(next_json(following), ensure_ascii=False, allow_nan=False))
        return
    print(
        f"{name_of(following.curve)}, {', '.join(f'{size:,}' for size in following.curve.sizes)} rows, n = {following.curve.n}"
    )
    rows = "does not say" if following.rows is None else f"label {following.rows:,} more"
    print(f"{rows}: {following.why}")


def _read(path: Path, out: Path | None, columns: tuple[str, str], labelled: tuple[Path, ...]) -> Pool:
    from hanka.operations.sampling.pool import read_pool, read_texts
    from hanka.operations.sampling.written import require_out

    if out is None:
        raise HankaError("where do the rows go? Give --out FILE (.csv or .jsonl)")
    require_out(out)
    if out.exists() and out.resolve() == path.resolve():
        raise DataError(f"--out {out}: is the pool itself; name another file")
    texts: list[str] = []
    for one in labelled:
        texts += _of_run(one) if one.is_dir() else read_texts(one, columns[0])
    found = read_pool(path, *columns, texts)
    require_out(out, found.columns)
    return found


def _of_run(run: Path) -> list[str]:
    from hanka.store.folder import RunFolder
    from hanka.work.labelled import labelled_texts

    folder = RunFolder(run)
    folder.require_format()
    return labelled_texts(folder)


def _draw(
    pool: Pool, n: int | None, asked: Margin | None, following: NextRows | None, design: Design, encoder: str
) -> Sample:
    from hanka.operations.sampling.amount import draw_for
    from hanka.operations.sampling.draw import draw

    features = _features(encoder, [one.text for one in pool.candidates]) if encoder and design.n_clusters != 0 else None
    if asked is not None:
        return draw_for(pool, asked, design, features)
    wanted = n if following is None else following.rows
    assert wanted
    return draw(pool, wanted, design, features)


def _features(name: str, texts: list[str]) -> Any:
    from hanka.models.encoder import find_encoder
    from hanka.models.features import load_encoder

    return load_encoder(find_encoder(name)).fitted(texts).features(texts)


def _give(drawn: Sample, out: Path | None, asked: Margin | None, following: NextRows | None, as_json: bool) -> None:
    from hanka.operations.sampling.written import sample_record, write_sample

    assert out is not None
    record = sample_record(drawn, asked, following)
    paths = write_sample(drawn, out, record)
    if as_json:
        print(json.dumps(record, ensure_ascii=False, allow_nan=False))
        return
    if following is not None:
        _say_next(following, False)
    if asked is not None:
        print(_margin_line(asked))
    _print(drawn)
    for path in paths:
        print(f"written: {path}")


def _print(drawn: Sample) -> None:
    from rich.markup import escape
    from rich.table import Table

    from hanka.terminal.result_tables import console

    pool = drawn.pool
    left = ", ".join(f"{count:,} {reason}" for reason, count in pool.left_out.items()) or "none"
    table = Table(title=escape(f"{len(drawn.rows):,} of {len(pool.candidates):,} texts"), title_justify="left")
    for name in ("Source", "Rows of the pool", "Texts", "Clusters", "Drawn", "A row stands for"):
        table.add_column(name, justify="left" if name == "Source" else "right")
    for source in dict.fromkeys(cell.source for cell in drawn.cells):
        cells = [cell for cell in drawn.cells if cell.source == source]
        rows, texts, count = (sum(getattr(cell, name) for cell in cells) for name in ("n_rows", "n_texts", "n_drawn"))
        table.add_row(
            escape(source or "all"), f"{rows:,}", f"{texts:,}", f"{len(cells)}", f"{count:,}", f"{rows / count:.1f}"
        )
    console().print(table)
    print(f"left out of {pool.n_rows:,} rows: {left}")
    print(
        f"unequal weights: the {len(drawn.rows):,} rows are worth {len(drawn.rows) / drawn.design_effect:,.0f} equal ones"
    )
