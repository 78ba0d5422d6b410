"""Parameters of `classifier`. Light."""

from __future__ import annotations

from pydantic import Field

from hanka.methods.contract import TrainedParams


class ClassifierParams(TrainedParams):
    """Parameters of logistic regression; of `train:` only what chooses rows and prompt concerns it."""

    C: float = Field(default=1.0, gt=0)
    "Inverse strength of the L2 penalty on weights (scikit-learn's C); the sum of losses is multiplied by it."
