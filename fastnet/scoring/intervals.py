"""How far off a score may be that was measured on some samples: 95% confidence intervals.

A share of samples has Wilson's interval (1927). Everything else has the percentile bootstrap's over samples (Efron,
1979): the score is worked out again for many resamples of the samples, drawn with replacement by a fixed seed, and the
interval holds the middle 95% of what comes out. No resample is ever made: scores are functions of sums over samples,
and how often each sample was drawn is enough to have the sums.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0
MOST_GROUPS = 10_000
"""Samples that are drawn one by one; where there are more, as many groups of samples, put together at random, are drawn
in their place. A mean of groups varies as the mean of single samples does, and a million cost no more than these."""

_DRAWS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Interval:
    """Where the score of all samples there could be lies, as far as those measured tell.

    Attributes
    ----------
    low, high : float
        NaN where the score is not defined.
    method : {"wilson", "bootstrap", "order_statistics"}
    resamples : int
        Of the bootstrap, else 0.
    """

    low: float
    high: float
    method: str
    resamples: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        plain = {"low": self.low, "high": self.high, "method": self.method}
        return {**plain, "resamples": self.resamples} if self.resamples else plain


def wilson(successes: npt.ArrayLike, counts: npt.ArrayLike) -> tuple[Array, Array]:
    """Wilson's score interval for shares.

    Parameters
    ----------
    successes, counts : array_like of numbers, of one shape

    Returns
    -------
    low, high : ndarray of that shape
        NaN where the count is 0.
    """
    k, n = np.asarray(successes, np.float64), np.asarray(counts, np.float64)
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (k + z * z / 2) / (n + z * z)
        half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
        # All and none are the ends themselves, whatever the rounding of the formula.
        low, high = np.where(k == 0, 0.0, middle - half), np.where(k == n, 1.0, middle + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def wilson_interval(successes: float, count: float) -> Interval:
    """The same for one share."""
    low, high = wilson(successes, count)
    return Interval(float(low), float(high), "wilson")


def percentiles(values: Array) -> Interval:
    """The percentile bootstrap's interval of a score.

    Parameters
    ----------
    values : (resamples,) ndarray
        The score of each resample; those on which it is not defined are NaN and left out.
    """
    defined = values[np.isfinite(values)]
    if not len(defined):
        return Interval(np.nan, np.nan, "bootstrap", len(values))
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), "bootstrap", len(values))


def drawn(count: int, resamples: int = RESAMPLES) -> Iterator[Array]:
    """How often each of ``count`` things is drawn in each resample, (some, count) float64 at a time."""
    rng = np.random.default_rng(SEED)
    at_once = max(1, _DRAWS_AT_ONCE // count)
    for begin in range(0, resamples, at_once):
        some = min(at_once, resamples - begin)
        draws = rng.integers(0, count, (some, count)) + count * np.arange(some)[:, np.newaxis]
        yield np.bincount(draws.ravel(), minlength=some * count).reshape(some, count).astype(np.float64)


def resampled_sums(columns: Array) -> Array:
    """The sums over samples in each resample.

    Parameters
    ----------
    columns : (n, m) ndarray of numbers
        What to sum; a column of ones gives the numbers of samples, which differ where groups are drawn.

    Returns
    -------
    (RESAMPLES, m) ndarray of float64
    """
    values = np.asarray(columns, np.float64)
    if len(values) > MOST_GROUPS:
        order = np.random.default_rng(SEED).permutation(len(values))
        begins = np.linspace(0, len(values), MOST_GROUPS, endpoint=False).astype(np.int64)
        values = np.add.reduceat(values[order], begins, axis=0)
    return np.concatenate([counts @ values for counts in drawn(len(values))])
