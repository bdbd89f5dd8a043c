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


def samples_products(products: Any, turned: Any, x: Any, weights: Any, first: int, end: int) -> None:
    """As in the reference, some features at a time: turned, so that both factors are read along the samples, with their
    weights beside them. Without the compiler this is the Python that runs."""
    reference.samples_products(products, turned, x, weights, first, end)


@shared(types.none, *[MATRIX] * 4, types.int64, types.int64, plain=samples_products)
def _samples_products(products, turned, x, weights, first, end):
    (n, n_features), n_out, wide = x.shape, weights.shape[1], products.shape[1]
    zero, memory, yes, no = x.dtype.type(0), address(stack(x), 0), np.bool_(True), np.bool_(False)
    finish = np.int64(AS_IT_IS)
    for start in range(0, n_features, turned.shape[0]):
        deep = min(turned.shape[0], n_features - start)
        given = address(x, first * n_features + start)
        turn_matrix(zero, address(turned, first), wide, given, n_features, n - first, deep)
        for feature in range(deep):
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


def samples_weights(weights: Any, x: Any, combination: Any, share: Any, initial_weights: Any, first: int) -> None:
    """As in the reference, which without the compiler runs."""
    reference.samples_weights(weights, x, combination, share, initial_weights, first)


@shared(types.none, *[MATRIX] * 3, VECTOR, MATRIX, types.int64, plain=samples_weights)
def _samples_weights(weights, x, combination, share, initial_weights, first):
    gemm(weights, x, combination, _none(x), True, False, False, first, AS_IT_IS, weights)
    _add_share(flat(weights), flat(initial_weights), share[0])


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
def samples_gradients(dcombination, dbiases, dz, first, first_row, accumulate):
    begin, end = max(first, first_row), min(first + dcombination.shape[0], first_row + dz.shape[0])
    n_out = dz.shape[1]
    if begin < end:
        move(dcombination, (begin - first) * n_out, dz, (begin - first_row) * n_out, (end - begin) * n_out)
    if dbiases.size > 0:
        sum_rows(dbiases, dz, accumulate)


@kernel
def samples_penalty(product, x, combination, share, first_row):
    n = combination.shape[0]
    gemm(product, x, combination, _none(x), False, False, False, 0, AS_IT_IS, product)
    twice = 2 * share[0]
    total = 0.0
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            total += (product[i, j] + twice * x[i, n + j]) * combination[first_row + i, j]
    return total
