"""What every reader returns: raw features and targets, checked once, with names for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError

Array = npt.NDArray[Any]

_NUMERIC_KINDS = "buif"


@dataclass(frozen=True)
class Dataset:
    """Raw data as its source holds it, before any scaling.

    Attributes
    ----------
    X : array (n, *input_shape), or Table
        uint8 pictures stay uint8; anything else is float32 or float64. A `Table` where not all columns are numbers.
    y : array (n,) of int64, float64 or str, array (n, k) of float64, or None
        Labels or numbers; None where a file to predict on has no target.
    source : str
        What messages call it: a path or a built-in name.
    feature_names, class_names : tuple of str, optional
        ``class_names[label]`` is the name of an integer label.
    target_name : str, optional
    aside : mapping of str to array (n,)
        What the source says of each sample that is neither feature nor target, such as a group or a time, by its name.
    ignored : tuple of str
        Columns of the source that are neither features nor targets: they need not be there to predict.

    Raises
    ------
    DataError
        The data are empty, or X, y, what is set aside and the names do not fit each other.
    """

    # A Table stands for an array wherever one is counted, sliced or prepared, which a union would have each caller ask.
    X: Any
    y: Array | None
    source: str
    feature_names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None
    target_name: str | None = None
    aside: Mapping[str, Array] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.X.ndim < 2:
            raise DataError(
                f"{self.source}: the features need at least two dimensions, (samples, features), "
                f"but have shape {self.X.shape}"
            )
        n_samples, n_features = self.X.shape[0], int(np.prod(self.X.shape[1:]))
        if n_samples == 0:
            raise DataError(f"{self.source}: the data are empty; give at least one sample")
        if n_features == 0:
            raise DataError(f"{self.source}: the samples have no features (shape {self.X.shape}); give at least one")
        if self.feature_names is not None and len(self.feature_names) != n_features:
            raise DataError(
                f"{self.source}: there are {len(self.feature_names)} feature names for "
                f"{n_features} features; give one name for each"
            )
        if self.y is not None and len(self.y) != n_samples:
            raise DataError(
                f"{self.source}: X has {n_samples} samples but y has {len(self.y)}; give one target for each sample"
            )
        for name, values in self.aside.items():
            if values.shape != (n_samples,):
                raise DataError(
                    f"{self.source}: X has {n_samples} samples but '{name}' has shape {values.shape}; give one value "
                    "for each sample"
                )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(int(size) for size in self.X.shape[1:])

    def rows(self, chosen: Array | slice) -> "Dataset":
        """Some of the samples, in the order that is asked for: a slice, indices or a mask."""
        y = None if self.y is None else self.y[chosen]
        return replace(self, X=self.X[chosen], y=y, aside={name: v[chosen] for name, v in self.aside.items()})

    def without_targets(self) -> "Dataset":
        """The same samples with their targets set aside, as predict wants them."""
        return replace(self, y=None)


def as_features(values: Array, source: str) -> Array:
    """Features in one of the dtypes a Dataset keeps: uint8, float32 or float64.

    Parameters
    ----------
    values : array (n, ...), any dtype
        A one-dimensional array is n samples of one feature.
    source : str

    Raises
    ------
    DataError
        The values are not real numbers.
    """
    if values.dtype.kind not in _NUMERIC_KINDS:
        raise DataError(f"{source}: the features should be real numbers, but their type is {values.dtype}")
    if values.ndim < 2:
        values = values.reshape(-1, 1)
    kept: type[np.generic] = np.float64
    if values.dtype.kind == "b" or values.dtype == np.uint8:
        kept = np.uint8
    elif values.dtype.kind == "f" and values.dtype.itemsize <= 4:
        kept = np.float32
    return values.astype(kept, copy=False)


def as_targets(values: Array, n_samples: int, source: str) -> Array:
    """Targets as a Dataset keeps them: int64, float64 or str, one axis where one is enough.

    Parameters
    ----------
    values : array (n,), (n, 1), (1, n) or (n, k)
        Labels or numbers; byte strings are decoded as UTF-8.
    n_samples : int
        Tells a row of n targets from one sample with several.
    source : str

    Raises
    ------
    DataError
        The values are neither numbers nor text, or have too many dimensions.
    """
    if values.ndim == 2 and (values.shape[1] == 1 or (values.shape[0] == 1 and n_samples != 1)):
        values = values.reshape(-1)
    if values.ndim not in (1, 2):
        raise DataError(
            f"{source}: the targets should have shape (samples,) or (samples, outputs), but have shape {values.shape}"
        )
    if values.dtype.kind in "SU" and values.ndim == 1:
        return np.array(as_names(values, source), dtype=np.str_)
    if values.dtype.kind not in _NUMERIC_KINDS:
        raise DataError(
            f"{source}: the targets should be numbers or one column of text, but have type "
            f"{values.dtype} and shape {values.shape}"
        )
    if values.ndim == 2 or values.dtype.kind == "f":
        return values.astype(np.float64, copy=False)
    if values.dtype.kind == "u" and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise DataError(
            f"{source}: the target {int(values.max())} is too large for a 64-bit signed integer; "
            "number the classes from 0"
        )
    return values.astype(np.int64, copy=False)


def as_aside(values: Array, n_samples: int, source: str) -> Array:
    """Values that go beside the samples: numbers in their own type, or text.

    Parameters
    ----------
    values : array (n,), (n, 1) or (1, n)
    n_samples : int
    source : str
        The file and the name of the values.

    Raises
    ------
    DataError
        They are not one number or text for each sample.
    """
    if values.size != n_samples or values.ndim not in (1, 2):
        raise DataError(f"{source} has shape {values.shape} beside {n_samples} samples; give one value for each sample")
    values = values.reshape(-1)
    if values.dtype.kind in "SU":
        return np.array(as_names(values, source), dtype=np.str_)
    if values.dtype.kind not in f"{_NUMERIC_KINDS}M":
        raise DataError(f"{source} should hold numbers, times or text, but has type {values.dtype}")
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def as_names(values: Array | Sequence[str | bytes], source: str) -> tuple[str, ...]:
    """Names as text, byte strings decoded as UTF-8.

    Raises
    ------
    DataError
        A byte string is not UTF-8, or a text has what is no character.
    """
    # Python itself gives up over numbers that no character has, and half of a pair cannot be printed.
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        codes = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(np.uint32)
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise DataError(f"{source}: a text has a character that Unicode does not have; write the file again")
    try:
        return tuple(value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values)
    except UnicodeDecodeError as error:
        raise DataError(f"{source}: the name {error.object!r} is not UTF-8 text; store names as UTF-8") from None
