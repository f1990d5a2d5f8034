import io

import numpy as np
import pytest
from PIL import Image

from maskcon.explore.gallery import workspace_gallery
from maskcon.explore.search import as_table, search
from maskcon.explore.trained_encoder import load_trained_encoder
from tests.support.finished_run import labels_table, number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, tiny_parameters):
    labels = two_digit_labels(60)
    return write_workspace(
        tmp_path_factory.mktemp("workspace"), tiny_parameters(), labels, number_images(labels["fine"])
    )


@pytest.fixture(scope="module")
def gallery(workspace):
    return workspace_gallery(workspace)


def saved(image: np.ndarray, path, **options):
    Image.fromarray(image).save(path, **options)
    return path


def test_ranks_are_those_of_sorting_all_cosines(gallery, tmp_path):
    photos = [saved(gallery.images[place], tmp_path / f"{place}.png") for place in (7, 23)]
    for place, found in zip((7, 23), search(gallery, photos, 10), strict=True):
        cosines = [float(row @ gallery.features[place]) for row in gallery.features]
        expected = sorted(range(60), key=lambda row: -cosines[row])[:10]
        assert [one.place for one in found.nearest] == expected
        assert expected[0] == place  # the image itself
        assert [one.cosine for one in found.nearest] == pytest.approx([cosines[row] for row in expected], abs=1e-5)
        assert [one.fine for one in found.nearest] == gallery.labels.fine_name[expected].tolist()
        assert [one.rank for one in found.nearest] == list(range(1, 11))


def test_a_photo_is_read_as_the_folder_of_photos_reads_it(gallery, tmp_path):
    """Turned by EXIF, transparent, in 16 bits, coloured for an encoder that sees grey: the same picture is found."""
    image = gallery.images[5]
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter to the right to stand upright
    turned = np.rot90(image).copy()
    transparent = np.dstack(
        [np.zeros_like(image), 255 - image[..., 0]]
    )  # black, thin where the image is bright: on white
    deep = io.BytesIO()
    Image.fromarray(image[..., 0].astype(np.uint16) * 257).save(deep, "png")
    (tmp_path / "deep.png").write_bytes(deep.getvalue())
    photos = [
        saved(turned, tmp_path / "turned.png", exif=exif),
        saved(transparent, tmp_path / "transparent.png"),
        tmp_path / "deep.png",
    ]
    for found in search(gallery, photos, 1):
        assert np.abs(found.pixels.astype(int) - image).max() <= 1
        assert found.nearest[0].place == 5


def test_a_grey_encoder_sees_the_luma_of_a_coloured_photo(gallery, tmp_path):
    coloured = np.zeros((16, 24, 3), np.uint8) + np.array([250, 20, 120], np.uint8)
    [image] = gallery.encoder.read([saved(coloured, tmp_path / "pink.png")])
    assert (image == round(0.299 * 250 + 0.587 * 20 + 0.114 * 120)).all()


def test_three_lines_of_python(workspace, tmp_path, monkeypatch):
    saved(number_images([42])[0], tmp_path / "cat.jpg")
    saved(number_images([7])[0], tmp_path / "dog.png")
    (tmp_path / "models").symlink_to(workspace / "models")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(three_lines(load_trained_encoder.__module__), namespace)
    assert namespace["features"].shape == (2, namespace["encoder"].network.feature_size)
    assert np.linalg.norm(namespace["features"], axis=1) == pytest.approx([1, 1], abs=1e-6)


def three_lines(module: str) -> str:
    """As the module and docs/search.md show them, which is the same."""
    from importlib import import_module
    from pathlib import Path

    shown = [line.strip() for line in import_module(module).__doc__.splitlines() if line.startswith("    ")]
    manual = (Path(__file__).resolve().parents[2] / "docs/search.md").read_text()
    assert all(line in manual for line in shown)
    return "\n".join(shown)


def test_without_fine_labels(tmp_path, tiny_parameters):
    labels = labels_table(np.arange(20) % 2, np.array(["even", "odd"])[np.arange(20) % 2], "", "")
    gallery = workspace_gallery(write_workspace(tmp_path, tiny_parameters(), labels, number_images(np.arange(20))))
    [found] = search(gallery, [saved(gallery.images[3], tmp_path / "three.png")], 2)
    assert found.nearest[0].fine is None
    assert found.nearest[0] == (1, pytest.approx(1), "odd", None, "image 3", 3)
    header, _, first, *_ = as_table(found, lambda near: 7).splitlines()
    assert header.split() == ["rank", "cosine", "right", "coarse", "class", "image"]
    assert first.split() == ["1", "1.000", "7", "odd", "image", "3"]


def test_names_cannot_steer_the_terminal(tmp_path, tiny_parameters):
    labels = labels_table(np.arange(20) % 2, "\x1b[2Jred", np.arange(20) % 4, "line\nbreak")
    gallery = workspace_gallery(write_workspace(tmp_path, tiny_parameters(), labels, number_images(np.arange(20))))
    [found] = search(gallery, [saved(gallery.images[3], tmp_path / "three.png")], 2)
    table = as_table(found, lambda near: 7)
    assert "\x1b" not in table
    assert len(table.splitlines()) == 4
