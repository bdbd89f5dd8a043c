"""What early stopping goes by: scikit-learn's accuracy and coefficient of determination of the same targets after every
epoch. Its own functions look at both arrays anew in each call, which took longer than the epochs of small problems."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Score = Callable[[Array], float]


def accuracy_of(targets: Array, weights: Array | None) -> Score:
    """``accuracy_score`` of answers, which are as the targets: (n_samples,), or (n_samples, n_labels) where a sample is
    right if all its labels are."""

    def score(answers: Array) -> float:
        right = answers == targets
        return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=weights))

    return score


def r2_of(targets: Array, weights: Array | None) -> Score:
    """``r2_score`` of answers, (n_samples, n_outputs) as the targets are: 1 for a column that is right everywhere, 0
    for one whose targets are all the same if it is not; NaN where an answer is not finite."""
    y = np.asarray(targets, np.float64)
    spread = _sums((y - np.average(y, axis=0, weights=weights)) ** 2, weights)

    def score(answers: Array) -> float:
        if not np.isfinite(answers).all():
            return np.nan
        # A training on its way to diverge has squares that overflow: a score of minus infinity.
        with np.errstate(over="ignore"):
            missed = _sums((y - answers) ** 2, weights)
            shares = np.divide(missed, spread, out=(missed != 0).astype(np.float64), where=spread != 0)
            return float(np.mean(1 - shares))

    return score


def _sums(values: Array, weights: Array | None) -> Array:
    return values.sum(axis=0) if weights is None else weights @ values
