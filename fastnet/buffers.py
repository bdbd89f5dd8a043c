"""An epoch's samples from a file: gathered into buffers block by block, in an order that (seed, epoch) decides."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import moments_size, row_size
from fastnet_kernels.reference.randomness import row_key, stream_key

from .data.stored_rows import RowReader
from .errors import ConfigurationError
from .forward import ROWS_AT_ONCE
from .model import Model
from .optimizers import Optimizer
from .pixels import Samples
from .streamed import PART_BYTES, Streamed
from .threads import BLOCK_ROWS, PRICE_OF_ROWS
from .validation import bytes_in_words

BLOCKS = -2
"""The stream of random numbers that orders the blocks; that of an engine's shuffle is -1."""

RESERVE = 8 * 2**20
"""Memory for all that is not counted: threads, and small arrays."""


@dataclass(frozen=True)
class Plan:
    """How the samples of an epoch are parted.

    Attributes
    ----------
    rows : int
        In a buffer; a multiple of the batch size, so that only an epoch's last batch can be smaller.
    buffers : int
        In an epoch. One means that all the samples fit into the memory, and are read once.
    row_bytes : int
        What a sample takes in a buffer.
    """

    rows: int
    buffers: int
    row_bytes: int

    def in_words(self) -> str:
        """The plan as a user reads it."""
        size = bytes_in_words(self.rows * self.row_bytes)
        if self.buffers == 1:
            return f"all {self.rows:,} samples fit, {size}, and are read once"
        return f"two buffers of {self.rows:,} samples, {size} each; {self.buffers} an epoch"


def plan(model: Model, X: Streamed, optimizer: Optimizer, batch_size: int, columns: int) -> Plan:
    """The largest buffers that the stream's memory has room for, where the targets have so many columns.

    It does not depend on the threads that train, but on those that could on this machine, so that the same seed trains
    in the same order with any.

    Raises
    ------
    ConfigurationError
        If there is no room for the smallest, which hold a batch each.
    """
    samples, itemsize, numbers = len(X), model.dtype.itemsize, row_size(model.program)
    n_parameters = model.parameters.size
    # What each sample has wherever it is: raw and prepared targets, weights, whether and where it was chosen.
    labels = samples * (4 * 8 + columns * (8 + 3 * itemsize))
    # The parameters, their gradients (a copy a thread, where that is less than what the rows give), the optimizer's
    # slots, both as they were at the last two looks, and the model's before the epoch and with the best loss; and the
    # file of a checkpoint, which is made in memory and has most of these.
    most_members = os.cpu_count() or 1
    gradients = max(n_parameters, min(most_members * n_parameters, int(PRICE_OF_ROWS * batch_size * numbers)))
    state = itemsize * (n_parameters * (6 + 3 * optimizer.slots + 4 + 2 * optimizer.slots) + gradients)
    # What the layers give for the rows of a batch that are worked on together, in training and in an evaluation.
    has_moments = moments_size(model.program) > 0
    together = batch_size + most_members if has_moments else min(batch_size, BLOCK_ROWS * most_members) + most_members
    state += itemsize * (2 * numbers * (together + ROWS_AT_ONCE * most_members))
    state += itemsize * moments_size(model.program) * most_members
    reading = 2 * X.block_bytes + 4 * (PART_BYTES + X.block_bytes) + RESERVE
    fixed = labels + state + reading
    # A sample, where it comes from, its place in the order, and its target and weight beside it.
    row = X.row_bytes + 2 * 8 + 2 * columns * itemsize
    memory, whole = X.stream.memory, fixed + samples * row
    if whole <= memory:
        return Plan(samples, 1, row)
    rows = (memory - fixed) // (2 * row) // batch_size * batch_size
    if rows < min(batch_size, samples):
        least = min(whole, fixed + 2 * row * batch_size)
        raise ConfigurationError(
            f"{X.stream.source}: a memory of {bytes_in_words(memory)} is too small for this network and batches of "
            f"{batch_size} samples, which need {_rounded_up(least)}; give that much, smaller batches, or a file with "
            f"smaller chunks (a block of them takes {bytes_in_words(X.samples_in_file.stored.block_bytes)})"
        )
    return Plan(rows, -(-samples // rows), row)


def _rounded_up(size: int) -> str:
    """At least so much, in megabytes."""
    return f"{-(-size // 10**6)}MB"


@dataclass(frozen=True)
class Buffer:
    """Some of the samples of an epoch.

    Attributes
    ----------
    X : Samples
    rows : (k,) ndarray of int64, or slice
        Which of all samples they are.
    number : int
        Which of an epoch's buffers it is.
    """

    X: Samples
    rows: npt.NDArray[np.int64] | slice
    number: int


class Buffers:
    """The buffers of a training: while one is trained on, a thread fills another, across the ends of epochs too.

    Which samples a buffer has is a pure function of (seed, epoch, its number).
    """

    def __init__(self, X: Streamed, planned: Plan, seed: int, shuffle: bool) -> None:
        self.plan, self._X, self._seed, self._shuffle = planned, X, seed, shuffle
        self._sizes = X.samples_in_file.block_sizes
        count = 1 if planned.buffers == 1 else 2
        self._slots = [np.empty((planned.rows, X.shape[1]), X.dtype) for _ in range(count)]
        self._rows = [np.empty(planned.rows, np.int64) for _ in range(count)]
        self._pool = ThreadPoolExecutor(1)
        self._coming: tuple[tuple[int, int], int, Future[int]] | None = None
        self._is_closed = False
        # Open for as long as the training goes on: to open it takes as long as to read a megabyte.
        self._reader: RowReader | None = None
        self._ordered: tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
        # A block that two buffers share is read once.
        self._last: tuple[int, Samples] | None = None
        self._all: Samples | None = None

    def epoch(self, epoch: int) -> Iterator[Buffer]:
        """The buffers of an epoch in turn; each is good until the next is asked for.

        Raises
        ------
        DataError
            The file cannot be read, or is not the one it was.
        """
        if self.plan.buffers == 1:
            if self._all is None:
                self._fill(0, 0, 0)
                self._all = self._X.samples(self._slots[0])
            yield Buffer(self._all, slice(None), 0)
            return
        for number in range(self.plan.buffers):
            slot, filled = self._get(epoch, number)
            after = (epoch, number + 1) if number + 1 < self.plan.buffers else (epoch + 1, 0)
            self._coming = after, 1 - slot, self._pool.submit(self._fill, 1 - slot, *after)
            yield Buffer(self._X.samples(self._slots[slot][:filled]), self._rows[slot][:filled], number)

    def close(self) -> None:
        """End the thread, and close the file."""
        self._is_closed = True
        try:
            self._pool.shutdown(cancel_futures=True)
        finally:
            if self._reader is not None:
                self._reader.close()

    def _get(self, epoch: int, number: int) -> tuple[int, int]:
        """The slot that has this buffer, and how many samples are in it."""
        slot = 0
        if self._coming is not None:
            key, slot, coming = self._coming
            self._coming = None
            filled = coming.result()
            if key == (epoch, number):
                return slot, filled
        return slot, self._pool.submit(self._fill, slot, epoch, number).result()

    def _order(self, epoch: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The blocks in the order of an epoch, and how many samples there are up to the end of each; where there is one
        buffer the order of the file, as an engine shuffles it."""
        if self._ordered is None or self._ordered[0] != epoch:
            blocks = np.flatnonzero(self._sizes)
            if self._shuffle and self.plan.buffers > 1:
                keys = row_key(stream_key(self._seed, BLOCKS, epoch), np.arange(len(blocks), dtype=np.uint64))
                blocks = blocks[np.argsort(keys, kind="stable")]
            self._ordered = epoch, blocks, np.cumsum(self._sizes[blocks])
        return self._ordered[1:]

    def _fill(self, slot: int, epoch: int, number: int) -> int:
        """Gather a buffer; how many samples are in it."""
        X, rows, (order, ends) = self._slots[slot], self._rows[slot], self._order(epoch)
        begin = number * self.plan.rows
        end = min(begin + self.plan.rows, int(ends[-1]))
        at, place = begin, int(np.searchsorted(ends, begin, side="right"))
        if self._reader is None:
            self._reader = self._X.samples_in_file.stored.opened()
        self._reader.check()
        while at < end and not self._is_closed:
            block = int(order[place])
            if self._last is None or self._last[0] != block:
                self._last = block, self._X.block(self._reader, block)
            values, which = self._last[1], self._X.samples_in_file.block_rows(block)
            skipped = at - int(ends[place] - self._sizes[block])
            count = min(end - at, len(values) - skipped)
            here = slice(at - begin, at - begin + count)
            X[here] = (values if isinstance(values, np.ndarray) else values.X)[skipped : skipped + count]
            rows[here] = np.arange(which.start + skipped, which.start + skipped + count)
            at, place = at + count, place + 1
        return end - begin
