"""As in the reference: batch normalisation by columns (see ``rows``), layer normalisation row by row."""

import math

from numba import types

from .compiler import kernel
from .formula import elementwise, sqrt
from .library import MATRIX, VECTOR, shared
from .rows import by_columns, sum_rows
from .views import row_block


@elementwise("mean")
def _divide(mean, count):
    return mean / count


@by_columns("squares", matrices=("x",), sums=True)
def _squares(mean):
    return lambda x: (x - mean) * (x - mean)


@kernel
def _weight(weights, i):
    total = weights.dtype.type(0)
    for j in range(weights.shape[1]):
        total += weights[i, j]
    return total / weights.dtype.type(weights.shape[1])


@kernel
def own_moments(mean, squares, x, weights):
    if weights.shape[0] == 0:
        sum_rows(mean, x, False)
        _divide(mean, x.shape[0])
        _squares(squares, x, mean, False)
        return
    for j in range(mean.size):
        mean[j] = squares[j] = mean.dtype.type(0)
    total = mean.dtype.type(0)
    for i in range(x.shape[0]):
        weight = _weight(weights, i)
        total += weight
        for j in range(mean.size):
            mean[j] += weight * x[i, j]
    if total > 0:
        _divide(mean, total)
    for i in range(x.shape[0]):
        weight = _weight(weights, i)
        for j in range(mean.size):
            difference = x[i, j] - mean[j]
            squares[j] += weight * (difference * difference)


@elementwise("mean", "variance")
def _merge(mean, variance, own_mean, own_squares, weight, spread):
    difference = own_mean - mean
    return mean + difference * weight, variance + (own_squares + difference * difference * spread)


@kernel
def merge_moments(mean, variance, own_mean, own_squares, count, others):
    if others == 0:
        for j in range(mean.size):
            mean[j], variance[j] = own_mean[j], own_squares[j]
    else:
        total = others + count
        _merge(mean, variance, own_mean, own_squares, count / total, count * others / total)


@by_columns("z", matrices=("x",))
def batch_norm_forward(mean, variance, gamma, beta, epsilon):
    factor = gamma / sqrt(variance + epsilon)
    return lambda x: (x - mean) * factor + beta


@by_columns("dbeta", "dgamma", matrices=("dz", "x"), sums=True)
def batch_norm_gradients(mean, variance, epsilon):
    inverse = 1.0 / sqrt(variance + epsilon)
    return lambda dz, x: (dz, dz * ((x - mean) * inverse))


@by_columns("dx", matrices=("dz", "x"))
def _backward(mean, variance, gamma, dbeta, dgamma, share, epsilon):
    inverse = 1.0 / sqrt(variance + epsilon)
    factor, of_sum, of_products = gamma * inverse, share * dbeta, share * dgamma * inverse
    return lambda dz, x: factor * (dz - (of_sum + (x - mean) * of_products))


@kernel
def batch_norm_backward(dx, dz, x, weights, mean, variance, gamma, dbeta, dgamma, share, epsilon):
    """Rows with weights go through the vector code one at a time."""
    if weights.shape[0] == 0:
        _backward(dx, dz, x, mean, variance, gamma, dbeta, dgamma, share, epsilon)
        return
    for i in range(x.shape[0]):
        of_row = share * _weight(weights, i)
        row = row_block(dx, i, 1), row_block(dz, i, 1), row_block(x, i, 1)
        _backward(row[0], row[1], row[2], mean, variance, gamma, dbeta, dgamma, of_row, epsilon)


@elementwise("average")
def _average(average, value, momentum, fresh):
    return momentum * average + fresh * value


@kernel
def running_average(average, value, momentum, factor):
    _average(average, value, momentum, (1 - momentum) * factor)


@kernel
def _moments(x, i, epsilon):
    """The mean of a row and one over the root of its variance."""
    n = x.shape[1]
    total = x.dtype.type(0)
    for j in range(n):
        total += x[i, j]
    mean = total / x.dtype.type(n)
    squares = x.dtype.type(0)
    for j in range(n):
        difference = x[i, j] - mean
        squares += difference * difference
    return mean, x.dtype.type(1) / math.sqrt(squares / x.dtype.type(n) + x.dtype.type(epsilon))


@shared(types.none, MATRIX, MATRIX, VECTOR, VECTOR, types.float64)
def layer_norm_forward(z, x, gamma, beta, epsilon):
    for i in range(x.shape[0]):
        mean, inverse = _moments(x, i, epsilon)
        for j in range(x.shape[1]):
            z[i, j] = (x[i, j] - mean) * inverse * gamma[j] + beta[j]


@shared(types.none, VECTOR, VECTOR, MATRIX, MATRIX, types.float64, types.boolean)
def layer_norm_gradients(dbeta, dgamma, dz, x, epsilon, accumulate):
    if not accumulate:
        for j in range(dbeta.size):
            dbeta[j] = dgamma[j] = dbeta.dtype.type(0)
    for i in range(x.shape[0]):
        mean, inverse = _moments(x, i, epsilon)
        for j in range(x.shape[1]):
            dbeta[j] += dz[i, j]
            dgamma[j] += dz[i, j] * ((x[i, j] - mean) * inverse)


@shared(types.none, MATRIX, MATRIX, MATRIX, VECTOR, types.float64)
def layer_norm_backward(dx, dz, x, gamma, epsilon):
    n = x.dtype.type(x.shape[1])
    for i in range(x.shape[0]):
        mean, inverse = _moments(x, i, epsilon)
        sum_g = sum_products = x.dtype.type(0)
        for j in range(x.shape[1]):
            g = gamma[j] * dz[i, j]
            sum_g += g
            sum_products += g * ((x[i, j] - mean) * inverse)
        for j in range(x.shape[1]):
            dx[i, j] = inverse * (gamma[j] * dz[i, j] - sum_g / n - (x[i, j] - mean) * inverse * (sum_products / n))
