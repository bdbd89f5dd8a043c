"""Arrays, frames and sparse matrices as data sets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .arrow import dense, is_frame, read_frame, read_objects
from .dataset import Array, Dataset, as_features
from .request import Request
from .tabular import dataset_of


def dataset_from(X: Any, y: npt.ArrayLike | None, source: str, *, aside: Mapping[str, Array] | None = None) -> Dataset:
    """Features and targets that a program has.

    Parameters
    ----------
    X : array (n, ...), DataFrame or sparse matrix
        Of numbers; a frame or an array of objects may have columns of text, and missing values.
    y : array (n,) or (n, k), optional
    source : str
        What messages call X.
    aside : mapping of str to array (n,), optional
        As of a `Dataset`.

    Raises
    ------
    DataError
        They are no data, or of different lengths.
    """
    targets = None if y is None else _targets(y)
    values = X if is_frame(X) else np.asarray(dense(source, X))
    if is_frame(X) or (values.dtype.kind in "OU" and values.ndim == 2):
        raw = read_frame(X, source) if is_frame(X) else read_objects(values, source, None)
        data = dataset_of(raw, Request(need_targets=False, keep_missing=True))
        return replace(data, y=targets, aside=aside or {})
    return Dataset(as_features(values, source), targets, source, aside=aside or {})


def _targets(y: npt.ArrayLike) -> Array:
    """Targets as an array of numbers or text, which a frame's column of text is not to NumPy."""
    values = np.asarray(y)
    if values.dtype != object or values.ndim != 1:
        return values
    import pyarrow as pa

    try:
        column = pa.array(values.tolist(), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise DataError("y: the targets are of several types; give all of them as numbers or all as text") from None
    if column.null_count:
        first = column.is_null().to_pylist().index(True)
        raise DataError(f"y: sample {first + 1} of {len(column)} has no target; fill it in or remove the sample")
    return np.array(column.to_pylist())
