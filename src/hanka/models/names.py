"""What the name of a parameter says of where it stands in a model."""

from __future__ import annotations


def layer_of(name: str) -> int | None:
    """Return the layer that a parameter's name is in: its first number; None outside the layers."""
    return next((int(part) for part in name.split(".") if part.isdecimal()), None)
