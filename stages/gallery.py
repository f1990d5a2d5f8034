"""Stage gallery: reports/gallery.html, one page to look through the evaluated images by likeness."""

from pathlib import Path

from maskcon.embedding.files import read_embedded_set
from maskcon.explore.gallery_page.page import Pictured, write_page
from maskcon.figures.tsne import MAPS, read_maps
from maskcon.images.packed.image_set import read_images
from maskcon.parameters.flattened import flattened
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.runtime.run_key import run_name

PAGE = Path("reports/gallery.html")


def main(parameters: Parameters) -> None:
    split, name = parameters.evaluate.split, parameters.data.name
    labels = read_embedded_set(Path("embeddings") / split)
    laid_out = read_maps(MAPS)
    before_training = {"untrained": parameters.model.before_training, "whitened/encoder": "whitened"}
    pictured = Pictured(
        name=f"{name}, {split} part",
        run=_run(parameters),
        labels=labels,
        images=read_images(Path("data/sets") / name / split),
        features={before_training.get(file, "trained"): labels.features(file) for file in laid_out.maps},
        shown=laid_out.shown,
        maps=list(laid_out.maps.values()),
    )
    write_page(pictured, PAGE)
    print(f"{PAGE}: {len(laid_out.shown):,} of {len(labels):,} images")


def _run(parameters: Parameters) -> str:
    """The run's name, and the values of its method."""
    values = flattened(parameters.loss.model_dump(exclude={"name"}))
    return f"{run_name(parameters)} ({', '.join(f'{name} {value}' for name, value in values.items())})"


if __name__ == "__main__":
    run_stage(main)
