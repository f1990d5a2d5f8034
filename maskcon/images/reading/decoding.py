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
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskcon.images.packed.image_set import require_space
from maskcon.images.reading import photo
from maskcon.images.reading.photo import BadPhoto, read_photo
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import never_through_a_link, write_text
from maskcon.runtime.progress import progress_bar

BLOCK = 100  # photos
CHUNK = 256  # images handed on at a time
FEW = 300  # photos below which starting processes takes longer than it saves
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of Linux

Block = tuple[Sequence[Path | str], int, int, int, Path]  # paths, the row of the first, height, width, file of pixels
Result = list[int] | str  # a photo's own width and height, or why it cannot be read


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
        if len(rows):  # an empty file cannot be mapped
            pixels = np.memmap(self.file, np.uint8, "r").reshape(-1, self.height, self.width, 3)
            for start in range(0, len(rows), CHUNK):
                yield pixels[rows[start : start + CHUNK]]


def decode_photos(
    paths: Sequence[Path | str], height: int, width: int, scratch: Path, title: str = "decoding"
) -> Decoded:
    """Decode ``paths`` to ``height`` x ``width``; goes on where an interrupted decoding of the same files stopped.

    Args:
        paths: text takes a third of the memory of paths, which counts for half a million.
        scratch: folder of its own for the pixels, which ``Decoded`` reads from.

    Raises:
        UserError: the disk has no room for the pixels, or a process that decodes was killed.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    pixels, journal = scratch / "pixels", scratch / "journal"
    _begin(scratch, _identity(paths, height, width), len(paths) * height * width * 3)
    done = dict(_read_journal(journal))
    before = sum(map(len, done.values()))
    if before:
        print(f"{title}: {before:,} of {len(paths):,} images were done before", flush=True)
    missing = [
        (paths[start : start + BLOCK], start, height, width, pixels)
        for start in range(0, len(paths), BLOCK)
        if start not in done
    ]
    with open(journal, "a", opener=never_through_a_link) as lines, progress_bar(title, len(paths), before) as bar:
        for start, results in _decoded_blocks(missing):
            lines.write(json.dumps([start, results]) + "\n")
            lines.flush()
            done[start] = results
            bar.update(len(results))

    results = [result for start in sorted(done) for result in done[start]]
    return Decoded(
        pixels,
        height,
        width,
        own_sizes=np.array([[0, 0] if isinstance(result, str) else result for result in results]).reshape(-1, 2),
        faults={row: result for row, result in enumerate(results) if isinstance(result, str)},
    )


def decode_block(block: Block) -> tuple[int, list[Result]]:
    """Decode photos to their places in the file; gives back the row of the first and a result for each."""
    paths, start, height, width, pixels = block
    results: list[Result] = []
    with open(pixels, "r+b", opener=never_through_a_link) as file:
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
    mark, _, pixels = files = [scratch / name for name in ("identity", "journal", "pixels")]
    if mark.is_file() and mark.read_text() == identity and not any(file.is_symlink() for file in files):
        return
    for old in files:
        old.unlink(missing_ok=True)
    require_space(scratch, size)
    with open(pixels, "xb") as file:
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


def _read_journal(journal: Path) -> Iterator[tuple[int, list[Result]]]:
    """Blocks that are done; a last line that was cut off is not."""
    if journal.is_file():
        whole = journal.read_bytes().rpartition(b"\n")[0]
        yield from (tuple(json.loads(line)) for line in whole.splitlines())
        os.truncate(journal, len(whole) + 1 if whole else 0)


def _decoded_blocks(blocks: Sequence[Block]) -> Iterator[tuple[int, list[Result]]]:
    processes = min(len(os.sched_getaffinity(0)), len(blocks))
    if processes < 2 or len(blocks) * BLOCK <= FEW:
        yield from map(decode_block, blocks)
        return
    executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _end_with_parent)
    try:
        for future in as_completed([executor.submit(decode_block, block) for block in blocks]):
            yield future.result()
    except BrokenProcessPool:
        raise UserError(
            "a process that decodes photos was killed, perhaps since memory ran out; free some, then run the same "
            "command again: it goes on where it stopped"
        ) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work for ever."""

    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
