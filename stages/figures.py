"""embeddings/, the split's images, plots/*.csv -> reports/figures/, reports/maps.npz."""

from pathlib import Path

import numpy as np
import pandas as pd

from maskcon.embedding.files import read_embedded_set
from maskcon.figures.embedding_map import draw_embedding_map, images_on_the_map, labels_on_the_map
from maskcon.figures.lettering import with_drawable_names
from maskcon.figures.palette import class_palette
from maskcon.figures.recall_curve import draw_recall_at_k
from maskcon.figures.retrieved_images import captions_of, choose_queries, draw_retrieved_images, lay_out, nearest_images
from maskcon.figures.training_curves import draw_training_curves
from maskcon.figures.tsne import MAPS, LaidOut, two_dimensional_maps, write_maps
from maskcon.images.packed.image_set import read_labelled_set
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import write_json
from maskcon.runtime.entry import run_stage
from maskcon.runtime.randomness import derived_seed, numpy_generator

FIGURES = Path("reports/figures")


def main(parameters: Parameters) -> None:
    wanted, split = parameters.figures, parameters.evaluate.split
    before_training = parameters.model.before_training
    labelled = with_drawable_names(read_labelled_set(Path("data/sets") / parameters.data.name / split))
    embedded = read_embedded_set(Path("embeddings") / split)
    whitened = ["whitened/encoder"] if parameters.train.backbone == "frozen" else []
    features = {name: embedded.features(name) for name in ("untrained", *whitened, "encoder")}

    shown = images_on_the_map(
        labelled.coarse, labelled.fine, wanted.tsne_images, numpy_generator(parameters.seed, "map images")
    )
    seed = derived_seed(parameters.seed, "t-SNE")
    on_the_map = {name: of[shown] for name, of in features.items()}
    maps = two_dimensional_maps(on_the_map, wanted.tsne_perplexity, seed)
    write_maps(LaidOut(shown, maps), MAPS)

    draw_training_curves(
        pd.read_csv("plots/pretrain.csv"), pd.read_csv("plots/recall_over_epochs.csv"), FIGURES / "training_curves"
    )
    draw_recall_at_k(pd.read_csv("plots/recall_at_k.csv"), before_training, FIGURES / "recall_at_k")
    captions = captions_of(labelled)
    rows = wanted.queries_per_coarse_class * len(np.unique(labelled.coarse))
    layout = lay_out(rows, wanted.neighbours, labelled.images, captions)
    queries = choose_queries(
        labelled.coarse,
        labelled.fine,
        wanted.queries_per_coarse_class,
        layout.most_rows,
        numpy_generator(parameters.seed, "queries"),
    )
    retrievals = nearest_images(features["encoder"], queries, wanted.neighbours)
    layout = lay_out(len(queries), wanted.neighbours, labelled.images, captions)
    draw_retrieved_images(retrievals, labelled.images, captions, layout, FIGURES / "retrieved_images")

    palette = class_palette(labelled.coarse, labelled.fine)
    labels = labels_on_the_map(labelled, shown, palette)
    draw_embedding_map(
        [maps["untrained"], maps["encoder"]], [before_training, "trained"], labels, FIGURES / "embedding_map"
    )

    write_json(
        FIGURES / "shown.json",
        {
            "images_on_the_map": len(shown),
            "fine_classes_on_the_map": None if labels.fine is None else len(np.unique(labels.fine)),
            "colours_stand_for": palette.scheme,
            "queries": len(queries),
            "coarse_classes_of_the_queries": len(np.unique(labelled.coarse[queries])),
            "neighbours": len(retrievals[0].neighbours),
        },
    )
    print(f"{FIGURES}: {', '.join(sorted(path.stem for path in FIGURES.glob('*.pdf')))}")


if __name__ == "__main__":
    run_stage(main)
