"""The network a user builds, trains, asks and saves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import AUGMENT, BATCH_NORM

from . import checkpoint
from .activations import CustomActivation
from .buffers import Plan, plan
from .callbacks import Callback, checked_callbacks
from .data.stream import Stream
from .errors import ConfigurationError, DataError
from .history import History
from .labelled import checked_validation
from .model import Array, Model
from .optimizers import LBFGS, Adam, Optimizer
from .pixels import Pixels
from .state import State
from .state import read as read_state
from .training import Training
from .validation import whole
from .weights import ClassWeight

MODEL = "model.h5"
"""What the command line calls the file in the folder of a run."""


class Network(Model):
    """A network of layers with a loss, ready to train.

    Parameters
    ----------
    layers : sequence of layers
        In order; the last is a Dense whose activation fits the loss: "sigmoid" for binary_crossentropy, "softmax" for
        categorical_crossentropy, "exponential" for poisson, any for the others.
    input_shape : tuple of int
        The shape of one sample, such as ``(64,)`` or ``(64, 64, 3)``.
    loss : str or loss
        One of ``fastnet.LOSSES``, or an object such as ``fastnet.Huber(delta=2.0)``.
    dtype : str
        "float32" or "float64", of the parameters and of all that is computed.
    seed : int
        Decides the initial weights, the shuffles, and what dropout, noise and augmentation draw.

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
        X: npt.ArrayLike | Pixels | Stream,
        y: npt.ArrayLike | None = None,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation_data: Sequence[Any] | Stream | None = None,
        callbacks: Iterable[Callback] = (),
        backend: str = "jit",
        threads: int | None = None,
        shuffle: bool = True,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: ClassWeight = None,
        metrics: Sequence[str] = (),
        resume: str | Path | State | None = None,
    ) -> History:
        """Train from the present weights. The optimizer starts at rest, and shuffles and masks at epoch 0, in every
        fit: the same weights and the same seed give the same training again.

        Parameters
        ----------
        X : array_like, Pixels or Stream
            (n_samples, *input_shape) or (n_samples, n_features), finite numbers. It is used where it lies if it is
            C-ordered and of the network's dtype; uint8 is converted batch by batch; else one copy is made. A stream is
            read from its file while the network trains, and prepared if the network has a preparation.
        y : array_like or None
            Class indices (n_samples,), one-hot rows or rows of probabilities for categorical_crossentropy; numbers in
            [0, 1] for binary_crossentropy, with several outputs also NaN, which is no label; -1 and 1, or 0 and 1, for
            hinge; counts for poisson; any numbers for the others. (n_samples,) or (n_samples, n_outputs). None takes
            those of a stream.
        optimizer : Optimizer
            ``Adam()`` if None.
        epochs : int
            Passes over the data.
        batch_size : int or None
            Samples in a step; None takes all of them. The last batch of an epoch may be smaller.
        validation_data : (X, y), (X, y, sample_weight), Stream or None
            Evaluated after each epoch.
        callbacks : iterable of Callback
        backend : str
            "jit" or "reference"; the one asked for runs, never the other.
        threads : int or None
            The most that the jit engine trains with; None is one a core, or fewer by the environment's
            NUMBA_NUM_THREADS or OMP_NUM_THREADS. Work too small to share stays on one, which is then faster. The same
            seed and number of threads give the same bits. The reference runs on one and leaves the rest to its BLAS.
        shuffle : bool
            Whether each epoch takes the samples in an order of its own.
        sample_weight : (n_samples,) array_like or None
            How much each sample counts: a batch's loss is the mean weighted by it, as in scikit-learn.
        class_weight : dict, "balanced" or None
            How much each class counts, by its index; "balanced" makes all count the same. It multiplies sample_weight.
        metrics : sequence of str
            What scikit-learn measures at each epoch's end on the training data and the validation data, such as
            "f1" or "roc_auc" (see ``fastnet.METRICS``); ``history["val_f1"]`` has it. In units as in ``evaluate``.
        resume : str, Path, dict or None
            A file that ``Checkpoint`` wrote in a training like this one, which goes on from there instead of from the
            present weights, and ends in the same bits as one that was never interrupted. ``epochs`` and the history
            count from the beginning. The learning rate and ``epochs`` may be others than before. A dict is what
            ``fastnet.state.read`` gave of such a file, and is emptied when the training has taken it up.

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
        CheckpointError
            If ``resume`` cannot be read or is of another training.
        OutputError
            If a ``Checkpoint`` cannot be written.
        """
        watchers = checked_callbacks(callbacks)
        optimizer = Adam() if optimizer is None else optimizer
        if not isinstance(optimizer, Optimizer):
            raise ConfigurationError(f"optimizer must be a fastnet optimizer such as Adam(), not {optimizer!r}")
        wanted = [name for name in self.check_metrics(metrics) if name != "accuracy" or not self.is_classifier]
        features = self.check_samples(X)
        targets = self._training_targets(self.targets_of(X, y), len(features))
        rows = rows_of_batch(batch_size, len(features))
        self.check_training(optimizer, rows, len(features))
        validation = None
        if validation_data is not None:
            held_out_X, held_out_y, held_out_weight = checked_validation(validation_data)
            held_out = self.check_samples(held_out_X, "the validation X")
            held_out_y = self.targets_of(held_out_X, held_out_y)
            validation = self.labelled(held_out, self.check_targets(held_out_y, len(held_out)), held_out_weight)
        training = Training(
            self,
            self.labelled(features, targets, sample_weight, class_weight),
            optimizer=optimizer,
            epochs=whole("epochs", epochs, at_least=1),
            batch_size=min(rows, len(features)),
            shuffle=bool(shuffle),
            validation=validation,
            metrics=wanted,
            backend=backend,
            threads=threads,
            state=read_state(Path(resume)) if isinstance(resume, str | Path) else resume,
        )
        training.run(watchers)
        return training.history

    def buffers_of(
        self,
        stream: Stream,
        y: npt.ArrayLike | None = None,
        *,
        optimizer: Optimizer | None = None,
        batch_size: int | None = 32,
    ) -> Plan:
        """How ``fit`` would read a stream with these options: the buffers that its memory has room for.

        Raises
        ------
        DataError
            If the stream cannot be used.
        ConfigurationError
            If its memory is too small for a batch.
        """
        X = self._streamed(stream)
        targets = self.check_targets(self.targets_of(stream, y), len(X))
        rows = min(rows_of_batch(batch_size, len(X)), len(X))
        return plan(self, X, Adam() if optimizer is None else optimizer, rows, targets.shape[1])

    def save(self, path: str | Path) -> None:
        """Write the network and its preparation to an HDF5 file, whole or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        checkpoint.write(Path(path), self)

    def check_training(self, optimizer: Optimizer, rows: int, samples: int) -> None:
        """Refuse what the layers make impossible for an optimizer with batches of so many rows.

        Raises
        ------
        ConfigurationError
            If nothing is to be trained, or what is asked for does not go together.
        """
        trained = self.program[self.program["trainable"] != 0]
        if not len(trained):
            raise ConfigurationError("every layer is frozen, so there is nothing to train; set trainable=True in one")
        has_batch_norm = (rows == 1 or optimizer.average is not None) and (trained["kind"] == BATCH_NORM).any()
        if rows == 1 and has_batch_norm:
            raise ConfigurationError(
                "BatchNorm needs batches of at least 2 samples, but batch_size is 1; give a larger"
            )
        if optimizer.average is not None and has_batch_norm:
            raise ConfigurationError(
                "average does not go with BatchNorm, whose running statistics belong to the weights as they are "
                "trained and not to their mean; use LayerNorm, or leave average out"
            )
        if not isinstance(optimizer, LBFGS):
            return
        if rows < samples:
            raise ConfigurationError(
                f"LBFGS needs all {samples} samples in each batch, but batch_size is {rows}; give batch_size=None"
            )
        for what, is_there in (
            ("BatchNorm", (trained["kind"] == BATCH_NORM).any()),
            ("max_norm", (trained["max_norm"] > 0).any()),
            ("Augment", (self.program["kind"] == AUGMENT).any()),
            ("dropout or noise", ((self.program["rate"] > 0) | (self.program["deviation"] > 0)).any()),
        ):
            if is_there:
                raise ConfigurationError(
                    f"LBFGS cannot train a network with {what}; leave it out or use another optimizer"
                )

    def _training_targets(self, y: npt.ArrayLike, samples: int) -> Array:
        targets = self.check_targets(y, samples)
        labelled = [column[~np.isnan(column)] for column in targets.T]
        if self.is_classifier and samples > 1 and all((column == column[:1]).all() for column in labelled):
            raise DataError(
                f"y holds one class only ({targets[0, 0]:g} in each of the {samples} rows), so there is nothing to "
                "learn; give samples of at least two classes"
            )
        return targets


def rows_of_batch(batch_size: Any, samples: int) -> int:
    """How many rows of so many samples a batch has.

    Raises
    ------
    ConfigurationError
        If batch_size is neither a whole number of at least 1 nor None.
    """
    if isinstance(batch_size, str):
        raise ConfigurationError(
            f"batch_size must be a whole number of at least 1, or None for all samples, not {batch_size!r}"
        )
    return samples if batch_size is None else whole("batch_size", batch_size, at_least=1)


def load(path: str | Path, *, activations: Sequence[CustomActivation] | CustomActivation = ()) -> Network:
    """The network that ``Network.save`` wrote.

    Parameters
    ----------
    path : str or Path
        The file, or the folder of a run that the command line saved.
    activations : CustomActivation, or a sequence of them
        The user's own that its layers name; a file does not hold functions.

    Raises
    ------
    ModelFileError
        If the file is missing, is no model file, is damaged or edited, or was written by a newer version.
    """
    path = Path(path)
    if path.is_dir() and (path / MODEL).is_file():
        path = path / MODEL
    own = activations if isinstance(activations, Sequence) else [activations]
    for activation in own:
        if not isinstance(activation, CustomActivation):
            raise ConfigurationError(
                f"activations must be a list of CustomActivation objects, but it holds {activation!r}"
            )
    return cast(Network, checkpoint.read(path, Network, own))
