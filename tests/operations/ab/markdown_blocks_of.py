"""Code of the guide that is tested."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs/ab.md"


def javascript() -> str:
    """The JavaScript that the guide gives for assigning units elsewhere."""
    (found,) = re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)
