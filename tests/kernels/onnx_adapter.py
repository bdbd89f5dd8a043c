"""How onnx's operators run on the kernels: a shape becomes rows, onnx's own factors go into what a kernel reads, and
the kernel does the rest.

An output comes with how far from the truth it may be. onnx's outputs are rounded to float32, and so are ours: each is
allowed the roundings of the standard analysis (as in ``fastnet_kernels.cases``), n for a sum of n terms and ``FEW`` for
an elementwise formula, of the size of what is summed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from fastnet_kernels.cases import FEW
from fastnet_kernels.program import ACTIVATIONS, CATEGORICAL
from fastnet_kernels.reference.activations import SELU_ALPHA, SELU_SCALE

Array = npt.NDArray[Any]
Outputs = Sequence[tuple[Array, npt.ArrayLike]]
"""Each output, and how far from the truth it may be in roundings of a number of size 1; 0 demands equality."""
Call = Callable[..., Any]
"""``call(module, kernel, *arguments)`` runs a kernel of one side in float32."""


@dataclass(frozen=True)
class Case:
    """One of onnx's cases: its operator with all attributes (defaults too), what goes in and what must come out."""

    name: str
    operator: str
    attributes: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]


# What every adapter needs


def floats(values: npt.ArrayLike) -> Array:
    """A new C-ordered float32 array, as the kernels take them."""
    return np.array(values, np.float32, order="C")


def unfilled(*shape: int) -> Array:
    return np.full(shape, np.nan, np.float32)


def last(x: Array, axis: int) -> Array:
    """The rows along an axis: (n_rows, the axis's length)."""
    moved = np.moveaxis(x, axis, -1)
    return floats(moved.reshape(-1, moved.shape[-1]))


def back(rows: Array, like: Array, axis: int) -> Array:
    """``last`` undone."""
    return np.moveaxis(rows.reshape(np.moveaxis(like, axis, -1).shape), -1, axis)


# Activations


def activate(call: Call, name: str, x: Array, slope: float = 0.0, axis: int = -1) -> Array:
    z = last(x, axis)
    a = unfilled(*z.shape)
    call("activations", "activation_forward", a, z, ACTIVATIONS.index(name), float(slope))
    return back(a, x, axis)


def exact(name: str) -> Callable[[Call, Case], Outputs]:
    return lambda call, case: [(activate(call, name, case.inputs[0]), 0)]


def curve(name: str) -> Callable[[Call, Case], Outputs]:
    """onnx's own formulas sum 1 and an exponential, an error function or a tangent that rounds its argument too."""
    return lambda call, case: [(activate(call, name, case.inputs[0]), FEW * (1 + np.abs(case.inputs[0])))]


def leaky_relu(call: Call, case: Case) -> Outputs:
    (x,), alpha = case.inputs, case.attributes["alpha"]
    return [(activate(call, "leaky_relu", x, alpha), FEW * np.abs(x))]


def elu(call: Call, case: Case) -> Outputs:
    (x,), alpha = case.inputs, case.attributes["alpha"]
    return [(activate(call, "elu", x, alpha), FEW * (alpha + np.abs(x)))]


def selu(call: Call, case: Case) -> Outputs:
    """With other numbers than the paper's it is an ELU times gamma."""
    (x,), alpha, gamma = case.inputs, case.attributes["alpha"], case.attributes["gamma"]
    if (alpha, gamma) == (np.float32(SELU_ALPHA), np.float32(SELU_SCALE)):
        a = activate(call, "selu", x)
    else:
        a = gamma * activate(call, "elu", x, alpha)
    return [(a, FEW * gamma * (alpha + np.abs(x)))]


def gelu(call: Call, case: Case) -> Outputs:
    return curve("gelu_tanh" if case.attributes["approximate"] == b"tanh" else "gelu")(call, case)


def swish(call: Call, case: Case) -> Outputs:
    (x,), alpha = case.inputs, case.attributes["alpha"]
    return [(activate(call, "silu", alpha * x) / alpha, FEW * (1 + np.abs(x)))]


def hard_sigmoid(call: Call, case: Case) -> Outputs:
    """Ours is the line z / 6 + 1 / 2 (onnx's default slope is 0.2), so another line is another z."""
    (x,), alpha, beta = case.inputs, case.attributes["alpha"], case.attributes["beta"]
    z = 6 * (alpha * x + (beta - 0.5))
    return [(activate(call, "hard_sigmoid", z), FEW * (alpha * np.abs(x) + beta + 0.5))]


def hard_swish(call: Call, case: Case) -> Outputs:
    """x times a hard sigmoid whose line is our own, which none of onnx's HardSigmoid cases has."""
    (x,) = case.inputs
    return [(x * activate(call, "hard_sigmoid", x), FEW * np.abs(x) * (1 + np.abs(x)))]


def spread(x: Array, axis: int) -> Array:
    """How far the numbers along the axis are from the largest of them."""
    return np.asarray(np.abs(x - x.max(axis=axis, keepdims=True)))


def softmax(call: Call, case: Case) -> Outputs:
    (x,), axis = case.inputs, case.attributes["axis"]
    a = activate(call, "softmax", x, axis=axis)
    # An exponential carries the rounding of its argument, the sum those of its terms.
    return [(a, a * (x.shape[axis] + FEW + spread(x, axis)))]


# The dense layer


def gemm(call: Call, case: Case) -> Outputs:
    """``alpha A B + beta C``; rows of C that differ are weights of inputs of their own, each 1 in one row."""
    A, B, *C = case.inputs
    A = case.attributes["alpha"] * (A.T if case.attributes["transA"] else A)
    B = B.T if case.attributes["transB"] else B
    c = case.attributes["beta"] * np.broadcast_to(C[0] if C else np.float32(0), (len(A), B.shape[1]))
    terms = np.abs(A) @ np.abs(B) + np.abs(c)
    if np.array_equal(c, np.broadcast_to(c[0], c.shape)):
        x, weights, biases = A, B, c[0]
    else:
        x, weights, biases = np.hstack([A, np.eye(len(A))]), np.vstack([B, c]), np.zeros(c.shape[1])
    a, z = unfilled(*c.shape), unfilled(*c.shape)
    identity = ACTIVATIONS.index("identity")
    call("dense", "dense_forward", a, z, floats(x), floats(weights), floats(biases), identity, 0.0)
    return [(a, terms * (x.shape[1] + FEW))]


# Losses


def cross_entropy(call: Call, rows: Array, classes: Array, weights: Array) -> tuple[Array, float]:
    """The loss of each row of logits (n_rows,), unweighted, and the weighted sum; no weights where they are empty."""
    losses, doutput = unfilled(len(rows), 1), unfilled(*rows.shape)
    arguments = (losses, doutput, rows, floats(classes).reshape(-1, 1), weights, 1.0)
    return losses[:, 0], call("losses", "loss_forward_backward", *arguments, CATEGORICAL, 0.0)


def log_probabilities(call: Call, x: Array, axis: int) -> tuple[Array, npt.ArrayLike]:
    """What the loss would be if each class in turn were every row's, with the other sign."""
    rows = last(x, axis)
    losses = [cross_entropy(call, rows, np.full(len(rows), k), unfilled(0, 0))[0] for k in range(rows.shape[1])]
    # The logarithm of a softmax, which onnx takes: its roundings (see ``softmax``) and the logarithm's own.
    return -back(np.stack(losses, axis=1), x, axis), rows.shape[1] + FEW + 2 * spread(x, axis)


def log_softmax(call: Call, case: Case) -> Outputs:
    return [log_probabilities(call, case.inputs[0], case.attributes["axis"])]


def reduced(call: Call, case: Case, missing: Array) -> tuple[Array, npt.ArrayLike]:
    """The loss as ``reduction`` says, of classes in axis 1, ``missing`` (n_rows,) taken from each row's."""
    x, target, *given = case.inputs
    rows, classes = last(x, 1), target.reshape(-1)
    ignored = classes == case.attributes.get("ignore_index")
    # What is ignored may be any number, here class 0 with weight 0: the kernels trust that a class is one of the
    # columns, for fastnet's own Python layer never passes another.
    classes = np.where(ignored, 0, classes)
    weights = np.where(ignored, 0, given[0][classes] if given else 1).astype(np.float64)
    plain = not given and "ignore_index" not in case.attributes
    losses, total = cross_entropy(call, rows, classes, unfilled(0, 0) if plain else floats(weights).reshape(-1, 1))
    bounds = weights * (rows.shape[1] + FEW + 2 * spread(rows, 1).max(axis=1) + np.abs(missing))
    if case.attributes["reduction"] == b"none":
        each = np.where(weights > 0, weights * (losses - missing), 0)
        return each.reshape(target.shape), bounds.reshape(target.shape)
    total -= float(np.sum(weights * missing))
    # onnx adds in float32, by NumPy: sixteen numbers to each of eight sums, and those in pairs; ours adds in float64.
    adding = (24 + np.log2(len(rows))) * np.sum(weights * (np.abs(losses) + np.abs(missing)), where=weights > 0)
    divisor = np.sum(weights) if case.attributes["reduction"] == b"mean" else 1.0
    return np.asarray(total / divisor), (np.sum(bounds) + adding) / divisor


def softmax_cross_entropy(call: Call, case: Case) -> Outputs:
    x = case.inputs[0]
    return [reduced(call, case, np.zeros(x.size // x.shape[1])), log_probabilities(call, x, 1)][: len(case.outputs)]


def negative_log_likelihood(call: Call, case: Case) -> Outputs:
    """The cross-entropy of log-probabilities. onnx's are any numbers: by how much the logarithm of their sum is not 0
    is what the cross-entropy, which normalises them, has more."""
    return [reduced(call, case, np.log(np.exp(last(case.inputs[0], 1).astype(np.float64)).sum(axis=1)))]


# Dropout


def dropped(call: Call, x: Array, rate: float) -> tuple[Array, Array]:
    """What the first step of a training makes of x, and its mask."""
    rows = last(x, -1)
    out, mask = unfilled(*rows.shape), unfilled(*rows.shape)
    place = (rate, 0, 0, 1, 0)
    call("dropout", "dropout_forward", out, rows, *place)
    call("randomness", "dropout_mask", mask, *place)
    return back(out, x, -1), back(mask, x, -1)


def dropout(call: Call, case: Case) -> Outputs:
    """Without training, or at ratio 0, it passes on and keeps everything."""
    return [(found, 0) for found in dropped(call, case.inputs[0], 0.0)][: len(case.outputs)]


# Normalisation

Moment = tuple[Array, npt.ArrayLike]
"""A mean or variance of each column, and how far from the truth it may be, as of an output."""


def moments(x: Array) -> tuple[Moment, Moment]:
    """The true mean and variance of each column, with what float32 may make of them."""
    n, x = len(x), x.astype(np.float64)
    mean, size = x.mean(axis=0), np.abs(x).mean(axis=0)
    beside = np.abs(x - mean)
    # A rounding of the mean, which is summed from n numbers, moves each that is squared.
    spread = (beside * (beside + size)).mean(axis=0)
    return (mean, (n + FEW) * size), (x.var(axis=0), (2 * n + FEW) * spread)


def normalised_bound(x: Array, mean: Moment, variance: Moment, gamma: Array, beta: Array, epsilon: float) -> Array:
    """How far ``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` may be from the truth: by a few roundings of its
    own, the mean's error, and half of the variance's, relative to what the root is taken of."""
    inverse = 1 / np.sqrt(variance[0] + epsilon)
    own = FEW + np.asarray(variance[1]) * inverse**2 / 2
    return np.asarray(np.abs(gamma) * inverse * (mean[1] + np.abs(x - mean[0]) * own) + FEW * np.abs(beta))


def averaged(call: Call, average: Array, value: Array, truth: Moment, momentum: float) -> tuple[Array, Array]:
    """A running average after a batch, whose variance onnx takes as it is: that of a sample, by the factor 1, where
    fastnet makes it that of the distribution."""
    found = floats(average)
    call("normalization", "running_average", found, value, momentum, 1.0)
    # The momentum is rounded itself, which both terms carry whole.
    return found, FEW * (np.abs(average) + np.abs(truth[0])) + (1 - momentum) * np.asarray(truth[1])


def batch_normalization(call: Call, case: Case) -> Outputs:
    """Channels, axis 1, are columns; all else is a sample. In training by the moments of the batch, which the running
    averages, its other two outputs, then take in; else by the averages."""
    x, gamma, beta, mean, variance = (floats(values) for values in case.inputs)
    rows, epsilon, momentum = last(x, 1), case.attributes["epsilon"], case.attributes["momentum"]
    true_mean: Moment = (mean, 0)
    true_variance: Moment = (variance, 0)
    averages: list[tuple[Array, npt.ArrayLike]] = []
    if case.attributes["training_mode"]:
        true_mean, true_variance = moments(rows)
        own_mean, squares = unfilled(*mean.shape), unfilled(*mean.shape)
        call("normalization", "own_moments", own_mean, squares, rows, unfilled(0, 1))
        own_variance = squares / np.float32(len(rows))
        averages.append(averaged(call, mean, own_mean, true_mean, momentum))
        averages.append(averaged(call, variance, own_variance, true_variance, momentum))
        mean, variance = own_mean, own_variance
    z = unfilled(*rows.shape)
    call("normalization", "batch_norm_forward", z, rows, mean, variance, gamma, beta, epsilon)
    bound = normalised_bound(rows, true_mean, true_variance, gamma, beta, epsilon)
    return [(back(z, x, 1), back(bound, x, 1)), *averages]


def layer_normalization(call: Call, case: Case) -> Outputs:
    """All axes from the given one on are a row, and scale and bias vectors as long. Mean and InvStdDev, the other two
    outputs, are left out: ``layer_norm_forward`` keeps them to itself."""
    x, scale, bias = case.inputs
    assert case.attributes["stash_type"] == TensorProto.FLOAT
    axis, epsilon = case.attributes["axis"], case.attributes["epsilon"]
    shape = x.shape[axis:]
    rows = floats(x.reshape(-1, math.prod(shape)))
    gamma, beta = (floats(np.broadcast_to(values, shape).reshape(-1)) for values in (scale, bias))
    z = unfilled(*rows.shape)
    call("normalization", "layer_norm_forward", z, rows, gamma, beta, epsilon)
    bound = normalised_bound(rows.T, *moments(rows.T), gamma[:, None], beta[:, None], epsilon).T
    return [(z.reshape(x.shape), bound.reshape(x.shape))]
