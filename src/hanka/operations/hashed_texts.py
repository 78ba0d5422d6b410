"""Texts as sparse rows of hashed n-grams, and a linear classifier of them: enough to tell one kind of text from another.

Serves `drift.domain_auc`. Words and pairs of words, and runs of three and four characters, so that languages written without spaces are
told apart, too. Hashes are the same in every process. Limits: two n-grams may share a column (they are few beside COLUMNS); of a text the
first LONGEST characters are read; what differs in meaning alone, in equal words, is not seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
from scipy import optimize, sparse

from hanka.stats.resampling import FloatArray

COLUMNS = 1 << 16
LONGEST = 4_000
"Characters of a text that are read."
WORD = re.compile(r"\w+")
RUNS = (3, 4)
"Characters of a run."
FACTORS = np.array([2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263], dtype=np.uint64)
"Odd numbers that spread runs of code points over the columns."


def hashed_texts(texts: Sequence[str]) -> sparse.csr_array:
    """Return texts as rows (texts, COLUMNS) of length one: 1 + log of counts, times inverse document frequency.

    Document frequencies are those of the texts given. A text without any n-gram is a row of zeros.
    """
    found = [_columns(text) for text in texts]
    sizes = [len(columns) for columns, _ in found]
    pointers = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.concatenate([one for one, _ in found]) if found else np.zeros(0, dtype=np.int64)
    counts = np.concatenate([one for _, one in found]) if found else np.zeros(0, dtype=np.int64)
    rarity = np.log((1 + len(texts)) / (1 + np.bincount(columns, minlength=COLUMNS))) + 1
    values = (1 + np.log(counts)) * rarity[columns]
    rows = sparse.csr_array((values, columns, pointers), shape=(len(texts), COLUMNS))
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), sizes)
    return rows


def _columns(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of a text's n-grams, ascending, and how often each occurs."""
    plain = " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).casefold().split())
    words = [word.encode("utf-8", "backslashreplace") for word in WORD.findall(plain)]
    pairs = [first + b" " + second for first, second in pairwise(words)]
    hashed = [np.array([crc32(word) for word in (*words, *pairs)], dtype=np.uint64) % COLUMNS]
    points = np.array([ord(character) for character in f" {plain} "], dtype=np.uint64)
    for run in RUNS:
        n_runs = len(points) - run + 1
        if n_runs > 0:
            mixed = sum(points[at : at + n_runs] * FACTORS[at] for at in range(run)) + np.uint64(run)
            hashed.append((mixed ^ (mixed >> np.uint64(29))) * FACTORS[0] >> np.uint64(13) & np.uint64(COLUMNS - 1))
    return np.unique(np.concatenate(hashed).astype(np.int64), return_counts=True)


def without_empty_columns(rows: sparse.csr_array) -> sparse.csr_array:
    """Return the rows without the columns that no text has: a classifier of few texts is fitted many times as fast."""
    used, places = np.unique(rows.indices, return_inverse=True)
    return sparse.csr_array((rows.data, places, rows.indptr), shape=(rows.shape[0], len(used)))


def linear_classifier(rows: sparse.csr_array, is_live: np.ndarray, strength: float = 1.0) -> FloatArray:
    """Fit a logistic regression and return its weights, (columns,); the intercept is left out, for it orders nothing.

    is_live: (rows,) bool. Both classes weigh the same together. strength: inverse of the penalty ½‖w‖², as scikit-learn's C.
    """
    signs = np.where(is_live, 1.0, -1.0)
    n_live = int(is_live.sum())
    weights = strength * len(signs) / 2 / np.where(is_live, max(1, n_live), max(1, len(signs) - n_live))
    turned = rows.T.tocsr()

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        """Return penalised loss and slope; the intercept stands last."""
        margins = signs * (rows @ point[:-1] + point[-1])
        pull = -signs * weights * np.exp(-np.logaddexp(0, margins))
        value = 0.5 * point[:-1] @ point[:-1] + weights @ np.logaddexp(0, -margins)
        return float(value), np.append(point[:-1] + turned @ pull, pull.sum())

    start = np.zeros(rows.shape[1] + 1)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return np.asarray(found.x[:-1], dtype=np.float64)
