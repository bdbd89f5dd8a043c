"""As in the reference, written as formulas (see ``formula``): one pass in vector instructions, no temporaries, in place
or not. Softmax, which looks at whole rows, is loops."""

from ..program import ACTIVATIONS
from .compiler import kernel, table
from .formula import elementwise, where
from .vector_math import exp, logistic
from .vector_math import tanh as hyperbolic_tangent


@elementwise("a")
def identity(z):
    return z


@elementwise("dz")
def identity_derivative(da, a):
    return da


@elementwise("a")
def relu(z):
    """Selects by ``z < 0``, which NaN is not, so NaN stays NaN."""
    return where(z < 0, 0.0, z)


@elementwise("dz")
def relu_derivative(da, a):
    return where(a > 0, da, 0.0 * da)


@elementwise("a")
def sigmoid(z):
    return logistic(z)


@elementwise("dz")
def sigmoid_derivative(da, a):
    return da * (a * (1.0 - a))


@elementwise("a")
def tanh(z):
    return hyperbolic_tangent(z)


@elementwise("dz")
def tanh_derivative(da, a):
    return da * (1.0 - a * a)


@kernel
def softmax(a, z):
    for i in range(z.shape[0]):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            largest = max(largest, z[i, j])
        total = z.dtype.type(0)
        for j in range(z.shape[1]):
            e = exp(z[i, j] - largest)
            a[i, j] = e
            total += e
        inverse = z.dtype.type(1) / total
        for j in range(z.shape[1]):
            a[i, j] *= inverse


@kernel
def softmax_derivative(dz, da, a):
    for i in range(a.shape[0]):
        product = a.dtype.type(0)
        for j in range(a.shape[1]):
            product += da[i, j] * a[i, j]
        for j in range(a.shape[1]):
            dz[i, j] = a[i, j] * (da[i, j] - product)


_forward = table([globals()[name] for name in ACTIVATIONS])
_derivative = table([globals()[f"{name}_derivative"] for name in ACTIVATIONS])


@kernel
def activation_forward(a, z, activation):
    """One switch a layer, next to nothing beside the loop it chooses."""
    _forward(activation, (a, z))


@kernel
def activation_backward(dz, da, a, activation):
    _derivative(activation, (dz, da, a))
