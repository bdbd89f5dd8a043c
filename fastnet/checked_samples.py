"""What users give as X, checked, in the form that an engine takes."""

import math

import numpy as np
import numpy.typing as npt

from .data.arrow import dense
from .data.stream import Stream
from .errors import DataError
from .pixels import Pixels, Samples
from .validation import all_finite, converted, numbers

BYTES = np.dtype(np.uint8)


def checked_samples(
    X: npt.ArrayLike | Pixels, name: str, input_shape: tuple[int, ...], dtype: np.dtype[np.floating]
) -> Samples:
    """What ``shaped_samples`` gives, all of it finite.

    Parameters and other errors are those of ``shaped_samples``.

    Raises
    ------
    DataError
        If X holds something other than finite numbers.
    """
    features = shaped_samples(X, name, input_shape, dtype)
    if isinstance(features, np.ndarray) and not all_finite(features):
        raise not_finite(features, name)
    return features


def not_finite(features: npt.NDArray[np.floating], name: str) -> DataError:
    """The error that says where in the ``features`` called ``name`` there is something other than a finite number."""
    row, column = (int(i) for i in np.argwhere(~np.isfinite(features))[0])
    return DataError(
        f"{name} must be finite, but row {row}, feature {column} holds NaN or infinity (as {features.dtype.name}); "
        "remove or replace it"
    )


def shaped_samples(
    X: npt.ArrayLike | Pixels, name: str, input_shape: tuple[int, ...], dtype: np.dtype[np.floating]
) -> Samples:
    """``X`` as ``engine_arguments`` takes it: (n_samples, n_features), C-ordered, of ``dtype`` or pixels; a copy only
    if needed. An engine says whether what it predicted from was finite, so that need not be looked at twice.

    Parameters
    ----------
    X : array_like or Pixels
        (n_samples, *input_shape) or (n_samples, n_features).
    name : str
        What messages call it.
    input_shape : tuple of int
        Of one sample.
    dtype : dtype
        That of the network.

    Raises
    ------
    DataError
        If X is empty, has another shape, or does not hold numbers.
    """
    if isinstance(X, Stream):
        raise DataError(
            f"{X.source}: a stream is for fit, evaluate and predict; here {name} must be in memory: give an array"
        )
    divisor = 1.0
    if isinstance(X, Pixels):
        values, divisor = X.X, X.divisor
    else:
        values = numbers(name, X if type(X) is np.ndarray else dense(name, X, dtype))
    if values.shape[1:] != input_shape and values.shape[1:] != (math.prod(input_shape),):
        expected = "(n_samples, " + ", ".join(str(size) for size in input_shape) + ")"
        raise DataError(f"{name} must have shape {expected} for this network, but its shape is {values.shape}")
    if len(values) == 0:
        raise DataError(f"{name} is empty; it needs at least one sample")
    if values.ndim != 2:
        values = values.reshape(len(values), -1)
    if values.dtype == BYTES:
        _check_divisor(divisor, dtype)
        return Pixels(converted(values, np.uint8), divisor)
    features: Samples = converted(values, dtype)
    return features


def _check_divisor(divisor: float, dtype: np.dtype[np.floating]) -> None:
    limits = np.finfo(dtype)
    if not (1 / divisor >= float(limits.tiny) and 255 / divisor <= float(limits.max)):
        raise DataError(
            f"the divisor of Pixels, {divisor:g}, makes numbers of the levels 1 to 255 that {dtype.name} cannot hold; "
            "use one nearer to 255"
        )
