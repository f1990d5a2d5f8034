"""Fetching, against a server on this machine that answers as told."""

import hashlib
import json
import shutil
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from maskcon.images.fetching import downloading as fetching
from maskcon.images.fetching.downloading import RemoteFile, by_hand, fetch, present
from maskcon.parameters.errors import UserError

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes: five blocks
HALF = 150_000
QUICK = (0.5, 0.2)  # seconds to wait for the server

Answer = Callable[["_Handler"], None]


class _Handler(BaseHTTPRequestHandler):
    """Gives the answers of its server's list in turn, the last one again and again."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answers, requests_seen = self.server.answers, self.server.seen
        assert len(requests_seen) < 30, "a client that never gives up"
        answer = answers[min(len(requests_seen), len(answers) - 1)]
        requests_seen.append((self.path, dict(self.headers)))
        answer(self)

    def log_message(self, *_):
        pass

    def head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.finished = threading.Event()

    def url(self, path: str = "/set.tar.gz") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.seen]


@pytest.fixture
def server(monkeypatch) -> Iterator[_Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.finished.set()
    server.shutdown()
    thread.join()
    server.server_close()


class _Pause(list):
    """Notes the waits instead of waiting."""

    __call__ = list.append


def whole(content: bytes = CONTENT, **headers: str) -> Answer:
    def answer(handler: _Handler) -> None:
        handler.head(200, len(content), **headers)
        handler.wfile.write(content)

    return answer


def broken_off(after: int, content: bytes = CONTENT, **headers: str) -> Answer:
    def answer(handler: _Handler) -> None:
        handler.head(200, len(content), **headers)
        handler.wfile.write(content[:after])

    return answer


def rest(content: bytes = CONTENT, up_to: int | None = None, **headers: str) -> Answer:
    """What a server does that knows ranges: If-Range is compared with its ETag."""

    def answer(handler: _Handler) -> None:
        asked = handler.headers.get("Range")
        if asked is None or handler.headers.get("If-Range", headers.get("ETag")) != headers.get("ETag"):
            return whole(content, **headers)(handler)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        content_range = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.head(206, len(content) - start, Content_Range=content_range, **headers)
        handler.wfile.write(content[start:up_to])

    return answer


def status(code: int, **headers: str) -> Answer:
    return lambda handler: handler.head(code, 0, **headers)


def stuck(after: int) -> Answer:
    def answer(handler: _Handler) -> None:
        handler.head(200, len(CONTENT))
        handler.wfile.write(CONTENT[:after])
        handler.server.finished.wait(5)

    return answer


def published(*urls: str, content: bytes = CONTENT, size: int | None = None, algorithm: str = "sha256") -> RemoteFile:
    return RemoteFile("set.tar.gz", urls, hashlib.new(algorithm, content).hexdigest(), size)


def fails(file: RemoteFile, root: Path, pause: Callable[[float], None] = lambda _: None) -> str:
    with pytest.raises(UserError) as error:
        fetch(file, root, pause=pause, timeout=QUICK)
    assert not (root / file.name).exists()
    message = str(error.value)
    for part in (file.urls[0], str(root.absolute()), file.name, file.checksum, "by hand"):
        assert part in message
    return message


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_fetches_once_and_leaves_nothing_else(server, tmp_path, capsys, algorithm, size):
    server.answers = [whole()]
    file = published(server.url(), size=size, algorithm=algorithm)
    root = tmp_path / "new" / "root"
    path = fetch(file, root)
    assert path == root / "set.tar.gz"
    assert path.read_bytes() == CONTENT
    assert fetch(file, root) == path
    assert len(server.seen) == 1
    assert {left.name for left in root.iterdir()} <= {"set.tar.gz", ".set.tar.gz.lock"}
    assert capsys.readouterr().out.count("\n") == 1


def test_uses_the_file_of_a_person(server, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(CONTENT)
    assert fetch(published(server.url()), tmp_path) == tmp_path / "set.tar.gz"
    assert server.seen == []


def test_refuses_another_file_of_a_person(server, tmp_path):
    path = tmp_path / "set.tar.gz"
    path.write_bytes(b"another")
    file = published(server.url())
    with pytest.raises(UserError, match="remove it") as error:
        fetch(file, tmp_path)
    assert str(path) in str(error.value)
    assert file.checksum in str(error.value)
    assert path.read_bytes() == b"another"
    assert server.seen == []


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "set.tar.gz").mkdir()
    with pytest.raises(UserError, match="directory"):
        present(published(), tmp_path)


def test_goes_on_where_it_broke_off(server, tmp_path):
    server.answers = [broken_off(HALF, ETag='"1"'), rest(ETag='"1"', up_to=2 * HALF), rest(ETag='"1"')]
    pause = _Pause()
    path = fetch(published(server.url()), tmp_path, pause=pause)
    assert path.read_bytes() == CONTENT
    first, second, third = server.ranges()
    assert first is None
    assert 0 < int(second[6:-1]) <= HALF < int(third[6:-1]) <= 2 * HALF
    assert server.seen[1][1]["If-Range"] == '"1"'
    assert pause == [1, 1]  # each attempt brought something


def test_goes_on_in_the_next_run(server, tmp_path):
    server.answers = [broken_off(HALF, ETag='"1"'), status(404)]
    file = published(server.url())
    fails(file, tmp_path)
    server.answers = [rest(ETag='"1"')]
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.ranges()[-1] is not None


def test_goes_on_at_a_mirror(server, tmp_path):
    server.answers = [broken_off(HALF, ETag='"1"'), status(404), rest(ETag='"of the mirror"')]
    assert fetch(published(server.url(), server.url("/mirror")), tmp_path, pause=_Pause()).read_bytes() == CONTENT
    assert [path for path, _ in server.seen] == ["/set.tar.gz", "/set.tar.gz", "/mirror"]
    assert server.ranges()[2] is not None
    assert "If-Range" not in server.seen[2][1]


def test_whole_but_not_yet_moved(server, tmp_path):
    file = published(server.url())
    (tmp_path / ".set.tar.gz.part").write_bytes(CONTENT)
    origin = {"checksum": file.checksum, "url": server.url(), "validator": None, "size": len(CONTENT)}
    (tmp_path / ".set.tar.gz.part.json").write_text(json.dumps(origin))
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.seen == []


@pytest.mark.parametrize("origin", ["", "[]", "{}", '{"checksum": "0", "url": "", "validator": null, "size": 9}'])
def test_bytes_of_unknown_origin_are_not_used(server, tmp_path, origin):
    (tmp_path / ".set.tar.gz.part").write_bytes(b"whatever")
    (tmp_path / ".set.tar.gz.part.json").write_text(origin)
    server.answers = [rest()]
    assert fetch(published(server.url()), tmp_path).read_bytes() == CONTENT
    assert server.ranges() == [None]


def test_server_that_ignores_ranges(server, tmp_path):
    server.answers = [broken_off(HALF), whole()]
    assert fetch(published(server.url()), tmp_path, pause=_Pause()).read_bytes() == CONTENT
    assert server.ranges()[1] is not None


def test_server_that_ignores_ranges_and_always_breaks_off(server, tmp_path):
    server.answers = [broken_off(HALF)]
    pause = _Pause()
    assert "broke off" in fails(published(server.url()), tmp_path, pause)
    assert pause == [1, 2, 4, 8, 16]
    assert len(server.seen) == fetching.ATTEMPTS


def test_file_that_changes_between_attempts(server, tmp_path):
    old = bytes(len(CONTENT))
    server.answers = [broken_off(HALF, old, ETag='"old"'), rest(ETag='"new"')]
    assert fetch(published(server.url()), tmp_path, pause=_Pause()).read_bytes() == CONTENT
    assert len(server.seen) == 2


def test_file_that_changes_at_a_server_that_ignores_if_range(server, tmp_path, capsys):
    def careless(handler: _Handler) -> None:
        del handler.headers["If-Range"]
        rest(ETag='"new"')(handler)

    old = bytes(len(CONTENT))
    server.answers = [broken_off(HALF, old, ETag='"old"'), careless]
    assert fetch(published(server.url()), tmp_path, pause=_Pause()).read_bytes() == CONTENT
    assert "another version than before" in capsys.readouterr().err
    assert [asked is None for asked in server.ranges()] == [True, False, True]


def test_file_that_changes_unnoticed_is_fetched_again_in_one_piece(server, tmp_path):
    old = bytes(len(CONTENT))
    server.answers = [broken_off(HALF, old), rest(), whole()]
    assert fetch(published(server.url()), tmp_path, pause=_Pause()).read_bytes() == CONTENT
    assert [asked is None for asked in server.ranges()] == [True, False, True]


def test_file_that_changes_unnoticed_between_runs(server, tmp_path):
    file = published(server.url())
    server.answers = [broken_off(HALF, bytes(len(CONTENT))), status(404)]
    fails(file, tmp_path)
    server.answers = [rest()]
    server.seen.clear()
    assert fetch(file, tmp_path, pause=_Pause()).read_bytes() == CONTENT
    assert [asked is None for asked in server.ranges()] == [False, True]


def test_range_that_cannot_be_satisfied(server, tmp_path):
    server.answers = [broken_off(HALF), status(416), whole()]
    assert fetch(published(server.url()), tmp_path, pause=_Pause()).read_bytes() == CONTENT


def test_chunked_without_length(server, tmp_path):
    def chunked(handler: _Handler) -> None:
        handler.head(200, None, Transfer_Encoding="chunked")
        for start in range(0, len(CONTENT), 100_000):
            chunk = CONTENT[start : start + 100_000]
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    server.answers = [chunked]
    assert fetch(published(server.url()), tmp_path).read_bytes() == CONTENT


def test_compression_that_is_named_an_encoding_is_kept(server, tmp_path):
    server.answers = [whole(Content_Encoding="x-gzip")]
    assert fetch(published(server.url()), tmp_path).read_bytes() == CONTENT
    assert server.seen[0][1]["Accept-Encoding"] == "identity"


def test_slow_server(server, tmp_path):
    server.answers = [stuck(0), stuck(HALF), rest()]
    assert fetch(published(server.url()), tmp_path, pause=_Pause(), timeout=QUICK).read_bytes() == CONTENT
    assert len(server.seen) == 3


def test_wrong_bytes_are_fetched_once(server, tmp_path):
    wrong = CONTENT[:-1] + b"!"
    server.answers = [whole(wrong)]
    assert hashlib.sha256(wrong).hexdigest() in fails(published(server.url()), tmp_path)
    assert len(server.seen) == 1
    assert {left.name for left in tmp_path.iterdir()} <= {".set.tar.gz.lock"}


def test_wrong_size_is_not_fetched(server, tmp_path):
    server.answers = [whole(CONTENT * 2)]
    assert f"{2 * len(CONTENT):,}" in fails(published(server.url(), size=len(CONTENT)), tmp_path)
    assert len(server.seen) == 1


def test_more_bytes_than_expected(server, tmp_path):
    def endless(handler: _Handler) -> None:
        handler.head(200, None)
        handler.wfile.write(CONTENT * 2)

    server.answers = [endless]
    assert "more than" in fails(published(server.url(), size=len(CONTENT)), tmp_path)


def test_web_page_instead_of_the_file(server, tmp_path):
    page = b"\n<!DOCTYPE html>\n<html><head><title>Please\n sign in</title></head></html>"
    server.answers = [whole(page, Content_Type="text/html")]
    assert "web page titled 'Please sign in'" in fails(published(server.url(), size=len(CONTENT)), tmp_path)
    assert len(server.seen) == 1


def test_redirect_is_followed(server, tmp_path):
    server.answers = [status(302, Location="/elsewhere"), whole()]
    assert fetch(published(server.url()), tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.seen] == ["/set.tar.gz", "/elsewhere"]


def test_redirect_to_a_missing_page_names_it(server, tmp_path):
    server.answers = [status(302, Location="/elsewhere"), status(404)]
    assert server.url("/elsewhere") in fails(published(server.url()), tmp_path)


def test_redirect_loop(server, tmp_path):
    server.answers = [status(302, Location="/set.tar.gz")]
    assert "redirects" in fails(published(server.url()), tmp_path)
    assert len(server.seen) == fetching.MOST_REDIRECTS + 1


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/set.tar.gz"])
def test_redirect_to_another_scheme(server, tmp_path, target):
    server.answers = [status(302, Location=target)]
    assert target in fails(published(server.url()), tmp_path)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("source", "target", "followed"),
    [
        ("https://a.org/x", "http://a.org/x", False),
        ("https://a.org/x", "//b.org/x", True),
        ("https://a.org/x", "https://b.org/x", True),
        ("http://a.org/x", "https://a.org/x", True),
        ("http://a.org/x", "http://b.org/x", True),
    ],
)
def test_redirects_never_lead_down_to_http(source, target, followed):
    response = requests.Response()
    response.status_code, response.url, response.headers["Location"] = 302, source, target
    session = fetching._Session()
    if followed:
        assert session.get_redirect_target(response) == target
    else:
        with pytest.raises(fetching._Failure):
            session.get_redirect_target(response)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 416])
def test_client_errors_are_final(server, tmp_path, code):
    server.answers = [status(code)]
    assert str(code) in fails(published(server.url()), tmp_path)
    assert len(server.seen) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_other_errors_are_tried_again(server, tmp_path, code):
    server.answers = [status(code), status(code, Retry_After="7"), status(code, Retry_After="9999"), whole()]
    pause = _Pause()
    assert fetch(published(server.url()), tmp_path, pause=pause).read_bytes() == CONTENT
    assert pause == [1, 7, fetching.LONGEST_WAIT]


def test_nobody_answers(tmp_path, server):
    address = server.url()
    server.socket.close()
    pause = _Pause()
    assert "refused" in fails(published(address), tmp_path, pause)
    assert pause == [1, 2, 4, 8, 16]


def test_server_without_certificate(server, tmp_path):
    pause = _Pause()
    assert "no trustworthy connection" in fails(published(server.url().replace("http:", "https:")), tmp_path, pause)
    assert pause == []


@pytest.mark.parametrize("address", ["nowhere", "ftp://127.0.0.1/set.tar.gz", "http://"])
def test_address_that_is_none(tmp_path, address):
    pause = _Pause()
    fails(published(address), tmp_path, pause)
    assert pause == []


def test_every_mirror_is_named(server, tmp_path):
    server.answers = [status(404), status(403)]
    message = fails(published(server.url("/a"), server.url("/b")), tmp_path)
    assert message.index("/a gave 404") < message.index("/b gave 403")


def test_without_address(tmp_path):
    with pytest.raises(UserError, match="no public address"):
        fetch(published(), tmp_path)


@pytest.mark.parametrize(("size", "requests_made"), [(len(CONTENT), 0), (None, 1)])
def test_disk_too_small(server, tmp_path, monkeypatch, size, requests_made):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, len(CONTENT) - 1))
    server.answers = [whole()]
    with pytest.raises(UserError, match="free") as error:
        fetch(published(server.url(), size=size), tmp_path)
    assert str(tmp_path) in str(error.value)
    assert len(server.seen) == requests_made
    assert not (tmp_path / "set.tar.gz").exists()


def test_disk_that_fills_up(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    server.answers = [whole()]
    monkeypatch.setattr(fetching._Partial, "append", full)
    with pytest.raises(UserError, match="No space left"):
        fetch(published(server.url()), tmp_path)


def test_root_that_is_a_file(tmp_path):
    (tmp_path / "root").write_text("")
    with pytest.raises(UserError, match="root"):
        fetch(published("http://127.0.0.1:9/set.tar.gz"), tmp_path / "root")


def test_two_runs_at_once_fetch_once(server, tmp_path):
    asked, go_on = threading.Event(), threading.Event()

    def held(handler: _Handler) -> None:
        asked.set()
        go_on.wait(5)
        whole()(handler)

    server.answers = [held]
    file = published(server.url())
    found: list[Path] = []
    runs = [threading.Thread(target=lambda: found.append(fetch(file, tmp_path))) for _ in range(2)]
    runs[0].start()
    assert asked.wait(5)
    runs[1].start()
    go_on.set()
    for run in runs:
        run.join()
    assert found == [tmp_path / "set.tar.gz"] * 2
    assert len(server.seen) == 1


def test_by_hand_says_what_from_where_and_into_which_folder(tmp_path):
    annotations = RemoteFile("annotations.mat", (), "0" * 32, 1_234_567)
    error = by_hand(
        "Stanford Cars",
        ["its address is gone"],
        ["https://mirror.org/cars"],
        tmp_path,
        [annotations, "cars_train/*.jpg (8,144 photos)"],
    )
    assert isinstance(error, UserError)
    assert str(error).splitlines() == [
        "Stanford Cars cannot be fetched:",
        "  its address is gone",
        "Fetch it by hand",
        "  from https://mirror.org/cars",
        f"  into {tmp_path}",
        f"  as   annotations.mat (md5 {'0' * 32}, 1,234,567 bytes)",
        "  as   cars_train/*.jpg (8,144 photos)",
        "then run the same command again.",
    ]


@pytest.mark.parametrize(("name", "checksum"), [("a/b", "0" * 32), ("..", "0" * 32), ("a", "0" * 31), ("a", "A" * 32)])
def test_remote_file_is_well_formed(name, checksum):
    with pytest.raises(ValueError, match=r"file name|checksum"):
        RemoteFile(name, (), checksum)
