"""Which archive of a package is meant, to the byte. Apart from fetching it, so that a list of pins costs nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PackagePin:
    """One exact archive of one release."""

    name: str
    "Project name on the index."
    version: str
    "Release."
    filename: str
    "Archive name, as the index lists it."
    sha256: str
    "Hex SHA-256 of the archive."
    size: int
    "Bytes."
