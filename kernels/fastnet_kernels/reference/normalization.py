"""Normalisation: what goes into a layer is brought to mean 0 and variance 1, then multiplied by gamma and moved by
beta, which are trained.

Batch normalisation (Ioffe and Szegedy, 2015) takes mean and variance of each unit over the samples of the batch, and in
prediction those that were met in training, as running averages. Layer normalisation (Ba, Kiros and Hinton, 2016) takes
them of each sample over its units. Variances divide by the count, not by one less.

Rows may have weights: ``weights`` (n_samples, n_entries), the mean of whose row counts, or (0, n_entries) where each
row counts as one. A row of weight 2 is then two equal rows.

A batch's rows may lie with several members of a team. Each sums over its own (``own_moments``), and everybody puts them
together (``merge_moments``): Chan, Golub and LeVeque (1979), which loses no digits where a mean is far from 0.
"""

import numpy as np

from ..program import Array


def own_moments(mean: Array, squares: Array, x: Array, weights: Array) -> None:
    """Fill ``mean`` (n,) with the mean of the rows of ``x`` (n_samples, n), and ``squares`` (n,) with the sums of the
    squares of what is beside it. Both are 0 where no row has a weight."""
    factors = weights.mean(axis=1, keepdims=True) if len(weights) else np.ones((len(x), 1), x.dtype)
    total = factors.sum()
    np.divide((factors * x).sum(axis=0), total if total > 0 else 1, out=mean)
    difference = x - mean
    np.sum(factors * difference * difference, axis=0, out=squares)


def merge_moments(
    mean: Array, variance: Array, own_mean: Array, own_squares: Array, count: float, others: float
) -> None:
    """Put the moments of ``count`` rows more, or of rows of so much weight, to those of ``others``, which may be none;
    all vectors (n,).

    ``variance`` holds the variance times ``others`` before and times ``others + count`` after, a sum of squares.
    """
    if others == 0:
        mean[...], variance[...] = own_mean, own_squares
        return
    kind, total = mean.dtype.type, others + count
    difference = own_mean - mean
    mean += difference * kind(count / total)
    variance += own_squares + difference * difference * kind(count * others / total)


def batch_norm_forward(
    z: Array, x: Array, mean: Array, variance: Array, gamma: Array, beta: Array, epsilon: float
) -> None:
    """Fill ``z = (x - mean) / sqrt(variance + epsilon) * gamma + beta``; z and x (n_samples, n), the others (n,)."""
    np.multiply(x - mean, gamma / np.sqrt(variance + x.dtype.type(epsilon)), out=z)
    z += beta


def batch_norm_gradients(
    dbeta: Array,
    dgamma: Array,
    dz: Array,
    x: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    accumulate: bool,
) -> None:
    """Fill ``dbeta = sum(dz)`` and ``dgamma = sum(dz * xhat)`` over the samples, with ``xhat = (x - mean) /
    sqrt(variance + epsilon)``; or add to them. dz and x (n_samples, n), the others (n,)."""
    if not accumulate:
        dbeta[...] = 0
        dgamma[...] = 0
    dbeta += dz.sum(axis=0)
    dgamma += (dz * ((x - mean) / np.sqrt(variance + x.dtype.type(epsilon)))).sum(axis=0)


def batch_norm_backward(
    dx: Array,
    dz: Array,
    x: Array,
    weights: Array,
    mean: Array,
    variance: Array,
    gamma: Array,
    dbeta: Array,
    dgamma: Array,
    share: float,
    epsilon: float,
) -> None:
    """Fill ``dx = gamma / sqrt(variance + epsilon) * (dz - weight * share * (dbeta + xhat * dgamma))``, with each row's
    weight.

    ``share`` is one over the sum of the weights in the batch (the number of its samples, if there are none), over which
    dbeta and dgamma are summed; or 0 where mean and variance are running averages, which do not depend on x. dx, dz and
    x (n_samples, n), the others (n,).
    """
    kind = x.dtype.type
    inverse = 1 / np.sqrt(variance + kind(epsilon))
    shares = kind(share) * weights.mean(axis=1, keepdims=True) if len(weights) else kind(share)
    dx[...] = gamma * inverse * (dz - shares * (dbeta + (x - mean) * inverse * dgamma))


def running_average(average: Array, value: Array, momentum: float, factor: float) -> None:
    """``average = momentum * average + (1 - momentum) * factor * value``, all (n,). With the variance of n samples the
    factor is ``n / (n - 1)``: what prediction needs is that of the samples' distribution."""
    average *= average.dtype.type(momentum)
    average += average.dtype.type((1 - momentum) * factor) * value


def layer_norm_forward(z: Array, x: Array, gamma: Array, beta: Array, epsilon: float) -> None:
    """Fill ``z = xhat * gamma + beta`` with ``xhat = (x - mean) / sqrt(variance + epsilon)``, mean and variance of each
    row; z and x (n_samples, n), the others (n,)."""
    xhat, _ = _standardised(x, epsilon)
    np.multiply(xhat, gamma, out=z)
    z += beta


def layer_norm_gradients(dbeta: Array, dgamma: Array, dz: Array, x: Array, epsilon: float, accumulate: bool) -> None:
    """Fill ``dbeta = sum(dz)`` and ``dgamma = sum(dz * xhat)`` over the samples, or add to them; dz and x (n_samples,
    n), the others (n,)."""
    if not accumulate:
        dbeta[...] = 0
        dgamma[...] = 0
    dbeta += dz.sum(axis=0)
    dgamma += (dz * _standardised(x, epsilon)[0]).sum(axis=0)


def layer_norm_backward(dx: Array, dz: Array, x: Array, gamma: Array, epsilon: float) -> None:
    """Fill ``dx = (g - mean(g) - xhat * mean(g * xhat)) / sqrt(variance + epsilon)`` with ``g = gamma * dz``, means
    over each row; dx, dz and x (n_samples, n), gamma (n,)."""
    xhat, inverse = _standardised(x, epsilon)
    g = gamma * dz
    dx[...] = inverse * (g - g.mean(axis=1, keepdims=True) - xhat * (g * xhat).mean(axis=1, keepdims=True))


def _standardised(x: Array, epsilon: float) -> tuple[Array, Array]:
    difference = x - x.mean(axis=1, keepdims=True)
    variance = (difference * difference).mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    return difference * inverse, inverse
