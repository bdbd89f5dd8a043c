"""L-BFGS: SciPy looks for the minimum, the engine tells it loss and gradient."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import HISTORY_LOSS

from ..errors import ConfigurationError, DivergenceError
from ..optimizers import LBFGS

if TYPE_CHECKING:
    from .loop import Training

Vector = npt.NDArray[np.float64]


def minimise(training: Training, optimizer: LBFGS, end_epoch: Callable[[], None]) -> None:
    """Train until the last epoch, an iteration each, until SciPy is content or until a callback stops it.

    The history's loss of an epoch is the one before its iteration, as it is of a full batch elsewhere. However it ends,
    the model has the parameters of the last iteration that did.

    Raises
    ------
    DivergenceError
        If the loss is not finite at the first weights.
    """
    from scipy.optimize import minimize

    parameters = training.model.parameters
    trained = np.flatnonzero(training.is_trained)
    started = time.perf_counter()
    accepted = parameters.copy()
    rows: dict[bytes, npt.NDArray[np.float64]] = {}

    def loss_and_gradient(x: Vector) -> tuple[float, Vector]:
        parameters[trained] = x
        row, gradient = training.steps.loss_and_gradient()
        # Of the points on a line the last is where the next iteration begins, unless the search gave up.
        rows.clear()
        rows[x.tobytes()] = row
        return float(row[HISTORY_LOSS]), gradient[trained].astype(np.float64)

    first = parameters[trained].astype(np.float64)
    if not math.isfinite(loss_and_gradient(first)[0]):
        raise DivergenceError(
            "training diverged: the loss at the first weights is not a finite number; scale the features"
        )
    before = next(iter(rows.values()))

    def end_iteration(intermediate_result: Any) -> None:
        nonlocal started, before
        x = intermediate_result.x
        if x.tobytes() not in rows:
            loss_and_gradient(x)
        after = rows[x.tobytes()]
        parameters[trained] = x
        training.parameters_before = accepted.copy()
        np.copyto(accepted, parameters)
        training.record(before[np.newaxis], time.perf_counter() - started)
        end_epoch()
        if not np.array_equal(parameters, accepted):
            raise ConfigurationError(
                "a callback has changed the weights, which LBFGS cannot take up; use another optimizer"
            )
        started, before = time.perf_counter(), after
        if training.history.stopped is not None:
            raise StopIteration

    try:
        result = minimize(
            loss_and_gradient,
            first,
            jac=True,
            method="L-BFGS-B",
            callback=end_iteration,
            options={
                "maxcor": optimizer.memory,
                "gtol": optimizer.tolerance,
                "ftol": optimizer.loss_tolerance,
                "maxiter": training.epochs,
                "maxfun": optimizer.max_evaluations,
            },
        )
    finally:
        np.copyto(parameters, accepted)
    if not training.history.loss:
        # Nothing was left to do; an epoch that changes nothing says so.
        training.record(before[np.newaxis], time.perf_counter() - started)
        end_epoch()
    if len(training.history.loss) < training.epochs:
        training.stop(f"L-BFGS ended: {str(result.message).lower()}")
