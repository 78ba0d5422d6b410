"""Datasets and the sources that hold them; light to import: rows and libraries are met only on load."""

from hanka.datasets.base import Source
from hanka.registry import Registry

SOURCES: Registry[Source] = Registry(
    "source",
    {
        "mini": "hanka.datasets.mini:MINI",
        "paper": "hanka.datasets.paper:PAPER",
        "hub": "hanka.datasets.hub:HUB",
        "facts": "hanka.datasets.facts:FACTS",
        "japanese": "hanka.datasets.japanese:JAPANESE",
        "mixed": "hanka.datasets.mixed:MIXED",
        "toy": "hanka.datasets.toy:TOY",
        "matching": "hanka.datasets.matching:MATCHING",
        "documents": "hanka.datasets.documents:DOCUMENTS",
        "documents-hub": "hanka.datasets.documents:DOCUMENTS_HUB",
    },
)
