"""The engine: runs a Program over the flat arrays of ``program``, whole epochs from one call.

Throughout, ``max_rows`` is the number of samples that the buffers have room for: a larger batch goes through all
layers in blocks of so many rows, each adding to the gradients. A Program ends with its LOSS op.

The samples are either ``X`` (n_samples, n_features) or ``pixels`` of that shape, uint8, which stand for ``pixels /
divisor``; the other of the two is (0, 0). Pixels are converted a block at a time, into the place of the activations
where shuffled rows are gathered too.
"""

import math

import numpy as np
import numpy.typing as npt

from ..program import DENSE, DROPOUT, HISTORY_CORRECT, HISTORY_LOSS, LOSS, SAMPLES, Array, Record
from .activations import activation_forward
from .dense import (
    dense_backward,
    dense_forward,
    dense_gradients,
    l2_penalty,
    samples_forward,
    samples_gradients,
    samples_penalty,
)
from .dropout import dropout_backward, dropout_forward
from .losses import count_correct, loss_forward_backward
from .optimizers import update
from .pixels import Pixels, convert_pixels, gather_pixels
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
    place: int,
    training: bool,
    seed: int,
    step: int,
    first_row: int,
) -> Array:
    """Run every op but the loss on ``x`` (rows, n_features) and return what reaches the loss, (rows, n_out).

    ``place`` is where in the buffers' rows those of x begin, ``first_row`` where in the batch. Out of training, dropout
    passes its input on.
    """
    rows = x.shape[0]
    for op in program:
        if op["kind"] == LOSS:
            break
        if op["kind"] == DROPOUT and not training:
            continue
        out = matrix(activations, op["output"] * max_rows + place * op["output_size"], rows, op["output_size"])
        z = matrix(activations, op["z"] * max_rows + place * op["output_size"], rows, op["output_size"])
        biases = vector(parameters, op["biases"], op["output_size"])
        if op["kind"] == DENSE:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dense_forward(out, z, x, weights, biases, op["function"], op["slope"])
        elif op["kind"] == SAMPLES:
            n = op["input_size"] - op["output_size"]
            combination = matrix(parameters, op["weights"], n, op["output_size"])
            share = vector(parameters, op["biases"] - 1, 1)
            samples_forward(out, z, x, combination, share, biases, op["function"], op["slope"])
        elif op["kind"] == DROPOUT:
            dropout_forward(out, x, op["rate"], seed, op["key"], step, first_row)
        x = out
    return x


def backward(
    program: Record,
    parameters: Array,
    activations: Array,
    deltas: Array,
    x: Array,
    max_rows: int,
    place: int,
    seed: int,
    step: int,
    first_row: int,
) -> float:
    """Turn the gradient that the loss left in ``deltas`` into each op's ``dz``, which stays there.

    The arguments are those of ``forward``. Returns the part of the penalties that belongs to these rows, which only
    SAMPLES ops have.
    """
    rows = x.shape[0]
    penalty = 0.0
    for index in range(len(program) - 2, -1, -1):
        op = program[index]
        out = matrix(activations, op["output"] * max_rows + place * op["output_size"], rows, op["output_size"])
        z = matrix(activations, op["z"] * max_rows + place * op["output_size"], rows, op["output_size"])
        dout = matrix(deltas, op["output"] * max_rows + place * op["output_size"], rows, op["output_size"])
        dx = matrix(deltas, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
        if op["kind"] == DENSE:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dense_backward(dx, dout, dout, out, z, weights, op["function"], op["slope"], op["passes_on"] != 0)
        elif op["kind"] == SAMPLES:
            n = op["input_size"] - op["output_size"]
            combination = matrix(parameters, op["weights"], n, op["output_size"])
            dense_backward(dx, dout, dout, out, z, combination, op["function"], op["slope"], False)
            if op["l2"] > 0:
                product = matrix(deltas, op["input"] * max_rows + place * op["output_size"], rows, op["output_size"])
                share = vector(parameters, op["biases"] - 1, 1)
                penalty += 0.5 * op["l2"] * samples_penalty(product, x, combination, share, first_row)
        elif op["kind"] == DROPOUT and op["passes_on"]:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, first_row)
    return penalty


def inputs_of(op: Record, part: int, parts: int) -> tuple[int, int]:
    """Which of a layer's inputs (in sample space: which samples) belong to this part of the parameters: from the first
    up to the second. The last part has the biases (and the share) too."""
    n = op["input_size"]
    if op["kind"] == SAMPLES:
        n -= op["output_size"]
    return int(n * part // parts), int(n * (part + 1) // parts)


def weight_gradients(
    program: Record,
    gradients: Array,
    activations: Array,
    deltas: Array,
    x: Array,
    max_rows: int,
    place: int,
    first_row: int,
    accumulate: bool,
    part: int,
    parts: int,
) -> None:
    """Fill one part of ``gradients`` (n_parameters,), or add to it, from the rows ``x`` (rows, n_features) and what
    ``forward`` and ``backward`` left of them in the buffers."""
    rows = x.shape[0]
    for index in range(len(program) - 2, -1, -1):
        op = program[index]
        if op["kind"] == DROPOUT:
            continue
        first, end = inputs_of(op, part, parts)
        n_out = op["output_size"]
        dz = matrix(deltas, op["output"] * max_rows + place * n_out, rows, n_out)
        dweights = matrix(gradients, op["weights"] + first * n_out, end - first, n_out)
        dbiases = vector(gradients, op["biases"], n_out if part == parts - 1 else 0)
        if op["kind"] == DENSE:
            given = (
                x
                if index == 0
                else matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
            )
            dense_gradients(dweights, dbiases, given, dz, first, accumulate)
        else:
            samples_gradients(dweights, dbiases, dz, first, first_row, accumulate)


def penalize(program: Record, parameters: Array, gradients: Array, part: int, parts: int) -> float:
    """Add the gradients of the penalties to one part of ``gradients`` (n_parameters,), and return its penalties."""
    penalty = 0.0
    for op in program:
        if op["kind"] != DENSE and op["kind"] != SAMPLES:
            continue
        first, end = inputs_of(op, part, parts)
        n_out = op["output_size"]
        begin, size = op["weights"] + first * n_out, (end - first) * n_out
        if op["kind"] == SAMPLES and part == parts - 1:
            # The share, right behind the combination, has no gradient but its decay.
            size += 1
            gradients[op["biases"] - 1] = 0
        if op["l2"] > 0:
            weights, dweights = vector(parameters, begin, size), vector(gradients, begin, size)
            added = l2_penalty(dweights, weights, op["l2"])
            if op["kind"] == DENSE:
                penalty += added
            elif part == parts - 1:
                penalty += 0.5 * op["l2"] * parameters[op["biases"] - 1] ** 2 * op["square"]
    return float(penalty)


def update_range(
    parameters: Array, slots: Array, gradients: Array, optimizer: Record, step: int, begin: int, end: int
) -> None:
    """Sum ``gradients`` (copies, n_parameters) into the first and update the parameters, from ``begin`` to ``end``."""
    mine = gradients[0, begin:end]
    for others in gradients[1:, begin:end]:
        mine += others
    update(parameters[begin:end], slots, mine, optimizer, step, begin)


def update_part(
    program: Record,
    parameters: Array,
    slots: Array,
    gradients: Array,
    optimizer: Record,
    step: int,
    part: int,
    parts: int,
) -> None:
    """Sum ``gradients`` (copies, n_parameters) into the first and update, for one part of the parameters; what lies
    side by side (everything, if there is one part) goes through the optimizer as one."""
    begin = end = 0
    for op in program:
        if op["kind"] != DENSE and op["kind"] != SAMPLES:
            continue
        first, last = inputs_of(op, part, parts)
        from_, to = op["weights"] + first * op["output_size"], op["weights"] + last * op["output_size"]
        if part == parts - 1:
            to = op["biases"] + op["output_size"]
        if from_ != end:
            if end > begin:
                update_range(parameters, slots, gradients, optimizer, step, begin, end)
            begin = from_
        end = to
    if end > begin:
        update_range(parameters, slots, gradients, optimizer, step, begin, end)


def gather(batch: Array, X: Array, order: npt.NDArray[np.int64], start: int) -> None:
    """Copy the rows of ``X`` named by ``order[start : start + len(batch)]`` into ``batch``."""
    np.take(X, order[start : start + len(batch)], axis=0, out=batch)


def rows_of(room: Array, X: Array, pixels: Pixels, divisor: float, start: int) -> Array:
    """Samples from ``start`` on, as many as ``room`` (rows, n_features) has rows: those of ``X`` where they lie, pixels
    converted into ``room``."""
    rows = room.shape[0]
    if pixels.shape[0] == 0:
        return row_block(X, start, rows)
    convert_pixels(room, pixels[start : start + rows], divisor)
    return room


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
    pixels: Pixels,
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
    gradients : (copies, n_parameters), scratch; activations, deltas : see ``program``, scratch
    order : (n_samples,) int64, scratch: the order of the samples in the epoch
    X, pixels : the samples, one of the two; ``run`` has the divisor
    Y : (n_samples, n_targets)
    targets : (max_rows, n_targets), scratch for the targets of a block

    In the jit engine a team shares the rows of every batch, and then the parameters to be updated. With a copy of the
    gradients for each member, each fills its own from its rows and they are summed before the update; with one, each
    fills its part of it from all rows, as a Program with a SAMPLES op needs it. The reference is a team of one.
    """
    gradients = gradients[:1]
    n_samples, max_rows = len(Y), len(targets)
    settings, loss = run[0], program[-1]
    batch_size, seed, step = int(settings["batch_size"]), int(settings["seed"]), int(settings["step"])
    n_features, divisor = program[0]["input_size"], float(settings["divisor"])
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
                at, room = start + first_row, matrix(activations, 0, count, n_features)
                if shuffled:
                    x, y = room, row_block(targets, 0, count)
                    if len(pixels) > 0:
                        gather_pixels(x, pixels, order, at, divisor)
                    else:
                        gather(x, X, order, at)
                    gather(y, Y, order, at)
                else:
                    x, y = rows_of(room, X, pixels, divisor, at), row_block(Y, at, count)
                output = forward(program, parameters, activations, x, max_rows, 0, True, seed, step, first_row)
                doutput = matrix(deltas, loss["input"] * max_rows, count, loss["input_size"])
                total += loss_forward_backward(doutput, output, y, 1 / rows, loss["function"])
                if settings["count_correct"]:
                    correct += count_correct(output, y)
                penalty += backward(program, parameters, activations, deltas, x, max_rows, 0, seed, step, first_row)
                weight_gradients(
                    program, gradients[0], activations, deltas, x, max_rows, 0, first_row, first_row > 0, 0, 1
                )
            penalty += penalize(program, parameters, gradients[0], 0, 1)
            total += penalty * rows
            step += 1
            update_part(program, parameters, slots, gradients, optimizer[0], step, 0, 1)
        history[index, HISTORY_LOSS] = total / n_samples
        history[index, HISTORY_CORRECT] = correct
        if not math.isfinite(total):
            return index
    return len(history)


@QUIET
def predict(
    outputs: Array,
    program: Record,
    parameters: Array,
    activations: Array,
    X: Array,
    pixels: Pixels,
    divisor: float,
    max_rows: int,
) -> None:
    """Fill ``outputs`` (n_samples, n_out) with the network's predictions for the samples."""
    loss, n_features = program[-1], program[0]["input_size"]
    for start in range(0, len(outputs), max_rows):
        rows = min(max_rows, len(outputs) - start)
        x = rows_of(matrix(activations, 0, rows, n_features), X, pixels, divisor, start)
        output = forward(program, parameters, activations, x, max_rows, 0, False, 0, 0, 0)
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"], loss["slope"])


@QUIET
def evaluate(
    result: npt.NDArray[np.float64],
    program: Record,
    parameters: Array,
    activations: Array,
    deltas: Array,
    X: Array,
    pixels: Pixels,
    divisor: float,
    Y: Array,
    max_rows: int,
) -> None:
    """Fill ``result`` (HISTORY_COLUMNS,) with the mean loss over the samples and ``Y`` (penalties included) and the
    number right, out of training."""
    loss, n_features = program[-1], program[0]["input_size"]
    total = correct = 0.0
    for start in range(0, len(Y), max_rows):
        rows = min(max_rows, len(Y) - start)
        x = rows_of(matrix(activations, 0, rows, n_features), X, pixels, divisor, start)
        y = row_block(Y, start, rows)
        output = forward(program, parameters, activations, x, max_rows, 0, False, 0, 0, 0)
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        total += loss_forward_backward(doutput, output, y, 1.0, loss["function"])
        correct += count_correct(output, y)
    result[HISTORY_LOSS] = total / len(Y) + penalties(program, parameters)
    result[HISTORY_CORRECT] = correct


def penalties(program: Record, parameters: Array) -> float:
    """The sum of the ops' penalties, ``l2 / 2 * sum(weights ** 2)``."""
    penalty = 0.0
    for op in program:
        if op["kind"] == DENSE and op["l2"] > 0:
            weights = vector(parameters, op["weights"], op["input_size"] * op["output_size"])
            penalty += 0.5 * op["l2"] * float(np.vdot(weights, weights))
    return penalty
