"""Losses: the sum over the samples, and the gradient of the mean.

Each ``<name>`` listed in ``program.LOSSES`` is a function ``<name>(doutput, output, targets, scale)`` that fills
``doutput`` with ``scale`` times the gradient of the summed loss and returns the sum in float64. ``output`` is
(n_samples, n_out): predictions for mean_squared_error, logits for the two cross-entropies, which take the output
activation into the loss so that no logit, however large, overflows or loses its gradient. The loss of one sample is
the mean over its outputs.
"""

from collections.abc import Callable

import numpy as np

from ..program import LOSSES, Array


def mean_squared_error(doutput: Array, output: Array, targets: Array, scale: float) -> float:
    """Sum of ``mean((output - targets) ** 2)``; targets are (n_samples, n_out)."""
    difference = output - targets
    n_out = output.shape[1]
    doutput[...] = output.dtype.type(2 * scale / n_out) * difference
    return float(np.sum(difference * difference, dtype=np.float64) / n_out)


def binary_crossentropy(doutput: Array, output: Array, targets: Array, scale: float) -> float:
    """Sum of ``-(t log p + (1 - t) log(1 - p))`` with ``p = sigmoid(z)``; targets t are (n_samples, n_out), in [0, 1].

    Computed as ``log(1 + exp(-|z|)) + z (1[z >= 0] - t)``, in which nothing cancels; its gradient is ``p - t``.
    """
    n_out = output.shape[1]
    e = np.exp(-np.abs(output))
    losses = np.log1p(e) + output * ((output >= 0).astype(output.dtype) - targets)
    probabilities = np.where(output >= 0, 1 / (1 + e), e / (1 + e))
    doutput[...] = output.dtype.type(scale / n_out) * (probabilities - targets)
    return float(np.sum(losses, dtype=np.float64) / n_out)


def categorical_crossentropy(doutput: Array, output: Array, targets: Array, scale: float) -> float:
    """Sum of ``-log softmax(z)[t]``; targets t are (n_samples, 1), class indices.

    Computed as ``log(1 + sum of exp(z - max z) over the others) + (max z - z[t])``, in which nothing cancels; its
    gradient is ``softmax(z) - onehot(t)``.
    """
    rows = np.arange(len(output))
    classes, best = targets[:, 0].astype(np.intp), output.argmax(axis=1)
    shifted = output - output[rows, best][:, np.newaxis]
    e = np.exp(shifted)
    e[rows, best] = 0
    others = e.sum(axis=1)
    losses = np.log1p(others) - shifted[rows, classes]
    e[rows, best] = 1
    np.divide(e, 1 + others[:, np.newaxis], out=doutput)
    doutput[rows, classes] -= 1
    doutput *= output.dtype.type(scale)
    return float(np.sum(losses, dtype=np.float64))


_LOSSES: list[Callable[..., float]] = [globals()[name] for name in LOSSES]


def loss_forward_backward(doutput: Array, output: Array, targets: Array, scale: float, loss: int) -> float:
    """Fill ``doutput`` and return the summed loss, by the loss of that code."""
    return _LOSSES[loss](doutput, output, targets, scale)


def count_correct(output: Array, targets: Array) -> float:
    """How many samples have the right class.

    With one column of targets and several of output: the largest output's index is the target. Otherwise each output
    is a logit that says yes above 0, and a sample counts by the share of its outputs that agree with its targets.
    """
    if targets.shape[1] == 1 and output.shape[1] > 1:
        return float(np.count_nonzero(output.argmax(axis=1) == targets[:, 0]))
    return float(np.count_nonzero((output > 0) == (targets > 0.5)) / output.shape[1])
