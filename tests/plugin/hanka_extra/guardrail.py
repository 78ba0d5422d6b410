"""Guardrail `links`: answers that lead somewhere else."""

from __future__ import annotations

from hanka.guardrails import Detector, DetectorParams, Flag, Row


class LinkParams(DetectorParams):
    """What counts as a link."""

    marks: tuple[str, ...] = ("http://", "https://", "www.")
    "What a link begins with."


def _judge(row: Row, params: LinkParams) -> Flag:
    found = next((mark for mark in params.marks if mark in row.output), "")
    return Flag(bool(found), f"a link: {found}" if found else "")


LINKS = Detector(
    name="links",
    reference="ours",
    description="answers with a link",
    judge=_judge,
    params=LinkParams,
)
