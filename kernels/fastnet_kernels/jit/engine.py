"""As in the reference, with the loop over epochs, batches and ops in one compiled function: the Program is data, so
one compilation for each float type serves every architecture, and no Python runs between steps. Views borrow their
memory and every buffer comes from the caller, so a step allocates nothing."""

import contextlib
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
from .denormals import flush_denormals, restore
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
from .pixels import convert_pixels, gather_pixels
from .randomness import shuffle
from .team import CLAIMED, FINISHED, claim, finish, wait
from .views import flat, matrix, row_block, vector


@kernel
def forward(program, parameters, activations, x, max_rows, place, training, seed, step, first_row):
    rows = x.shape[0]
    for index in range(program.size):
        op = program[index]
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


@kernel
def backward(program, parameters, activations, deltas, x, max_rows, place, seed, step, first_row):
    rows = x.shape[0]
    penalty = 0.0
    for index in range(program.size - 2, -1, -1):
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
        elif op["kind"] == DROPOUT and op["passes_on"] != 0:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, first_row)
    return penalty


@kernel
def _part(n, part, parts):
    """Even parts of n. A division takes as long as forty additions, and most teams are of one."""
    if parts == 1:
        return np.int64(0), np.int64(n)
    return n * part // parts, n * (part + 1) // parts


@kernel
def inputs_of(op, part, parts):
    n = op["input_size"]
    if op["kind"] == SAMPLES:
        n -= op["output_size"]
    return _part(n, part, parts)


@kernel
def weight_gradients(program, gradients, activations, deltas, x, max_rows, place, first_row, accumulate, part, parts):
    rows = x.shape[0]
    for index in range(program.size - 2, -1, -1):
        op = program[index]
        if op["kind"] == DROPOUT:
            continue
        first, end = inputs_of(op, part, parts)
        n_out = op["output_size"]
        dz = matrix(deltas, op["output"] * max_rows + place * n_out, rows, n_out)
        dweights = matrix(gradients, op["weights"] + first * n_out, end - first, n_out)
        dbiases = vector(gradients, op["biases"], n_out if part == parts - 1 else 0)
        if op["kind"] == DENSE:
            given = x
            if index > 0:
                given = matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
            dense_gradients(dweights, dbiases, given, dz, first, accumulate)
        else:
            samples_gradients(dweights, dbiases, dz, first, first_row, accumulate)


@kernel
def penalize(program, parameters, gradients, part, parts):
    penalty = 0.0
    for index in range(program.size):
        op = program[index]
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
                share = float(parameters[op["biases"] - 1])
                penalty += 0.5 * op["l2"] * share * share * op["square"]
    return penalty


@kernel
def update_range(parameters, slots, gradients, optimizer, step, begin, end):
    copies, n = gradients.shape
    mine = vector(flat(gradients), begin, end - begin)
    for copy in range(1, copies):
        others = vector(flat(gradients), copy * n + begin, end - begin)
        for i in range(mine.size):
            mine[i] += others[i]
    update(vector(parameters, begin, end - begin), slots, mine, optimizer, step, begin)


@kernel
def update_part(program, parameters, slots, gradients, optimizer, step, part, parts):
    begin = end = 0
    for index in range(program.size):
        op = program[index]
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


@kernel
def gather(batch, X, order, start):
    for i in range(batch.shape[0]):
        row = order[start + i]
        for j in range(batch.shape[1]):
            batch[i, j] = X[row, j]


@kernel
def rows_of(room, X, pixels, divisor, start):
    rows = room.shape[0]
    if pixels.shape[0] == 0:
        return row_block(X, start, rows)
    convert_pixels(room, row_block(pixels, start, rows), divisor)
    return room


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
def _claim(counter, phase, parts, members):
    """A part of the phase whose first has the number ``phase``, from 0 on; -1 if none is left."""
    if members == 1:
        number = counter[CLAIMED]
        counter[CLAIMED] = min(number + 1, phase + parts)
        return number - phase if number < phase + parts else np.int64(-1)
    wait(counter, phase)
    number = claim(counter, phase + parts)
    return number - phase if number >= 0 else number


@kernel
def _train(
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
    pixels,
    Y,
    targets,
):
    """What each member of the team runs: it does parts of a phase until all have been claimed, then goes on to the
    next. ``phase`` is the number of its first part. A member that slept goes through phases that are finished without
    work.

    ``counter`` is the team's (see ``team``), ``partial`` (members, HISTORY_COLUMNS) the sums of the parts' epochs.
    """
    members, n_samples, max_rows = partial.shape[0], Y.shape[0], targets.shape[0]
    settings, loss = run[0], program[program.size - 1]
    batch_size, seed, step = settings["batch_size"], settings["seed"], settings["step"]
    n_features, divisor = program[0]["input_size"], settings["divisor"]
    shuffled = settings["shuffle"] != 0 and batch_size < n_samples
    copies, n_parameters = gradients.shape
    own_rows = max_rows // members
    denormals = flush_denormals()
    phase = finished = 0
    for index in range(history.shape[0]):
        if shuffled:
            if _claim(counter, phase, 1, members) == 0:
                shuffle(order, seed, settings["epoch"] + index)
                finish(counter)
            phase += 1
        for start in range(0, n_samples, batch_size):
            rows = min(batch_size, n_samples - start)
            # With a copy of the gradients for each member nobody needs another's rows before the batch is through.
            block_rows = rows if copies == members else max_rows
            step += 1
            for first_row in range(0, rows, block_rows):
                count = min(block_rows, rows - first_row)
                part = _claim(counter, phase, members, members)
                while part >= 0:
                    low, high = _part(count, part, members)
                    mine = vector(flat(gradients), (part % copies) * n_parameters, n_parameters)
                    if low == high and copies == members:
                        for i in range(n_parameters):
                            mine[i] = 0
                    for own in range(low, high, own_rows):
                        n, place = min(own_rows, high - own), part * own_rows if copies == members else own
                        at = first_row + own
                        room = matrix(activations, place * n_features, n, n_features)
                        if shuffled:
                            gathered_targets = row_block(targets, place, n)
                            if pixels.shape[0] > 0:
                                gather_pixels(room, pixels, order, start + at, divisor)
                            else:
                                gather(room, X, order, start + at)
                            gather(gathered_targets, Y, order, start + at)
                            x, y = room, gathered_targets
                        else:
                            x, y = rows_of(room, X, pixels, divisor, start + at), row_block(Y, start + at, n)
                        output = forward(program, parameters, activations, x, max_rows, place, True, seed, step - 1, at)
                        n_out = loss["input_size"]
                        doutput = matrix(deltas, loss["input"] * max_rows + place * n_out, n, n_out)
                        lost = loss_forward_backward(doutput, output, y, 1 / rows, loss["function"])
                        if settings["count_correct"] != 0:
                            partial[part, HISTORY_CORRECT] += count_correct(output, y)
                        lost += rows * backward(
                            program, parameters, activations, deltas, x, max_rows, place, seed, step - 1, at
                        )
                        partial[part, HISTORY_LOSS] += lost
                        if copies == members:
                            weight_gradients(
                                program, mine, activations, deltas, x, max_rows, place, at, own > low, 0, 1
                            )
                    finish(counter)
                    part = _claim(counter, phase, members, members)
                phase += members
                part = _claim(counter, phase, members, members)
                while part >= 0:
                    first = vector(flat(gradients), 0, n_parameters)
                    if copies < members:
                        block = row_block(X, start + first_row, count)
                        if shuffled or pixels.shape[0] > 0:
                            block = matrix(activations, 0, count, n_features)
                        weight_gradients(
                            program,
                            first,
                            activations,
                            deltas,
                            block,
                            max_rows,
                            0,
                            first_row,
                            first_row > 0,
                            part,
                            members,
                        )
                    if first_row + count == rows:
                        partial[part, HISTORY_LOSS] += rows * penalize(program, parameters, first, part, members)
                        update_part(program, parameters, slots, gradients, optimizer[0], step, part, members)
                    finish(counter)
                    part = _claim(counter, phase, members, members)
                phase += members
        if _claim(counter, phase, 1, members) == 0:
            total = correct = 0.0
            for part in range(members):
                total += partial[part, HISTORY_LOSS]
                correct += partial[part, HISTORY_CORRECT]
                partial[part, HISTORY_LOSS] = partial[part, HISTORY_CORRECT] = 0
            history[index, HISTORY_LOSS] = total / n_samples
            history[index, HISTORY_CORRECT] = correct
            finish(counter)
        phase += 1
        wait(counter, phase)
        if not math.isfinite(history[index, HISTORY_LOSS]):
            break
        finished += 1
    restore(denormals)
    return finished


@kernel
def _predict(outputs, program, parameters, activations, X, pixels, divisor, max_rows):
    loss, n_features = program[program.size - 1], program[0]["input_size"]
    parameters = flat(parameters)
    for start in range(0, outputs.shape[0], max_rows):
        rows = min(max_rows, outputs.shape[0] - start)
        x = rows_of(matrix(activations, 0, rows, n_features), X, pixels, divisor, start)
        output = forward(program, parameters, activations, x, max_rows, 0, False, 0, 0, 0)
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"], loss["slope"])


@kernel
def _evaluate(result, program, parameters, activations, deltas, X, pixels, divisor, Y, max_rows):
    loss, n_features = program[program.size - 1], program[0]["input_size"]
    parameters = flat(parameters)
    total = correct = 0.0
    for start in range(0, Y.shape[0], max_rows):
        rows = min(max_rows, Y.shape[0] - start)
        x = rows_of(matrix(activations, 0, rows, n_features), X, pixels, divisor, start)
        y = row_block(Y, start, rows)
        output = forward(program, parameters, activations, x, max_rows, 0, False, 0, 0, 0)
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        total += loss_forward_backward(doutput, output, y, 1.0, loss["function"])
        correct += count_correct(output, y)
    result[HISTORY_LOSS] = total / Y.shape[0] + penalties(program, parameters)
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
    table_, pixels = number[:, ::1], given(types.uint8, 2)
    entries: dict[str, tuple[Any, Any]] = {
        "train": (
            _train,
            types.int64(
                types.int64[::1],
                types.float64[:, ::1],
                history,
                program,
                optimizer,
                run,
                vector_,
                table_,
                table_,
                vector_,
                vector_,
                types.int64[::1],
                data,
                pixels,
                data,
                table_,
            ),
        ),
        "predict": (
            _predict,
            types.void(table_, program, given(number, 1), vector_, data, pixels, types.float64, types.int64),
        ),
        "evaluate": (
            _evaluate,
            types.void(
                types.float64[::1],
                program,
                given(number, 1),
                vector_,
                vector_,
                data,
                pixels,
                types.float64,
                data,
                types.int64,
            ),
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
    pixels: npt.NDArray[np.uint8],
    Y: Array,
    targets: Array,
) -> int:
    """As in the reference, by as many threads as ``run`` says. Each runs the whole loop in compiled code; this one is
    the first of them."""
    members = int(run["threads"][0])
    entry = compiled("train", _NAMES[parameters.dtype.char])
    counter, partial = np.zeros(2 * FINISHED, np.int64), np.zeros((members, HISTORY_COLUMNS))

    arguments = (
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
        pixels,
        Y,
        targets,
    )
    others = [threading.Thread(target=entry, args=arguments) for _ in range(1, members)]
    try:
        # One that cannot be started is not needed: whoever runs does its parts, with the same result.
        with contextlib.suppress(RuntimeError):
            for other in others:
                other.start()
        return int(entry(*arguments))
    finally:
        for other in others:
            if other.ident is not None:
                other.join()


def predict(
    outputs: Array,
    program: Record,
    parameters: Array,
    activations: Array,
    X: Array,
    pixels: npt.NDArray[np.uint8],
    divisor: float,
    max_rows: int,
) -> None:
    run_predict = compiled("predict", _NAMES[parameters.dtype.char])
    run_predict(outputs, program, parameters, activations, X, pixels, divisor, max_rows)


def evaluate(
    result: npt.NDArray[np.float64],
    program: Record,
    parameters: Array,
    activations: Array,
    deltas: Array,
    X: Array,
    pixels: npt.NDArray[np.uint8],
    divisor: float,
    Y: Array,
    max_rows: int,
) -> None:
    run_evaluate = compiled("evaluate", _NAMES[parameters.dtype.char])
    run_evaluate(result, program, parameters, activations, deltas, X, pixels, divisor, Y, max_rows)
