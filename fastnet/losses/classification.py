"""Losses of classes: cross-entropies and hinge."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import DataError
from ..validation import number
from .base import Loss, Targets


@dataclass(frozen=True)
class _Crossentropy(Loss):
    """What the two cross-entropies have alike: probabilities, and labels that can be smoothed."""

    is_classification: ClassVar[bool] = True
    gives_probabilities: ClassVar[bool] = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        smoothing = number("label_smoothing", self.label_smoothing, at_least=0, below=1)
        object.__setattr__(self, "label_smoothing", smoothing)

    def _spread(self, targets: Targets, classes: int) -> Targets:
        """Part of each label shared out evenly among so many classes."""
        kind = targets.dtype.type
        return targets * kind(1 - self.label_smoothing) + kind(self.label_smoothing / classes)


@dataclass(frozen=True)
class BinaryCrossentropy(_Crossentropy):
    """``-(t log p + (1 - t) log(1 - p))`` of each output, whose activation is sigmoid. With several outputs NaN is no
    label.

    Parameters
    ----------
    label_smoothing : float
        In [0, 1): training takes the targets for ``t (1 - label_smoothing) + label_smoothing / 2``.
    """

    name: ClassVar[str] = "binary_crossentropy"
    output_activation: ClassVar[str | None] = "sigmoid"
    takes_gaps: ClassVar[bool] = True

    def smoothed(self, targets: Targets, outputs: int) -> Targets:
        return self._spread(targets, 2) if self.label_smoothing else targets

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        return self._within(super()._fitting(values, outputs), 0, 1, "lie in [0, 1]")


@dataclass(frozen=True)
class CategoricalCrossentropy(_Crossentropy):
    """``-log p`` of the right class, for class indices or one-hot rows; ``-sum(t log p)`` for rows t of the classes'
    probabilities. The activation is softmax.

    Parameters
    ----------
    label_smoothing : float
        In [0, 1): training takes the targets for ``t (1 - label_smoothing) + label_smoothing / classes`` (Szegedy et
        al., 2016).
    """

    name: ClassVar[str] = "categorical_crossentropy"
    output_activation: ClassVar[str | None] = "softmax"

    def smoothed(self, targets: Targets, outputs: int) -> Targets:
        return self._spread(class_shares(targets, outputs), outputs) if self.label_smoothing else targets

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        if values.shape[1] == 1:
            wrong = (values < 0) | (values >= outputs) | (values != np.floor(values))
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                raise DataError(
                    f"y must hold class indices from 0 to {outputs - 1}, but row {row} holds {values[row, 0]:g}"
                )
            return values
        if values.shape[1] != outputs:
            raise DataError(
                f"y must be class indices or one-hot rows of {outputs} columns, but it has {values.shape[1]} columns"
            )
        # Probabilities that were rounded to the kernels' type, or summed in it, are this near to 1.
        near = 4 * outputs * float(np.finfo(np.float32).eps)
        sums = values.sum(axis=1, dtype=np.float64)
        wrong_rows = (values < 0).any(axis=1) | ~(np.abs(sums - 1) <= near)
        if wrong_rows.any():
            row = int(np.flatnonzero(wrong_rows)[0])
            raise DataError(
                "y must be one-hot (a single 1 in each row, else 0) or the classes' probabilities, which sum to 1, "
                f"but row {row} is not: it sums to {sums[row]:g} and its smallest number is {values[row].min():g}"
            )
        if (values.max(axis=1) == 1).all():
            return np.expand_dims(values.argmax(axis=1).astype(values.dtype), 1)
        return values


@dataclass(frozen=True)
class Hinge(Loss):
    """``max(1 - t output, 0)`` for targets t of -1 and 1, or of 0 and 1; an output above 0 says class 1."""

    name: ClassVar[str] = "hinge"
    is_classification: ClassVar[bool] = True

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        values = super()._fitting(values, outputs)
        found = np.unique(values)
        if np.isin(found, (0, 1)).all():
            return values * 2 - 1
        if not np.isin(found, (-1, 1)).all():
            raise DataError(
                f"y must hold -1 and 1, or 0 and 1, for hinge, but it holds {', '.join(f'{n:g}' for n in found[:4])}"
            )
        return values


def class_shares(targets: Targets, classes: int) -> Targets:
    """(n_samples, classes): the probabilities of the classes, of checked targets of categorical_crossentropy."""
    if targets.shape[1] > 1:
        return targets
    return np.asarray(np.eye(classes, dtype=targets.dtype)[targets[:, 0].astype(np.intp)])
