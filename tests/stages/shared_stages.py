"""The stages embed, evaluate and measure in a folder with a small set and encoders, by one process or by several.

folder = prepared(tmp_path)                          # data/sets and models of random images and weights
run_joined(3, run_stage_in, folder, "embed")
"""

import contextlib
import os
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from maskcon.embedding import features as embeddings
from maskcon.encoders.networks import build_encoder, save_encoder
from maskcon.evaluation.retrieval import neighbours
from maskcon.images.packed.image_set import LABEL_COLUMNS, write_set
from maskcon.parameters.model import Parameters, check_parameters
from stages import embed, evaluate, measure
from tests.conftest import values_for_tests

IMAGES = {"train": 60, "val": 25, "test": 49}
STAGES = {"embed": embed, "evaluate": evaluate, "measure": measure}
OUTPUT_FOLDERS = ("embeddings", "metrics", "plots")


def parameters() -> Parameters:
    changes = {
        "evaluate.recall_at": [1, 5],
        "evaluate.measures": ["knn", "few_shot"],  # those that load no further library
        "evaluate.few_shot.episodes": 5,
        "evaluate.few_shot.all_way_episodes": 2,
    }
    return check_parameters(values_for_tests(changes))


def prepared(folder: Path) -> Path:
    values = parameters()
    draw = np.random.default_rng(0)
    for part, number in IMAGES.items():
        pixels = draw.integers(0, 256, (number, 16, 24, 3), np.uint8)
        write_set(folder / "data/sets" / values.data.name / part, labels(number), [pixels], 16, 24)
    for seed, name in enumerate(("encoder", "untrained", "snapshots/epoch_0001")):
        torch.manual_seed(seed)
        save_encoder(folder / f"models/{name}.pt", build_encoder(values.model, values.data), values.model, values.data)
    return folder


def labels(number: int) -> pd.DataFrame:
    """8 fine classes in 4 coarse ones."""
    fine = np.arange(number) % 8
    columns = {"coarse": fine // 2, "coarse_name": [f"coarse {of // 2}" for of in fine]}
    columns |= {"fine": fine, "fine_name": [f"fine {of}" for of in fine]}
    columns |= {"source": [f"image {place}" for place in range(number)], "width": 24, "height": 16}
    return pd.DataFrame(columns)[list(LABEL_COLUMNS)]


def run_stage_in(folder: Path, stage: str) -> None:
    """Its standard output goes to folder/printed/STAGE_RANK."""
    os.chdir(folder)
    printed = Path("printed", f"{stage}_{os.environ.get('RANK', 0)}")
    printed.parent.mkdir(exist_ok=True)
    with (
        patch.object(embeddings, "BATCH", 8),
        patch.object(neighbours, "CHUNK_BYTES", 6 * neighbours.bytes_per_query(IMAGES["test"], 6)),
        printed.open("w") as file,
        contextlib.redirect_stdout(file),
    ):
        STAGES[stage].main(parameters())


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file that the stages have written."""
    files = [file for name in OUTPUT_FOLDERS for file in (folder / name).rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
