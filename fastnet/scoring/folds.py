"""A score over the folds of a cross-validation: its mean, its spread, and an interval that knows what folds share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import LEVEL


@dataclass(frozen=True)
class Estimate:
    """A score over all folds.

    Attributes
    ----------
    mean : float
    deviation : float
        The standard deviation over the folds; NaN of one.
    low, high : float
        The 95% confidence interval of the mean.
    """

    mean: float
    deviation: float
    low: float
    high: float


def estimate(
    values: Sequence[float],
    sizes: Sequence[tuple[int, int]],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """The mean of a score over J folds, with the corrected resampled t interval of Nadeau and Bengio (2003).

    Folds share most of what they train on, so their scores are not independent, and the usual ``s / sqrt(J)`` is far
    too small, the more so the more repeats there are. Their correction takes ``s * sqrt(1 / J + n_test / n_train)``.

    Parameters
    ----------
    values : sequence of J float
    sizes : sequence of J (n_train, n_test)
    bounds : (float, float)
        What the score is never below and never above, where its interval ends.
    """
    scores = np.asarray(values, np.float64)
    mean = float(scores.mean())
    if len(scores) < 2:
        return Estimate(mean, np.nan, np.nan, np.nan)
    from scipy.special import stdtrit

    deviation = float(scores.std(ddof=1))
    ratio = float(np.mean([test / train for train, test in sizes]))
    half = float(stdtrit(len(scores) - 1, (1 + LEVEL) / 2)) * deviation * math.sqrt(1 / len(scores) + ratio)
    return Estimate(mean, deviation, max(mean - half, bounds[0]), min(mean + half, bounds[1]))
