"""What of a grid is on record, where the photos that decide it are not there."""

import pytest

from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.on_record import GridRecord
from maskcon.experiments.grid.trials import trials_to_choose
from maskcon.parameters.errors import UserError
from tests.conftest import REPOSITORY

GRID = """
choose: {metric: recall_at_1, seed: 0}
datasets:
  birds: {settings: [data=folder], seeds: [1]}
methods:
  supcon: {values: [{temperature: 0.1}]}
"""


def test_a_folder_of_photos_that_is_not_there_is_told_as_by_the_stages(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(GRID)
    grid = read_grid(tmp_path / "mine.yaml", ())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^data\.root=photos is not a directory; .*data\.root="):
        GridRecord(None, REPOSITORY, grid).complete(trials_to_choose(grid))
