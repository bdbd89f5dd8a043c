"""Losses: the loss of each entry, their weighted sum, and the gradient of their weighted mean.

Each ``<name>`` listed in ``program.LOSSES`` is a function ``<name>(losses, doutput, output, targets, scale, slope)``
that fills ``losses`` with the loss of each entry and ``doutput`` (n_samples, n_out) with ``scale`` times its gradient.
``output`` is (n_samples, n_out): logits for the two cross-entropies, the logarithms of rates for poisson, predictions
for the others; to take the output activation into the loss keeps a logit, however large, from overflowing or losing its
gradient. An entry is one output of one sample, and ``losses`` and ``targets`` are (n_samples, n_out); for
categorical_crossentropy it is a sample, and losses are (n_samples, 1). ``slope`` is a number that huber has of its own.
"""

from collections.abc import Callable

import numpy as np

from ..program import CATEGORICAL, LOSSES, Array


def mean_squared_error(
    losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float
) -> None:
    """``(output - target) ** 2``."""
    difference = output - targets
    losses[...] = difference * difference
    doutput[...] = output.dtype.type(2 * scale) * difference


def binary_crossentropy(
    losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float
) -> None:
    """``-(t log p + (1 - t) log(1 - p))`` with ``p = sigmoid(z)``; targets t are in [0, 1].

    Computed as ``log(1 + exp(-|z|)) + z (1[z >= 0] - t)``, in which nothing cancels; its gradient is ``p - t``.
    """
    e = np.exp(-np.abs(output))
    losses[...] = np.log1p(e) + output * ((output >= 0).astype(output.dtype) - targets)
    probabilities = np.where(output >= 0, 1 / (1 + e), e / (1 + e))
    doutput[...] = output.dtype.type(scale) * (probabilities - targets)


def categorical_crossentropy(
    losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float
) -> None:
    """``-log softmax(z)[t]``; targets t are (n_samples, 1), class indices. Or ``-sum(t log softmax(z))``; targets t are
    (n_samples, n_out), the probabilities of the classes, which sum to 1.

    Computed as ``log(1 + sum of exp(z - max z) over the others) + (max z - z[t])``, in which nothing cancels; its
    gradient is ``softmax(z) - t``, indices as one-hot rows.
    """
    rows = np.arange(len(output))
    best = output.argmax(axis=1)
    shifted = output - output[rows, best][:, np.newaxis]
    e = np.exp(shifted)
    e[rows, best] = 0
    others = e.sum(axis=1)
    e[rows, best] = 1
    np.divide(e, 1 + others[:, np.newaxis], out=doutput)
    if targets.shape[1] == 1:
        classes = targets[:, 0].astype(np.intp)
        losses[:, 0] = np.log1p(others) - shifted[rows, classes]
        doutput[rows, classes] -= 1
    else:
        losses[:, 0] = np.log1p(others) - (targets * shifted).sum(axis=1)
        doutput -= targets
    doutput *= output.dtype.type(scale)


def mean_absolute_error(
    losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float
) -> None:
    """``|output - target|``; the gradient where they are equal is 0."""
    difference = output - targets
    np.abs(difference, out=losses)
    doutput[...] = output.dtype.type(scale) * np.sign(difference)


def huber(losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float) -> None:
    """With d the difference ``d ** 2 / 2`` where |d| is at most ``slope``, and beyond ``slope (|d| - slope / 2)``
    (Huber, 1964)."""
    difference, kind = output - targets, output.dtype.type
    size = np.abs(difference)
    losses[...] = np.where(size > slope, kind(slope) * (size - kind(slope / 2)), kind(0.5) * difference * difference)
    doutput[...] = kind(scale) * np.clip(difference, -kind(slope), kind(slope))


def log_cosh(losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float) -> None:
    """``log(cosh(output - target))``, whose gradient is ``tanh(output - target)``.

    With ``e = exp(-|d|) - 1`` it is ``log1p(e**2 / (2 (1 + e)))`` where |d| is small, which keeps its digits, and
    ``|d| + log1p(e (e + 2) / 2)`` elsewhere, which does not overflow.
    """
    difference = output - targets
    size = np.abs(difference)
    e, near = np.expm1(-size), size < 1
    inner = np.where(near, e * e / (2 * (1 + np.where(near, e, 0))), e * (e + 2) / 2)
    losses[...] = np.where(near, 0, size) + np.log1p(inner)
    doutput[...] = output.dtype.type(scale) * np.tanh(difference)


def poisson(losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float) -> None:
    """``exp(z) - t z``, minus the logarithm of the probability of the count t at the rate exp(z), but for what does not
    depend on z; targets t are at least 0."""
    rates = np.exp(output)
    losses[...] = rates - targets * output
    doutput[...] = output.dtype.type(scale) * (rates - targets)


def hinge(losses: Array, doutput: Array, output: Array, targets: Array, scale: float, slope: float) -> None:
    """``max(1 - t z, 0)``; targets t are -1 and 1. The gradient is ``-t`` where that is above 0."""
    margin = 1 - targets * output
    losses[...] = np.maximum(margin, 0)
    doutput[...] = output.dtype.type(scale) * np.where(margin > 0, -targets, 0 * margin)


_LOSSES: list[Callable[..., None]] = [globals()[name] for name in LOSSES]


def weigh(losses: Array, doutput: Array, weights: Array) -> float:
    """Multiply each entry's gradient ``doutput`` (n_samples, n_out) by its weight, and return the weighted sum of
    ``losses``, in float64. ``losses`` and ``weights`` are (n_samples, n_out) or (n_samples, 1). What has the weight 0
    is left out whatever it is."""
    doutput[...] = np.where(weights > 0, doutput * weights, 0)
    return float(np.sum(np.where(weights > 0, losses * weights, 0), dtype=np.float64))


def loss_forward_backward(
    losses: Array,
    doutput: Array,
    output: Array,
    targets: Array,
    weights: Array,
    scale: float,
    loss: int,
    slope: float,
) -> float:
    """The loss of that code.

    Parameters
    ----------
    losses : (n_samples, n_out) or (n_samples, 1), output: the loss of each entry, without its weight
    doutput : (n_samples, n_out), output: the gradient of ``scale`` times the weighted sum of the losses
    output : (n_samples, n_out)
    targets : what the loss says
    weights : of the shape of ``losses``; or (0, k), where every entry counts as one
    scale : usually one over the sum of the batch's weights
    loss, slope : the code, and the number of its own that a loss may have

    Returns
    -------
    float
        The weighted sum of the losses.
    """
    _LOSSES[loss](losses, doutput, output, targets, scale, slope)
    if len(weights) > 0:
        return weigh(losses, doutput, weights)
    return float(np.sum(losses, dtype=np.float64))


def count_correct(output: Array, targets: Array, loss: int) -> float:
    """How many samples have the right class.

    For categorical_crossentropy the largest output's index is the target, or that of the largest of the targets.
    Otherwise each output is a number that says yes above 0, a target one that does above one half, and a sample counts
    by the share of its outputs that agree with its targets; a target that is NaN agrees with nothing.
    """
    if loss != CATEGORICAL:
        return float(np.count_nonzero(((output > 0) == (targets > 0.5)) & ~np.isnan(targets)) / output.shape[1])
    classes = targets[:, 0] if targets.shape[1] == 1 else targets.argmax(axis=1)
    return float(np.count_nonzero(output.argmax(axis=1) == classes))
