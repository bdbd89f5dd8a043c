"""Targets as a network trains on them, and what its outputs mean."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .columns import columns_named
from .dataset import Array, Dataset, as_targets
from .labels import (
    are_labels,
    are_shares,
    as_labels,
    as_numbers,
    class_indices,
    is_one_hot,
    refuse_bad_targets,
)

Task = Literal["binary", "multiclass", "multilabel", "regression"]


@dataclass(frozen=True, kw_only=True)
class TargetPreparation:
    """What is done to targets.

    Attributes
    ----------
    task : {"binary", "multiclass", "multilabel", "regression"}
    class_names : tuple of str
        The name of each class, in the order of its index, or of each label of multilabel; empty for regression.
    class_values : tuple of int, float or str
        The raw label of each class, rising; empty for regression and multilabel.
    target_name : str, optional
        With several targets all their names, with commas between; see `target_names`.
    target_mean, target_deviation : tuple of k floats
        For regression with k outputs, else empty.
    """

    task: Task
    class_names: tuple[str, ...] = ()
    class_values: tuple[int | float | str, ...] = ()
    target_name: str | None = None
    target_mean: tuple[float, ...] = ()
    target_deviation: tuple[float, ...] = ()

    @property
    def n_outputs(self) -> int:
        """The number of outputs a network needs: one for binary, one a class, one a label or one a target."""
        if self.task == "binary":
            return 1
        return len(self.target_mean) if self.task == "regression" else len(self.class_names)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The name of each target, where the data have names."""
        return () if self.target_name is None else columns_named(self.target_name)

    def targets(self, y: npt.ArrayLike, *, source: str) -> Array:
        """Targets as a network trains on them.

        Parameters
        ----------
        y : array (n,) of labels or numbers, (n, k) of one-hot rows, probabilities, labels or numbers
        source : str

        Returns
        -------
        array (n,) of int64 class indices, or (n, k) of standardised float64 for regression, of 0, 1
        and NaN for multilabel, of the classes' probabilities where y has them (with two classes (n,),
        that of the second)

        Raises
        ------
        DataError
            A label was never seen in training, a value is not finite, or k is wrong.
        """
        raw = np.asarray(y)
        raw = as_targets(raw, len(raw) if raw.ndim else 0, source)
        if self.task == "multilabel":
            return self._labels(raw, source)
        refuse_bad_targets(raw, source)
        if self.task == "regression":
            numbers = as_numbers(raw, source)
            self._check_outputs(numbers, source)
            standard: Array = (numbers - self.target_mean) / self.target_deviation
            return standard
        if are_shares(raw) and not is_one_hot(raw) and self.class_values == tuple(range(raw.shape[1])):
            shares: Array = raw / raw.sum(axis=1, keepdims=True)  # they may have been rounded
            return shares[:, 1] if self.task == "binary" else shares
        return class_indices(as_labels(raw, source), self.class_values, source)

    def _labels(self, raw: Array, source: str) -> Array:
        self._check_outputs(raw.reshape(len(raw), -1), source)
        if raw.dtype.kind == "U" or not are_labels(raw):
            raise DataError(f"{source}: the labels should be 0, 1 or NaN (no label) as in training; correct the others")
        return raw.astype(np.float64, copy=False)

    def _check_outputs(self, numbers: Array, source: str) -> None:
        if numbers.shape[-1] != self.n_outputs:
            raise DataError(
                f"{source}: each sample should have {self.n_outputs} target values as in "
                f"training, but has {numbers.shape[-1]}"
            )

    def labels(self, indices: npt.ArrayLike) -> Array:
        """Class names (str) for class indices, in the same shape.

        Raises
        ------
        DataError
            An index is no integer from 0 to the number of classes less 1.
        """
        raw = np.asarray(indices)
        n_classes = len(self.class_names)
        if raw.dtype.kind not in "iu" or (raw < 0).any() or (raw >= n_classes).any():
            raise DataError(
                f"class indices should be integers from 0 to {n_classes - 1}, but are of type {raw.dtype} or go beyond"
            )
        names: Array = np.array(self.class_names, dtype=np.str_)[raw]
        return names

    def values(self, outputs: npt.ArrayLike) -> Array:
        """Regression outputs in the data's own units, float64, in the same shape.

        Parameters
        ----------
        outputs : array (n, k), or (n,) where k is 1

        Raises
        ------
        DataError
            The number of outputs is wrong.
        """
        raw = np.asarray(outputs, dtype=np.float64)
        columns = raw.reshape(-1, 1) if raw.ndim == 1 else raw
        self._check_outputs(columns, "the network's outputs")
        restored: Array = columns * self.target_deviation + self.target_mean
        return restored.reshape(raw.shape)

    def check_target_names(self, dataset: Dataset) -> None:
        """Refuse several targets that are others than in training, or in another order."""
        if self.n_outputs == 1 or self.task == "multiclass" or None in (self.target_name, dataset.target_name):
            return
        found = columns_named(str(dataset.target_name))
        if found != self.target_names:
            raise DataError(
                f"{dataset.source}: the targets are {', '.join(found)}, but the model was trained on "
                f"{', '.join(self.target_names)}; give the same in the same order"
            )
