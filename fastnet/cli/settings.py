"""A training as it was asked for, once flags, configuration file and defaults have been merged."""

import functools
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .. import Activation, Augment, BatchNorm, Dense, Dropout, GaussianNoise, LayerNorm, Network, Preparation, transfer
from ..activations import ELU, ActivationObject, CustomActivation, LeakyReLU
from ..callbacks import Callback, EarlyStopping
from ..data import names_data
from ..data.encoding import Impute
from ..errors import ConfigurationError
from ..layers import Layer
from ..losses import LOSS_CLASSES, Huber, Loss
from ..optimizers import OPTIMIZER_CLASSES, Optimizer, WithRate
from ..schedules import Schedule
from .models import load_model
from .options import ALL, FULL
from .rates import build_rate

OUTPUTS = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "multiclass": ("softmax", "categorical_crossentropy"),
    "multilabel": ("sigmoid", "binary_crossentropy"),
    "regression": ("identity", "mean_squared_error"),
}
"""What a task makes of the last layer: its activation and the loss."""

FITTING = {
    "binary": ("binary_crossentropy", "hinge"),
    "multiclass": ("categorical_crossentropy",),
    "multilabel": ("binary_crossentropy", "hinge"),
    "regression": ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "poisson"),
}
"""The losses that suit a task."""

IN_WORDS = {
    "binary": "two classes",
    "multiclass": "several classes",
    "multilabel": "several labels",
    "regression": "numbers",
}

OF_THE_LAYERS = (
    *("layers", "activation", "slope", "alpha", "normalization"),
    *("dropout", "input_dropout", "noise", "max_norm", "flip", "shift", "rotate"),
)
"""What a model that a training begins with has decided already."""

OF_THE_OPTIMIZER = (
    *("learning_rate", "momentum", "nesterov", "centered", "weight_decay"),
    *("clip_value", "clip_norm", "average"),
)
"""What some optimizers have and others have not."""


@dataclass(frozen=True)
class Settings:
    """One field for each option of ``options.SETTINGS``, and the user's own activations."""

    data: str
    test: str | None
    target: str | None
    ignore: str | None
    categorical: str | None
    impute: Impute | None
    missing_category: bool
    x: str | None
    y: str | None
    size: tuple[int, int] | None
    memory: str | None
    grey: bool | None
    task: str
    jit: bool
    base: str | None
    freeze: int | str
    layers: tuple[int, ...]
    activation: str
    slope: float | None
    alpha: float | None
    init: str
    normalization: str
    loss: str
    delta: float | None
    label_smoothing: float
    class_weight: str
    optimizer: str
    learning_rate: float | None
    momentum: float | None
    nesterov: bool
    centered: bool
    weight_decay: float | None
    schedule: str
    decay: float | None
    interval: int | None
    pieces: tuple[str, ...]
    warm_up: int
    per: str
    clip_value: float | None
    clip_norm: float | None
    average: float | None
    batch_size: int | str
    epochs: int
    l2: float
    l1: float
    max_norm: float | None
    dropout: float
    input_dropout: float
    noise: float
    flip: str
    shift: float
    rotate: float
    validation: float
    group: str | None
    time: str | None
    patience: int | None
    monitor: str | None
    metrics: tuple[str, ...]
    dtype: str
    threads: int | None
    seed: int
    own: tuple[CustomActivation, ...] = ()

    @property
    def backend(self) -> str:
        """The engine asked for."""
        return "jit" if self.jit else "reference"

    @functools.cached_property
    def base_network(self) -> Network | None:
        """The model to begin with, read once, if there is one."""
        return None if self.base is None else load_model(Path(self.base), self.own)

    def build_optimizer(self, samples: int) -> Optimizer:
        """The optimizer for a training on so many samples, with its own defaults for what was not asked for."""
        kind = OPTIMIZER_CLASSES[self.optimizer]
        # A zero asks for nothing, so a configuration saved from sgd can be used with another optimizer.
        asked = {name: getattr(self, name) for name in OF_THE_OPTIMIZER if getattr(self, name)}
        if issubclass(kind, WithRate):
            steps = math.ceil(samples / (self.rows_in_batch or samples)) if self.per == "step" else 1
            asked["learning_rate"] = build_rate(self, self._first_rate, self.epochs * steps)
        return kind(**asked)

    @property
    def _first_rate(self) -> float:
        """The learning rate before any schedule: the one asked for, or the optimizer's own."""
        return self.learning_rate or OPTIMIZER_CLASSES[self.optimizer]().highest_rate

    def build_loss(self, task: str) -> Loss:
        """The loss, which has to suit the task.

        Raises
        ------
        ConfigurationError
            If it does not.
        """
        name = OUTPUTS[task][1] if self.loss == "auto" else self.loss
        if name not in FITTING[task]:
            raise ConfigurationError(
                f"--loss {name} does not suit data with {IN_WORDS[task]} to predict; use {' or '.join(FITTING[task])}"
                + (", or --task regression if they are amounts" if name in FITTING["regression"] else "")
            )
        if self.delta:
            return Huber(self.delta)
        kind = LOSS_CLASSES[name]
        if self.label_smoothing:
            if not kind.gives_probabilities:
                raise ConfigurationError(f"--label-smoothing is for cross-entropies, not for {name}; leave it out")
            return kind(label_smoothing=self.label_smoothing)  # type: ignore[call-arg]  # those two have it
        return kind()

    def build_network(self, preparation: Preparation) -> Network:
        """A network with its first weights for data prepared like this.

        Raises
        ------
        ConfigurationError
            If a choice does not suit them.
        """
        loss = self.build_loss(preparation.task)
        activation = loss.output_activation or "identity"
        last = Dense(preparation.n_outputs, activation=activation, init=self.init, l1=self.l1, l2=self.l2)
        if self.base_network is not None:
            freeze = None if self.freeze == ALL else int(self.freeze)
            network = transfer(self.base_network, [last], freeze=freeze, loss=loss, seed=self.seed)
        else:
            layers = [*self._augmentation(preparation.input_shape), *self._hidden_layers(), last]
            network = Network(layers, input_shape=preparation.input_shape, loss=loss, dtype=self.dtype, seed=self.seed)
        network.preparation = preparation
        self._check_measures(network)
        return network

    def _check_measures(self, network: Network) -> None:
        """Refuse what cannot be measured or weighed in such a network."""
        network.check_metrics(self.metrics)
        if network.is_classifier:
            return
        if self.class_weight != "none":
            raise ConfigurationError(
                "--class-weight is for classes, but the data have numbers to predict; leave it out"
            )
        if self.monitor in ("accuracy", "val_accuracy"):
            raise ConfigurationError(
                f"--monitor {self.monitor} is for classes, but the data have numbers to predict; use loss or a metric"
            )

    def _augmentation(self, shape: tuple[int, ...]) -> list[Layer]:
        if self.flip == "none" and not self.shift and not self.rotate:
            return []
        if len(shape) not in (2, 3):
            asked = next(name for name in ("flip", "shift", "rotate") if getattr(self, name) not in ("none", 0))
            raise ConfigurationError(
                f"--{asked} is for pictures, of height x width or height x width x channels, but a sample of these "
                f"data is {' x '.join(map(str, shape))}; leave it out"
            )
        return [Augment(self.flip, self.shift, self.rotate)]

    def _hidden_layers(self) -> list[Layer]:
        layers: list[Layer] = []
        if self.input_dropout:
            layers.append(Dropout(self.input_dropout))
        if self.noise:
            layers.append(GaussianNoise(self.noise))
        for size in self.layers:
            dense = Dense(size, self._activation, self.init, l1=self.l1, l2=self.l2, max_norm=self.max_norm)
            if self.normalization == "none":
                layers.append(dense)
            else:
                norm = BatchNorm() if self.normalization == "batch" else LayerNorm()
                layers += [replace(dense, activation="identity"), norm, Activation(self._activation)]
            if self.dropout:
                layers.append(Dropout(self.dropout))
        return layers

    @property
    def _activation(self) -> str | ActivationObject:
        if self.slope is not None:
            return LeakyReLU(self.slope)
        if self.alpha is not None:
            return ELU(self.alpha)
        return next((one for one in self.own if one.name == self.activation), self.activation)

    def build_callbacks(self) -> list[Callback]:
        """What may end the training early."""
        return [] if self.patience is None else [EarlyStopping(self.patience, monitor=self.monitor)]

    @property
    def rows_in_batch(self) -> int | None:
        """The batch size as ``Network.fit`` takes it."""
        return None if self.batch_size == FULL else int(self.batch_size)

    @property
    def weights_of_classes(self) -> str | None:
        """The class weights as ``Network.fit`` takes them."""
        return None if self.class_weight == "none" else self.class_weight

    def resolved(self) -> dict[str, Any]:
        """What a configuration file must say to repeat this training from any folder."""
        optimizer = self.build_optimizer(1)  # of which only what no number of samples changes is asked
        values: dict[str, Any] = {name: getattr(self, name) for name in OPTIONS}
        for name in OF_THE_OPTIMIZER:
            values[name] = getattr(optimizer, name, None)
        if isinstance(values["learning_rate"], Schedule):
            values["learning_rate"] = self._first_rate
        for name in ("data", "test", "base"):
            if values[name] is not None and not names_data(values[name]):
                values[name] = str(Path(values[name]).resolve())
        if self.y is not None and self.y.lower().endswith(".npy"):  # a file, where others are names of arrays
            values["y"] = str(Path(self.y).resolve())
        if self.base is not None:
            for name in OF_THE_LAYERS:
                del values[name]
        empty = [name for name in ("metrics", "pieces") if not values[name]]
        return {name: value for name, value in values.items() if value is not None and name not in empty}


OPTIONS = tuple(field.name for field in fields(Settings) if field.name != "own")
"""The names of the settings that are options, each of which a configuration may have."""
