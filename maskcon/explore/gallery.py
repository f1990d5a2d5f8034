"""A gallery: the images that a search looks through, with an encoder's features of them.

    gallery = workspace_gallery(Path("."))                       # the test part, by the encoder of models/
    gallery = recorded_gallery(store, run_id, Path("."))         # by that of a run in MLflow

The images lie in the packed set of the workspace; a gallery without them can be searched and not looked at.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskcon.embedding.files import EmbeddedSet, read_embedded_set
from maskcon.explore.trained_encoder import TrainedEncoder, load_trained_encoder
from maskcon.images.packed.image_set import read_images
from maskcon.parameters.errors import UserError
from maskcon.tracking.searchable import ENCODER, FEATURES, VAL_FEATURES, fetched_searchable
from maskcon.tracking.store import Store, find_store


@dataclass(frozen=True)
class Validation:
    """Images that neither training nor the gallery has seen, by which a search knows how far to trust what it finds."""

    features: np.ndarray  # float32 [M, F], unit rows
    labels: EmbeddedSet  # M rows


@dataclass(frozen=True)
class Gallery:
    name: str  # of the image set, and of the run where it is a recorded one
    encoder: TrainedEncoder
    features: np.ndarray  # float32 [N, F], unit rows
    labels: EmbeddedSet  # N rows
    images: np.ndarray | None  # uint8 [N, H, W, 3]; None where the workspace has not the images of this gallery
    validation: Validation | None  # none where it has no images, or an older run did not keep it

    def __len__(self) -> int:
        return len(self.features)


def chosen_gallery(checkout: Path, run_id: str | None) -> Gallery:
    """Of a recorded run where one is named, else this folder's. Raises: UserError, where there is none."""
    if run_id is None:
        return workspace_gallery(checkout)
    return recorded_gallery(find_store(checkout, os.environ), run_id, checkout)


def workspace_gallery(checkout: Path) -> Gallery:
    """The test part in this folder. Raises: UserError, where the pipeline has not come that far here."""
    for file in (ENCODER, FEATURES):
        if not (checkout / file).exists():
            raise UserError(
                f"there is no {file} in this folder; make it with dvc repro, or name a recorded run with --run"
            )
    return read_gallery(checkout, sets=checkout / "data/sets", run_name=None)


def recorded_gallery(store: Store, run_id: str, checkout: Path) -> Gallery:
    """The test part as a recorded run knew it, with the images of this folder where they are the same.

    Raises:
        UserError: there is no such run, or it has no encoder on record.
    """
    with fetched_searchable(store, run_id) as searchable:
        return read_gallery(searchable.folder, sets=checkout / "data/sets", run_name=searchable.run_name)


def read_gallery(run: Path, sets: Path, run_name: str | None) -> Gallery:
    """A gallery from the encoder and embeddings in ``run``, with the images in ``sets``, data/sets of a workspace."""
    encoder = load_trained_encoder(run / ENCODER)
    labels = read_embedded_set((run / FEATURES).parent)
    features = labels.features(FEATURES.stem)
    if features.shape[1] != encoder.network.feature_size:
        raise UserError(
            f"{FEATURES} has {features.shape[1]} numbers an image, but {ENCODER} gives {encoder.network.feature_size}; "
            "bring them together with: dvc repro embed"
        )
    name = encoder.data.name
    return Gallery(
        name=name if run_name is None else f"{name}, {run_name}",
        encoder=encoder,
        features=features,
        labels=labels,
        images=_images_of(labels, sets / name / "test"),
        validation=_validation(run),
    )


def _validation(run: Path) -> Validation | None:
    if not (run / VAL_FEATURES).exists():
        return None
    labels = read_embedded_set((run / VAL_FEATURES).parent)
    return Validation(labels.features(VAL_FEATURES.stem), labels) if len(labels) else None


def _images_of(labels: EmbeddedSet, packed: Path) -> np.ndarray | None:
    """The packed images, where that set has the very labels that the gallery has; they are kept in the same order."""
    ours, theirs = labels.folder / "labels.csv", packed / "labels.csv"
    if not theirs.exists() or ours.read_bytes() != theirs.read_bytes():
        return None
    return read_images(packed)
