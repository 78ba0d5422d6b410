"""The tuners: which weights of a model train. A new one is one file and one line here."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.tuners.all_weights import NONE
from hanka.tuners.bitfit import BITFIT
from hanka.tuners.contract import Tuner
from hanka.tuners.ia3 import IA3
from hanka.tuners.lora import LORA

TUNERS: Registry[Tuner] = Registry("tuner", [NONE, LORA, BITFIT, IA3])
