"""The tuners: which weights of a model train. A new one is one file and one line here."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.tuners.contract import Tuner

TUNERS: Registry[Tuner] = Registry(
    "tuner",
    {
        "none": "hanka.tuners.all_weights:NONE",
        "lora": "hanka.tuners.lora:LORA",
        "bitfit": "hanka.tuners.bitfit:BITFIT",
        "ia3": "hanka.tuners.ia3:IA3",
    },
)
