"""Make a gallery of more images, or of a recorded run."""

import argparse
from pathlib import Path

from maskcon.parameters.errors import UserError

MOST_IMAGES = 10_000
MOST_ON_A_PAGE = 60_000  # numbers of images have 16 bits there
PERPLEXITY, SEED = 30.0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--page", type=Path, default=Path("exports/gallery.html"), metavar="HTML", help="where it goes (%(default)s)"
    )
    parser.add_argument(
        "--images", type=int, default=MOST_IMAGES, metavar="N", help="how many at most, drawn at random (%(default)s)"
    )
    parser.add_argument("--run", metavar="ID", help="the encoder of this MLflow run instead of the one in models/")


def main(arguments: argparse.Namespace) -> None:
    if not 3 <= arguments.images <= MOST_ON_A_PAGE:
        raise UserError(f"--images {arguments.images} is not allowed: it should be from 3 to {MOST_ON_A_PAGE}")
    from maskcon.explore.gallery import chosen_gallery
    from maskcon.explore.gallery_page.page import Layout, Pictured, write_page
    from maskcon.runtime.atomic_files import require_place

    require_place(arguments.page)  # the layout takes minutes
    gallery = chosen_gallery(Path.cwd(), arguments.run)
    if gallery.images is None:
        raise UserError(
            f"data/sets/{gallery.encoder.data.name}/test in this folder does not hold the images of this gallery; "
            "make it with: dvc repro coarse"
        )
    print(f"{gallery.name}: laying out {min(len(gallery), arguments.images):,} images", flush=True)
    pictured = Pictured(gallery.name, "", gallery.labels, gallery.images, {"trained": gallery.features})
    shown = write_page(pictured, arguments.page, Layout(arguments.images, PERPLEXITY, SEED))
    size = arguments.page.stat().st_size / 1e6
    print(f"{arguments.page}: {shown:,} of {len(gallery):,} images, {size:.1f} MB; open it in a browser")
