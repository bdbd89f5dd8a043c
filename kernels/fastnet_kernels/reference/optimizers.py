"""Optimizers: one update of the flat parameter vector from the flat gradient vector.

Each ``<name>`` listed in ``program.OPTIMIZERS`` is a function ``<name>(parameters, slots, gradients, optimizer, step,
start)`` that changes ``parameters`` (m,) and their columns of ``slots`` (n_slots, n) in place. ``parameters`` and
``gradients`` are the part of the flat vectors that begins at ``start``; ``optimizer`` is one OPTIMIZER record and
``step`` the number of this update, counted from 1.
"""

from collections.abc import Callable
from typing import Any

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
    ``p -= r * mhat / (sqrt(vhat) + epsilon)`` with ``mhat = m / (1 - b1**t)`` and ``vhat = v / (1 - b2**t)``. With a
    weight decay w, ``p *= 1 - r w`` first (AdamW: Loshchilov and Hutter, 2019, algorithm 2)."""
    first, second = slots[:, start : start + len(parameters)]
    rate, correction = _moments(first, second, gradients, optimizer, step)
    kind = parameters.dtype.type
    parameters *= _kept(optimizer, kind)
    parameters -= rate * first / (np.sqrt(second) * correction + kind(optimizer["epsilon"]))


def amsgrad(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Adam whose second moment is the largest so far (Reddi, Kale and Kumar, 2018, with Adam's bias correction, as in
    PyTorch)."""
    first, second, largest = slots[:, start : start + len(parameters)]
    rate, correction = _moments(first, second, gradients, optimizer, step)
    kind = parameters.dtype.type
    np.maximum(largest, second, out=largest)
    parameters *= _kept(optimizer, kind)
    parameters -= rate * first / (np.sqrt(largest) * correction + kind(optimizer["epsilon"]))


def _moments(first: Array, second: Array, gradients: Array, optimizer: Record, step: int) -> tuple[Any, Any]:
    """Update Adam's moments; return the corrected rate, and what the second one's root is multiplied by."""
    kind = first.dtype.type
    beta_1, beta_2 = float(optimizer["beta_1"]), float(optimizer["beta_2"])
    first *= kind(beta_1)
    first += kind(1 - beta_1) * gradients
    second *= kind(beta_2)
    second += kind(1 - beta_2) * (gradients * gradients)
    rate = kind(float(optimizer["learning_rate"]) / (1 - beta_1**step))
    return rate, kind(1 / np.sqrt(1 - beta_2**step))


def _kept(optimizer: Record, kind: Any) -> Any:
    """The share of a parameter that a decoupled weight decay leaves."""
    return kind(1 - float(optimizer["learning_rate"]) * float(optimizer["weight_decay"]))


def adamax(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Adam with the infinity norm (Kingma and Ba, 2015, algorithm 2): ``m = b1 m + (1 - b1) g``, ``u = max(b2 u, |g| +
    epsilon)``, then ``p -= r / (1 - b1**t) * m / u``; epsilon, as in PyTorch, where the paper divides by zero."""
    kind = parameters.dtype.type
    beta_1 = float(optimizer["beta_1"])
    first, norm = slots[:, start : start + len(parameters)]
    first *= kind(beta_1)
    first += kind(1 - beta_1) * gradients
    norm *= kind(optimizer["beta_2"])
    np.maximum(norm, np.abs(gradients) + kind(optimizer["epsilon"]), out=norm)
    parameters -= kind(float(optimizer["learning_rate"]) / (1 - beta_1**step)) * first / norm


def adagrad(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Adagrad (Duchi, Hazan and Singer, 2011): ``s += g**2``, then ``p -= r g / (sqrt(s) + epsilon)``, the rate r
    divided by ``1 + (t - 1) decay``."""
    kind = parameters.dtype.type
    squares = slots[0, start : start + len(parameters)]
    squares += gradients * gradients
    rate = float(optimizer["learning_rate"]) / (1 + (step - 1) * float(optimizer["decay"]))
    parameters -= kind(rate) * gradients / (np.sqrt(squares) + kind(optimizer["epsilon"]))


def rmsprop(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """RMSprop (Tieleman and Hinton, 2012) with momentum: ``s = d s + (1 - d) g**2``, ``v = m v + g / (sqrt(s) +
    epsilon)``, then ``p -= r v``."""
    squares, velocity = slots[:, start : start + len(parameters)]
    _mean(squares, gradients * gradients, optimizer)
    _scaled_step(parameters, velocity, gradients, np.sqrt(squares), optimizer)


def centered_rmsprop(
    parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int
) -> None:
    """RMSprop by the variance (Graves, 2013): as ``rmsprop``, but ``sqrt(s - a**2)`` with the mean ``a = d a + (1 - d)
    g``; a difference that rounding has made negative counts as 0."""
    squares, velocity, mean = slots[:, start : start + len(parameters)]
    _mean(squares, gradients * gradients, optimizer)
    _mean(mean, gradients, optimizer)
    _scaled_step(parameters, velocity, gradients, np.sqrt(np.maximum(squares - mean * mean, 0)), optimizer)


def _mean(mean: Array, values: Array, optimizer: Record) -> None:
    kind = mean.dtype.type
    mean *= kind(optimizer["decay"])
    mean += kind(1 - float(optimizer["decay"])) * values


def _scaled_step(parameters: Array, velocity: Array, gradients: Array, size: Array, optimizer: Record) -> None:
    kind = parameters.dtype.type
    velocity *= kind(optimizer["momentum"])
    velocity += gradients / (size + kind(optimizer["epsilon"]))
    parameters -= kind(optimizer["learning_rate"]) * velocity


def adadelta(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Adadelta (Zeiler, 2012, algorithm 1): ``s = d s + (1 - d) g**2``, ``c = sqrt(e + epsilon) / sqrt(s + epsilon)
    g``, ``e = d e + (1 - d) c**2``, then ``p -= r c``; the rate r is 1 in the paper."""
    kind = parameters.dtype.type
    squares, changes = slots[:, start : start + len(parameters)]
    epsilon = kind(optimizer["epsilon"])
    _mean(squares, gradients * gradients, optimizer)
    change = np.sqrt(changes + epsilon) / np.sqrt(squares + epsilon) * gradients
    _mean(changes, change * change, optimizer)
    parameters -= kind(optimizer["learning_rate"]) * change


def lion(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Lion (Chen et al., 2023, algorithm 2): with a weight decay w ``p *= 1 - r w``, then ``p -= r sign(b1 m + (1 - b1)
    g)``, then ``m = b2 m + (1 - b2) g``."""
    kind = parameters.dtype.type
    beta_1, beta_2 = float(optimizer["beta_1"]), float(optimizer["beta_2"])
    momentum = slots[0, start : start + len(parameters)]
    direction = np.sign(kind(beta_1) * momentum + kind(1 - beta_1) * gradients)
    parameters *= _kept(optimizer, kind)
    parameters -= kind(optimizer["learning_rate"]) * direction
    momentum *= kind(beta_2)
    momentum += kind(1 - beta_2) * gradients


def rprop(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """Rprop (Riedmiller and Braun, 1993; without weight backtracking, as in PyTorch): each parameter has a step of its
    own, ``learning_rate`` at first, which grows while the gradient keeps its sign and shrinks when it changes, and then
    the parameter rests once."""
    kind = parameters.dtype.type
    last, size = slots[:, start : start + len(parameters)]
    if step == 1:
        size[...] = kind(optimizer["learning_rate"])
    agreement = gradients * last
    factor = np.where(agreement > 0, kind(optimizer["grow"]), np.where(agreement < 0, kind(optimizer["shrink"]), 1))
    size[...] = np.clip(size * factor, kind(optimizer["smallest"]), kind(optimizer["largest"]))
    last[...] = np.where(agreement < 0, 0, gradients)
    parameters -= np.sign(last) * size


_OPTIMIZERS: list[Callable[..., None]] = [globals()[name] for name in OPTIMIZERS]


def update(parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, start: int) -> None:
    """One update by the optimizer that the record names."""
    _OPTIMIZERS[optimizer["kind"]](parameters, slots, gradients, optimizer, step, start)
