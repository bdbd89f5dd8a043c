"""How scikit-learn's losses are fastnet's: which one, by what factors, and how far apart."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError
from ..losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    Loss,
    MeanSquaredError,
    Poisson,
    checked_loss,
)
from ..training import Training

NAMES = {"squared_error": "mean_squared_error"}
"""scikit-learn's names of regression losses that are not fastnet's."""

OUT_ACTIVATIONS = {"softmax": "softmax", "sigmoid": "logistic", "exponential": "exp", None: "identity"}
"""scikit-learn's names of the output activations that losses take in."""


def loss_of_classes(loss: str | Loss, y_type: str) -> Loss:
    """The loss of a classifier for targets of scikit-learn's ``type_of_target``.

    Raises
    ------
    ConfigurationError
        If an object does not fit the targets.
    """
    several = y_type == "multiclass"
    if loss == "log_loss":
        return CategoricalCrossentropy() if several else BinaryCrossentropy()
    found = checked_loss(loss)
    fitting = (CategoricalCrossentropy,) if several else (BinaryCrossentropy, Hinge)
    if not isinstance(found, fitting):
        names = " or ".join(kind.__name__ for kind in fitting)
        raise ConfigurationError(
            f"loss must be 'log_loss' or {names} for {y_type} targets, not {found!r}; change the loss"
        )
    return found


def loss_of_numbers(loss: str | Loss) -> Loss:
    """The loss of a regressor.

    Raises
    ------
    ConfigurationError
        If it is one for classes.
    """
    found = checked_loss(NAMES.get(loss, loss) if isinstance(loss, str) else loss)
    if found.is_classification:
        raise ConfigurationError(f"loss must be one for numbers in MLPRegressor, not {found!r}; use MLPClassifier")
    return found


def factors(loss: Loss, outputs: int) -> tuple[float, float]:
    """What scikit-learn multiplies fastnet's mean over the outputs by, and the gradient once more.

    It sums the losses of outputs, but takes the mean of squared errors, whose gradient is nevertheless that of the sum.
    """
    if isinstance(loss, MeanSquaredError):
        return 0.5, float(outputs)
    if isinstance(loss, BinaryCrossentropy | Poisson):
        return float(outputs), 1.0
    return 1.0, 1.0


def constants(loss: Loss, y: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """What scikit-learn's loss of each sample, (n_samples,), has beside fastnet's with targets ``y`` (n_samples,
    n_outputs), if it has anything: it makes Poisson's 0 where nothing is wrong."""
    if not isinstance(loss, Poisson):
        return None
    from scipy.special import xlogy

    return np.asarray((xlogy(y, y) - y).sum(axis=1, dtype=np.float64))


def constant(loss: Loss, y: npt.NDArray[Any], weights: npt.NDArray[Any] | None) -> float:
    """The mean of these by the samples' weights."""
    of_samples = constants(loss, y)
    return 0.0 if of_samples is None else float(np.average(of_samples, weights=weights))


class EpochConstant:
    """What scikit-learn's loss of an epoch has beside fastnet's. It is the mean over batches, whatever the weight of
    each, so that with weights of samples it depends on which samples come together.

    Parameters
    ----------
    loss : Loss
    y : (n_samples, n_outputs) ndarray
    weights : (n_samples,) ndarray or None
    rows : int
        In a batch, but for the last.

    Attributes
    ----------
    by_order : bool
        Whether it depends on the order of the samples.
    """

    def __init__(self, loss: Loss, y: npt.NDArray[Any], weights: npt.NDArray[Any] | None, rows: int) -> None:
        self._starts = np.arange(0, len(y), rows)
        self._of_samples, self._weights = constants(loss, y), weights
        self.by_order = self._of_samples is not None and weights is not None and rows < len(y)
        self._mean = 0.0 if self.by_order else constant(loss, y, weights)

    def of(self, training: Training) -> float:
        """That of the training's last epoch."""
        if not self.by_order or self._of_samples is None or self._weights is None:
            return self._mean
        order = training.steps.runner.order
        weights = self._weights[order]
        sums = np.add.reduceat(weights * self._of_samples[order], self._starts)
        weight = np.add.reduceat(weights, self._starts)
        means = np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)
        return float(np.average(means, weights=np.diff(self._starts, append=len(order))))
