"""Model `pocket`: a catalogue entry for a model on the hub, with what a plan wants to know before it is fetched."""

from __future__ import annotations

from hanka.models.listed import ModelEntry

POCKET = ModelEntry(
    name="pocket",
    source="hub",
    licence="CC0-1.0",
    n_parameters=31_264,
    description="a two-layer model with random weights",
    hub_id="hanka-extra/pocket",
    vocabulary=400,
)
