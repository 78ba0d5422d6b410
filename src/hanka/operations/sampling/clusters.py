"""Texts in clusters, so that a small sample meets every kind of them.

Called by `draw`. Features are words and runs of characters (`operations.hashed_texts`: languages without spaces as well), or those of an encoder
that the caller has loaded; clusters are k-means of scikit-learn. Deterministic in the seed. Limits: a cluster is what looks alike, not
what means the same; how many there are is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hanka.errors import HankaError, how_to_install
from hanka.identity import stream_seed
from hanka.operations.hashed_texts import hashed_texts, without_empty_columns

STARTS = 10
"Starts of k-means, of which the tightest clusters are kept."
MANY = 20_000
"Texts from which on centres are moved by batches."


def clusters_of(texts: Sequence[str], n_clusters: int, seed: int, features: Any = None) -> list[int]:
    """Return the cluster of each text, numbered by size, the largest 0.

    features: (texts, width) of an encoder; None: words and characters. At most as many clusters as different texts.
    """
    if n_clusters < 2 or len(texts) <= n_clusters:
        return [0] * len(texts) if n_clusters < 2 else list(range(len(texts)))
    try:
        from sklearn.cluster import KMeans, MiniBatchKMeans
    except ImportError:
        raise HankaError(
            f"clusters need scikit-learn: {how_to_install('encoders')}; or draw without them: --clusters 0"
        ) from None
    rows = _of_words(texts) if features is None else features
    kind = KMeans if len(texts) < MANY else MiniBatchKMeans
    drawn = stream_seed(seed, "sampling", "clusters") % 2**32
    labels = kind(n_clusters, n_init=STARTS, random_state=drawn).fit_predict(rows).tolist()
    sizes: dict[int, int] = {}
    for label in labels:
        sizes[label] = sizes.get(label, 0) + 1
    order = {label: rank for rank, label in enumerate(sorted(sizes, key=lambda one: (-sizes[one], labels.index(one))))}
    return [order[label] for label in labels]


def _of_words(texts: Sequence[str]) -> Any:
    """Return hashed n-grams as scikit-learn takes them: places in 32 bits."""
    import numpy as np
    from scipy import sparse

    rows = without_empty_columns(hashed_texts(texts))
    places = (rows.data, rows.indices.astype(np.int32), rows.indptr.astype(np.int32))
    return sparse.csr_matrix(places, shape=rows.shape)
