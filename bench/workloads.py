"""The workloads that fastnet is measured on: synthetic data of the shapes that people train."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import fastnet as fn


@dataclass(frozen=True)
class Workload:
    """A training: what a network of ``sizes`` costs a step does not depend on what the numbers mean.

    Attributes
    ----------
    sizes : from the input to the output
    activation : of the hidden layers
    loss : decides the output's activation
    batch_size : None for the full batch
    samples, epochs : what one timed run does
    batch_norm : whether ``NORM`` is before each hidden layer's activation
    """

    sizes: tuple[int, ...]
    activation: str
    loss: str
    batch_size: int | None
    optimizer: Any
    samples: int
    epochs: int
    dropout: float = 0.0
    l2: float = 0.0
    batch_norm: bool = False

    @property
    def steps(self) -> int:
        """Updates in one timed run."""
        return self.epochs * -(-self.samples // (self.batch_size or self.samples))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X (samples, sizes[0]) float32 and y for the loss."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.samples, self.sizes[0])).astype(np.float32)
        if self.loss == "categorical_crossentropy":
            return X, rng.integers(0, self.sizes[-1], self.samples)
        if self.loss == "binary_crossentropy":
            return X, (X[:, 0] > 0).astype(np.float32)
        return X, rng.standard_normal((self.samples, self.sizes[-1])).astype(np.float32)

    def network(self) -> fn.Network:
        """A new network, at the same start each time."""
        layers: list[fn.Dense | fn.BatchNorm | fn.Activation | fn.Dropout] = []
        for units in self.sizes[1:-1]:
            if self.batch_norm:
                layers += [fn.Dense(units, l2=self.l2), NORM, fn.Activation(self.activation)]
            else:
                layers.append(fn.Dense(units, activation=self.activation, l2=self.l2))
            if self.dropout:
                layers.append(fn.Dropout(self.dropout))
        output = {"categorical_crossentropy": "softmax", "binary_crossentropy": "sigmoid"}.get(self.loss, "identity")
        layers.append(fn.Dense(self.sizes[-1], activation=output, l2=self.l2))
        return fn.Network(layers, input_shape=(self.sizes[0],), loss=self.loss)

    def train(self, network: fn.Network, X: np.ndarray, y: np.ndarray, backend: str) -> fn.History:
        """One timed run of a new network."""
        return network.fit(
            X, y, optimizer=self.optimizer, epochs=self.epochs, batch_size=self.batch_size, backend=backend
        )


BINARY, CLASSES, REGRESSION = "binary_crossentropy", "categorical_crossentropy", "mean_squared_error"
NORM = fn.BatchNorm()
"""Its epsilon and momentum are every contestant's."""

# As many epochs as make a training of the small ones last for some milliseconds of ours, of which what a fit costs once
# (0.2 to 0.7 ms, docs/decisions/0015) is a tenth, as it is at most in the trainings that people run.
WORKLOADS = {
    "moons": Workload((2, 16, 16, 1), "relu", BINARY, 32, fn.Adam(), 1000, 50),
    "tabular": Workload((30, 64, 32, 1), "relu", BINARY, 64, fn.Adam(), 2000, 25),
    "digits": Workload((64, 32, 10), "relu", CLASSES, 32, fn.SGD(), 1437, 25),
    "mnist": Workload((784, 128, 10), "relu", CLASSES, 128, fn.Adam(), 6400, 1),
    "wide": Workload((784, 1024, 1024, 10), "relu", CLASSES, 256, fn.Adam(), 1024, 1),
    "cat-2": Workload((12288, 4, 1), "relu", BINARY, None, fn.SGD(learning_rate=0.0075), 209, 50),
    "cat-4": Workload((12288, 20, 7, 5, 1), "relu", BINARY, None, fn.SGD(learning_rate=0.0075), 209, 50),
    "matexp": Workload((4, 32, 16, 4), "tanh", REGRESSION, None, fn.Adam(), 10000, 20),
    "online": Workload((8, 16, 1), "relu", BINARY, 1, fn.SGD(), 1000, 5),
    "mnist-dropout": Workload((784, 128, 10), "relu", CLASSES, 128, fn.Adam(), 6400, 1, dropout=0.2, l2=1e-4),
    "tabular-norm": Workload((30, 64, 32, 1), "relu", BINARY, 64, fn.Adam(), 2000, 25, batch_norm=True),
    "mnist-norm": Workload((784, 128, 10), "relu", CLASSES, 128, fn.Adam(), 6400, 1, batch_norm=True),
}
