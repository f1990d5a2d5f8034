"""Images of the gallery that are nearest to your photos: a table, a picture, or JSON."""

import argparse
import json
import time
from pathlib import Path

from maskcon.commands.gallery_choice import add_gallery_arguments, chosen_gallery
from maskcon.parameters.errors import UserError

INDEXES = ("exact", "hnsw", "ivfpq")
KEPT_INDEXES = Path("exports/indexes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", metavar="IMAGE", nargs="+", type=Path, help="a photo of any format that Pillow reads")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many images to find (10)")
    parser.add_argument(
        "--index",
        choices=INDEXES,
        default="exact",
        help="how to find them: all cosines (exact), or by an index of faiss, which is kept in exports/indexes",
    )
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
    started = time.perf_counter()
    from maskcon.explore.search import as_json, as_table, search
    from maskcon.runtime.atomic_files import require_place

    if arguments.index != "exact":
        from maskcon.explore.approximate_neighbours import require_faiss

        require_faiss(arguments.index)
    require_place(arguments.picture)
    gallery = chosen_gallery(arguments)
    kept = _kept_index(arguments, gallery)
    loaded = time.perf_counter()
    found = search(gallery, arguments.photos, arguments.top, kept and kept.index.nearest)
    searched = time.perf_counter()
    picture = _draw(gallery, found, arguments.picture)

    seconds = {"load": round(loaded - started, 3), "search": round(searched - loaded, 3)}
    if arguments.json:
        described = {
            "gallery": {"name": gallery.name, "images": len(gallery)},
            "index": _index_as_json(arguments.index, kept),
            "queries": [as_json(one) for one in found],
            "picture": picture and str(picture),
            "seconds": seconds,
        }
        print(json.dumps(described, indent=2, ensure_ascii=False))
        return
    for one in found:
        print(f"\n{one.photo}\n\n{as_table(one)}")
    print(
        f"\n{len(found)} {'photo' if len(found) == 1 else 'photos'} in {seconds['search']:.2f} s among "
        f"{len(gallery):,} images of {gallery.name} (loaded in {seconds['load']:.1f} s)"
    )
    if kept is not None:
        print(_index_in_words(kept))
    print(f"Picture: {picture}" if picture else _without_picture(gallery))


def _kept_index(arguments: argparse.Namespace, gallery):
    """None for an exact search."""
    if arguments.index == "exact":
        return None
    from maskcon.explore.kept_index import kept_index

    gallery.encoder.read(arguments.photos)  # building takes minutes: photos that cannot be read are told first
    return kept_index(arguments.index, gallery.features, KEPT_INDEXES)


def _index_as_json(kind: str, kept) -> dict:
    """Recall is that of the index against exact search."""
    if kept is None:
        return {"kind": kind}
    recall = {f"recall_at_{k}": share for k, share in kept.recall.items()}
    return {"kind": kind, "file": str(kept.path), **recall, "recall_of_images": kept.sample}


def _index_in_words(kept) -> str:
    shares = ", ".join(f"{100 * share:.1f}% of the first {k}" for k, share in kept.recall.items())
    return (
        f"Index: {kept.path}, built in {kept.seconds:.1f} s. For {kept.sample:,} images of the gallery it finds, of "
        f"what exact search finds: {shares}"
    )


def _draw(gallery, found, path: Path) -> Path | None:
    """None where this folder has not the images of the gallery."""
    if gallery.images is None:
        return None
    from maskcon.explore.found_images import FoundRow, draw_found_images

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
