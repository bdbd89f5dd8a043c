"""Optimizers: one update of the flat parameter vector from the flat gradient vector.

Each ``<name>`` listed in ``program.OPTIMIZERS`` is a function ``<name>(parameters, <slots>, gradients, <constants>)``
that changes ``parameters`` (m,) and its slots (m,) in place. Its slots have names of its own, as many as
``program.SLOTS`` says; its constants are those of ``CONSTANTS`` that it names, worked out in float64 once for all
parameters.
"""

import inspect
import math
from collections.abc import Callable

import numpy as np

from ..program import OPTIMIZERS, Array, Record

CONSTANTS = (
    "learning_rate",
    "momentum",
    "nesterov",  # 0 or 1
    "kept",  # the share of a parameter that a decoupled weight decay leaves
    "beta_1",
    "fresh_1",  # 1 - beta_1
    "beta_2",
    "fresh_2",
    "corrected_rate",  # learning_rate / (1 - beta_1**t), t counted from 1; with epsilon_hat over correction too
    "correction",  # 1 / sqrt(1 - beta_2**t); with epsilon_hat 1
    "gradient_rate",  # nadam's of the gradient: learning_rate (1 - mu_t) / (1 - product up to mu_t)
    "momentum_rate",  # and of the first moment: learning_rate mu_(t+1) / (1 - product up to mu_(t+1))
    "faded_rate",  # learning_rate / (1 + (t - 1) * decay)
    "decay",
    "fresh",  # 1 - decay
    "epsilon",
    "shrink",
    "grow",
    "smallest",
    "largest",
    "is_first",  # 1 in the first step, else 0
)


def _average(mean: Array, values: Array, decay: float, fresh: float) -> None:
    """A running mean: ``mean = decay mean + fresh values``."""
    mean *= decay
    mean += fresh * values


def sgd(
    parameters: Array, velocity: Array, gradients: Array, learning_rate: float, momentum: float, nesterov: float
) -> None:
    """Gradient descent with momentum m and learning rate r: ``v = m v - r g``, then ``p += v``; with Nesterov's
    momentum ``p += m v - r g`` (Sutskever et al., 2013, as rewritten by Bengio et al., 2013). Without momentum the
    velocity is left alone."""
    if momentum == 0:
        parameters -= learning_rate * gradients
        return
    velocity *= momentum
    velocity -= learning_rate * gradients
    parameters += momentum * velocity - learning_rate * gradients if nesterov else velocity


def adam(
    parameters: Array,
    first: Array,
    second: Array,
    gradients: Array,
    kept: float,
    beta_1: float,
    fresh_1: float,
    beta_2: float,
    fresh_2: float,
    corrected_rate: float,
    correction: float,
    epsilon: float,
) -> None:
    """Adam (Kingma and Ba, 2015, algorithm 1): ``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g**2``, then
    ``p -= r * mhat / (sqrt(vhat) + epsilon)`` with ``mhat = m / (1 - b1**t)`` and ``vhat = v / (1 - b2**t)``. With a
    weight decay w, ``p *= 1 - r w`` first (AdamW: Loshchilov and Hutter, 2019, algorithm 2)."""
    _average(first, gradients, beta_1, fresh_1)
    _average(second, gradients * gradients, beta_2, fresh_2)
    parameters *= kept
    parameters -= corrected_rate * first / (np.sqrt(second) * correction + epsilon)


def amsgrad(
    parameters: Array,
    first: Array,
    second: Array,
    greatest: Array,
    gradients: Array,
    beta_1: float,
    fresh_1: float,
    beta_2: float,
    fresh_2: float,
    corrected_rate: float,
    correction: float,
    epsilon: float,
) -> None:
    """Adam whose second moment is the greatest so far (Reddi, Kale and Kumar, 2018, with Adam's bias correction, as in
    PyTorch)."""
    _average(first, gradients, beta_1, fresh_1)
    _average(second, gradients * gradients, beta_2, fresh_2)
    np.maximum(greatest, second, out=greatest)
    parameters -= corrected_rate * first / (np.sqrt(greatest) * correction + epsilon)


def adamax(
    parameters: Array,
    first: Array,
    norm: Array,
    gradients: Array,
    beta_1: float,
    fresh_1: float,
    beta_2: float,
    corrected_rate: float,
    epsilon: float,
) -> None:
    """Adam with the infinity norm (Kingma and Ba, 2015, algorithm 2): ``m = b1 m + (1 - b1) g``, ``u = max(b2 u, |g| +
    epsilon)``, then ``p -= r / (1 - b1**t) * m / u``; epsilon, as in PyTorch, where the paper divides by zero."""
    _average(first, gradients, beta_1, fresh_1)
    norm *= beta_2
    np.maximum(norm, np.abs(gradients) + parameters.dtype.type(epsilon), out=norm)
    parameters -= corrected_rate * first / norm


def adagrad(parameters: Array, squares: Array, gradients: Array, faded_rate: float, epsilon: float) -> None:
    """Adagrad (Duchi, Hazan and Singer, 2011): ``s += g**2``, then ``p -= r g / (sqrt(s) + epsilon)``, the rate r
    divided by ``1 + (t - 1) decay``."""
    squares += gradients * gradients
    parameters -= faded_rate * gradients / (np.sqrt(squares) + epsilon)


def rmsprop(
    parameters: Array,
    squares: Array,
    velocity: Array,
    gradients: Array,
    learning_rate: float,
    momentum: float,
    decay: float,
    fresh: float,
    epsilon: float,
) -> None:
    """RMSprop (Tieleman and Hinton, 2012) with momentum: ``s = d s + (1 - d) g**2``, ``v = m v + g / (sqrt(s) +
    epsilon)``, then ``p -= r v``."""
    _average(squares, gradients * gradients, decay, fresh)
    velocity *= momentum
    velocity += gradients / (np.sqrt(squares) + epsilon)
    parameters -= learning_rate * velocity


def centered_rmsprop(
    parameters: Array,
    squares: Array,
    velocity: Array,
    mean: Array,
    gradients: Array,
    learning_rate: float,
    momentum: float,
    decay: float,
    fresh: float,
    epsilon: float,
) -> None:
    """RMSprop by the variance (Graves, 2013): as ``rmsprop``, but ``sqrt(s - a**2)`` with the mean ``a = d a + (1 - d)
    g``; a difference that rounding has made negative counts as 0."""
    _average(squares, gradients * gradients, decay, fresh)
    _average(mean, gradients, decay, fresh)
    velocity *= momentum
    velocity += gradients / (np.sqrt(np.maximum(squares - mean * mean, 0)) + epsilon)
    parameters -= learning_rate * velocity


def adadelta(
    parameters: Array,
    squares: Array,
    changes: Array,
    gradients: Array,
    learning_rate: float,
    decay: float,
    fresh: float,
    epsilon: float,
) -> None:
    """Adadelta (Zeiler, 2012, algorithm 1): ``s = d s + (1 - d) g**2``, ``c = sqrt(e + epsilon) / sqrt(s + epsilon)
    g``, ``e = d e + (1 - d) c**2``, then ``p -= r c``; the rate r is 1 in the paper."""
    _average(squares, gradients * gradients, decay, fresh)
    change = np.sqrt(changes + epsilon) / np.sqrt(squares + epsilon) * gradients
    _average(changes, change * change, decay, fresh)
    parameters -= learning_rate * change


def nadam(
    parameters: Array,
    first: Array,
    second: Array,
    gradients: Array,
    kept: float,
    beta_1: float,
    fresh_1: float,
    beta_2: float,
    fresh_2: float,
    gradient_rate: float,
    momentum_rate: float,
    correction: float,
    epsilon: float,
) -> None:
    """Adam with Nesterov's momentum (Dozat, 2016, algorithm 2), whose momentum warms up: ``mu_t = b1 (1 - 0.96**(t
    momentum_decay) / 2)``. m and v as Adam's, then ``p -= (gradient_rate g + momentum_rate m) / (sqrt(vhat) +
    epsilon)``."""
    _average(first, gradients, beta_1, fresh_1)
    _average(second, gradients * gradients, beta_2, fresh_2)
    parameters *= kept
    parameters -= (gradient_rate * gradients + momentum_rate * first) / (np.sqrt(second) * correction + epsilon)


def lion(
    parameters: Array,
    velocity: Array,
    gradients: Array,
    learning_rate: float,
    kept: float,
    beta_1: float,
    fresh_1: float,
    beta_2: float,
    fresh_2: float,
) -> None:
    """Lion (Chen et al., 2023, algorithm 2): with a weight decay w ``p *= 1 - r w``, then ``p -= r sign(b1 v + (1 - b1)
    g)``, then ``v = b2 v + (1 - b2) g``."""
    direction = np.sign(beta_1 * velocity + fresh_1 * gradients)
    parameters *= kept
    parameters -= learning_rate * direction
    _average(velocity, gradients, beta_2, fresh_2)


def rprop(
    parameters: Array,
    last: Array,
    size: Array,
    gradients: Array,
    learning_rate: float,
    shrink: float,
    grow: float,
    smallest: float,
    largest: float,
    is_first: float,
) -> None:
    """Rprop (Riedmiller and Braun, 1993; without weight backtracking, as in PyTorch): each parameter has a step of its
    own, ``learning_rate`` at first, which grows while the gradient keeps its sign and shrinks when it changes, and then
    the parameter rests once."""
    kind = parameters.dtype.type
    if is_first:
        size[...] = learning_rate
    agreement = gradients * last
    size *= np.where(agreement > 0, kind(grow), np.where(agreement < 0, kind(shrink), kind(1)))
    np.clip(size, kind(smallest), kind(largest), out=size)
    last[...] = np.where(agreement < 0, 0, gradients)
    parameters -= np.sign(last) * size


_OPTIMIZERS: list[Callable[..., None]] = [globals()[name] for name in OPTIMIZERS]


def _constants_of(optimizer: Record, rate: float, product: float, step: int) -> tuple[float, ...]:
    """What ``CONSTANTS`` names, in that order. The compiled side compiles this very function."""
    decay = float(optimizer["decay"])
    beta_1, beta_2 = float(optimizer["beta_1"]), float(optimizer["beta_2"])
    # A power takes as long as a small network's whole update, and most optimizers have no moments.
    faded_1 = beta_1**step if beta_1 > 0 else 0.0
    faded_2 = beta_2**step if beta_2 > 0 else 0.0
    corrected_rate, correction = rate / (1 - faded_1), 1 / math.sqrt(1 - faded_2)
    if optimizer["epsilon_hat"] != 0:
        # The same but for epsilon: Kingma and Ba, 2015, the end of section 2.
        corrected_rate, correction = corrected_rate / correction, 1.0
    gradient_rate = momentum_rate = 0.0
    momentum_decay = float(optimizer["momentum_decay"])
    if momentum_decay > 0:
        momentum = beta_1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))
        next_momentum = beta_1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
        gradient_rate = rate * (1 - momentum) / (1 - product)
        momentum_rate = rate * next_momentum / (1 - product * next_momentum)
    return (
        rate,
        float(optimizer["momentum"]),
        float(optimizer["nesterov"]),
        1 - rate * float(optimizer["weight_decay"]),
        beta_1,
        1 - beta_1,
        beta_2,
        1 - beta_2,
        corrected_rate,
        correction,
        gradient_rate,
        momentum_rate,
        rate / (1 + (step - 1) * decay),
        decay,
        1 - decay,
        float(optimizer["epsilon"]),
        float(optimizer["shrink"]),
        float(optimizer["grow"]),
        float(optimizer["smallest"]),
        float(optimizer["largest"]),
        1.0 if step == 1 else 0.0,
    )


def clip(gradients: Array, factor: float, limit: float) -> None:
    """``gradients *= factor``, then each held between -limit and limit unless the limit is 0."""
    gradients *= gradients.dtype.type(factor)
    if limit > 0:
        np.clip(gradients, -gradients.dtype.type(limit), gradients.dtype.type(limit), out=gradients)


def update(
    parameters: Array,
    slots: Array,
    gradients: Array,
    optimizer: Record,
    rate: float,
    product: float,
    factor: float,
    step: int,
    start: int,
) -> None:
    """One update by the optimizer that the record names.

    Parameters
    ----------
    parameters, gradients : (m,), the part of the flat vectors that begins at ``start``; gradients are clipped in place
    slots : (n_slots, n), whose columns from ``start`` on are these parameters'
    optimizer : one OPTIMIZER record
    rate, product : this step's row of the schedule
    factor : what the gradients are multiplied by first, so that their norm is within bounds
    step : the number of this update, counted from 1
    """
    if factor < 1 or optimizer["clip_value"] > 0:
        clip(gradients, factor, float(optimizer["clip_value"]))
    function = _OPTIMIZERS[optimizer["kind"]]
    constants = dict(zip(CONSTANTS, _constants_of(optimizer, rate, product, step), strict=True))
    names = list(inspect.signature(function).parameters)
    own = slots[: names.index("gradients") - 1, start : start + len(parameters)]
    function(parameters, *own, gradients, *[constants[name] for name in names if name in constants])


def average_parameters(mean: Array, parameters: Array, kept: float) -> None:
    """``mean = kept * mean + (1 - kept) * parameters``, both (m,): a running mean of the weights (Polyak and Juditsky,
    1992, with a decay). It begins as zeros, and is to be divided by ``1 - kept**steps``."""
    _average(mean, parameters, kept, 1 - kept)
