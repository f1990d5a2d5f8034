"""python -m benchmarks.scale: see benchmarks/scale/__init__.py."""

import argparse
import importlib.util
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import scale
from benchmarks.run import RESULTS, commit, device_name
from benchmarks.scale.drawing import draw
from benchmarks.scale.measuring import Row, in_own_process
from benchmarks.scale.table import as_markdown
from maskcon.images.packed.image_set import require_space
from maskcon.parameters.errors import mistakes_end_as_sentences
from maskcon.runtime.atomic_files import write_text

THOUSANDS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
MOST_BYTES = 2**30  # what a process that may not hold the set has for its work: 1 GiB
BYTES_AN_IMAGE = {"images": 2 * 3_150, "retrieval": 4 * 128 + 8 + 300}  # of disk: source and set; features and an index


@dataclass(frozen=True)
class Work:
    """A process, and where it is not to be measured."""

    function: str
    options: dict[str, Any] = field(default_factory=dict)
    most_bytes: int | None = None
    fewest: int = 0  # images
    most: int = 10**12
    package: str | None = None  # that it needs


@dataclass(frozen=True)
class Part:
    """What is measured one after the other on the same data."""

    make: str
    works: dict[str, Work]
    sizes: Sequence[int]


PARTS = {
    "images": Part(
        "benchmarks.scale.images:make",
        {
            "packing": Work("benchmarks.scale.images:pack"),
            "epoch, held": Work("benchmarks.scale.images:start", {"held": True}),
            "epoch, streamed": Work("benchmarks.scale.images:start", {"held": False}),
            "epoch, held, little memory": Work("benchmarks.scale.images:start", {"held": True}, MOST_BYTES),
            "epoch, streamed, little memory": Work("benchmarks.scale.images:start", {"held": False}, MOST_BYTES),
        },
        (*THOUSANDS, 1_281_167),
    ),
    "retrieval": Part(
        "benchmarks.scale.retrieval:make",
        {
            "exact": Work("benchmarks.scale.retrieval:exact"),
            "ivfpq": Work("benchmarks.scale.retrieval:by_index", {"kind": "ivfpq"}, fewest=16_384, package="faiss"),
            "hnsw": Work("benchmarks.scale.retrieval:by_index", {"kind": "hnsw"}, most=1_000_000, package="faiss"),
        },
        (*THOUSANDS, 10_000_000),
    ),
}


class Record:
    """The rows of a part in their file, in which each is as soon as it is measured."""

    def __init__(self, path: Path):
        self.path = path
        self.rows: list[Row] = pd.read_csv(path).to_dict("records") if path.exists() else []

    def has(self, work: str, images: int) -> bool:
        return any((row["work"], row["images"]) == (work, images) for row in self.rows)

    def add(self, row: Row) -> None:
        """In the place of an earlier one of the same."""
        key = row["work"], row["images"]
        self.rows = [other for other in self.rows if (other["work"], other["images"]) != key] + [row]
        write_text(self.path, pd.DataFrame(self.rows).to_csv(index=False, lineterminator="\n"))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=scale.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=PARTS, help="this part")
    parser.add_argument("--works", nargs="+", help="these processes of it")
    parser.add_argument("--sizes", nargs="+", type=int, help="these numbers of images, in the place of the part's own")
    parser.add_argument("--again", action="store_true", help="also what is recorded already")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".scratch/scale"), help="for data, while it is needed")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    arguments = parser.parse_args()

    for name in [] if arguments.draw else [arguments.only] if arguments.only else PARTS:
        measure_part(name, arguments)
    rows = [pd.DataFrame(Record(rows_path(arguments.results, name)).rows) for name in PARTS]
    write_text(arguments.results / "scale.md", as_markdown(*rows))
    draw(*rows, arguments.results / "scale.png")


def rows_path(results: Path, part: str) -> Path:
    return results / f"scale_{part}.csv"


def measure_part(name: str, arguments: argparse.Namespace) -> None:
    part, record = PARTS[name], Record(rows_path(arguments.results, name))
    for images in arguments.sizes or part.sizes:
        asked = [work for work in part.works if not arguments.works or work in arguments.works]
        missing = [work for work in asked if arguments.again or not record.has(work, images)]
        works = {work: part.works[work] for work in missing if can_be_measured(work, part.works[work], images)}
        if works:
            run = partial(in_own_process, threads=arguments.threads)
            measure_size(name, images, works, record, arguments.folder / f"{name}-{images}", run, arguments.threads)


def can_be_measured(name: str, work: Work, images: int) -> bool:
    if work.package and importlib.util.find_spec(work.package) is None:
        print(f"{name}: passed over, {work.package} is not installed: pip install -r requirements-search.txt")
        return False
    return work.fewest <= images <= work.most


def measure_size(
    part: str,
    images: int,
    works: dict[str, Work],
    record: Record,
    folder: Path,
    run: Callable[..., Row],
    threads: int,
) -> None:
    """Make the data, run each work on it, and remove it."""
    shutil.rmtree(folder, ignore_errors=True)
    require_space(folder, images * BYTES_AN_IMAGE[part])
    say(f"{part}, {images:,} images: making the data")
    try:
        run(PARTS[part].make, folder, {"images": images})
        needed = next(iter(PARTS[part].works))  # the others start from what the first one leaves
        if needed not in works:
            run(PARTS[part].works[needed].function, folder, PARTS[part].works[needed].options)
        for name, work in works.items():
            row = run(work.function, folder, work.options, most_bytes=work.most_bytes)
            about = {"limit": work.most_bytes and work.most_bytes / 2**20, "threads": threads}
            about |= {"load": round(os.getloadavg()[0], 2), "device": device_name("cpu"), "commit": commit()}
            record.add({"work": name, "images": images, **row, **about})
            say(f"    {name}: {row['status']}, {row['seconds']:.1f} s, {row['anonymous']:,.0f} MiB of its own")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    with mistakes_end_as_sentences():
        main()
