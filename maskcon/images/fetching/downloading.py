"""Files fetched from the web into a folder: whole and right, or not there.

    archive = RemoteFile("cifar-100-python.tar.gz", "https://...", "eb9058c3a382ffc7106e4002c42a8d85")
    path = fetch(archive, root)

A file that a person has put into the folder is checked and used; ``lying_in`` finds it in folders too. pooch checks
what comes and moves it into place; the download itself is ours, since pooch begins again from the first byte when one
breaks off, and the larger sets have tens of gigabytes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
from filelock import FileLock
from urllib3.exceptions import HTTPError

from maskcon import __version__
from maskcon.images.packed.image_set import require_space
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import never_through_a_link
from maskcon.runtime.progress import progress_bar

DEPTH = 3  # folders that a mirror's archive may be wrapped in
ATTEMPTS = 5  # in a row that bring no new byte
TIMEOUT = (10.0, 60.0)  # seconds: until connected, and between two blocks
BLOCK = 1 << 16  # bytes
TRY_AGAIN = (408, 429, 500, 502, 503, 504)  # answers after which the next attempt may go better

pooch.get_logger().setLevel("WARNING")  # what is fetched is said here


@dataclass(frozen=True)
class RemoteFile:
    """A published file."""

    name: str  # in the folder that it is fetched into
    url: str  # empty where only a person can fetch it
    checksum: str  # md5 or SHA-256 as published, hexadecimal

    @property
    def algorithm(self) -> str:
        return "md5" if len(self.checksum) == 32 else "sha256"

    def __str__(self) -> str:
        return f"{self.name} ({self.algorithm} {self.checksum})"


def fetch(file: RemoteFile, root: Path) -> Path:
    """The path of ``file`` in ``root``, fetched where it is not there yet.

    A download that broke off, in this call or in one before, goes on where it stopped.

    Raises:
        UserError: the file that is there has another checksum, the disk is full, or the address did not give the file:
            the message says what it gave and how to fetch it by hand.
    """
    path = present(file, root)
    if path is not None:
        return path
    partial = root / f".{file.name}.{file.checksum[:8]}.part"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{file.name}.lock"):  # two runs do not write to one partial file
            if partial.is_symlink():  # not made here
                partial.unlink()

            def download(url: str, output: str, _: object) -> None:
                _receive_all(url, partial, file.name)
                partial.replace(output)

            known = f"{file.algorithm}:{file.checksum}"
            return Path(pooch.retrieve(file.url, known, fname=file.name, path=root, downloader=download))
    except (requests.RequestException, HTTPError) as error:  # an OSError too
        raise by_hand(file.name, f"{file.url} gave {_told(error)}", file.url, root, [file]) from error
    except OSError as error:
        raise UserError(
            f"cannot write {file.name} into {root}: {error.strerror or error}; free some space or make the folder "
            "writable, then run the same command again: it goes on where it stopped"
        ) from error
    except ValueError as error:  # pooch's word for another checksum; what came is removed
        raise by_hand(file.name, f"{file.url} gave another file: {error}", file.url, root, [file]) from error


def present(file: RemoteFile, root: Path) -> Path | None:
    """The path of ``file`` in ``root`` with its checksum checked, or None where it is not there.

    Raises:
        UserError: it is another file, or cannot be read.
    """
    path = root / file.name
    if not path.exists():
        return None
    try:
        digest = pooch.file_hash(path, alg=file.algorithm)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; it should be the file {file}") from error
    if digest != file.checksum:
        remedy = "remove it to have it fetched again" if file.url else "replace it"
        raise UserError(
            f"{path} is damaged or another version: it has {path.stat().st_size:,} bytes and {file.algorithm} "
            f"{digest}, expected {file}; {remedy}"
        )
    return path


def lying_in(root: Path, name: str) -> Path | None:
    """The file or folder of that name in ``root`` or in folders in it, the least deep one; None where there is none."""
    found = (path for depth in range(DEPTH + 1) for path in sorted(root.glob("*/" * depth + name)))
    return next(found, None)


def by_hand(what: str, reason: str, source: str, root: Path, contents: Sequence[RemoteFile | str]) -> UserError:
    """The error for what no program can fetch, saying what a person has to do.

    Args:
        what: name of the set or file.
        reason: why it cannot be fetched.
        source: where a person finds it.
        root: the folder that it belongs into.
        contents: what the folder must hold: files, or lines like "cars_train/*.jpg".
    """
    lines = [f"{what} cannot be fetched: {reason}", "Fetch it by hand", f"  from {source}", f"  into {root.absolute()}"]
    return UserError("\n".join([*lines, *(f"  as   {one}" for one in contents), "then run the same command again."]))


def _receive_all(url: str, partial: Path, name: str) -> None:
    """Attempts to fill ``partial``, with growing waits, for as long as they bring new bytes."""
    fruitless = 0
    while True:
        before = _size(partial)
        try:
            return _receive(url, partial, name)
        except (requests.RequestException, HTTPError) as error:
            fruitless = 0 if _size(partial) > before else fruitless + 1
            if not _may_go_better(error) or fruitless == ATTEMPTS:
                raise
            print(f"{name}: {_told(error)}; next attempt in {2**fruitless} s", flush=True)
            time.sleep(2**fruitless)


def _receive(url: str, partial: Path, name: str) -> None:
    """One request for the bytes that ``partial`` lacks."""
    done = _size(partial)
    print(f"fetching {name} from {url}" + (f", from byte {done:,} on" if done else ""), flush=True)
    headers = {"User-Agent": f"maskcon/{__version__}", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and done:
            partial.unlink()  # of another version, or whole
            return _receive(url, partial, name)
        response.raise_for_status()
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise requests.RequestException("a web page", response=response)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            done = 0  # the server sends all of it
        length = int(response.headers.get("Content-Length", 0))
        require_space(partial.parent, length)
        with (
            open(partial, "ab" if done else "wb", opener=never_through_a_link) as opened,
            progress_bar(name, done + length, done, "B") as bar,
        ):
            # Not decoded: some servers take the .gz of a name for an encoding, which would be undone on the way.
            for block in response.raw.stream(BLOCK, decode_content=False):
                opened.write(block)
                bar.update(len(block))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _may_go_better(error: Exception) -> bool:
    response = getattr(error, "response", None)
    return response is None or response.status_code in TRY_AGAIN


def _told(error: Exception) -> str:
    """What an address gave in place of the file, in a few words."""
    if isinstance(error, requests.HTTPError):
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "nothing in time"
    if isinstance(error, HTTPError):
        return "a connection that broke off"
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return f"no answer ({getattr(cause, 'strerror', None) or cause})" if cause is not error else str(error)
