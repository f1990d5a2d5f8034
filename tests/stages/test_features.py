"""Stage features: work that was interrupted is gone on with for the same images alone."""

import numpy as np
import pytest

from stages.features import images_digest


@pytest.mark.fault
@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("file", ["images.npy", "stretch.npy"])
def test_other_images_of_any_part_are_other_work(tmp_path, part, file):
    for one in ("train", "val", "test"):
        (tmp_path / one).mkdir()
        np.save(tmp_path / one / "images.npy", np.zeros((2, 4, 4, 3), np.uint8))
    before = images_digest(tmp_path)
    assert images_digest(tmp_path) == before
    np.save(tmp_path / part / file, np.ones((2, 4, 4, 3), np.uint8))
    assert images_digest(tmp_path) != before
