"""Scaling features: uint8 data by their full scale, anything else by mean and deviation."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .dataset import Array
from .examine import Moments, mean_and_deviation, refuse_not_finite, row_blocks

Scaling = Literal["none", "divide", "standardise"]

# Pixels come as bits, as 16 levels (the digits) or as bytes.
_FULL_SCALES = (1, 16, 255)


class FittedScaling(NamedTuple):
    """What a ``Preparation`` scales features by."""

    scaling: Scaling
    divisor: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def fit_scaling(X: Array, source: str, names: Sequence[str] | None) -> FittedScaling:
    """What suits X (n, d)."""
    if X.dtype == np.uint8:
        return _of_levels(int(X.max()))
    return FittedScaling("standardise", 1.0, *mean_and_deviation(X, source, names=names))


def fit_scaling_by_blocks(
    blocks: Iterable[tuple[int, Array]],
    source: str,
    names: Sequence[str] | None,
    row_of: Callable[[int], int],
    n_rows: int,
) -> FittedScaling:
    """What suits samples that come in blocks, as ``fit_scaling`` finds it in all at once, to rounding.

    Parameters
    ----------
    blocks : of (number of its first sample, array (k, d)), all of one dtype
    source, names
        For messages.
    row_of : callable
        Where in the file, which has ``n_rows``, a sample is.

    Raises
    ------
    DataError
        A value is not finite, or the values are too large to be standardised.
    """
    top, moments = 0, Moments()
    for first, block in blocks:
        if block.dtype == np.uint8:
            top = max(top, int(block.max()))
            if top > _FULL_SCALES[-2]:
                break  # nothing that follows changes it, and a file of pictures is read once less
            continue
        rows = [row_of(first + row) for row in range(len(block))]
        refuse_not_finite(block, source, names=names, row_of=rows.__getitem__, of=n_rows)
        moments.add(block)
    if not moments.count:
        return _of_levels(top)
    return FittedScaling("standardise", 1.0, *moments.mean_and_deviation(source, names=names))


def _of_levels(top: int) -> FittedScaling:
    scale = next(scale for scale in _FULL_SCALES if scale >= top)
    return FittedScaling("none" if scale == 1 else "divide", float(scale), (), ())


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
    if X.dtype == np.uint8 and divisor >= 255:
        return
    outside = X.min() < 0 or X.max() > divisor
    if outside or (X.dtype.kind == "f" and (np.floor(X) != X).any()):
        raise DataError(
            f"{source}: the model was trained on whole numbers from 0 to {divisor:g}, but these "
            f"features are of type {X.dtype} from {X.min():g} to {X.max():g}; give them unscaled, "
            "as in training"
        )
