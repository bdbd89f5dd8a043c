"""A training as it was asked for, once flags, configuration file and defaults have been merged."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .. import Dense, Dropout, Network, Preparation
from ..callbacks import Callback, EarlyStopping
from ..data import BUILT_IN
from ..optimizers import OPTIMIZER_CLASSES, Optimizer
from .options import FULL

OUTPUTS = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "multiclass": ("softmax", "categorical_crossentropy"),
    "regression": ("identity", "mean_squared_error"),
}
"""What a task makes of the last layer: its activation and the loss."""


@dataclass(frozen=True)
class Settings:
    """One field for each option of ``options.SETTINGS``."""

    data: str
    test: str | None
    target: str | None
    task: str
    jit: bool
    layers: tuple[int, ...]
    activation: str
    init: str
    optimizer: str
    learning_rate: float | None
    momentum: float | None
    nesterov: bool
    batch_size: int | str
    epochs: int
    l2: float
    dropout: float
    validation: float
    patience: int | None
    dtype: str
    threads: int | None
    seed: int

    @property
    def backend(self) -> str:
        """The engine asked for."""
        return "jit" if self.jit else "reference"

    def misfit(self) -> tuple[str, str] | None:
        """The option that does not suit the optimizer, as Adam has no momentum, and a sentence about it."""
        known = {field.name for field in fields(OPTIMIZER_CLASSES[self.optimizer])}
        for name in ("momentum", "nesterov"):
            if getattr(self, name) and name not in known:
                return name, f"{self.optimizer} has no {name}; leave it out or use --optimizer sgd"
        if self.nesterov and not self.momentum:
            return "nesterov", "nesterov looks ahead along the momentum, which is 0; give one, such as --momentum 0.9"
        return None

    def build_optimizer(self) -> Optimizer:
        """The optimizer, with its own defaults for what was not asked for."""
        kind = OPTIMIZER_CLASSES[self.optimizer]
        asked = {"learning_rate": self.learning_rate, "momentum": self.momentum, "nesterov": self.nesterov}
        # A zero asks for nothing, so a configuration saved from sgd can be used with another optimizer.
        return kind(**{name: value for name, value in asked.items() if value})

    def build_network(self, preparation: Preparation) -> Network:
        """A network with its first weights for data prepared like this."""
        activation, loss = OUTPUTS[preparation.task]
        layers: list[Dense | Dropout] = []
        for size in self.layers:
            layers.append(Dense(size, activation=self.activation, init=self.init, l2=self.l2))
            if self.dropout:
                layers.append(Dropout(self.dropout))
        layers.append(Dense(preparation.n_outputs, activation=activation, init=self.init, l2=self.l2))
        network = Network(layers, input_shape=preparation.input_shape, loss=loss, dtype=self.dtype, seed=self.seed)
        network.preparation = preparation
        return network

    def build_callbacks(self) -> list[Callback]:
        """What may end the training early."""
        return [] if self.patience is None else [EarlyStopping(self.patience)]

    @property
    def rows_in_batch(self) -> int | None:
        """The batch size as ``Network.fit`` takes it."""
        return None if self.batch_size == FULL else int(self.batch_size)

    def resolved(self) -> dict[str, Any]:
        """What a configuration file must say to repeat this training from any folder."""
        optimizer = self.build_optimizer()
        values = asdict(self)
        for name in ("learning_rate", "momentum", "nesterov"):
            values[name] = getattr(optimizer, name, None)
        for name in ("data", "test"):
            if values[name] is not None and values[name] not in BUILT_IN:
                values[name] = str(Path(values[name]).resolve())
        return {name: value for name, value in values.items() if value is not None}
