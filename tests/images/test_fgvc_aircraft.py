"""The aircraft from an archive in the form of the published one, by manufacturer and by family."""

import pytest

from maskcon.images.sources import fgvc_aircraft
from maskcon.parameters.errors import UserError
from tests.images.small_archives import assert_colours, download_and_pack, jpeg, preset, stand_in, write_tar

AIRCRAFT = {  # variant: family, manufacturer
    "707-320": ("Boeing 707", "Boeing"),
    "737-700": ("Boeing 737", "Boeing"),
    "737-800": ("Boeing 737", "Boeing"),
    "A300B4": ("A300", "Airbus"),
    "F/A-18": ("F/A-18", "McDonnell Douglas"),
}
LEVELS = {"variant": "variants", "family": "families", "manufacturer": "manufacturers"}


def level_of(variant, level):
    return {"variant": variant, "family": AIRCRAFT[variant][0], "manufacturer": AIRCRAFT[variant][1]}[level]


def shade(variant):
    return (40 * list(AIRCRAFT).index(variant), 200, 90)


def archive():
    variants = [variant for variant in AIRCRAFT for _ in range(4)]
    photos = {
        part: {f"{first + 7 * place:07}": variant for place, variant in enumerate(variants)}
        for part, first in {"trainval": 34316, "test": 34456}.items()
    }
    shown = photos["trainval"] | photos["test"]
    files = {f"images/{number}.jpg": jpeg(shade(variant), 90, 60) for number, variant in shown.items()}
    for level, listed in LEVELS.items():
        names = sorted({level_of(variant, level) for variant in AIRCRAFT})
        files[f"{listed}.txt"] = ("\n".join(names) + "\n").encode()
        for part, shown in photos.items():  # each list is sorted by its own level
            lines = sorted(f"{level_of(variant, level)}|{photo}" for photo, variant in shown.items())
            text = "".join(f"{photo} {name}\n" for name, photo in (line.split("|") for line in lines))
            files[f"images_{level}_{part}.txt"] = text.encode()
    return {f"fgvc-aircraft-2013b/data/{name}": file for name, file in files.items()}


def write_archive(tmp_path, monkeypatch, changed=None):
    write_tar(tmp_path / "source" / "fgvc-aircraft-2013b.tar.gz", archive() | (changed or {}))
    stand_in(monkeypatch, fgvc_aircraft, "ARCHIVE", tmp_path / "source")


@pytest.mark.parametrize("coarse_by", ["manufacturer", "family"])
def test_from_archive_to_packed_set(tmp_path, monkeypatch, coarse_by):
    data = preset("fgvc_aircraft", tmp_path, val_share=0.0, coarse_by=coarse_by)
    write_archive(tmp_path, monkeypatch)
    packed = download_and_pack(data, tmp_path)
    assert {split: len(part.fine) for split, part in packed.items()} == {"train": 20, "val": 0, "test": 20}
    coarse_names = sorted({level_of(variant, coarse_by) for variant in AIRCRAFT})
    for part in packed.values():
        assert part.fine_name.tolist() == [sorted(AIRCRAFT)[fine] for fine in part.fine]
        assert part.coarse_name.tolist() == [level_of(variant, coarse_by) for variant in part.fine_name]
        assert part.coarse.tolist() == [coarse_names.index(name) for name in part.coarse_name]
        if len(part.fine):
            assert_colours(part, [shade(variant) for variant in part.fine_name])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("images_variant_test.txt", b"", r"images_variant_test\.txt cannot be read \(it has no lines\)"),
        ("manufacturers.txt", b"Boeing\n", "no variant or manufacturer of its lists"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, monkeypatch, name, content, said):
    write_archive(tmp_path, monkeypatch, {f"fgvc-aircraft-2013b/data/{name}": content})
    with pytest.raises(UserError, match=said):
        download_and_pack(preset("fgvc_aircraft", tmp_path), tmp_path)
