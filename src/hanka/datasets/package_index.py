"""Which package index to ask, and with which certificates: the user's own settings, read as pip reads them.

Order: PIP_INDEX_URL, UV_DEFAULT_INDEX, UV_INDEX_URL, pip's configuration, the public default; then the
extra indexes. Proxies, REQUESTS_CA_BUNDLE and .netrc are honoured by requests itself. `file:` indexes are
passed over: an archive from one can be put into the cache by hand.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

DEFAULT_INDEX = "https://pypi.org/simple/"
CONFIG_LINE = re.compile(r"^(?:global|install|download|:env:)\.([a-z-]+)=(.+)$")
UV_NAME = re.compile(r"^[\w.-]+=(?=https?:)")
CONFIG_SECONDS = 20


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where to ask and whom to trust."""

    indexes: tuple[str, ...]
    "Simple-API addresses, in the order they are asked."
    certificates: str | None
    "Certificate bundle; None leaves it to requests."


def index_settings() -> IndexSettings:
    """Read the settings of this environment; pip is asked for its configuration where it is installed."""
    config = _pip_config()
    main = (
        os.environ.get("PIP_INDEX_URL")
        or os.environ.get("UV_DEFAULT_INDEX")
        or os.environ.get("UV_INDEX_URL")
        or config.get("index-url")
        or DEFAULT_INDEX
    )
    extra = os.environ.get("PIP_EXTRA_INDEX_URL") or config.get("extra-index-url") or ""
    addresses = [UV_NAME.sub("", address) for address in (main.strip(), *extra.split())]
    certificates = os.environ.get("PIP_CERT") or config.get("cert") or os.environ.get("SSL_CERT_FILE")
    return IndexSettings(
        indexes=tuple(dict.fromkeys(address for address in addresses if address.startswith(("http://", "https://")))),
        certificates=certificates or None,
    )


def _pip_config() -> dict[str, str]:
    """Ask pip for its configuration; {} where pip is absent, silent or slow."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=CONFIG_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    config: dict[str, str] = {}
    for line in answer.stdout.splitlines():
        match = CONFIG_LINE.match(line)
        if match and match[2] != "''":
            try:
                config[match[1]] = str(ast.literal_eval(match[2]))
            except (ValueError, SyntaxError):
                continue
    return config


def without_password(address: str) -> str:
    """Return an address that can be printed: user name and password removed."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def with_credentials(address: str, index: str) -> str:
    """Return a file's address with the credentials of its index, if it is on the index's own host."""
    file, home = urlsplit(address), urlsplit(index)
    if "@" not in home.netloc or "@" in file.netloc or _origin(file) != _origin(home):
        return address
    return urlunsplit(file._replace(netloc=home.netloc))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port
