"""Values of the evaluation. A measure's own class is ``Values`` in maskcon/evaluation/measures/NAME.py."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from maskcon.parameters.plugins import MEASURES
from maskcon.parameters.sentences import suggestion
from maskcon.parameters.values import Count, Group


class Measure(Group):
    """Values of a measure."""

    learns_from: ClassVar[tuple[str, ...]] = ()  # the parts whose features it reads beside those of the measured part
    computes_with: ClassVar[str] = "torch"  # the module that computes, imported before threads are limited


class EvaluateParameters(Group):
    split: Literal["val", "test"]
    """The part that is measured: sweeps choose on val, tables report test."""
    recall_at: Annotated[list[Count], Field(min_length=1, max_length=100)]
    """The K of Recall@K, rising from 1."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000)]
    """Resamples of the queries for the 95% intervals."""
    measures: list[str]
    """What is measured beside Recall@K: files of maskcon/evaluation/measures. knn and linear need features of the
    training images."""

    @property
    def parts_needed(self) -> list[str]:
        """The part that is measured, and those that measures learn from."""
        others = [part for name in self.measures for part in getattr(self, name).learns_from]
        return list(dict.fromkeys([self.split, *others]))

    @model_validator(mode="after")
    def starts_at_one(self) -> EvaluateParameters:
        if sorted(set(self.recall_at)) != self.recall_at or self.recall_at[0] != 1:
            raise ValueError(f"recall_at={self.recall_at} must rise strictly and begin with 1")
        return self

    @model_validator(mode="after")
    def measures_have_values(self) -> EvaluateParameters:
        for name in self.measures:
            if name not in MEASURES:
                raise ValueError(f"measures: {name} is unknown. {suggestion(name, MEASURES)}")
            if name not in type(self).model_fields:
                raise ValueError(f"measures: {name} needs its values, evaluate.{name}; add them: -S +measure={name}")
        return self
