"""As in the reference, with the loop over epochs, batches and ops in one compiled function: the Program is data, so
one compilation for each float type serves every architecture, and no Python runs between steps. Views borrow their
memory and every buffer comes from the caller, so a step allocates nothing."""

import functools
import math
import threading
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import types

from ..program import (
    DENSE,
    DROPOUT,
    HISTORY_COLUMNS,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    LOSS,
    OP,
    OPTIMIZER,
    RUN,
    SAMPLES,
    Array,
    Record,
)
from .activations import activation_forward
from .compiler import entry_point, kernel
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
from .team import meet
from .views import flat, matrix, row_block, vector


@kernel
def forward(program, parameters, activations, x, max_rows, training, seed, step, first_row):
    rows = x.shape[0]
    for index in range(program.size):
        op = program[index]
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


@kernel
def backward(program, parameters, gradients, activations, deltas, x, max_rows, seed, step, first_row, accumulate):
    rows = x.shape[0]
    penalty = 0.0
    for index in range(program.size - 2, -1, -1):
        op = program[index]
        out = matrix(activations, op["output"] * max_rows, rows, op["output_size"])
        dout = matrix(deltas, op["output"] * max_rows, rows, op["output_size"])
        dx = matrix(deltas, op["input"] * max_rows, rows, op["input_size"])
        dbiases = vector(gradients, op["biases"], op["output_size"])
        if op["kind"] == DENSE:
            given = x
            if index > 0:
                given = matrix(activations, op["input"] * max_rows, rows, op["input_size"])
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dweights = matrix(gradients, op["weights"], op["input_size"], op["output_size"])
            dense_backward(
                dx, dout, dweights, dbiases, dout, out, given, weights, op["function"], op["passes_on"] != 0, accumulate
            )
        elif op["kind"] == SAMPLES:
            n = op["input_size"] - op["output_size"]
            combination = matrix(parameters, op["weights"], n, op["output_size"])
            dcombination = matrix(gradients, op["weights"], n, op["output_size"])
            gradients[op["biases"] - 1] = 0
            samples_backward(dout, dcombination, dbiases, dout, out, op["function"], first_row, accumulate)
            if op["l2"] > 0:
                product = matrix(deltas, op["input"] * max_rows, rows, op["output_size"])
                share = vector(parameters, op["biases"] - 1, 1)
                penalty += 0.5 * op["l2"] * samples_penalty(product, x, combination, share, first_row)
        elif op["kind"] == DROPOUT and op["passes_on"] != 0:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, first_row)
    return penalty


@kernel
def penalize(program, parameters, gradients, member, members):
    penalty = 0.0
    for index in range(member, program.size, members):
        op = program[index]
        if op["kind"] == DENSE and op["l2"] > 0:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dweights = matrix(gradients, op["weights"], op["input_size"], op["output_size"])
            penalty += l2_penalty(dweights, weights, op["l2"])
        elif op["kind"] == SAMPLES:
            size = (op["input_size"] - op["output_size"]) * op["output_size"] + 1
            l2_penalty(matrix(gradients, op["weights"], size, 1), matrix(parameters, op["weights"], size, 1), op["l2"])
            share = float(parameters[op["biases"] - 1])
            penalty += 0.5 * op["l2"] * share * share * op["square"]
    return penalty


@kernel
def sum_gradients(gradients, begin, end):
    """Add the other members' gradients to the first's, from ``begin`` to ``end`` of the flat vector."""
    members, n = gradients.shape
    mine = vector(flat(gradients), begin, end - begin)
    for member in range(1, members):
        others = vector(flat(gradients), member * n + begin, end - begin)
        for i in range(mine.size):
            mine[i] += others[i]


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


@kernel
def _train(
    member,
    counter,
    partial,
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
):
    """One member's part of ``train``: its rows of every batch, and its part of every update.

    ``counter`` is the team's (see ``team``), ``partial`` (members, 2, HISTORY_COLUMNS) where members lay their sums
    down, in two places in turn so that none is overwritten before all have read it.
    """
    members, n_parameters = gradients.shape
    n_samples, max_rows, n_targets = X.shape[0], targets.shape[1], targets.shape[2]
    settings, loss = run[0], program[program.size - 1]
    batch_size, seed, step = settings["batch_size"], settings["seed"], settings["step"]
    shuffled = settings["shuffle"] != 0 and batch_size < n_samples
    dparameters = vector(flat(gradients), member * n_parameters, n_parameters)
    values = vector(flat(activations), member * activations.shape[1], activations.shape[1])
    dvalues = vector(flat(deltas), member * deltas.shape[1], deltas.shape[1])
    places = vector(flat(order), member * order.shape[1], order.shape[1])
    wanted = matrix(flat(targets), member * max_rows * n_targets, max_rows, n_targets)
    begin, end = n_parameters * member // members, n_parameters * (member + 1) // members
    met = 0
    for index in range(history.shape[0]):
        total = correct = 0.0
        if shuffled:
            shuffle(places, seed, settings["epoch"] + index)
        for start in range(0, n_samples, batch_size):
            rows = min(batch_size, n_samples - start)
            low, high = rows * member // members, rows * (member + 1) // members
            penalty = 0.0
            for first_row in range(low, high, max_rows):
                count = min(max_rows, high - first_row)
                x, y = row_block(X, start + first_row, count), row_block(Y, start + first_row, count)
                if shuffled:
                    gathered, gathered_targets = matrix(values, 0, count, X.shape[1]), row_block(wanted, 0, count)
                    gather(gathered, X, places, start + first_row)
                    gather(gathered_targets, Y, places, start + first_row)
                    x, y = gathered, gathered_targets
                output = forward(program, parameters, values, x, max_rows, True, seed, step, first_row)
                doutput = matrix(dvalues, loss["input"] * max_rows, count, loss["input_size"])
                total += loss_forward_backward(doutput, output, y, 1 / rows, loss["function"])
                if settings["count_correct"] != 0:
                    correct += count_correct(output, y)
                penalty += backward(
                    program,
                    parameters,
                    dparameters,
                    values,
                    dvalues,
                    x,
                    max_rows,
                    seed,
                    step,
                    first_row,
                    first_row > low,
                )
            if low == high:
                for i in range(n_parameters):
                    dparameters[i] = 0
            penalty += penalize(program, parameters, dparameters, member, members)
            total += penalty * rows
            step += 1
            if members > 1:
                met += members
                meet(counter, met)
                sum_gradients(gradients, begin, end)
            update(
                vector(parameters, begin, end - begin),
                slots,
                vector(flat(gradients), begin, end - begin),
                optimizer[0],
                step,
                begin,
            )
            if members > 1:
                met += members
                meet(counter, met)
        if members > 1:
            partial[member, index % 2, HISTORY_LOSS] = total
            partial[member, index % 2, HISTORY_CORRECT] = correct
            met += members
            meet(counter, met)
            total = correct = 0.0
            for other in range(members):
                total += partial[other, index % 2, HISTORY_LOSS]
                correct += partial[other, index % 2, HISTORY_CORRECT]
        if member == 0:
            history[index, HISTORY_LOSS] = total / n_samples
            history[index, HISTORY_CORRECT] = correct
        if not math.isfinite(total):
            return index
    return history.shape[0]


@kernel
def _predict(outputs, program, parameters, activations, X, max_rows):
    loss = program[program.size - 1]
    for start in range(0, X.shape[0], max_rows):
        rows = min(max_rows, X.shape[0] - start)
        output = forward(program, parameters, activations, row_block(X, start, rows), max_rows, False, 0, 0, 0)
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"])


@kernel
def _evaluate(result, program, parameters, activations, deltas, X, Y, max_rows):
    loss = program[program.size - 1]
    total = correct = 0.0
    for start in range(0, X.shape[0], max_rows):
        rows = min(max_rows, X.shape[0] - start)
        x, y = row_block(X, start, rows), row_block(Y, start, rows)
        output = forward(program, parameters, activations, x, max_rows, False, 0, 0, 0)
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        total += loss_forward_backward(doutput, output, y, 1.0, loss["function"])
        correct += count_correct(output, y)
    result[HISTORY_LOSS] = total / X.shape[0] + penalties(program, parameters)
    result[HISTORY_CORRECT] = correct


_NAMES = {"f": "float32", "d": "float64"}
"""Names by character: NumPy works the name of a dtype out anew each time, in longer than a row's prediction takes."""


@functools.cache
def compiled(name: str, dtype: str) -> Callable[..., Any]:
    """The entry point ``name`` (train, predict or evaluate) for a float type, compiled or loaded from the cache."""
    number = numba.from_dtype(np.dtype(dtype))

    def given(element: Any, dimensions: int) -> Any:
        return types.Array(element, dimensions, "C", readonly=True)

    program, vector_, data = given(numba.from_dtype(OP), 1), number[::1], given(number, 2)
    history = types.float64[:, ::1]
    optimizer, run = given(numba.from_dtype(OPTIMIZER), 1), given(numba.from_dtype(RUN), 1)
    table_, cube = number[:, ::1], number[:, :, ::1]
    entries: dict[str, tuple[Any, Any]] = {
        "train": (
            _train,
            types.int64(
                types.int64,
                types.int64[::1],
                types.float64[:, :, ::1],
                history,
                program,
                optimizer,
                run,
                vector_,
                table_,
                table_,
                table_,
                table_,
                types.int64[:, ::1],
                data,
                data,
                cube,
            ),
        ),
        "predict": (_predict, types.void(table_, program, given(number, 1), vector_, data, types.int64)),
        "evaluate": (
            _evaluate,
            types.void(types.float64[::1], program, given(number, 1), vector_, vector_, data, data, types.int64),
        ),
    }
    function, signature = entries[name]
    return entry_point(getattr(function, "py_func", function), signature, f"{name}-{dtype}")


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
    """As in the reference, by as many threads as the buffers' first axis is long. Each runs the whole loop in compiled
    code; this one is the first of them."""
    members = len(gradients)
    entry = compiled("train", _NAMES[parameters.dtype.char])
    # A cache line of its own for the counter that all members look at.
    counter, partial = np.zeros(16, np.int64), np.empty((members, 2, HISTORY_COLUMNS))

    def member(rank: int) -> int:
        return int(
            entry(
                rank,
                counter,
                partial,
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

    # Nobody goes to a meeting before all are there: a thread that cannot be started would be waited for without end.
    ready = threading.Event()
    complete = False

    def follow(rank: int) -> None:
        ready.wait()
        if complete:
            member(rank)

    others = [threading.Thread(target=follow, args=(rank,)) for rank in range(1, members)]
    try:
        for other in others:
            other.start()
        complete = True
    finally:
        ready.set()
    finished = member(0)
    for other in others:
        other.join()
    return finished


def predict(outputs: Array, program: Record, parameters: Array, activations: Array, X: Array, max_rows: int) -> None:
    compiled("predict", _NAMES[parameters.dtype.char])(outputs, program, parameters, activations, X, max_rows)


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
    run_evaluate = compiled("evaluate", _NAMES[parameters.dtype.char])
    run_evaluate(result, program, parameters, activations, deltas, X, Y, max_rows)
