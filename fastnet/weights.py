"""How much each label counts: weights of samples, weights of classes, and labels that are missing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DataError
from .losses import Loss, Targets, class_shares
from .validation import converted, number, numbers

BALANCED = "balanced"
ClassWeight = str | Mapping[int, float] | None


def entry_weights(
    loss: Loss, targets: Targets, outputs: int, sample_weight: npt.ArrayLike | None = None, class_weight: Any = None
) -> Targets:
    """The weight of each entry of the loss, as the kernels take it.

    Parameters
    ----------
    loss : Loss
    targets : (n_samples, k) ndarray
        What ``loss.targets`` gave.
    outputs : int
        What the network gives.
    sample_weight : (n_samples,) array_like or None
        At least 0, not all 0.
    class_weight : dict, "balanced" or None
        The weight of each class by its index, 1 for one that is not named; "balanced" weighs a class by ``n / (classes
        * its samples)``, so that all classes count the same. With several outputs of yes and no, each by itself.

    Returns
    -------
    (n_samples, n_entries) ndarray, or (0, n_entries) where every entry counts as one

    Raises
    ------
    DataError
        If sample_weight has another shape, or is not of finite numbers of at least 0, or nothing has a weight.
    ConfigurationError
        If class_weight is something else, names a class that there is not, or the loss has no classes.
    """
    columns = 1 if loss.name == "categorical_crossentropy" else outputs
    gaps = np.isnan(targets)
    if sample_weight is None and class_weight is None and not gaps.any():
        return np.empty((0, columns), targets.dtype)
    # In float64, and then of a mean of 1, since their size means nothing: any that the user has fits the kernels' type.
    weights = np.ones((len(targets), columns))
    if class_weight is not None:
        weights *= _of_classes(loss, targets, outputs, class_weight)
    if sample_weight is not None:
        weights *= _of_samples(sample_weight, len(targets))[:, np.newaxis]
    if gaps.any():
        weights[gaps] = 0
    largest = weights.max(initial=0)
    if not largest > 0:
        raise DataError("no sample has a weight above 0, so there is nothing to learn or to measure")
    weights /= largest
    return np.asarray(weights / weights.mean(), targets.dtype)


def _of_samples(sample_weight: npt.ArrayLike, samples: int) -> Targets:
    values = converted(numbers("sample_weight", sample_weight), np.float64)
    if values.shape != (samples,):
        raise DataError(
            f"sample_weight must have shape ({samples},), a weight a sample, but its shape is {values.shape}"
        )
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"sample_weight must hold finite numbers of at least 0, but row {row} holds {values[row]:g}")
    return values


def _of_classes(loss: Loss, targets: Targets, outputs: int, class_weight: Any) -> Targets:
    """(n_samples, n_entries): the weight of the class that a label says; of a soft label the mean over its classes."""
    if not loss.is_classification:
        raise ConfigurationError(f"class_weight needs classes, but {loss.name} has none; use sample_weight")
    if loss.name == "categorical_crossentropy":
        shares = class_shares(targets, outputs)
        return np.asarray(shares @ _table(class_weight, shares.sum(axis=0, dtype=np.float64))[:, np.newaxis])
    # Hinge has -1 for no.
    yes = np.nan_to_num(np.maximum(targets, 0))
    labelled = ~np.isnan(targets)
    weights = np.empty(yes.shape)
    for column in range(yes.shape[1]):
        positive = float(yes[:, column].sum())
        no, one = _table(class_weight, np.array([labelled[:, column].sum() - positive, positive]))
        weights[:, column] = no + yes[:, column] * (one - no)
    return weights


def _table(class_weight: Any, counts: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The weight of each class, by its index, for so many samples of each."""
    classes = len(counts)
    if isinstance(class_weight, str) and class_weight == BALANCED:
        present = counts > 0
        balanced = counts.sum() / (present.sum() * np.where(present, counts, 1))
        return np.where(present, balanced, 1.0).astype(np.float64)
    if not isinstance(class_weight, Mapping):
        raise ConfigurationError(
            f'class_weight must be "balanced" or a dict of weights by class index, not {class_weight!r}'
        )
    weights = np.ones(classes)
    for key, value in class_weight.items():
        if isinstance(key, bool) or not isinstance(key, int | np.integer) or not 0 <= key < classes:
            raise ConfigurationError(f"class_weight names the class {key!r}, but the classes are 0 to {classes - 1}")
        weights[key] = number(f"the weight of class {key}", value, at_least=0)
    return weights
