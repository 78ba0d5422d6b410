"""In which script a text is written: what can be told of its language without a model.

Used for slices of results. Scripts that one language has are called by it; what shares a script (Latin, Cyrillic, Arabic, …)
is not told apart: a study that knows better names a column (`slices`). Source: Unicode blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "ja": re.compile("[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]"),
    "han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "ko": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "th": re.compile("[\u0e01-\u0e5b]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
    "arabic": re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff]"),
    "hebrew": re.compile("[\u05d0-\u05ea]"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
}
"Name → its letters. Kana make a text Japanese; Han alone may be Chinese or Japanese."
WIDE = {"ja", "han", "ko"}
"Scripts whose character says about as much as two letters: names and addresses in Latin do not make a text Latin."


def script_of(text: str) -> str:
    """Return the script that most of a text is in, a name of SCRIPTS; `none` where it has no letters."""
    counts = {name: len(letters.findall(text)) * (2 if name in WIDE else 1) for name, letters in SCRIPTS.items()}
    if counts["ja"]:
        counts["ja"] += counts.pop("han")
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "none"
