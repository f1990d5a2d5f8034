"""The downsampled ImageNet at any size: made up, packed, opened, and an epoch begun. Each a process, see measuring.py.

FOLDER/source/{train,val}    the batches, FOLDER/packed/{train,val,test} the set
"""

import pickle
from pathlib import Path

import numpy as np
import torch

from benchmarks.methods import composed
from benchmarks.page_cache import drop_from_page_cache
from benchmarks.scale.measuring import MEBIBYTE, StopWatch
from maskcon.images.packed.coarse_labels import label_part
from maskcon.images.packed.image_set import read_training_set, write_set
from maskcon.images.packed.image_stream import resident_or_streamed
from maskcon.images.reading.planar_batches import listed, train_val_test
from maskcon.images.sources import imagenet32
from maskcon.parameters.model import Parameters
from maskcon.training.batches import TwoViewBatches
from maskcon.views.operations.families import view_maker

TRUE_SIZE = imagenet32.IMAGES["train"]
BATCH_FILE = -(-TRUE_SIZE // len(imagenet32.BATCHES["train"]))  # images in one, the last has fewer
BATCHES_LOOKED_AT = 128  # four blocks, of which each is augmented and read as one
STREAM, HOLD = 0.0, 1.0  # train.resident_share


def parameters() -> Parameters:
    return composed(["data=imagenet32"])


def make(folder: Path, images: int) -> dict:
    """Random pixels and labels; the test part has 50,000 of its own at the true size, and none below it."""
    numbers = {"train": images, "val": imagenet32.IMAGES["val"] if images == TRUE_SIZE else 0}
    for part, number in numbers.items():
        target = folder / "source" / part
        target.mkdir(parents=True)
        for name, start in zip(imagenet32.BATCHES[part], range(0, number, BATCH_FILE), strict=False):
            generator = np.random.default_rng([start, number])
            size = min(BATCH_FILE, number - start)
            pixels = generator.integers(0, 256, (size, 3072), dtype=np.uint8)
            labels = generator.integers(1, 1001, size).tolist()
            with open(target / name, "wb") as file:
                pickle.dump({"data": pixels, "labels": labels, "mean": pixels[:100].mean(axis=0)}, file, protocol=3)
    return {}


def pack(folder: Path) -> dict:
    """As the stage coarse does it. At the true size by the whole of imagenet32.parts, which admits no other."""
    data, source = parameters().data, folder / "source"
    files = sorted((source / "train").iterdir(), key=lambda path: int(path.name.rsplit("_", 1)[1]))
    if len(files) == len(imagenet32.BATCHES["train"]):
        made = imagenet32.parts(source, data, folder / "scratch")
    else:
        rows = listed(files, "labels")
        rows["fine"] = rows["label"] - 1
        made = train_val_test(rows, rows[:0], data)
    for split, part in made:
        labels = label_part(part.labels, Path(data.coarse_map))
        write_set(folder / "packed" / split, labels, part.images, *data.stored_size)
    sizes = [path.stat().st_size for path in (folder / "packed").rglob("*.*")]
    return {"disk": round(sum(sizes) / MEBIBYTE, 1)}


def start(folder: Path, held: bool) -> dict:
    """An epoch begun as the stage pretrain begins one, up to the encoder: the time of each part."""
    chosen, watch = parameters(), StopWatch()
    drop_from_page_cache(folder / "packed/train/images.npy")
    watch.lap()
    training_set = read_training_set(folder / "packed/train")
    laps = {"open": watch.lap()}
    source = resident_or_streamed(
        training_set.images, chosen.data.channels, torch.device("cpu"), HOLD if held else STREAM
    )
    laps["hold"] = watch.lap()
    size = chosen.data.height, chosen.data.width
    batches = TwoViewBatches(
        source,
        torch.from_numpy(training_set.coarse),
        view_maker(chosen.data.augmentation, chosen.train.query_view, size),
        view_maker(chosen.data.augmentation, chosen.train.key_view, size),
        chosen.train.batch_size,
        chosen.seed,
    )
    epoch = batches.epoch(1)
    next(epoch)
    laps["first_batch"] = watch.lap()
    done = 1 + sum(1 for _, _ in zip(range(BATCHES_LOOKED_AT - 1), epoch, strict=False))
    laps["batch"] = (laps["first_batch"] + watch.lap()) / done
    epoch.close()
    training_set.digest()
    laps["digest"] = watch.lap()
    found = {"set": round(training_set.images.nbytes / MEBIBYTE, 1)}
    for name, lap in laps.items():
        found |= lap.as_columns(name)
    return found
