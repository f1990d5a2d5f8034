"""Stage coarse: coarse labels assigned, and the set packed into data/sets/NAME."""

import os
import shutil
from pathlib import Path

from maskcon.datasets.coarse_labels import label_part
from maskcon.datasets.packed import write_set
from maskcon.datasets.source import source_named
from maskcon.parameters import Parameters
from stages.entry import run_stage


def main(parameters: Parameters) -> None:
    data = parameters.data
    folder = Path("data/sets") / data.name
    scratch = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch" / f"packing-{data.name}"
    for split, part in source_named(data.name).parts(Path(data.raw), data, scratch):
        labels = label_part(part.labels, Path(data.coarse_map))
        write_set(folder / split, labels, part.images, *data.stored_size)
        fine = f" and {labels['fine'].nunique()} fine" if (labels["fine"] != "").all() else ""
        print(f"{data.name}/{split}: {len(labels)} images, {labels['coarse'].nunique()} coarse{fine} classes")
    shutil.rmtree(scratch, ignore_errors=True)  # the set is whole: what an interruption would need has done its work


if __name__ == "__main__":
    run_stage(main)
