"""How well a model predicts text it is not asked about: bits per byte and nats per token.

Bits per byte divides by what every model shares, the text's UTF-8 bytes, so models with different tokenizers
can be compared; nats per token (the logarithm of perplexity) only within one tokenizer. Both are ratios of
sums over the test set; the per-sample value is the same ratio of one text.

Source: Gao et al. (2020), The Pile, sec. 3.1 (bits per byte). Limits: a text is scored after one start token and
alone, so short texts cost more per byte than the same words inside a long one.
"""

from __future__ import annotations

import math

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext

REFERENCE = "Gao et al. (2020), The Pile, sec. 3.1"


def _ratios(amounts: FloatArray, units: FloatArray) -> FloatArray:
    """Return (n, 3): ratio, amount and units of each text."""
    import numpy as np

    return np.column_stack([amounts / units, amounts, units])


def _nats(outputs: Outputs) -> FloatArray:
    """Return the negative log-likelihood of each text, (n,). Raises ValueError where a text was not scored."""
    import numpy as np

    sums = []
    for scores in outputs.token_scores:
        if scores is None or not len(scores):
            raise ValueError("a text has no token scores: it was not scored, or is empty")
        sums.append(-math.fsum(scores))
    return np.asarray(sums)


def bits_per_byte_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 3): bits per byte of the text, its bits, its UTF-8 bytes."""
    import numpy as np

    outputs.require("targets", "token_scores")
    n_bytes = [len(text.encode("utf-8", "surrogatepass")) for text in outputs.targets]
    return _ratios(_nats(outputs) / math.log(2), np.asarray(n_bytes, dtype=np.float64))


def nats_per_token_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 3): nats per token of the text, its nats, its tokens."""
    import numpy as np

    outputs.require("token_scores")
    n_tokens = [len(scores) for scores in outputs.token_scores if scores is not None]
    return _ratios(_nats(outputs), np.asarray(n_tokens, dtype=np.float64))


def ratio_of_sums(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Divide the sum of amounts by the sum of units; sums: (..., 3)."""
    import numpy as np

    return np.asarray(sums[..., 1] / sums[..., 2])


BITS_PER_BYTE = Metric(
    name="bits_per_byte",
    display="Bits per byte",
    display_ja="バイトあたりビット数",
    version="1",
    low=0.0,
    high=float("inf"),
    higher_is_better=False,
    kinds=("likelihood",),
    reference=REFERENCE,
    statistics=bits_per_byte_statistics,
    aggregate=ratio_of_sums,
    reads=("targets", "token_scores"),
)
NATS_PER_TOKEN = Metric(
    name="nats_per_token",
    display="Nats per token",
    display_ja="トークンあたりナット数",
    version="1",
    low=0.0,
    high=float("inf"),
    higher_is_better=False,
    kinds=("likelihood",),
    reference="logarithm of perplexity; only models of one tokenizer can be compared",
    statistics=nats_per_token_statistics,
    aggregate=ratio_of_sums,
    reads=("token_scores",),
)
