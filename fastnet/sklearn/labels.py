"""What a classifier's targets must be beside those that it has seen, and what its classes weigh."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.class_weight import compute_sample_weight

from ..errors import ConfigurationError, DataError

Array = npt.NDArray[Any]


def weights_of_classes(class_weight: Any, y: Array, incremental: bool) -> npt.NDArray[np.float64] | None:
    """What each sample's class weighs, (n_samples,), if classes weigh something.

    Raises
    ------
    ConfigurationError
        If all samples would have to be known, or the labels are not those that a list is of.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and incremental:
        raise ConfigurationError(
            "class_weight='balanced' needs all samples, but partial_fit sees some; give a dict of weights"
        )
    if isinstance(class_weight, list) and (y.ndim == 1 or len(class_weight) != y.shape[1]):
        labels = 1 if y.ndim == 1 else y.shape[1]
        raise ConfigurationError(
            f"class_weight has {len(class_weight)} item(s), but a list is of one dict for each label of "
            f"several, and y has {labels} label(s); give a dict from classes to weights, or 'balanced'"
        )
    weights: npt.NDArray[np.float64] = compute_sample_weight(class_weight, y)
    return weights


def refuse_other_classes(estimator: Any, found: Array) -> None:
    """Refuse classes that are not those of the fit before, where ``warm_start`` needs them.

    Raises
    ------
    DataError
        In scikit-learn's words.
    """
    if estimator.warm_start and set(found) != set(estimator.classes_):
        raise DataError(
            "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
            f"Previously got {estimator.classes_}, `y` has {found}"
        )


def refuse_unknown_classes(estimator: Any, found: Array) -> None:
    """Refuse classes that the estimator does not know.

    Raises
    ------
    DataError
        In scikit-learn's words.
    """
    if len(np.setdiff1d(found, estimator.classes_, assume_unique=True)):
        raise DataError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {estimator.classes_}. 'y' has {found}."
        )
