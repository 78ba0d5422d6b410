"""Train a classifier on an encoder: features of the rendered texts, multinomial logistic regression, saved without pickle.

minimise 1/2 |W|^2 + C · sum of cross-entropies, by L-BFGS from zero: no randomness, so the seed changes nothing but the
rows that were drawn with it. Texts are rendered as they are asked at zero shots; demonstrations are not used.
"""

from __future__ import annotations

import time
import warnings
from typing import NamedTuple

import numpy as np

from hanka.engines.classifier import UNSEEN, LinearClassifier, save_classifier
from hanka.errors import ModelError, UnitError, how_to_install
from hanka.methods.classifier.params import ClassifierParams
from hanka.methods.contract import Adapted, AdaptRequest, TrainingPart
from hanka.methods.fit import OWN_ROWS, VALIDATION_ROWS, Fitted, chosen, entries
from hanka.models.encoder import Features, LoadedEncoder
from hanka.records import Example
from hanka.tasks.base import Task

MAX_STEPS = 1000
"Steps of L-BFGS at most."


class Fit(NamedTuple):
    """A trained classifier."""

    classifier: LinearClassifier
    "What was learnt."
    n_steps: int
    "Steps of L-BFGS; 0 where there is one label."
    has_converged: bool
    "Whether L-BFGS stopped by itself."


def adapt_classifier(request: AdaptRequest) -> Adapted:
    """Train one classifier and save it. Raises UnitError for rows it cannot be trained on."""
    started, params, prompt = time.monotonic(), request.adaptation.own, request.adaptation.train.prompt
    encoder: LoadedEncoder = request.base
    assert isinstance(params, ClassifierParams)
    texts = [part.task.render(example, prompt) for part in request.data.parts for example in part.examples]
    targets = [label_of(part.task, example) for part in request.data.parts for example in part.examples]
    if not texts:
        raise UnitError("classifier: there is no training row")
    request.report("reading texts", 0.0)
    fitted = encoder.fitted(texts)
    features = fitted.features(texts)
    if not np.isfinite(features.sum()):
        raise UnitError("classifier: the encoder gives features that are no numbers; its weights are damaged")
    request.report("fitting", 0.5)
    fit = fit_classifier(features, targets, params.C)
    if not (np.isfinite(fit.classifier.weights).all() and np.isfinite(fit.classifier.intercepts).all()):
        raise UnitError(
            f"classifier: fitting with C = {params.C:g} left weights that are no numbers; choose a smaller C"
        )
    fitted.save(request.folder)
    settings = {"encoder": encoder.ref.encoder, "C": params.C, "prompt": prompt}
    save_classifier(request.folder, fit.classifier, settings)
    labels = dict.fromkeys(label for part in request.data.parts for label in part.task.labels)
    notes = [] if fit.has_converged else [f"L-BFGS was stopped after {fit.n_steps} steps"]
    request.report("saved", 1.0)
    return Adapted(
        tuner="",
        n_trained_parameters=fit.classifier.weights.size + fit.classifier.intercepts.size,
        record={
            "n_examples": len(texts),
            "n_features": int(features.shape[1]),
            "labels_unseen": [label for label in labels if label not in fit.classifier.labels],
            "steps": fit.n_steps,
            "loss_last": _loss(fit.classifier, features, targets),
            "train_seconds": round(time.monotonic() - started, 2),
            "notes": notes,
            "fit": [
                *entries("train", "after", _fitted(fit.classifier, fitted, request, OWN_ROWS)),
                *entries("validation", "after", _fitted(fit.classifier, fitted, request, VALIDATION_ROWS, True)),
            ],
            "files": sorted(
                path.name
                for path in request.folder.iterdir()
                if path.suffix in (".json", ".safetensors") and path.name != "variant.json"
            ),
        },
    )


def label_of(task: Task, example: Example) -> str:
    """Return the label that a target is read as: what explains it behind it is not learnt here."""
    return task.verify(example, example.target).answer or example.target


def fit_classifier(features: Features, targets: list[str], strength: float) -> Fit:
    """Fit multinomial logistic regression; strength: C. With one label that label is certain."""
    labels = tuple(sorted(set(targets)))
    width = int(features.shape[1])
    if len(labels) == 1:
        return Fit(LinearClassifier(labels, np.zeros((1, width)), np.zeros(1)), 0, True)
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ModelError(f"classifier needs scikit-learn: {how_to_install('encoders')}") from None
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=MAX_STEPS)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features.astype(np.float64), targets)
    weights, intercepts = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if len(labels) == 2:  # one row that tells the second label from the first
        weights, intercepts = np.vstack([np.zeros_like(weights), weights]), np.append(0.0, intercepts)
    has_converged = not any(issubclass(one.category, ConvergenceWarning) for one in said)
    found = LinearClassifier(tuple(map(str, model.classes_)), np.ascontiguousarray(weights), intercepts)
    return Fit(found, int(np.max(model.n_iter_)), has_converged)


def _loss(classifier: LinearClassifier, features: Features, targets: list[str]) -> float:
    """Return the mean cross-entropy (nats) of the training rows."""
    at = [classifier.labels.index(target) for target in targets]
    return float(-classifier.log_probabilities(features)[np.arange(len(at)), at].mean())


def _fitted(
    classifier: LinearClassifier, encoder: LoadedEncoder, request: AdaptRequest, most: int, validation: bool = False
) -> list[Fitted]:
    """Return what the classifier makes of a sample of its own rows, or of those to validate on."""
    found = []
    for part in request.data.parts:
        asked: TrainingPart = part.validated() if validation else part
        places = chosen([example.id for example in asked.examples], most)
        if not places:
            continue
        rows = [asked.examples[place] for place in places]
        texts = [part.task.render(example, request.adaptation.train.prompt) for example in rows]
        known = classifier.log_probabilities(encoder.features(texts))
        for example, given in zip(rows, known.tolist(), strict=True):
            by_label = dict(zip(classifier.labels, given, strict=True))
            scores = tuple(by_label.get(label, UNSEEN) for label in part.task.labels)
            likelihood = by_label.get(example.target, UNSEEN)
            found.append(Fitted((likelihood,), example.target, part.task.labels, scores))
    return found
