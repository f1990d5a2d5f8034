"""iNaturalist from archives in the form of the published ones, by every rank."""

import json

import numpy as np
import pytest

from maskcon.images.sources import inaturalist
from maskcon.parameters.errors import UserError
from tests.images.small_archives import download_and_pack, jpeg, preset, stand_in, write_tar

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
SPECIES = [
    ("Insects", "Animalia", "Arthropoda", "Insecta", "Odonata", "Libellulidae", "Libellula", "depressa"),
    ("Birds", "Animalia", "Chordata", "Aves", "Passeriformes", "Parulidae", "Setophaga", "citrina"),
    ("Birds", "Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Corvus", "corax"),
    ("Plants", "Plantae", "Tracheophyta", "Liliopsida", "Asparagales", "Orchidaceae", "Ophrys", "apifera"),
]


def folder(number):
    return f"{number:05}_" + "_".join(SPECIES[number][1:])


def categories():
    return [
        {
            "id": number,
            "name": f"{ranks[-2]} {ranks[-1]}",
            "common_name": "a species",
            "supercategory": ranks[0],
            "specific_epithet": ranks[-1],
            "image_dir_name": folder(number),
        }
        | dict(zip(RANKS, ranks[1:7], strict=True))
        for number, ranks in enumerate(SPECIES)
    ]


def photos(part, number_each):
    return {
        f"{part}/{folder(number)}/{place:08}-aa.jpg": jpeg((60 * number, 10, 200), 80, 60 + number)
        for number in range(len(SPECIES))
        for place in range(number_each)
    }


def archives():
    annotations = {"info": {}, "images": [], "annotations": [], "licenses": [], "categories": categories()}
    return {
        "TRAIN": photos("train_mini", 4),
        "TEST": photos("val", 2),
        "SPECIES": {"val.json": json.dumps(annotations).encode()},
    }


def write_archives(tmp_path, monkeypatch, **changed):
    for constant, files in (archives() | changed).items():
        name = getattr(inaturalist, constant).name
        write_tar(tmp_path / "source" / name, files)
        stand_in(monkeypatch, inaturalist, constant, tmp_path / "source")


def check(packed, rank):
    place = ("supercategory", *RANKS).index(rank)
    names = sorted({ranks[place] for ranks in SPECIES})
    for part in packed.values():
        assert part.fine_name.tolist() == [" ".join(SPECIES[fine][-2:]) for fine in part.fine]
        assert part.coarse_name.tolist() == [SPECIES[fine][place] for fine in part.fine]
        assert part.coarse.tolist() == [names.index(name) for name in part.coarse_name]
        for image, fine in zip(part.images, part.fine, strict=True):
            assert np.abs(image.astype(int) - (60 * fine, 10, 200)).max() <= 4


@pytest.mark.parametrize("rank", ["supercategory", "class", "genus"])
def test_from_archives_to_packed_set(tmp_path, monkeypatch, rank):
    data = preset("inaturalist", tmp_path, val_share=0.25, coarse_by=rank)
    write_archives(tmp_path, monkeypatch)
    packed = download_and_pack(data, tmp_path)
    assert {split: len(part.fine) for split, part in packed.items()} == {"train": 8, "val": 8, "test": 8}
    check(packed, rank)


def test_a_species_without_photos_is_named(tmp_path, monkeypatch):
    fewer = {name: file for name, file in photos("train_mini", 4).items() if "Corvus" not in name}
    write_archives(tmp_path, monkeypatch, TRAIN=fewer)
    with pytest.raises(UserError, match=r"train_mini has no photos in 00002_Animalia.*Corvus_corax"):
        download_and_pack(preset("inaturalist", tmp_path), tmp_path)


@pytest.mark.parametrize("content", [b"[", b'{"categories": [{"id": 1}]}'])
def test_other_annotations_are_refused(tmp_path, monkeypatch, content):
    write_archives(tmp_path, monkeypatch, SPECIES={"val.json": content})
    with pytest.raises(UserError, match=r"val\.json cannot be read .* fetch val\.json\.tar\.gz again"):
        download_and_pack(preset("inaturalist", tmp_path), tmp_path)
