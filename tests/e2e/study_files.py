"""Small studies for end-to-end tests: toy rows, a tiny model."""

from __future__ import annotations

from pathlib import Path

TEXT = """\
name: toy
base: {base}
data: {{source: toy}}
tasks: {{sentiment: {{}}, question: {{train: null}}}}
methods: [base, {{sft: {{peft: lora}}}}, {{fticl: {{shots: 2, peft: none}}}}]
train: {{sizes: [16], epochs: 2, learning_rate: 1.0e-2, checkpoint_seconds: 0}}
eval: {{shots: [0, 2], max_new_tokens: 6, limit: 10}}
{extra}
"""


def write_study(folder: Path, base: Path, extra: str = "", text: str = TEXT) -> Path:
    """Write a study file and return its path."""
    path = folder / "study.yaml"
    path.write_text(text.format(base=base, extra=extra), encoding="utf-8")
    return path
