"""As in the reference, in vector code; the sums are kept in float64."""

from numba import types

from ..program import CATEGORICAL, LOSSES
from .compiler import kernel, table
from .few_classes import MOST_CLASSES, crossentropy_by_columns, is_largest
from .formula import elementwise, where, with_sign_of
from .library import MATRIX, shared
from .rows import largest_of
from .vector_math import exp, expm1, log1p
from .vector_math import tanh as hyperbolic_tangent
from .views import flat, vector


@elementwise("losses", "doutput")
def mean_squared_error(output, targets, scale, slope):
    difference = output - targets
    return difference * difference, 2.0 * scale * difference


@elementwise("losses", "doutput")
def binary_crossentropy(output, targets, scale, slope):
    e = exp(-abs(output))
    loss = log1p(e) + output * (where(output < 0, 0.0 * output, 1.0) - targets)
    return loss, scale * (where(output < 0, e, 1.0) / (1.0 + e) - targets)


@elementwise("losses", "doutput")
def mean_absolute_error(output, targets, scale, slope):
    difference = output - targets
    return abs(difference), where(difference > 0, scale, where(difference < 0, -scale, scale * difference))


@elementwise("losses", "doutput")
def huber(output, targets, scale, slope):
    difference = output - targets
    size = abs(difference)
    loss = where(size > slope, slope * (size - 0.5 * slope), 0.5 * difference * difference)
    return loss, scale * where(size > slope, with_sign_of(slope, difference), difference)


@elementwise("losses", "doutput")
def log_cosh(output, targets, scale, slope):
    difference = output - targets
    size = abs(difference)
    e = expm1(-size)
    inner = where(size < 1, e * e / (2.0 * (1.0 + where(size < 1, e, 0.0))), 0.5 * e * (e + 2.0))
    return where(size < 1, 0.0, size) + log1p(inner), scale * hyperbolic_tangent(difference)


@elementwise("losses", "doutput")
def poisson(output, targets, scale, slope):
    rates = exp(output)
    return rates - targets * output, scale * (rates - targets)


@elementwise("losses", "doutput")
def hinge(output, targets, scale, slope):
    margin = 1.0 - targets * output
    return where(margin < 0, 0.0, margin), scale * where(margin > 0, -targets, 0.0 * margin)


@kernel
def _by_rows(losses, doutput, output, targets, scale):
    one, zero, factor = output.dtype.type(1), output.dtype.type(0), output.dtype.type(scale)
    rows, n_out = output.shape
    for i in range(rows):
        largest, others, ones = largest_of(vector(flat(output), i * n_out, n_out)), zero, -one
        for j in range(n_out):
            doutput[i, j] = output[i, j] - largest
        expected = zero
        if targets.shape[1] == 1:
            expected = doutput[i, int(targets[i, 0])]
        else:
            for j in range(n_out):
                expected += targets[i, j] * doutput[i, j]
        for j in range(n_out):
            e = exp(doutput[i, j])
            doutput[i, j] = e
            others += zero if e >= one else e
            ones += one if e >= one else zero
        others += ones
        losses[i, 0] = log1p(others) - expected
        inverse = factor / (one + others)
        for j in range(n_out):
            doutput[i, j] *= inverse
        if targets.shape[1] == 1:
            doutput[i, int(targets[i, 0])] -= factor
        else:
            for j in range(n_out):
                doutput[i, j] -= factor * targets[i, j]


@kernel
def categorical_crossentropy(losses, doutput, output, targets, scale, slope):
    if output.shape[1] > MOST_CLASSES:
        _by_rows(losses, doutput, output, targets, scale)
    else:
        crossentropy_by_columns(losses, doutput, output, targets, scale)


_loss = table([globals()[name] for name in LOSSES])


@elementwise("doutput", total=True)
def _weigh_entries(losses, doutput, weights):
    return where(weights > 0, doutput * weights, 0.0), where(weights > 0, losses * weights, 0.0)


@kernel
def weigh(losses, doutput, weights):
    if weights.shape[1] == doutput.shape[1]:
        return _weigh_entries(doutput, losses, weights)
    total = 0.0
    for i in range(doutput.shape[0]):
        weight = weights[i, 0]
        total += losses[i, 0] * weight if weight > 0 else doutput.dtype.type(0)
        for j in range(doutput.shape[1]):
            doutput[i, j] = doutput[i, j] * weight if weight > 0 else doutput.dtype.type(0)
    return total


@elementwise(total=True)
def _sum(losses):
    return losses


@shared(types.float64, *[MATRIX] * 5, types.float64, types.int64, types.float64)
def loss_forward_backward(losses, doutput, output, targets, weights, scale, loss, slope):
    _loss(loss, (losses, doutput, output, targets, scale, slope))
    if weights.shape[0] > 0:
        return weigh(losses, doutput, weights)
    return _sum(losses)


@elementwise(total=True)
def _right(output, targets):
    yes, no = where(output > 0, 1.0, 0.0), where(output > 0, 0.0, 1.0)
    return where(targets > 0.5, yes, where(targets <= 0.5, no, 0.0))


@shared(types.float64, MATRIX, MATRIX, types.int64)
def count_correct(output, targets, loss):
    n_out = output.shape[1]
    if loss != CATEGORICAL:
        return _right(output, targets) / n_out
    correct = 0.0
    for i in range(output.shape[0]):
        target = 0
        if targets.shape[1] == 1:
            target = int(targets[i, 0])
        else:
            for j in range(1, n_out):
                target = j if targets[i, j] > targets[i, target] else target
        correct += is_largest(vector(flat(output), i * n_out, n_out), target)
    return correct
