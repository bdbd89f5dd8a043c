"""As in the reference, by ``products``, which add the biases and apply ReLU and its derivative, with one pass for any
other activation."""

from typing import Any

import numpy as np
from numba import types

from ..program import RELU
from ..reference import dense as reference
from .activations import activation_backward, activation_forward
from .blas import address
from .compiler import kernel
from .formula import elementwise, sqrt, where
from .library import MATRIX, VECTOR, shared
from .products import TALL, gemm, in_registers, reads_columns, turn_matrix
from .rows import by_columns, move, sum_rows
from .small import AS_IT_IS, GATED, RECTIFIED
from .thin import combine_rows
from .vectors import stack
from .views import flat, is_same, row_block, vector

ROWS_AT_ONCE = 2 * TALL
"""Of the samples' products with each other, which are worked out for as many columns as the first of them needs."""


@kernel
def _none(like):
    return vector(flat(like), 0, 0)


@kernel
def dense_forward(a, z, x, weights, biases, activation, slope):
    if activation == RELU and is_same(a, z):
        gemm(z, x, weights, biases, False, False, False, 0, RECTIFIED, z)
    else:
        gemm(z, x, weights, biases, False, False, False, 0, AS_IT_IS, z)
        activation_forward(a, z, activation, slope)


@kernel
def dense_backward(dx, dz, da, a, z, x, weights, activation, slope, needs_dx, is_rectified):
    activation_backward(dz, da, a, z, activation, slope)
    if needs_dx:
        gemm(dx, dz, weights, _none(dz), False, True, False, 0, GATED if is_rectified else AS_IT_IS, x)


@kernel
def dense_gradients(dweights, dbiases, x, dz, first, accumulate):
    gemm(dweights, x, dz, _none(dz), True, False, accumulate, first, AS_IT_IS, dweights)
    if dbiases.size > 0:
        sum_rows(dbiases, dz, accumulate)


@elementwise("dweights", total=True)
def weight_penalty(dweights, weights, l1, l2):
    """One pass does both; the sum is kept in float64."""
    sign = where(weights > 0, l1, where(weights < 0, -l1, 0.0 * weights))
    return dweights + (sign + l2 * weights), weights * (sign + 0.5 * l2 * weights)


@by_columns("norms", matrices=("weights",), sums=True)
def _squares():
    return lambda weights: weights * weights


@by_columns("weights", matrices=("weights",))
def _shrink(squares, max_norm):
    too_large = squares > max_norm * max_norm
    factor = where(too_large, max_norm / sqrt(where(too_large, squares, 1.0)), 1.0)
    return lambda weights: factor * weights


@kernel
def hold_norms(weights, norms, max_norm):
    """Squares of the norms until they are needed."""
    _squares(norms, weights, False)
    _shrink(weights, norms, max_norm)


@elementwise("z")
def _add_share(z, start, share):
    return z + share * start


def samples_products(products: Any, turned: Any, x: Any, along: Any, weights: Any, first: int, end: int) -> None:
    """As in the reference, some features at a time: turned, so that both factors are read along the samples, with their
    weights beside them. Without the compiler this is the Python that runs."""
    reference.samples_products(products, turned, x, along, weights, first, end)


@elementwise("x")
def _project(x, along, direction):
    return x - along * direction


@shared(types.none, *[MATRIX] * 3, VECTOR, MATRIX, types.int64, types.int64, plain=samples_products)
def _samples_products(products, turned, x, along, weights, first, end):
    (n, n_features), n_out, wide = x.shape, weights.shape[1], products.shape[1]
    zero, memory, yes, no = x.dtype.type(0), address(stack(x), 0), np.bool_(True), np.bool_(False)
    finish = np.int64(AS_IT_IS)
    for start in range(0, n_features, turned.shape[0]):
        deep = min(turned.shape[0], n_features - start)
        given = address(x, first * n_features + start)
        turn_matrix(zero, address(turned, first), wide, given, n_features, n - first, deep)
        for feature in range(deep):
            row = vector(flat(turned), feature * wide + first, n - first)
            _project(row, vector(along, first, n - first), weights[start + feature, 0])
            move(turned, feature * wide + n, weights, (start + feature) * n_out, n_out)
        for i in range(first, end, ROWS_AT_ONCE):
            out, own = address(products, i * wide + i), address(turned, i)
            rows, columns = min(ROWS_AT_ONCE, end - i), n + n_out - i
            if rows == 1:
                combine_rows(zero, out, out, own, wide, own, wide, columns, deep, True)
            else:
                in_registers(
                    zero,
                    out,
                    wide,
                    out,
                    wide,
                    own,
                    wide,
                    own,
                    wide,
                    rows,
                    columns,
                    deep,
                    yes,
                    no,
                    yes,
                    memory,
                    finish,
                    out,
                )
    for i in range(first, end, ROWS_AT_ONCE):
        below = min(i + ROWS_AT_ONCE, end)
        out, given = address(products, below * wide + i), address(products, i * wide + below)
        turn_matrix(zero, out, wide, given, wide, below - i, n - below)


def samples_weights(
    weights: Any, x: Any, combination: Any, of_direction: Any, share: Any, initial_weights: Any, first: int
) -> None:
    """As in the reference, which without the compiler runs."""
    reference.samples_weights(weights, x, combination, of_direction, share, initial_weights, first)


@elementwise("z")
def _add_initial(z, start, share, s, direction):
    return z + share * start + direction * s


@shared(types.none, *[MATRIX] * 3, VECTOR, VECTOR, MATRIX, types.int64, plain=samples_weights)
def _samples_weights(weights, x, combination, of_direction, share, initial_weights, first):
    n_out = weights.shape[1]
    gemm(weights, x, combination, _none(x), True, False, False, first, AS_IT_IS, weights)
    for i in range(weights.shape[0]):
        begins = vector(flat(initial_weights), i * (1 + n_out) + 1, n_out)
        _add_initial(vector(flat(weights), i * n_out, n_out), begins, share[0], of_direction, initial_weights[i, 0])


@kernel
def samples_forward(a, z, x, combination, share, biases, first_row, activation, slope):
    rows, n_out = z.shape
    n, wide = x.shape
    if reads_columns(rows, n_out, n, x.itemsize):
        # The products of the samples with each other are symmetric, so that these rows are columns too.
        gemm(z, x, combination, biases, True, False, False, first_row, AS_IT_IS, z)
    else:
        gemm(z, row_block(x, first_row, rows), combination, biases, False, False, False, 0, AS_IT_IS, z)
    for i in range(rows):
        begins = vector(flat(x), (first_row + i) * wide + n, n_out)
        _add_share(vector(flat(z), i * n_out, n_out), begins, share[0])
    activation_forward(a, z, activation, slope)


@kernel
def samples_gradients(dcombination, dbiases, x, dz, n, first, first_row, accumulate):
    begin, end = max(first, first_row), min(first + dcombination.shape[0], first_row + dz.shape[0])
    n_out = dz.shape[1]
    if begin < end:
        move(dcombination, (begin - first) * n_out, dz, (begin - first_row) * n_out, (end - begin) * n_out)
    if first <= n < first + dcombination.shape[0]:
        of_direction = row_block(dcombination, n - first, 1)
        gemm(of_direction, x, dz, _none(dz), True, False, accumulate, n, AS_IT_IS, of_direction)
    if dbiases.size > 0:
        sum_rows(dbiases, dz, accumulate)


@kernel
def samples_penalty(product, x, combination, share, first_row):
    n, n_out = combination.shape[0] - 1, combination.shape[1]
    gemm(product, x, row_block(combination, 0, n), _none(x), False, False, False, 0, AS_IT_IS, product)
    twice = 2 * share[0]
    total = 0.0
    for i in range(product.shape[0]):
        for j in range(n_out):
            total += (product[i, j] + twice * x[i, n + 1 + j]) * combination[first_row + i, j]
    if first_row + product.shape[0] == n:
        for j in range(n_out):
            total += combination[n, j] * combination[n, j]
    return total
