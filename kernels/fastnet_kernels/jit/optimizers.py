"""As in the reference, in one pass over the flat vectors."""

import math

from ..program import OPTIMIZERS
from .compiler import kernel, table
from .views import flat, vector


@kernel
def sgd(parameters, slots, gradients, optimizer, step, start):
    kind = parameters.dtype.type
    learning_rate, momentum = kind(optimizer["learning_rate"]), kind(optimizer["momentum"])
    nesterov = optimizer["nesterov"] != 0
    velocity = vector(flat(slots), start, parameters.size)
    for i in range(parameters.size):
        change = learning_rate * gradients[i]
        v = momentum * velocity[i] - change
        velocity[i] = v
        parameters[i] += momentum * v - change if nesterov else v


@kernel
def adam(parameters, slots, gradients, optimizer, step, start):
    kind = parameters.dtype.type
    beta_1, beta_2 = kind(optimizer["beta_1"]), kind(optimizer["beta_2"])
    fresh_1, fresh_2 = kind(1 - optimizer["beta_1"]), kind(1 - optimizer["beta_2"])
    rate = kind(optimizer["learning_rate"] / (1 - optimizer["beta_1"] ** step))
    correction = kind(1 / math.sqrt(1 - optimizer["beta_2"] ** step))
    epsilon = kind(optimizer["epsilon"])
    first = vector(flat(slots), start, parameters.size)
    second = vector(flat(slots), slots.shape[1] + start, parameters.size)
    for i in range(parameters.size):
        g = gradients[i]
        m = beta_1 * first[i] + fresh_1 * g
        v = beta_2 * second[i] + fresh_2 * (g * g)
        first[i] = m
        second[i] = v
        parameters[i] -= rate * m / (math.sqrt(v) * correction + epsilon)


_optimizer = table([globals()[name] for name in OPTIMIZERS])


@kernel
def update(parameters, slots, gradients, optimizer, step, start):
    _optimizer(optimizer["kind"], (parameters, slots, gradients, optimizer, step, start))
