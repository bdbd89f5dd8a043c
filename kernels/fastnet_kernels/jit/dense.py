"""As in the reference, by BLAS, with vector code for the biases (``rows``) and one pass for the activation."""

from .activations import activation_backward, activation_forward
from .blas import gemm
from .compiler import kernel
from .formula import elementwise
from .rows import add_to_rows, sum_rows


@kernel
def dense_forward(a, x, weights, biases, activation):
    gemm(a, x, weights, False, False, False)
    add_to_rows(a, biases)
    activation_forward(a, a, activation)


@kernel
def dense_backward(dx, dz, dweights, dbiases, da, a, x, weights, activation, needs_dx, accumulate):
    activation_backward(dz, da, a, activation)
    gemm(dweights, x, dz, True, False, accumulate)
    sum_rows(dbiases, dz, accumulate)
    if needs_dx:
        gemm(dx, dz, weights, False, True, False)


@elementwise("dweights", total=True)
def _squares(g, w, l2):
    return g + l2 * w, w * w


@kernel
def l2_penalty(dweights, weights, l2):
    """One pass does both; the sum is kept in float64."""
    return 0.5 * l2 * _squares(dweights, dweights, weights, l2)


@kernel
def samples_forward(a, x, combination, share, biases, activation):
    n = combination.shape[0]
    gemm(a, x, combination, False, False, False)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += share[0] * x[i, n + j]
    add_to_rows(a, biases)
    activation_forward(a, a, activation)


@kernel
def samples_backward(dz, dcombination, dbiases, da, a, activation, first_row, accumulate):
    activation_backward(dz, da, a, activation)
    if not accumulate:
        for i in range(dcombination.shape[0]):
            for j in range(dcombination.shape[1]):
                dcombination[i, j] = 0
    for i in range(dz.shape[0]):
        for j in range(dz.shape[1]):
            dcombination[first_row + i, j] = dz[i, j]
    sum_rows(dbiases, dz, accumulate)


@kernel
def samples_penalty(product, x, combination, share, first_row):
    n = combination.shape[0]
    gemm(product, x, combination, False, False, False)
    twice = 2 * share[0]
    total = 0.0
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            total += (product[i, j] + twice * x[i, n + j]) * combination[first_row + i, j]
    return total
