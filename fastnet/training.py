"""The epoch loop: calls the engine for as many epochs at a time as nobody needs to look between, keeps the history, and
sees to it that a training that diverges or is interrupted leaves a good model behind. It never prints."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import HISTORY_COLUMNS, HISTORY_CORRECT, HISTORY_LOSS, RUN, SLOTS, row_size

from .backends import engine
from .callbacks import Callback
from .errors import DivergenceError
from .model import Array, Model
from .optimizers import Optimizer
from .threads import blas_threads

SECONDS_A_CALL = 0.1
"""How long the engine is left alone when no callback has to see every epoch: short enough for a progress bar and for
Ctrl-C, long enough that the return to Python costs nothing."""


@dataclass
class History:
    """What was measured in each epoch, one number an epoch.

    Attributes
    ----------
    loss : list of float
        The mean loss of the samples as they were seen in the epoch, penalties included.
    accuracy : list of float
        The share that was right as they were seen; classifiers only, else empty.
    val_loss, val_accuracy : list of float
        The same on the validation data at the end of the epoch; empty without validation data.
    seconds : list of float
        Wall time of the training itself.
    stopped : str or None
        Why the fit ended before its last epoch.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str | None = None
    recorded: tuple[str, ...] = ("loss",)

    def columns(self) -> tuple[str, ...]:
        """The names of the measures that this fit records."""
        return self.recorded


class Training:
    """One fit under way: the state that an epoch changes, and what callbacks may look at.

    Attributes
    ----------
    model : Model
        Its ``parameters`` are those of the end of the last epoch in ``history``.
    history : History
    epochs : int
        How many epochs were asked for.
    """

    def __init__(
        self,
        model: Model,
        X: Array,
        Y: Array,
        *,
        optimizer: Optimizer,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        validation: tuple[Array, Array] | None,
        backend: str,
        threads: int | None,
    ) -> None:
        self.model, self.X, self.Y, self.validation = model, X, Y, validation
        self.optimizer, self.epochs, self.backend, self.threads = optimizer, epochs, backend, threads
        recorded = ["loss"] + ["accuracy"] * model.is_classifier
        if validation is not None:
            recorded += [f"val_{name}" for name in recorded]
        self.history = History(recorded=tuple(recorded))
        self.slots = np.zeros((SLOTS[optimizer.name], model.parameters.size), model.dtype)
        self.steps_per_epoch = math.ceil(len(X) / batch_size)
        self._batch_size, self._shuffle = batch_size, shuffle
        self._gradients = np.empty_like(model.parameters)
        self._activations = np.empty(row_size(model.program) * batch_size, model.dtype)
        self._deltas = np.empty_like(self._activations)
        self._targets = np.empty((batch_size, Y.shape[1]), model.dtype)
        self._order = np.empty(len(X), np.int64)

    def stop(self, reason: str) -> None:
        """End the fit after this epoch."""
        self.history.stopped = self.history.stopped or reason

    def run(self, callbacks: Sequence[Callback]) -> None:
        """Train until the last epoch or until a callback stops it.

        Raises
        ------
        DivergenceError
            If a loss is not finite; the model then holds the parameters of the last epoch end at which they were
            finite.
        """
        one_at_a_time = self.validation is not None or any(callback.each_epoch for callback in callbacks)
        for callback in callbacks:
            callback.on_fit_begin(self)
        count = 1
        with blas_threads(self.threads):
            while len(self.history.loss) < self.epochs and self.history.stopped is None:
                seconds = self._train(min(count, self.epochs - len(self.history.loss)))
                if not one_at_a_time:
                    count = max(1, round(SECONDS_A_CALL / max(seconds, 1e-9)))
                if self.validation is not None:
                    scores = self.model.evaluate_checked(*self.validation, self.backend)
                    for name, score in scores.items():
                        getattr(self.history, f"val_{name}").append(score)
                for callback in callbacks:
                    callback.on_epoch_end(self)
        for callback in callbacks:
            callback.on_fit_end(self)

    def _train(self, count: int) -> float:
        """Train ``count`` epochs, put them into the history and return the seconds that each took."""
        first = len(self.history.loss)
        before = self.model.parameters.copy(), self.slots.copy()
        rows = np.empty((count, HISTORY_COLUMNS))
        started = time.perf_counter()
        finished = self._call_engine(rows, first)
        seconds = (time.perf_counter() - started) / count
        for row in rows[:finished]:
            self.history.loss.append(float(row[HISTORY_LOSS]))
            if self.model.is_classifier:
                self.history.accuracy.append(float(row[HISTORY_CORRECT]) / len(self.X))
            self.history.seconds.append(seconds)
        if finished < count or not np.isfinite(self.model.parameters).all():
            lost = self._go_back(before, first, finished)
            what = (
                f"the loss of epoch {first + finished + 1} was {rows[finished, HISTORY_LOSS]:g}, not a finite number"
                if lost is None
                else f"the weights after epoch {lost + 1} were not finite numbers"
            )
            raise DivergenceError(
                f"training diverged: {what}; try a learning rate below "
                f"{self.optimizer.record()['learning_rate'][0]:g}, or scale the features"
            )
        return seconds

    def _call_engine(self, rows: npt.NDArray[np.float64], first: int) -> int:
        run = np.zeros(1, RUN)
        run["batch_size"], run["shuffle"], run["seed"] = self._batch_size, self._shuffle, self.model.seed
        run["epoch"], run["step"] = first, first * self.steps_per_epoch
        run["count_correct"] = self.model.is_classifier
        finished: int = engine(self.backend).train(
            rows,
            self.model.program,
            self.optimizer.record(),
            run,
            self.model.parameters,
            self.slots,
            self._gradients,
            self._activations,
            self._deltas,
            self._order,
            self.X,
            self.Y,
            self._targets,
        )
        return finished

    def _go_back(self, before: tuple[Array, Array], first: int, finished: int) -> int | None:
        """Leave the parameters of the last epoch end that was finite, and return the epoch whose end was not, if any.

        Training is a pure function of its state, so the epochs since the last look are trained again, one by one.
        """
        self.model.parameters[...], self.slots[...] = before
        good = self.model.parameters.copy()
        for epoch in range(first, first + finished):
            self._call_engine(np.empty((1, HISTORY_COLUMNS)), epoch)
            if not np.isfinite(self.model.parameters).all():
                np.copyto(self.model.parameters, good)
                return epoch
            np.copyto(good, self.model.parameters)
        np.copyto(self.model.parameters, good)
        return None
