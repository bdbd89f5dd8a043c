"""The network a user builds, trains, asks and saves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy.typing as npt

from . import checkpoint
from .callbacks import Callback
from .errors import ConfigurationError, DataError
from .model import Array, Model
from .optimizers import Adam, Optimizer
from .pixels import Pixels
from .training import History, Training
from .validation import whole


class Network(Model):
    """A network of dense layers with a loss, ready to train.

    Parameters
    ----------
    layers : sequence of Dense and Dropout
        In order; the last is a Dense whose activation fits the loss: "sigmoid" for binary_crossentropy, "softmax" for
        categorical_crossentropy, any for mean_squared_error.
    input_shape : tuple of int
        The shape of one sample, such as ``(64,)`` or ``(64, 64, 3)``.
    loss : str
        "mean_squared_error", "binary_crossentropy" or "categorical_crossentropy".
    dtype : str
        "float32" or "float64", of the parameters and of all that is computed.
    seed : int
        Decides the initial weights, the shuffles and the dropout masks.

    Attributes
    ----------
    parameters : (n_parameters,) ndarray
        All weights and biases, flat; ``get_weights`` gives them by layer.
    preparation : Preparation or None
        What was done to the data before the network saw it; saved with the network.

    Raises
    ------
    ConfigurationError
        If the layers do not make a network or a value is out of its range.
    """

    def fit(
        self,
        X: npt.ArrayLike | Pixels,
        y: npt.ArrayLike,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation_data: tuple[npt.ArrayLike | Pixels, npt.ArrayLike] | None = None,
        callbacks: Iterable[Callback] = (),
        backend: str = "jit",
        threads: int | None = None,
        shuffle: bool = True,
    ) -> History:
        """Train from the present weights. The optimizer starts at rest, and shuffles and masks at epoch 0, in every
        fit: the same weights and the same seed give the same training again.

        Parameters
        ----------
        X : array_like or Pixels
            (n_samples, *input_shape) or (n_samples, n_features), finite numbers. It is used where it lies if it is
            C-ordered and of the network's dtype; uint8 is converted batch by batch; else one copy is made.
        y : array_like
            Class indices (n_samples,) or one-hot rows for categorical_crossentropy; numbers in [0, 1] for
            binary_crossentropy; any for mean_squared_error; (n_samples,) or (n_samples, n_outputs).
        optimizer : SGD or Adam
            ``Adam()`` if None.
        epochs : int
            Passes over the data.
        batch_size : int or None
            Samples in a step; None takes all of them. The last batch of an epoch may be smaller.
        validation_data : (X, y) or None
            Evaluated after each epoch.
        callbacks : iterable of Callback
        backend : str
            "jit" or "reference"; the one asked for runs, never the other.
        threads : int or None
            The team that the jit engine trains with; None takes as many of the machine's cores as help. The same seed
            and number of threads give the same bits. The reference runs on one and leaves the rest to its BLAS.
        shuffle : bool
            Whether each epoch takes the samples in an order of its own.

        Returns
        -------
        History
            ``history.loss`` has one number an epoch: the mean loss of the samples as they were seen in it.

        Raises
        ------
        DataError
            If X or y cannot be used.
        ConfigurationError
            If an option is out of its range.
        DivergenceError
            If the loss stops being a finite number; the network then holds the last good weights.
        """
        watchers = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        if not all(isinstance(watcher, Callback) for watcher in watchers) or isinstance(callbacks, Callback):
            raise ConfigurationError("callbacks must be a list of callback objects, such as [EarlyStopping()]")
        optimizer = Adam() if optimizer is None else optimizer
        if not isinstance(optimizer, Optimizer):
            raise ConfigurationError(f"optimizer must be a fastnet optimizer such as Adam(), not {optimizer!r}")
        features = self.check_features(X)
        targets = self._training_targets(y, len(features))
        rows = len(features) if batch_size is None else whole("batch_size", batch_size, at_least=1)
        validation = None
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                raise ConfigurationError("validation_data must be a pair (X, y)")
            held_out = self.check_features(validation_data[0], "the validation X")
            validation = held_out, self.check_targets(validation_data[1], len(held_out))
        training = Training(
            self,
            features,
            targets,
            optimizer=optimizer,
            epochs=whole("epochs", epochs, at_least=1),
            batch_size=min(rows, len(features)),
            shuffle=bool(shuffle),
            validation=validation,
            backend=backend,
            threads=threads,
        )
        training.run(watchers)
        return training.history

    def save(self, path: str | Path) -> None:
        """Write the network and its preparation to an HDF5 file, whole or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        checkpoint.write(Path(path), self)

    def _training_targets(self, y: npt.ArrayLike, samples: int) -> Array:
        targets = self.check_targets(y, samples)
        if self.is_classifier and (targets == targets[0]).all() and samples > 1:
            raise DataError(
                f"y holds one class only ({targets[0, 0]:g} in each of the {samples} rows), so there is nothing to "
                "learn; give samples of at least two classes"
            )
        return targets


def load(path: str | Path) -> Network:
    """The network that ``Network.save`` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing, is no model file, is damaged or edited, or was written by a newer version.
    """
    return cast(Network, checkpoint.read(Path(path), Network))
