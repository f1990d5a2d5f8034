"""Stage coarse: coarse labels assigned, and the set packed into data/sets/NAME."""

from pathlib import Path

from maskcon.datasets.coarse_labels import label_part, read_coarse_table
from maskcon.datasets.packed import write_set
from maskcon.datasets.source import source_named
from maskcon.parameters import Parameters
from stages.entry import run_stage


def main(parameters: Parameters) -> None:
    data = parameters.data
    table = read_coarse_table(Path("coarse_labels") / f"{data.name}.csv")
    folder = Path("data/sets") / data.name
    for split, part in source_named(data.name).parts(Path("data/raw") / data.name, data):
        labels = label_part(part, table)
        write_set(folder / split, part.images, labels)
        classes = f"{labels['coarse'].nunique()} coarse and {labels['fine'].nunique()} fine classes"
        print(f"{data.name}/{split}: {len(labels)} images, {classes}")


if __name__ == "__main__":
    run_stage(main)
