"""The steps of a training: the engine is called for some epochs, and what it trained can be put back."""

import math

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import HISTORY_COLUMNS

from ..buffers import Buffers
from ..errors import DataError, LostDataError
from ..history import History
from ..labelled import Labelled
from ..model import Array, Model
from ..optimizers import Optimizer
from .divergence import Snapshot, Snapshots
from .options import Options
from .position import Position, Progress
from .rates import Rates
from .runner import Runner
from .trained import Trained

Rows = npt.NDArray[np.float64]


class Steps:
    """Takes the steps of epochs, which are counted from the beginning of this fit.

    Parameters
    ----------
    model : Model
    data : Labelled
    optimizer : Optimizer
    options : Options
    backend : str
    threads : int
        The most.
    buffers : Buffers or None
        Where samples that stay in their file come from.
    trained : Trained
    history : History
        What a schedule may go by.
    after : Progress or None
        Where the optimizer stands.

    Attributes
    ----------
    model, data, backend, threads, optimizer
        As given.
    trained : Trained
        What the engine works on: the model's own arrays, or others in their place.
    runner : Runner
        Calls the engine; another one where something else is trained.
    position : Position
    rates : Rates
    snapshots : Snapshots
        Of what is trained, before the last two calls.
    """

    def __init__(
        self,
        model: Model,
        data: Labelled,
        optimizer: Optimizer,
        options: Options,
        backend: str,
        threads: int,
        buffers: Buffers | None,
        trained: Trained,
        history: History,
        after: Progress | None,
    ) -> None:
        self.model, self.data, self.optimizer, self.backend, self.threads = model, data, optimizer, backend, threads
        self.trained, self._options, self._buffers = trained, options, buffers
        # What the network is trained on.
        self._targets = model.loss_function.smoothed(data.Y, model.n_outputs)
        self.position = Position.after(after, math.ceil(len(data.X) / options.batch_size))
        self.rates = Rates(optimizer, history, self.position, None if after is None else after.plateau)
        self.snapshots = Snapshots()
        self.runner = self._new_runner()

    def _new_runner(self) -> Runner:
        samples = len(self.data.X) if self._buffers is None else self._buffers.plan.rows
        threads = self.threads if self.backend == "jit" else None
        engine = self.model.forward.engine(self.backend)
        return Runner(engine, self.trained, self.optimizer, self._options, samples, threads, self._buffers)

    def _go_on_with(self, trained: Trained) -> None:
        """Train that from now on, if it is something else."""
        if trained is not self.trained:
            self.trained = trained
            self.runner = self._new_runner()
            self.snapshots.forget()

    def begin(self, epoch: int, parameters: Array) -> None:
        """See whether somebody has set the model's parameters, a copy of which is given, and keep what is trained."""
        step = self.position.step(epoch)
        self._go_on_with(self.trained.taken_up(step))
        trained = self.trained
        before = parameters if trained.is_own else trained.parameters.copy()
        self.snapshots.keep(Snapshot(epoch, before, trained.slots.copy() if step > 0 else None))

    def train(self, rows: Rows, first: int, rates: Rows) -> int:
        """Train an epoch for each row, from ``first`` on and with these rates; how many had a finite loss.

        Raises
        ------
        DataError
            If samples can no longer be read from their file, a LostDataError where there is a model to keep: the model
            is then as it was after ``begin``.
        """
        try:
            return self._call_engine(rows, first, rates)
        except DataError as error:
            self.back_to(self.snapshots.last)
            if not first:
                raise
            raise LostDataError(str(error)) from error

    def train_again(self, epoch: int) -> None:
        """Train an epoch that is in the history already, from what was trained before it."""
        self._call_engine(np.empty((1, HISTORY_COLUMNS)), epoch, self.rates.of(epoch, 1))

    def back_to(self, snapshot: Snapshot) -> int:
        """Train on from there; return the epoch before which that was."""
        self.trained.set_to(snapshot.parameters, snapshot.slots, self.position.step(snapshot.epoch))
        return snapshot.epoch

    def use(self, data: Labelled) -> None:
        """Go on with other samples, as many as before."""
        self._go_on_with(self.trained.ordinary())
        self.data, self.trained.features = data, data.X
        self._targets = self.model.loss_function.smoothed(data.Y, self.model.n_outputs)
        self.snapshots.forget()

    def loss_and_gradient(self) -> tuple[Rows, Array]:
        """What one epoch's row of the engine's history is at the model's parameters, and the gradient there, of the
        whole set in one batch; the parameters stay as they are.

        Returns
        -------
        (HISTORY_COLUMNS,) ndarray of float64, and an (n_parameters,) ndarray that the next call replaces
        """
        rows = np.empty((1, HISTORY_COLUMNS))
        self._call_engine(rows, 0, self.rates.of(0, 1), update=False)
        return rows[0], self.runner.gradients[0]

    def _call_engine(self, rows: Rows, first: int, rates: Rows, update: bool = True) -> int:
        position, schedule = self.position, self.rates.schedule(rates, first)
        counts = position.epoch(first), position.step(first)
        finished = self.runner.train(rows, schedule, *counts, self._targets, self.data.W, update)
        self.trained.write_back(position.step(first + finished))
        return finished
