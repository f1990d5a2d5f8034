"""Stage measure: what evaluate.measures names beside Recall@K, of the trained encoder, the untrained one and pixels."""

from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from maskcon.embedding.files import EmbeddedSet, read_embedded_set
from maskcon.evaluation.feature_measures import feature_measures
from maskcon.evaluation.measures.shared.measured import Part, queries_of_unknown_classes
from maskcon.parameters.evaluate import EvaluateParameters
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import write_json
from maskcon.runtime.entry import run_stage
from maskcon.runtime.start import VERBOSE

FEATURES = ("encoder", "untrained", "pixels")


def main(parameters: Parameters) -> None:
    evaluate = parameters.evaluate
    embedded = {part: read_embedded_set(Path("embeddings") / part) for part in evaluate.parts_needed}
    features = {name: {part: _part(of, name) for part, of in embedded.items()} for name in FEATURES}
    # One thread: the same bytes on any number of cores. There are very many small sums here, and several threads, which
    # wait for each other after each, gain little alone and lose much beside other work.
    with threadpool_limits(limits=1):
        found = {name: feature_measures(parts, evaluate, parameters.seed) for name, parts in features.items()}

    metrics = {name: found[name][0] for name in FEATURES}
    measured = embedded[evaluate.split]
    counts = {"images": len(measured)}
    if "train" in embedded:
        parts = next(iter(features.values()))
        counts |= queries_of_unknown_classes(parts["train"], parts[evaluate.split])
    counts |= found["encoder"][1]
    trained = dict(metrics["encoder"])
    interval = trained.pop("interval")
    baselines = {name: metrics[name] for name in ("untrained", "pixels")}
    write_json(Path("metrics/measures.json"), {**trained, **counts})
    write_json(Path("metrics/measures_in_full.json"), {**trained, **counts, "interval": interval, **baselines})
    _say(measured, metrics, counts, evaluate)


def _part(embedded: EmbeddedSet, name: str) -> Part:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Part(torch.from_numpy(embedded.features(name)).to(device), embedded.coarse, embedded.fine)


def _say(
    measured: EmbeddedSet, metrics: dict[str, dict[str, Any]], counts: dict[str, int], evaluate: EvaluateParameters
) -> None:
    """The first metric of each feature file, where verbose all, and what could not be measured."""
    names = list(metrics["encoder"]["interval"])
    print(f"{measured.folder.name}: {len(measured)} images, {len(names)} measures (trained, untrained, raw pixels)")
    for name in names if VERBOSE else names[:1]:
        print(f"  {name}: {', '.join(f'{of[name]:.3f}' for of in metrics.values())}")
    if measured.fine is None:
        print("no fine labels: only coarse measures could be taken")
    for name, number in counts.items():
        if name.startswith("few_shot") and number:
            print(f"{name}: {number}, which have no image to ask for beside the shots")
        if name.startswith("queries"):
            print(f"{name}: {number}, which nearest neighbours and the linear probe cannot get right")


if __name__ == "__main__":
    run_stage(main)
