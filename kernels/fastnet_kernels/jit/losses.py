"""As in the reference, in one pass over the outputs; the sums are kept in float64."""

import math

from ..program import LOSSES
from .compiler import kernel, table
from .formula import elementwise, where
from .vector_math import exp, log1p
from .views import flat


@elementwise("doutput", total=True)
def _squares(output, targets, factor):
    difference = output - targets
    return factor * difference, difference * difference


@kernel
def mean_squared_error(doutput, output, targets, scale):
    n_out = output.shape[1]
    return _squares(doutput, output, targets, 2 * scale / n_out) / n_out


@elementwise("doutput", total=True)
def _log_odds(z, t, factor):
    e = exp(-abs(z))
    loss = log1p(e) + z * (where(z < 0, 0.0 * z, 1.0) - t)
    return factor * (where(z < 0, e, 1.0) / (1.0 + e) - t), loss


@kernel
def binary_crossentropy(doutput, output, targets, scale):
    n_out = output.shape[1]
    return _log_odds(doutput, output, targets, scale / n_out) / n_out


@kernel
def categorical_crossentropy(doutput, output, targets, scale):
    """The exponentials of all rows in one pass over flat memory: a row of ten is too short to vectorise well."""
    one, zero = output.dtype.type(1), output.dtype.type(0)
    rows, n_out = output.shape
    total = 0.0
    for i in range(rows):
        largest = output[i, 0]
        for j in range(1, n_out):
            largest = output[i, j] if output[i, j] > largest else largest
        for j in range(n_out):
            doutput[i, j] = output[i, j] - largest
        total -= doutput[i, int(targets[i, 0])]
    exponentials = flat(doutput)
    for i in range(exponentials.size):
        exponentials[i] = exp(exponentials[i])
    for i in range(rows):
        # One of the largest, whose exponential is 1, is left out, so that log1p sees what is beside it.
        others, ones = zero, zero
        for j in range(n_out):
            e = doutput[i, j]
            others += zero if e >= one else e
            ones += one if e >= one else zero
        others += ones - one
        total += log1p(others) if others <= one else math.log(one + others)
        factor = output.dtype.type(scale) / (one + others)
        for j in range(n_out):
            doutput[i, j] *= factor
        doutput[i, int(targets[i, 0])] -= output.dtype.type(scale)
    return total


_loss = table([globals()[name] for name in LOSSES])


@kernel
def loss_forward_backward(doutput, output, targets, scale, loss):
    return _loss(loss, (doutput, output, targets, scale))


@kernel
def count_correct(output, targets):
    correct = 0.0
    n_out = output.shape[1]
    if targets.shape[1] == 1 and n_out > 1:
        for i in range(output.shape[0]):
            target = int(targets[i, 0])
            chosen = output[i, target]
            better = 0
            for j in range(n_out):
                better |= (output[i, j] > chosen) | ((output[i, j] == chosen) & (j < target))
            correct += better == 0
        return correct
    for i in range(output.shape[0]):
        for j in range(n_out):
            correct += (output[i, j] > 0) == (targets[i, j] > 0.5)
    return correct / n_out
