"""The pets from archives in the form of the published ones."""

import pytest

from maskcon.images.sources import oxford_pets
from maskcon.parameters.errors import UserError
from tests.images.small_archives import assert_colours, download_and_pack, jpeg, preset, stand_in, write_tar

BREEDS = {"Abyssinian": (1, 1), "american_bulldog": (2, 2), "basset_hound": (3, 2), "Bengal": (4, 1)}  # number, species
PHOTOS = {"trainval": 4, "test": 2}  # of each breed


def shade(breed):
    number, species = BREEDS[breed]
    return (50 * number, 100 * species, 30)


def photos():
    first, files, lists = 1, {}, {}
    for part, number in PHOTOS.items():
        lines = []
        for breed, (label, species) in BREEDS.items():
            for place in range(first, first + number):
                files[f"images/{breed}_{place}.jpg"] = jpeg(shade(breed), 50 + place, 40)
                lines.append(f"{breed}_{place} {label} {species} 1")
        first += number
        lists[f"annotations/{part}.txt"] = ("\n".join(lines) + "\n").encode()
    lists["annotations/list.txt"] = b"#Image CLASS-ID SPECIES BREED ID\nAbyssinian_1 1 1 1\n"
    lists["annotations/trimaps/Abyssinian_1.png"] = b"PNG"
    lists["annotations/trimaps/._Abyssinian_1.png"] = b"of a Mac"
    return files, lists


def write_archives(tmp_path, monkeypatch, changed_photos=None, changed_lists=None):
    files, lists = photos()
    for name, content, constant in [
        ("images", files | (changed_photos or {}), "PHOTOS"),
        ("annotations", lists | (changed_lists or {}), "ANNOTATIONS"),
    ]:
        write_tar(tmp_path / "source" / f"{name}.tar.gz", content)
        stand_in(monkeypatch, oxford_pets, constant, tmp_path / "source")


def test_from_archives_to_packed_set(tmp_path, monkeypatch):
    data = preset("oxford_pets", tmp_path, val_share=0.25)
    write_archives(tmp_path, monkeypatch)
    packed = download_and_pack(data, tmp_path)
    assert {split: len(part.fine) for split, part in packed.items()} == {"train": 8, "val": 8, "test": 8}
    for part in packed.values():
        breeds = [name.replace(" ", "_") for name in part.fine_name]
        assert [BREEDS[breed] for breed in breeds] == [*zip(part.fine + 1, part.coarse + 1, strict=True)]
        assert part.coarse_name.tolist() == [("cat", "dog")[coarse] for coarse in part.coarse]
        assert [source.rpartition("_")[0] for source in part.source] == [f"photos/images/{breed}" for breed in breeds]
        assert_colours(part, [shade(breed) for breed in breeds])
    labels = (tmp_path / "data/sets/oxford_pets/test/labels.csv").read_text()
    assert "photos/images/american_bulldog_6.jpg,56,40" in labels  # its own size


@pytest.mark.parametrize(
    ("changed_photos", "changed_lists", "said"),
    [
        ({"images/Bengal_6.jpg": b""}, None, r"images/Bengal_6\.jpg is empty; 1 of 24 photos cannot be read"),
        (None, {"annotations/test.txt": b"Bengal_6 four 1 1\n"}, r"test\.txt cannot be read"),
        (None, {"annotations/test.txt": b"Siamese_6 4 1 1\n"}, r"images/Siamese_6\.jpg"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, monkeypatch, changed_photos, changed_lists, said):
    write_archives(tmp_path, monkeypatch, changed_photos, changed_lists)
    with pytest.raises(UserError, match=said):
        download_and_pack(preset("oxford_pets", tmp_path), tmp_path)
