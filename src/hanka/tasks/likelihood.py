"""Text that nothing is asked about: how well does the model predict it?

For forgetting in bits per byte: what does adapting to a task do to the model's grip on ordinary text. Any data set
with a column of text serves; the text is the target, there is no input. Trained on, it is continued pretraining.
Source: Gao et al. (2020), The Pile, sec. 3.1.
"""

from __future__ import annotations

from hanka.metrics import DEFAULT_METRICS
from hanka.tasks.base import Task

NOTHING_ASKED = {"p1": ""}
"The prompts of a likelihood: one, empty."

TEXT = Task(
    name="text",
    kind="likelihood",
    prompts=NOTHING_ASKED,
    metrics=DEFAULT_METRICS["likelihood"],
    stop=(),
    description="how well the model predicts text it is not asked about",
    reference="Gao et al. (2020), The Pile, sec. 3.1",
)
