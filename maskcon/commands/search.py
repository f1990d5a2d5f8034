"""Images of the gallery that are nearest to your photos: a table, a picture, or JSON."""

import argparse
import json
import time
from pathlib import Path

from maskcon.commands.gallery_choice import add_gallery_arguments, chosen_gallery
from maskcon.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", metavar="IMAGE", nargs="+", type=Path, help="a photo of any format that Pillow reads")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many images to find (10)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("exports/search.png"),
        metavar="PNG",
        help="where the picture goes (%(default)s)",
    )
    add_gallery_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    if arguments.top < 1:
        raise UserError(f"--top {arguments.top} is not allowed: it should be 1 or more")
    missing = [str(photo) for photo in arguments.photos if not photo.is_file()]
    if missing:
        raise UserError(f"there is no file {', '.join(missing)}; give photos by their paths")
    started = time.perf_counter()
    from maskcon.search import as_json, as_table, search

    gallery = chosen_gallery(arguments)
    loaded = time.perf_counter()
    found = search(gallery, arguments.photos, arguments.top)
    searched = time.perf_counter()
    picture = _draw(gallery, found, arguments.picture)

    seconds = {"load": round(loaded - started, 3), "search": round(searched - loaded, 3)}
    if arguments.json:
        described = {"name": gallery.name, "images": len(gallery)}
        queries = [as_json(one) for one in found]
        print(
            json.dumps(
                {"gallery": described, "queries": queries, "picture": picture and str(picture), "seconds": seconds},
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    for one in found:
        print(f"\n{one.photo}\n\n{as_table(one)}")
    print(
        f"\n{len(found)} {'photo' if len(found) == 1 else 'photos'} in {seconds['search']:.2f} s among "
        f"{len(gallery):,} images of {gallery.name} (loaded in {seconds['load']:.1f} s)"
    )
    print(f"Picture: {picture}" if picture else _without_picture(gallery))


def _draw(gallery, found, path: Path) -> Path | None:
    """None where this folder has not the images of the gallery."""
    if gallery.images is None:
        return None
    from maskcon.figures.found_images import FoundRow, draw_found_images

    rows = [
        FoundRow(
            photo=one.pixels,
            name=one.photo.name,
            images=[gallery.images[near.place] for near in one.nearest],
            names=[near.fine_name or near.coarse_name for near in one.nearest],
            similarities=[near.similarity for near in one.nearest],
        )
        for one in found
    ]
    draw_found_images(rows, path)
    return path


def _without_picture(gallery) -> str:
    name = gallery.encoder.data.name
    return f"No picture: data/sets/{name}/test in this folder does not hold the images of this gallery."
