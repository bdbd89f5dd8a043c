"""The report of a network that predicts numbers, target by target, in the data's own units."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .answers import Answers
from .intervals import Array, Interval, percentiles, resampled_sums

Report = dict[str, Any]
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

MEASURES = ("mean_absolute_error", "root_mean_squared_error", "r2", "mean_squared_error")


def of_numbers(answers: Answers, metrics: Sequence[str], worst: int, first: int) -> Report:
    """What ``report`` gives beside the plain scores."""
    errors = answers.answered - answers.true
    # Around their mean: squares of numbers far from 0 would lose the digits that the spread is in.
    true = answers.true - answers.true.mean(axis=0)
    columns = np.hstack([np.abs(errors), errors**2, true, true**2, np.ones_like(true)])
    plain, resampled = _measures(columns.sum(axis=0)), _measures(resampled_sums(columns))
    # Of several targets a metric is the mean over them, as in ``fastnet.metrics``.
    intervals: dict[str, Any] = {name: percentiles(resampled[name].mean(axis=1)) for name in metrics}
    each = [percentiles(column) for column in resampled["root_mean_squared_error"].T]
    return {
        "intervals": {"rmse": each[0] if len(each) == 1 else each, **intervals},
        "targets": [
            {
                "target": name,
                **{measure: float(plain[measure][c]) for measure in MEASURES},
                "median_absolute_error": float(np.median(np.abs(errors[:, c]))),
                "intervals": {
                    **{measure: percentiles(resampled[measure][:, c]).to_dict() for measure in MEASURES},
                    "median_absolute_error": _median_interval(np.abs(errors[:, c])).to_dict(),
                },
                "residuals": {
                    "mean": float(errors[:, c].mean()),
                    "quantiles": _quantiles(errors[:, c]),
                },
                "worst": _largest(answers, errors, c, worst, first),
            }
            for c, name in enumerate(answers.names)
        ],
    }


def _measures(sums: Array) -> Mapping[str, Array]:
    """The measures of each target, (..., k), of the sums over samples."""
    absolute, squared, true, true_squared, count = np.split(sums, 5, axis=-1)
    spread = true_squared - true * true / count
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
    mse = squared / count
    return dict(zip(MEASURES, (absolute / count, np.sqrt(mse), r2, mse), strict=True))


def _median_interval(values: Array) -> Interval:
    """What the percentile bootstrap of the median comes to, without drawing: the order statistics between which the
    median of a resample lies in 95% of all (Efron, 1979, section 3), by the normal law of their places."""
    n, half = len(values), 1.959963984540054 / 2
    low = int(np.clip(np.floor(n / 2 - half * np.sqrt(n)), 0, n - 1))
    high = int(np.clip(np.ceil(n / 2 + half * np.sqrt(n)), 0, n - 1))
    ordered = np.partition(values, sorted({low, high}))
    return Interval(float(ordered[low]), float(ordered[high]), "order_statistics")


def _quantiles(values: Array) -> list[Report]:
    return [
        {"share": share, "residual": float(value)}
        for share, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)
    ]


def _largest(answers: Answers, errors: Array, target: int, worst: int, first: int) -> list[Report]:
    ordered = np.argsort(-np.abs(errors[:, target]), kind="stable")[:worst]
    return [
        {
            "index": int(answers.rows[i]) + first,
            "true": float(answers.true[i, target]),
            "predicted": float(answers.answered[i, target]),
            "error": float(errors[i, target]),
        }
        for i in ordered
    ]
