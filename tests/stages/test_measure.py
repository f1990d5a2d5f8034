"""The stages that make and measure embeddings of the train images, through the files that they read and write."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from maskcon.encoders.networks import build_encoder, save_encoder
from maskcon.images.packed.image_set import write_set
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_parameters
from maskcon.report.measures import file_of, measures_together
from stages import embed, measure
from tests.support.finished_run import numbered_labels

ALL = ("knn", "linear", "few_shot", "discovery")
PARAMETERS = YAML(typ="safe").load((Path(__file__).parents[2] / "params.yaml").read_text())


def with_values(**evaluate):
    few_shot = {"ways": 5, "shots": [1, 5], "queries": 15, "episodes": 20, "all_way_episodes": 5}
    small = {"split": "test", "bootstrap_samples": 100, "few_shot": few_shot, "linear": {"strengths": [1e-2, 1e-4]}}
    return check_parameters(PARAMETERS | {"evaluate": PARAMETERS["evaluate"] | small | evaluate})


def take(*names, **values):
    """All that stage measure writes for these measures."""
    parameters = with_values(measures=list(names), **values)
    for name in names:
        measure.main(parameters, [name])
    return measures_together(json.loads(Path(file_of(name)).read_text()) for name in names)


def write_embeddings(parts=("train", "val", "test"), has_fine=True):
    """Features that are a centre for each fine class and noise, less of it for a trained encoder."""
    draw = np.random.default_rng(0)
    for part in parts:
        folder = Path("embeddings") / part
        folder.mkdir(parents=True)
        numbered_labels(96, has_fine=has_fine).to_csv(folder / "labels.csv", index=False)
        for name, noise in {"encoder": 0.5, "untrained": 4.0, "pixels": 1.5}.items():
            features = np.random.default_rng(1).standard_normal((12, 16))[np.arange(96) % 12]
            features = features + noise * draw.standard_normal((96, 16))
            features /= np.linalg.norm(features, axis=1, keepdims=True)
            np.save(folder / f"{name}.npy", features.astype(np.float32))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_three_feature_files_side_by_side(capsys):
    write_embeddings()
    metrics = take(*ALL)
    assert metrics == take(*ALL)
    trained = [name for name in metrics if name not in ("interval", "untrained", "pixels")]
    left_out = {f"few_shot_classes_left_out_{shots}_shot" for shots in (1, 5)}
    assert set(metrics["untrained"]) == set(metrics["pixels"]) == {*trained, "interval"} - left_out
    assert metrics["few_shot_classes_left_out_5_shot"] == 0
    assert json.loads(Path("metrics/measures/knn.json").read_text())["knn_fine_top_1"] == metrics["knn_fine_top_1"]
    for name in metrics["interval"]:
        assert metrics["untrained"][name] < metrics["pixels"][name] < metrics[name]
    said = f"trained {metrics['knn_fine_top_1']:.1%}, untrained {metrics['untrained']['knn_fine_top_1']:.1%}, pixels"
    assert f"knn_fine_top_1: {said}" in capsys.readouterr().out


def test_measures_before_training_are_kept_until_features_or_values_change(monkeypatch):
    measured = []
    original = measure.feature_measures
    monkeypatch.setattr(
        measure, "feature_measures", lambda parts, *others: measured.append(parts) or original(parts, *others)
    )

    def number_measured(**values):
        measured.clear()
        parameters = with_values(measures=["knn"], **values)
        measure.main(parameters, keep=Path("kept"))
        kept = json.loads(Path(file_of("knn")).read_text())
        measure.main(parameters)
        assert json.loads(Path(file_of("knn")).read_text()) == kept
        return len(measured) - 3

    write_embeddings()
    assert [number_measured(), number_measured()] == [3, 1]  # the second time of the trained encoder alone
    assert number_measured(knn={"neighbours": 3, "temperature": 0.1}) == 3
    features = np.load("embeddings/train/pixels.npy")
    np.save("embeddings/train/pixels.npy", features[::-1])
    assert number_measured() == 2


def test_classes_that_are_too_small_are_said(capsys):
    write_embeddings()
    few_shot = {"ways": 5, "shots": [1, 8], "queries": 15, "episodes": 5, "all_way_episodes": 5}
    metrics = take("few_shot", few_shot=few_shot)
    assert metrics["few_shot_classes_left_out_8_shot"] == 12  # each has eight images
    assert "few_shot_5_way_1_shot" in metrics
    assert "few_shot_5_way_8_shot" not in metrics
    assert "few_shot_classes_left_out_8_shot: 12" in capsys.readouterr().out


@pytest.mark.fault
@pytest.mark.parametrize("name", ["train/encoder", "test/pixels"])
def test_a_wrong_file_is_named_and_nothing_is_written(name):
    write_embeddings()
    np.save(f"embeddings/{name}.npy", np.full((96, 16), np.nan, np.float32))
    with pytest.raises(UserError, match=f"{re.escape(name)}.npy: 96 of 96 rows"):
        take("knn")
    assert not Path("metrics").exists()


@pytest.mark.parametrize(
    ("measures", "parts"),
    [(["few_shot"], {"val", "test"}), (["knn"], {"train", "val", "test"})],
)
def test_train_images_are_embedded_where_a_measure_learns_from_them(measures, parts):
    parameters = with_values(measures=measures)
    draw = np.random.default_rng(0)
    for part, images in {"train": 30, "val": 12, "test": 24}.items():
        pixels = draw.integers(0, 256, (images, 16, 24, 3), np.uint8)
        write_set(Path("data/sets/two_digits") / part, numbered_labels(images), [pixels], 16, 24)
    torch.manual_seed(0)
    encoder = build_encoder(parameters.model, parameters.data)
    for name in ("encoder", "untrained", "snapshots/epoch_0005"):
        save_encoder(Path(f"models/{name}.pt"), encoder, parameters.model, parameters.data)
    Path("embeddings/val/snapshots").mkdir(parents=True)
    for left in (".encoder.npy.7.part", "snapshots/epoch_0099.npy"):  # of a killed process, and an older training
        Path("embeddings/val", left).touch()
    embed.main(parameters)

    assert {folder.name for folder in Path("embeddings").iterdir()} == parts
    for part in parts:
        expected = {"labels.csv", "encoder.npy", "untrained.npy", "pixels.npy"}
        expected |= set() if part == "train" else {"snapshots"}  # curves over epochs are of val and test alone
        assert {file.name for file in Path("embeddings", part).iterdir()} == expected
        assert not Path("embeddings", part, "snapshots/epoch_0099.npy").exists()
    measure.main(parameters)
    assert [Path(file_of(name)).exists() for name in measures] == [True]
