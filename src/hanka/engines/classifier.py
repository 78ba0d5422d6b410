"""A linear classifier as it is saved and read: no pickle, no scikit-learn. Light: numpy.

classifier.json says labels, encoder and parameters; classifier.safetensors holds weights and intercepts, a row per label.
A label that no training row had has the log-probability `UNSEEN`, and no other falls below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanka.errors import ModelError
from hanka.models.encoder import Features
from hanka.store.cache import atomic_path
from hanka.store.folder import read_json_or_none, write_json

UNSEEN = -100.0
"Log-probability (nats) of a label that never occurred in training: far below any that follows from rows, and finite."
SETTINGS, WEIGHTS = "classifier.json", "classifier.safetensors"


@dataclass(frozen=True, slots=True)
class LinearClassifier:
    """log p(label | text) = log softmax(weights · features + intercepts)."""

    labels: tuple[str, ...]
    "Labels that occurred in training."
    weights: NDArray[np.float64]
    "(labels, width)"
    intercepts: NDArray[np.float64]
    "(labels,)"

    def log_probabilities(self, features: Features) -> NDArray[np.float64]:
        """Return (texts, labels), nats."""
        scores = np.asarray(features @ self.weights.T + self.intercepts, dtype=np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        logs: NDArray[np.float64] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return np.maximum(logs, UNSEEN)


def save_classifier(folder: Path, classifier: LinearClassifier, settings: Mapping[str, Any]) -> None:
    """Save a classifier and what must be known of how it was made."""
    from safetensors.numpy import save_file

    with atomic_path(folder / WEIGHTS) as path:
        save_file({"weights": classifier.weights, "intercepts": classifier.intercepts}, path)
    write_json(folder / SETTINGS, {"labels": list(classifier.labels), **settings})


def load_classifier(folder: Path, encoder: str) -> LinearClassifier:
    """Read a classifier that was trained on an encoder. Raises ModelError for damaged files or another encoder."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    said = read_json_or_none(folder / SETTINGS)
    if not isinstance(said, dict) or not said.get("labels"):
        raise ModelError(f"{folder / SETTINGS} names no labels: the classifier is damaged; make the variant again")
    if said.get("encoder") != encoder:
        raise ModelError(f"{folder}: the classifier was trained on {said.get('encoder')!r}, not on {encoder!r}")
    try:
        found = load_file(folder / WEIGHTS)
        weights, intercepts = found["weights"], found["intercepts"]
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{folder / WEIGHTS} cannot be read: {error}") from error
    if len(weights) != len(said["labels"]) or len(intercepts) != len(said["labels"]):
        raise ModelError(f"{folder}: {len(weights)} rows of weights for {len(said['labels'])} labels")
    return LinearClassifier(tuple(said["labels"]), weights, intercepts)
