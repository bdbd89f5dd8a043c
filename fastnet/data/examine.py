"""Features looked at as a whole: their statistics, and the first value that is not finite."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .dataset import Array

_BLOCK = 1024


def row_blocks(n_rows: int) -> Iterator[slice]:
    """Slices that cover the rows, so that no temporary is as large as the data."""
    return (slice(start, start + _BLOCK) for start in range(0, n_rows, _BLOCK))


def describe_feature(index: int, n_features: int, names: Sequence[str] | None) -> str:
    """How messages name a feature."""
    return f"feature {index + 1} of {n_features}" if names is None else f"feature '{names[index]}'"


def refuse_not_finite(
    values: Array,
    source: str,
    *,
    names: Sequence[str] | None = None,
    what: str = "feature",
    row_of: Callable[[int], int] = int,
    of: int | None = None,
) -> None:
    """Refuse NaN and infinity.

    Parameters
    ----------
    values : array (n, d) of numbers
    source : str
    names : sequence of d str, optional
        Names of the features.
    what : {"feature", "target"}
    row_of, of : callable, int
        Where among how many a row is; by default where it is in `values`.

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
                f"{source}: sample {row_of(sample) + 1} of {of or len(values)}, {where} is "
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
    largest, smallest = values.max(axis=0), values.min(axis=0)
    return _usable(mean, deviation, largest, smallest, source, names=names, what=what)


Vector = npt.NDArray[np.float64]


def _usable(
    mean: Vector,
    deviation: Vector,
    largest: Array,
    smallest: Array,
    source: str,
    *,
    names: Sequence[str] | None,
    what: str = "feature",
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The statistics with those of constant columns set, if all are finite numbers."""
    # Asked of the values: rounding in the mean gives a constant column a tiny deviation.
    constant = (largest == smallest) | (deviation == 0)
    mean[constant], deviation[constant] = largest[constant], 1.0
    bad = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(deviation)))
    if len(bad):
        where = "the target"
        if what == "feature":
            where = describe_feature(int(bad[0]), len(mean), names)
        size = max(abs(float(largest[bad[0]])), abs(float(smallest[bad[0]])))
        raise DataError(
            f"{source}: {where} has values up to {size:.3g}, too large to standardise; give it in a larger unit"
        )
    return tuple(mean.tolist()), tuple(deviation.tolist())


class Moments:
    """Mean and deviation of columns whose rows come in blocks (Chan, Golub and LeVeque, 1979)."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, block: Array) -> None:
        """Count in some rows (k, d) of finite numbers."""
        for rows in row_blocks(len(block)):
            self._add(block[rows])

    def _add(self, block: Array) -> None:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            mean = block.mean(axis=0, dtype=np.float64)
            squares = np.square(block - mean).sum(axis=0)
            largest, smallest = block.max(axis=0), block.min(axis=0)
            if not self.count:
                self._mean, self._squares, self._largest, self._smallest = mean, squares, largest, smallest
            else:
                share, beside = len(block) / (self.count + len(block)), mean - self._mean
                self._mean += beside * share
                self._squares += squares + np.square(beside) * (self.count * share)
                np.maximum(self._largest, largest, out=self._largest)
                np.minimum(self._smallest, smallest, out=self._smallest)
        self.count += len(block)

    def mean_and_deviation(
        self, source: str, *, names: Sequence[str] | None
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What the function of that name gives for all rows at once, to rounding.

        Raises
        ------
        DataError
            The values are so large that their spread is no finite number.
        """
        with np.errstate(invalid="ignore"):
            deviation = np.sqrt(self._squares / self.count)
        return _usable(self._mean.copy(), deviation, self._largest, self._smallest, source, names=names)
