"""Files fetched from the web into a folder: whole and right, or not there.

    archive = RemoteFile("cifar-100-python.tar.gz", ("https://...",), "eb9058c3a382ffc7106e4002c42a8d85", 169_001_437)
    path = fetch(archive, root)

A file that a person has put into the folder is checked and used, and nothing is fetched. This stands on requests rather
than on pooch, since pooch begins again from the first byte when a download breaks off, and the larger sets have tens of
gigabytes.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path, PurePath
from urllib.parse import urljoin, urlsplit

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm
from urllib3.exceptions import HTTPError as TransferError
from urllib3.exceptions import ReadTimeoutError

from maskcon import __version__
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_json

ATTEMPTS = 6  # in a row that bring no new byte
FIRST_WAIT = 1.0  # seconds before the second attempt; doubled after each
LONGEST_WAIT = 60.0  # seconds, whatever the server asks for
TIMEOUT = (10.0, 60.0)  # seconds: until connected, and between two blocks
MOST_REDIRECTS = 10
BLOCK = 1 << 16  # bytes
WEB_PAGE_STARTS = (b"<!doctype html", b"<html")


@dataclass(frozen=True)
class RemoteFile:
    """A published file."""

    name: str  # in the folder that it is fetched into
    urls: tuple[str, ...]  # tried in this order; empty where only a person can fetch it
    checksum: str  # md5 or SHA-256 as published, hexadecimal
    size: int | None = None  # bytes

    def __post_init__(self):
        if PurePath(self.name).name != self.name or self.name in ("", ".."):
            raise ValueError(f"{self.name!r} must be a file name without folders")
        if not re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}", self.checksum):
            raise ValueError(f"checksum of {self.name} must be an md5 or SHA-256 in lower case hexadecimal digits")

    @property
    def algorithm(self) -> str:
        return "md5" if len(self.checksum) == 32 else "sha256"

    def __str__(self) -> str:
        return f"{self.name} ({self.algorithm} {self.checksum}{f', {self.size:,} bytes' if self.size else ''})"


def fetch(
    file: RemoteFile,
    root: Path,
    *,
    pause: Callable[[float], None] = time.sleep,
    timeout: tuple[float, float] = TIMEOUT,
) -> Path:
    """The path of ``file`` in ``root``, fetched where it is not there yet.

    A download that broke off, in this call or in one before, goes on where it stopped.

    Args:
        pause: called with the seconds to wait before the next attempt.
        timeout: seconds until connected, and between two blocks.

    Raises:
        UserError: the file that is there has another checksum, the disk lacks space, or no address gave the right
            file: the message says what each gave and how to fetch it by hand.
    """
    path = present(file, root)
    if path is not None:
        return path
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _lock(file, root):
            return present(file, root) or _download(file, root, pause, timeout)
    except OSError as error:
        raise UserError(
            f"cannot write {file.name} into {root}: {error.strerror or error}; free some space or make the folder "
            "writable, then run the same command again: it goes on where it stopped"
        ) from error


def present(file: RemoteFile, root: Path) -> Path | None:
    """The path of ``file`` in ``root`` with its checksum checked, or None where it is not there.

    Raises:
        UserError: it is another file, or cannot be read.
    """
    path = root / file.name
    if not path.exists():
        return None
    digest = _new_digest(file)
    try:
        with open(path, "rb") as opened, _bar(f"checking {file.name}", path.stat().st_size) as bar:
            for block in iter(lambda: opened.read(BLOCK), b""):
                digest.update(block)
                bar.update(len(block))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; it should be the file {file}") from error
    if digest.hexdigest() != file.checksum:
        remedy = "remove it to have it fetched again" if file.urls else "replace it"
        raise UserError(
            f"{path} is damaged or another version: it has {path.stat().st_size:,} bytes and {file.algorithm} "
            f"{digest.hexdigest()}, expected {file}; {remedy}"
        )
    return path


def by_hand(
    what: str, reasons: Sequence[str], sources: Sequence[str], root: Path, contents: Sequence[RemoteFile | str]
) -> UserError:
    """The error for what no program can fetch, saying what a person has to do.

    Args:
        what: name of the set or file.
        reasons: why it cannot be fetched, a line each.
        sources: addresses where a person finds it, a line each.
        root: the folder that it belongs into.
        contents: what the folder must hold: files, or lines like "cars_train/*.jpg".
    """
    lines = [f"{what} cannot be fetched:", *(f"  {reason}" for reason in reasons), "Fetch it by hand"]
    lines += [f"  from {source}" for source in sources]
    lines += [f"  into {root.absolute()}", *(f"  as   {content}" for content in contents)]
    return UserError("\n".join([*lines, "then run the same command again."]))


class _Failure(Exception):
    """An address did not give the file; the message says what it gave instead."""

    def __init__(self, got: str, again: bool = False, wait: float = 0.0):
        super().__init__(got)
        self.again = again  # whether the next attempt may go better
        self.wait = wait  # seconds that the server asks for


class _Session(requests.Session):
    """Follows redirects over http and https alone, and never from https down to http."""

    def __init__(self):
        super().__init__()
        self.max_redirects = MOST_REDIRECTS
        self.headers["User-Agent"] = f"maskcon/{__version__}"
        self.headers["Accept-Encoding"] = "identity"  # ranges and checksum are those of the file itself

    def get_redirect_target(self, response: requests.Response) -> str | None:
        target = super().get_redirect_target(response)
        if target is not None:
            scheme = urlsplit(urljoin(response.url, target)).scheme
            if scheme != "https" and (scheme != "http" or response.url.startswith("https:")):
                raise _Failure(f"a redirect to {target}, which is not followed from {response.url}")
        return target


@dataclass(frozen=True)
class _Origin:
    """Which version of a file the bytes received so far belong to."""

    checksum: str  # expected of the whole
    url: str
    validator: str | None  # strong ETag or Last-Modified
    size: int | None  # bytes of the whole


class _Partial:
    """The bytes received so far, in ``root`` under a temporary name, with their origin and running checksum."""

    def __init__(self, file: RemoteFile, root: Path):
        self.expected = file
        self.path = root / f".{file.name}.part"
        self.origin_path = root / f".{file.name}.part.json"
        self.origin: _Origin | None = None
        self.digest = _new_digest(file)
        self.size = 0  # bytes
        self.reached = 0  # bytes, the most there were before an attempt began anew
        self.pieces = 0  # responses that the bytes came from

    def __enter__(self) -> "_Partial":
        self.opened = open(self.path, "a+b")
        self.origin = self._read_origin()
        if self.origin is None:
            self.clear()
            return self
        self.pieces = 1
        self.opened.seek(0)
        for block in iter(lambda: self.opened.read(BLOCK), b""):
            self._count(block)
        return self

    def __exit__(self, *_):
        self.opened.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)
            self.origin_path.unlink(missing_ok=True)

    def _read_origin(self) -> _Origin | None:
        try:
            origin = _Origin(**json.loads(self.origin_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return origin if origin.checksum == self.expected.checksum else None

    def _count(self, block: bytes) -> None:
        self.digest.update(block)
        self.size += len(block)
        self.reached = max(self.reached, self.size)

    @property
    def whole_size(self) -> int | None:
        return self.expected.size or (self.origin.size if self.origin else None)

    def clear(self) -> None:
        self.opened.truncate(0)
        self.digest = _new_digest(self.expected)
        self.size = self.pieces = 0
        self.origin = None

    def begin(self, origin: _Origin) -> None:
        self.clear()
        self.origin = origin
        self.pieces = 1
        write_json(self.origin_path, asdict(origin))

    def append(self, block: bytes) -> None:
        self.opened.write(block)
        self._count(block)

    def range_headers(self, url: str) -> dict[str, str]:
        """What asks for the missing bytes alone, where it can be told that they belong to the same version."""
        if self.size == 0 or (self._validator(url) is None and self.whole_size is None):
            return {}
        headers = {"Range": f"bytes={self.size}-"}
        if self._validator(url) is not None:
            headers["If-Range"] = self._validator(url)
        return headers

    def continued_by(self, url: str, response: requests.Response) -> bool:
        """Whether a response of status 206 brings the bytes after those received, of the same version."""
        content_range = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if content_range is None or int(content_range[1]) != self.size:
            return False
        same_size = content_range[2] == "*" or self.whole_size in (None, int(content_range[2]))
        same_version = self._validator(url) is None or _validator(response) in (None, self._validator(url))
        return same_size and same_version

    def _validator(self, url: str) -> str | None:
        return self.origin.validator if self.origin and self.origin.url == url else None

    def check(self) -> None:
        """Raise the failure where the bytes are not the file."""
        if self.whole_size is not None and self.size < self.whole_size:
            raise _Failure(f"only {self.size:,} of {self.whole_size:,} bytes", again=True)
        if self.digest.hexdigest() == self.expected.checksum:
            return
        got = f"wrong bytes: {self.expected.algorithm} {self.digest.hexdigest()}, {self.size:,} bytes"
        put_together = self.pieces > 1  # perhaps of two versions: fetched in one piece it may be right
        self.clear()
        raise _Failure(got, again=put_together)

    def move_to(self, path: Path) -> Path:
        self.opened.flush()
        os.fsync(self.opened.fileno())
        os.replace(self.path, path)
        self.origin_path.unlink(missing_ok=True)
        return path


def _download(file: RemoteFile, root: Path, pause: Callable[[float], None], timeout: tuple[float, float]) -> Path:
    failures = []
    with _Session() as session, _Partial(file, root) as partial:
        _require_space(partial)
        for url in file.urls:
            try:
                _fetch_from(url, session, partial, pause, timeout)
                return partial.move_to(root / file.name)
            except _Failure as failure:
                failures.append(f"{url} gave {failure}")
    raise by_hand(file.name, failures or ["it has no public address"], file.urls, root, [file])


def _fetch_from(
    url: str, session: _Session, partial: _Partial, pause: Callable[[float], None], timeout: tuple[float, float]
) -> None:
    """Attempts at one address, with growing waits, for as long as they bring new bytes."""
    name = partial.expected.name
    if not sys.stderr.isatty():
        print(f"fetching {name} from {url}" + (f", from byte {partial.size:,} on" if partial.size else ""), flush=True)
    reached, fruitless = partial.reached, 0
    while True:
        try:
            return _attempt(url, session, partial, timeout)
        except _Failure as failure:
            fruitless = 1 if partial.reached > reached else fruitless + 1
            reached = partial.reached
            if not failure.again or fruitless == ATTEMPTS:
                raise
            wait = min(max(FIRST_WAIT * 2 ** (fruitless - 1), failure.wait), LONGEST_WAIT)
            print(f"{name}: {failure}; next attempt in {wait:.0f} s", file=sys.stderr, flush=True)
            pause(wait)


def _attempt(url: str, session: _Session, partial: _Partial, timeout: tuple[float, float]) -> None:
    """One request for all that is missing."""
    if partial.size == 0 or partial.size != partial.whole_size:
        try:
            headers = partial.range_headers(url)
            with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
                _receive(_missing_blocks(url, response, partial), partial)
        except (requests.RequestException, TransferError) as error:
            raise _failure_of(error, partial, timeout) from error
    partial.check()


def _missing_blocks(url: str, response: requests.Response, partial: _Partial) -> Iterator[bytes]:
    """The body of a response that brings what is missing, once its head and first bytes look right."""
    # Not decoded: some servers take the .gz of a name for an encoding, which would be undone on the way.
    blocks = response.raw.stream(BLOCK, decode_content=False)
    if response.status_code == requests.codes.partial and partial.size:
        if not partial.continued_by(url, response):
            partial.clear()
            raise _Failure("another version than before", again=True)
        partial.pieces += 1
    elif response.status_code == requests.codes.ok:
        blocks = _from_the_start(url, response, blocks, partial)
    elif response.status_code == requests.codes.requested_range_not_satisfiable and partial.size:
        partial.clear()
        raise _Failure("no more bytes", again=True)
    else:
        raise _failure_of_status(response)
    _require_space(partial)
    return blocks


def _from_the_start(
    url: str, response: requests.Response, blocks: Iterator[bytes], partial: _Partial
) -> Iterator[bytes]:
    first = next(blocks, b"")
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() else None
    if first.lstrip().lower().startswith(WEB_PAGE_STARTS):
        raise _Failure(f"a web page{_title(first)} instead of the file{_redirected(url, response)}")
    if size is not None and partial.expected.size not in (None, size):
        raise _Failure(f"a file of {size:,} bytes{_redirected(url, response)}")
    partial.begin(_Origin(partial.expected.checksum, url, _validator(response), size))
    return chain([first], blocks)


def _receive(blocks: Iterator[bytes], partial: _Partial) -> None:
    most = partial.whole_size
    with _bar(partial.expected.name, most, partial.size) as bar:
        for block in blocks:
            partial.append(block)
            bar.update(len(block))
            if most is not None and partial.size > most:
                partial.clear()
                raise _Failure(f"more than the expected {most:,} bytes")


def _failure_of_status(response: requests.Response) -> _Failure:
    status = response.status_code
    again = status in (requests.codes.request_timeout, requests.codes.too_many_requests) or status >= 500
    asked = response.headers.get("Retry-After", "")
    where = _redirected(response.history[0].url, response) if response.history else ""
    return _Failure(f"{status} {response.reason}{where}", again, float(asked) if asked.isdecimal() else 0.0)


def _failure_of(error: Exception, partial: _Partial, timeout: tuple[float, float]) -> _Failure:
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    reason = getattr(cause, "strerror", None) or str(cause)
    match error:
        case requests.TooManyRedirects():
            return _Failure(f"more than {MOST_REDIRECTS} redirects, a loop")
        case requests.exceptions.SSLError():
            return _Failure(f"no trustworthy connection ({reason})")
        case requests.ConnectTimeout():
            return _Failure(f"no connection within {timeout[0]:g} s", again=True)
        case requests.Timeout() | ReadTimeoutError():
            return _Failure(f"nothing for {timeout[1]:g} s after {partial.size:,} bytes", again=True)
        case requests.ConnectionError():
            return _Failure(f"no connection ({reason})", again=True)
        case requests.exceptions.ChunkedEncodingError() | TransferError():
            return _Failure(f"a connection that broke off after {partial.size:,} bytes", again=True)
    return _Failure(f"no answer ({reason})")


def _validator(response: requests.Response) -> str | None:
    """What names the version of a file: a strong ETag, or else the time of its last change (RFC 9110, 13.1.5)."""
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


def _title(page: bytes) -> str:
    title = re.search(rb"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    words = " ".join(title[1].decode("utf-8", "replace").split()) if title else ""
    return f" titled {words[:80]!r}" if words else ""


def _redirected(url: str, response: requests.Response) -> str:
    return f" (redirected to {response.url})" if response.url != url else ""


def _require_space(partial: _Partial) -> None:
    """Raise a UserError where the missing bytes do not fit on the disk."""
    if partial.whole_size is None:
        return
    missing = partial.whole_size - partial.size
    free = shutil.disk_usage(partial.path.parent).free
    if missing > free:
        raise UserError(
            f"{partial.expected.name} needs {missing / 1e9:,.3f} GB more in {partial.path.parent.absolute()}, where "
            f"{free / 1e9:,.3f} GB are free; free some, or name a folder on another disk as data.root"
        )


@contextmanager
def _lock(file: RemoteFile, root: Path) -> Iterator[None]:
    """Two runs do not write to one partial file: the second waits."""
    lock = FileLock(root / f".{file.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{file.name} is being fetched by another run: waiting for it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _new_digest(file: RemoteFile):
    return hashlib.new(file.algorithm, usedforsecurity=False)


def _bar(title: str, total: int | None, done: int = 0) -> tqdm:
    return tqdm(
        desc=title, total=total, initial=done, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), leave=False
    )
