from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskcon.explore import confidence
from maskcon.explore.confidence import measured_confidence
from maskcon.explore.gallery import Gallery, Validation
from maskcon.explore.search import Found, Neighbour
from tests.explore.made_up_gallery import made_up_gallery


@pytest.fixture
def gallery(monkeypatch):
    """60 images, and 60 others of the same classes to ask for."""
    monkeypatch.setattr(confidence, "ALIKE", 5)
    made = made_up_gallery()

    def noisy(seed):
        features = made.features["trained"] + np.random.default_rng(seed).normal(scale=0.3, size=(60, 16))
        return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)

    return Gallery("made up", None, noisy(0), made.labels, None, Validation(noisy(1), made.labels))


def near(rank: int, cosine: float) -> Neighbour:
    return Neighbour(rank, cosine, "coarse", None, "image", 0)


def by_definition(gallery, labels, rank, cosine):
    """Of the 5 images whose neighbour of the rank has the most similar cosine, those with one of their own class."""
    found = []
    for image, row in enumerate(gallery.validation.features @ gallery.features.T):
        other = np.argsort(-row)[rank - 1]
        found.append((abs(row[other] - cosine), labels[other] == labels[image]))
    return sum(is_right for _, is_right in sorted(found)[:5])


def test_it_counts_images_whose_neighbour_is_about_as_near(gallery):
    measured = measured_confidence(gallery, 3)
    assert (measured.label, measured.images) == ("fine", 5)
    asked = [(rank, cosine) for rank in (1, 3) for cosine in (0.3, 0.6, 0.8, 0.95)]
    expected = [by_definition(gallery, gallery.labels.fine, *one) for one in asked]
    assert [measured.right(near(*one)) for one in asked] == expected
    assert len(set(expected)) > 2
    assert measured.right(near(4, 0.6)) is None


def test_without_fine_labels_it_counts_coarse_classes(gallery):
    coarse = replace(gallery, labels=replace(gallery.labels, fine=None, fine_name=None))
    measured = measured_confidence(coarse, 1)
    assert measured.label == "coarse"
    assert measured.right(near(1, 0.7)) == by_definition(gallery, gallery.labels.coarse, 1, 0.7)


def test_a_photo_further_away_than_the_images_has_no_good_match(gallery):
    measured = measured_confidence(gallery, 1)
    nearest = [Found(Path("photo"), None, [near(1, cosine)]) for cosine in (0.1, 0.8)]
    assert [measured.is_good(one) for one in nearest] == [False, True]


def test_without_validation_images_nothing_is_known(gallery):
    measured = measured_confidence(replace(gallery, validation=None), 10)
    assert (measured.images, measured.right(near(1, 0.9))) == (0, None)
    assert measured.is_good(Found(Path("photo"), None, [near(1, 0.1)]))
