"""As in the reference, written as formulas (see ``formula``): one pass in vector instructions, no temporaries, in place
or not. Softmax looks at whole rows: it is vector code over several of few classes, and loops over those of many."""

import math

from numba import types

from ..program import ACTIVATIONS, IDENTITY
from ..reference.activations import SELU_ALPHA, SELU_SCALE
from .compiler import kernel, table
from .custom import ByAddress
from .few_classes import MOST_CLASSES, softmax_by_columns
from .formula import clipped, elementwise, where
from .library import MATRIX, shared
from .rows import largest_of
from .vector_math import exp, expm1, log1p, logistic, normal_cdf
from .vector_math import tanh as hyperbolic_tangent
from .views import flat, is_same, vector


@elementwise("a")
def identity(z, slope):
    return z


@elementwise("dz")
def identity_derivative(da, a, z, slope):
    return da


@elementwise("a")
def relu(z, slope):
    """Selects by ``z < 0``, which NaN is not, so NaN stays NaN."""
    return where(z < 0, 0.0, z)


@elementwise("dz")
def relu_derivative(da, a, z, slope):
    return where(a > 0, da, 0.0 * da)


@elementwise("a")
def sigmoid(z, slope):
    return logistic(z)


@elementwise("dz")
def sigmoid_derivative(da, a, z, slope):
    return da * (a * (1.0 - a))


@elementwise("a")
def tanh(z, slope):
    return hyperbolic_tangent(z)


@elementwise("dz")
def tanh_derivative(da, a, z, slope):
    return da * (1.0 - a * a)


@kernel
def _softmax_by_rows(a, z):
    for i in range(z.shape[0]):
        largest = largest_of(vector(flat(z), i * z.shape[1], z.shape[1]))
        total = z.dtype.type(0)
        for j in range(z.shape[1]):
            e = exp(z[i, j] - largest)
            a[i, j] = e
            total += e
        inverse = z.dtype.type(1) / total
        for j in range(z.shape[1]):
            a[i, j] *= inverse


@kernel
def softmax(a, z, slope):
    if z.shape[1] > MOST_CLASSES or z.shape[0] == 1:
        _softmax_by_rows(a, z)
    else:
        softmax_by_columns(a, z)


@kernel
def softmax_derivative(dz, da, a, z, slope):
    for i in range(a.shape[0]):
        product = a.dtype.type(0)
        for j in range(a.shape[1]):
            product += da[i, j] * a[i, j]
        for j in range(a.shape[1]):
            dz[i, j] = a[i, j] * (da[i, j] - product)


@elementwise("a")
def leaky_relu(z, slope):
    return where(z > 0, z, slope * z)


@elementwise("dz")
def leaky_relu_derivative(da, a, z, slope):
    return where(a > 0, da, slope * da)


@elementwise("a")
def elu(z, slope):
    return where(z > 0, z, slope * expm1(where(z > 0, 0.0, z)))


@elementwise("dz")
def elu_derivative(da, a, z, slope):
    return da * where(a > 0, 1.0, a + slope)


@elementwise("a")
def selu(z, slope):
    return where(z > 0, SELU_SCALE * z, SELU_SCALE * SELU_ALPHA * expm1(where(z > 0, 0.0, z)))


@elementwise("dz")
def selu_derivative(da, a, z, slope):
    return da * where(a > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA)


@elementwise("a")
def absolute(z, slope):
    return abs(z)


@elementwise("dz")
def absolute_derivative(da, a, z, slope):
    return where(z > 0, da, where(z < 0, -da, da * z))


@elementwise("a")
def softplus(z, slope):
    return where(z < 0, 0.0, z) + log1p(exp(-abs(z)))


@elementwise("dz")
def softplus_derivative(da, a, z, slope):
    return -da * expm1(-a)


@elementwise("a")
def gelu(z, slope):
    return z * normal_cdf(z)


@elementwise("dz")
def gelu_derivative(da, a, z, slope):
    density = exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
    return da * (normal_cdf(z) + z * density)


def _gelu_inner(z):
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z)


@elementwise("a")
def gelu_tanh(z, slope):
    return z * logistic(2.0 * _gelu_inner(z))


@elementwise("dz")
def gelu_tanh_derivative(da, a, z, slope):
    twice = 2.0 * _gelu_inner(z)
    slope_of_u = math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * z * z)
    share = logistic(twice)
    return da * (share + 2.0 * z * slope_of_u * share * logistic(-twice))


@elementwise("a")
def silu(z, slope):
    return z * logistic(z)


@elementwise("dz")
def silu_derivative(da, a, z, slope):
    return da * (logistic(z) * (1.0 + z * logistic(-z)))


@elementwise("a")
def hard_sigmoid(z, slope):
    return clipped(z / 6.0 + 0.5, 0.0, 1.0)


@elementwise("dz")
def hard_sigmoid_derivative(da, a, z, slope):
    return where((a > 0) & (a < 1), da / 6.0, 0.0 * da)


@elementwise("a")
def hard_tanh(z, slope):
    return clipped(z, -1.0, 1.0)


@elementwise("dz")
def hard_tanh_derivative(da, a, z, slope):
    return where(abs(a) < 1, da, 0.0 * da)


@elementwise("a")
def exponential(z, slope):
    return exp(z)


@elementwise("dz")
def exponential_derivative(da, a, z, slope):
    return da * a


_forward = table([globals()[name] for name in ACTIVATIONS], ByAddress("value", (0, 1)))
_derivative = table([globals()[f"{name}_derivative"] for name in ACTIVATIONS], ByAddress("derivative", (0, 1, 3)))


@shared(types.none, MATRIX, MATRIX, types.int64, types.float64)
def activation_forward(a, z, activation, slope):
    """One switch a layer, next to nothing beside the loop it chooses."""
    if activation != IDENTITY or not is_same(a, z):
        _forward(activation, (a, z, slope))


@shared(types.none, MATRIX, MATRIX, MATRIX, MATRIX, types.int64, types.float64)
def activation_backward(dz, da, a, z, activation, slope):
    if activation != IDENTITY or not is_same(dz, da):
        _derivative(activation, (dz, da, a, z, slope))
