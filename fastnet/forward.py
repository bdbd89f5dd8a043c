"""A network run over samples as it is, in parts of rows that threads share: what it gives for them and its loss."""

from __future__ import annotations  # worked out at each definition they would cost an inner function more than its work

from types import ModuleType

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    ACTIVATIONS,
    HISTORY_COLUMNS,
    HISTORY_LOSS,
    IDENTITY,
    Record,
    row_size,
)

from .aligned import aligned
from .backends import compile_activations, engine
from .checked_samples import not_finite
from .pixels import Samples, engine_arguments
from .streamed import Streamed, parts_of
from .threads import in_parts, pool_for

ROWS_AT_ONCE = 256
"""Rows that prediction sends through all layers together, so that what they give stays in the cache."""

FEW = 16
"""Rows whose prediction is over before memory at the start of a line would have paid for the search for it."""

Array = npt.NDArray[np.floating]


class Forward:
    """Runs a Program over samples with parameters as they are at the time.

    Parameters
    ----------
    program : Record
    parameters : (n_parameters,) ndarray
        The network's own vector, which training changes in place.

    Attributes
    ----------
    program, parameters
        As given.
    dtype : dtype
        That of the parameters, and of all that is computed.
    n_outputs : int
    row_size : int
        Numbers that a row has in all layers together.
    """

    def __init__(self, program: Record, parameters: Array) -> None:
        # Worked out once: a single row is predicted in less time than that takes.
        self.program, self.parameters, self.dtype = program, parameters, parameters.dtype
        self.n_outputs, self.row_size = int(program[-1]["output_size"]), row_size(program)
        self._program_to_logits = program.copy()
        self._program_to_logits[-1]["output_activation"] = IDENTITY
        functions = program["function"][:-1]
        self._custom_codes = [int(code) for code in np.unique(functions[functions >= len(ACTIVATIONS)])]

    def engine(self, backend: str) -> ModuleType:
        """The engine of that name, ready to run this network.

        Raises
        ------
        ConfigurationError
            If there is no such engine, or a user's own activation cannot be compiled.
        """
        module = engine(backend)
        if self._custom_codes and backend == "jit":
            compile_activations(self._custom_codes, self.dtype.name)
        return module

    def members(self, backend: str, rows: int, threads: int | None = None) -> int:
        """How many threads share the rows of a prediction, each row's answer being the same to rounding: ``threads``
        at the most, and only where it pays."""
        return pool_for(threads, self.parameters.size, rows) if backend == "jit" else 1

    def outputs(self, X: Samples | Streamed, backend: str, threads: int | None = None) -> Array:
        """What the network gives: (n_samples, n_outputs).

        Raises
        ------
        DataError
            If X, which is not looked at before, holds something other than finite numbers.
        """
        return self._run(self.program, X, backend, threads)

    def logits(self, X: Samples | Streamed, backend: str, threads: int | None = None) -> Array:
        """What it gives before the loss's own activation, if that has one: (n_samples, n_outputs). Errors are those of
        ``outputs``."""
        return self._run(self._program_to_logits, X, backend, threads)

    def activated(self, logits: Array, backend: str) -> Array:
        """What the network gives where these are its logits."""
        if self.program[-1]["output_activation"] == IDENTITY:
            return logits
        outputs = np.empty_like(logits)
        # The end of the Program alone, which is a network without layers.
        self._fill(outputs, self.program[-1:], logits, backend, None)
        return outputs

    def _run(self, program: Record, X: Samples | Streamed, backend: str, threads: int | None = None) -> Array:
        outputs = np.empty((len(X), self.n_outputs), self.dtype)
        if isinstance(X, Streamed):
            # Which looks at each block that it reads.
            for which, samples in X.parts():
                self._fill(outputs[which], program, samples, backend, threads)
        elif not self._fill(outputs, program, X, backend, threads):
            raise not_finite(np.asarray(X), "X")
        return outputs

    # A row is predicted in as much time as twenty calls of Python's take, and one of a function within a function in
    # that of three: so these are methods, and what threads need is apart.

    def _fill(self, outputs: Array, program: Record, X: Samples, backend: str, threads: int | None) -> bool:
        """Whether X is finite, and if so, the outputs for it."""
        members = self.members(backend, len(X), threads)
        if members == 1:
            return self._part(outputs, program, X, backend)
        return self._shared(outputs, program, X, backend, members)

    def _shared(self, outputs: Array, program: Record, X: Samples, backend: str, members: int) -> bool:
        def part(which: slice) -> bool:
            return self._part(outputs[which], program, X[which], backend)

        return all(in_parts(part, len(X), members))

    def _part(self, outputs: Array, program: Record, X: Samples, backend: str) -> bool:
        rows = min(len(X), ROWS_AT_ONCE)
        size, dtype, predict = self.row_size * rows, self.dtype, self.engine(backend).predict
        activations = np.empty(size, dtype) if rows < FEW else aligned((size,), dtype)
        samples = engine_arguments(X, dtype)
        is_finite: bool = predict(outputs, program, self.parameters, activations, *samples, rows, False, 0, 0)
        return is_finite

    def evaluate(
        self,
        X: Samples | Streamed,
        Y: Array,
        W: Array,
        backend: str,
        threads: int | None = None,
        losses: Array | None = None,
        *,
        from_logits: bool = False,
    ) -> npt.NDArray[np.float64]:
        """The mean loss and the number of right answers, as HISTORY_COLUMNS has them.

        Parameters
        ----------
        X : Samples or Streamed
        Y, W : ndarray
            Checked targets and their weights.
        backend : str
        threads : int or None
            The most.
        losses : (n_samples, n_entries) ndarray or None
            Filled with each entry's loss.
        from_logits : bool
            Whether X has the network's logits instead of its samples; penalties are then left out.
        """
        program = self.program[-1:] if from_logits else self.program
        whole_weight = float(W.sum(dtype=np.float64)) if len(W) else float(len(X))
        result = np.zeros(HISTORY_COLUMNS)
        for which, samples in parts_of(X):
            filled = np.empty((len(samples), W.shape[1]), self.dtype) if losses is None else losses[which]
            result += self._evaluated(program, samples, Y[which], W[which], whole_weight, backend, threads, filled)
        return result

    def _evaluated(
        self,
        program: Record,
        X: Samples,
        Y: Array,
        W: Array,
        whole_weight: float,
        backend: str,
        threads: int | None,
        losses: Array,
    ) -> npt.NDArray[np.float64]:
        """What some samples add to the result of an evaluation of samples that weigh ``whole_weight`` together."""
        rows = min(len(X), ROWS_AT_ONCE)
        evaluate = self.engine(backend).evaluate
        floats, pixels, divisor = engine_arguments(X, self.dtype)

        def part(which: slice) -> npt.NDArray[np.float64]:
            activations, deltas = (aligned((self.row_size * rows,), self.dtype) for _ in range(2))
            result = np.empty(HISTORY_COLUMNS)
            samples = floats[which], pixels[which], divisor
            state = program, self.parameters, activations, deltas
            evaluate(result, losses[which], *state, *samples, Y[which], W[which], rows)
            # A part's loss is a mean, which counts for as much as its samples' weights.
            weight = float(W[which].sum(dtype=np.float64)) if len(W) else float(which.stop - which.start)
            result[HISTORY_LOSS] = result[HISTORY_LOSS] * weight / whole_weight if weight > 0 else 0.0
            return result

        total: npt.NDArray[np.float64] = np.sum(in_parts(part, len(X), self.members(backend, len(X), threads)), axis=0)
        return total
