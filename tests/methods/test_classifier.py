from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from hanka.engines import ENGINES, Lent
from hanka.engines.classifier import UNSEEN, LinearClassifier, load_classifier
from hanka.engines.contract import Decoding, LabelAnswer, Refusal
from hanka.errors import ModelError, StudyError, UnitError
from hanka.methods.classifier import CLASSIFIER
from hanka.methods.classifier.adapt import fit_classifier
from hanka.methods.classifier.params import ClassifierParams
from hanka.methods.contract import Adaptation, Adapted, AdaptRequest, TrainingData, TrainingPart
from hanka.models.encoder import LoadedEncoder, find_encoder
from hanka.models.features import load_encoder
from hanka.models.spelling import ByteTokenizer
from hanka.prompting import Prompter, Query, TextPolicy
from hanka.records import Example
from hanka.tasks import TASKS
from small_studies import plan_of

TASK = replace(TASKS.get("sentiment"), labels=("positive", "negative", "neutral"))
GOOD, BAD, SO = ("lovely", "great", "warm"), ("awful", "cold", "grim"), ("plain", "usual", "mixed")


def rows(*kinds: tuple[str, tuple[str, ...]]) -> list[Example]:
    return [
        Example(f"{target}{index}", {"input": f"The room was {word} and {other}."}, target)
        for target, words in kinds
        for index, (word, other) in enumerate((word, other) for word in words for other in words)
    ]


THREE = rows(("positive", GOOD), ("negative", BAD), ("neutral", SO))


def request(folder: Path, examples: list[Example], base: Any = None, task: Any = TASK, **params: Any) -> AdaptRequest:
    data = TrainingData((TrainingPart(task, examples),))
    lent: Any = base or load_encoder(find_encoder("tfidf"))
    adaptation = Adaptation(ClassifierParams(**params), TextPolicy())
    return AdaptRequest(lent, data, adaptation, 0, folder, lambda _what, _share: None)


def train(folder: Path, examples: list[Example], **params: Any) -> Adapted:
    return CLASSIFIER.adapt(request(folder, examples, **params))


def answers(folder: Path, examples: list[Example], base: LoadedEncoder | None = None) -> list[LabelAnswer | Refusal]:
    asked = Prompter(ByteTokenizer(), TextPolicy()).ask(TASK, "p1", (), examples)
    lent = Lent(base or load_encoder(find_encoder("tfidf")), 512, folder)
    return ENGINES.get("encoder").open(lent).score_labels(asked.encoded)


def choices(given: list[LabelAnswer | Refusal]) -> list[str]:
    assert all(isinstance(one, LabelAnswer) for one in given)
    return [TASK.labels[int(np.argmax([sum(label) for label in one[0]]))] for one in given]


def test_a_classifier_learns_words_and_is_answered_from_its_files(tmp_path: Path) -> None:
    adapted = train(tmp_path, THREE)
    new = [Example(word, {"input": f"It was {word}."}, "") for word in ("warm", "grim", "usual")]
    assert choices(answers(tmp_path, new)) == ["positive", "negative", "neutral"]
    assert adapted.tuner == ""
    assert adapted.record["n_examples"] == 27
    assert adapted.record["labels_unseen"] == []
    assert adapted.record["loss_last"] < math.log(3) - 0.2
    assert adapted.n_trained_parameters == 3 * (adapted.record["n_features"] + 1)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_only_what_answers_is_a_file_of_the_classifier(tmp_path: Path) -> None:
    for other in ("variant.json", "notes.txt", "error.txt"):
        (tmp_path / other).write_text("{}")
    files = train(tmp_path, THREE).record["files"]
    assert files
    assert {Path(name).suffix for name in files} == {".json", ".safetensors"}
    assert "variant.json" not in files


def test_label_scores_are_log_probabilities(tmp_path: Path) -> None:
    train(tmp_path, THREE)
    for answer in answers(tmp_path, THREE):
        assert isinstance(answer, LabelAnswer)
        assert sum(math.exp(score) for (score,) in answer.log_likelihoods) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("examples", [THREE, rows(("positive", GOOD), ("negative", BAD))], ids=["three", "two"])
def test_scores_equal_scikit_learns(tmp_path: Path, examples: list[Example]) -> None:
    from sklearn.linear_model import LogisticRegression

    train(tmp_path, examples, C=3.0)
    texts = [TASK.render(example, "p1") for example in examples]
    encoder = load_encoder(find_encoder("tfidf")).fitted(texts)
    model = LogisticRegression(C=3.0, max_iter=1000)
    model.fit(encoder.features(texts).astype(np.float64), [example.target for example in examples])
    wanted = model.predict_log_proba(encoder.features(texts).astype(np.float64))
    for answer, row in zip(answers(tmp_path, examples), wanted, strict=True):
        assert isinstance(answer, LabelAnswer)
        found = {label: score for label, (score,) in zip(TASK.labels, answer.log_likelihoods, strict=True)}
        assert [found[label] for label in model.classes_] == pytest.approx(row.tolist(), abs=1e-6)


def test_a_label_that_no_row_had_has_the_stated_score(tmp_path: Path) -> None:
    adapted = train(tmp_path, rows(("positive", GOOD), ("negative", BAD)))
    assert adapted.record["labels_unseen"] == ["neutral"]
    for answer in answers(tmp_path, THREE):
        assert isinstance(answer, LabelAnswer)
        scores = dict(zip(TASK.labels, answer.log_likelihoods, strict=True))
        assert scores["neutral"] == (UNSEEN,)
        assert min(scores["positive"][0], scores["negative"][0]) > UNSEEN


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_no_numbers_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    base = load_encoder(find_encoder("tfidf"))
    monkeypatch.setattr(type(base), "features", lambda _, texts: np.full((len(texts), 2), value))
    with pytest.raises(UnitError, match="the encoder gives features that are no numbers"):
        CLASSIFIER.adapt(request(tmp_path, THREE, base))


def test_one_label_alone_is_certain(tmp_path: Path) -> None:
    train(tmp_path, rows(("negative", BAD)))
    assert choices(answers(tmp_path, THREE)) == ["negative"] * 27
    (first, *_) = answers(tmp_path, THREE)
    assert sorted(score for (score,) in first[0]) == [UNSEEN, UNSEEN, 0.0]


def test_scores_are_kept_above_the_floor() -> None:
    classifier = LinearClassifier(("a", "b"), np.array([[0.0], [1000.0]]), np.zeros(2))
    assert classifier.log_probabilities(np.array([[1.0], [0.0]])).tolist() == [
        [UNSEEN, 0.0],
        [pytest.approx(-math.log(2)), pytest.approx(-math.log(2))],
    ]


def test_the_penalty_is_scikit_learns(tmp_path: Path) -> None:
    """One feature, two labels at x = -1 and 1: w solves w = C · 2 / (1 + e^w) (slope of the loss of both rows)."""
    for strength in (0.5, 4.0):
        weights = fit_classifier(np.array([[-1.0], [1.0]], np.float32), ["a", "b"], strength).classifier.weights
        w = float(weights[1, 0] - weights[0, 0])
        assert w == pytest.approx(strength * 2 / (1 + math.exp(w)), rel=1e-3)


def test_the_same_rows_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train(tmp_path / name, THREE)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_foreign_labels_are_refused_and_writing_too(tmp_path: Path) -> None:
    train(tmp_path, THREE)
    engine = ENGINES.get("encoder").open(Lent(load_encoder(find_encoder("tfidf")), 512, tmp_path))
    query = Query("It was warm.", [1], (tuple(b"yes"), tuple(b"no")))
    (refused,) = engine.score_labels([query])
    assert refused == Refusal("none of the labels yes, no occurred in training (negative, neutral, positive)")
    for one in (*engine.generate([query], Decoding(3, ())), *engine.score_text([query])):
        assert isinstance(one, Refusal)
        assert "an encoder cannot write" in one.reason


def test_what_it_cannot_be_trained_on_is_said_before_any_work(tmp_path: Path, tiny_folder: Path) -> None:
    encoder = {"encoder": "tfidf"}
    with pytest.raises(StudyError, match="an encoder cannot write"):
        plan_of(tiny_folder, [{"classifier": {"on": "news"}}], base=[str(tiny_folder), encoder])
    with pytest.raises(StudyError, match="classifier adapts bases of kind encoder, and the study has none"):
        plan_of(tiny_folder, ["classifier"])
    with pytest.raises(StudyError, match="nothing to be compared with"):
        plan_of(tiny_folder, ["classifier"], base=encoder)
    with pytest.raises(UnitError, match="there is no training row"):
        train(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_foreign_classifiers_are_refused(tmp_path: Path) -> None:
    train(tmp_path, THREE)
    with pytest.raises(ModelError, match="trained on 'tfidf', not on 'all-minilm-l6-v2'"):
        load_classifier(tmp_path, "all-minilm-l6-v2")
    (tmp_path / "classifier.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be read"):
        load_classifier(tmp_path, "tfidf")
    with pytest.raises(ModelError, match="names no labels"):
        load_classifier(tmp_path / "nowhere", "tfidf")
    with pytest.raises(UnitError, match="before a classifier is trained"):
        ENGINES.get("encoder").open(Lent(load_encoder(find_encoder("tfidf")), 512))


@pytest.mark.parametrize("wrong", [{"C": 0}, {"C": True}, {"C": float("inf")}, {"c": 1.0}, {"sizes": []}], ids=str)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClassifierParams.model_validate(wrong)
