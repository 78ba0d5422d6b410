"""Which pairs of a pool are nearest to a pair: cosine of tf-idf weights of its letters, "left - right" as one text.

Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185, with an embedding of a service in place of tf-idf; letters in threes within words:
McNamee & Mayfield (2004). Limits: what is spelt alike is near, whatever it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hanka.errors import UnitError, how_to_install
from hanka.records import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def pair_text(row: Example) -> str:
    """Return a pair as one text."""
    return f"{row.fields['left']} - {row.fields['right']}"


def cosines(asked: Sequence[Example], pool: Sequence[Example]) -> NDArray[np.float64]:
    """Return (asked, pool) cosines. Raises UnitError without scikit-learn."""
    import numpy as np

    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError:
        raise UnitError(f"nearness of pairs needs scikit-learn: {how_to_install('encoders')}") from None
    reader: Any = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True, lowercase=True)
    known = reader.fit_transform([pair_text(row) for row in pool])
    found = reader.transform([pair_text(row) for row in asked]) @ known.T
    return np.asarray(found.toarray(), dtype=np.float64)
