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
        "adalora": "hanka.tuners.adalora:ADALORA",
        "loha": "hanka.tuners.low_rank:LOHA",
        "lokr": "hanka.tuners.low_rank:LOKR",
        "hira": "hanka.tuners.low_rank:HIRA",
        "gralora": "hanka.tuners.low_rank:GRALORA",
        "glora": "hanka.tuners.low_rank:GLORA",
        "delora": "hanka.tuners.low_rank:DELORA",
        "deft": "hanka.tuners.low_rank:DEFT",
        "miss": "hanka.tuners.low_rank:MISS",
        "peanut": "hanka.tuners.low_rank:PEANUT",
        "lily": "hanka.tuners.low_rank:LILY",
        "adamss": "hanka.tuners.low_rank:ADAMSS",
        "vera": "hanka.tuners.drawn_bases:VERA",
        "pvera": "hanka.tuners.drawn_bases:PVERA",
        "randlora": "hanka.tuners.drawn_bases:RANDLORA",
        "vblora": "hanka.tuners.drawn_bases:VBLORA",
        "unilora": "hanka.tuners.drawn_bases:UNILORA",
        "tinylora": "hanka.tuners.drawn_bases:TINYLORA",
        "oft": "hanka.tuners.orthogonal:OFT",
        "boft": "hanka.tuners.orthogonal:BOFT",
        "hra": "hanka.tuners.orthogonal:HRA",
        "road": "hanka.tuners.orthogonal:ROAD",
        "psoft": "hanka.tuners.orthogonal:PSOFT",
        "osf": "hanka.tuners.orthogonal:OSF",
        "fourierft": "hanka.tuners.sparse:FOURIERFT",
        "waveft": "hanka.tuners.sparse:WAVEFT",
        "c3a": "hanka.tuners.sparse:C3A",
        "shira": "hanka.tuners.sparse:SHIRA",
        "supertuning": "hanka.tuners.sparse:SUPERTUNING",
        "frod": "hanka.tuners.sparse:FROD",
        "ln_tuning": "hanka.tuners.vectors:LN_TUNING",
        "beft": "hanka.tuners.vectors:BEFT",
        "trainable_tokens": "hanka.tuners.vectors:TRAINABLE_TOKENS",
        "prompt_tuning": "hanka.tuners.prompts:PROMPT_TUNING",
        "p_tuning": "hanka.tuners.prompts:P_TUNING",
        "prefix_tuning": "hanka.tuners.prompts:PREFIX_TUNING",
        "cartridge": "hanka.tuners.prompts:CARTRIDGE",
        "adaption_prompt": "hanka.tuners.prompts:ADAPTION_PROMPT",
    },
)
