"""2 and 3 processes that share images and queries come to the same bytes and the same scores as one."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from maskcon.embedding import features as embeddings
from maskcon.embedding.features import embed, raw_pixels
from tests.embedding.shared_features import (
    BATCH,
    CPU,
    SCORED,
    SIZES,
    all_scores,
    leave_all,
    random_images,
    second_is_killed,
    second_sees_another_folder,
    small_encoder,
    write_files,
)
from tests.support.joined_processes import run_joined

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[2, 3])
def together(request, tmp_path_factory):
    """The number of processes, and the folder of what they left."""
    folder = tmp_path_factory.mktemp(f"features_{request.param}")
    run_joined(request.param, leave_all, folder)
    return request.param, folder


def test_files_of_several_are_those_of_one_byte_for_byte(together, tmp_path):
    number, folder = together
    write_files(tmp_path)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) == 2 * len(SIZES)
    assert sorted(file.name for file in (folder / f"files_{number}").iterdir()) == names
    for name in names:
        assert (folder / f"files_{number}" / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_files_are_those_of_numpy(tmp_path):
    images = random_images(23)
    with patch.object(embeddings, "BATCH", BATCH):
        np.save(tmp_path / "encoder.npy", embed(small_encoder(), images, 1, CPU, (8, 12)))
        np.save(tmp_path / "pixels.npy", raw_pixels(images, 1))
    write_files(tmp_path / "ours")
    for name in ("encoder", "pixels"):
        assert (tmp_path / f"ours/{name}_23.npy").read_bytes() == (tmp_path / f"{name}.npy").read_bytes()
    assert np.load(tmp_path / "ours/encoder_0.npy").shape == (0, small_encoder().feature_size)


def test_scores_of_several_are_those_of_one_in_every_process(together):
    number, folder = together
    alone = all_scores()
    assert len(alone) == 2 * len(SCORED)
    for rank in range(number):
        found = torch.load(folder / f"{number}_{rank}.pt", weights_only=True)
        assert list(found) == list(alone)
        for case, scores in alone.items():
            assert list(found[case]) == list(scores)
            for metric, values in scores.items():
                assert torch.equal(found[case][metric], values), (case, metric)


def test_a_process_that_is_killed_leaves_no_file_and_ends_the_other(tmp_path):
    with pytest.raises(ProcessExitedException, match="process 1 terminated with signal SIGKILL"):
        run_joined(2, second_is_killed, tmp_path)
    assert (tmp_path / "first.txt").read_text().startswith("75 another process of this stage has ended")
    assert [file.name for file in tmp_path.iterdir()] == ["first.txt"]


def test_machines_that_do_not_share_a_folder_are_told(tmp_path):
    with pytest.raises(ProcessRaisedException):
        run_joined(2, second_sees_another_folder, tmp_path)
    assert "machine_1 is not the folder that the first process writes in" in (tmp_path / "1.txt").read_text()
    assert not list(tmp_path.glob("machine_*/*.npy"))
