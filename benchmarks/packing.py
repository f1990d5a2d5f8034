"""What packing costs, in seconds and memory, of inputs made up at their true size.

    python -m benchmarks.packing imagenet32 photos_32 photos_500 > benchmarks/results/packing.md

    imagenet32    two of the ten pickled batches of the downsampled ImageNet, 128,116 images each
    photos_32     50,000 JPEGs of 32 x 32 pixels in folders, packed as they are
    photos_500    5,000 JPEGs of 500 x 375 pixels in folders, packed at 256 x 256

Each is read and written as the stage coarse does it, in a process of its own, with as many decoding processes as there
are cores. Memory is the peak of the largest process, Python and its libraries included.
"""

import argparse
import contextlib
import multiprocessing
import pickle
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from ruamel.yaml import YAML
from tabulate import tabulate

from maskcon.images.packed.coarse_labels import label_part
from maskcon.images.packed.image_set import write_set
from maskcon.images.reading.planar_batches import listed, train_val_test
from maskcon.images.sources.folder import parts
from maskcon.parameters.model import FolderSet, PublishedSet

BATCH = 128_116  # images in one of ImageNet's batches
CHECKOUT = Path(__file__).resolve().parents[1]


def preset(name: str, kind: type, **changes):
    values = YAML(typ="safe").load((CHECKOUT / f"conf/data/{name}.yaml").read_text().replace("${.name}", name))
    values["coarse_map"] = str(CHECKOUT / values["coarse_map"])
    return kind.model_validate(values | changes)


def make_batches(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for number in (1, 2):
        pixels = generator.integers(0, 256, (BATCH, 3072), dtype=np.uint8)
        labels = generator.integers(1, 1001, BATCH).tolist()
        batch = {"data": pixels, "labels": labels, "mean": pixels[:100].mean(axis=0)}
        (folder / f"train_data_batch_{number}").write_bytes(pickle.dumps(batch, protocol=3))


def make_photos(folder: Path, number: int, width: int, height: int) -> None:
    """JPEGs of smooth noise in ten classes: ten different pictures, copied."""
    generator = np.random.default_rng(0)
    for place in range(10):
        small = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        named = folder / f"class {place}"
        named.mkdir()
        picture.save(named / "00000.jpg", quality=90)
        content = (named / "00000.jpg").read_bytes()
        for index in range(1, number // 10):
            (named / f"{index:05}.jpg").write_bytes(content)


def pack_batches(folder: Path, target: Path) -> int:
    data = preset("imagenet32", PublishedSet)
    rows = listed([folder / f"train_data_batch_{number}" for number in (1, 2)], "labels")
    rows["fine"] = rows["label"] - 1
    return _write(train_val_test(rows, rows[:0], data), data, target)


def pack_photos(folder: Path, target: Path, **changes) -> int:
    data = preset("folder", FolderSet, **changes)
    return _write(parts(folder, data, target / "scratch"), data, target)


def _write(made, data, target: Path) -> int:
    number = 0
    for split, part in made:
        labels = label_part(part.labels, Path(data.coarse_map))
        write_set(target / split, labels, part.images, *data.stored_size)
        number += len(labels)
    return number


PACKINGS: dict[str, tuple[Callable[[Path], None], Callable[[Path, Path], int]]] = {
    "imagenet32": (make_batches, pack_batches),
    "photos_32": (
        lambda folder: make_photos(folder, 50_000, 32, 32),
        lambda folder, target: pack_photos(folder, target, height=32, width=32, stored=None),
    ),
    "photos_500": (lambda folder: make_photos(folder, 5_000, 500, 375), pack_photos),
}


def make(name: str, folder: Path, _) -> None:
    """In a process of its own: the input."""
    PACKINGS[name][0](folder / "source")


def measure(name: str, folder: Path, send) -> None:
    """In a process of its own: images, seconds by the clock, seconds of processor, peak MB of the largest process."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):  # how far it is; the table alone is for the results
        number = PACKINGS[name][1](folder / "source", folder / "packed")
    seconds = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(one.ru_utime + one.ru_stime for one in used)
    send.send([f"{number:,}", f"{seconds:.1f}", f"{processor:.1f}", f"{max(one.ru_maxrss for one in used) / 1024:.0f}"])


def main(names: list[str]) -> None:
    rows = []
    for name in names:
        with TemporaryDirectory() as folder:
            (Path(folder) / "source").mkdir()
            receive, send = multiprocessing.Pipe(duplex=False)
            for work in (make, measure):  # apart from each other: the peak of a process counts for those it starts
                process = multiprocessing.get_context("spawn").Process(target=work, args=(name, Path(folder), send))
                process.start()
                process.join()
            rows.append([name, *receive.recv()])
    print(tabulate(rows, ["what", "images", "seconds", "processor seconds", "MB"], tablefmt="github"))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="+", choices=PACKINGS)
    main(arguments.parse_args().names)
