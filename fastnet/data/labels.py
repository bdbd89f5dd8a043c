"""Targets: whether they are classes or amounts, their distinct labels, and each label's index."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset
from .examine import refuse_not_finite

_MOST_CLASSES = 100
_NEAR = 0.006
"""How far from 1 probabilities may sum that were rounded to two places or more."""
"""How near to 1 the probabilities of classes sum: as near as float32 holds a hundred of them."""


def is_one_hot(y: Array) -> bool:
    """Whether each row of y (n, k >= 2) has a single 1 and zeros otherwise."""
    if y.ndim != 2 or y.shape[1] < 2:
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def are_labels(y: Array) -> bool:
    """Whether y (n, k >= 2) holds 0 for no, 1 for yes and NaN for no label."""
    if y.ndim != 2 or y.shape[1] < 2:
        return False
    return bool(((y == 0) | (y == 1) | np.isnan(y)).all())


def are_shares(y: Array) -> bool:
    """Whether each row of y (n, k >= 2) is the probabilities of k classes, rounded to two places or more."""
    if y.ndim != 2 or y.shape[1] < 2:
        return False
    return bool((y >= 0).all() and (np.abs(y.sum(axis=1) - 1) <= _NEAR).all())


def _first_that_does_not(y: Array) -> str:
    wrong = np.flatnonzero(~((y >= 0).all(axis=1) & (np.abs(y.sum(axis=1) - 1) <= _NEAR)))
    return f" (row {wrong[0]} sums to {y[wrong[0]].sum():g})" if len(wrong) else ""


def looks_like_classes(y: Array, class_names: Sequence[str] | None = None) -> bool:
    """Whether targets of unknown meaning are labels rather than amounts.

    Text and one-hot rows are labels. So are whole numbers, where the data name their classes, where
    they are only two (0 or -1, and 1), or at most 100 and fewer than half as many as samples.
    """
    if y.dtype.kind == "U" or y.ndim == 2:
        return y.ndim == 1 or is_one_hot(y)
    if not _are_whole(y):
        return False
    if _has_names(class_names):
        return True
    distinct = np.unique(y)
    if len(distinct) == 2 and distinct[1] == 1 and distinct[0] in (0, -1):
        return True
    return len(distinct) <= _MOST_CLASSES and 2 * len(distinct) < len(y)


def could_be_either(y: Array, class_names: Sequence[str] | None = None) -> bool:
    """Whether a task has to be guessed: whole numbers whose classes have no names, or several columns of 0 and 1."""
    if y.ndim == 2:
        return are_labels(y) and not is_one_hot(y) and not bool(np.isnan(y).any())
    return y.ndim == 1 and y.dtype.kind != "U" and _are_whole(y) and not _has_names(class_names)


def _are_whole(y: Array) -> bool:
    return y.dtype.kind != "f" or bool((y == np.floor(y)).all())


def _has_names(class_names: Sequence[str] | None) -> bool:
    return class_names is not None and len(class_names) > 1


def fit_classes(y: Array, dataset: Dataset) -> tuple[tuple[int | float | str, ...], tuple[str, ...]]:
    """The distinct labels of y, rising, and the name of each; all columns where y is rows of probabilities.

    Raises
    ------
    DataError
        There is one class only, a label has no name, or two have the same.
    """
    is_soft = are_shares(y) and not is_one_hot(y)
    values: tuple[Any, ...] = (
        tuple(range(y.shape[1])) if is_soft else tuple(np.unique(as_labels(y, dataset.source)).tolist())
    )
    if len(values) == 1:
        raise DataError(
            f"{dataset.source}: all {len(y)} samples are of one class, {values[0]!r}; training needs at least two"
        )
    known = dataset.class_names if isinstance(values[0], int) else None
    if known is not None:
        for value in values:
            if not 0 <= value < len(known):
                raise DataError(
                    f"{dataset.source}: there is a label {value}, but {len(known)} class names, so "
                    f"labels should go from 0 to {len(known) - 1}"
                )
    names = tuple(str(value) if known is None else known[value] for value in values)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{dataset.source}: two classes are called '{twice}'; give each its own name")
    return values, names


def label_names(y: Array, dataset: Dataset) -> tuple[str, ...]:
    """The name of each column of y, which are labels that do not exclude each other.

    Raises
    ------
    DataError
        They are no such labels, a column has no label at all, or the names are not as many or not different.
    """
    if not are_labels(y):
        raise DataError(
            f"{dataset.source}: multilabel needs two columns of targets or more, of 0 for no, 1 for yes and nothing "
            "(NaN) for no label; give such, or another task"
        )
    names = dataset.class_names or tuple(str(index) for index in range(y.shape[1]))
    if len(names) != y.shape[1] or len(set(names)) < len(names):
        raise DataError(
            f"{dataset.source}: there are {y.shape[1]} columns of labels, but the names {', '.join(names[:10])}; give "
            "each its own name"
        )
    empty = np.flatnonzero(np.isnan(y).all(axis=0))
    if len(empty):
        raise DataError(
            f"{dataset.source}: the label '{names[empty[0]]}' is missing in each of the {len(y)} samples to train on; "
            "give some, or leave that target out"
        )
    return tuple(names)


def refuse_bad_targets(y: Array, source: str) -> None:
    """Refuse targets (n,) or (n, k) with NaN or infinity."""
    refuse_not_finite(y.reshape(len(y), -1), source, what="target")


def as_labels(y: Array, source: str) -> Array:
    """One label a sample: int64 wherever labels are whole, else float64 or str.

    Raises
    ------
    DataError
        There are several targets a sample, and they are not one-hot.
    """
    if y.ndim == 2:
        if not is_one_hot(y):
            raise DataError(
                f"{source}: the targets have shape {y.shape} without being one-hot (a single 1 in each row) or the "
                f"classes' probabilities, which sum to 1{_first_that_does_not(y)}; give one label for each sample"
            )
        labels: Array = y.argmax(axis=1).astype(np.int64)
        return labels
    if y.dtype.kind == "f" and (y == np.floor(y)).all() and np.abs(y).max() < 2**53:
        return y.astype(np.int64)
    return y


def as_numbers(y: Array, source: str) -> Array:
    """Targets of a regression as (n, k) float64.

    Raises
    ------
    DataError
        They are text.
    """
    if y.dtype.kind == "U":
        raise DataError(
            f"{source}: the target of the first sample is the text {y[0].item()!r}, but regression "
            "needs numbers; give numbers or train as classification"
        )
    return y.reshape(len(y), -1).astype(np.float64, copy=False)


def class_indices(labels: Array, class_values: Sequence[int | float | str], source: str) -> Array:
    """The index of each label among the rising class values, int64.

    Raises
    ------
    DataError
        A label is not among them.
    """
    values = np.array(class_values)
    unseen = np.ones(len(labels), dtype=bool)
    indices = np.zeros(len(labels), dtype=np.int64)
    if (labels.dtype.kind == "U") == (values.dtype.kind == "U"):
        indices = np.minimum(np.searchsorted(values, labels), len(values) - 1)
        unseen = values[indices] != labels
    if unseen.any():
        first = int(np.argmax(unseen))
        known = ", ".join(repr(value) for value in class_values[:10])
        if len(class_values) > 10:
            known += f" and {len(class_values) - 10} more"
        raise DataError(
            f"{source}: sample {first + 1} of {len(labels)} has the label "
            f"{labels[first].item()!r}, which was never seen in training; the known labels "
            f"are {known}"
        )
    return indices
