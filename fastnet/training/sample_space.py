"""The first layer in sample space: where it pays, a training sees n + 1 + n_out numbers a sample instead of d.

With the whole set in every batch and an update that is linear in the gradient, the first layer's weights always are a
combination of what they began with, the samples, and what samples have in common: see
``fastnet_kernels.reference.dense``. So the training runs on another Program, whose first op is SAMPLES, over a row of
products for each sample, and W is worked out when somebody asks.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from fastnet_kernels.program import DENSE, SAMPLES, Record

from ..aligned import aligned, in_whole_lines
from ..model import Array, Model
from ..optimizers import Optimizer
from ..pixels import Pixels, Samples
from ..state import fill
from ..threads import available, in_parts, one_blas_thread
from .trained import StandIn, Trained

LEAST_EPOCHS = 10
"""X @ XT costs about as much as n / (4 n_out) ordinary epochs, so a short training does not pay."""

ENOUGH = 32
"""Samples whose mean is near enough to that of all: what matters is that next to nothing is left in its direction."""

COLUMNS_AT_ONCE = 1024
"""Features of pixels that are converted together, and whose weights are worked out together, whatever they are, since
pixels have the bits of floats. So many columns as floats take less room than the weights' gradient of a layer of some
hundreds of units, as there are fewer samples than features."""

TOGETHER = 128
"""Features whose products with each other are added up at a time, so that a tile's share of them stays in the first
cache. It divides ``COLUMNS_AT_ONCE``, so that pixels have the bits of floats."""

WORTH_THREADS = 1_000_000_000
"""Multiply-adds of the samples' products that make them worth sharing: below ten milliseconds two threads took longer
than one, as a core that was idle takes some of them to wake (``docs/decisions/0032``)."""


def pays(model: Model, X: Samples, optimizer: Optimizer, batch_size: int, epochs: int) -> bool:
    """Whether the first layer of this training belongs in sample space: the whole set in each batch, fewer samples (and
    outputs) than features, an update that is linear in the gradient, and enough epochs."""
    first = model.program[0]
    n, d = X.shape
    return bool(
        first["kind"] == DENSE
        and first["trainable"]
        and first["l1"] == 0
        and first["max_norm"] == 0
        and optimizer.is_linear
        and batch_size >= n
        and n + 1 + first["output_size"] < d
        and epochs >= max(LEAST_EPOCHS, n / (2 * first["output_size"]))
    )


class SampleSpace(StandIn):
    """A training in sample space.

    Parameters
    ----------
    model : Model
    X : Samples
    n_slots : int
        As of ``Trained``.
    threads : int
        The most that work out the samples' products, which have the same bits whatever their number.
    weights : (n_features, n_out) ndarray or None
        The first layer's, as the training began with them; None takes the model's.

    Attributes
    ----------
    program : Record
        The model's Program with its first op replaced.
    parameters : ((n + 1) * n_out + 1 + ...,) ndarray
        A and s, the share, and the model's parameters from the first layer's biases on.
    features : (n + 1, n + 1 + n_out or more) ndarray
        What each sample is there: its products with all, how far it goes in the mean's direction, and its products with
        the weights. The last row is that of the direction; what else there is are zeros.
    weights : (n_features, n_out) ndarray
        Those that the training began with.
    """

    fills_rows_alone: ClassVar[bool] = True

    def __init__(self, model: Model, X: Samples, n_slots: int, threads: int, weights: Array | None = None) -> None:
        self._samples = X
        self.weights = model.get_weights()[0][0]
        if weights is not None:
            fill(self.weights, weights)
        n, n_out = len(X), self.weights.shape[1]
        direction, self._along = self._common()
        start = direction @ self.weights
        # The direction, and the weights at right angles to it.
        self._initial = np.empty((len(direction), 1 + n_out), model.dtype)
        self._initial[:, 0] = direction
        np.subtract(self.weights, direction[:, np.newaxis] * start, out=self._initial[:, 1:])
        products = aligned((n + 1, in_whole_lines(n + 1 + n_out, model.dtype)), model.dtype, zeros=True)
        self._multiply(products, threads)
        products[:n, n] = products[n, :n] = self._along
        # The model's parameters after the first layer's weights.
        rest = model.parameters[self.weights.size :]
        parameters = np.concatenate([np.zeros(n * n_out, model.dtype), start, np.ones(1, model.dtype), rest])
        super().__init__(model, self._moved(model.program, products, start), parameters, products, n_slots)
        self.written = model.parameters.copy()

    def _common(self) -> tuple[Array, Array]:
        """What samples have in common, the direction of the mean of some of them, of length 1 or all zeros; and how far
        each goes along it."""
        from fastnet_kernels.jit.small import AS_IT_IS

        n, dtype = len(self._samples), self.weights.dtype
        mean = self._numbers(slice(None, None, -(-n // ENOUGH))).mean(axis=0)
        direction = (mean / (np.linalg.norm(mean) or 1)).reshape(-1, 1)
        multiply, none, along = self._kernel("gemm"), np.empty(0, dtype), np.zeros((n, 1), dtype)
        for columns, block, first in self._blocks(COLUMNS_AT_ONCE):
            multiply(along, block, direction[columns], none, False, False, True, first, AS_IT_IS, along)
        return direction[:, 0], along[:, 0]

    def _multiply(self, products: Array, threads: int) -> None:
        """Fill in each sample's products with all and with the weights; each thread has as many of them to work out."""
        n, multiply = len(self._samples), self._kernel("samples_products")

        def fill_rows(part: slice, block: Array, weights: Array) -> None:
            # Of so many products of pairs, one of each, how many rows are as large a share.
            first, end = (n - math.isqrt(n * n - pairs) for pairs in (part.start, part.stop))
            turned = aligned((TOGETHER, products.shape[1]), products.dtype)
            multiply(products, turned, block, self._along, weights, first, end)

        for columns, block, _ in self._blocks(COLUMNS_AT_ONCE if isinstance(self._samples, Pixels) else None):
            weights = self._initial[columns]
            multiply_adds = n * (weights.size + n * len(weights) // 2)
            members = min(threads, available(), n) if multiply_adds >= WORTH_THREADS else 1
            in_parts(functools.partial(fill_rows, block=block, weights=weights), n * n, members)

    def _kernel(self, name: str) -> Callable[..., None]:
        from fastnet_kernels.jit import dense, library

        return library.from_python(getattr(dense, name), self.weights.dtype.name)

    def _moved(self, model_program: Record, products: Array, start: Array) -> Record:
        """The Program with SAMPLES first, and with the places of all else after it; ``start`` is what the weights have
        in the direction."""
        rows, n_in = products.shape
        program, (n_features, n_out) = model_program.copy(), self.weights.shape
        moved = rows * n_out + 1 - self.weights.size
        program["weights"][1:] += moved
        program["biases"] += moved
        program["statistics"] += moved
        # Every op reads and writes that much further on; the first still reads at the beginning.
        further = n_in - n_features
        program["output"] += further
        for place in ("z", "targets", "target_weights"):
            program[place] += further
        program["input"][1:] += further
        op = program[0]
        op["kind"], op["input_size"], op["weights"] = SAMPLES, n_in, 0
        op["input_shape"] = (n_in, 1, 1)
        op["square"] = float(np.vdot(self.weights, self.weights) - np.vdot(start, start))
        return program

    @property
    def multiply_adds_of_a_row(self) -> int:
        """The gradients of A are those of the first layer's outputs."""
        return super().multiply_adds_of_a_row - 2 * len(self._samples) * int(self.weights.shape[1])

    def write_back(self, steps: int) -> None:
        """Give the model its ordinary parameters."""
        ordinary = self._ordinary(self.parameters)
        np.copyto(self.model.parameters, ordinary)
        self.written = ordinary

    def ordinary(self) -> Trained:
        """The ordinary way, from the model's parameters as they are and with the optimizer's slots."""
        trained = Trained.of(self.model, self._samples, 0)
        trained.slots = self.ordinary_slots()
        return trained

    def taken_up(self, steps: int) -> Trained:
        """Sample space has no place for other weights."""
        return self.ordinary() if self.is_altered else self

    def ordinary_slots(self) -> Array:
        return np.stack([self._ordinary(slot) for slot in self.slots])

    def _ordinary(self, vector: Array) -> Array:
        """A vector like ``parameters`` (they, or a slot of the optimizer) as the model's Program has it."""
        n, n_out = len(self._samples), self.weights.shape[1]
        combination, of_direction, share, rest = np.split(vector, [n * n_out, (n + 1) * n_out, (n + 1) * n_out + 1])
        ordinary = np.empty_like(self.written)
        weights = ordinary[: self.weights.size].reshape(self.weights.shape)
        fill_weights, combination = self._kernel("samples_weights"), combination.reshape(n, n_out)
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):  # what diverges says so by its loss
            of_direction = of_direction - self._along @ combination
            for columns, block, first in self._blocks(COLUMNS_AT_ONCE):
                initial = self._initial[columns]
                fill_weights(weights[columns], block, combination, of_direction, share, initial, first)
        ordinary[self.weights.size :] = rest
        return ordinary

    def _blocks(self, at_once: int | None) -> Iterator[tuple[slice, Array, int]]:
        """Some of the features at a time, or all: which, and an array (n, ...) that has them from a column on."""
        samples = self._samples
        n_features = samples.shape[1]
        for start in range(0, n_features, at_once or n_features):
            columns = slice(start, start + (at_once or n_features))
            if isinstance(samples, Pixels):
                yield columns, self._numbers((slice(None), columns)), 0
            else:
                yield columns, samples, start

    def _numbers(self, which: Any) -> Array:
        """Those of the samples that the index says; of pixels, what they stand for."""
        samples, dtype = self._samples, self.weights.dtype
        if isinstance(samples, Pixels):
            numbers: Array = np.divide(samples.X[which], dtype.type(samples.divisor), dtype=dtype, order="C")
        else:
            numbers = samples[which]
        return numbers

    def state(self) -> dict[str, Any]:
        return super().state() | {"first_weights": self.weights}
