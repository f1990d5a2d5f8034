"""Fetching, against a server on this machine that answers as told."""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maskcon.images.fetching import downloading
from maskcon.images.fetching.downloading import DEPTH, RemoteFile, fetch, lying_in
from maskcon.parameters.errors import UserError
from tests.images.small_archives import write_files

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes: five blocks
HALF = 150_000

Answer = Callable[["_Handler"], None]


class _Handler(BaseHTTPRequestHandler):
    """Gives the answers of its server's list in turn, the last one again and again."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answers, ranges = self.server.answers, self.server.ranges
        answer = answers[min(len(ranges), len(answers) - 1)]
        ranges.append(self.headers.get("Range"))
        answer(self)

    def log_message(self, *_):
        pass

    def head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Connection": "close", "Content-Length": str(length), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


@pytest.fixture
def server(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.answers, server.ranges, server.finished = [], [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.finished.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """Notes the waits between attempts instead of waiting."""
    noted: list[float] = []
    monkeypatch.setattr(downloading.time, "sleep", noted.append)
    return noted


def whole(content: bytes = CONTENT, up_to: int | None = None, **headers: str) -> Answer:
    def answer(handler: _Handler) -> None:
        handler.head(200, len(content), **headers)
        handler.wfile.write(content[:up_to])

    return answer


def rest(up_to: int | None = None) -> Answer:
    """What a server does that knows ranges."""

    def answer(handler: _Handler) -> None:
        start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        handler.head(206, len(CONTENT) - start, Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.wfile.write(CONTENT[start:up_to])

    return answer


def status(code: int) -> Answer:
    return lambda handler: handler.head(code, 0)


def stuck(handler: _Handler) -> None:
    handler.head(200, len(CONTENT))
    handler.wfile.write(CONTENT[:HALF])
    handler.server.finished.wait(5)


def published(server, algorithm: str = "sha256") -> RemoteFile:
    url = f"http://127.0.0.1:{server.server_port}/set.tar.gz"
    return RemoteFile("set.tar.gz", url, hashlib.new(algorithm, CONTENT).hexdigest())


def fails(file: RemoteFile, root) -> str:
    with pytest.raises(UserError) as error:
        fetch(file, root)
    assert not (root / file.name).exists()
    said, *by_hand = str(error.value).splitlines()
    assert by_hand == [
        "Fetch it by hand",
        f"  from {file.url}",
        f"  into {root}",
        f"  as   {file.name} (sha256 {file.checksum})",
        "then run the same command again.",
    ]
    return said


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_fetched_once_and_nothing_else_left(server, tmp_path, capfd, algorithm):
    server.answers = [whole(Content_Encoding="x-gzip")]  # some servers take the .gz of a name for an encoding
    root = tmp_path / "new" / "root"
    for _ in range(2):
        assert fetch(published(server, algorithm), root).read_bytes() == CONTENT
    assert server.ranges == [None]
    assert {left.name for left in root.iterdir()} <= {"set.tar.gz", ".set.tar.gz.lock"}
    said = capfd.readouterr()
    assert said.out.startswith("fetching set.tar.gz from http")
    assert said.err == ""


@pytest.mark.fault
def test_a_link_in_the_place_of_the_partial_file_is_not_followed(server, tmp_path):
    server.answers = [whole()]
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "root"
    elsewhere.write_text("of somebody else")
    root.mkdir()
    (root / f".set.tar.gz.{published(server).checksum[:8]}.part").symlink_to(elsewhere)
    assert fetch(published(server), root).read_bytes() == CONTENT
    assert not (root / "set.tar.gz").is_symlink()
    assert elsewhere.read_text() == "of somebody else"


@pytest.mark.fault
def test_the_file_of_a_person_is_used_or_refused(server, tmp_path):
    path = tmp_path / "set.tar.gz"
    path.write_bytes(CONTENT)
    assert fetch(published(server), tmp_path) == path
    path.write_bytes(b"another")
    with pytest.raises(UserError, match=r"set\.tar\.gz is damaged or another version: it has 7 bytes.*; remove it"):
        fetch(published(server), tmp_path)
    assert path.read_bytes() == b"another"
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        fetch(published(server), tmp_path)
    assert server.ranges == []


@pytest.mark.fault
def test_goes_on_where_it_broke_off_for_as_long_as_bytes_come(server, tmp_path, waits):
    server.answers = [whole(up_to=HALF), *(rest(up_to=HALF + 9000 * more) for more in range(1, 9)), rest()]
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    first, *others = server.ranges
    starts = [int(asked[6:-1]) for asked in others]
    assert first is None
    assert starts == sorted(set(starts))
    assert waits == [1] * 9


@pytest.mark.fault
def test_goes_on_in_the_next_run_also_where_ranges_are_ignored_and_gives_up_without_new_bytes(server, tmp_path, waits):
    server.answers = [whole(up_to=HALF), lambda handler: handler.head(206, HALF, Content_Range=f"bytes {HALF}-")]
    assert "broke off" in fails(published(server), tmp_path)
    assert waits == [1, 2, 4, 8, 16]
    server.answers = [whole()]
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={HALF}-"


@pytest.mark.fault
def test_an_interruption_keeps_what_came(server, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    server.answers = [whole()]
    with monkeypatch.context() as patch:
        patch.setattr(downloading.Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(published(server), tmp_path)
    assert not (tmp_path / "set.tar.gz").exists()
    server.answers = [whole(), status(416), whole()]  # all bytes are there: the server has no more
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.fault
def test_a_slow_server_and_errors_that_pass(server, tmp_path, waits, monkeypatch):
    monkeypatch.setattr(downloading, "TIMEOUT", (0.5, 0.2))
    server.answers = [status(503), status(429), stuck, rest()]
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.fault
def test_wrong_bytes_are_named_and_removed(server, tmp_path, waits):
    server.answers = [whole(CONTENT[:-1] + b"!")]
    assert "gave another file: SHA256 hash of downloaded file" in fails(published(server), tmp_path)
    assert {left.name for left in tmp_path.iterdir()} <= {".set.tar.gz.lock"}
    server.ranges.clear()
    server.answers = [whole(bytes(len(CONTENT)), up_to=HALF), rest()]  # it changed on the way: the parts do not fit
    assert "gave another file" in fails(published(server), tmp_path)


@pytest.mark.fault
def test_what_an_address_gives_instead_is_said(server, tmp_path, waits):
    server.answers = [whole(b"<html>Please sign in</html>", Content_Type="text/html; charset=utf-8")]
    assert "gave a web page" in fails(published(server), tmp_path)
    server.answers = [status(403)]
    assert "gave 403 Forbidden" in fails(published(server), tmp_path)
    assert waits == []
    server.socket.close()
    assert "gave no answer (Connection refused)" in fails(published(server), tmp_path)


@pytest.mark.fault
def test_a_disk_that_is_or_becomes_full(server, tmp_path, monkeypatch):
    server.answers = [whole()]
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, len(CONTENT) - 1))
        with pytest.raises(UserError, match=r"needs 0\.3 MB of disk, but 0\.3 MB are free"):
            fetch(published(server), tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloading, "progress_bar", full)
    with pytest.raises(UserError, match=r"No space left.*goes on where it stopped"):
        fetch(published(server), tmp_path)
    assert not (tmp_path / "set.tar.gz").exists()


@pytest.mark.fault
def test_two_runs_at_once_fetch_once(server, tmp_path):
    asked, go_on = threading.Event(), threading.Event()

    def held(handler: _Handler) -> None:
        asked.set()
        go_on.wait(5)
        whole()(handler)

    server.answers = [held]
    found = []
    runs = [threading.Thread(target=lambda: found.append(fetch(published(server), tmp_path))) for _ in range(2)]
    runs[0].start()
    assert asked.wait(5)
    runs[1].start()
    go_on.set()
    for run in runs:
        run.join()
    assert found == [tmp_path / "set.tar.gz"] * 2
    assert server.ranges == [None]


def test_the_least_deep_file_is_found(tmp_path):
    write_files(tmp_path, {"a/b/photos.zip": b"deep", "z/photos.zip": b"near", "a/" * (DEPTH + 1) + "other.zip": b""})
    assert lying_in(tmp_path, "photos.zip") == tmp_path / "z" / "photos.zip"
    assert lying_in(tmp_path, "other.zip") is None
    assert lying_in(tmp_path / "nowhere", "photos.zip") is None
