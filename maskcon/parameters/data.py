"""Values that image sets have in common. A set's own class is ``Values`` in maskcon/images/sources/NAME.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from maskcon.parameters.values import Count, Deviation, FilePath, Group, PartOfTrain, Seed, Share


class DataParameters(Group):
    """Where an image set comes from, its coarse labels, and how the encoder sees it."""

    name: str
    """The data set: a file of maskcon/images/sources, a preset, and the folder under data/raw and data/sets."""
    root: FilePath
    """Folder of source files. Downloads are kept there, and files that you put there are found."""
    raw: FilePath
    """Folder that is packed: what the download left, or your own folder of photos."""
    coarse_map: FilePath
    """CSV, fine class -> coarse class; without rows where the source itself carries coarse labels."""
    channels: Literal[1, 3]
    """3: colour; 1: grey, the encoder reads one of three equal channels."""
    height: Annotated[int, Field(ge=8, le=1024)]
    """Height of what the encoder sees, in pixels."""
    width: Annotated[int, Field(ge=8, le=1024)]
    """Width of what the encoder sees, in pixels."""
    mean: Annotated[list[Share], Field(min_length=3, max_length=3)]
    """Mean of pixels in [0, 1] for each RGB channel, subtracted before the encoder."""
    std: Annotated[list[Deviation], Field(min_length=3, max_length=3)]
    """Standard deviation of pixels in [0, 1] for each RGB channel; pixels are divided by it before the encoder."""
    augmentation: Literal["characters", "small_colour", "photo", "products"]
    """The family of views: a file of maskcon/views."""
    seed: Seed
    """Seed of the set itself: the same images whatever the run's seed."""

    @property
    def stored_size(self) -> tuple[int, int]:
        """Height and width of the packed images, in pixels."""
        return self.height, self.width


class SplitSizes(Group):
    train: Count
    """Number of training images."""
    val: Count
    """Number of validation images."""
    test: Count
    """Number of test images."""


class ComposedSet(DataParameters):
    """Composed from the scans that scikit-learn ships, as many images as asked."""

    images: SplitSizes


class PublishedSet(DataParameters):
    """From published archives, with images of one size, packed as they are."""

    val_share: PartOfTrain
    """Share of the training images that is kept for validation; 0: none, as in published results."""


class PhotoSet(PublishedSet):
    """Photos of many sizes, packed at one."""

    stored: Annotated[int, Field(ge=8, le=2048)] | None
    """Side in pixels of the square that a whole photo is packed as, from which views of height x width are cut;
    null: packed at height x width."""

    @property
    def stored_size(self) -> tuple[int, int]:
        return super().stored_size if self.stored is None else (self.stored, self.stored)

    @model_validator(mode="after")
    def stored_large_enough(self) -> PhotoSet:
        if self.stored is not None and self.stored < max(self.height, self.width):
            raise ValueError(f"stored={self.stored} must be at least height={self.height} and width={self.width}")
        return self
