"""JAX: a whole epoch is one jitted ``lax.scan`` with donated state; with full batches all epochs are one scan.

The order of an epoch comes from NumPy, which is faster at it on a CPU than ``jax.random.permutation``.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax
from workloads import BINARY, CLASSES, NORM, Workload

from . import Array, Weights


class Contestant:
    """See ``peers.Contestant``."""

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        self._start, self._rng = start, np.random.default_rng(0)
        self._X = jnp.asarray(X)
        self._y = jnp.asarray(y.astype(np.int32) if workload.loss == CLASSES else y.reshape(len(X), -1))
        self._full = (workload.batch_size or len(X)) >= len(X)
        self._whole_set, self._epoch = functions_of(workload, workload.batch_size or len(X))

    def reset(self) -> None:
        layers = jax.tree.map(jnp.array, self._start)
        # Of a dense layer there is nothing to average.
        parameters, averages = [layer[:2] for layer in layers], [layer[2:] for layer in layers]
        moments = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        self._state = jax.block_until_ready((parameters, averages, *moments, jnp.zeros(()), jax.random.key(0)))

    def run(self, epochs: int) -> None:
        if self._full:
            self._state, losses = self._whole_set(self._state, self._X, self._y, epochs)
        else:
            losses = []
            for _ in range(epochs):
                order = self._rng.permutation(len(self._X)).astype(np.int32)
                self._state, loss = self._epoch(self._state, self._X, self._y, order)
                losses.append(loss)
        self.losses = jax.block_until_ready((losses, self._state))[0]

    def weights(self) -> Weights:
        layers = zip(*self._state[:2], strict=True)
        return [tuple(np.asarray(array) for array in (*own, *averages)) for own, averages in layers]


def functions_of(workload: Workload, size: int) -> tuple[Any, Any]:
    """Two jitted functions: many epochs of full batches, and one epoch of shuffled ones."""
    step = step_of(workload)

    @functools.partial(jax.jit, donate_argnums=0, static_argnums=3)
    def whole_set(state: Any, X: Any, y: Any, epochs: int) -> Any:
        return lax.scan(lambda state, _: step(state, X, y), state, length=epochs)

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, X: Any, y: Any, order: Any) -> Any:
        count = len(X) // size

        def one(state: Any, chosen: Any) -> Any:
            return step(state, X.at[chosen].get(mode="promise_in_bounds"), y.at[chosen].get(mode="promise_in_bounds"))

        state, losses = lax.scan(one, state, order[: count * size].reshape(count, size))
        rest = order[count * size :]
        if len(rest):
            state, loss = one(state, rest)
            return state, (losses.sum() * size + loss * len(rest)) / len(X)
        return state, losses.mean()

    return whole_set, epoch


def step_of(workload: Workload) -> Any:
    """A function from state and batch to the new state and the batch's loss."""
    chosen, l2 = workload.optimizer, workload.l2
    activation = jax.nn.relu if workload.activation == "relu" else jnp.tanh

    def batch_loss(parameters: Any, averages: Any, x: Any, y: Any, key: Any) -> Any:
        penalty = 0.5 * l2 * sum(jnp.vdot(W, W) for W, _ in parameters if W.ndim == 2) if l2 else 0
        new = []
        for at, ((scale, shift), held) in enumerate(zip(parameters, averages, strict=True)):
            if held:
                x, held = normalised(x, scale, shift, *held)
            else:
                x = x @ scale + shift
            new.append(held)
            # With batch normalisation an activation follows each of those, else each dense layer but the last.
            if at == len(parameters) - 1 or (workload.batch_norm and not held):
                continue
            x = activation(x)
            if workload.dropout:
                kept = jax.random.bernoulli(jax.random.fold_in(key, at), 1 - workload.dropout, x.shape)
                x = jnp.where(kept, x / (1 - workload.dropout), 0)
        if workload.loss == CLASSES:
            # A sum over one-hot rows, because XLA's gather of single numbers is slower on a CPU.
            return -(jax.nn.log_softmax(x) * jax.nn.one_hot(y, x.shape[1])).sum(axis=1).mean() + penalty, new
        if workload.loss == BINARY:
            return (jax.nn.softplus(x) - x * y).mean() + penalty, new
        return ((x - y) ** 2).mean() + penalty, new

    def step(state: Any, x: Any, y: Any) -> Any:
        parameters, averages, first, second, count, key = state
        mine = None
        if workload.dropout:
            key, mine = jax.random.split(key)
        (loss, averages), gradients = jax.value_and_grad(batch_loss, has_aux=True)(parameters, averages, x, y, mine)
        count = count + 1
        if type(chosen).__name__ == "SGD":
            parameters = jax.tree.map(lambda p, g: p - chosen.learning_rate * g, parameters, gradients)
            return (parameters, averages, first, second, count, key), loss
        beta_1, beta_2 = chosen.beta_1, chosen.beta_2
        first = jax.tree.map(lambda m, g: beta_1 * m + (1 - beta_1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: beta_2 * v + (1 - beta_2) * g * g, second, gradients)
        rate, correction = chosen.learning_rate / (1 - beta_1**count), lax.rsqrt(1 - beta_2**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) * correction + chosen.epsilon), parameters, first, second
        )
        return (parameters, averages, first, second, count, key), loss

    return step


def normalised(x: Any, gamma: Any, beta: Any, *averages: Any) -> tuple[Any, tuple[Any, ...]]:
    """Batch normalisation in training, and its new running averages, of mean and variance."""
    mean, variance = x.mean(axis=0), x.var(axis=0)
    batch = (mean, variance * len(x) / (len(x) - 1))
    kept = tuple(NORM.momentum * old + (1 - NORM.momentum) * new for old, new in zip(averages, batch, strict=True))
    return (x - mean) * (gamma * lax.rsqrt(variance + NORM.epsilon)) + beta, kept
