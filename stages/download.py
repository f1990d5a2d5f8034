"""Stage download: the data set's source files, checked, in data/raw/NAME."""

from pathlib import Path

from maskcon.images.reading.source import source_named
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage


def main(parameters: Parameters) -> None:
    data = parameters.data
    raw = Path("data/raw") / data.name
    source_named(data.name).download(Path(data.root), raw)
    print(f"{data.name}: source files in {raw}")


if __name__ == "__main__":
    run_stage(main)
