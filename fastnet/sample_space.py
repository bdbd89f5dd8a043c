"""The first layer in sample space: where it pays, a training sees n + n_out numbers a sample instead of d.

With the whole set in every batch and an update that is linear in the gradient, the first layer's weights always are
``share * W0 + XT @ A``: see ``fastnet_kernels.reference.dense``. So the training runs on another Program, whose first
op is SAMPLES, over a row ``[X_i @ XT, X_i @ W0]`` for each sample, and W is worked out when somebody asks.
"""

from collections.abc import Iterator

import numpy as np

from fastnet_kernels.program import DENSE, SAMPLES

from .model import Array, Model
from .optimizers import Optimizer
from .pixels import Pixels, Samples
from .state import fill

LEAST_EPOCHS = 10
"""X @ XT costs about as much as n / (4 n_out) ordinary epochs, so a short training does not pay."""

COLUMNS_AT_ONCE = 1024
"""Features that enter a product with the samples together. So many columns of pixels as floats take less room than the
weights' gradient of a layer of some hundreds of units, as there are fewer samples than features."""


def pays(model: Model, X: Samples, optimizer: Optimizer, batch_size: int, epochs: int) -> bool:
    """Whether the first layer of this training belongs in sample space: the whole set in each batch, fewer samples (and
    outputs) than features, an update that is linear in the gradient, and enough epochs."""
    first = model.program[0]
    n, d = X.shape
    return bool(
        first["kind"] == DENSE
        and first["trainable"]
        and first["l1"] == 0
        and first["max_norm"] == 0
        and optimizer.is_linear
        and batch_size >= n
        and n + first["output_size"] < d
        and epochs >= max(LEAST_EPOCHS, n / (2 * first["output_size"]))
    )


class SampleSpace:
    """A training's state in sample space.

    Attributes
    ----------
    program : Record
        The model's Program with its first op replaced.
    parameters : (n * n_out + 1 + ...,) ndarray
        A, the share, and the model's parameters from the first layer's biases on.
    X : (n, n + n_out) ndarray
        The samples' products with each other and with ``weights``.
    weights : (n_features, n_out) ndarray
        The first layer's, as the training began with them: the model's, unless others are given.
    written : (n_parameters,) ndarray
        The model's parameters as they were last given to it.
    """

    def __init__(self, model: Model, X: Samples, weights: Array | None = None) -> None:
        first = model.program[0]
        n, n_out = len(X), int(first["output_size"])
        self._model, self._samples = model, X
        self.weights = model.get_weights()[0][0]
        if weights is not None:
            fill(self.weights, weights)
        self.written = model.parameters.copy()
        self.X = np.zeros((n, n + n_out), model.dtype)
        for columns, block in self._blocks():
            self.X[:, :n] += block @ block.T
            self.X[:, n:] += block @ self.weights[columns]
        self.program = model.program.copy()
        moved = n * n_out + 1 - self.weights.size
        self.program["weights"][1:] += moved
        self.program["biases"] += moved
        self.program["statistics"] += moved
        # Every op reads and writes that much further on; the first still reads at the beginning.
        self.program["output"] += n + n_out - X.shape[1]
        for place in ("z", "targets", "target_weights"):
            self.program[place] += n + n_out - X.shape[1]
        self.program["input"][1:] += n + n_out - X.shape[1]
        op = self.program[0]
        op["kind"], op["input_size"], op["weights"] = SAMPLES, n + n_out, 0
        op["input_shape"] = (n + n_out, 1, 1)
        op["square"] = float(np.vdot(self.weights, self.weights))
        self.parameters = np.concatenate([np.zeros(n * n_out, model.dtype), np.ones(1, model.dtype), self._rest])

    @property
    def _rest(self) -> Array:
        """The model's parameters after the first layer's weights."""
        return self._model.parameters[self.weights.size :]

    def write_back(self) -> None:
        """Give the model its ordinary parameters."""
        self._model.parameters[...] = self.ordinary(self.parameters)
        np.copyto(self.written, self._model.parameters)

    def ordinary(self, vector: Array) -> Array:
        """A vector like ``parameters`` (they, or a slot of the optimizer) as the model's Program has it."""
        n, n_out = len(self._samples), self.weights.shape[1]
        combination, share, rest = np.split(vector, [n * n_out, n * n_out + 1])
        with np.errstate(over="ignore", invalid="ignore"):  # a training that diverges says so by its loss
            weights = share * self.weights
            for columns, block in self._blocks():
                weights[columns] += block.T @ combination.reshape(n, n_out)
        return np.concatenate([weights.ravel(), rest])

    def _blocks(self) -> Iterator[tuple[slice, Array]]:
        """Some columns at a time: which, and what all samples (n, ...) have there, so that pixels are never converted
        whole."""
        samples, dtype = self._samples, self._model.dtype
        for start in range(0, samples.shape[1], COLUMNS_AT_ONCE):
            columns = slice(start, start + COLUMNS_AT_ONCE)
            if isinstance(samples, Pixels):
                yield columns, np.divide(samples.X[:, columns], dtype.type(samples.divisor), dtype=dtype)
            else:
                yield columns, samples[:, columns]

    def is_stale(self) -> bool:
        """Whether somebody, such as a callback, changed the model's parameters since they were last given to it."""
        return not np.array_equal(self.written, self._model.parameters)
