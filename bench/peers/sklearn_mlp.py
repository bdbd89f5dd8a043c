"""scikit-learn: ``fit`` of MLPClassifier or MLPRegressor, never stopping early; the whole call is timed.

It has no dropout. Its squared error is half of the others', and the sum over outputs where theirs is the mean: with
Adam, which does not see a gradient's scale, that changes nothing but the weight of epsilon.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from workloads import REGRESSION, Workload

from . import Array, Weights


class Contestant:
    """See ``peers.Contestant``."""

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        self._X, self._start = X, start
        self._y = y if workload.loss == REGRESSION else y.astype(np.int64)
        size = workload.batch_size or len(X)
        settings: dict[str, Any] = {
            "hidden_layer_sizes": workload.sizes[1:-1],
            "activation": workload.activation,
            # Its penalty is divided by the batch's size.
            "alpha": workload.l2 * size,
            "batch_size": size,
            "learning_rate_init": workload.optimizer.learning_rate,
            "shuffle": size < len(X),
            "random_state": 0,
            "tol": 0.0,
            "n_iter_no_change": 10**9,
            # What lets a fit begin at weights that it did not draw.
            "warm_start": True,
        }
        if type(workload.optimizer).__name__ == "SGD":
            settings |= {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}
        else:
            adam = workload.optimizer
            settings |= {"solver": "adam", "beta_1": adam.beta_1, "beta_2": adam.beta_2, "epsilon": adam.epsilon}
        self._model = (MLPRegressor if workload.loss == REGRESSION else MLPClassifier)(**settings)
        # A first fit makes what the start's weights are then put into.
        self.run(1)

    def reset(self) -> None:
        self._model.coefs_ = [W.copy() for W, _ in self._start]
        self._model.intercepts_ = [b.copy() for _, b in self._start]

    def run(self, epochs: int) -> None:
        self._model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(self._X, self._y)

    def weights(self) -> Weights:
        return list(zip(self._model.coefs_, self._model.intercepts_, strict=True))
