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


def constant(loss: Loss, y: npt.NDArray[Any], weights: npt.NDArray[Any] | None) -> float:
    """What scikit-learn's loss of targets ``y`` (n_samples, n_outputs) has beside fastnet's: it makes Poisson's 0 where
    nothing is wrong."""
    if not isinstance(loss, Poisson):
        return 0.0
    from scipy.special import xlogy

    return float(np.average(xlogy(y, y) - y, weights=weights, axis=0).sum())
