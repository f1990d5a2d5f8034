"""Make a folder of photos to try things on, from CIFAR-10.

photos/train/animal/cat/0001.png: part, coarse class, fine class. The archive is fetched once, or found in data/source.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", choices=["cifar10"], help="where the photos come from")
    parser.add_argument("--to", type=Path, default=Path("photos"), metavar="FOLDER", help="where they go (%(default)s)")
    parser.add_argument("--train", type=int, default=5000, metavar="N", help="of each class (%(default)s, all)")
    parser.add_argument("--test", type=int, default=1000, metavar="N", help="of each class (%(default)s, all)")


def main(arguments: argparse.Namespace) -> None:
    from maskcon.images.reading.cifar10_photos import write_photos

    count = write_photos(Path("data/source"), arguments.to, {"train": arguments.train, "test": arguments.test})
    print(f"{arguments.to}: {count:,} photos; train on them with: ", end="")
    print(f'make params SET="recipe=small_photos data.root={arguments.to.resolve()}" && make repro')
