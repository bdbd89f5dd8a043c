"""The dense layer: ``a = f(x @ weights + biases)``, and its gradients; and the first layer in sample space.

Sample space: with the whole set X (n, d) in every batch and an update that is linear in the gradient, the first
layer's weights stay what they began with, faded by L2, and a combination of the samples, since the gradient is ``XT @
dz + l2 * W``. What the samples have in common is kept apart: along a direction of length 1, their mean's or about it,
each goes so far (``along``, (n,)); the rest of it is at right angles, X = P + along * direction. The weights are
``PT @ A + direction * s + share * W0``, W0 being at right angles too. So A (n, n_out) and s, one row more, take the
place of the weights, with gradients ``dz + l2 * A`` and ``alongT @ dz + l2 * s``, and the share is one more parameter,
with gradient ``l2 * share``; the same optimizer updates all. A row of x is then ``[P_i @ PT, along_i, P_i @ W0]``, n +
1 + n_out numbers where there were d. Without the direction, products of numbers that are all positive would be so large
that float32 has few digits left for what differs.
"""

import numpy as np

from ..program import Array
from .activations import activation_backward, activation_forward, relu_derivative


def dense_forward(a: Array, z: Array, x: Array, weights: Array, biases: Array, activation: int, slope: float) -> None:
    """Fill ``z = x @ weights + biases`` and ``a = f(z)``.

    Parameters
    ----------
    a, z : (n_samples, n_out), outputs; the same array where nobody needs z
    x : (n_samples, n_in)
    weights : (n_in, n_out)
    biases : (n_out,)
    activation, slope : the code of f, and the number of its own that it may have
    """
    np.matmul(x, weights, out=z)
    z += biases
    activation_forward(a, z, activation, slope)


def dense_backward(
    dx: Array,
    dz: Array,
    da: Array,
    a: Array,
    z: Array,
    x: Array,
    weights: Array,
    activation: int,
    slope: float,
    needs_dx: bool,
    is_rectified: bool,
) -> None:
    """Fill ``dz = da * f'(z)`` and ``dx = dz @ weightsT`` from ``da``, the gradient with respect to a dense layer's
    output (Goodfellow, Bengio and Courville, Deep Learning, algorithm 6.4; rows are samples here).

    Parameters
    ----------
    dx : (n_samples, n_in), output; left alone unless needs_dx
    dz : (n_samples, n_out), output; may be ``da`` itself
    da, a, z : (n_samples, n_out)
    x : (n_samples, n_in), which nobody looks at unless is_rectified
    weights : (n_in, n_out)
    activation, slope : as in dense_forward
    needs_dx : False for the first layer, whose input has no gradient to pass on
    is_rectified : whether ReLU gave x, so that dx is to be the gradient with respect to what ReLU was given
    """
    activation_backward(dz, da, a, z, activation, slope)
    if needs_dx:
        np.matmul(dz, weights.T, out=dx)
    if needs_dx and is_rectified:
        relu_derivative(dx, dx, x, x, 0.0)


def dense_gradients(dweights: Array, dbiases: Array, x: Array, dz: Array, first: int, accumulate: bool) -> None:
    """Fill ``dweights = xT @ dz`` for some of the inputs, and ``dbiases = sum(dz)`` over the samples.

    Parameters
    ----------
    dweights : (n, n_out), output, or added to if accumulate: the rows of the inputs from ``first`` on
    dbiases : (n_out,), the same; or empty, where another member of a team has them
    x : (n_samples, n_in)
    dz : (n_samples, n_out)
    first : the first of the inputs
    accumulate : True for the later blocks of rows of one batch
    """
    if not accumulate:
        dweights[...] = 0
        dbiases[...] = 0
    dweights += x[:, first : first + len(dweights)].T @ dz
    if dbiases.size:
        dbiases += dz.sum(axis=0)


def weight_penalty(dweights: Array, weights: Array, l1: float, l2: float) -> float:
    """Add ``l1 * sign(weights) + l2 * weights`` to ``dweights`` and return the penalty ``l1 * sum(abs(weights)) + l2 /
    2 * sum(weights ** 2)``; biases have none.

    Both are of one size. The half makes the gradient ``l2 * weights``, as PyTorch's and Keras's weight decay has it.
    """
    kind = weights.dtype.type
    dweights += kind(l1) * np.sign(weights) + kind(l2) * weights
    return l1 * float(np.abs(weights).sum()) + 0.5 * l2 * float(np.vdot(weights, weights))


def hold_norms(weights: Array, norms: Array, max_norm: float) -> None:
    """Shrink each column of ``weights`` (n_in, n_out), the weights into one unit, whose norm is above ``max_norm`` to
    that norm (Srivastava et al., 2014). ``norms`` (n_out,) is scratch."""
    np.sqrt((weights * weights).sum(axis=0), out=norms)
    weights *= np.where(norms > max_norm, weights.dtype.type(max_norm) / np.where(norms > max_norm, norms, 1), 1)


def samples_products(
    products: Array, turned: Array, x: Array, along: Array, weights: Array, first: int, end: int
) -> None:
    """Add to ``products`` what some features give of ``[p @ pT, p @ weights]`` for ``p = x - along * weights[:, 0]T``,
    for some of the samples: their rows, but for the columns of samples before ``first``, and their columns below, since
    the products are symmetric.

    Parameters
    ----------
    products : (n or more, n + n_out or more), output, which is added to
    turned : (m, as wide as products), scratch for m features at a time
    x : (n, n_features), all samples
    along : (n,)
    weights : (n_features, n_out), of which the first column is the direction
    first, end : the samples
    """
    n, n_out = len(x), weights.shape[1]
    for start in range(0, x.shape[1], len(turned)):
        some = slice(start, start + len(turned))
        p = x[first:, some] - np.outer(along[first:], weights[some, 0])
        products[first:end, first:n] += p[: end - first] @ p.T
        products[first:end, n : n + n_out] += p[: end - first] @ weights[some]
    products[end:n, first:end] = products[first:end, end:n].T


def samples_weights(
    weights: Array, x: Array, combination: Array, of_direction: Array, share: Array, initial_weights: Array, first: int
) -> None:
    """Fill ``weights = xT @ combination + direction * of_direction + share * W0`` for some of the features.

    Parameters
    ----------
    weights : (m, n_out), output
    x : (n, n_features), all samples
    combination : (n, n_out)
    of_direction : (n_out,)
    share : (1,)
    initial_weights : (m, 1 + n_out), the direction and W0
    first : the first of the m features in x
    """
    # Copied, as NumPy's bits depend on how far apart rows are.
    np.matmul(np.ascontiguousarray(x[:, first : first + len(weights)]).T, combination, out=weights)
    weights += np.outer(initial_weights[:, 0], of_direction) + share * initial_weights[:, 1:]


def samples_forward(
    a: Array,
    z: Array,
    x: Array,
    combination: Array,
    share: Array,
    biases: Array,
    first_row: int,
    activation: int,
    slope: float,
) -> None:
    """Fill ``z = x[:, :n] @ combination + share * x[:, n : n + n_out] + biases`` and ``a = f(z)`` for some of the
    samples.

    Parameters
    ----------
    a, z : (n_samples, n_out), outputs; the same array where nobody needs z
    x : (n, n + n_out or more)
        What each sample of the whole set is in sample space: its products with all, which are symmetric, and with the
        weights that the training began with. The last sample is the direction, and has no output.
    combination : (n, n_out)
    share : (1,)
    biases : (n_out,)
    first_row : where in the whole set the samples of a and z begin
    activation, slope : as in dense_forward
    """
    n, n_out = combination.shape
    x = x[first_row : first_row + len(z)]
    np.matmul(x[:, :n], combination, out=z)
    z += share * x[:, n : n + n_out] + biases
    activation_forward(a, z, activation, slope)


def samples_gradients(
    dcombination: Array, dbiases: Array, x: Array, dz: Array, n: int, first: int, first_row: int, accumulate: bool
) -> None:
    """Fill the gradients of the first layer in sample space, for some of its n samples and the direction.

    Parameters
    ----------
    dcombination : (m, n_out), output: the rows of the samples from ``first`` on, and of the direction where they reach
        it. Those that are in this block are filled with ``dz``, that of the direction, row n, with what these samples
        add to it, or it is added to if accumulate; the others are left alone
    dbiases : (n_out,), output, or added to if accumulate; or empty, where another member of a team has them
    x : (n_samples, n + 1 + n_out or more), the rows of these samples
    dz : (n_samples, n_out)
    n : the samples in all
    first : the first of the samples in dcombination
    first_row : where in the whole set the samples of dz begin
    accumulate : True for the later blocks of rows
    """
    begin, end = max(first, first_row), min(first + len(dcombination), first_row + len(dz))
    if begin < end:
        dcombination[begin - first : end - first] = dz[begin - first_row : end - first_row]
    of_direction = dcombination[n - first :] if first <= n else dcombination[:0]
    if not accumulate:
        of_direction[...] = 0
        dbiases[...] = 0
    if len(of_direction):
        of_direction += x[:, n : n + 1].T @ dz
    if dbiases.size:
        dbiases += dz.sum(axis=0)


def samples_penalty(product: Array, x: Array, combination: Array, share: Array, first_row: int) -> float:
    """The part of ``sum(W ** 2)`` that belongs to these samples, and with the last of them that of the direction, for
    the weights W, without the ``share ** 2 * sum(W0 ** 2)`` that belongs to none.

    Parameters
    ----------
    product : (n_samples, n_out), scratch
    x : (n_samples, n + 1 + n_out or more), the rows of these samples
    combination : (n + 1, n_out)
    share : (1,)
    first_row : where in the whole set the samples begin
    """
    n, n_out = len(combination) - 1, combination.shape[1]
    np.matmul(x[:, :n], combination[:n], out=product)
    product += 2 * share * x[:, n + 1 : n + 1 + n_out]
    total = float(np.vdot(product, combination[first_row : first_row + len(x)]))
    if first_row + len(x) == n:
        total += float(np.vdot(combination[n], combination[n]))
    return total
