"""The epoch loop: calls the engine for as many epochs at a time as nobody needs to look between, keeps the history, and
sees to it that a training that diverges or is interrupted leaves a good model behind. It never prints."""

import contextlib
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import HISTORY_COLUMNS, HISTORY_CORRECT, HISTORY_LOSS, RUN, SLOTS, row_size

from .backends import engine
from .callbacks import Callback
from .errors import ConfigurationError, DivergenceError
from .model import Array, Model
from .optimizers import Optimizer
from .pixels import Samples, engine_arguments
from .sample_space import SampleSpace, pays
from .threads import members_for, one_blas_thread

SECONDS_A_CALL = 0.1
"""How long the engine is left alone when no callback has to see every epoch: short enough for a progress bar and for
Ctrl-C, long enough that the return to Python costs nothing."""

BLOCK_ROWS = 256
"""Rows that a member of the jit engine's team sends through all layers together, so that what they give stays in the
cache."""


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
        Wall time of the engine's call; where one call ran several epochs, its mean. A first call may compile the
        kernels.
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
    parameters_before : (n_parameters,) ndarray
        The model's parameters before the last epoch (before the last few, where no callback sees each).
    steps_per_epoch : int
    """

    def __init__(
        self,
        model: Model,
        X: Samples,
        Y: Array,
        *,
        optimizer: Optimizer,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        validation: tuple[Samples, Array] | None,
        backend: str,
        threads: int | None,
    ) -> None:
        self.model, self.X, self.Y, self.validation = model, X, Y, validation
        self.optimizer, self.epochs, self.backend, self.threads = optimizer, epochs, backend, threads
        recorded = ["loss"] + ["accuracy"] * model.is_classifier
        if validation is not None:
            recorded += [f"val_{name}" for name in recorded]
        self.history = History(recorded=tuple(recorded))
        # What the engine works on: the model's own arrays, or their stand-ins in sample space.
        self._features: Samples = X
        self._program, self._parameters = model.program, model.parameters
        self._space: SampleSpace | None = None
        if backend == "jit" and pays(model, X, optimizer, batch_size, epochs):
            self._space = SampleSpace(model, X)
            self._program, self._parameters, self._features = (
                self._space.program,
                self._space.parameters,
                self._space.X,
            )
        self.slots = np.zeros((SLOTS[optimizer.kernel], self._parameters.size), model.dtype)
        self.parameters_before = model.parameters
        # Slots begin as zeros: of them no copy is kept.
        self._looks: deque[tuple[int, Array, Array | None]] = deque(maxlen=2)
        self.steps_per_epoch = math.ceil(len(X) / batch_size)
        self._batch_size, self._shuffle = batch_size, shuffle
        self._make_buffers()

    def _make_buffers(self) -> None:
        alone = self.backend != "jit"
        n_parameters, numbers = self._parameters.size, row_size(self._program)
        self._members = 1 if alone else members_for(self.threads, n_parameters, self._batch_size)
        own = self._batch_size if alone else min(-(-self._batch_size // self._members), BLOCK_ROWS)
        rows = own * self._members
        # What has to go from core to core: a copy of the gradients for each member, or what the rows gave.
        # (In sample space a gradient's rows are the samples', each filled by one member.)
        by_rows = self._space is None and self._members * n_parameters <= self._batch_size * numbers
        copies = self._members if by_rows else 1
        self._gradients = np.empty((copies, n_parameters), self.model.dtype)
        self._activations = np.empty(numbers * rows, self.model.dtype)
        self._deltas = np.empty_like(self._activations)
        self._targets = np.empty((rows, self.Y.shape[1]), self.model.dtype)
        self._order = np.empty(len(self.X), np.int64)

    def _leave_sample_space(self, space: SampleSpace) -> None:
        """Go on the ordinary way, from the model's parameters as they are and with the optimizer's slots."""
        self.slots = np.stack([space.ordinary(slot) for slot in self.slots])
        self._space = None
        self._program, self._parameters, self._features = self.model.program, self.model.parameters, self.X
        self._looks.clear()
        self._make_buffers()

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
        for name in ("learning_rate", "epsilon"):
            value = self.optimizer.record()[name][0]
            if 0 < value < np.finfo(self.model.dtype).tiny:
                # A training takes numbers below the smallest normal one for zero.
                raise ConfigurationError(f"{name} {value:g} is 0 in {self.model.dtype}; use a larger one or float64")
        one_at_a_time = self.validation is not None or any(callback.each_epoch for callback in callbacks)
        for callback in callbacks:
            callback.on_fit_begin(self)
        count = 1
        with one_blas_thread() if self.backend == "jit" else contextlib.nullcontext():
            while len(self.history.loss) < self.epochs and self.history.stopped is None:
                seconds = self._train(min(count, self.epochs - len(self.history.loss)))
                if not one_at_a_time:
                    count = max(1, round(SECONDS_A_CALL / max(seconds, 1e-9)))
                if self.validation is not None:
                    scores = self.model.evaluate_checked(*self.validation, self.backend, self.threads)
                    for name, score in scores.items():
                        getattr(self.history, f"val_{name}").append(score)
                for callback in callbacks:
                    callback.on_epoch_end(self)
        for callback in callbacks:
            callback.on_fit_end(self)

    def _train(self, count: int) -> float:
        """Train ``count`` epochs, put them into the history and return the seconds that each took."""
        if self._space is not None and self._space.is_stale():
            self._leave_sample_space(self._space)
        first = len(self.history.loss)
        self.parameters_before = self.model.parameters.copy()
        before = self.parameters_before if self._space is None else self._parameters.copy()
        self._looks.append((first, before, self.slots.copy() if first > 0 else None))
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
            lost = self._go_back(first + finished)
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
        run["count_correct"], run["threads"] = self.model.is_classifier, self._members
        X, pixels, run["divisor"] = engine_arguments(self._features, self.model.dtype)
        finished: int = engine(self.backend).train(
            rows,
            self._program,
            self.optimizer.record(),
            run,
            self._parameters,
            self.slots,
            self._gradients,
            self._activations,
            self._deltas,
            self._order,
            X,
            pixels,
            self.Y,
            self._targets,
        )
        if self._space is not None:
            self._space.write_back()
        return finished

    def _go_back(self, until: int) -> int | None:
        """Leave the last good parameters before epoch ``until``: those of an epoch's end that are finite and whose
        loss over the whole set is finite. Return the epoch at whose end they were not finite, if any.

        Training is a pure function of its state, so the epochs since the last look but one are trained again, one by
        one.
        """
        first, parameters, slots = self._looks[0]
        self._parameters[...], self.slots[...] = parameters, 0 if slots is None else slots
        if self._space is not None:
            self._space.write_back()
        ends = [self.model.parameters.copy()]
        lost = None
        for epoch in range(first, until):
            self._call_engine(np.empty((1, HISTORY_COLUMNS)), epoch)
            if not np.isfinite(self.model.parameters).all():
                lost = epoch
                break
            # The loss of an epoch may be that of the weights before it, so the last two ends are in question.
            ends = [ends[-1], self.model.parameters.copy()]
        for good in reversed(ends):
            np.copyto(self.model.parameters, good)
            if math.isfinite(self.model.evaluate_checked(self.X, self.Y, self.backend, self.threads)["loss"]):
                break
        return lost
