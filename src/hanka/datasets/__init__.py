"""Datasets and the sources that hold them; light to import: rows and libraries are met only on load."""

from hanka.datasets.base import Source
from hanka.datasets.hub import HUB
from hanka.datasets.mini import MINI
from hanka.datasets.paper import PAPER
from hanka.datasets.toy import TOY
from hanka.registry import Registry

SOURCES: Registry[Source] = Registry("source", [MINI, PAPER, HUB, TOY])
