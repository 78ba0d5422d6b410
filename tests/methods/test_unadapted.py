"""The base model as it is: nothing is trained and nothing is saved."""

from __future__ import annotations

from pathlib import Path

from hanka.methods.contract import Adaptation, Adapted, AdaptRequest, TrainingData
from hanka.methods.unadapted import BASE
from hanka.prompting import TextPolicy


def test_the_base_trains_nothing(tmp_path: Path) -> None:
    adaptation = Adaptation(BASE.params(), TextPolicy())
    request = AdaptRequest(None, TrainingData(()), adaptation, 0, tmp_path, lambda _what, _share: None)
    assert BASE.adapt(request) == Adapted(tuner="", n_trained_parameters=0, record={})
    assert not list(tmp_path.iterdir())
