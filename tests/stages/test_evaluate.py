"""The stage through the files that it reads and writes, from an embeddings folder made here."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from maskcon.embedding.files import TWO_VIEWS
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_parameters
from stages import evaluate
from stages.evaluate import main
from tests.support.finished_run import numbered_labels

PARAMETERS = YAML(typ="safe").load((Path(__file__).parents[2] / "params.yaml").read_text())
OUTPUTS = (
    "metrics/retrieval.json",
    "metrics/retrieval_in_full.json",
    "plots/recall_at_k.csv",
    "plots/recall_by_coarse_class.csv",
    "plots/recall_over_epochs.csv",
)
METRICS = ["recall_at_1", "recall_at_2", "recall_at_5", "recall_at_10", "mean_average_precision_at_r"]


def with_values(**evaluate):
    """The repository's params.yaml with other values of evaluate, as checked parameters."""
    evaluate = {"split": "test", "recall_at": [1, 2, 5, 10], "bootstrap_samples": 200} | evaluate
    train = PARAMETERS["train"] | {"epochs": 30}
    return check_parameters(PARAMETERS | {"train": train, "evaluate": PARAMETERS["evaluate"] | evaluate})


def write_embeddings(folder, images=120, fine_classes=12, has_fine=True):
    """Features that are a centre for each fine class and noise: less for a trained encoder, and less by the epoch."""
    draw = np.random.default_rng(0)
    labels = numbered_labels(images, fine_classes, has_fine)
    fine = np.arange(images) % fine_classes
    folder.mkdir(parents=True)
    labels.to_csv(folder / "labels.csv", index=False)
    noise = {"encoder": 0.5, "untrained": 4.0, "pixels": 1.5}
    noise |= {f"snapshots/epoch_{epoch:04d}": 4 - 0.11 * epoch for epoch in (5, 10, 30)}
    for name, scale in noise.items():
        centres = draw.standard_normal((fine_classes, 16))
        features = centres[fine] + scale * draw.standard_normal((images, 16))
        _save(folder / f"{name}.npy", features)
        for view in TWO_VIEWS if not has_fine and "/" not in name else ():
            noise_of_view = np.random.default_rng(0).standard_normal((images, 16))
            _save(folder / "views" / view / f"{name}.npy", features + (view == "strong") * noise_of_view)


def _save(path, features):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recall_by_loops(features, labels, k):
    hits = 0
    for query in range(len(features)):
        similarity = features @ features[query]
        nearest = [i for i in np.argsort(-similarity, kind="stable") if i != query][:k]
        hits += any(labels[i] == labels[query] for i in nearest)
    return hits / len(features)


def test_metrics_are_those_of_the_files(folder):
    write_embeddings(folder / "embeddings/test")
    main(with_values())

    metrics = json.loads(Path("metrics/retrieval_in_full.json").read_text())
    names = [*METRICS, "coarse_recall_at_1"]
    assert list(metrics) == [*names, "images", "queries_without_match", "interval", "untrained", "pixels", "gain"]
    gain = metrics["gain"]
    assert gain["mean"] == pytest.approx(metrics["recall_at_1"] - metrics["untrained"]["recall_at_1"])
    assert gain["instead"] == "models/untrained.pt"
    assert 0 < gain["low"] < gain["mean"] < gain["high"]
    assert (metrics["images"], metrics["queries_without_match"]) == (120, 0)
    for_tables = json.loads(Path("metrics/retrieval.json").read_text())
    assert for_tables == {name: value for name, value in metrics.items() if not isinstance(value, dict)}
    labels = pd.read_csv("embeddings/test/labels.csv")
    for file, of in {"encoder": metrics, "untrained": metrics["untrained"], "pixels": metrics["pixels"]}.items():
        features = np.load(f"embeddings/test/{file}.npy")
        for k in (1, 2, 5, 10):
            assert of[f"recall_at_{k}"] == pytest.approx(recall_by_loops(features, labels["fine"], k))
        assert of["coarse_recall_at_1"] == pytest.approx(recall_by_loops(features, labels["coarse"], 1))
        assert list(of["interval"]) == names
        assert all(of["interval"][name]["low"] <= of[name] <= of["interval"][name]["high"] for name in names)
    assert metrics["untrained"]["recall_at_1"] < metrics["pixels"]["recall_at_1"] < metrics["recall_at_1"]
    assert_tables_agree_with(metrics)


def assert_tables_agree_with(metrics):
    at_k = pd.read_csv("plots/recall_at_k.csv")
    assert list(at_k) == ["features", "k", "recall", "low", "high"]
    assert at_k["features"].unique().tolist() == ["trained", "untrained", "raw pixels"]
    for row in at_k.itertuples():
        of = {"trained": metrics, "untrained": metrics["untrained"], "raw pixels": metrics["pixels"]}[row.features]
        interval = of["interval"][f"recall_at_{row.k}"]
        assert (row.recall, row.low, row.high) == (of[f"recall_at_{row.k}"], interval["low"], interval["high"])

    by_class = pd.read_csv("plots/recall_by_coarse_class.csv")
    assert by_class["coarse_name"].tolist() == ["tens 0", "tens 1", "tens 2"]
    assert by_class["images"].sum() == 120
    assert np.average(by_class["recall_at_1"], weights=by_class["images"]) == pytest.approx(metrics["recall_at_1"])

    over_epochs = pd.read_csv("plots/recall_over_epochs.csv").set_index("epoch")
    assert over_epochs.index.tolist() == [0, 5, 10, 30]
    for epoch, of in {0: metrics["untrained"], 30: metrics}.items():
        assert over_epochs.loc[epoch].to_dict() == {name: of[name] for name in ("recall_at_1", "coarse_recall_at_1")}
    features = np.load("embeddings/test/snapshots/epoch_0005.npy")
    fine = numbered_labels(120)["fine"]
    assert over_epochs.loc[5, "recall_at_1"] == pytest.approx(recall_by_loops(features, fine, 1))


def test_without_fine_labels_the_coarse_metrics_and_views_remain(folder, capsys):
    write_embeddings(folder / "embeddings/test", has_fine=False)
    main(with_values())

    metrics = json.loads(Path("metrics/retrieval_in_full.json").read_text())
    names = ["coarse_recall_at_1", "view_retrieval"]
    assert list(metrics) == [*names, "images", "interval", "untrained", "pixels", "gain"]
    for file, of in {"encoder": metrics, "untrained": metrics["untrained"], "pixels": metrics["pixels"]}.items():
        weak, strong = (np.load(f"embeddings/test/views/{view}/{file}.npy") for view in ("weak", "strong"))
        assert of["view_retrieval"] == np.mean([(strong @ view).argmax() == own for own, view in enumerate(weak)])
        assert list(of["interval"]) == names
    assert metrics["untrained"]["view_retrieval"] > 0.5
    assert Path("plots/recall_at_k.csv").read_text() == "features,k,recall,low,high\n"
    assert list(pd.read_csv("plots/recall_over_epochs.csv")) == ["epoch", "coarse_recall_at_1"]
    assert "coarse_recall_at_1" in pd.read_csv("plots/recall_by_coarse_class.csv")
    assert "no fine labels" in capsys.readouterr().out


def test_images_with_fine_labels_are_measured_among_themselves(folder, capsys):
    """As if the others were not there."""
    write_embeddings(folder / "embeddings/test")
    write_embeddings(folder / "embeddings/val")
    labels = pd.read_csv("embeddings/test/labels.csv")
    labelled = np.arange(120) % 3 > 0
    labels["fine"] = labels["fine"].astype("Int64").where(labelled)
    labels.to_csv("embeddings/test/labels.csv", index=False)
    labels[labelled].to_csv("embeddings/val/labels.csv", index=False)
    for file in Path("embeddings/val").rglob("*.npy"):
        np.save(file, np.load(file)[labelled])
    results = []
    for part in ("test", "val"):
        main(with_values(split=part))
        results.append(json.loads(Path("metrics/retrieval_in_full.json").read_text()))
    assert results[0].pop("images_in_part") == 120
    assert results[0] == results[1]
    assert results[0]["images"] == 80
    assert "measured among the 80 of 120 images that have fine labels" in capsys.readouterr().out


def test_a_small_folder_leaves_out_the_k_that_it_cannot_answer(folder, capsys):
    write_embeddings(folder / "embeddings/test", images=9, fine_classes=8)
    main(with_values(recall_at=[1, 8, 9, 100]))

    metrics = json.loads(Path("metrics/retrieval_in_full.json").read_text())
    assert [name for name in metrics if name.startswith("recall_at_")] == ["recall_at_1", "recall_at_8"]
    assert metrics["recall_at_8"] == pytest.approx(2 / 9)  # all others are met: only the one pair can be found
    assert metrics["queries_without_match"] == 7
    assert pd.read_csv("plots/recall_at_k.csv")["k"].unique().tolist() == [1, 8]
    assert "evaluate.recall_at=[9, 100]: each of 9 images has only 8 others" in capsys.readouterr().out


@pytest.mark.fault
@pytest.mark.parametrize("name", ["encoder", "snapshots/epoch_0010"])
def test_a_wrong_file_is_named_and_nothing_is_written(folder, name):
    write_embeddings(folder / "embeddings/test")
    np.save(folder / f"embeddings/test/{name}.npy", np.full((120, 16), np.nan, np.float32))
    with pytest.raises(UserError, match=f"{re.escape(name)}.npy: 120 of 120 rows"):
        main(with_values())
    assert not any(Path(output).exists() for output in OUTPUTS)


def test_scores_before_training_are_kept_until_features_or_labels_change(folder, monkeypatch):
    write_embeddings(folder / "embeddings/test", has_fine=False)
    main(with_values())
    scored = []
    original = evaluate.query_scores
    monkeypatch.setattr(evaluate, "query_scores", lambda rows, *rest: scored.append(rows) or original(rows, *rest))
    files = [(folder / name).read_bytes() for name in OUTPUTS]

    def again():
        scored.clear()
        main(with_values(), keep=folder / "kept")
        known = {name: np.load(folder / f"embeddings/test/{name}.npy") for name in ("encoder", "untrained", "pixels")}
        return [name for name, of in known.items() if any(np.array_equal(rows, of) for rows in scored)]

    assert again() == ["encoder", "untrained", "pixels"]
    assert again() == ["encoder"]
    assert [(folder / name).read_bytes() for name in OUTPUTS] == files
    np.save(
        folder / "embeddings/test/views/weak/pixels.npy", np.load(folder / "embeddings/test/views/strong/pixels.npy")
    )
    assert again() == ["encoder", "pixels"]
    labels = pd.read_csv(folder / "embeddings/test/labels.csv")
    labels.assign(coarse=labels["coarse"][::-1].to_numpy()).to_csv(folder / "embeddings/test/labels.csv", index=False)
    assert again() == ["encoder", "untrained", "pixels"]
