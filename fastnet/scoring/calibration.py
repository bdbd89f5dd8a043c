"""Whether probabilities mean what they say: reliability by bins, and the expected calibration error."""

from typing import Any

import numpy as np

from .intervals import Array, wilson

BINS = 10


def calibration(probabilities: Array, happened: Array) -> dict[str, Any]:
    """Of n forecasts how often each came true, by bins of equal width.

    Parameters
    ----------
    probabilities : (n,) ndarray in [0, 1]
    happened : (n,) ndarray of bool

    Returns
    -------
    dict
        ``expected_calibration_error`` (the mean over samples of the gap between a bin's mean probability and the share
        that came true; Naeini et al., 2015) and ``bins``, those with samples alone: ``low`` and ``high`` bounds,
        ``samples``, ``mean_probability``, ``observed`` share and its Wilson ``interval``.
    """
    places = np.clip(np.ceil(probabilities * BINS).astype(np.int64) - 1, 0, BINS - 1)
    sizes = np.bincount(places, minlength=BINS)
    said = np.bincount(places, probabilities, BINS)
    came = np.bincount(places, happened, BINS)
    low, high = wilson(came, sizes)
    bins = [
        {
            "low": index / BINS,
            "high": (index + 1) / BINS,
            "samples": int(sizes[index]),
            "mean_probability": float(said[index] / sizes[index]),
            "observed": float(came[index] / sizes[index]),
            "interval": {"low": float(low[index]), "high": float(high[index]), "method": "wilson"},
        }
        for index in np.flatnonzero(sizes)
    ]
    error = float(np.abs(said - came).sum() / sizes.sum()) if len(probabilities) else np.nan
    return {"expected_calibration_error": error, "bins": bins}
