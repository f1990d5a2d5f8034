"""Many photos decoded to one size, by all cores, into a file that an interruption leaves usable.

    decoded = decode_photos(paths, 256, 256, scratch)
    for chunk in decoded.chunks(rows): ...                # uint8 [b, 256, 256, 3], of any rows in any order

Every process decodes a block of photos at a time and writes the pixels to their place in the file; once the block is
on disk a line of the journal says so, and a decoding that is begun again leaves out what the journal holds.
"""

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskcon.images.packed.image_set import require_space
from maskcon.images.packed.packing_progress import PackingProgress
from maskcon.images.reading import photo
from maskcon.images.reading.photo import BadPhoto, read_photo
from maskcon.runtime.atomic_files import write_text

BLOCK = 100  # photos
CHUNK = 256  # images handed on at a time
FEW = 300  # photos below which starting processes takes longer than it saves
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of Linux


@dataclass(frozen=True)
class Decoded:
    """N photos at one size, in a file."""

    file: Path
    height: int
    width: int
    own_sizes: np.ndarray  # int64 [N, 2]: width and height of each photo itself; 0 where it is bad
    faults: dict[int, str]  # row of a photo that cannot be read -> why

    def chunks(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """The photos ``rows``, int64 [n], in that order, as uint8 [b, height, width, 3]."""
        size = self.height * self.width * 3
        with open(self.file, "rb") as file:
            for start in range(0, len(rows), CHUNK):
                places = rows[start : start + CHUNK]
                chunk = np.empty((len(places), self.height, self.width, 3), np.uint8)
                for image, row in zip(chunk, places, strict=True):
                    file.seek(int(row) * size)
                    file.readinto(image)
                yield chunk


def decode_photos(
    paths: Sequence[Path | str],
    height: int,
    width: int,
    scratch: Path,
    title: str = "decoding",
    processes: int | None = None,
) -> Decoded:
    """Decode ``paths`` to ``height`` x ``width``; goes on where an interrupted decoding of the same files stopped.

    Args:
        paths: text takes a third of the memory of paths, which counts for half a million.
        scratch: folder of its own for the pixels, which ``Decoded`` reads from.
        processes: as many as there are cores, unless said otherwise.

    Raises:
        UserError: the disk has no room for the pixels.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    pixels, journal = scratch / "pixels", scratch / "journal"
    _begin(scratch, _identity(paths, height, width), len(paths) * height * width * 3)

    done = dict(_read_journal(journal))
    blocks = [range(start, min(start + BLOCK, len(paths))) for start in range(0, len(paths), BLOCK)]
    missing = [block for block in blocks if block.start not in done]
    progress = PackingProgress(title, len(paths), sum(len(block) for block in blocks if block.start in done))
    processes = min(processes or len(os.sched_getaffinity(0)), len(missing))
    work = ((paths[block.start : block.stop], block.start, height, width, pixels) for block in missing)
    several = processes > 1 and len(missing) * BLOCK > FEW
    with _executor(processes) if several else nullcontext() as executor, open(journal, "a") as lines:
        for start, results in _results(work, executor):
            lines.write(json.dumps([start, results]) + "\n")
            lines.flush()
            done[start] = results
            progress.add(len(results))
    progress.sum_up()

    results = [result for block in blocks for result in done[block.start]]
    return Decoded(
        pixels,
        height,
        width,
        own_sizes=np.array([result if isinstance(result, list) else [0, 0] for result in results]).reshape(-1, 2),
        faults={row: result for row, result in enumerate(results) if isinstance(result, str)},
    )


def decode_block(
    paths: Sequence[Path | str], start: int, height: int, width: int, pixels: Path
) -> tuple[int, list[list[int] | str]]:
    """Decode photos to their places in the file, from row ``start`` on.

    Returns:
        ``start``, and for each photo its own width and height, or why it cannot be read.
    """
    results: list[list[int] | str] = []
    with open(pixels, "r+b") as file:
        file.seek(start * height * width * 3)
        for path in paths:
            try:
                read = read_photo(Path(path), height, width)
            except BadPhoto as fault:
                results.append(str(fault))
                file.seek(height * width * 3, os.SEEK_CUR)
            else:
                results.append([read.width, read.height])
                file.write(np.ascontiguousarray(read.pixels))
    return start, results


def _begin(scratch: Path, identity: str, size: int) -> None:
    """Make the file of pixels, unless it is there from a decoding of the same photos."""
    mark = scratch / "identity"
    if mark.is_file() and mark.read_text() == identity:
        return
    for old in (mark, scratch / "journal", scratch / "pixels"):
        old.unlink(missing_ok=True)
    require_space(scratch, size)
    with open(scratch / "pixels", "wb") as file:
        file.truncate(size)
    write_text(mark, identity)


def _identity(paths: Sequence[Path | str], height: int, width: int) -> str:
    """SHA-256 of what decides the pixels: the files by name, size and time, the size asked for, and this code.

    And of when the machine was started: a machine that breaks down may lose pixels that the journal holds for written.
    """
    started = BOOT_ID.read_text() if BOOT_ID.exists() else ""
    digest = hashlib.sha256(repr((height, width, started)).encode())
    for code in (__file__, photo.__file__):
        digest.update(Path(code).read_bytes())
    for path in paths:
        state = os.stat(path) if os.path.exists(path) else None
        digest.update(repr((os.fsencode(path), state and (state.st_size, state.st_mtime_ns))).encode())
    return digest.hexdigest()


def _read_journal(journal: Path) -> Iterator[tuple[int, list]]:
    """Blocks that are done; a last line that was cut off is not."""
    if journal.is_file():
        whole = journal.read_bytes().rpartition(b"\n")[0]
        yield from (tuple(json.loads(line)) for line in whole.splitlines())
        os.truncate(journal, len(whole) + 1 if whole else 0)


def _results(work: Iterable[tuple], executor: Executor | None) -> Iterator[tuple[int, list]]:
    if executor is None:
        yield from (decode_block(*arguments) for arguments in work)
        return
    futures: list[Future] = [executor.submit(decode_block, *arguments) for arguments in work]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _executor(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _end_with_parent)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work for ever."""

    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
