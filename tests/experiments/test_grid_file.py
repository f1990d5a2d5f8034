"""Grid files: what they stand for, and a sentence for each that makes no sense."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.on_record import choose_values
from maskcon.experiments.grid.trials import number_to_score, trials_to_choose, trials_to_score
from maskcon.parameters.composition import compose_parameters
from maskcon.parameters.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
GRIDS = sorted((REPOSITORY / "grids").rglob("*.yaml"))
GRID = """
settings: [train.epochs=2]
datasets:
  small: {settings: [data=digits], seeds: [1, 2]}
  other: {settings: [data=two_digits], seeds: [1], values_of: small}
choose: {metric: recall_at_1, seed: 0}
methods:
  grafit: {values: [{w: 0.2}, {w: 0.8}]}
  mask: {loss: maskcon, settings: [loss.temperature=0.2], values: [{w: 1.0}, {soft_temperature: 0.05}]}
"""


def written(folder, text=GRID):
    (folder / "mine.yaml").write_text(text)
    return folder / "mine.yaml"


@pytest.fixture
def grid(tmp_path):
    return read_grid(written(tmp_path), ("track.live=false",))


def test_values_are_chosen_on_validation_with_one_seed(grid, tmp_path):
    trials = trials_to_choose(grid)
    assert [trial.label for trial in trials] == [
        "small grafit w=0.2 seed 0 on val",
        "small grafit w=0.8 seed 0 on val",
        "small mask w=1.0 seed 0 on val",
        "small mask soft_temperature=0.05 seed 0 on val",
    ]
    assert trials[2].command == (
        "dvc exp run --queue -S train.epochs=2 -S track.live=false -S data=digits -S loss=maskcon "
        "-S loss.temperature=0.2 -S loss.w=1.0 -S seed=0 -S evaluate.split=val"
    )
    quoted = trials_to_choose(read_grid(written(tmp_path), ("data.root=/tmp/nuö",)))[0].overrides
    assert "data.root='/tmp/nuö'" in quoted  # as dvc exp run -S takes it: Hydra cannot read it as it is


def test_the_chosen_values_are_scored_on_test_with_every_seed(grid):
    scores = (0.3, 0.4, 0.6, 0.6)
    measured = {trial: {"recall_at_1": of} for trial, of in zip(trials_to_choose(grid), scores, strict=True)}
    chosen = choose_values(grid, measured)
    assert chosen == {("small", "grafit"): {"w": 0.8}, ("small", "mask"): {"w": 1.0}}  # of equal ones the first
    assert [trial.label for trial in trials_to_score(grid, chosen)] == [
        "small grafit w=0.8 seed 1 on test",
        "small mask w=1.0 seed 1 on test",
        "small grafit w=0.8 seed 2 on test",
        "small mask w=1.0 seed 2 on test",
        "other grafit w=0.8 seed 1 on test",
        "other mask w=1.0 seed 1 on test",
    ]
    assert number_to_score(grid) == 6


def test_values_are_chosen_by_any_metric_among_the_same_number_of_values(tmp_path):
    grid = read_grid(written(tmp_path, GRID.replace("recall_at_1", "view_retrieval")))
    trials = trials_to_choose(grid)
    measured = {trial: {"view_retrieval": of} for trial, of in zip(trials, (0.3, 0.4, 0.6, 0.5), strict=True)}
    assert choose_values(grid, measured) == {("small", "grafit"): {"w": 0.8}, ("small", "mask"): {"w": 1.0}}
    del measured[trials[3]]
    assert choose_values(grid, measured) == {("small", "grafit"): {"w": 0.8}}
    with pytest.raises(UserError, match=r"choose\.metric=view_retrieval: small grafit .* has no such metric"):
        choose_values(grid, {trial: {"recall_at_1": 0.5} for trial in trials})


def test_without_choose_every_value_is_scored(tmp_path):
    text = GRID.replace("choose: {metric: recall_at_1, seed: 0}", "").replace(", values_of: small", "")
    grid = read_grid(written(tmp_path, text))
    assert trials_to_choose(grid) == []
    assert len(trials_to_score(grid, {})) == number_to_score(grid) == 2 * 2 * 2 + 1 * 2 * 2


@pytest.mark.parametrize("file", GRIDS, ids=lambda file: file.stem)
def test_the_grids_of_the_project_compose_under_names_of_their_own(file, monkeypatch):
    monkeypatch.setenv("PHOTOS", "/photos")
    assert [one for one in GRIDS if one.stem == file.stem] == [file]  # their runs are recorded under it
    grid = read_grid(file, ("data.root=/photos",))
    trials = trials_to_choose(grid) or trials_to_score(grid, {})
    for trial in trials:
        if trial.seed == trials[0].seed:
            parameters = compose_parameters(REPOSITORY / "conf", list(trial.overrides))
            assert parameters.evaluate.split == ("val" if grid.choose else "test")
            assert parameters.seed == trial.seed


@pytest.mark.fault
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("datasets:", "dataset:", r"mine\.yaml: datasets is missing"),
        ("datasets:", "more: 1\ndatasets:", "more=1 is nothing that a grid has"),
        ("[1, 2]", "[1, 1]", r"datasets\.small\.seeds: \[1, 1\] names the same twice"),
        ("[1, 2]", "[1, -2]", r"datasets\.small\.seeds\.1=-2 is not allowed: it should be greater than"),
        ("[1, 2]", "[0, 2]", r"choose\.seed=0 is one of datasets\.small\.seeds"),
        ("[data=digits]", "[data]", r"settings\.0=\"data\" is not allowed: it should be as -S takes it"),
        ("[data=digits]", "[seed=3]", "seed=3 is for the grid to set"),
        (
            "values_of: small",
            "values_of: smal",
            r"datasets\.other\.values_of=smal is not a data set .* there are small",
        ),
        ("{w: 0.2}, ", "", "the same number of values must be tried for each, not grafit 1, mask 2"),
        ("{w: 0.2}", "{w: 0.8}", r"methods\.grafit\.values: .* names the same twice"),
        ("loss: maskcon", "loss: maskcn", r"methods\.mask: there is no loss=maskcn; there are .*selfcon"),
        ("choose: {metric: recall_at_1, seed: 0}", "", "values_of needs choose"),
        (GRID, "- a\n", "is not a grid: it should have datasets and methods"),
        (GRID, "a: [", "cannot be read as YAML"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path, old, new, problem):
    assert old in GRID
    with pytest.raises(UserError, match=problem):
        read_grid(written(tmp_path, GRID.replace(old, new, 1)))
    with pytest.raises(UserError, match=r"there is no grid .*none\.yaml"):
        read_grid(tmp_path / "none.yaml")


def test_the_example_in_the_documentation_is_a_grid(tmp_path):
    from maskcon.experiments.grid import grid_file

    example = grid_file.__doc__.split('cifartoy.yaml"))\n')[1].split("Without ``choose``")[0]
    assert isinstance(YAML(typ="safe").load(example), dict)
    assert len(trials_to_choose(read_grid(written(tmp_path, example)))) == 4
