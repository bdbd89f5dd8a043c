"""The engine: runs a Program over the flat arrays of ``program``, whole epochs from one call.

Throughout, ``max_rows`` is the number of samples that the buffers have room for: a larger batch goes through all
layers in blocks of so many rows, each adding to the gradients. A Program ends with its LOSS op.
"""

import math

import numpy as np
import numpy.typing as npt

from ..program import DENSE, DROPOUT, HISTORY_CORRECT, HISTORY_LOSS, LOSS, SAMPLES, Array, Record
from .activations import activation_forward
from .dense import (
    dense_backward,
    dense_forward,
    l2_penalty,
    samples_backward,
    samples_forward,
    samples_penalty,
)
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
    first_row: int,
) -> Array:
    """Run every op but the loss on ``x`` (rows, n_features) and return what reaches the loss, (rows, n_out).

    ``first_row`` is where in the batch x begins. Out of training, dropout passes its input on.
    """
    rows = x.shape[0]
    for op in program:
        if op["kind"] == LOSS:
            break
        if op["kind"] == DROPOUT and not training:
            continue
        out = matrix(activations, op["output"] * max_rows, rows, op["output_size"])
        biases = vector(parameters, op["biases"], op["output_size"])
        if op["kind"] == DENSE:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dense_forward(out, x, weights, biases, op["function"])
        elif op["kind"] == SAMPLES:
            n = op["input_size"] - op["output_size"]
            combination = matrix(parameters, op["weights"], n, op["output_size"])
            share = vector(parameters, op["biases"] - 1, 1)
            samples_forward(out, x, combination, share, biases, op["function"])
        elif op["kind"] == DROPOUT:
            dropout_forward(out, x, op["rate"], seed, op["key"], step, first_row)
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
    first_row: int,
    accumulate: bool,
) -> float:
    """Fill ``gradients``, or add to them, from the gradient that the loss left in ``deltas``.

    ``x`` (rows, n_features) and ``first_row`` are what ``forward`` was given. Returns the part of the penalties that
    belongs to these rows, which only SAMPLES ops have.
    """
    rows = x.shape[0]
    penalty = 0.0
    for index in range(len(program) - 2, -1, -1):
        op = program[index]
        out = matrix(activations, op["output"] * max_rows, rows, op["output_size"])
        dout = matrix(deltas, op["output"] * max_rows, rows, op["output_size"])
        dx = matrix(deltas, op["input"] * max_rows, rows, op["input_size"])
        dbiases = vector(gradients, op["biases"], op["output_size"])
        if op["kind"] == DENSE:
            given = x if index == 0 else matrix(activations, op["input"] * max_rows, rows, op["input_size"])
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dweights = matrix(gradients, op["weights"], op["input_size"], op["output_size"])
            dense_backward(
                dx, dout, dweights, dbiases, dout, out, given, weights, op["function"], op["passes_on"] != 0, accumulate
            )
        elif op["kind"] == SAMPLES:
            n = op["input_size"] - op["output_size"]
            combination = matrix(parameters, op["weights"], n, op["output_size"])
            dcombination = matrix(gradients, op["weights"], n, op["output_size"])
            # The share has no gradient but its decay, which one member adds.
            gradients[op["biases"] - 1] = 0
            samples_backward(dout, dcombination, dbiases, dout, out, op["function"], first_row, accumulate)
            if op["l2"] > 0:
                product = matrix(deltas, op["input"] * max_rows, rows, op["output_size"])
                share = vector(parameters, op["biases"] - 1, 1)
                penalty += 0.5 * op["l2"] * samples_penalty(product, x, combination, share, first_row)
        elif op["kind"] == DROPOUT and op["passes_on"]:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, first_row)
    return penalty


def penalize(program: Record, parameters: Array, gradients: Array, member: int, members: int) -> float:
    """Add the gradients of the penalties and return the penalties, of every ``members``-th op from ``member`` on."""
    penalty = 0.0
    for index in range(member, len(program), members):
        op = program[index]
        if op["kind"] == DENSE and op["l2"] > 0:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dweights = matrix(gradients, op["weights"], op["input_size"], op["output_size"])
            penalty += l2_penalty(dweights, weights, op["l2"])
        elif op["kind"] == SAMPLES:
            # The share follows the combination's last number: one decay serves both.
            size = (op["input_size"] - op["output_size"]) * op["output_size"] + 1
            l2_penalty(matrix(gradients, op["weights"], size, 1), matrix(parameters, op["weights"], size, 1), op["l2"])
            penalty += 0.5 * op["l2"] * parameters[op["biases"] - 1] ** 2 * op["square"]
    return float(penalty)


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
    parameters, slots : see ``program``; changed in place
    gradients, activations, deltas : see ``program``, each with a first axis of threads
    order : (threads, n_samples) int64, scratch: the order of the samples in the epoch
    X : (n_samples, n_features)
    Y : (n_samples, n_targets)
    targets : (threads, max_rows, n_targets), scratch for the targets of a block

    The jit engine gives each thread its rows of every batch and its own gradients, and sums these in the threads'
    order. The reference works through the rows on one thread, with the first of each buffer.
    """
    gradients, activations, deltas, order, targets = gradients[0], activations[0], deltas[0], order[0], targets[0]
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
            penalty = 0.0
            for first_row in range(0, rows, max_rows):
                count = min(max_rows, rows - first_row)
                if shuffled:
                    x, y = matrix(activations, 0, count, X.shape[1]), row_block(targets, 0, count)
                    gather(x, X, order, start + first_row)
                    gather(y, Y, order, start + first_row)
                else:
                    x, y = row_block(X, start + first_row, count), row_block(Y, start + first_row, count)
                output = forward(program, parameters, activations, x, max_rows, True, seed, step, first_row)
                doutput = matrix(deltas, loss["input"] * max_rows, count, loss["input_size"])
                total += loss_forward_backward(doutput, output, y, 1 / rows, loss["function"])
                if settings["count_correct"]:
                    correct += count_correct(output, y)
                penalty += backward(
                    program,
                    parameters,
                    gradients,
                    activations,
                    deltas,
                    x,
                    max_rows,
                    seed,
                    step,
                    first_row,
                    first_row > 0,
                )
            penalty += penalize(program, parameters, gradients, 0, 1)
            total += penalty * rows
            step += 1
            update(parameters, slots, gradients, optimizer[0], step, 0)
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
        output = forward(program, parameters, activations, x, max_rows, False, 0, 0, 0)
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
        output = forward(program, parameters, activations, x, max_rows, False, 0, 0, 0)
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
