from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from maskcon.evaluation import feature_measures as module
from maskcon.evaluation.measures import discovery, few_shot, linear
from maskcon.evaluation.measures.shared.measured import Part, queries_of_unknown_classes
from maskcon.parameters.model import EvaluateParameters, check_parameters

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


def with_values(**evaluate) -> EvaluateParameters:
    return check_parameters(VALUES | {"evaluate": VALUES["evaluate"] | SMALL | evaluate}).evaluate


def feature_measures(parts, evaluate, seed):
    return module.feature_measures(parts, evaluate, seed)[0]


def chosen_probes(parts, evaluate, seed):
    return linear.chosen_probes(parts, evaluate.split, evaluate.linear, seed)


def part(images, seed, noise=0.5, has_fine=True):
    """Features around a centre for each of 12 fine classes, 4 in each of 3 coarse classes."""
    centres = np.random.default_rng(0).standard_normal((12, 16))
    fine = np.arange(images) % 12
    features = centres[fine] + noise * np.random.default_rng(seed).standard_normal((images, 16))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Part(torch.tensor(features, dtype=torch.float32), fine // 4, fine if has_fine else None)


@pytest.fixture
def parts():
    return {"train": part(240, 1), "val": part(96, 2), "test": part(120, 3)}


def test_every_measure_and_the_interval_of_every_mean(parts):
    metrics = feature_measures(parts, with_values(), seed=1)
    interval = metrics.pop("interval")
    discovery = ["discovery_accuracy", "discovery_nmi", "discovery_ari", "discovery_clusters"]
    strengths = ["linear_fine_strength", "linear_coarse_strength"]
    assert set(metrics) == {*TOP_1, *strengths, *FEW_SHOT, *discovery}
    assert list(interval) == [*TOP_1, *FEW_SHOT, "discovery_accuracy"]
    for name, of in interval.items():
        assert 1 / 12 < of["low"] <= metrics[name] <= of["high"] <= 1
    assert metrics["few_shot_all_way_1_shot"] < metrics["few_shot_5_way_1_shot"] < metrics["few_shot_5_way_5_shot"]


def test_discovery_is_scored_over_the_whole_part(parts, monkeypatch):
    clusters = np.random.default_rng(0).integers(12, size=120)
    monkeypatch.setattr(discovery, "clusters_within", lambda *arguments: clusters)
    metrics = feature_measures(parts, with_values(measures=["discovery"]), seed=1)
    assert metrics["discovery_nmi"] == normalized_mutual_info_score(parts["test"].fine, clusters)
    assert metrics["discovery_ari"] == adjusted_rand_score(parts["test"].fine, clusters)


@pytest.mark.parametrize("without", ["train", "val", "test"])
def test_without_fine_labels_the_coarse_measures_remain(parts, without):
    """They are the same whether or not there are fine labels; without those of val a strength is chosen on train."""
    everything = feature_measures(parts, with_values(), seed=1)
    images = {name: len(of.coarse) for name, of in parts.items()}
    parts[without] = part(images[without], {"train": 1, "val": 2, "test": 3}[without], has_fine=False)
    metrics = feature_measures(parts, with_values(), seed=1)
    left_out = {"linear_fine_top_1", "linear_fine_strength"}
    if without == "val":
        assert left_out <= set(metrics)
        metrics = {name: of for name, of in metrics.items() if name not in left_out}
        metrics["interval"].pop("linear_fine_top_1")
    else:
        left_out.add("knn_fine_top_1")
    if without == "test":
        left_out |= {name for name in everything if name.startswith(("few_shot", "discovery"))}
    interval = metrics.pop("interval")
    assert metrics == {k: v for k, v in everything.items() if k not in {*left_out, "interval"}}
    assert interval == {name: of for name, of in everything["interval"].items() if name not in left_out}


@pytest.mark.parametrize(
    ("measures", "split", "needed"),
    [
        ([], "test", ["test"]),
        (["few_shot", "discovery"], "test", ["test"]),
        (["knn"], "test", ["test", "train"]),
        (["linear"], "test", ["test", "train", "val"]),
        (["knn", "linear"], "val", ["val", "train"]),
        (["discovery"], "val", ["val"]),
    ],
)
def test_only_the_parts_that_a_measure_needs(parts, measures, split, needed):
    evaluate = with_values(measures=measures, split=split)
    assert evaluate.parts_needed == needed
    metrics = feature_measures({name: parts[name] for name in needed}, evaluate, seed=1)
    assert {name.split("_")[0] for name in metrics if name != "interval"} == {name.split("_")[0] for name in measures}


def test_the_strength_is_chosen_on_val_and_never_on_what_is_measured(parts):
    """Test labels that say the opposite change nothing."""
    expected = chosen_probes(parts, with_values(), seed=1)
    test = parts["test"]
    parts["test"] = Part(test.features, 2 - test.coarse, 11 - test.fine)
    found = chosen_probes(parts, with_values(), seed=1)
    assert all(torch.equal(found[name].weight, expected[name].weight) for name in ("fine", "coarse"))

    val = parts["val"]
    parts["val"] = Part(val.features, val.coarse, np.full(len(val.fine), 3))  # what a strong penalty can do best
    evaluate = with_values(linear={"strengths": [1e3, 1e-3]})
    assert chosen_probes(parts, evaluate, seed=1)["coarse"].strength == 1e-3


def test_where_val_is_measured_the_strength_comes_from_train(parts):
    evaluate = with_values(split="val", linear={"strengths": [1e3, 1e-3]})
    expected = chosen_probes(parts, evaluate, seed=1)
    val = parts["val"]
    parts["val"] = Part(val.features, 2 - val.coarse, 11 - val.fine)
    found = chosen_probes(parts, evaluate, seed=1)
    for name in ("fine", "coarse"):
        assert torch.equal(found[name].weight, expected[name].weight)
        assert found[name].strength == 1e-3
        # fitted to all of train in the end, not to the share that the strength was chosen with
        assert torch.allclose(found[name].mean, parts["train"].features.mean(dim=0))


def test_few_shots_where_classes_are_too_few_or_too_small():
    fine = np.repeat([0, 1, 2, 3, 4, 5], [1, 2, 2, 2, 2, 6])
    few = Part(part(15, 3).features, fine // 2, fine)
    measured = few_shot.measure({"test": few}, "test", with_values().few_shot, seed=1)
    assert {name: len(of) for name, of in measured.scores.items()} == {
        "few_shot_5_way_1_shot": 30,
        "few_shot_all_way_1_shot": 10,
    }
    assert measured.counts == {
        "few_shot_classes_left_out_1_shot": 1,
        "few_shot_classes_left_out_5_shot": 5,
    }


def test_a_class_that_train_does_not_have_is_missed_and_counted(parts):
    test = parts["test"]
    parts["test"] = Part(test.features, test.coarse, np.where(test.fine < 6, test.fine, test.fine + 50))
    evaluate = with_values(measures=["knn", "linear"])
    metrics = feature_measures(parts, evaluate, seed=1)
    for measure in ("knn", "linear"):
        assert 0.3 < metrics[f"{measure}_fine_top_1"] <= 0.5
    unknown = queries_of_unknown_classes(parts["train"], parts["test"])
    assert unknown == {"queries_of_fine_classes_not_in_train": 60}


def test_labels_of_which_train_has_no_class_are_left_out(parts):
    """As in data sets whose test classes are new: 0 would look like a measurement."""
    test = parts["test"]
    parts["test"] = Part(test.features, test.coarse, test.fine + 50)
    evaluate = with_values(measures=["knn", "linear"])
    metrics = feature_measures(parts, evaluate, seed=1)
    assert set(metrics) == {"knn_coarse_top_1", "linear_coarse_top_1", "linear_coarse_strength", "interval"}
    assert queries_of_unknown_classes(parts["train"], parts["test"]) == {}

    parts["test"] = Part(test.features, test.coarse + 50, test.fine + 50)
    assert feature_measures(parts, evaluate, seed=1) == {"interval": {}}


@pytest.mark.parametrize("val", ["empty", "of other classes"])
def test_where_val_has_no_class_of_train_the_strength_comes_from_train(parts, val):
    evaluate = with_values(linear={"strengths": [1e3, 1e-3]})
    images = parts["val"]
    parts["val"] = {
        "empty": Part(images.features[:0], images.coarse[:0], images.fine[:0]),
        "of other classes": Part(images.features, images.coarse + 50, images.fine + 50),
    }[val]
    found = chosen_probes(parts, evaluate, seed=1)
    assert {name: probe.strength for name, probe in found.items()} == {"fine": 1e-3, "coarse": 1e-3}
    metrics = feature_measures(parts, evaluate, seed=1)
    assert metrics["linear_fine_top_1"] > 0.9
