"""As in the reference, with the loop over epochs, batches and ops in one compiled function: the Program is data, so
one compilation for each float type serves every architecture, and no Python runs between steps. Views borrow their
memory and every buffer comes from the caller, so a step allocates nothing."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import types

from ..program import (
    DENSE,
    DROPOUT,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    LOSS,
    OP,
    OPTIMIZER,
    RUN,
    Array,
    Record,
)
from .activations import activation_forward
from .compiler import entry_point, kernel
from .dense import dense_backward, dense_forward, l2_penalty
from .dropout import dropout_backward, dropout_forward
from .losses import count_correct, loss_forward_backward
from .optimizers import update
from .randomness import shuffle
from .views import matrix, row_block, vector


@kernel
def forward(program, parameters, activations, x, max_rows, training, seed, step):
    rows = x.shape[0]
    for index in range(program.size):
        op = program[index]
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


@kernel
def backward(program, parameters, gradients, activations, deltas, x, max_rows, seed, step):
    rows = x.shape[0]
    penalty = 0.0
    for index in range(program.size - 2, -1, -1):
        op = program[index]
        out = matrix(activations, op["output"] * max_rows, rows, op["output_size"])
        dout = matrix(deltas, op["output"] * max_rows, rows, op["output_size"])
        dx = matrix(deltas, op["input"] * max_rows, rows, op["input_size"])
        if op["kind"] == DENSE:
            given = x
            if index > 0:
                given = matrix(activations, op["input"] * max_rows, rows, op["input_size"])
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dweights = matrix(gradients, op["weights"], op["input_size"], op["output_size"])
            dbiases = vector(gradients, op["biases"], op["output_size"])
            dense_backward(dx, dout, dweights, dbiases, dout, out, given, weights, op["function"], index > 0)
            if op["l2"] > 0:
                penalty += l2_penalty(dweights, weights, op["l2"])
        elif op["kind"] == DROPOUT and index > 0:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, 0)
    return penalty


@kernel
def gather(batch, X, order, start):
    for i in range(batch.shape[0]):
        row = order[start + i]
        for j in range(batch.shape[1]):
            batch[i, j] = X[row, j]


@kernel
def penalties(program, parameters):
    penalty = 0.0
    for index in range(program.size):
        op = program[index]
        if op["kind"] == DENSE and op["l2"] > 0:
            weights = vector(parameters, op["weights"], op["input_size"] * op["output_size"])
            total = 0.0
            for i in range(weights.size):
                total += weights[i] * weights[i]
            penalty += 0.5 * op["l2"] * total
    return penalty


def _train(history, program, optimizer, run, parameters, slots, gradients, activations, deltas, order, X, Y, targets):
    n_samples, max_rows = X.shape[0], targets.shape[0]
    settings, loss = run[0], program[program.size - 1]
    batch_size, seed, step = settings["batch_size"], settings["seed"], settings["step"]
    shuffled = settings["shuffle"] != 0 and batch_size < n_samples
    for index in range(history.shape[0]):
        total = correct = 0.0
        if shuffled:
            shuffle(order, seed, settings["epoch"] + index)
        for start in range(0, n_samples, batch_size):
            rows = min(batch_size, n_samples - start)
            x, y = row_block(X, start, rows), row_block(Y, start, rows)
            if shuffled:
                gathered = matrix(activations, 0, rows, X.shape[1])
                gather(gathered, X, order, start)
                gathered_targets = row_block(targets, 0, rows)
                gather(gathered_targets, Y, order, start)
                x, y = gathered, gathered_targets
            output = forward(program, parameters, activations, x, max_rows, True, seed, step)
            doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
            batch_loss = loss_forward_backward(doutput, output, y, 1 / rows, loss["function"])
            if settings["count_correct"] != 0:
                correct += count_correct(output, y)
            penalty = backward(program, parameters, gradients, activations, deltas, x, max_rows, seed, step)
            total += batch_loss + penalty * rows
            step += 1
            update(parameters, slots, gradients, optimizer[0], step)
        history[index, HISTORY_LOSS] = total / n_samples
        history[index, HISTORY_CORRECT] = correct
        if not math.isfinite(total):
            return index
    return history.shape[0]


def _predict(outputs, program, parameters, activations, X, max_rows):
    loss = program[program.size - 1]
    for start in range(0, X.shape[0], max_rows):
        rows = min(max_rows, X.shape[0] - start)
        output = forward(program, parameters, activations, row_block(X, start, rows), max_rows, False, 0, 0)
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"])


def _evaluate(result, program, parameters, activations, deltas, X, Y, max_rows):
    loss = program[program.size - 1]
    total = correct = 0.0
    for start in range(0, X.shape[0], max_rows):
        rows = min(max_rows, X.shape[0] - start)
        x, y = row_block(X, start, rows), row_block(Y, start, rows)
        output = forward(program, parameters, activations, x, max_rows, False, 0, 0)
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        total += loss_forward_backward(doutput, output, y, 1.0, loss["function"])
        correct += count_correct(output, y)
    result[HISTORY_LOSS] = total / X.shape[0] + penalties(program, parameters)
    result[HISTORY_CORRECT] = correct


@functools.cache
def compiled(name: str, dtype: str) -> Callable[..., Any]:
    """The entry point ``name`` (train, predict or evaluate) for a float type, compiled or loaded from the cache."""
    number = numba.from_dtype(np.dtype(dtype))

    def given(element: Any, dimensions: int) -> Any:
        return types.Array(element, dimensions, "C", readonly=True)

    program, vector_, matrix_, data = given(numba.from_dtype(OP), 1), number[::1], number[:, ::1], given(number, 2)
    history = types.float64[:, ::1]
    optimizer, run = given(numba.from_dtype(OPTIMIZER), 1), given(numba.from_dtype(RUN), 1)
    entries: dict[str, tuple[Any, Any]] = {
        "train": (
            _train,
            types.int64(
                history,
                program,
                optimizer,
                run,
                vector_,
                matrix_,
                vector_,
                vector_,
                vector_,
                types.int64[::1],
                data,
                data,
                matrix_,
            ),
        ),
        "predict": (_predict, types.void(matrix_, program, given(number, 1), vector_, data, types.int64)),
        "evaluate": (
            _evaluate,
            types.void(types.float64[::1], program, given(number, 1), vector_, vector_, data, data, types.int64),
        ),
    }
    function, signature = entries[name]
    return entry_point(function, signature, f"{name}-{dtype}")


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
    run_train = compiled("train", parameters.dtype.name)
    return int(
        run_train(
            history,
            program,
            optimizer,
            run,
            parameters,
            slots,
            gradients,
            activations,
            deltas,
            order,
            X,
            Y,
            targets,
        )
    )


def predict(outputs: Array, program: Record, parameters: Array, activations: Array, X: Array, max_rows: int) -> None:
    compiled("predict", parameters.dtype.name)(outputs, program, parameters, activations, X, max_rows)


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
    run_evaluate = compiled("evaluate", parameters.dtype.name)
    run_evaluate(result, program, parameters, activations, deltas, X, Y, max_rows)
