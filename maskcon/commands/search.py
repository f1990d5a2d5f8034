"""Find the test images that are nearest to your photos."""

import argparse
import json
import re
from pathlib import Path

from maskcon.parameters.errors import UserError

KEPT_INDEXES = Path("exports/indexes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", metavar="IMAGE", nargs="*", type=Path, help="a photo of any format that Pillow reads")
    parser.add_argument("--from", dest="own", metavar="test:N", help="image N of the test part instead of a photo")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many images to find (%(default)s)")
    parser.add_argument(
        "--index",
        choices=["exact", "hnsw"],
        default="exact",
        help="how to find them: all cosines (exact), or an index by faiss (hnsw), kept in exports/indexes",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--picture", type=Path, default=Path("exports/search.png"), metavar="PNG", help="its file (%(default)s)"
    )
    parser.add_argument("--run", metavar="ID", help="the encoder of this MLflow run instead of the one in models/")


def main(arguments: argparse.Namespace) -> None:
    if arguments.top < 1:
        raise UserError(f"--top {arguments.top} is not allowed: it should be 1 or more")
    own = re.fullmatch(r"test:(\d+)", arguments.own or "test:0")
    if own is None or bool(arguments.photos) == bool(arguments.own):
        raise UserError("name photos, or one image of the test part by its number, such as --from test:42")
    from maskcon.explore.confidence import measured_confidence
    from maskcon.explore.found_images import draw_found_images
    from maskcon.explore.gallery import chosen_gallery
    from maskcon.explore.search import search, search_own
    from maskcon.runtime.atomic_files import require_place

    require_place(arguments.picture)
    gallery = chosen_gallery(Path.cwd(), arguments.run)
    index = _kept_index(arguments, gallery) if arguments.index == "hnsw" else None
    finder = index and index.nearest
    if arguments.own:
        found = [search_own(gallery, int(own[1]), arguments.top)]
    else:
        found = search(gallery, arguments.photos, arguments.top, finder)
    confidence = measured_confidence(gallery, max(len(one.nearest) for one in found), finder)
    picture = None if gallery.images is None else arguments.picture
    if picture:
        draw_found_images(found, gallery.images, picture)
    say = _say_json if arguments.json else _say
    say(gallery, index, found, confidence, picture)


def _kept_index(arguments: argparse.Namespace, gallery):
    from maskcon.explore.index import kept_index

    gallery.encoder.read(arguments.photos)  # building may take minutes: photos that cannot be read are told first
    return kept_index(gallery.features, KEPT_INDEXES)


def _say_json(gallery, index, found, confidence, picture: Path | None) -> None:
    queries = [
        {
            "photo": str(one.photo),
            "is_good_match": confidence.is_good(one),
            "nearest": [near._asdict() | {"right": confidence.right(near)} for near in one.nearest],
        }
        for one in found
    ]
    described = {
        "gallery": {"name": gallery.name, "images": len(gallery)},
        "right": {"of": confidence.images, "label": confidence.label},
        "index": index and str(index.path),
        "queries": queries,
        "picture": picture and str(picture),
    }
    print(json.dumps(described, indent=2, ensure_ascii=False))


def _say(gallery, index, found, confidence, picture: Path | None) -> None:
    from maskcon.explore.confidence import FAR
    from maskcon.explore.search import as_table

    for one in found:
        print(f"\n{one.photo}\n\n{as_table(one, confidence.right)}")
        if not confidence.is_good(one):
            print(f"No good match: {FAR:.0%} of the validation images have a nearer neighbour than this photo.")
    print(f"\nSearched: {len(gallery):,} images of {gallery.name}")
    without_fine = "" if confidence.label == "fine" else ", as not all images have fine labels"
    alike = f"{confidence.images} validation images whose neighbour of that rank is about as near"
    known = f"of {alike}, how many share its {confidence.label} class{without_fine}"
    print(f"Right: {known if confidence.images else 'not known, as no validation images are kept here'}")
    if index is not None:
        recall = "" if index.recall is None else f", new; it finds {index.recall:.1%} of an image's 10 nearest"
        print(f"Index: {index.path}{recall}")
    name = gallery.encoder.data.name
    without = f"none, as data/sets/{name}/test in this folder does not hold the images of this gallery"
    print(f"Picture: {picture or without}")
