"""Methods: how a base model is adapted. One line per entry."""

from __future__ import annotations

from hanka.methods.contract import Method
from hanka.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    {
        "base": "hanka.methods.unadapted:BASE",
        "sft": "hanka.methods.supervised:SFT",
        "fticl": "hanka.methods.supervised:FTICL",
        "icl": "hanka.methods.icl:ICL",
        "distil": "hanka.methods.distil:DISTIL",
        "spider": "hanka.methods.spider:SPIDER",
        "magnitude_mask": "hanka.methods.magnitude_mask:MAGNITUDE_MASK",
        "interpolate": "hanka.methods.interpolate:INTERPOLATE",
        "merge": "hanka.methods.merge:MERGE",
        "restore": "hanka.methods.restore:RESTORE",
        "proxy": "hanka.methods.proxy:PROXY",
        "reduce_intruders": "hanka.methods.reduce_intruders:REDUCE_INTRUDERS",
        "select": "hanka.methods.select:SELECT",
        "existing": "hanka.methods.existing:EXISTING",
        "classifier": "hanka.methods.classifier:CLASSIFIER",
    },
)

__all__ = ["METHODS", "Method"]
