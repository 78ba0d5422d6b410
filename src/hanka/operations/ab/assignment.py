"""Unit → arm, by a hash that every machine and language computes alike.

Part of `hanka ab`; nothing is stored, so a unit is in the same arm wherever and whenever it is asked. With U the unit's id and S the
salt as UTF-8 text, as they are (no trimming, no folding of case or of Unicode forms):

    point = first 13 hex digits of SHA-256(S + ":" + U), a whole number below 2^52
    arm   = the first whose weights up to it, W, satisfy  point · (sum of all weights) < W · 2^52     (arms in the file's order)
    slot  = point · 1000 div 2^52, with the layer's salt: 0 to 999

52 bits are exact in every language's floating-point numbers. Limits: with a changed weight some units change their arm; a new
experiment needs a new salt, or its arms are those of the old one. Source: Kohavi, Tang & Xu (2020), "Trustworthy Online
Controlled Experiments", ch. 4 and 14 (hashing, layers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from hanka.operations.ab.design import SLOTS, Design

DIGITS = 13
"Hex digits of a point: 52 bits."
POINTS = 1 << 4 * DIGITS


def point(salt: str, unit: str) -> int:
    """Return where a unit falls, 0 to 2^52 - 1."""
    digest = hashlib.sha256(f"{salt}:{unit}".encode("utf-8", "backslashreplace")).hexdigest()
    return int(digest[:DIGITS], 16)


def arm_of(salt: str, unit: str, weights: Mapping[str, int]) -> str:
    """Return the arm of a unit. weights: arm → whole number of at least 1, in the order that was agreed."""
    scaled, reached = point(salt, unit) * sum(weights.values()), 0
    for arm, weight in weights.items():
        reached += weight
        if scaled < reached * POINTS:
            return arm
    raise ValueError(f"weights {dict(weights)}: at least one arm, each with a weight above 0")


def slot_of(salt: str, unit: str) -> int:
    """Return the slot of a unit in a layer, 0 to 999."""
    return point(salt, unit) * SLOTS // POINTS


def assigned_arm(design: Design, unit: str) -> str | None:
    """Return the arm of a unit, or None where the layer's slots keep it out of this experiment."""
    layer = design.layer
    if layer is not None and not layer.first <= slot_of(layer.salt, unit) <= layer.last:
        return None
    return arm_of(design.salt, unit, design.arms)
