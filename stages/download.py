"""Stage download: the data set's source files, checked, in data/raw/NAME."""

from pathlib import Path

from maskcon.datasets.source import source_named
from maskcon.memory_needed import require_memory_for_run
from maskcon.parameters import Parameters
from stages.entry import run_stage


def main(parameters: Parameters) -> None:
    require_memory_for_run(parameters)
    data = parameters.data
    raw = Path("data/raw") / data.name
    source_named(data.name).download(Path(data.root), raw)
    print(f"{data.name}: source files in {raw}")


if __name__ == "__main__":
    run_stage(main)
