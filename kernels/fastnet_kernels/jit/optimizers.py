"""As in the reference, in one pass over the flat vectors."""

import math

from ..program import OPTIMIZERS
from .compiler import kernel, table
from .formula import elementwise, sqrt, where
from .views import flat, vector


@elementwise("parameters", "velocity")
def _momentum(p, v, g, learning_rate, momentum, nesterov):
    change = learning_rate * g
    v = momentum * v - change
    return p + where(nesterov > 0, momentum * v - change, v), v


@kernel
def sgd(parameters, slots, gradients, optimizer, step, start):
    velocity = vector(flat(slots), start, parameters.size)
    _momentum(
        parameters,
        velocity,
        parameters,
        velocity,
        gradients,
        optimizer["learning_rate"],
        optimizer["momentum"],
        optimizer["nesterov"],
    )


@elementwise("parameters", "first", "second")
def _moments(p, m, v, g, beta_1, fresh_1, beta_2, fresh_2, rate, correction, epsilon):
    m = beta_1 * m + fresh_1 * g
    v = beta_2 * v + fresh_2 * (g * g)
    return p - rate * m / (sqrt(v) * correction + epsilon), m, v


@kernel
def adam(parameters, slots, gradients, optimizer, step, start):
    first = vector(flat(slots), start, parameters.size)
    second = vector(flat(slots), slots.shape[1] + start, parameters.size)
    beta_1, beta_2 = optimizer["beta_1"], optimizer["beta_2"]
    _moments(
        parameters,
        first,
        second,
        parameters,
        first,
        second,
        gradients,
        beta_1,
        1 - beta_1,
        beta_2,
        1 - beta_2,
        optimizer["learning_rate"] / (1 - beta_1**step),
        1 / math.sqrt(1 - beta_2**step),
        optimizer["epsilon"],
    )


_optimizer = table([globals()[name] for name in OPTIMIZERS])


@kernel
def update(parameters, slots, gradients, optimizer, step, start):
    _optimizer(optimizer["kind"], (parameters, slots, gradients, optimizer, step, start))
