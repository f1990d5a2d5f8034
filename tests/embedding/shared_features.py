"""What several processes do together with features: files of embeddings, and the scores of queries.

run_joined(3, leave_all, folder)       # folder/files_N/... written by all; folder/N_R.pt is what process R of N found
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from maskcon.embedding import features as embeddings
from maskcon.embedding.features import embedded_rows, raw_pixel_rows, raw_pixels_size
from maskcon.embedding.rows_file import Rows, write_rows
from maskcon.encoders.networks import Encoder, build_encoder
from maskcon.evaluation.retrieval import neighbours
from maskcon.evaluation.retrieval.metrics import query_scores
from maskcon.parameters.errors import ProcessLost, UserError
from maskcon.parameters.model import check_parameters
from maskcon.runtime.process_group import ONE_PROCESS, ProcessGroup, joined_group
from tests.conftest import values_for_tests

CPU = torch.device("cpu")
BATCH = 4
SIZES = (0, 3, 8, 23)  # no image, less than a batch, whole batches, and six batches of which the last is not whole
IMAGES = 75
SCORED = {  # whether with fine labels, K of Recall@K, whether with average precision
    "all metrics": (True, [1, 2, 5, 20], True),
    "an epoch": (True, [1], False),
    "coarse labels alone": (False, [1, 5], True),
}


def leave_all(folder: Path) -> None:
    with joined_group() as group:
        write_files(folder / f"files_{group.number}", group)
        torch.save(all_scores(group), folder / f"{group.number}_{group.rank}.pt")


def write_files(folder: Path, group: ProcessGroup = ONE_PROCESS) -> None:
    """Features of every source and size, as folder/SOURCE_SIZE.npy."""
    with patch.object(embeddings, "BATCH", BATCH):
        for name, rows_of, features in sources(group):
            for size in SIZES:
                write_rows(folder / f"{name}_{size}.npy", (size, features), rows_of(random_images(size)), group)


def sources(group: ProcessGroup) -> Iterator[tuple[str, Callable[[np.ndarray], Rows], int]]:
    """Name, rows of images, and size of features."""
    encoder = small_encoder()
    yield "pixels", lambda images: raw_pixel_rows(images, 1, group), raw_pixels_size(random_images(1), 1)
    yield "encoder", lambda images: embedded_rows(encoder, images, 1, CPU, (8, 12), group), encoder.feature_size


def small_encoder() -> Encoder:
    parameters = check_parameters(values_for_tests({"data.channels": 1}))
    torch.manual_seed(0)
    return build_encoder(parameters.model, parameters.data).eval()


def random_images(number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, 16, 24, 3), dtype=np.uint8)


def all_scores(group: ProcessGroup = ONE_PROCESS) -> dict[str, dict[str, torch.Tensor]]:
    """Of all features and cases, 7 queries at a time, and 5 at last: 11 chunks."""
    fine = np.random.default_rng(0).integers(0, 9, IMAGES)
    found = {}
    with patch.object(neighbours, "CHUNK_BYTES", 7 * neighbours.bytes_per_query(IMAGES, 20)):
        for title, features in queries().items():
            for name, (has_fine, recall_at, average_precision) in SCORED.items():
                labels = fine if has_fine else None
                scores = query_scores(features, fine // 3, labels, recall_at, average_precision, group)
                found[f"{title}, {name}"] = {metric: torch.from_numpy(of) for metric, of in scores.items()}
    return found


def queries() -> dict[str, torch.Tensor]:
    """Features float32 [75, F] without and with exact ties: a unit row of {-1/2, 1/2}^4 is one of 16."""
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.normalize(torch.randn(IMAGES, 6, generator=generator), dim=1)
    return {"smooth": smooth, "ties": torch.randint(0, 2, (IMAGES, 4), generator=generator) - 0.5}


def second_is_killed(folder: Path) -> None:
    """In the middle of its rows; what becomes of the first stands in first.txt."""
    try:
        with joined_group() as group:
            write_rows(folder / "features.npy", (23, 2), killed_rows(group), group)
    except ProcessLost as error:
        (folder / "first.txt").write_text(f"{error.exit_code} {error}")


def killed_rows(group: ProcessGroup) -> Iterator[tuple[int, np.ndarray]]:
    for start in group.share_of(range(0, 23, BATCH)):
        if group.rank == 1 and start > BATCH:
            os.kill(os.getpid(), signal.SIGKILL)
        yield start, np.ones((min(BATCH, 23 - start), 2), np.float32)


def second_sees_another_folder(folder: Path) -> None:
    """As on a second machine without the first one's file system."""
    with joined_group() as group:
        own = folder / f"machine_{group.rank}"
        own.mkdir()
        try:
            write_rows(own / "features.npy", (2, 2), [(group.rank, np.ones((1, 2), np.float32))], group)
        except UserError as error:
            (folder / f"{group.rank}.txt").write_text(str(error))
            raise
