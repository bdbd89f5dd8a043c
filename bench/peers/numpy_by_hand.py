"""NumPy by hand: nothing is allocated in a step, everything happens in place, parameters are views into one vector.

Its threads are those of its BLAS.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from workloads import BINARY, CLASSES, Workload

from . import Array, Weights

CHUNK = 32768
"""Parameters that the optimizer works on at a time, so that its many passes over them stay in the cache."""


class Contestant:
    """See ``peers.Contestant``."""

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        self._workload, self._X, self._start = workload, X, start
        self._classes = workload.loss == CLASSES
        self._y = y.astype(np.intp) if self._classes else y.astype(np.float32).reshape(len(X), -1)
        self._rng = np.random.default_rng(0)
        self._size = workload.batch_size or len(X)
        self._shuffled = self._size < len(X)
        sizes = workload.sizes
        count = sum(n_in * n_out + n_out for n_in, n_out in pairwise(sizes))
        self._parameters, self._gradients, self._scratch = (np.zeros(count, np.float32) for _ in range(3))
        self._first, self._second = np.zeros(count, np.float32), np.zeros(count, np.float32)
        self._layers, self._d_layers = self._views(self._parameters), self._views(self._gradients)
        self._l2_scratch = [W for W, _ in self._views(self._scratch)]
        flat = (self._parameters, self._gradients, self._first, self._second, self._scratch)
        self._chunks = [[v[at : at + CHUNK] for v in flat] for at in range(0, count, CHUNK)]
        self._buffers = {rows: self._buffers_for(rows) for rows in {self._size, len(X) % self._size or self._size}}

    def _views(self, flat: Array) -> Weights:
        views: Weights = []
        at = 0
        for n_in, n_out in pairwise(self._workload.sizes):
            W = flat[at : at + n_in * n_out].reshape(n_in, n_out)
            at += n_in * n_out
            views.append((W, flat[at : at + n_out]))
            at += n_out
        return views

    def _buffers_for(self, rows: int) -> tuple[list[Array], list[Array], list[npt.NDArray[np.bool_]], list[Array]]:
        """What is computed, its gradients, the masks of ReLU and those of dropout, a layer each, for so many rows."""
        sizes = self._workload.sizes
        # Without shuffling the input is a view of X, so it needs no buffer.
        outputs = [np.empty((rows if at or self._shuffled else 0, n), np.float32) for at, n in enumerate(sizes)]
        deltas = [np.empty((rows, n), np.float32) for n in sizes[1:]]
        positive = [np.empty((rows, n), np.bool_) for n in sizes[1:]]
        kept = [np.empty((rows, n), np.float32) for n in sizes[1:-1]]
        return outputs, deltas, positive, kept

    def reset(self) -> None:
        for (W, b), (W_start, b_start) in zip(self._layers, self._start, strict=True):
            W[...], b[...] = W_start, b_start
        self._first[:] = self._second[:] = 0
        self._step = 0

    def weights(self) -> Weights:
        return [(W.copy(), b.copy()) for W, b in self._layers]

    def run(self, epochs: int) -> None:
        n, self.losses = len(self._X), []
        update = self._sgd if type(self._workload.optimizer).__name__ == "SGD" else self._adam
        for _ in range(epochs):
            order = self._rng.permutation(n) if self._shuffled else None
            total = 0.0
            for at in range(0, n, self._size):
                rows = min(self._size, n - at)
                if order is None:
                    x, y = self._X, self._y
                else:
                    chosen = order[at : at + rows]
                    x, y = self._buffers[rows][0][0], self._y[chosen]
                    # "clip" because NumPy buffers a checked take.
                    np.take(self._X, chosen, axis=0, out=x, mode="clip")
                total += rows * self._gradient(x, y, rows)
                self._step += 1
                update()
            self.losses.append(total / n)

    def _gradient(self, x: Array, y: npt.NDArray[Any], rows: int) -> float:
        """Fill the gradients of the mean loss of these rows and return it."""
        outputs, deltas, positive, kept = self._buffers[rows]
        last, dropout, l2 = len(self._layers) - 1, self._workload.dropout, self._workload.l2
        relu = self._workload.activation == "relu"
        given = x
        for at, (W, b) in enumerate(self._layers):
            out = np.dot(given, W, out=outputs[at + 1])
            out += b
            if at < last:
                if relu:
                    np.maximum(out, 0, out=out)
                    np.greater(out, 0, out=positive[at])
                else:
                    np.tanh(out, out=out)
                if dropout:
                    mask = kept[at]
                    self._rng.random(out=mask, dtype=np.float32)
                    np.greater_equal(mask, dropout, out=mask)
                    mask *= 1 / (1 - dropout)
                    out *= mask
            given = out
        loss = self._loss(deltas[last], given, y)
        for at in range(last, -1, -1):
            delta, (W, _), (dW, db) = deltas[at], self._layers[at], self._d_layers[at]
            np.dot((outputs[at] if at else x).T, delta, out=dW)
            np.add.reduce(delta, axis=0, out=db)
            if l2:
                dW += np.multiply(W, l2, out=self._l2_scratch[at])
                loss += 0.5 * l2 * float(np.vdot(W, W))
            if at:
                before, out = deltas[at - 1], outputs[at]
                np.dot(delta, W.T, out=before)
                if dropout:
                    before *= kept[at - 1]
                if relu:
                    before *= positive[at - 1]
                else:
                    # The output is not needed any more, so it becomes its own derivative (no workload drops tanh).
                    np.multiply(out, out, out=out)
                    before *= np.subtract(1, out, out=out)
        return loss

    def _loss(self, delta: Array, output: Array, y: npt.NDArray[Any]) -> float:
        """Fill the gradient of the mean loss with respect to the last layer's sums and return the mean loss."""
        rows = len(output)
        if self._classes:
            np.subtract(output, output.max(axis=1, keepdims=True), out=delta)
            index = np.arange(rows)
            chosen = delta[index, y]
            np.exp(delta, out=delta)
            sums = delta.sum(axis=1, keepdims=True)
            delta /= sums
            delta[index, y] -= 1
            delta /= rows
            return float(np.log(sums).sum() - chosen.sum()) / rows
        if self._workload.loss == BINARY:
            # softplus(z) - y z, in which no exp overflows
            loss = float(np.logaddexp(0, output).sum() - np.vdot(y, output)) / output.size
            np.multiply(output, 0.5, out=delta)
            np.tanh(delta, out=delta)
            delta *= 0.5
            delta += 0.5
            delta -= y
            delta /= output.size
            return loss
        np.subtract(output, y, out=delta)
        loss = float(np.vdot(delta, delta)) / output.size
        delta *= 2 / output.size
        return loss

    def _sgd(self) -> None:
        rate = self._workload.optimizer.learning_rate
        for parameters, gradients, *_ in self._chunks:
            gradients *= rate
            parameters -= gradients

    def _adam(self) -> None:
        adam = self._workload.optimizer
        rate = adam.learning_rate / (1 - adam.beta_1**self._step)
        correction = 1 / math.sqrt(1 - adam.beta_2**self._step)
        for parameters, gradients, first, second, scratch in self._chunks:
            first *= adam.beta_1
            first += np.multiply(gradients, 1 - adam.beta_1, out=scratch)
            second *= adam.beta_2
            np.multiply(gradients, gradients, out=gradients)
            gradients *= 1 - adam.beta_2
            second += gradients
            np.sqrt(second, out=scratch)
            scratch *= correction
            scratch += adam.epsilon
            np.divide(first, scratch, out=scratch)
            scratch *= rate
            parameters -= scratch
