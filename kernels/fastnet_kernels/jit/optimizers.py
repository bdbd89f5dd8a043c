"""As in the reference, each a formula (see ``formula``): one pass over the flat vectors in vector code."""

import inspect
from collections.abc import Sequence
from typing import Any

from ..program import OPTIMIZERS
from ..reference.optimizers import CONSTANTS, _constants_of
from .compiler import kernel, table
from .formula import elementwise, where, with_sign_of
from .vector_math import root
from .views import flat, vector


@elementwise("parameters", "velocity")
def sgd(parameters, velocity, gradients, learning_rate, momentum, nesterov):
    change = learning_rate * gradients
    velocity = momentum * velocity - change
    return parameters + where(nesterov > 0, momentum * velocity - change, velocity), velocity


@elementwise("parameters")
def _descend(parameters, gradients, learning_rate):
    return parameters - learning_rate * gradients


@elementwise("parameters", "first", "second")
def adam(
    parameters,
    first,
    second,
    gradients,
    kept,
    beta_1,
    fresh_1,
    beta_2,
    fresh_2,
    corrected_rate,
    correction,
    epsilon,
):
    first = beta_1 * first + fresh_1 * gradients
    second = beta_2 * second + fresh_2 * (gradients * gradients)
    return kept * parameters - corrected_rate * first / (root(second) * correction + epsilon), first, second


@elementwise("parameters", "first", "second", "greatest")
def amsgrad(
    parameters,
    first,
    second,
    greatest,
    gradients,
    beta_1,
    fresh_1,
    beta_2,
    fresh_2,
    corrected_rate,
    correction,
    epsilon,
):
    first = beta_1 * first + fresh_1 * gradients
    second = beta_2 * second + fresh_2 * (gradients * gradients)
    greatest = where(second < greatest, greatest, second)
    return parameters - corrected_rate * first / (root(greatest) * correction + epsilon), first, second, greatest


@elementwise("parameters", "first", "norm")
def adamax(parameters, first, norm, gradients, beta_1, fresh_1, beta_2, corrected_rate, epsilon):
    first = beta_1 * first + fresh_1 * gradients
    norm, now = beta_2 * norm, abs(gradients) + epsilon
    norm = where(now < norm, norm, now)
    return parameters - corrected_rate * first / norm, first, norm


@elementwise("parameters", "squares")
def adagrad(parameters, squares, gradients, faded_rate, epsilon):
    squares = squares + gradients * gradients
    return parameters - faded_rate * gradients / (root(squares) + epsilon), squares


@elementwise("parameters", "squares", "velocity")
def rmsprop(parameters, squares, velocity, gradients, learning_rate, momentum, decay, fresh, epsilon):
    squares = decay * squares + fresh * (gradients * gradients)
    velocity = momentum * velocity + gradients / (root(squares) + epsilon)
    return parameters - learning_rate * velocity, squares, velocity


@elementwise("parameters", "squares", "velocity", "mean")
def centered_rmsprop(parameters, squares, velocity, mean, gradients, learning_rate, momentum, decay, fresh, epsilon):
    squares = decay * squares + fresh * (gradients * gradients)
    mean = decay * mean + fresh * gradients
    variance = squares - mean * mean
    velocity = momentum * velocity + gradients / (root(where(variance < 0, 0.0, variance)) + epsilon)
    return parameters - learning_rate * velocity, squares, velocity, mean


@elementwise("parameters", "squares", "changes")
def adadelta(parameters, squares, changes, gradients, learning_rate, decay, fresh, epsilon):
    squares = decay * squares + fresh * (gradients * gradients)
    change = root(changes + epsilon) / root(squares + epsilon) * gradients
    changes = decay * changes + fresh * (change * change)
    return parameters - learning_rate * change, squares, changes


@elementwise("parameters", "first", "second")
def nadam(
    parameters,
    first,
    second,
    gradients,
    kept,
    beta_1,
    fresh_1,
    beta_2,
    fresh_2,
    gradient_rate,
    momentum_rate,
    correction,
    epsilon,
):
    first = beta_1 * first + fresh_1 * gradients
    second = beta_2 * second + fresh_2 * (gradients * gradients)
    change = (gradient_rate * gradients + momentum_rate * first) / (root(second) * correction + epsilon)
    return kept * parameters - change, first, second


def _sign_times(x, size):
    """``sign(x) * size``; NaN stays NaN."""
    return where(x > 0, size, where(x < 0, -size, x * size))


@elementwise("parameters", "velocity")
def lion(parameters, velocity, gradients, learning_rate, kept, beta_1, fresh_1, beta_2, fresh_2):
    direction = beta_1 * velocity + fresh_1 * gradients
    return kept * parameters - _sign_times(direction, learning_rate), beta_2 * velocity + fresh_2 * gradients


@elementwise("parameters", "last", "size")
def rprop(parameters, last, size, gradients, learning_rate, shrink, grow, smallest, largest, is_first):
    agreement = gradients * last
    size = where(is_first > 0, learning_rate, size)
    size = size * where(agreement > 0, grow, where(agreement < 0, shrink, 1.0 + 0.0 * gradients))
    size = where(size < smallest, smallest, where(size > largest, largest, size))
    last = where(agreement < 0, 0.0 * gradients, gradients)
    return parameters - _sign_times(last, size), last, size


MOST_SLOTS = 3
SGD = OPTIMIZERS.index("sgd")


class _ByName:
    """An optimizer called with all that any of them takes, of which it picks what its parameters name: to have a
    function of its own around each formula would take Numba a fifth of a second apiece."""

    def __init__(self, formula: Any) -> None:
        names = list(inspect.signature(formula).parameters)
        n_slots = names.index("gradients") - 1
        constants = [2 + MOST_SLOTS + CONSTANTS.index(name) for name in names[2 + n_slots :]]
        self._formula, self._places = formula, [*range(1 + n_slots), 1 + MOST_SLOTS, *constants]
        self.returned = formula.returned

    def __call__(self, *arguments: Any) -> None:
        self._formula(*self._picked(arguments))

    def emit(self, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
        return self._formula.emit(context, builder, self._picked(kinds), self._picked(values))

    def _picked(self, given: Sequence[Any]) -> list[Any]:
        return [given[place] for place in self._places]


_optimizer = table([_ByName(globals()[name]) for name in OPTIMIZERS])


_compiled_constants = kernel(_constants_of)


@elementwise("gradients")
def clip(gradients, factor, limit):
    scaled = factor * gradients
    return where(limit > 0, where(abs(scaled) > limit, with_sign_of(limit, scaled), scaled), scaled)


@elementwise("mean")
def _average(mean, values, decay, fresh):
    return decay * mean + fresh * values


@kernel
def update(parameters, slots, gradients, optimizer, rate, product, factor, step, start):
    if factor < 1 or optimizer["clip_value"] > 0:
        clip(gradients, factor, optimizer["clip_value"])
    n_slots, n = slots.shape
    # Where an optimizer has fewer slots, nobody looks at what stands for the others.
    first = vector(flat(slots), start, parameters.size)
    second = vector(flat(slots), min(1, n_slots - 1) * n + start, parameters.size)
    third = vector(flat(slots), min(2, n_slots - 1) * n + start, parameters.size)
    arrays = (parameters, first, second, third, gradients)
    if optimizer["kind"] == SGD and optimizer["momentum"] == 0:
        _descend(parameters, gradients, rate)
        return
    _optimizer(optimizer["kind"], arrays + _compiled_constants(optimizer, rate, product, step))


@kernel
def average_parameters(mean, parameters, kept):
    _average(mean, parameters, kept, 1 - kept)
