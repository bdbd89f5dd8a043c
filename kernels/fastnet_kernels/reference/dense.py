"""The dense layer: ``a = f(x @ weights + biases)``, and its gradients."""

import numpy as np

from ..program import Array
from .activations import activation_backward, activation_forward


def dense_forward(a: Array, x: Array, weights: Array, biases: Array, activation: int) -> None:
    """Fill ``a = f(x @ weights + biases)``.

    Parameters
    ----------
    a : (n_samples, n_out), output
    x : (n_samples, n_in)
    weights : (n_in, n_out)
    biases : (n_out,)
    activation : the code of f
    """
    np.matmul(x, weights, out=a)
    a += biases
    activation_forward(a, a, activation)


def dense_backward(
    dx: Array,
    dz: Array,
    dweights: Array,
    dbiases: Array,
    da: Array,
    a: Array,
    x: Array,
    weights: Array,
    activation: int,
    needs_dx: bool,
) -> None:
    """Fill the gradients of a dense layer from ``da``, the gradient with respect to its output.

    ``dz = da * f'(z)``, ``dweights = xT @ dz``, ``dbiases = sum(dz)`` over samples, ``dx = dz @ weightsT`` (Goodfellow,
    Bengio and Courville, Deep Learning, algorithm 6.4; rows are samples here).

    Parameters
    ----------
    dx : (n_samples, n_in), output; left alone unless needs_dx
    dz : (n_samples, n_out), output; may be ``da`` itself
    dweights : (n_in, n_out), output
    dbiases : (n_out,), output
    da, a : (n_samples, n_out)
    x : (n_samples, n_in)
    weights : (n_in, n_out)
    activation : the code of f
    needs_dx : False for the first layer, whose input has no gradient to pass on
    """
    activation_backward(dz, da, a, activation)
    np.matmul(x.T, dz, out=dweights)
    np.sum(dz, axis=0, out=dbiases)
    if needs_dx:
        np.matmul(dz, weights.T, out=dx)


def l2_penalty(dweights: Array, weights: Array, l2: float) -> float:
    """Add ``l2 * weights`` to ``dweights`` and return the penalty ``l2 / 2 * sum(weights ** 2)``; biases have none.

    Both are (n_in, n_out). The half makes the gradient ``l2 * weights``, as PyTorch's and Keras's weight decay has it.
    """
    dweights += weights.dtype.type(l2) * weights
    return 0.5 * l2 * float(np.vdot(weights, weights))
