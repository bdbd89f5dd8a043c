"""Optimizers: one update of the flat parameter vector from the flat gradient vector.

Each ``<name>`` listed in ``program.OPTIMIZERS`` is a function ``<name>(parameters, slots, gradients, optimizer, step,
start)`` that changes ``parameters`` (m,) and their columns of ``slots`` (n_slots, n) in place. ``parameters`` and
``gradients`` are the part of the flat vectors that begins at ``start``; ``optimizer`` is one OPTIMIZER record and
``step`` the number of this update, counted from 1.
"""

from collections.abc import Callable

import numpy as np

from ..program import OPTIMIZERS, Array, Record


def sgd(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Gradient descent with momentum m and learning rate r: ``v = m v - r g``, then ``p += v``; with Nesterov's
    momentum ``p += m v - r g`` (Sutskever et al., 2013, as rewritten by Bengio et al., 2013)."""
    kind = parameters.dtype.type
    learning_rate, momentum = kind(optimizer["learning_rate"]), kind(optimizer["momentum"])
    velocity = slots[0, start : start + len(parameters)]
    velocity *= momentum
    velocity -= learning_rate * gradients
    if optimizer["nesterov"]:
        parameters += momentum * velocity - learning_rate * gradients
    else:
        parameters += velocity


def adam(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Adam (Kingma and Ba, 2015, algorithm 1): ``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g**2``, then
    ``p -= r * mhat / (sqrt(vhat) + epsilon)`` with ``mhat = m / (1 - b1**t)`` and ``vhat = v / (1 - b2**t)``."""
    kind = parameters.dtype.type
    beta_1, beta_2 = float(optimizer["beta_1"]), float(optimizer["beta_2"])
    first, second = slots[:2, start : start + len(parameters)]
    first *= kind(beta_1)
    first += kind(1 - beta_1) * gradients
    second *= kind(beta_2)
    second += kind(1 - beta_2) * (gradients * gradients)
    rate = kind(float(optimizer["learning_rate"]) / (1 - beta_1**step))
    correction = kind(1 / np.sqrt(1 - beta_2**step))
    parameters -= rate * first / (np.sqrt(second) * correction + kind(optimizer["epsilon"]))


_OPTIMIZERS: list[Callable[..., None]] = [globals()[name] for name in OPTIMIZERS]


def update(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """One update by the optimizer that the record names."""
    _OPTIMIZERS[optimizer["kind"]](parameters, slots, gradients, optimizer, step, start)
