"""Stage coarse: coarse labels assigned, and the set packed into data/sets/NAME."""

import hashlib
import os
from pathlib import Path

from maskcon.datasets.coarse_labels import label_part
from maskcon.datasets.left_out import LeftOut, write_left_out
from maskcon.datasets.packed import write_set
from maskcon.datasets.packing_progress import with_progress
from maskcon.datasets.source import source_named
from maskcon.errors import UserError
from maskcon.parameters import Parameters
from maskcon.scratch import discard, scratch_folder
from stages.entry import run_stage


def main(parameters: Parameters) -> None:
    data = parameters.data
    if not Path(data.raw).is_dir():
        raise UserError(f"data.raw={data.raw} is no folder; correct it, or make it with: dvc repro -f download")
    folder = Path("data/sets") / data.name
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    name = f"packing-{hashlib.sha256(data.model_dump_json().encode()).hexdigest()[:24]}"
    with scratch_folder(root, name, f"packing {data.name}") as scratch:
        left_out: list[LeftOut] = []
        for split, part in source_named(data.name).parts(Path(data.raw), data, scratch):
            labels = label_part(part.labels, Path(data.coarse_map))
            images = with_progress(part.images, f"writing {data.name}/{split}", len(labels))
            write_set(folder / split, labels, images, *data.stored_size)
            fine = f" and {labels['fine'].nunique()} fine" if (labels["fine"] != "").all() else ""
            print(f"{data.name}/{split}: {len(labels)} images, {labels['coarse'].nunique()} coarse{fine} classes")
            left_out += part.left_out
        write_left_out(folder, left_out)
        discard(scratch)  # the set is whole: what an interruption would need has done its work


if __name__ == "__main__":
    run_stage(main)
