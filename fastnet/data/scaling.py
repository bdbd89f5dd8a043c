"""Scaling features: uint8 data by their full scale, anything else by mean and deviation."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .dataset import Array
from .examine import mean_and_deviation, row_blocks

Scaling = Literal["none", "divide", "standardise"]

# Pixels come as bits, as 16 levels (the digits) or as bytes.
_FULL_SCALES = (1, 16, 255)


def fit_scaling(
    X: Array, source: str, names: Sequence[str] | None
) -> tuple[Scaling, float, tuple[float, ...], tuple[float, ...]]:
    """Scaling, divisor, mean and deviation that suit X (n, d)."""
    if X.dtype == np.uint8:
        top = next(scale for scale in _FULL_SCALES if scale >= int(X.max()))
        return ("none" if top == 1 else "divide"), float(top), (), ()
    mean, deviation = mean_and_deviation(X, source, names=names)
    return "standardise", 1.0, mean, deviation


def standardise(X: Array, mean: Sequence[float], deviation: Sequence[float], dtype: npt.DTypeLike) -> Array:
    """``(X - mean) / deviation`` of X (n, d), computed in float64 and rounded to dtype once."""
    scaled = np.empty(X.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in row_blocks(len(X)):
            centred = X[rows] - np.array(mean)
            np.divide(centred, deviation, out=scaled[rows], casting="same_kind")
    return scaled


def divide(X: Array, divisor: float, dtype: npt.DTypeLike) -> Array:
    """``X / divisor`` of X (n, d), computed in float64 and rounded to dtype once."""
    scaled = np.empty(X.shape, dtype)
    np.divide(X, np.float64(divisor), out=scaled, casting="same_kind")
    return scaled


def check_levels(X: Array, divisor: float, source: str) -> None:
    """Refuse pictures scaled already, or of other levels: they would be scaled wrongly in silence.

    Parameters
    ----------
    X : array (n, d) of finite numbers
    divisor : float
        The largest level there may be.
    source : str

    Raises
    ------
    DataError
        A value is not whole, or is not from 0 to `divisor`.
    """
    outside = X.min() < 0 or X.max() > divisor
    if outside or (X.dtype.kind == "f" and (np.floor(X) != X).any()):
        raise DataError(
            f"{source}: the model was trained on whole numbers from 0 to {divisor:g}, but these "
            f"features are of type {X.dtype} from {X.min():g} to {X.max():g}; give them unscaled, "
            "as in training"
        )
