"""The epoch loop: calls the engine for as many epochs at a time as nobody needs to look between, keeps the history, and
sees to it that a training that diverges or is interrupted leaves a good model behind. It never prints."""

import contextlib
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    BATCH_NORM,
    HISTORY_COLUMNS,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    PRODUCT,
    RUN,
    Record,
    moments_size,
    row_size,
)

from . import identity
from .buffers import Buffers, plan
from .callbacks import Callback
from .errors import CheckpointError, ConfigurationError, DataError, DivergenceError, LostDataError
from .history import History
from .labelled import Labelled
from .model import Array, Model
from .optimizers import LBFGS, Optimizer, WithRate
from .pixels import Samples, engine_arguments
from .quasi_newton import minimise
from .sample_space import SampleSpace, pays
from .schedules import PlateauState, ReduceOnPlateau, Timed
from .state import State, fill, going_on_from
from .streamed import Streamed
from .threads import BLOCK_ROWS, available, members_for, one_blas_thread

SECONDS_A_CALL = 0.1
"""How long the engine is left alone when no callback has to see every epoch: short enough for a progress bar and for
Ctrl-C, long enough that the return to Python costs nothing."""


@dataclass(frozen=True)
class Progress:
    """Where an optimizer stands, so that a later training of the same network can go on from there.

    Attributes
    ----------
    epochs, steps : int
        Done so far: what shuffles, masks and corrections of bias go by.
    slots : (n_slots, n_parameters) ndarray
        What the optimizer remembers.
    parameters : (n_parameters,) ndarray or None
        What it trains, where the model has the mean of it instead.
    plateau : PlateauState or None
        Where its ``ReduceOnPlateau`` is, if it goes by one.
    """

    epochs: int
    steps: int
    slots: Array
    parameters: Array | None = None
    plateau: PlateauState | None = None


class Training:
    """One fit under way: the state that an epoch changes, and what callbacks may look at.

    Parameters
    ----------
    model, data, optimizer, epochs, batch_size, shuffle, validation, metrics, backend, threads
        As ``Network.fit`` has checked them.
    after : Progress or None
        Where to go on.
    loss_factor, gradient_factor : float
        The losses, as the history has them, and their gradients are multiplied by the first, the gradients by the
        second too; penalties are not.
    penalty_by_rows : bool
        Whether penalties are divided by the sum of the weights of a batch's samples, which without weights is its rows,
        and an epoch's loss is the mean over its batches by their rows, as in scikit-learn's MLP.
    rows_per_weight : float
        How many equal rows a weight of 1 in ``data.W`` stands for in the mean and variance of a batch normalisation; 0,
        the default, where each row counts as one there, whatever it weighs.
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
        self._after = after
        self._loss_factor, self._gradient_factor = loss_factor, loss_factor * gradient_factor
        self._penalty_by_rows, self._rows_per_weight = penalty_by_rows, rows_per_weight
        self.model, self.data, self.validation = model, data, validation
        self.optimizer, self.epochs, self.backend = optimizer, epochs, backend
        self._metrics = tuple(metrics)
        self._batch_size, self._shuffle = batch_size, shuffle
        # A training that goes on does so with the team that it began with: another gives other bits.
        self.threads = available() if threads is None else threads
        self._buffers: Buffers | None = None
        if isinstance(data.X, Streamed):
            planned = plan(model, data.X, optimizer, batch_size, data.Y.shape[1])
            self._buffers = Buffers(data.X, planned, model.seed, shuffle)
        self._identity: dict[str, Any] | None = None
        self._state, first_weights = state, None
        if state is not None:
            with going_on_from(state):
                self.threads = int(state["identity"]["threads"]) if threads is None else threads
                identity.refuse_another(state["identity"], self.identity)
                first_weights = state["first_weights"]
        self._engine = model.forward.engine(backend)
        recorded = ["loss"] + ["accuracy"] * model.is_classifier
        if validation is not None:
            recorded += [f"val_{name}" for name in recorded]
        self.history = History(recorded=tuple(recorded))
        for prefix in ("", "val_") if validation is not None else ("",):
            self.history.metrics |= {f"{prefix}{name}": [] for name in metrics}
        # What the network is trained on, and how many samples of it have a label.
        self._targets = model.loss_function.smoothed(data.Y, model.n_outputs)
        self._labelled = model.head.labelled(data.Y)
        # What the engine works on: the model's own arrays, or their stand-ins in sample space or beside their mean.
        self._features: Samples | Streamed = data.X
        self._program, self._parameters = model.program, model.parameters
        self._space: SampleSpace | None = None
        in_sample_space = (
            not isinstance(data.X, Streamed)
            and backend == "jit"
            and after is None
            and pays(model, data.X, optimizer, batch_size, epochs)
        )
        if in_sample_space if state is None else first_weights is not None:
            with going_on_from(state):
                assert not isinstance(data.X, Streamed)
                self._space = SampleSpace(model, data.X, first_weights)
            self._program, self._parameters, self._features = (
                self._space.program,
                self._space.parameters,
                self._space.X,
            )
        elif optimizer.average is not None:
            trained = model.parameters if after is None or after.parameters is None else after.parameters
            self._parameters, self._written = trained.copy(), model.parameters.copy()
        self.slots = np.zeros((optimizer.slots, self._parameters.size), model.dtype)
        if after is not None:
            np.copyto(self.slots, after.slots)
        self.is_trained = np.zeros(model.parameters.size, bool)
        for op in model.program[model.program["trainable"] != 0]:
            self.is_trained[op["weights"] : op["biases"] + op["output_size"]] = True
        # How far the plateau's state and the product of Nadam's momenta are known.
        self._plateau = self._first_plateau
        self._product = (0, 1.0)
        self.parameters_before = model.parameters
        # Slots that begin as zeros are not copied.
        self._looks: deque[tuple[int, Array, Array | None]] = deque(maxlen=2)
        self.steps_per_epoch = math.ceil(len(data.X) / batch_size)
        self._make_buffers()
        # SciPy's search has no state that could be saved: it is made again from its beginning.
        self._first = model.parameters.copy() if isinstance(optimizer, LBFGS) else None
        self._ended: str | None = None
        self.again_until = 0
        self._watchers: list[Callback] = []
        if state is not None:
            with going_on_from(state):
                self._restore(state)

    def _make_buffers(self) -> None:
        alone = self.backend != "jit"
        n_parameters, numbers = self._parameters.size, row_size(self._program)
        self._members = 1 if alone else members_for(self.threads, n_parameters, self._batch_size)
        own = -(-self._batch_size // self._members)
        if not alone and not (self._program["kind"] == BATCH_NORM).any():
            own = min(own, BLOCK_ROWS)
        rows = self._max_rows = own * self._members
        # What has to go from core to core: a copy of the gradients for each member, or what the rows gave.
        # (In sample space a gradient's rows are the samples', each filled by one member.)
        by_rows = self._space is None and self._members * n_parameters <= self._batch_size * numbers
        copies = self._members if by_rows else 1
        self._gradients = np.empty((copies, n_parameters), self.model.dtype)
        self._activations = np.empty(numbers * rows, self.model.dtype)
        self._deltas = np.empty_like(self._activations)
        self._moments = np.empty((self._members, moments_size(self._program)), self.model.dtype)
        samples = len(self.data.X) if self._buffers is None else self._buffers.plan.rows
        self._order = np.empty(samples, np.int64)

    def _leave_sample_space(self, space: SampleSpace) -> None:
        """Go on the ordinary way, from the model's parameters as they are and with the optimizer's slots."""
        self.slots = np.stack([space.ordinary(slot) for slot in self.slots])
        self._space = None
        self._program, self._parameters, self._features = self.model.program, self.model.parameters, self.data.X
        self._looks.clear()
        self._make_buffers()

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

    @property
    def goes_on_from_progress(self) -> bool:
        """Whether it took over an optimizer only, so that its ``state`` would not be all."""
        return self._after is not None

    @property
    def identity(self) -> dict[str, Any]:
        """What has to be the same for a training to go on from this one's checkpoint."""
        if self._identity is None:
            self._identity = {
                **identity.of_network(self.model),
                "optimizer": identity.of_optimizer(self.optimizer),
                "batch_size": self._batch_size,
                "shuffle": self._shuffle,
                "backend": self.backend,
                "threads": self.threads,
                "metrics": list(self._metrics),
                "factors": [
                    self._loss_factor,
                    self._gradient_factor,
                    self._penalty_by_rows,
                    self._rows_per_weight,
                ],
                "buffers": None if self._buffers is None else self._buffers.plan.rows,
                "data": identity.of_data(self.data),
                "validation": identity.of_data(self.validation),
            }
        return self._identity

    def state(self) -> State:
        """What a training needs to go on from the last epoch's end and come to the same bits: numbers, texts, and
        arrays, which are this training's own and change with it. (Not for one that goes on from a ``Progress``, which
        is less than a state.)
        """
        history, space = self.history, self._space
        first, parameters, slots = self._looks[-1] if self._looks else (0, None, None)
        own = self._parameters is self.model.parameters
        callbacks = [(type(watcher).__name__, watcher.state()) for watcher in self._watchers]
        return {
            "identity": self.identity,
            "epochs": self.epochs,
            "ended": self._ended,
            "history": {name: np.array(history[name]) for name in history.columns()},
            "learning_rate": np.array(history.learning_rate, np.float64),
            "seconds": np.array(history.seconds),
            "parameters": self.model.parameters,
            "trained": None if own else self._parameters,
            "slots": self.slots,
            "first_weights": None if space is None else space.weights,
            # Whether somebody changed the model's parameters since the engine's were given to it.
            "is_altered": not own and not np.array_equal(self._written_back, self.model.parameters),
            "look": {"epoch": first, "parameters": parameters, "slots": slots},
            "first": self._first,
            "callbacks": [[name, kept] for name, kept in callbacks if kept is not None],
        }

    @property
    def _written_back(self) -> Array:
        """The parameters that the model was given last, where the engine works on others."""
        return self._written if self._space is None else self._space.written

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
        for name, values in state["history"].items():
            self.history[name].extend(values.tolist())
        self.history.learning_rate.extend(state["learning_rate"].tolist())
        self.history.seconds.extend(state["seconds"].tolist())
        if is_over:
            self.history.stopped = self._ended = ended
        fill(self.model.parameters, state["parameters"])
        fill(self.slots, state["slots"])
        if state["trained"] is not None:
            fill(self._parameters, state["trained"])
            fill(self._written_back, self.model.parameters)
            if state["is_altered"]:
                self._written_back[...] = np.nan
        look = state["look"]
        if look["parameters"] is not None:
            parameters, slots = np.empty_like(self._parameters), np.zeros_like(self.slots)
            fill(parameters, look["parameters"])
            if look["slots"] is not None:
                fill(slots, look["slots"])
            self._looks.append((int(look["epoch"]), parameters, slots))

    def _restore_callbacks(self, kept: list[tuple[str, dict[str, Any]]]) -> None:
        """Give each callback back what it kept."""
        keeping = [watcher for watcher in self._watchers if watcher.state() is not None]
        if [type(watcher).__name__ for watcher in keeping] != [name for name, _ in kept]:
            raise CheckpointError(
                f"it is of a training with the callbacks {', '.join(name for name, _ in kept) or 'none'} that keep "
                "something; give the same in the same order"
            )
        for watcher, (_, state) in zip(keeping, kept, strict=True):
            watcher.restore(self, state)

    def run(self, callbacks: Sequence[Callback]) -> None:
        """Train until the last epoch or until a callback stops it.

        Raises
        ------
        DivergenceError
            If a loss is not finite; the model then holds the parameters of the last epoch end at which they were
            finite.
        """
        self._refuse_what_is_zero()
        one_at_a_time = (
            self.validation is not None or bool(self._metrics) or isinstance(self._schedule, ReduceOnPlateau)
        )
        # Who keeps what the others leave looks after them.
        callbacks = self._watchers = sorted(callbacks, key=lambda callback: callback.looks_last)
        for callback in callbacks:
            callback.on_fit_begin(self)
        if self._state is not None and self.history.loss:
            with going_on_from(self._state):
                self._restore_callbacks(self._state["callbacks"])
        self._state = None  # it takes as much memory as its file
        count = 1
        with contextlib.ExitStack() as stack:
            if self._buffers is not None:
                stack.enter_context(contextlib.closing(self._buffers))
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

    def step_of(self, epoch: int) -> int:
        """How many steps come before that epoch of this fit, counted from 0."""
        before = 0 if self._after is None else self._after.steps
        return before + epoch * self.steps_per_epoch

    @property
    def _epochs_before(self) -> int:
        return 0 if self._after is None else self._after.epochs

    def progress(self) -> Progress:
        """What another training needs to go on from here."""
        done, slots = len(self.history.loss), self.slots
        if self._space is not None:
            slots = np.stack([self._space.ordinary(slot) for slot in slots])
        trained = None if self.optimizer.average is None else self._parameters
        schedule = self._schedule
        plateau = self._plateau_after(schedule, done) if isinstance(schedule, ReduceOnPlateau) else None
        return Progress(self._epochs_before + done, self.step_of(done), slots, trained, plateau)

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The places of the samples, (n_samples,), in the order in which the last epoch took them."""
        is_shuffled = self._shuffle and self._batch_size < len(self._order)
        return self._order if is_shuffled else np.arange(len(self._order))

    @property
    def _first_plateau(self) -> tuple[int, PlateauState | None]:
        return 0, None if self._after is None else self._after.plateau

    def _plateau_after(self, schedule: ReduceOnPlateau, epochs: int) -> PlateauState:
        """Where the schedule is after so many epochs of this fit."""
        watched = self.history.watched(schedule.monitor, "ReduceOnPlateau")
        seen, state = self._plateau if self._plateau[0] <= epochs else self._first_plateau
        fresh = [watched.cost(value) for value in self.history[watched.name][seen:epochs]]
        state = schedule.state_after(fresh, state)
        self._plateau = epochs, state
        return state

    @property
    def _schedule(self) -> Any:
        """The optimizer's learning rate: a number or a schedule."""
        return self.optimizer.learning_rate if isinstance(self.optimizer, WithRate) else 0.0

    def _refuse_what_is_zero(self) -> None:
        smallest = np.finfo(self.model.dtype).tiny
        record, program = self.optimizer.record()[0], self._program
        given = [("learning_rate", self.optimizer.highest_rate)]
        given += [(name, float(record[name])) for name in ("epsilon", "clip_value", "clip_norm")]
        given += [
            (f"a layer's {name}", float(n)) for name in ("epsilon", "max_norm", "deviation") for n in program[name]
        ]
        given.append((f"the number of the loss {self.model.loss}", float(program["slope"][-1])))
        for name, value in given:
            if 0 < value < smallest:
                # A training takes numbers below the smallest normal one for zero.
                raise ConfigurationError(f"{name} {value:g} is 0 in {self.model.dtype}; use a larger one or float64")

    def _end_epoch(self, callbacks: Sequence[Callback]) -> None:
        """Put what is measured at an epoch's end into the history, and tell the callbacks."""
        model, history = self.model, self.history
        if self.validation is not None:
            scores = model.evaluation.scores(self._metrics, self.validation, self.backend, self.threads)
            for name, score in scores.items():
                history[f"val_{name}"].append(score)
        for name, score in model.evaluation.measure(self._metrics, self.data, self.backend).items():
            history[name].append(score)
        for callback in callbacks:
            callback.on_epoch_end(self)

    def rates(self, first: int, count: int) -> npt.NDArray[np.float64]:
        """The learning rates of the steps of ``count`` epochs from ``first`` on."""
        steps = count * self.steps_per_epoch
        schedule = self._schedule
        if isinstance(schedule, Timed):
            # Epochs before may have had other numbers of steps.
            by_epochs = (self._epochs_before + first) * self.steps_per_epoch
            first_step = self.step_of(first) if schedule.per == "step" else by_epochs
            return schedule.rates(first_step, steps, self.steps_per_epoch)
        if isinstance(schedule, ReduceOnPlateau):
            schedule = self._plateau_after(schedule, first).rate
        return np.full(steps, float(schedule))

    def loss_and_gradient(self) -> tuple[npt.NDArray[np.float64], Array]:
        """What one epoch's row of the engine's history is at the model's parameters, and the gradient there, of the
        whole set in one batch; the parameters stay as they are.

        Returns
        -------
        (HISTORY_COLUMNS,) ndarray of float64, and an (n_parameters,) ndarray that the next call replaces
        """
        rows = np.empty((1, HISTORY_COLUMNS))
        self._call_engine(rows, 0, self.rates(0, 1), update=False)
        return rows[0], self._gradients[0]

    def record(self, row: npt.NDArray[np.float64], seconds: float) -> None:
        """Put what the engine said of an epoch into the history."""
        self.history.loss.append(float(row[HISTORY_LOSS]))
        if self.model.is_classifier:
            self.history.accuracy.append(float(row[HISTORY_CORRECT]) / self._labelled)
        self.history.seconds.append(seconds)

    def use(self, data: Labelled) -> None:
        """Go on with other samples, as many as before."""
        if self._space is not None:
            self._leave_sample_space(self._space)
        self.data, self._features = data, data.X
        self._targets = self.model.loss_function.smoothed(data.Y, self.model.n_outputs)
        self._looks.clear()

    def train(self, count: int) -> float:
        """Train ``count`` epochs, put them into the history and return the seconds that each took."""
        first = len(self.history.loss)
        if self._space is not None and self._space.is_stale():
            self._leave_sample_space(self._space)
        elif self.optimizer.average is not None and not np.array_equal(self._written, self.model.parameters):
            # Somebody, such as a callback, has set the weights: they are the mean from now on, and what is trained.
            np.copyto(self._parameters, self.model.parameters)
            self.slots[-1] = self._parameters * (1 - self.optimizer.average ** self.step_of(first))
        self.parameters_before = self.model.parameters.copy()
        own = self._parameters is self.model.parameters
        before = self.parameters_before if own else self._parameters.copy()
        self._looks.append((first, before, self.slots.copy() if self.step_of(first) > 0 else None))
        rows, rates = np.empty((count, HISTORY_COLUMNS)), self.rates(first, count)
        started = time.perf_counter()
        try:
            finished = self._call_engine(rows, first, rates)
        except DataError as error:
            # Samples can no longer be read from their file, in the middle of an epoch.
            self._back_to_look(-1)
            if not first:
                raise
            raise LostDataError(str(error)) from error
        seconds = (time.perf_counter() - started) / count
        for row, rate in zip(rows[:finished], rates[self.steps_per_epoch - 1 :: self.steps_per_epoch], strict=False):
            self.record(row, seconds)
            self.history.learning_rate.append(float(rate))
        if finished < count or not np.isfinite(self.model.parameters).all():
            lost = self._go_back(first + finished)
            what = (
                f"the loss of epoch {first + finished + 1} was {rows[finished, HISTORY_LOSS]:g}, not a finite number"
                if lost is None
                else f"the weights after epoch {lost + 1} were not finite numbers"
            )
            highest = self.optimizer.highest_rate
            advice = (
                f"try a learning rate below {highest:g}, or scale the features" if highest else "scale the features"
            )
            raise DivergenceError(f"training diverged: {what}; {advice}")
        return seconds

    def _call_engine(
        self, rows: npt.NDArray[np.float64], first: int, rates: npt.NDArray[np.float64], update: bool = True
    ) -> int:
        run = np.zeros(1, RUN)
        run["batch_size"], run["shuffle"], run["seed"] = self._batch_size, self._shuffle, self.model.seed
        run["max_rows"], run["epoch"], run["step"] = self._max_rows, self._epochs_before + first, self.step_of(first)
        run["loss_factor"], run["gradient_factor"] = self._loss_factor, self._gradient_factor
        run["penalty_by_rows"], run["rows_per_weight"] = self._penalty_by_rows, self._rows_per_weight
        run["count_correct"], run["threads"], run["update"] = self.model.is_classifier, self._members, update
        first_step = self.step_of(first)
        schedule = self.optimizer.schedule(rates, first_step, self._product)
        self._product = first_step + len(schedule), float(schedule[-1, PRODUCT])
        if self._buffers is None:
            assert not isinstance(self._features, Streamed)
            finished = self._run_engine(rows, schedule, run, self._features, self._targets, self.data.W)
        else:
            finished = self._train_buffers(self._buffers, rows, schedule, run)
        self._write_back(self.step_of(first + finished))
        return finished

    def _train_buffers(
        self, buffers: Buffers, rows: npt.NDArray[np.float64], schedule: npt.NDArray[np.float64], run: Record
    ) -> int:
        """``_run_engine`` for samples that come in buffers: each is shuffled as an epoch of its own, and counts for
        what its samples weigh."""
        per_epoch, per_buffer = self.steps_per_epoch, -(-buffers.plan.rows // self._batch_size)
        first_epoch, first_step = int(run["epoch"][0]), int(run["step"][0])
        W = self.data.W
        for index, row in enumerate(rows):
            row[...] = whole = 0.0
            for buffer in buffers.epoch(first_epoch + index):
                done = index * per_epoch + buffer.number * per_buffer
                steps = schedule[done : min(done + per_buffer, (index + 1) * per_epoch)]
                run["epoch"] = (first_epoch + index) * buffers.plan.buffers + buffer.number
                run["step"] = first_step + done
                weights = W[buffer.rows] if len(W) else W
                weight = float(weights.sum(dtype=np.float64)) if len(W) else float(len(buffer.X))
                if weight == 0:
                    raise DataError(
                        f"in epoch {first_epoch + index + 1} no sample of a buffer of {len(buffer.X)} has a weight "
                        "above 0; leave samples without weight out of the stream, or give more memory"
                    )
                part = np.empty((1, HISTORY_COLUMNS))
                finished = self._run_engine(part, steps, run, buffer.X, self._targets[buffer.rows], weights)
                row += part[0] * (weight, 1.0)
                whole += weight
                if not finished:
                    break
            row[HISTORY_LOSS] /= whole
            if not finished:
                return index
        return len(rows)

    def _run_engine(
        self,
        rows: npt.NDArray[np.float64],
        schedule: npt.NDArray[np.float64],
        run: Record,
        samples: Samples,
        targets: Array,
        weights: Array,
    ) -> int:
        X, pixels, run["divisor"] = engine_arguments(samples, self.model.dtype)
        finished: int = self._engine.train(
            rows,
            self._program,
            self.optimizer.record(),
            schedule,
            run,
            self._parameters,
            self.slots,
            self._gradients,
            self._activations,
            self._deltas,
            self._moments,
            self._order[: len(samples)],
            X,
            pixels,
            targets,
            weights,
        )
        return finished

    def _write_back(self, steps: int) -> None:
        """Give the model its parameters, where the engine works on others, after so many steps in all."""
        if self._space is not None:
            self._space.write_back()
        elif self.optimizer.average is not None:
            np.copyto(self.model.parameters, self._parameters)
            if steps > 0:
                # What is not trained, as running statistics are not, has no mean.
                trained = self.is_trained
                self.model.parameters[trained] = self.slots[-1, trained] / (1 - self.optimizer.average**steps)
            self._written = self.model.parameters.copy()

    def _back_to_look(self, look: int) -> int:
        """Be again as at one of the last looks; return the epoch before which that was."""
        first, parameters, slots = self._looks[look]
        self._parameters[...], self.slots[...] = parameters, 0 if slots is None else slots
        self._write_back(self.step_of(first))
        return first

    def _go_back(self, until: int) -> int | None:
        """Leave the last good parameters before epoch ``until``: those of an epoch's end that are finite and whose
        loss over the whole set is finite. Return the epoch at whose end they were not finite, if any.

        Training is a pure function of its state, so the epochs since the last look but one are trained again, one by
        one.
        """
        first = self._back_to_look(0)
        ends = [self.model.parameters.copy()]
        lost = None
        for epoch in range(first, until):
            self._call_engine(np.empty((1, HISTORY_COLUMNS)), epoch, self.rates(epoch, 1))
            if not np.isfinite(self.model.parameters).all():
                lost = epoch
                break
            # The loss of an epoch may be that of the weights before it, so the last two ends are in question.
            ends = [ends[-1], self.model.parameters.copy()]
        for good in reversed(ends):
            np.copyto(self.model.parameters, good)
            scores = self.model.evaluation.loss_and_accuracy(self.data, self.backend, self.threads)
            if math.isfinite(scores["loss"]):
                break
        return lost
