"""As in the reference, by BLAS and with one pass over the output for bias and activation each."""

from .activations import activation_backward, activation_forward
from .blas import gemm
from .compiler import kernel


@kernel
def dense_forward(a, x, weights, biases, activation):
    gemm(a, x, weights, False, False)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += biases[j]
    activation_forward(a, a, activation)


@kernel
def dense_backward(dx, dz, dweights, dbiases, da, a, x, weights, activation, needs_dx):
    activation_backward(dz, da, a, activation)
    gemm(dweights, x, dz, True, False)
    for j in range(dbiases.size):
        dbiases[j] = 0
    for i in range(dz.shape[0]):
        for j in range(dz.shape[1]):
            dbiases[j] += dz[i, j]
    if needs_dx:
        gemm(dx, dz, weights, False, True)


@kernel
def l2_penalty(dweights, weights, l2):
    """One pass does both; the sum is kept in float64."""
    rate = weights.dtype.type(l2)
    total = 0.0
    for i in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            w = weights[i, j]
            dweights[i, j] += rate * w
            total += w * w
    return 0.5 * l2 * total
