"""The end of a card: each data set with licence, source, rows and hash; who approved it; what is served instead; how it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import hanka
from hanka.analysis.cards.metadata import hub_base
from hanka.analysis.cards.parts import CardParts

HEAD = (
    "| data set | used for | task | domain | licence | source | rows | SHA-256 of the rows |",
    "|---|---|---|---|---|---|---|---|",
)
UNKNOWN = "not stated"


def statements(parts: CardParts) -> str:
    """Return the statements about data, base, people and making, as Markdown."""
    lines = [
        *("## Data", "", *HEAD, *_data(parts)),
        *_splits(parts),
        *("", "## Base model and licence", "", *_base(parts)),
        *("", "## Approvals", "", *_approvals(parts)),
        *("", "## How it was made", "", *_made(parts)),
    ]
    return "\n".join([*lines, ""])


def _data(parts: CardParts) -> Iterator[str]:
    one = parts.variant
    trained = list(one.get("trained_on", ()))
    for name in trained:
        is_all = len(trained) == 1 and name == one["train_dataset"]
        size = f"{one['train_size']:,}" if is_all and one["train_size"] else "part of the training rows"
        digest = one.get("rows") if is_all else ""
        yield _row(parts, name, "training", size, str(digest or ""))
    if len(trained) > 1 and one.get("rows"):
        yield f"| {', '.join(trained)} | training, together | | | | | {one['train_size']:,} | {one['rows']} |"
    for name in one.get("rehearsed", ()):
        yield _row(parts, name, "rehearsed in training", "part of the training rows", "")
    tests: dict[str, Mapping[str, Any]] = {}
    for cell in parts.cells:
        tests.setdefault(str(cell.cell["test_dataset"]), cell.record)
    for name, record in tests.items():
        asked = int(record["n"]) + int(record["n_failed"])
        known = parts.datasets.get(name, {}).get("n_test") or asked
        rows = f"{asked:,}" if asked == known else f"{asked:,} of {known:,}"
        yield _row(parts, name, "test", rows, str(record.get("rows_sha256") or ""))


def _row(parts: CardParts, name: str, use: str, rows: str, digest: str) -> str:
    found = parts.datasets.get(name, {})
    said = [str(found.get(key) or UNKNOWN).replace("|", "/") for key in ("task", "domain", "licence", "source")]
    return f"| {name} | {use} | {' | '.join(said)} | {rows} | {digest or UNKNOWN} |"


def _splits(parts: CardParts) -> Iterator[str]:
    """Say how a single file was divided, and which rows of a user's files were left out."""
    plan = parts.evidence.plan
    used = {*parts.variant.get("trained_on", ()), *(str(cell.cell["test_dataset"]) for cell in parts.cells)}
    lines = []
    for name, split in (plan.get("splits") or {}).items():
        if name in used:
            counts = ", ".join(f"{n:,} {part}" for part, n in split["n_rows"].items())
            lines.append(
                f"- {name}: {split['file']} was divided into {counts} rows, {split['n_groups']:,} groups whole (seed {split['seed']})."
            )
    for file in plan.get("files") or ():
        left = ", ".join(f"{n:,} {kind}" for kind, n in file["left_out"].items())
        if left and file["dataset"] in used:
            lines.append(
                f"- {file['dataset']}, {file['split']}: of {file['n_rows']:,} rows of {file['file']} these are not used: {left}."
            )
    yield from ["", *lines] if lines else []


def _base(parts: CardParts) -> Iterator[str]:
    known = parts.base
    where = f" (`{hub_base(parts)}` on the hub)" if hub_base(parts) else ""
    yield f"Base model: `{parts.variant['base']}`{where}. Licence, as its makers state it: {known.get('licence') or UNKNOWN}."
    identity = known.get("identity")
    yield f"Identity: `{json.dumps(identity, sort_keys=True)}`." if identity else "Its identity is not stored."
    yield (
        "The licence in the metadata is the base model's: none was declared for the adapted weights themselves, and what may be done "
        "with them depends on the licences of the data above, too."
    )


def _approvals(parts: CardParts) -> Iterator[str]:
    governed = parts.governed
    if not governed.approvals:
        yield "Nobody approved it" + (
            " in the log of decisions." if governed.head else "; there is no log of decisions."
        )
    for one in governed.approvals:
        although = f" Although run, decision or gate did not allow it: {one.although}" if one.although else ""
        yield f"- {one.name} ({one.role}), {one.date}, entry {one.entry} of the log.{although}"
    if governed.head:
        yield ""
        yield f"If it has to be taken back, this is served instead: {governed.rollback or 'nothing, as no system that was approved before it is left'}."
        yield f"Head of the log when this card was made: `{governed.head}`."


def _made(parts: CardParts) -> Iterator[str]:
    plan, made = parts.evidence.plan, parts.made
    reproduce = plan["reproduce"]
    yield f"- Variant `{parts.variant['id']}`, run by hanka {reproduce.get('hanka', plan.get('hanka', '?'))}, card by hanka {hanka.__version__}."
    yield f"- Study `{plan['study']}`, SHA-256 `{reproduce['study_sha256']}`; again with `{reproduce['command']}`."
    if made.get("finished"):
        yield f"- Finished {made['finished']} on {made.get('device') or 'an unknown device'}."
    if made.get("versions"):
        yield "- " + ", ".join(f"{name} {version}" for name, version in made["versions"].items()) + "."
