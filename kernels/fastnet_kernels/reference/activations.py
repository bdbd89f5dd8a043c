"""Activations: a function of z, and its derivative written with the output a = f(z) where that tells it.

Each ``<name>`` listed in ``program.ACTIVATIONS`` is a pair here: ``<name>(a, z, slope)`` fills ``a`` and
``<name>_derivative(dz, da, a, z, slope)`` fills ``dz = da * f'(z)`` (for softmax the product with its whole Jacobian).
All arrays are (n_samples, n_units); an output may be the same array as an input. ``z`` is the array ``a`` itself for
all but those in ``program.KEEP_Z``. ``slope`` is a number that ``leaky_relu`` and ``elu`` have of their own.
"""

import math
from collections.abc import Callable

import numpy as np

from ..custom import Function, registered
from ..program import ACTIVATIONS, Array


def identity(a: Array, z: Array, slope: float) -> None:
    """``a = z``."""
    a[...] = z


def identity_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da``."""
    dz[...] = da


def relu(a: Array, z: Array, slope: float) -> None:
    """``a = max(z, 0)`` (Nair and Hinton, 2010). NaN stays NaN, so that divergence is seen."""
    np.maximum(z, 0, out=a)


def relu_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da where a > 0, else 0``: the derivative at 0 is taken as 0."""
    np.multiply(da, a > 0, out=dz)


def sigmoid(a: Array, z: Array, slope: float) -> None:
    """``a = 1 / (1 + exp(-z))``, from exp of the negative magnitude so that no z overflows."""
    e = np.exp(-np.abs(z))
    a[...] = np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * a * (1 - a)``."""
    dz[...] = da * (a * (1 - a))


def tanh(a: Array, z: Array, slope: float) -> None:
    """``a = tanh(z)``."""
    np.tanh(z, out=a)


def tanh_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * (1 - a ** 2)``."""
    dz[...] = da * (1 - a * a)


def softmax(a: Array, z: Array, slope: float) -> None:
    """``a = exp(z) / sum(exp(z))`` over each row, shifted by the row's largest z so that none overflows."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    np.divide(e, e.sum(axis=1, keepdims=True), out=a)


def softmax_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = a * (da - sum(da * a))`` over each row: the Jacobian diag(a) - a aT times da."""
    dz[...] = a * (da - (da * a).sum(axis=1, keepdims=True))


def leaky_relu(a: Array, z: Array, slope: float) -> None:
    """``a = z where z > 0, else slope * z`` (Maas, Hannun and Ng, 2013)."""
    a[...] = np.where(z > 0, z, z.dtype.type(slope) * z)


def leaky_relu_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da where a > 0, else slope * da``; a is above 0 where z is, since no slope is below 0."""
    dz[...] = np.where(a > 0, da, a.dtype.type(slope) * da)


def elu(a: Array, z: Array, slope: float) -> None:
    """``a = z where z > 0, else slope * (exp(z) - 1)`` (Clevert, Unterthiner and Hochreiter, 2016; their alpha)."""
    a[...] = np.where(z > 0, z, z.dtype.type(slope) * np.expm1(np.minimum(z, 0)))


def elu_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da where a > 0, else da * (a + slope)``."""
    dz[...] = da * np.where(a > 0, 1, a + a.dtype.type(slope))


SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
"""The numbers that let mean 0 and variance 1 pass (Klambauer et al., 2017, appendix)."""


def selu(a: Array, z: Array, slope: float) -> None:
    """``a = scale * (z where z > 0, else alpha * (exp(z) - 1))`` (Klambauer et al., 2017)."""
    kind = z.dtype.type
    a[...] = np.where(z > 0, kind(SELU_SCALE) * z, kind(SELU_SCALE * SELU_ALPHA) * np.expm1(np.minimum(z, 0)))


def selu_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * (scale where a > 0, else a + scale * alpha)``."""
    kind = a.dtype.type
    dz[...] = da * np.where(a > 0, kind(SELU_SCALE), a + kind(SELU_SCALE * SELU_ALPHA))


def absolute(a: Array, z: Array, slope: float) -> None:
    """``a = |z|``."""
    np.abs(z, out=a)


def absolute_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * sign(z)``: the derivative at 0 is taken as 0."""
    dz[...] = da * np.sign(z)


def softplus(a: Array, z: Array, slope: float) -> None:
    """``a = log(1 + exp(z))`` (Dugas et al., 2001), from exp of the negative magnitude so that no z overflows."""
    a[...] = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * (1 - exp(-a))``, which is the logistic function of z."""
    dz[...] = -da * np.expm1(-a)


def _normal_cdf(z: Array) -> Array:
    """The standard normal distribution function."""
    from scipy.special import ndtr  # here, since to load it takes longer than all else at start-up

    return np.asarray(ndtr(z))


def gelu(a: Array, z: Array, slope: float) -> None:
    """``a = z * P(z)``, P the standard normal distribution function (Hendrycks and Gimpel, 2016)."""
    a[...] = z * _normal_cdf(z)


def gelu_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * (P(z) + z * p(z))``, p the standard normal density."""
    density = np.exp(-0.5 * z * z) / z.dtype.type(math.sqrt(2 * math.pi))
    dz[...] = da * (_normal_cdf(z) + z * density)


def gelu_tanh(a: Array, z: Array, slope: float) -> None:
    """``a = z * sigmoid(2 u)`` with ``u = sqrt(2 / pi) * (z + 0.044715 z**3)``: Hendrycks and Gimpel's approximation of
    gelu, whose ``0.5 * (1 + tanh(u))`` is the same function of u."""
    a[...] = z * _logistic(2 * _gelu_inner(z))


def gelu_tanh_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * (s + 2 z u' s (1 - s))`` with ``s = sigmoid(2 u)`` and ``u' = sqrt(2 / pi) * (1 + 3 * 0.044715
    z**2)``."""
    twice = 2 * _gelu_inner(z)
    slope_of_u = z.dtype.type(math.sqrt(2 / math.pi)) * (1 + z.dtype.type(3 * 0.044715) * z * z)
    share = _logistic(twice)
    dz[...] = da * (share + 2 * z * slope_of_u * share * _logistic(-twice))


def _gelu_inner(z: Array) -> Array:
    return z.dtype.type(math.sqrt(2 / math.pi)) * (z + z.dtype.type(0.044715) * z * z * z)


def _logistic(z: Array) -> Array:
    out = np.empty_like(z)
    sigmoid(out, z, 0.0)
    return out


def silu(a: Array, z: Array, slope: float) -> None:
    """``a = z * sigmoid(z)`` (Elfwing, Uchibe and Doya, 2018)."""
    a[...] = z * _logistic(z)


def silu_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * s * (1 + z * (1 - s))`` with ``s = sigmoid(z)``; 1 - s is ``sigmoid(-z)``, without cancellation."""
    dz[...] = da * (_logistic(z) * (1 + z * _logistic(-z)))


def hard_sigmoid(a: Array, z: Array, slope: float) -> None:
    """``a = z / 6 + 1 / 2``, held between 0 and 1, as in PyTorch and Howard et al. (2019)."""
    np.clip(z / 6 + z.dtype.type(0.5), 0, 1, out=a)


def hard_sigmoid_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da / 6 where 0 < a < 1, else 0``."""
    dz[...] = np.where((a > 0) & (a < 1), da / 6, 0 * da)


def hard_tanh(a: Array, z: Array, slope: float) -> None:
    """``a = z``, held between -1 and 1 (Collobert, 2004)."""
    np.clip(z, -1, 1, out=a)


def hard_tanh_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da where -1 < a < 1, else 0``."""
    dz[...] = np.where(np.abs(a) < 1, da, 0 * da)


def exponential(a: Array, z: Array, slope: float) -> None:
    """``a = exp(z)``, which has no bound."""
    np.exp(z, out=a)


def exponential_derivative(dz: Array, da: Array, a: Array, z: Array, slope: float) -> None:
    """``dz = da * a``."""
    np.multiply(da, a, out=dz)


_FORWARD: list[Callable[..., None]] = [globals()[name] for name in ACTIVATIONS]
_DERIVATIVE: list[Callable[..., None]] = [globals()[f"{name}_derivative"] for name in ACTIVATIONS]


def activation_forward(a: Array, z: Array, activation: int, slope: float) -> None:
    """Fill ``a`` with the activation of that code applied to ``z``; both (n_samples, n_units). The code of a user's own
    is that of ``custom``."""
    if activation < len(_FORWARD):
        _FORWARD[activation](a, z, slope)
    else:
        a[...] = _each(registered(activation).value, z)


def activation_backward(dz: Array, da: Array, a: Array, z: Array, activation: int, slope: float) -> None:
    """Fill ``dz`` from ``da``, the output ``a`` of the activation of that code and, for those in ``program.KEEP_Z`` and
    a user's own, its ``z``; all (n_samples, n_units)."""
    if activation < len(_DERIVATIVE):
        _DERIVATIVE[activation](dz, da, a, z, slope)
    else:
        dz[...] = da * _each(registered(activation).derivative, z)


def _each(function: Function, z: Array) -> Array:
    """The user's function of each number; NaN where it fails, as the compiled side has it."""

    def of_one(number: float) -> float:
        try:
            return function(number)
        except Exception:  # whatever a user's function raises
            return math.nan

    result: Array = np.vectorize(of_one, otypes=[float])(z)
    return result
