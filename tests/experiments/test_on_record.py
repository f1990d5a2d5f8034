"""What of a grid is on record, and what the record says of it."""

import json

import pytest

from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.on_record import GridRecord
from maskcon.experiments.grid.trials import trials_to_choose
from maskcon.parameters.errors import UserError
from maskcon.tracking.store import experiment_id
from tests.conftest import REPOSITORY

GRID = """
choose: {metric: recall_at_1, seed: 0}
datasets:
  small: {settings: [data=digits], seeds: [1]}
methods:
  supcon: {values: [{temperature: 0.1}, {temperature: 0.2}]}
"""


def grid_of(folder, text):
    (folder / "mine.yaml").write_text(text)
    return read_grid(folder / "mine.yaml")


@pytest.mark.fault
def test_a_folder_of_photos_that_is_not_there_is_told_as_by_the_stages(tmp_path, monkeypatch):
    grid = grid_of(tmp_path, GRID.replace("data=digits", "data=folder"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^data\.root=photos is not a directory; .*data\.root="):
        GridRecord(None, REPOSITORY, grid).complete(trials_to_choose(grid))


def test_runs_bear_the_mark_of_what_they_are_in_the_grid_until_they_are_no_longer_of_it(tmp_path, store):
    record = GridRecord(store, REPOSITORY, grid := grid_of(tmp_path, GRID))
    first, second = trials_to_choose(grid)
    with store.opened() as client:
        tags = {"inputs.hash": record.hashes(first)["inputs"], "pipeline.complete": "true"}
        run_id = client.create_run(experiment_id(store, client, "digits"), tags=tags).info.run_id
        client.log_metric(run_id, "recall_at_1", 0.5)

        assert record.complete([first, second], mark=True) == {first: {"recall_at_1": 0.5}}
        assert json.loads(client.get_run(run_id).data.tags["grid.mine"]) == {
            **{"dataset": "small", "method": "supcon"},
            **{"values": {"temperature": 0.1}, "tried": [{"temperature": 0.1}, {"temperature": 0.2}]},
        }
        record.unmark_others([first])
        assert "grid.mine" in client.get_run(run_id).data.tags
        record.unmark_others([second])
        assert "grid.mine" not in client.get_run(run_id).data.tags
