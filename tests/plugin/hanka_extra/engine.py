"""Engine `ensemble`: the mean of two models' probabilities, token by token.

Source: the output-space ensemble of a model before and after fine-tuning, Wortsman et al. (2022), arXiv 2109.01903,
section 5. Both models have one tokenizer: `tuned` was made from the base.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hanka.engines import Engine, EngineEntry, Lent
from hanka.errors import ModelError
from hanka.models.loading import LoadedModel

if TYPE_CHECKING:
    import torch


def _open(lent: Lent) -> Engine:
    from hanka.engines.local import VoicesEngine
    from hanka.engines.voices import Voice, Voices

    if not isinstance(lent.base, LoadedModel) or "tuned" not in lent.others:
        raise ModelError("the engine ensemble needs a language model and the one tuned from it")
    weight = lent.params
    assert isinstance(weight, float)

    def join(parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the log of the mean of probabilities."""
        base, tuned = (part.double().log_softmax(-1) for part in parts)
        return (base + math.log1p(-weight)).logaddexp(tuned + math.log(weight))

    return VoicesEngine(Voices((Voice(lent.base), Voice(lent.others["tuned"])), join), lent.batch_tokens)


ENSEMBLE = EngineEntry(
    name="ensemble",
    reference="Wortsman et al. 2022, arXiv 2109.01903, sec. 5",
    description="the mean of two models' probabilities",
    answers=frozenset({"labels", "text", "likelihood"}),
    open=_open,
    version=1,
)
