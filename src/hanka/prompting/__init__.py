"""The one place where prompt and answer meet: examples and demonstrations → text → token ids and spans.

Training and scoring both come through here, so they cannot disagree.
"""

from __future__ import annotations

from hanka.prompting.encoded import Asked, Encoded, Ids, Query, SoftTargets, TextPolicy, Tokenizer
from hanka.prompting.prompter import SEPARATOR, Prompter, shared_demonstrations
from hanka.prompting.shared import colliding_labels, require_distinct_first_tokens, shared_length, shared_prefix

__all__ = [ "SEPARATOR", "Asked", "Encoded", "Ids", "Prompter", "Query", "SoftTargets", "TextPolicy", "Tokenizer", "colliding_labels",
    "require_distinct_first_tokens", "shared_demonstrations", "shared_length", "shared_prefix",
]  # fmt: skip
