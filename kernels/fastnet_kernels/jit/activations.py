"""As in the reference. Loops over flat memory, which the compiler turns into vector instructions where the body is
arithmetic; one pass, no temporaries."""

from ..program import ACTIVATIONS
from .compiler import kernel, table
from .vector_math import exp, logistic
from .vector_math import tanh as hyperbolic_tangent
from .views import flat


@kernel
def identity(a, z):
    """Costs nothing where ``a`` is ``z`` itself, as in the engine: the compiler sees a copy onto itself."""
    a, z = flat(a), flat(z)
    for i in range(a.size):
        a[i] = z[i]


@kernel
def identity_derivative(dz, da, a):
    dz, da = flat(dz), flat(da)
    for i in range(dz.size):
        dz[i] = da[i]


@kernel
def relu(a, z):
    """Selects by ``z < 0``, which NaN is not, so NaN stays NaN."""
    a, z = flat(a), flat(z)
    zero = z.dtype.type(0)
    for i in range(a.size):
        a[i] = zero if z[i] < zero else z[i]


@kernel
def relu_derivative(dz, da, a):
    dz, da, a = flat(dz), flat(da), flat(a)
    zero = a.dtype.type(0)
    for i in range(dz.size):
        dz[i] = da[i] if a[i] > zero else zero * da[i]


@kernel
def sigmoid(a, z):
    a, z = flat(a), flat(z)
    for i in range(a.size):
        a[i] = logistic(z[i])


@kernel
def sigmoid_derivative(dz, da, a):
    dz, da, a = flat(dz), flat(da), flat(a)
    one = a.dtype.type(1)
    for i in range(dz.size):
        dz[i] = da[i] * (a[i] * (one - a[i]))


@kernel
def tanh(a, z):
    a, z = flat(a), flat(z)
    for i in range(a.size):
        a[i] = hyperbolic_tangent(z[i])


@kernel
def tanh_derivative(dz, da, a):
    dz, da, a = flat(dz), flat(da), flat(a)
    one = a.dtype.type(1)
    for i in range(dz.size):
        dz[i] = da[i] * (one - a[i] * a[i])


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
    """A chain of integer comparisons once a layer, next to nothing beside the loop it chooses."""
    _forward(activation, (a, z))


@kernel
def activation_backward(dz, da, a, activation):
    _derivative(activation, (dz, da, a))
