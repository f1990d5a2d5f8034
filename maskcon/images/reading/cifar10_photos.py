"""The official CIFAR-10 archive as a folder of photos: part/coarse/fine/NNNN.png."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from maskcon.images.reading.cifartoy import download
from maskcon.images.reading.planar_batches import image_chunks, listed
from maskcon.parameters.errors import UserError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VEHICLES = {"airplane", "automobile", "ship", "truck"}


def write_photos(source: Path, folder: Path, each: Mapping[str, int]) -> int:
    """The first photos of each class and part, written to ``folder``; returns how many.

    Args:
        source: folder of the archive, which is fetched where it is missing.
        each: how many of each class, by part: train, test.

    Raises:
        UserError: ``folder`` holds something already, or the archive cannot be had.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name another folder with --to, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with TemporaryDirectory(dir=folder) as temporary:
        raw = Path(temporary) / "raw"
        download(source, raw)
        batches = raw / "cifar-10-batches-py"
        files = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
        for part, names in files.items():
            rows = listed([batches / name for name in names], "labels")
            rows = rows.assign(number=rows.groupby("label").cumcount())
            rows = rows[rows["number"] < each[part]]
            images = (image for chunk in image_chunks(rows) for image in chunk)
            for image, label, number in zip(images, rows["label"], rows["number"], strict=True):
                fine = CLASSES[label]
                path = folder / part / ("vehicle" if fine in VEHICLES else "animal") / fine / f"{number:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)
            written += len(rows)
    return written
