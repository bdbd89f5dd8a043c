"""The epoch loop: calls the engine for as many epochs at a time as nobody needs to look between, keeps the history, and
sees to it that a training that diverges or is interrupted leaves a good model behind."""

import contextlib
import functools
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    ACTIVATIONS,
    DENSE,
    HISTORY_COLUMNS,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    SAMPLES,
    row_size,
)

from .. import identity
from ..buffers import Buffers, plan
from ..callbacks import Callback, kept_by, restore_kept
from ..errors import CheckpointError
from ..history import History
from ..labelled import Labelled
from ..model import Model
from ..optimizers import LBFGS, Optimizer, WithRate
from ..pixels import Pixels
from ..state import State, fill, going_on_from
from ..streamed import Streamed
from ..threads import most_threads, one_blas_thread
from ..validation import all_finite
from .divergence import gone_back
from .options import Options, refuse_what_is_zero
from .position import Progress
from .quasi_newton import minimise
from .start import to_begin_with, to_go_on_with
from .steps import Steps
from .trained import trainable

SECONDS_A_CALL = 0.2
"""How long the engine is left alone when no callback has to see every epoch: short enough for a progress bar and for
Ctrl-C, long enough that the return to Python costs nothing."""


class Training:
    """One fit under way: the state that an epoch changes, and what callbacks may look at.

    Parameters
    ----------
    model, data, optimizer, epochs, batch_size, shuffle, validation, metrics, backend, threads
        As ``Network.fit`` has checked them.
    after : Progress or None
        Where to go on.
    loss_factor, gradient_factor, penalty_by_rows, rows_per_weight
        As of ``Options``, but that the gradients are multiplied by both factors.
    state : dict or None
        That of another training of such a network on the same data, to go on from in the same bits; ``epochs`` counts
        those that were done.

    Attributes
    ----------
    model : Model
        Its ``parameters`` are those of the end of the last epoch in ``history``.
    history : History
    epochs : int
        How many epochs were asked for.
    data, validation, optimizer, options, metrics, backend, threads, buffers
        What it trains with.
    steps : Steps
        Trains the epochs.
    parameters_before : (n_parameters,) ndarray
        The model's parameters before the last epoch (before the last few, where no callback sees each).
    again_until : int
        The epochs that a checkpoint has already, where they have to be trained again (L-BFGS).
    steps_per_epoch : int
    is_trained : (n_parameters,) ndarray of bool
        Which of the parameters change.
    """

    def __init__(
        self,
        model: Model,
        data: Labelled,
        *,
        optimizer: Optimizer,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        validation: Labelled | None,
        metrics: Sequence[str],
        backend: str,
        threads: int | None,
        after: Progress | None = None,
        loss_factor: float = 1.0,
        gradient_factor: float = 1.0,
        penalty_by_rows: bool = False,
        rows_per_weight: float = 0.0,
        state: State | None = None,
    ) -> None:
        self.model, self.data, self.validation = model, data, validation
        self.optimizer, self.epochs, self.backend, self.metrics = optimizer, epochs, backend, tuple(metrics)
        self.options = Options(
            batch_size, shuffle, loss_factor, loss_factor * gradient_factor, penalty_by_rows, rows_per_weight
        )
        # A training that goes on does so with the team that it began with: another gives other bits.
        self.threads = most_threads(threads)
        self.buffers: Buffers | None = None
        if isinstance(data.X, Streamed):
            planned = plan(model, data.X, optimizer, batch_size, data.Y.shape[1])
            self.buffers = Buffers(data.X, planned, model.seed, shuffle)
        self._state = state
        if state is not None:
            with going_on_from(state):
                self.threads = int(state["identity"]["threads"]) if threads is None else threads
                identity.refuse_another(state["identity"], self.identity)
        self.history = History.of(model.is_classifier, validation is not None, metrics)
        # How many samples have a label.
        self._labelled = model.head.labelled(data.Y)
        self.is_trained = trainable(model)
        self.goes_on_from_progress = after is not None
        if state is None:
            trained = to_begin_with(model, data.X, optimizer, batch_size, epochs, backend, self.threads, after)
        else:
            with going_on_from(state):
                trained = to_go_on_with(model, data.X, optimizer, self.threads, state["first_weights"])
        self.steps = Steps(
            model, data, optimizer, self.options, backend, self.threads, self.buffers, trained, self.history, after
        )
        self.steps_per_epoch = self.steps.position.steps_per_epoch
        self.parameters_before = model.parameters
        # SciPy's search has no state that could be saved: it is made again from its beginning.
        self._first = model.parameters.copy() if isinstance(optimizer, LBFGS) else None
        self._ended: str | None = None
        self.again_until = 0
        self._callbacks: list[Callback] = []
        if state is not None:
            with going_on_from(state):
                self._restore(state)

    def stop(self, reason: str, *, for_good: bool = True) -> None:
        """End the fit after this epoch; ``for_good`` says that a training that goes on from here has ended too, unless
        it is given more epochs."""
        if self.history.stopped is None:
            self.history.stopped, self._ended = reason, reason if for_good else None

    @property
    def is_over(self) -> bool:
        """Whether the last epoch was the last."""
        return len(self.history.loss) >= self.epochs or self.history.stopped is not None

    @property
    def has_rates(self) -> bool:
        """Whether the history has learning rates."""
        return isinstance(self.optimizer, WithRate)

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What has to be the same for a training to go on from this one's checkpoint."""
        return identity.of_training(self)

    def state(self) -> State:
        """What a training needs to go on from the last epoch's end and come to the same bits: numbers, texts, and
        arrays, which are this training's own and change with it. (Not for one that goes on from a ``Progress``, which
        is less than a state.)
        """
        return {
            "identity": self.identity,
            "epochs": self.epochs,
            "ended": self._ended,
            **self.history.state(),
            **self.steps.trained.state(),
            "look": self.steps.snapshots.state(),
            "first": self._first,
            "callbacks": kept_by(self._callbacks),
        }

    def _restore(self, state: State) -> None:
        """Go on where ``state`` says that another training was."""
        done, ended = len(state["history"]["loss"]), state["ended"]
        if done > self.epochs:
            raise CheckpointError(f"{done} epochs are done already, more than epochs={self.epochs}; ask for more")
        # More epochs than it was given before are a reason to go on for what had ended.
        is_over = done == self.epochs or (ended is not None and self.epochs <= state["epochs"])
        if self._first is not None:
            fill(self._first, state["first"])
            if not is_over:
                self.again_until = done
                fill(self.model.parameters, self._first)
                return
        self.history.restore(state)
        if is_over:
            self.history.stopped = self._ended = ended
        self.steps.trained.restore(state)
        self.steps.snapshots.restore(state["look"], self.steps.trained)

    def progress(self) -> Progress:
        """What another training needs to go on from here."""
        done, position, trained = len(self.history.loss), self.steps.position, self.steps.trained
        parameters = None if self.optimizer.average is None else trained.parameters
        plateau = self.steps.rates.plateau(done)
        return Progress(position.epoch(done), position.step(done), trained.ordinary_slots(), parameters, plateau)

    def run(self, callbacks: Sequence[Callback]) -> None:
        """Train until the last epoch or until a callback stops it.

        Raises
        ------
        DivergenceError
            If a loss is not finite; the model then holds the parameters of the last epoch end at which they were
            finite.
        """
        refuse_what_is_zero(self.optimizer, self.model)
        one_at_a_time = self.validation is not None or bool(self.metrics) or self.steps.rates.follow_the_history
        # Who keeps what the others leave looks after them.
        callbacks = self._callbacks = sorted(callbacks, key=lambda callback: callback.looks_last)
        for callback in callbacks:
            callback.on_fit_begin(self)
        if self._state is not None and self.history.loss:
            with going_on_from(self._state):
                restore_kept(callbacks, self._state["callbacks"], self)
        if self._state is not None:
            # It takes as much memory as its file, whoever else has it.
            self._state.clear()
            self._state = None
        count = 1 if one_at_a_time else self._epochs_in(SECONDS_A_CALL)
        with contextlib.ExitStack() as stack:
            if self.buffers is not None:
                stack.enter_context(contextlib.closing(self.buffers))
            if self.backend == "jit":
                stack.enter_context(one_blas_thread())
            if isinstance(self.optimizer, LBFGS) and not self.is_over:
                minimise(self, self.optimizer, lambda: self._end_epoch(callbacks))
            while not self.is_over:
                asked = (callback.epochs_until_look() for callback in callbacks)
                most = min((max(1, epochs) for epochs in asked if epochs is not None), default=count)
                seconds = self.train(min(count, most, self.epochs - len(self.history.loss)))
                if not one_at_a_time:
                    count = max(1, round(SECONDS_A_CALL / max(seconds, 1e-9)))
                self._end_epoch(callbacks)
        for callback in callbacks:
            callback.on_fit_end(self)

    def _epochs_in(self, seconds: float) -> int:
        """How many epochs of dense layers, the first in sample space or not, take about that, or 1 where there are
        others. For each byte of a number: 10 ps for a multiply-add, 50 for an input of a sample, 250 for what a layer
        gives for a sample and for a parameter in a step. Half a nanosecond for a pixel, 500 for a step and 300 for each
        layer in it, 25 for each number that a user's own activation gives. Most trainings take a fifth of that to all
        of it, few more than twice as long (``docs/decisions/0029``), so that the training of a small network is one
        call of the engine."""
        trained, itemsize = self.steps.trained, self.model.dtype.itemsize
        program, size = trained.program, trained.parameters.size
        are_dense = {DENSE, SAMPLES}.issuperset(program["kind"][:-1].tolist())
        if self.backend != "jit" or self.buffers is not None or not are_dense:
            return 1
        a_number = 25 if (program["function"][:-1] >= len(ACTIVATIONS)).any() else itemsize / 4
        inputs = int(program[0]["input_size"])
        an_input = 0.5 if isinstance(trained.features, Pixels) else itemsize / 20
        of_a_sample = itemsize / 100 * trained.multiply_adds_of_a_row + an_input * inputs
        of_a_sample += a_number * (row_size(program) - inputs)
        of_a_step = 500 + 300 * len(program) + itemsize / 4 * size
        nanoseconds = len(self.data.X) * of_a_sample + self.steps_per_epoch * of_a_step
        return max(1, int(seconds / (1e-9 * nanoseconds)))

    def _end_epoch(self, callbacks: Sequence[Callback]) -> None:
        """Put what is measured at an epoch's end into the history, and tell the callbacks."""
        evaluation, history = self.model.evaluation, self.history
        if self.validation is not None:
            for name, score in evaluation.scores(self.metrics, self.validation, self.backend, self.threads).items():
                history[f"val_{name}"].append(score)
        for name, score in evaluation.measure(self.metrics, self.data, self.backend).items():
            history[name].append(score)
        for callback in callbacks:
            callback.on_epoch_end(self)

    def train(self, count: int) -> float:
        """Train ``count`` epochs, put them into the history and return the seconds that each took."""
        first, steps = len(self.history.loss), self.steps
        self.parameters_before = self.model.parameters.copy()
        steps.begin(first, self.parameters_before)
        rows, rates = np.empty((count, HISTORY_COLUMNS)), steps.rates.of(first, count)
        started = time.perf_counter()
        finished = steps.train(rows, first, rates)
        seconds = (time.perf_counter() - started) / count
        self.record(rows[:finished], seconds)
        self.history.learning_rate += rates[self.steps_per_epoch - 1 :: self.steps_per_epoch][:finished].tolist()
        if finished < count or not all_finite(self.model.parameters):
            loss = rows[finished, HISTORY_LOSS] if finished < count else math.nan
            raise gone_back(steps, first + finished, loss)
        return seconds

    def record(self, rows: npt.NDArray[np.float64], seconds: float) -> None:
        """Put what the engine said of epochs, a row each, into the history."""
        self.history.loss += rows[:, HISTORY_LOSS].tolist()
        if self.model.is_classifier:
            self.history.accuracy += (rows[:, HISTORY_CORRECT] / self._labelled).tolist()
        self.history.seconds += [seconds] * len(rows)
