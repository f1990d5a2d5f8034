"""Small archives in the exact form of the published ones, and the stages that turn them into packed sets.

data = preset("cifar100", tmp_path)                          # conf/data/cifar100.yaml, with data.root in tmp_path
write_tar(root / "images.tar.gz", {"images/a.jpg": jpeg((200, 10, 10))})
stand_in(monkeypatch, cifar100, "ARCHIVE", root)             # the checksum of the file that lies in root
packed = download_and_pack(data, tmp_path)                   # split -> LabelledSet
"""

import functools
import hashlib
import io
import pickle
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from maskcon.images.packed.image_set import LabelledSet, read_labelled_set
from maskcon.parameters.model import check_group, load_parameters
from stages import coarse, download

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def preset(name: str, folder: Path, **changes):
    """The checked parameters of a data set, with data.root in ``folder`` and 32-pixel photos."""
    text = (REPOSITORY / "conf" / "data" / f"{name}.yaml").read_text().replace("${.name}", name)
    values = YAML(typ="safe").load(text)
    values |= {"root": str(folder / "source"), "coarse_map": str(REPOSITORY / values["coarse_map"])}
    if "stored" in values:
        values |= {"height": 32, "width": 32, "stored": 40}
    Path(values["root"]).mkdir(exist_ok=True)
    return check_group("data", values | changes)


def download_and_pack(data, folder: Path) -> dict[str, LabelledSet]:
    """Run the stages download and coarse in ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DVC_ROOT", raising=False)
        parameters = load_parameters(REPOSITORY / "params.yaml").model_copy(update={"data": data})
        download.main(parameters)
        coarse.main(parameters)
    return {split: read_labelled_set(folder / "data/sets" / data.name / split) for split in ("train", "val", "test")}


def stand_in(monkeypatch, module: ModuleType, constant: str, root: Path) -> None:
    """Take the small file that lies in ``root`` for the published one."""
    published = getattr(module, constant)
    digest = hashlib.md5((root / published.name).read_bytes()).hexdigest()
    monkeypatch.setattr(module, constant, replace(published, checksum=digest))


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@functools.cache
def jpeg(colour: tuple[int, int, int], width: int = 60, height: int = 45) -> bytes:
    """A photo of one colour, which JPEG keeps to within a few steps."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def planar_batch(labels: list[int], key: str, python_2: bool = True) -> bytes:
    """A pickled batch of 32 x 32 images: red is the label, green the place in the batch, blue the row of the pixel."""
    planes = np.zeros((len(labels), 3, 32, 32), np.uint8)
    planes[:, 0] = np.array(labels)[:, None, None] % 251
    planes[:, 1] = np.arange(len(labels))[:, None, None]
    planes[:, 2] = np.arange(32)[:, None]
    batch = {"data": planes.reshape(len(labels), 3072), key: list(labels)}
    if python_2:
        return pickle.dumps({name.encode(): value for name, value in batch.items()}, protocol=2)
    return pickle.dumps(batch | {"mean": planes.reshape(len(labels), 3072).mean(axis=0)}, protocol=4)


def photograph(folder: Path, number: int = 10) -> None:
    """Small photos of as many greys."""
    folder.mkdir(parents=True)
    for place in range(number):
        Image.new("RGB", (8, 8), (20 * place,) * 3).save(folder / f"{place}.png")


def assert_colours(part, colours) -> None:
    """That each image of a LabelledSet is of its colour, to within what JPEG changes."""
    assert np.abs(part.images.astype(int) - np.array(colours)[:, None, None]).max() <= 5
