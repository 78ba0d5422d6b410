"""The three tiles of the first screen: the trained task, the same task on other text, other tasks.

Each says before → after, which way, and how sure. Where a tile stands for several test sets, it shows the one that loses
most (in units of the declared harm) by its name, and how many others there are; nothing is averaged across metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from hanka.report import inert
from hanka.report.decided import Claim, Decided
from hanka.report.everyday import Sure, amount, direction, measure, sure
from hanka.report.words import Words


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile."""

    title: str
    about: str
    "What the title means."
    place: str = ""
    "Name of the test set, or of the task."
    measure: str = ""
    "What the two values measure."
    before: str = ""
    after: str = ""
    arrow: str = ""
    "up, down or level; empty where nothing was measured."
    sure: Sure | None = None
    note: Markup | str = ""


def make_tiles(decided: Decided, tasks: Mapping[str, str], words: Words) -> tuple[Tile, Tile, Tile]:
    """Build the tiles of one decision. tasks: test set → task."""
    outside = [one for one in decided.harms if one.relation == "out_of_domain"]
    other = [one for one in decided.harms if one.relation == "cross_task"]
    return (
        _target(decided, words),
        _worst(decided, outside, words("tile_outside"), words("tile_outside_about"), tasks, words),
        _worst(decided, other, words("tile_other"), words("tile_other_about"), tasks, words),
    )


def _target(decided: Decided, words: Words) -> Tile:
    title, about, claim = words("tile_target"), words("tile_target_about"), decided.benefit
    if claim is None:
        return Tile(title, about, note=words("tile_not_compared"))
    place = words.of("task", decided.task)
    if len(claim.tests) == 1:
        place += f" · {inert.label(claim.tests[0], 40)}"
    notes = [words("tile_n", n=f"{claim.n:,}")]
    if len(claim.tests) > 1:
        notes.append(words("tile_mean", count=len(claim.tests)))
    if claim.rival_shots:
        notes.append(words("tile_rival", shots=claim.rival_shots))
    return _tile(title, about, place, claim, decided, words, notes)


def _worst(
    decided: Decided, claims: list[Claim], title: Markup, about: Markup, tasks: Mapping[str, str], words: Words
) -> Tile:
    if not claims:
        return Tile(title, about, note=words("tile_not_measured"))
    claim = min(claims, key=lambda one: (one.verdict != "worse", one.is_at_worst, one.weight))
    name = claim.tests[0] if claim.tests else ""
    task = tasks.get(name, "")
    place = f"{words.of('task', task)} · {inert.label(name, 40)}" if task else inert.label(name, 40)
    notes = [words("tile_n", n=f"{claim.n:,}")]
    if len(claims) > 1:
        notes.append(words("tile_others", count=len(claims) - 1))
    return _tile(title, about, place, claim, decided, words, notes)


def _tile(
    title: Markup, about: Markup, place: str, claim: Claim, decided: Decided, words: Words, notes: list[Markup]
) -> Tile:
    return Tile(
        title=title,
        about=about,
        place=place,
        measure=measure(claim.metric, words),
        before=amount(claim.metric, claim.base),
        after=amount(claim.metric, claim.after),
        arrow=direction(claim),
        sure=sure(claim, decided, words),
        note=Markup(" · ").join(notes),
    )
