"""Samples that are there more than once."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def once_each(X: Array, Y: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """The samples that differ and have a weight, each with the sum of the weights of those that are equal to it, in an
    order that is theirs alone.

    In one batch this changes nothing but what is drawn for each row: dropout then goes by the sample, whatever its
    place, and drops the same units of equal ones, whose gradient has the same mean. So a weight of 2 is two samples, a
    weight of 0 is none, and their order is of no account.

    Parameters
    ----------
    X, Y : (n_samples, n_features) and (n_samples, n_outputs) ndarray
    weights : (n_samples,) ndarray or None

    Returns
    -------
    X, Y : (n_different, n_features) and (n_different, n_outputs) ndarray
    weights : (n_different,) ndarray of float64
        Where no sample has a weight, all of them and zeros.
    """
    # As bytes, which are sorted as they are; adding 0 makes one of both zeros.
    rows = np.ascontiguousarray(np.hstack([X + 0.0, Y + 0.0]))
    samples = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
    _, first, group = np.unique(samples, return_index=True, return_inverse=True)
    total = np.bincount(group, weights).astype(np.float64)
    kept = total > 0 if (total > 0).any() else np.ones(len(total), bool)
    return X[first[kept]], Y[first[kept]], total[kept]


def rows_per_weight(weights: Array | None) -> float:
    """How many equal rows a weight of the mean stands for in a batch normalisation; 0 where nothing has weights.

    Whole numbers are repetitions. Others, such as those that sum to 1, say only what counts more than what: as
    many rows have a weight as there are, else a batch would count as less than a row and leave the running averages
    at 0 and 1.
    """
    if weights is None:
        return 0.0
    is_counted = (weights == np.rint(weights)).all()
    return float(weights.mean() if is_counted else (weights > 0).mean())
