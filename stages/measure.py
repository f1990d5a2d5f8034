"""Stage measure: one of evaluate.measures, of the features of the trained encoder, the untrained one and pixels.

python -m stages.measure knn
"""

import sys
from functools import partial
from pathlib import Path

import torch
from joblib import Memory

from maskcon.embedding.files import read_embedded_set
from maskcon.evaluation.measures.shared.measured import Part, feature_measures, queries_of_unknown_classes
from maskcon.parameters.evaluate import EvaluateParameters
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import write_json
from maskcon.runtime.entry import run_stage
from maskcon.runtime.one_thread import on_one_thread_each
from maskcon.runtime.start import VERBOSE

FEATURES = ("encoder", "untrained", "pixels")
MEASURES = Path("metrics/measures")


def main(parameters: Parameters, names: list[str] | None = None, keep: Path | None = None) -> None:
    """All of evaluate.measures, where no names are given.

    Args:
        keep: a folder where measures before training lie from one run to the next, for many runs of the same code.
    """
    for name in names or parameters.evaluate.measures:
        _take(name, parameters.evaluate.model_copy(update={"measures": [name]}), parameters.seed, keep)


def _take(name: str, evaluate: EvaluateParameters, seed: int, keep: Path | None) -> None:
    """Write the files of the one measure that ``evaluate`` names."""
    embedded = {
        part: read_embedded_set(Path("embeddings") / part, only_with_fine=part != "train")
        for part in evaluate.parts_needed
    }
    kept = Memory(keep, verbose=0).cache(_measured, ignore=["evaluate"])  # with no folder the same call

    def measured(kind: str) -> tuple[dict, dict]:
        arrays = {part: (of.features(kind), of.coarse, of.fine) for part, of in embedded.items()}
        return (_measured if kind == "encoder" else kept)(arrays, evaluate, seed, evaluate.model_dump_json())

    library = getattr(evaluate, name).computes_with
    found = dict(zip(FEATURES, on_one_thread_each(measured, FEATURES, library), strict=True))

    trained, counts = found["encoder"]
    numbers = {metric: value for metric, value in trained.items() if metric != "interval"} | counts
    baselines = {kind: found[kind][0] for kind in ("untrained", "pixels")}
    write_json(MEASURES / f"{name}.json", numbers)
    write_json(MEASURES / f"{name}_in_full.json", {**numbers, "interval": trained["interval"], **baselines})
    _say(name, {"trained": trained, **baselines}, counts, has_fine=embedded[evaluate.split].fine is not None)


def _measured(arrays: dict[str, tuple], evaluate: EvaluateParameters, seed: int, values: str) -> tuple[dict, dict]:
    """As ``feature_measures``, and how many queries are of classes that training images lack.

    Args:
        arrays: by part, features, coarse labels and fine ones.
        values: of ``evaluate``, as text, by which kept calls are told apart.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = {
        part: Part(torch.from_numpy(features).to(device), coarse, fine)
        for part, (features, coarse, fine) in arrays.items()
    }
    metrics, counts = feature_measures(parts, evaluate, seed)
    if "train" in parts:
        counts = queries_of_unknown_classes(parts["train"], parts[evaluate.split]) | counts
    return metrics, counts


def _say(name: str, metrics: dict[str, dict], counts: dict[str, int], has_fine: bool) -> None:
    """The first metric of each feature file, where verbose all, and what could not be measured."""
    means = list(metrics["trained"]["interval"])
    for metric in means if VERBOSE else means[:1]:
        print(f"{metric}: {', '.join(f'{kind} {of[metric]:.1%}' for kind, of in metrics.items())}")
    if not has_fine:
        print(f"{name}: the images have no fine labels, so only coarse ones could be measured")
    for count, number in counts.items():
        if count.startswith("few_shot") and number:
            print(f"{count}: {number}, which have no image to ask for beside the shots")
        if count.startswith("queries"):
            print(f"{count}: {number}, which what learns from training images cannot get right")


if __name__ == "__main__":
    run_stage(partial(main, names=sys.argv[1:]))
