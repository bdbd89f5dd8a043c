"""Features looked at as a whole: their statistics, and the first value that is not finite."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import DataError
from .dataset import Array

_BLOCK = 1024


def row_blocks(n_rows: int) -> Iterator[slice]:
    """Slices that cover the rows, so that no temporary is as large as the data."""
    return (slice(start, start + _BLOCK) for start in range(0, n_rows, _BLOCK))


def describe_feature(index: int, n_features: int, names: Sequence[str] | None) -> str:
    """How messages name a feature."""
    return f"feature {index + 1} of {n_features}" if names is None else f"feature '{names[index]}'"


def refuse_not_finite(values: Array, source: str, *, names: Sequence[str] | None = None, what: str = "feature") -> None:
    """Refuse NaN and infinity.

    Parameters
    ----------
    values : array (n, d) of numbers
    source : str
    names : sequence of d str, optional
        Names of the features.
    what : {"feature", "target"}

    Raises
    ------
    DataError
        It names the sample and the feature.
    """
    if values.dtype.kind != "f":
        return
    for rows in row_blocks(len(values)):
        bad = np.argwhere(~np.isfinite(values[rows]))
        if len(bad):
            sample, column = int(bad[0][0]) + rows.start, int(bad[0][1])
            where = "the target"
            if what == "feature":
                where = describe_feature(column, values.shape[1], names)
            raise DataError(
                f"{source}: sample {sample + 1} of {len(values)}, {where} is "
                f"{values[sample, column]}; finite numbers are expected, so fill it in or remove "
                "the sample"
            )


def mean_and_deviation(
    values: Array, source: str, *, names: Sequence[str] | None = None, what: str = "feature"
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation (divided by n) of each column, in float64.

    Parameters
    ----------
    values : array (n, d) of finite numbers
    source, names, what
        As for `refuse_not_finite`.

    Returns
    -------
    mean, deviation : tuples of d floats
        A constant column has its own value as the mean and 1 as the deviation.

    Raises
    ------
    DataError
        The values are so large that their spread is no finite number.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean = values.mean(axis=0, dtype=np.float64)
        squares = np.zeros_like(mean)
        for rows in row_blocks(len(values)):
            squares += np.square(values[rows] - mean).sum(axis=0)
        deviation = np.sqrt(squares / len(values))
    # Asked of the values: rounding in the mean gives a constant column a tiny deviation.
    constant = (values.max(axis=0) == values.min(axis=0)) | (deviation == 0)
    mean[constant], deviation[constant] = values[0][constant], 1.0
    bad = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(deviation)))
    if len(bad):
        where = "the target"
        if what == "feature":
            where = describe_feature(int(bad[0]), values.shape[1], names)
        raise DataError(
            f"{source}: {where} has values up to {np.abs(values[:, bad[0]]).max():.3g}, too large "
            "to standardise; give it in a larger unit"
        )
    return tuple(mean.tolist()), tuple(deviation.tolist())
