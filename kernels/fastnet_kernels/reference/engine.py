"""The engine: runs a Program over the flat arrays of ``program``, whole epochs from one call.

Throughout, ``max_rows`` is the number of samples that the buffers have room for, ``rows`` the number in this batch
(the last one of an epoch may be ragged), and a Program ends with its LOSS op.
"""

import math

import numpy as np
import numpy.typing as npt

from ..program import DENSE, DROPOUT, HISTORY_CORRECT, HISTORY_LOSS, LOSS, Array, Record
from .activations import activation_forward
from .dense import dense_backward, dense_forward, l2_penalty
from .dropout import dropout_backward, dropout_forward
from .losses import count_correct, loss_forward_backward
from .optimizers import update
from .randomness import shuffle
from .views import matrix, row_block, vector

QUIET = np.errstate(over="ignore", invalid="ignore")
"""A training that diverges says so by its loss, as on the compiled side, and not by NumPy's warnings on the way."""


def forward(
    program: Record,
    parameters: Array,
    activations: Array,
    x: Array,
    max_rows: int,
    training: bool,
    seed: int,
    step: int,
) -> Array:
    """Run every op but the loss on ``x`` (rows, n_features) and return what reaches the loss, (rows, n_out).

    Out of training, dropout passes its input on.
    """
    rows = x.shape[0]
    for op in program:
        if op["kind"] == LOSS:
            break
        out = matrix(activations, op["output"] * max_rows, rows, op["output_size"])
        if op["kind"] == DENSE:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            biases = vector(parameters, op["biases"], op["output_size"])
            dense_forward(out, x, weights, biases, op["function"])
            x = out
        elif op["kind"] == DROPOUT and training:
            dropout_forward(out, x, op["rate"], seed, op["key"], step, 0)
            x = out
    return x


def backward(
    program: Record,
    parameters: Array,
    gradients: Array,
    activations: Array,
    deltas: Array,
    x: Array,
    max_rows: int,
    seed: int,
    step: int,
) -> float:
    """Fill ``gradients`` from the gradient that the loss left in ``deltas``; return the sum of the penalties.

    ``x`` (rows, n_features) is the batch that ``forward`` was given.
    """
    rows = x.shape[0]
    penalty = 0.0
    for index in range(len(program) - 2, -1, -1):
        op = program[index]
        out = matrix(activations, op["output"] * max_rows, rows, op["output_size"])
        dout = matrix(deltas, op["output"] * max_rows, rows, op["output_size"])
        dx = matrix(deltas, op["input"] * max_rows, rows, op["input_size"])
        if op["kind"] == DENSE:
            given = x if index == 0 else matrix(activations, op["input"] * max_rows, rows, op["input_size"])
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dweights = matrix(gradients, op["weights"], op["input_size"], op["output_size"])
            dbiases = vector(gradients, op["biases"], op["output_size"])
            dense_backward(dx, dout, dweights, dbiases, dout, out, given, weights, op["function"], index > 0)
            if op["l2"] > 0:
                penalty += l2_penalty(dweights, weights, op["l2"])
        elif op["kind"] == DROPOUT and index > 0:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, 0)
    return penalty


def gather(batch: Array, X: Array, order: npt.NDArray[np.int64], start: int) -> None:
    """Copy the rows of ``X`` named by ``order[start : start + len(batch)]`` into ``batch``."""
    np.take(X, order[start : start + len(batch)], axis=0, out=batch)


@QUIET
def train(
    history: npt.NDArray[np.float64],
    program: Record,
    optimizer: Record,
    run: Record,
    parameters: Array,
    slots: Array,
    gradients: Array,
    activations: Array,
    deltas: Array,
    order: npt.NDArray[np.int64],
    X: Array,
    Y: Array,
    targets: Array,
) -> int:
    """Train for ``len(history)`` epochs; return how many were finished before a loss that was not finite.

    Parameters
    ----------
    history : (n_epochs, HISTORY_COLUMNS) float64, output: the mean loss of an epoch's samples as they were seen
        (penalties included) and how many were right, one row an epoch, the one that diverged included
    program : (n_ops,) OP records, the last one a LOSS
    optimizer, run : (1,) OPTIMIZER and RUN records
    parameters, slots, gradients, activations, deltas : see ``program``; the first two are changed in place
    order : (n_samples,) int64, scratch: the order of the samples in the epoch
    X : (n_samples, n_features)
    Y : (n_samples, n_targets)
    targets : (max_rows, n_targets), scratch for the targets of a batch
    """
    n_samples, max_rows = len(X), len(targets)
    settings, loss = run[0], program[-1]
    batch_size, seed, step = int(settings["batch_size"]), int(settings["seed"]), int(settings["step"])
    # The whole set in one batch is the same in any order, so it is used where it lies.
    shuffled = bool(settings["shuffle"]) and batch_size < n_samples
    for index in range(len(history)):
        total = correct = 0.0
        if shuffled:
            shuffle(order, seed, int(settings["epoch"]) + index)
        for start in range(0, n_samples, batch_size):
            rows = min(batch_size, n_samples - start)
            if shuffled:
                x = matrix(activations, 0, rows, X.shape[1])
                gather(x, X, order, start)
                y = row_block(targets, 0, rows)
                gather(y, Y, order, start)
            else:
                x, y = row_block(X, start, rows), row_block(Y, start, rows)
            output = forward(program, parameters, activations, x, max_rows, True, seed, step)
            doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
            batch_loss = loss_forward_backward(doutput, output, y, 1 / rows, loss["function"])
            if settings["count_correct"]:
                correct += count_correct(output, y)
            penalty = backward(program, parameters, gradients, activations, deltas, x, max_rows, seed, step)
            total += batch_loss + penalty * rows
            step += 1
            update(parameters, slots, gradients, optimizer[0], step)
        history[index, HISTORY_LOSS] = total / n_samples
        history[index, HISTORY_CORRECT] = correct
        if not math.isfinite(total):
            return index
    return len(history)


@QUIET
def predict(outputs: Array, program: Record, parameters: Array, activations: Array, X: Array, max_rows: int) -> None:
    """Fill ``outputs`` (n_samples, n_out) with the network's predictions for ``X`` (n_samples, n_features)."""
    loss = program[-1]
    for start in range(0, len(X), max_rows):
        rows = min(max_rows, len(X) - start)
        x = row_block(X, start, rows)
        output = forward(program, parameters, activations, x, max_rows, False, 0, 0)
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"])


@QUIET
def evaluate(
    result: npt.NDArray[np.float64],
    program: Record,
    parameters: Array,
    activations: Array,
    deltas: Array,
    X: Array,
    Y: Array,
    max_rows: int,
) -> None:
    """Fill ``result`` (HISTORY_COLUMNS,) with the mean loss over ``X`` and ``Y`` (penalties included) and the number
    right, out of training."""
    loss = program[-1]
    total = correct = 0.0
    for start in range(0, len(X), max_rows):
        rows = min(max_rows, len(X) - start)
        x, y = row_block(X, start, rows), row_block(Y, start, rows)
        output = forward(program, parameters, activations, x, max_rows, False, 0, 0)
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        total += loss_forward_backward(doutput, output, y, 1.0, loss["function"])
        correct += count_correct(output, y)
    result[HISTORY_LOSS] = total / len(X) + penalties(program, parameters)
    result[HISTORY_CORRECT] = correct


def penalties(program: Record, parameters: Array) -> float:
    """The sum of the ops' penalties, ``l2 / 2 * sum(weights ** 2)``."""
    penalty = 0.0
    for op in program:
        if op["kind"] == DENSE and op["l2"] > 0:
            weights = vector(parameters, op["weights"], op["input_size"] * op["output_size"])
            penalty += 0.5 * op["l2"] * float(np.vdot(weights, weights))
    return penalty
