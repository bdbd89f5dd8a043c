"""Everything that can be said of a network's answers to samples with known answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Network
from ..pixels import Pixels
from .answers import ask
from .classes import mean_interval, of_classes
from .intervals import LEVEL, RESAMPLES, SEED, Interval, percentiles, resampled_sums
from .labels import of_labels
from .numbers import of_numbers


def report(
    network: Network,
    X: npt.ArrayLike | Pixels,
    y: npt.ArrayLike,
    *,
    metrics: Sequence[str] = (),
    worst: int = 10,
    first: int = 0,
    backend: str = "jit",
    scores: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Confidence intervals, tables, mistakes and calibration, as plain data.

    Parameters
    ----------
    network : Network
    X, y : array_like
        As ``Network.evaluate`` takes them; a regression is reported in the data's units where the network has a
        preparation.
    metrics : sequence of str
        More scores to give intervals for, as ``Network.evaluate`` has them.
    worst : int
        How many mistakes to list.
    first : int
        The number that the first sample has in that list: 0 as in an array, 1 as in a table.
    backend : str
    scores : mapping, optional
        What ``network.evaluate(X, y, metrics=metrics)`` gave, if somebody has it.

    Returns
    -------
    dict
        ``docs/scoring.md`` says what each key means.

    Raises
    ------
    DataError, ConfigurationError
        As ``Network.evaluate``.
    """
    wanted = [name for name in network.check_metrics(metrics, allow_matrix=True) if name != "confusion_matrix"]
    measured = network.evaluate(X, y, metrics=wanted, backend=backend) if scores is None else scores
    answers = ask(network, X, y, backend)
    if answers.task == "regression":
        found = of_numbers(answers, wanted, worst, first)
    elif answers.task == "multilabel":
        found = of_labels(answers, wanted, worst, first)
    else:
        found = of_classes(answers, measured, wanted, worst, first)
    intervals = {"loss": _of_loss(answers.losses, answers.true, measured["loss"]), **found.pop("intervals")}
    return {
        "task": answers.task,
        "counted_from": first,
        "confidence": {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED},
        "intervals": {name: _plain(interval) for name, interval in intervals.items()},
        **found,
    }


def _of_loss(losses: npt.NDArray[Any], true: npt.NDArray[Any], loss: float) -> Interval:
    """The interval of the mean loss, penalties included, which are the same in each resample."""
    if true.ndim == 1 or not np.isnan(true).any():
        around = mean_interval(losses)
        shift = loss - float(losses.mean())
    else:
        weights = np.count_nonzero(~np.isnan(true), axis=1)
        sums = resampled_sums(np.column_stack([np.where(weights > 0, losses, 0) * weights, weights]))
        around = percentiles(sums[:, 0] / sums[:, 1])
        shift = loss - float(np.nansum(losses * weights) / weights.sum())
    return replace(around, low=around.low + shift, high=around.high + shift)


def _plain(interval: Interval | list[Interval]) -> Any:
    return [one.to_dict() for one in interval] if isinstance(interval, list) else interval.to_dict()
