"""As in the reference, in vector code; the sums are kept in float64."""

from ..program import LOSSES
from .compiler import kernel, table
from .formula import elementwise, where
from .transpose import transpose
from .vector_math import exp, log1p
from .vectors import stack
from .views import matrix, row_block, vector


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
def _by_columns(doutput, output, targets, scale):
    """The rows turned into columns, so that vectors run over rows: those of ten numbers are too short to vectorise."""
    one, zero, factor = output.dtype.type(1), output.dtype.type(0), output.dtype.type(scale)
    rows, n_out = output.shape
    e, memory = matrix(stack(output), 0, n_out, rows), stack(output)
    largest, others, ones = vector(memory, 0, rows), vector(memory, rows, rows), vector(memory, 2 * rows, rows)
    transpose(e, output)
    for i in range(rows):
        largest[i], others[i], ones[i] = e[0, i], zero, -one
    for j in range(1, n_out):
        for i in range(rows):
            largest[i] = e[j, i] if e[j, i] > largest[i] else largest[i]
    for j in range(n_out):
        for i in range(rows):
            e[j, i] -= largest[i]
    total = 0.0
    for i in range(rows):
        # Read back, not worked out here, where the compiler may sum in another order and lose small losses.
        total -= e[int(targets[i, 0]), i]
    for j in range(n_out):
        for i in range(rows):
            e[j, i] = exp(e[j, i])
        for i in range(rows):
            # One of the largest, whose exponential is 1, is left out, so that log1p sees what is beside it.
            others[i] += zero if e[j, i] >= one else e[j, i]
            ones[i] += one if e[j, i] >= one else zero
    for i in range(rows):
        others[i] += ones[i]
        total += log1p(others[i])
        ones[i] = factor / (one + others[i])
    for j in range(n_out):
        for i in range(rows):
            e[j, i] *= ones[i]
    transpose(doutput, e)
    for i in range(rows):
        doutput[i, int(targets[i, 0])] -= factor
    return total


@kernel
def _by_rows(doutput, output, targets, scale):
    one, zero, factor = output.dtype.type(1), output.dtype.type(0), output.dtype.type(scale)
    rows, n_out = output.shape
    total = 0.0
    for i in range(rows):
        largest, others, ones = output[i, 0], zero, -one
        for j in range(1, n_out):
            largest = output[i, j] if output[i, j] > largest else largest
        for j in range(n_out):
            doutput[i, j] = output[i, j] - largest
        target = int(targets[i, 0])
        total -= doutput[i, target]
        for j in range(n_out):
            e = exp(doutput[i, j])
            doutput[i, j] = e
            others += zero if e >= one else e
            ones += one if e >= one else zero
        others += ones
        total += log1p(others)
        inverse = factor / (one + others)
        for j in range(n_out):
            doutput[i, j] *= inverse
        doutput[i, target] -= factor
    return total


NARROW = 64
"""Outputs up to which rows are turned into columns, and rows that are turned at a time."""


@kernel
def categorical_crossentropy(doutput, output, targets, scale):
    if output.shape[1] > NARROW:
        return _by_rows(doutput, output, targets, scale)
    total = 0.0
    for start in range(0, output.shape[0], NARROW):
        rows = min(NARROW, output.shape[0] - start)
        total += _by_columns(
            row_block(doutput, start, rows), row_block(output, start, rows), row_block(targets, start, rows), scale
        )
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
