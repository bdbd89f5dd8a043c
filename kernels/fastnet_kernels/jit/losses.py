"""As in the reference, in one pass over the outputs; the sums are kept in float64."""

import math

from ..program import LOSSES
from .compiler import kernel, table


@kernel
def mean_squared_error(doutput, output, targets, scale):
    n_out = output.shape[1]
    factor = output.dtype.type(2 * scale / n_out)
    total = 0.0
    for i in range(output.shape[0]):
        for j in range(n_out):
            difference = output[i, j] - targets[i, j]
            doutput[i, j] = factor * difference
            total += difference * difference
    return total / n_out


@kernel
def binary_crossentropy(doutput, output, targets, scale):
    n_out = output.shape[1]
    factor = output.dtype.type(scale / n_out)
    one, zero = output.dtype.type(1), output.dtype.type(0)
    total = 0.0
    for i in range(output.shape[0]):
        for j in range(n_out):
            z, t = output[i, j], targets[i, j]
            e = math.exp(-abs(z))
            p = one / (one + e)
            total += (zero if z < zero else z) - z * t + math.log1p(e)
            doutput[i, j] = factor * ((p if z >= zero else e * p) - t)
    return total / n_out


@kernel
def categorical_crossentropy(doutput, output, targets, scale):
    total = 0.0
    for i in range(output.shape[0]):
        largest = output[i, 0]
        for j in range(1, output.shape[1]):
            largest = max(largest, output[i, j])
        exponentials = output.dtype.type(0)
        for j in range(output.shape[1]):
            e = math.exp(output[i, j] - largest)
            doutput[i, j] = e
            exponentials += e
        target = int(targets[i, 0])
        total += math.log(exponentials) - (output[i, target] - largest)
        factor = output.dtype.type(scale) / exponentials
        for j in range(output.shape[1]):
            doutput[i, j] *= factor
        doutput[i, target] -= output.dtype.type(scale)
    return total


_loss = table([globals()[name] for name in LOSSES])


@kernel
def loss_forward_backward(doutput, output, targets, scale, loss):
    return _loss(loss, doutput, output, targets, scale)


@kernel
def count_correct(output, targets):
    correct = 0.0
    n_out = output.shape[1]
    if targets.shape[1] == 1 and n_out > 1:
        for i in range(output.shape[0]):
            best = 0
            for j in range(1, n_out):
                if output[i, j] > output[i, best]:
                    best = j
            correct += best == targets[i, 0]
        return correct
    for i in range(output.shape[0]):
        for j in range(n_out):
            correct += (output[i, j] > 0) == (targets[i, j] > 0.5)
    return correct / n_out
