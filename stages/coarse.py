"""Stage coarse: coarse labels assigned, and the set packed into data/sets/NAME."""

import hashlib
import os
from pathlib import Path

import pandas as pd

from maskcon.images.packed.image_set import write_set
from maskcon.images.packed.left_out import LeftOut, write_left_out
from maskcon.images.reading.coarse_labels import classes_in_words, label_part
from maskcon.parameters.data import DataParameters
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.parameters.plugins import plug_in
from maskcon.parameters.sentences import counted
from maskcon.runtime.entry import run_stage
from maskcon.runtime.same_inputs import require_unchanged_inputs
from maskcon.runtime.scratch import discard, scratch_folder

# What becomes of decoded photos: where it alone is changed, they are not decoded again.
SORTED_LATER = {"on_bad_image", "val_share", "test_share"}


def main(parameters: Parameters) -> None:
    data = parameters.data
    if not Path(data.raw).is_dir():
        raise UserError(f"data.raw={data.raw} is not a folder; correct it, or make it with: dvc repro -f download")
    require_same = require_unchanged_inputs(os.environ.get("DVC_STAGE"), Path.cwd())
    folder = Path("data/sets") / data.name
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    identity = data.model_dump_json(exclude=SORTED_LATER)
    name = f"packing-{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
    with scratch_folder(root, name, f"packing {data.name}") as scratch:
        left_out: list[LeftOut] = []
        for split, part in plug_in("data.name", data.name).splits(Path(data.raw), data, scratch):
            labels = label_part(part.labels, Path(data.coarse_map))
            write_set(folder / split, labels, part.images, *data.stored_size)
            print(f"{data.name}/{split}: {len(labels)} images, {classes_in_words(labels)}")
            left_out += part.left_out
            if split == "train":
                say_where_small(labels, data)
            if split == parameters.evaluate.split:
                require_neighbours(split, len(labels))
        write_left_out(folder, left_out)
        require_same()  # while what was decoded is still there
        discard(scratch)  # the set is whole: what an interruption would need has done its work


def say_where_small(labels: pd.DataFrame, data: DataParameters) -> None:
    """That small photos need no large encoder, where they are enlarged to three times their size and more."""
    side = int(labels[["width", "height"]].max(axis=1).median())
    if 3 * side <= data.height:
        print(
            f"note: these photos are about {side} pixels, enlarged here to {data.height}; recipe=small_photos is much "
            "faster on them and finds no less"
        )


def require_neighbours(split: str, images: int) -> None:
    """Raises: UserError, where the part to evaluate cannot be: now, rather than once training is done."""
    if images < 2:
        raise UserError(
            f"evaluate.split={split}, but the part {split} has {counted(images, 'image')}, of two that are needed at "
            f"least; give it photos of its own, raise data.{split}_share, or evaluate another part"
        )


if __name__ == "__main__":
    run_stage(main)
