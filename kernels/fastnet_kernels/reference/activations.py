"""Activations: a function of z, and its derivative written with the output a = f(z).

Each ``<name>`` listed in ``program.ACTIVATIONS`` is a pair here: ``<name>(a, z)`` fills ``a`` and
``<name>_derivative(dz, da, a)`` fills ``dz = da * f'(z)`` (for softmax the product with its whole Jacobian). All
arrays are (n_samples, n_units); an output may be the same array as an input.
"""

from collections.abc import Callable

import numpy as np

from ..program import ACTIVATIONS, Array


def identity(a: Array, z: Array) -> None:
    """``a = z``."""
    a[...] = z


def identity_derivative(dz: Array, da: Array, a: Array) -> None:
    """``dz = da``."""
    dz[...] = da


def relu(a: Array, z: Array) -> None:
    """``a = max(z, 0)`` (Nair and Hinton, 2010). NaN stays NaN, so that divergence is seen."""
    np.maximum(z, 0, out=a)


def relu_derivative(dz: Array, da: Array, a: Array) -> None:
    """``dz = da where a > 0, else 0``: the derivative at 0 is taken as 0."""
    np.multiply(da, a > 0, out=dz)


def sigmoid(a: Array, z: Array) -> None:
    """``a = 1 / (1 + exp(-z))``, from exp of the negative magnitude so that no z overflows."""
    e = np.exp(-np.abs(z))
    a[...] = np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_derivative(dz: Array, da: Array, a: Array) -> None:
    """``dz = da * a * (1 - a)``."""
    dz[...] = da * (a * (1 - a))


def tanh(a: Array, z: Array) -> None:
    """``a = tanh(z)``."""
    np.tanh(z, out=a)


def tanh_derivative(dz: Array, da: Array, a: Array) -> None:
    """``dz = da * (1 - a ** 2)``."""
    dz[...] = da * (1 - a * a)


def softmax(a: Array, z: Array) -> None:
    """``a = exp(z) / sum(exp(z))`` over each row, shifted by the row's largest z so that none overflows."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    np.divide(e, e.sum(axis=1, keepdims=True), out=a)


def softmax_derivative(dz: Array, da: Array, a: Array) -> None:
    """``dz = a * (da - sum(da * a))`` over each row: the Jacobian diag(a) - a aT times da."""
    dz[...] = a * (da - (da * a).sum(axis=1, keepdims=True))


_FORWARD: list[Callable[..., None]] = [globals()[name] for name in ACTIVATIONS]
_DERIVATIVE: list[Callable[..., None]] = [globals()[f"{name}_derivative"] for name in ACTIVATIONS]


def activation_forward(a: Array, z: Array, activation: int) -> None:
    """Fill ``a`` with the activation of that code applied to ``z``; both (n_samples, n_units)."""
    _FORWARD[activation](a, z)


def activation_backward(dz: Array, da: Array, a: Array, activation: int) -> None:
    """Fill ``dz`` from ``da`` and the output ``a`` of the activation of that code; all (n_samples, n_units)."""
    _DERIVATIVE[activation](dz, da, a)
