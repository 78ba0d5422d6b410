from __future__ import annotations

import numpy as np
import pyarrow as pa

from hanka.analysis.answers import Answers, Samples
from hanka.metrics import METRICS, Outputs, ScoringContext


def test_a_cell_in_which_every_sample_failed_has_statistics_of_no_rows() -> None:
    samples = Samples(("a", "b"), ("", ""))
    failed = pa.array(["failed", "failed"])
    answers = Answers(samples, failed, failed, np.zeros(0, dtype=np.int64), Outputs())
    found = answers.score(METRICS.get("accuracy"), ScoringContext(("yes", "no")))
    assert (len(found), found.statistics.shape) == (0, (0, 1))
