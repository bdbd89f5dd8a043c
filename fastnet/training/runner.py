"""Calls of the engine: its arrays, its RUN record, and the samples that it is given, from memory or from buffers."""

from types import ModuleType

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    BATCH_NORM,
    DENSE,
    HISTORY_COLUMNS,
    HISTORY_LOSS,
    RUN,
    Record,
    moments_size,
    row_size,
)

from ..aligned import aligned
from ..buffers import Buffers
from ..errors import DataError
from ..optimizers import Optimizer
from ..pixels import Samples, engine_arguments
from ..streamed import Streamed
from ..threads import BLOCK_ROWS, PRICE_OF_ROWS, members_for
from .options import Options
from .trained import Trained

Array = npt.NDArray[np.floating]
Rows = npt.NDArray[np.float64]


COPIES, ROWS, SPLIT = "copies", "rows", "split"
"""How a team comes by the gradients: a copy for each member, filled from its rows; a part of them for each, from all
rows; or that and the first layer shared by its inputs, so that its weights and these stay with a member."""


SUMS_BYTES = 2**19
"""Of the first layer's outputs for the rows of a block: larger ones leave a core's second cache before they are summed
(784-1024-1024-10 in batches of 256 took 1.03 of the time)."""


def _cheapest(trained: Trained, batch_size: int, members: int, *, is_shuffled: bool) -> tuple[str, int]:
    """The way in which it costs least what goes from core to core in a step, and how many numbers do, the new
    parameters among them. It goes by shapes alone, so that pixels and streams have the bits of floats in memory."""
    first, n_parameters, of_rows = trained.program[0], trained.parameters.size, batch_size * trained.moved_of_a_row
    n_in, n_out = int(first["input_size"]), int(first["output_size"])
    # Who gathers samples has them; where they lie they are nobody's.
    moved = {ROWS: (n_parameters, of_rows + (batch_size * n_in if is_shuffled else 0))}
    if not trained.fills_rows_alone:
        moved[COPIES] = n_parameters + members * n_parameters, 0
    has_room = n_in >= (members - 2) * n_out
    sums = min(batch_size, BLOCK_ROWS * members) * n_out * trained.parameters.itemsize
    if first["kind"] == DENSE and first["trainable"] and has_room and sums <= SUMS_BYTES:
        moved[SPLIT] = n_parameters - n_in * n_out, of_rows + (members - 1) * batch_size * n_out
    way = min(moved, key=lambda way: moved[way][0] + PRICE_OF_ROWS * moved[way][1])
    return way, sum(moved[way])


class Runner:
    """Runs epochs in an engine.

    Parameters
    ----------
    engine : module
    trained : Trained
    optimizer : Optimizer
    options : Options
    samples : int
        In an epoch, or in a buffer of one.
    threads : int or None
        The most that the engine's team may have; None is for one that works alone.
    buffers : Buffers or None
        Where samples that stay in their file come from.

    Attributes
    ----------
    members : int
        Of the team.
    way : str
        How it comes by the gradients: COPIES, ROWS or SPLIT.
    gradients : (copies, n) ndarray
        Those of the last batch of a run without an update.
    """

    def __init__(
        self,
        engine: ModuleType,
        trained: Trained,
        optimizer: Optimizer,
        options: Options,
        samples: int,
        threads: int | None,
        buffers: Buffers | None,
    ) -> None:
        self._engine, self._trained, self._options, self._buffers = engine, trained, options, buffers
        self._optimizer = optimizer.record()
        model, program, batch_size = trained.model, trained.program, options.batch_size
        n_parameters, numbers = trained.parameters.size, row_size(program)
        work = batch_size * trained.multiply_adds_of_a_row
        # As many as would pay if nothing went from core to core.
        self.way, self.members = ROWS, 1 if threads is None else members_for(threads, batch_size, work, 0)
        if self.members > 1:
            shuffled = options.shuffle and batch_size < samples
            self.way, moved = _cheapest(trained, batch_size, self.members, is_shuffled=shuffled)
            self.members = members_for(threads, batch_size, work, moved)
        own = -(-batch_size // self.members)
        if threads is not None and not (program["kind"] == BATCH_NORM).any():
            own = min(own, BLOCK_ROWS)
        rows = own * self.members
        self.gradients = aligned((self.members if self.way == COPIES else 1, n_parameters), model.dtype)
        self._activations, self._deltas = (aligned((numbers * rows,), model.dtype) for _ in range(2))
        self._moments = np.empty((self.members, moments_size(program)), model.dtype)
        self._order = np.empty(samples, np.int64)
        self._run = np.zeros(1, RUN)
        self._run["batch_size"], self._run["shuffle"], self._run["seed"] = batch_size, options.shuffle, model.seed
        self._run["max_rows"], self._run["threads"], self._run["split"] = rows, self.members, self.way == SPLIT
        self._run["loss_factor"], self._run["gradient_factor"] = options.loss_factor, options.gradient_factor
        self._run["penalty_by_rows"], self._run["rows_per_weight"] = options.penalty_by_rows, options.rows_per_weight
        self._run["count_correct"] = model.is_classifier

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The places of the samples, (n_samples,), in the order in which the last epoch took them."""
        is_shuffled = self._options.shuffle and self._options.batch_size < len(self._order)
        return self._order if is_shuffled else np.arange(len(self._order))

    def train(
        self,
        rows: Rows,
        schedule: Rows,
        epoch: int,
        step: int,
        targets: Array,
        weights: Array,
        update: bool = True,
    ) -> int:
        """Train an epoch for each row, and return how many ended with a loss that is finite.

        Parameters
        ----------
        rows : (n_epochs, HISTORY_COLUMNS) ndarray
            Filled with what the engine says of each.
        schedule : (n_steps, SCHEDULE_COLUMNS) ndarray
        epoch, step : int
            How many came before them.
        targets, weights : ndarray
            Of all samples.
        update : bool
            Whether parameters change; else the gradients of the last batch are left in ``gradients``.

        Raises
        ------
        DataError
            If samples can no longer be read from their file.
        """
        run = self._run
        run["epoch"], run["step"], run["update"] = epoch, step, update
        if self._buffers is not None:
            return self._train_buffers(self._buffers, rows, schedule, run, targets, weights)
        assert not isinstance(self._trained.features, Streamed)
        return self._call(rows, schedule, run, self._trained.features, targets, weights)

    def _train_buffers(
        self, buffers: Buffers, rows: Rows, schedule: Rows, run: Record, targets: Array, W: Array
    ) -> int:
        """Each buffer is shuffled as an epoch of its own, and counts for what its samples weigh."""
        per_epoch, per_buffer = len(schedule) // len(rows), -(-buffers.plan.rows // self._options.batch_size)
        first_epoch, first_step = int(run["epoch"][0]), int(run["step"][0])
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
                finished = self._call(part, steps, run, buffer.X, targets[buffer.rows], weights)
                row += part[0] * (weight, 1.0)
                whole += weight
                if not finished:
                    break
            row[HISTORY_LOSS] /= whole
            if not finished:
                return index
        return len(rows)

    def _call(self, rows: Rows, schedule: Rows, run: Record, samples: Samples, targets: Array, weights: Array) -> int:
        trained = self._trained
        X, pixels, run["divisor"] = engine_arguments(samples, trained.model.dtype)
        finished: int = self._engine.train(
            rows,
            trained.program,
            self._optimizer,
            schedule,
            run,
            trained.parameters,
            trained.slots,
            self.gradients,
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
