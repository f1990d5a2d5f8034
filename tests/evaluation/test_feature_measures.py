from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from maskcon.evaluation.measures import discovery
from maskcon.evaluation.measures.shared.measured import Part, feature_measures, queries_of_unknown_classes
from maskcon.parameters.model import check_parameters
from tests.evaluation.made_up_parts import part

VALUES = YAML(typ="safe").load((Path(__file__).parents[2] / "params.yaml").read_text())
SMALL = {
    "split": "test",
    "bootstrap_samples": 200,
    "measures": ["knn", "linear", "few_shot", "discovery"],
    "knn": {"neighbours": 10, "temperature": 0.1},
    "linear": {"strengths": [1e-1, 1e-3]},
    "few_shot": {"ways": 5, "shots": [1, 5], "queries": 15, "episodes": 30, "all_way_episodes": 10},
    "discovery": {"clusters": "given", "most_clusters": 5},
}
FEW_SHOT = [f"few_shot_{ways}_{shots}_shot" for shots in (1, 5) for ways in ("5_way", "all_way")]
TOP_1 = [f"{measure}_{labels}_top_1" for measure in ("knn", "linear") for labels in ("fine", "coarse")]


def with_values(**evaluate):
    return check_parameters(VALUES | {"evaluate": VALUES["evaluate"] | SMALL | evaluate}).evaluate


def measured(parts, **evaluate):
    return feature_measures(parts, with_values(**evaluate), seed=1)


@pytest.fixture
def parts():
    return {"train": part(240, 1), "val": part(96, 2), "test": part(120, 3)}


def test_every_measure_and_the_interval_of_every_mean(parts):
    metrics, counts = measured(parts)
    interval = metrics.pop("interval")
    discovery = ["discovery_accuracy", "discovery_nmi", "discovery_ari", "discovery_clusters"]
    strengths = ["linear_fine_strength", "linear_coarse_strength"]
    assert set(metrics) == {*TOP_1, *strengths, *FEW_SHOT, *discovery}
    assert list(interval) == [*TOP_1, *FEW_SHOT, "discovery_accuracy"]
    for name, of in interval.items():
        assert 1 / 12 < of["low"] <= metrics[name] <= of["high"] <= 1
    assert metrics["few_shot_all_way_1_shot"] < metrics["few_shot_5_way_1_shot"] < metrics["few_shot_5_way_5_shot"]
    assert counts == {f"few_shot_classes_left_out_{shots}_shot": 0 for shots in (1, 5)}


def test_discovery_is_scored_over_the_whole_part(parts, monkeypatch):
    clusters = np.random.default_rng(0).integers(12, size=120)
    monkeypatch.setattr(discovery, "clusters_within", lambda *arguments: clusters)
    metrics, _ = measured(parts, measures=["discovery"])
    assert metrics["discovery_nmi"] == normalized_mutual_info_score(parts["test"].fine, clusters)
    assert metrics["discovery_ari"] == adjusted_rand_score(parts["test"].fine, clusters)


@pytest.mark.parametrize(("without", "left_out"), [("train", TOP_1[::2]), ("val", []), ("test", TOP_1[::2])])
def test_without_fine_labels_the_coarse_measures_remain(parts, without, left_out):
    """They are the same whether or not there are fine labels."""
    expected = measured(parts)[0]["interval"]
    parts[without] = Part(parts[without].features, parts[without].coarse, None)
    found = measured(parts)[0]["interval"]
    if without == "test":
        left_out = [*left_out, *FEW_SHOT, "discovery_accuracy"]
    expected.pop("linear_fine_top_1"), found.pop("linear_fine_top_1", None)  # without those of val: chosen on train
    assert found == {name: of for name, of in expected.items() if name not in left_out}


@pytest.mark.parametrize(
    ("measures", "split", "needed"),
    [
        ([], "test", ["test"]),
        (["knn"], "test", ["test", "train"]),
        (["knn", "linear"], "val", ["val", "train"]),
        (["few_shot", "discovery"], "val", ["val"]),
    ],
)
def test_only_the_parts_that_a_measure_needs(parts, measures, split, needed):
    evaluate = with_values(measures=measures, split=split)
    assert evaluate.parts_needed == needed
    metrics, _ = feature_measures({name: parts[name] for name in needed}, evaluate, seed=1)
    assert {name.split("_")[0] for name in metrics if name != "interval"} == {name.split("_")[0] for name in measures}


def test_few_shots_where_classes_are_too_few_or_too_small(parts):
    fine = np.repeat([0, 1, 2, 3, 4, 5], [1, 2, 2, 2, 2, 6])
    parts["test"] = Part(parts["test"].features[:15], fine, fine)
    metrics, counts = measured(parts, measures=["few_shot"])
    assert set(metrics) == {"few_shot_5_way_1_shot", "few_shot_all_way_1_shot", "interval"}
    assert counts == {"few_shot_classes_left_out_1_shot": 1, "few_shot_classes_left_out_5_shot": 5}


def test_a_class_that_train_does_not_have_is_missed_and_counted(parts):
    test = parts["test"]
    parts["test"] = Part(test.features, test.coarse, np.where(test.fine < 6, test.fine, test.fine + 50))
    metrics, _ = measured(parts, measures=["knn", "linear"])
    for measure in ("knn", "linear"):
        assert 0.3 < metrics[f"{measure}_fine_top_1"] <= 0.5
    counted = queries_of_unknown_classes(parts["train"], parts["test"])
    assert counted == {"queries_of_fine_classes_not_in_train": 60}


def test_labels_of_which_train_has_no_class_are_left_out(parts):
    """As in data sets whose test classes are new: 0 would look like a measurement."""
    test = parts["test"]
    parts["test"] = Part(test.features, test.coarse, test.fine + 50)
    metrics, _ = measured(parts, measures=["knn", "linear"])
    assert set(metrics) == {"knn_coarse_top_1", "linear_coarse_top_1", "linear_coarse_strength", "interval"}
    assert queries_of_unknown_classes(parts["train"], parts["test"]) == {}
    parts["test"] = Part(test.features, test.coarse + 50, test.fine + 50)
    assert measured(parts, measures=["knn", "linear"]) == ({"interval": {}}, {})
