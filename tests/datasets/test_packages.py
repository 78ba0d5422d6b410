"""Fetching and unpacking pinned archives, against an index on the loopback interface."""

import hashlib
import io
import os
import socket
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hanka.datasets.package_index import DEFAULT_INDEX, index_settings, with_credentials, without_password
from hanka.datasets.packages import PackagePin, extract_member, fetch
from hanka.errors import DownloadError

CONTENT = b"an archive " * 5000
PIN = PackagePin("some-data", "1.0", "some_data-1.0.tar.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Index:
    """A PEP 503 index with one project, whose file's bytes and failures a test can set."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/simple/"
        self.content = CONTENT
        self.listed = PIN.filename
        self.failures = 0
        self.requests: list[str] = []

    def answer(self, path: str) -> tuple[int, bytes]:
        self.requests.append(path)
        if self.failures:
            self.failures -= 1
            return 503, b""
        if path == "/simple/some-data/":
            return 200, f'<a href="../../files/{self.listed}">{self.listed}</a>'.encode()
        if path == f"/files/{self.listed}":
            return 200, self.content
        return 404, b""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = served.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Index(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        only(monkeypatch, served.url)
        yield served
        server.shutdown()


def only(monkeypatch: pytest.MonkeyPatch, url: str, extra: str = "") -> None:
    """Make `url` the only index of this environment."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", extra)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestFetch:
    def test_downloads_once(self, index: Index, tmp_path: Path) -> None:
        path = fetch(PIN, tmp_path)
        assert path.read_bytes() == CONTENT
        n_requests = len(index.requests)
        assert fetch(PIN, tmp_path) == path
        assert len(index.requests) == n_requests

    @pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT[:-100], CONTENT + b"more", b""])
    def test_refuses_and_deletes_what_is_not_the_pinned_file(
        self, index: Index, tmp_path: Path, content: bytes
    ) -> None:
        index.content = content
        with pytest.raises(DownloadError, match="is not the pinned file") as caught:
            fetch(PIN, tmp_path)
        assert "\n" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_fetches_again_what_was_damaged_in_the_cache(self, index: Index, tmp_path: Path) -> None:
        path = fetch(PIN, tmp_path)
        path.write_bytes(CONTENT[:-1] + b"!")
        assert fetch(PIN, tmp_path).read_bytes() == CONTENT

    def test_tries_a_failing_server_again(self, index: Index, tmp_path: Path) -> None:
        index.failures = 1
        assert fetch(PIN, tmp_path).read_bytes() == CONTENT

    def test_says_what_to_do_without_a_network(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        only(monkeypatch, f"http://me:secret@127.0.0.1:{closed_port()}/simple/")
        with pytest.raises(DownloadError, match=r"after 3 tries.*PIP_INDEX_URL.*put the file at") as caught:
            fetch(PIN, tmp_path)
        assert str(tmp_path / PIN.filename) in str(caught.value)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_uses_a_file_put_there_by_hand(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        only(monkeypatch, f"http://127.0.0.1:{closed_port()}/simple/")
        (tmp_path / PIN.filename).write_bytes(CONTENT)
        assert fetch(PIN, tmp_path) == tmp_path / PIN.filename

    def test_says_when_a_file_put_there_by_hand_is_another(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        only(monkeypatch, f"http://127.0.0.1:{closed_port()}/simple/")
        (tmp_path / PIN.filename).write_bytes(b"another")
        with pytest.raises(DownloadError, match="was not the pinned one and was deleted"):
            fetch(PIN, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_says_when_the_certificates_are_not_there(
        self, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        only(monkeypatch, "https://127.0.0.1:9/simple/")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
        monkeypatch.setenv("PIP_CERT", str(tmp_path / "absent.pem"))
        with pytest.raises(DownloadError, match=r"absent.pem"):
            fetch(PIN, tmp_path)

    def test_asks_the_next_index(self, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        only(monkeypatch, index.url.replace("/simple/", "/empty/"), extra=f"file:///nowhere {index.url}")
        assert fetch(PIN, tmp_path).read_bytes() == CONTENT

    def test_names_an_archive_that_the_index_lacks(self, index: Index, tmp_path: Path) -> None:
        index.listed = "some_data-0.9.tar.gz"
        with pytest.raises(DownloadError, match=r"lists no some_data-1.0.tar.gz"):
            fetch(PIN, tmp_path)


class TestIndexSettings:
    def test_the_public_index_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        only(monkeypatch, "")
        assert index_settings().indexes == (DEFAULT_INDEX,)

    def test_uv_settings_count_after_those_of_pip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        only(monkeypatch, "")
        monkeypatch.setenv("UV_DEFAULT_INDEX", "mirror=https://uv.example/simple")
        assert index_settings().indexes == ("https://uv.example/simple",)
        monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
        assert index_settings().indexes == ("https://pip.example/simple",)

    def test_the_configuration_of_pip_is_read(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        pytest.importorskip("pip", reason="pip is not installed here")
        only(monkeypatch, "")
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL")
        config = tmp_path / "pip.conf"
        config.write_text(
            "[global]\nindex-url = https://a.example/simple\nextra-index-url =\n    https://b.example/simple\n"
            "    file:///c/simple\ncert = /d.pem\n"
        )
        monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
        settings = index_settings()
        assert settings.indexes == ("https://a.example/simple", "https://b.example/simple")
        assert settings.certificates == "/d.pem"

    def test_credentials_go_to_their_own_host_only(self) -> None:
        home = "https://me:secret@index.example/simple/"
        assert with_credentials("https://index.example/f.whl", home) == "https://me:secret@index.example/f.whl"
        assert with_credentials("https://files.example/f.whl", home) == "https://files.example/f.whl"
        assert with_credentials("http://index.example/f.whl", home) == "http://index.example/f.whl"

    def test_passwords_are_not_printed(self) -> None:
        assert without_password("https://me:se@cret@index.example/simple/#x") == "https://index.example/simple/"


def make_zip(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def make_tar(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return path


class TestExtractMember:
    def test_copies_one_file_out_of_a_wheel(self, tmp_path: Path) -> None:
        archive = make_zip(tmp_path / "a.whl", ("p/x.txt", b"x" * 9, 0o644), ("p/y.txt", b"y", 0))
        to = tmp_path / "deep" / "out.txt"
        assert extract_member(archive, "p/x.txt", to).read_bytes() == b"x" * 9
        assert extract_member(archive, "p/y.txt", to).read_bytes() == b"y"
        assert [path.name for path in to.parent.iterdir()] == ["out.txt"]

    def test_walks_into_an_archive_in_an_archive(self, tmp_path: Path) -> None:
        inner = make_tar(tmp_path / "inner.tar.gz", ("d/z.txt", b"z", tarfile.REGTYPE)).read_bytes()
        outer = make_tar(tmp_path / "outer.tar.gz", ("s/inner.tar.gz", inner, tarfile.REGTYPE))
        assert extract_member(outer, ("s/inner.tar.gz", "d/z.txt"), tmp_path / "out").read_bytes() == b"z"

    def test_never_writes_where_the_archive_says(self, tmp_path: Path) -> None:
        archive = make_zip(tmp_path / "a.zip", ("../../evil.txt", b"e", 0o644))
        extract_member(archive, "../../evil.txt", tmp_path / "in" / "out.txt")
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "in", "out.txt"]

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
    def test_refuses_what_is_not_a_regular_file(self, tmp_path: Path, kind: bytes) -> None:
        archive = make_tar(tmp_path / "a.tar.gz", ("x", b"", kind))
        with pytest.raises(DownloadError, match="no single regular file"):
            extract_member(archive, "x", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_refuses_a_link_in_a_zip(self, tmp_path: Path) -> None:
        archive = make_zip(tmp_path / "a.zip", ("x", b"/etc/passwd", stat.S_IFLNK | 0o777))
        with pytest.raises(DownloadError, match="no single regular file"):
            extract_member(archive, "x", tmp_path / "out")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_refuses_a_name_that_is_there_twice(self, tmp_path: Path) -> None:
        zipped = make_zip(tmp_path / "a.zip", ("x", b"1", 0o644), ("x", b"2", 0o644))
        tarred = make_tar(tmp_path / "a.tar.gz", ("x", b"1", tarfile.REGTYPE), ("x", b"2", tarfile.REGTYPE))
        for archive in (zipped, tarred):
            with pytest.raises(DownloadError, match="no single regular file"):
                extract_member(archive, "x", tmp_path / "out")

    def test_refuses_what_is_too_large(self, tmp_path: Path) -> None:
        zipped = make_zip(tmp_path / "a.zip", ("x", bytes(10_000), 0o644))
        tarred = make_tar(tmp_path / "a.tar.gz", ("x", bytes(10_000), tarfile.REGTYPE))
        for archive in (zipped, tarred):
            with pytest.raises(DownloadError, match="larger than 9999 bytes"):
                extract_member(archive, "x", tmp_path / "out", max_bytes=9999)
            assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00broken"])
    def test_says_when_an_archive_is_broken(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.tar.gz").write_bytes(content)
        with pytest.raises(DownloadError, match="cannot be opened"):
            extract_member(tmp_path / "a.tar.gz", "x", tmp_path / "out")
