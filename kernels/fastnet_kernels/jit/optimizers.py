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


@kernel
def _slot(slots, number, parameters, start):
    return vector(flat(slots), number * slots.shape[1] + start, parameters.size)


@elementwise("parameters", "first", "second")
def _adam(p, m, v, g, kept, beta_1, fresh_1, beta_2, fresh_2, rate, correction, epsilon):
    m = beta_1 * m + fresh_1 * g
    v = beta_2 * v + fresh_2 * (g * g)
    return kept * p - rate * m / (sqrt(v) * correction + epsilon), m, v


@kernel
def adam(parameters, slots, gradients, optimizer, step, start):
    first, second = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    beta_1, beta_2, rate = optimizer["beta_1"], optimizer["beta_2"], optimizer["learning_rate"]
    _adam(
        parameters,
        first,
        second,
        parameters,
        first,
        second,
        gradients,
        1 - rate * optimizer["weight_decay"],
        beta_1,
        1 - beta_1,
        beta_2,
        1 - beta_2,
        rate / (1 - beta_1**step),
        1 / math.sqrt(1 - beta_2**step),
        optimizer["epsilon"],
    )


@elementwise("parameters", "first", "second", "largest")
def _amsgrad(p, m, v, largest, g, kept, beta_1, fresh_1, beta_2, fresh_2, rate, correction, epsilon):
    m = beta_1 * m + fresh_1 * g
    v = beta_2 * v + fresh_2 * (g * g)
    largest = where(v < largest, largest, v)
    return kept * p - rate * m / (sqrt(largest) * correction + epsilon), m, v, largest


@kernel
def amsgrad(parameters, slots, gradients, optimizer, step, start):
    first, second = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    largest = _slot(slots, 2, parameters, start)
    beta_1, beta_2, rate = optimizer["beta_1"], optimizer["beta_2"], optimizer["learning_rate"]
    _amsgrad(
        parameters,
        first,
        second,
        largest,
        parameters,
        first,
        second,
        largest,
        gradients,
        1 - rate * optimizer["weight_decay"],
        beta_1,
        1 - beta_1,
        beta_2,
        1 - beta_2,
        rate / (1 - beta_1**step),
        1 / math.sqrt(1 - beta_2**step),
        optimizer["epsilon"],
    )


@elementwise("parameters", "first", "norm")
def _adamax(p, m, u, g, beta_1, fresh_1, beta_2, rate, epsilon):
    m = beta_1 * m + fresh_1 * g
    u, now = beta_2 * u, abs(g) + epsilon
    u = where(now < u, u, now)
    return p - rate * m / u, m, u


@kernel
def adamax(parameters, slots, gradients, optimizer, step, start):
    first, norm = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    beta_1 = optimizer["beta_1"]
    rate = optimizer["learning_rate"] / (1 - beta_1**step)
    given = (parameters, first, norm, gradients)
    _adamax(parameters, first, norm, *given, beta_1, 1 - beta_1, optimizer["beta_2"], rate, optimizer["epsilon"])


@elementwise("parameters", "squares")
def _adagrad(p, s, g, rate, epsilon):
    s = s + g * g
    return p - rate * g / (sqrt(s) + epsilon), s


@kernel
def adagrad(parameters, slots, gradients, optimizer, step, start):
    squares = _slot(slots, 0, parameters, start)
    rate = optimizer["learning_rate"] / (1 + (step - 1) * optimizer["decay"])
    _adagrad(parameters, squares, parameters, squares, gradients, rate, optimizer["epsilon"])


@elementwise("parameters", "squares", "velocity")
def _rmsprop(p, s, v, g, decay, fresh, momentum, rate, epsilon):
    s = decay * s + fresh * (g * g)
    v = momentum * v + g / (sqrt(s) + epsilon)
    return p - rate * v, s, v


@kernel
def rmsprop(parameters, slots, gradients, optimizer, step, start):
    squares, velocity = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    decay, rate = optimizer["decay"], optimizer["learning_rate"]
    given = (parameters, squares, velocity, gradients)
    momentum, epsilon = optimizer["momentum"], optimizer["epsilon"]
    _rmsprop(parameters, squares, velocity, *given, decay, 1 - decay, momentum, rate, epsilon)


@elementwise("parameters", "squares", "velocity", "mean")
def _centered_rmsprop(p, s, v, a, g, decay, fresh, momentum, rate, epsilon):
    s = decay * s + fresh * (g * g)
    a = decay * a + fresh * g
    variance = s - a * a
    v = momentum * v + g / (sqrt(where(variance < 0, 0.0, variance)) + epsilon)
    return p - rate * v, s, v, a


@kernel
def centered_rmsprop(parameters, slots, gradients, optimizer, step, start):
    squares, velocity = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    mean = _slot(slots, 2, parameters, start)
    decay, rate = optimizer["decay"], optimizer["learning_rate"]
    given = (parameters, squares, velocity, mean, gradients)
    momentum, epsilon = optimizer["momentum"], optimizer["epsilon"]
    _centered_rmsprop(parameters, squares, velocity, mean, *given, decay, 1 - decay, momentum, rate, epsilon)


@elementwise("parameters", "squares", "changes")
def _adadelta(p, s, e, g, decay, fresh, rate, epsilon):
    s = decay * s + fresh * (g * g)
    change = sqrt(e + epsilon) / sqrt(s + epsilon) * g
    e = decay * e + fresh * (change * change)
    return p - rate * change, s, e


@kernel
def adadelta(parameters, slots, gradients, optimizer, step, start):
    squares, changes = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    decay, rate = optimizer["decay"], optimizer["learning_rate"]
    given = (parameters, squares, changes, gradients)
    _adadelta(parameters, squares, changes, *given, decay, 1 - decay, rate, optimizer["epsilon"])


def _sign_times(x, size):
    return where(x > 0, size, where(x < 0, -size, x * size))


@elementwise("parameters", "momentum")
def _lion(p, m, g, kept, beta_1, fresh_1, beta_2, fresh_2, rate):
    direction = beta_1 * m + fresh_1 * g
    return kept * p - _sign_times(direction, rate), beta_2 * m + fresh_2 * g


@kernel
def lion(parameters, slots, gradients, optimizer, step, start):
    momentum = _slot(slots, 0, parameters, start)
    beta_1, beta_2, rate = optimizer["beta_1"], optimizer["beta_2"], optimizer["learning_rate"]
    kept, given = 1 - rate * optimizer["weight_decay"], (parameters, momentum, gradients)
    _lion(parameters, momentum, *given, kept, beta_1, 1 - beta_1, beta_2, 1 - beta_2, rate)


@elementwise("parameters", "last", "size")
def _rprop(p, last, size, g, initial, is_first, shrink, grow, smallest, largest):
    agreement = g * last
    size = where(is_first > 0, initial, size)
    size = size * where(agreement > 0, grow, where(agreement < 0, shrink, 1.0 + 0.0 * g))
    size = where(size < smallest, smallest, where(size > largest, largest, size))
    g = where(agreement < 0, 0.0 * g, g)
    return p - _sign_times(g, size), g, size


@kernel
def rprop(parameters, slots, gradients, optimizer, step, start):
    last, size = _slot(slots, 0, parameters, start), _slot(slots, 1, parameters, start)
    given = (parameters, last, size, gradients)
    factors = (optimizer["shrink"], optimizer["grow"])
    between = (optimizer["smallest"], optimizer["largest"])
    _rprop(parameters, last, size, *given, optimizer["learning_rate"], step == 1, *factors, *between)


_optimizer = table([globals()[name] for name in OPTIMIZERS])


@kernel
def update(parameters, slots, gradients, optimizer, step, start):
    _optimizer(optimizer["kind"], (parameters, slots, gradients, optimizer, step, start))
