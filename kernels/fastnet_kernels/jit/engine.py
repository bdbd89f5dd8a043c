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
from numba.core.compiler_lock import global_compiler_lock

from ..program import (
    AUGMENT,
    BATCH_NORM,
    CATEGORICAL,
    DBIASES,
    DENSE,
    DROPOUT,
    DWEIGHTS,
    HISTORY_COLUMNS,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    IDENTITY,
    LAYER_NORM,
    MEAN,
    NOISE,
    OP,
    OPTIMIZER,
    OWN_DBIASES,
    OWN_DWEIGHTS,
    OWN_MEAN,
    OWN_SQUARES,
    PRODUCT,
    RATE,
    RELU,
    RUN,
    SAMPLES,
    VARIANCE,
    Array,
    Record,
)
from .activations import activation_backward, activation_forward
from .ahead import prepare
from .augment import augment_gathered, augment_rows
from .compiler import entry_point, kernel
from .denormals import flush_denormals, restore
from .dense import (
    dense_backward,
    dense_forward,
    dense_gradients,
    hold_norms,
    samples_forward,
    samples_gradients,
    samples_penalty,
    weight_penalty,
)
from .descent import descends, is_online, online_epoch
from .dropout import dropout_backward, dropout_forward
from .formula import elementwise
from .library import LIBRARY, MATRIX, VECTOR, load, shared
from .losses import count_correct, loss_forward_backward
from .noise import noise_backward, noise_forward
from .normalization import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_gradients,
    layer_norm_backward,
    layer_norm_forward,
    layer_norm_gradients,
    merge_moments,
    own_moments,
    running_average,
)
from .optimizers import average_parameters, update
from .pixels import convert_columns, convert_pixels, gather_pixels
from .randomness import shuffle
from .rows import fetch, move
from .split import columns_of, split_forward, split_sums
from .team import APART, FINISHED, claim, counter_of, finish, wait
from .view_type import View
from .views import borrow, flat, matrix, row_block, vector

# A number that is written out is a type of its own to Numba, which compiles anew what it is given to: so where kernels
# are large they are given np.int64(0).
_PROGRAM = View(numba.from_dtype(OP), 1)

ROWS_AHEAD = 5
"""How many rows before a sample is copied it is fetched: 2 and 10 were slower."""

SQUARES = HISTORY_COLUMNS
"""The column of a part's sums in which the squares of its gradients are, after those of the history."""

SUMS = 16
"""Columns of a part's sums, in float64: two lines of the cache, of which three numbers are used, so that no two parts'
are in one line, wherever the first begins. Members who write to one line wait for each other."""


@kernel
def barrier(program, number):
    for index in range(program.size):
        if program[index]["kind"] == BATCH_NORM and program[index]["trainable"] != 0:
            if number == 0:
                return index
            number -= 1
    return program.size - 1


@kernel
def barriers(program):
    count = 0
    for index in range(program.size):
        count += program[index]["kind"] == BATCH_NORM and program[index]["trainable"] != 0
    return count


@kernel
def moment(moments, op, which):
    return vector(moments, op["moments"] + which * op["output_size"], op["output_size"])


@kernel
def statistic(parameters, op, which):
    return vector(parameters, op["statistics"] + which * op["output_size"], op["output_size"])


@shared(
    *(MATRIX, _PROGRAM, types.int64, types.int64, VECTOR, VECTOR, VECTOR, MATRIX),
    *(types.int64, types.int64, types.int64, types.boolean, types.int64, types.int64, types.int64),
)
def forward(
    program,
    begin,
    end,
    parameters,
    activations,
    moments,
    x,
    rows,
    max_rows,
    place,
    training,
    seed,
    step,
    first_row,
):
    if begin > 0:
        op = program[begin]
        x = matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
    for index in range(begin, end):
        op = program[index]
        if op["kind"] == AUGMENT or (not training and (op["kind"] == DROPOUT or op["kind"] == NOISE)):
            continue
        out = matrix(activations, op["output"] * max_rows + place * op["output_size"], rows, op["output_size"])
        z = matrix(activations, op["z"] * max_rows + place * op["output_size"], rows, op["output_size"])
        biases = vector(parameters, op["biases"], op["output_size"])
        if op["kind"] == DENSE:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            dense_forward(out, z, x, weights, biases, op["function"], op["slope"])
        elif op["kind"] == SAMPLES:
            combination = matrix(parameters, op["weights"], samples_of(op), op["output_size"])
            share = vector(parameters, op["biases"] - 1, 1)
            samples_forward(out, z, x, combination, share, biases, first_row, op["function"], op["slope"])
        elif op["kind"] == DROPOUT:
            dropout_forward(out, x, op["rate"], seed, op["key"], step, first_row)
        elif op["kind"] == NOISE:
            noise_forward(out, x, op["deviation"], seed, op["key"], step, first_row)
        else:
            gamma = vector(parameters, op["weights"], op["output_size"])
            if op["kind"] == LAYER_NORM:
                layer_norm_forward(z, x, gamma, biases, op["epsilon"])
            else:
                mean, variance = mean_and_variance(op, parameters, moments)
                batch_norm_forward(z, x, mean, variance, gamma, biases, op["epsilon"])
            activation_forward(out, z, op["function"], op["slope"])
        x = out
    return x


@kernel
def rectifies(program, index):
    if index < 0 or index + 1 >= program.size or program[index + 1]["kind"] != DENSE:
        return False
    op = program[index]
    return (op["kind"] == DENSE or op["kind"] == SAMPLES) and op["function"] == RELU


@kernel
def samples_of(op):
    return (op["biases"] - 1 - op["weights"]) // op["output_size"]


@kernel
def mean_and_variance(op, parameters, moments):
    if moments.size > 0 and op["trainable"] != 0:
        return moment(moments, op, MEAN), moment(moments, op, VARIANCE)
    return statistic(parameters, op, 0), statistic(parameters, op, 1)


@kernel
def backward(
    program,
    begin,
    end,
    parameters,
    activations,
    deltas,
    moments,
    x,
    w,
    max_rows,
    place,
    seed,
    step,
    first_row,
    scale,
):
    rows = x.shape[0]
    penalty = 0.0
    for index in range(end - 1, begin - 1, -1):
        op = program[index]
        if op["trainable"] == 0 and op["passes_on"] == 0:
            break
        out = matrix(activations, op["output"] * max_rows + place * op["output_size"], rows, op["output_size"])
        z = matrix(activations, op["z"] * max_rows + place * op["output_size"], rows, op["output_size"])
        dout = matrix(deltas, op["output"] * max_rows + place * op["output_size"], rows, op["output_size"])
        dx = matrix(deltas, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
        # The derivative of a ReLU before a dense layer is in what that passed on.
        function = IDENTITY if rectifies(program, index) else op["function"]
        needs_dx = op["passes_on"] != 0
        if op["kind"] == DENSE:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            given = matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
            is_rectified = rectifies(program, index - 1)
            dense_backward(dx, dout, dout, out, z, given, weights, function, op["slope"], needs_dx, is_rectified)
        elif op["kind"] == SAMPLES:
            combination = matrix(parameters, op["weights"], samples_of(op), op["output_size"])
            dense_backward(dx, dout, dout, out, z, dx, combination, function, op["slope"], needs_dx, False)
            if op["l2"] > 0:
                product = matrix(deltas, op["input"] * max_rows + place * op["output_size"], rows, op["output_size"])
                share = vector(parameters, op["biases"] - 1, 1)
                penalty += 0.5 * op["l2"] * samples_penalty(product, x, combination, share, first_row)
        elif op["kind"] == DROPOUT:
            dropout_backward(dx, dout, op["rate"], seed, op["key"], step, first_row)
        elif op["kind"] == NOISE:
            noise_backward(dx, dout)
        else:
            is_barrier = op["kind"] == BATCH_NORM and op["trainable"] != 0
            given = matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
            if index == 0:
                given = x
            gamma = vector(parameters, op["weights"], op["output_size"])
            if not (is_barrier and index == end - 1):
                activation_backward(dout, dout, out, z, op["function"], op["slope"])
            if op["kind"] == LAYER_NORM:
                if op["passes_on"] != 0:
                    layer_norm_backward(dx, dout, given, gamma, op["epsilon"])
                continue
            mean, variance = mean_and_variance(op, parameters, moments)
            if is_barrier and index == begin and index < end - 1:
                batch_norm_gradients(
                    moment(moments, op, OWN_DBIASES),
                    moment(moments, op, OWN_DWEIGHTS),
                    dout,
                    given,
                    mean,
                    variance,
                    op["epsilon"],
                    False,
                )
            elif op["passes_on"] != 0:
                dbeta = dgamma = gamma
                if is_barrier:
                    dbeta, dgamma = moment(moments, op, DBIASES), moment(moments, op, DWEIGHTS)
                share_of_row = scale if is_barrier else 0.0
                batch_norm_backward(
                    dx, dout, given, w, mean, variance, gamma, dbeta, dgamma, share_of_row, op["epsilon"]
                )
    return penalty


@kernel
def part_of(n, part, parts):
    """A division takes as long as forty additions, and most teams are of one."""
    if parts == 1:
        return np.int64(0), np.int64(n)
    return n * part // parts, n * (part + 1) // parts


@kernel
def merge_batch(op, moments, part, parts, rows, by_weights, W, order, shuffled, start):
    size = moments.shape[1]
    mine = vector(flat(moments), part * size, size)
    mean, variance = moment(mine, op, MEAN), moment(mine, op, VARIANCE)
    others = 0.0
    for other in range(parts):
        low, high = part_of(rows, other, parts)
        count = count_of(by_weights, W, order, shuffled, start + low, high - low)
        if count > 0 or (other == parts - 1 and others == 0):
            row = vector(flat(moments), other * size, size)
            own_mean, own_squares = moment(row, op, OWN_MEAN), moment(row, op, OWN_SQUARES)
            merge_moments(mean, variance, own_mean, own_squares, count, others)
            others += count
    if others > 0:
        for j in range(variance.size):
            variance[j] /= variance.dtype.type(others)


@kernel
def merge_gradients(op, moments, part, parts, rows):
    size = moments.shape[1]
    mine = vector(flat(moments), part * size, size)
    dbeta, dgamma = moment(mine, op, DBIASES), moment(mine, op, DWEIGHTS)
    for j in range(dbeta.size):
        dbeta[j] = dgamma[j] = dbeta.dtype.type(0)
    for other in range(parts):
        low, high = part_of(rows, other, parts)
        if high > low:
            row = vector(flat(moments), other * size, size)
            own_dbeta, own_dgamma = moment(row, op, OWN_DBIASES), moment(row, op, OWN_DWEIGHTS)
            for j in range(dbeta.size):
                dbeta[j] += own_dbeta[j]
                dgamma[j] += own_dgamma[j]


@kernel
def inputs_of(op, part, parts):
    n = np.int64(1)
    if op["kind"] == DENSE:
        n = op["input_size"]
    elif op["kind"] == SAMPLES:
        n = samples_of(op)
    return part_of(n, part, parts)


@kernel
def weight_gradients(
    program,
    gradients,
    activations,
    deltas,
    moments,
    x,
    max_rows,
    place,
    first_row,
    accumulate,
    part,
    parts,
    of_batch,
):
    rows = x.shape[0]
    for index in range(program.size - 2, -1, -1):
        op = program[index]
        if op["trainable"] == 0:
            continue
        first, end = inputs_of(op, part, parts)
        n_out = op["output_size"]
        dz = matrix(deltas, op["output"] * max_rows + place * n_out, rows, n_out)
        dweights = matrix(gradients, op["weights"] + first * n_out, end - first, n_out)
        dbiases = vector(gradients, op["biases"], n_out if part == parts - 1 else 0)
        given = x
        if index > 0:
            given = matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
        if op["kind"] == DENSE:
            # What is split has the columns that this part needs, and no others.
            column = first if given.shape[1] == op["input_size"] else np.int64(0)
            dense_gradients(dweights, dbiases, given, dz, column, accumulate)
        elif op["kind"] == SAMPLES:
            n = samples_of(op) - 1
            samples_gradients(dweights, dbiases, given, dz, n, first, first_row, accumulate)
        elif part == parts - 1:
            dgamma = vector(gradients, op["weights"], n_out)
            if op["kind"] == LAYER_NORM:
                layer_norm_gradients(dbiases, dgamma, dz, given, op["epsilon"], accumulate)
            else:
                dbeta = moment(moments, op, DBIASES if of_batch else OWN_DBIASES)
                squares = moment(moments, op, DWEIGHTS if of_batch else OWN_DWEIGHTS)
                for j in range(n_out):
                    dbiases[j], dgamma[j] = dbeta[j], squares[j]


@kernel
def penalize(program, parameters, gradients, strength, part, parts):
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
        if op["l1"] > 0 or op["l2"] > 0:
            weights, dweights = vector(parameters, begin, size), vector(gradients, begin, size)
            added = weight_penalty(dweights, weights, strength * op["l1"], strength * op["l2"])
            if op["kind"] == DENSE:
                penalty += added
            elif part == parts - 1:
                share = float(parameters[op["biases"] - 1])
                penalty += strength * 0.5 * op["l2"] * share * share * op["square"]
    return penalty


@kernel
def _sum_of_squares(numbers):
    """In float64 from the start: the square of a gradient that explodes has no place in float32."""
    total = 0.0
    for i in range(numbers.size):
        number = np.float64(numbers[i])
        total += number * number
    return total


@kernel
def sum_copies(gradients, begin, end):
    copies, n = gradients.shape
    mine = vector(flat(gradients), begin, end - begin)
    for copy in range(1, copies):
        others = vector(flat(gradients), copy * n + begin, end - begin)
        for i in range(mine.size):
            mine[i] += others[i]
    return mine


@kernel
def sum_gradients(program, gradients, part, parts):
    squares = 0.0
    for index in range(program.size):
        op = program[index]
        if op["trainable"] != 0:
            first, last = inputs_of(op, part, parts)
            begin, end = op["weights"] + first * op["output_size"], op["weights"] + last * op["output_size"]
            if part == parts - 1:
                end = op["biases"] + op["output_size"]
            squares += _sum_of_squares(sum_copies(gradients, begin, end))
    return squares


@kernel
def update_range(parameters, slots, gradients, optimizer, rate, product, factor, step, begin, end):
    mine = sum_copies(gradients, begin, end)
    part = vector(parameters, begin, end - begin)
    update(part, slots, mine, optimizer, rate, product, factor, step, begin)


@kernel
def update_part(program, parameters, slots, gradients, optimizer, rate, product, factor, step, part, parts):
    begin = end = np.int64(0)
    for index in range(program.size):
        op = program[index]
        if op["trainable"] == 0:
            continue
        first, last = inputs_of(op, part, parts)
        from_, to = op["weights"] + first * op["output_size"], op["weights"] + last * op["output_size"]
        if part == parts - 1:
            to = op["biases"] + op["output_size"]
        if from_ != end:
            if end > begin:
                update_range(parameters, slots, gradients, optimizer, rate, product, factor, step, begin, end)
            begin = from_
        end = to
    if end > begin:
        update_range(parameters, slots, gradients, optimizer, rate, product, factor, step, begin, end)


@kernel
def keep_statistics(program, parameters, moments, count):
    if count <= 1:
        return
    for index in range(program.size):
        op = program[index]
        if op["kind"] == BATCH_NORM and op["trainable"] != 0:
            running_average(statistic(parameters, op, 0), moment(moments, op, MEAN), op["momentum"], 1.0)
            unbiased = count / (count - 1)
            running_average(statistic(parameters, op, 1), moment(moments, op, VARIANCE), op["momentum"], unbiased)


@kernel
def settle(program, parameters, slots, gradients, average, part, parts):
    n_slots, n = slots.shape
    for index in range(part, program.size, parts):
        op = program[index]
        if op["trainable"] == 0:
            continue
        if op["max_norm"] > 0:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            hold_norms(weights, vector(gradients, op["biases"], op["output_size"]), op["max_norm"])
        if average > 0:
            begin, size = op["weights"], op["biases"] + op["output_size"] - op["weights"]
            mean = vector(flat(slots), (n_slots - 1) * n + begin, size)
            average_parameters(mean, vector(parameters, begin, size), average)


@kernel
def gather(batch, X, order, start, first):
    n, wide = batch.shape[1], X.shape[1]
    if n == 1:  # most targets are
        for i in range(batch.shape[0]):
            batch[i, 0] = X[order[start + i], first]
        return
    end = start + batch.shape[0]
    for i in range(start, end):
        if i + ROWS_AHEAD < end:
            fetch(X, order[i + ROWS_AHEAD] * wide + first, n)
        move(batch, (i - start) * n, X, order[i] * wide + first, n)


@kernel
def rows_of(room, X, pixels, divisor, start):
    rows = room.shape[0]
    if pixels.shape[0] == 0:
        return row_block(X, start, rows)
    convert_pixels(room, row_block(pixels, start, rows), divisor)
    return room


@elementwise(total=True)
def times_zero(numbers):
    return 0.0 * numbers


@elementwise(total=True)
def _sum(numbers):
    return numbers


@kernel
def weight_of(W, rows):
    return _sum(W) if W.shape[0] > 0 else float(rows * W.shape[1])


@kernel
def weight_of_batch(W, order, shuffled, start, rows):
    if W.shape[0] == 0:
        return float(rows * W.shape[1])
    if not shuffled:
        return weight_of(row_block(W, start, min(rows, W.shape[0])), rows)
    total = 0.0
    for i in range(start, start + rows):
        for j in range(W.shape[1]):
            total += W[order[i], j]
    return total


@kernel
def count_of(by_weights, W, order, shuffled, start, rows):
    if not by_weights:
        return float(rows)
    return weight_of_batch(W, order, shuffled, start, rows) / W.shape[1]


@kernel
def strength_of(by_rows, weight, columns):
    if not by_rows:
        return 1.0
    return columns / weight if weight > 0 else 0.0


@kernel
def entries(program):
    loss = program[program.size - 1]
    return np.int64(1) if loss["function"] == CATEGORICAL else loss["input_size"]


@elementwise(total=True)
def _weight_penalty(weights, l1, l2):
    return l1 * abs(weights) + 0.5 * l2 * weights * weights


@kernel
def penalties(program, parameters):
    penalty = 0.0
    for index in range(program.size):
        op = program[index]
        if op["kind"] == DENSE and (op["l1"] > 0 or op["l2"] > 0):
            weights = vector(parameters, op["weights"], op["input_size"] * op["output_size"])
            penalty += _weight_penalty(weights, op["l1"], op["l2"])
    return penalty


@kernel
def clipping(squares, limit):
    return min(1.0, limit / (math.sqrt(squares) + 1e-6))


@kernel
def _claim(counter, phase, parts, members, member):
    """A part of the phase whose first has the number ``phase`` among all parts, from 0 on; -1 if none is left."""
    if members == 1:
        if counter[APART] > phase:
            return np.int64(-1)
        counter[APART] = phase + 1
        return np.int64(0)
    wait(counter, phase)
    return claim(counter, phase, parts, member)


@kernel
def _finish(counter, members):
    """One part more is finished. An atomic addition takes twenty cycles, and most teams are of one."""
    if members == 1:
        counter[FINISHED] += 1
    else:
        finish(counter)


@kernel
def _split_part(
    program, parameters, activations, deltas, max_rows, start, rows, part, parts, shuffled, order, X, pixels, divisor
):
    """What a part adds to the sums of a first layer that is split, from the samples' columns that it gathers or finds
    where they lie."""
    column, end = inputs_of(program[0], part, parts)
    x = row_block(X, start, rows)
    if shuffled or pixels.shape[0] > 0:
        x = columns_of(activations, max_rows, rows, column, end)
    if pixels.shape[0] > 0 and shuffled:
        gather_pixels(x, pixels, order, start, divisor, column)
    elif pixels.shape[0] > 0:
        convert_columns(x, pixels, start, divisor, column)
    elif shuffled:
        gather(x, X, order, start, column)
    split_sums(program[0], parameters, activations, deltas, max_rows, part, x, column, end)


@kernel
def _train(
    counter,
    member,
    partial,
    history,
    program,
    optimizer,
    schedule,
    run,
    parameters,
    slots,
    gradients,
    activations,
    deltas,
    moments,
    order,
    X,
    pixels,
    Y,
    W,
):
    """What each ``member`` of the team runs: it does parts of a phase until all have been claimed, then goes on to the
    next. ``phase`` is the number of its first part. A member that slept goes through phases that are finished without
    work.

    ``counter`` is the team's (see ``team``), ``partial`` (members, SUMS) the sums of the parts' epochs.
    """
    counter, partial, program, schedule = borrow(counter), borrow(partial), borrow(program), borrow(schedule)
    parameters, slots, gradients, moments = borrow(parameters), borrow(slots), borrow(gradients), borrow(moments)
    activations, deltas, order = borrow(activations), borrow(deltas), borrow(order)
    X, pixels, Y, W = borrow(X), borrow(pixels), borrow(Y), borrow(W)
    members, n_samples, settings, rule = partial.shape[0], Y.shape[0], run[0], optimizer[0]
    batch_size, max_rows, seed, step = settings["batch_size"], settings["max_rows"], settings["seed"], settings["step"]
    loss, columns, n_barriers = program[program.size - 1], entries(program), barriers(program)
    n_features, divisor = program[0]["input_size"], settings["divisor"]
    shuffled, augments = settings["shuffle"] != 0 and batch_size < n_samples, program[0]["kind"] == AUGMENT
    in_sample_space = program[0]["kind"] == SAMPLES
    copies, n_parameters = gradients.shape
    n_moments, own_rows = moments.shape[1], max_rows // members
    updates, limit = settings["update"] != 0, rule["clip_norm"]
    settles, has_penalties = rule["average"] > 0, False
    for index in range(program.size):
        op = program[index]
        settles |= op["max_norm"] > 0
        # A SAMPLES op's share has no gradient but what penalize gives it.
        has_penalties |= op["l1"] > 0 or op["l2"] > 0 or op["kind"] == SAMPLES
    by_rows = settings["penalty_by_rows"] != 0
    by_weights = settings["rows_per_weight"] > 0 and W.shape[0] > 0
    whole = float(n_samples) if by_rows else weight_of(W, n_samples)
    descending = descends(program, rule, settings, members)
    splitting, in_place = settings["split"] != 0 and members > 1, not shuffled and pixels.shape[0] == 0
    online = descending and is_online(program, settings, W, pixels)
    denormals = flush_denormals()
    phase = finished = np.int64(0)
    for index in range(history.shape[0]):
        if shuffled:
            if _claim(counter, phase, np.int64(1), members, member) == 0:
                shuffle(order, seed, settings["epoch"] + index)
                _finish(counter, members)
            phase += 1
            wait(counter, phase)
        start = -batch_size
        if online:
            first = step - settings["step"]
            online_epoch(
                partial,
                program,
                settings,
                schedule,
                first,
                columns,
                parameters,
                activations,
                deltas,
                order,
                shuffled,
                X,
                Y,
                W,
            )
            step += n_samples
            start = n_samples
        while start + batch_size < n_samples:
            start += batch_size
            rows = min(batch_size, n_samples - start)
            weight = weight_of_batch(W, order, shuffled, start, rows)
            scale = 1 / weight if weight > 0 else 0.0
            strength = strength_of(by_rows, weight, columns)
            count_of_batch = float(rows) if by_rows else weight
            count_of_moments = weight / columns if by_weights else float(rows)
            share_of_losses = settings["loss_factor"] * (rows * scale if by_rows else 1.0)
            # With a copy of the gradients for each member nobody needs another's rows before the batch is through.
            block_rows = rows if copies == members else max_rows
            rate, product = schedule[step - settings["step"], RATE], schedule[step - settings["step"], PRODUCT]
            first_row = -block_rows
            while first_row + block_rows < rows:
                first_row += block_rows
                count = min(block_rows, rows - first_row)
                if splitting:
                    part = _claim(counter, phase, members, members, member)
                    while part >= 0:
                        _split_part(
                            program,
                            parameters,
                            activations,
                            deltas,
                            max_rows,
                            start + first_row,
                            count,
                            part,
                            members,
                            shuffled,
                            order,
                            X,
                            pixels,
                            divisor,
                        )
                        _finish(counter, members)
                        part = _claim(counter, phase, members, members, member)
                    phase += members
                for stage in range(2 * n_barriers + 1):
                    part = _claim(counter, phase, members, members, member)
                    while part >= 0:
                        low, high = part_of(count, part, members)
                        mine = vector(flat(gradients), (part % copies) * n_parameters, n_parameters)
                        if descending:
                            mine = vector(parameters, 0, n_parameters)
                        my_moments = vector(flat(moments), part * n_moments, n_moments)
                        if low == high and copies == members:
                            for i in range(n_parameters):
                                mine[i] = 0
                        if 0 < stage <= n_barriers:
                            merge_batch(
                                program[barrier(program, stage - 1)],
                                moments,
                                part,
                                members,
                                count,
                                by_weights,
                                W,
                                order,
                                shuffled,
                                start + first_row,
                            )
                        elif stage > n_barriers:
                            passed = program[barrier(program, 2 * n_barriers - stage)]
                            merge_gradients(passed, moments, part, members, count)
                        own = low - own_rows
                        while own + own_rows < high:
                            own += own_rows
                            n, place = min(own_rows, high - own), part * own_rows if copies == members else own
                            at = first_row + own
                            room = matrix(activations, place * n_features, n, n_features)
                            changed = room
                            if augments:
                                changed_at = program[0]["output"] * max_rows + place * n_features
                                changed = matrix(activations, changed_at, n, n_features)
                            losses = matrix(deltas, loss["targets"] * max_rows + place * columns, n, columns)
                            if shuffled:
                                width = Y.shape[1]
                                y = matrix(activations, loss["targets"] * max_rows + place * width, n, width)
                                w_place = loss["target_weights"] * max_rows + place * columns
                                w = matrix(activations, w_place, min(n, W.shape[0]), columns)
                                if stage == 0:
                                    if augments:
                                        augment_gathered(
                                            changed,
                                            row_block(room, 0, 1),
                                            X,
                                            pixels,
                                            divisor,
                                            order,
                                            start + at,
                                            program[0],
                                            seed,
                                            step,
                                            at,
                                        )
                                    elif not splitting and pixels.shape[0] > 0:
                                        gather_pixels(room, pixels, order, start + at, divisor, np.int64(0))
                                    elif not splitting:
                                        gather(room, X, order, start + at, np.int64(0))
                                    gather(y, Y, order, start + at, np.int64(0))
                                    gather(w, W, order, start + at, np.int64(0))
                                x = changed
                            else:
                                x = changed
                                if augments:
                                    if stage == 0:
                                        augment_rows(
                                            changed,
                                            row_block(room, 0, 1),
                                            X,
                                            pixels,
                                            divisor,
                                            start + at,
                                            program[0],
                                            seed,
                                            step,
                                            at,
                                        )
                                elif in_place or (stage == 0 and not splitting):
                                    x = rows_of(room, X, pixels, divisor, start + at)
                                y, w = row_block(Y, start + at, n), row_block(W, start + at, min(n, W.shape[0]))
                            counted = row_block(w, 0, n if by_weights else 0)
                            if stage <= n_barriers:
                                if splitting and stage == 0:
                                    split_forward(
                                        program[0], parameters, activations, deltas, max_rows, members, place, n
                                    )
                                output = forward(
                                    program,
                                    barrier(program, stage - 1) if stage > 0 else np.int64(splitting),
                                    barrier(program, stage) if stage < n_barriers else program.size - 1,
                                    parameters,
                                    activations,
                                    my_moments,
                                    X if in_sample_space else x,
                                    n,
                                    max_rows,
                                    place,
                                    True,
                                    seed,
                                    step,
                                    at,
                                )
                                if stage < n_barriers:
                                    ahead = program[barrier(program, stage)]
                                    own_mean = moment(my_moments, ahead, OWN_MEAN)
                                    squares = moment(my_moments, ahead, OWN_SQUARES)
                                    own_moments(own_mean, squares, output, counted)
                                    continue
                                n_out = loss["input_size"]
                                doutput = matrix(deltas, loss["input"] * max_rows + place * n_out, n, n_out)
                                gradient_scale = settings["gradient_factor"] * scale
                                if descending:
                                    gradient_scale *= -rate
                                partial[part, HISTORY_LOSS] += share_of_losses * loss_forward_backward(
                                    losses, doutput, output, y, w, gradient_scale, loss["function"], loss["slope"]
                                )
                                if settings["count_correct"] != 0:
                                    partial[part, HISTORY_CORRECT] += count_correct(output, y, loss["function"])
                            ahead_back = 2 * n_barriers - stage
                            partial[part, HISTORY_LOSS] += (
                                count_of_batch
                                * strength
                                * backward(
                                    program,
                                    barrier(program, ahead_back - 1) if ahead_back > 0 else 0,
                                    barrier(program, ahead_back) + 1 if stage > n_barriers else program.size - 1,
                                    parameters,
                                    activations,
                                    deltas,
                                    my_moments,
                                    x,
                                    counted,
                                    max_rows,
                                    place,
                                    seed,
                                    step,
                                    at,
                                    1 / count_of_moments if count_of_moments > 0 else 0.0,
                                )
                            )
                            if copies == members and stage == 2 * n_barriers:
                                weight_gradients(
                                    program,
                                    mine,
                                    activations,
                                    deltas,
                                    my_moments,
                                    x,
                                    max_rows,
                                    place,
                                    at,
                                    descending or own > low,
                                    np.int64(0),
                                    np.int64(1),
                                    copies < members,
                                )
                        _finish(counter, members)
                        part = _claim(counter, phase, members, members, member)
                    phase += members
                part = _claim(counter, phase, members, members, member)
                while part >= 0:
                    first = vector(flat(gradients), 0, n_parameters)
                    my_moments = vector(flat(moments), part * n_moments, n_moments)
                    if copies < members:
                        block = row_block(X, start + first_row, count)
                        if splitting and not in_place:
                            column, end_column = inputs_of(program[0], part, members)
                            block = columns_of(activations, max_rows, count, column, end_column)
                        elif not in_place:
                            block = matrix(activations, 0, count, n_features)
                        weight_gradients(
                            program,
                            first,
                            activations,
                            deltas,
                            my_moments,
                            block,
                            max_rows,
                            np.int64(0),
                            first_row,
                            first_row > 0,
                            part,
                            members,
                            copies < members,
                        )
                    if first_row + count == rows:
                        if has_penalties:
                            penalty = penalize(program, parameters, first, strength, part, members)
                            partial[part, HISTORY_LOSS] += count_of_batch * penalty
                        if limit > 0 or not updates:
                            partial[part, SQUARES] = sum_gradients(program, gradients, part, members)
                        elif not descending:
                            update_part(
                                program,
                                parameters,
                                slots,
                                gradients,
                                rule,
                                rate,
                                product,
                                1.0,
                                step + 1,
                                part,
                                members,
                            )
                        if updates and part == members - 1:
                            counts = settings["rows_per_weight"] if by_weights else 1.0
                            keep_statistics(program, parameters, my_moments, counts * count_of_moments)
                    _finish(counter, members)
                    part = _claim(counter, phase, members, members, member)
                phase += members
            if updates and limit > 0:
                part = _claim(counter, phase, members, members, member)
                while part >= 0:
                    squares_of_all = 0.0
                    for other in range(members):
                        squares_of_all += partial[other, SQUARES]
                    update_part(
                        program,
                        parameters,
                        slots,
                        matrix(flat(gradients), 0, 1, n_parameters),
                        rule,
                        rate,
                        product,
                        clipping(squares_of_all, limit),
                        step + 1,
                        part,
                        members,
                    )
                    _finish(counter, members)
                    part = _claim(counter, phase, members, members, member)
                phase += members
            if updates and settles:
                part = _claim(counter, phase, members, members, member)
                while part >= 0:
                    first = vector(flat(gradients), 0, n_parameters)
                    settle(program, parameters, slots, first, rule["average"], part, members)
                    _finish(counter, members)
                    part = _claim(counter, phase, members, members, member)
                phase += members
            step += updates
        if _claim(counter, phase, np.int64(1), members, member) == 0:
            total = correct = 0.0
            for part in range(members):
                total += partial[part, HISTORY_LOSS]
                correct += partial[part, HISTORY_CORRECT]
                partial[part, HISTORY_LOSS] = partial[part, HISTORY_CORRECT] = 0
            history[index, HISTORY_LOSS] = total / whole
            history[index, HISTORY_CORRECT] = correct
            _finish(counter, members)
        phase += 1
        wait(counter, phase)
        if not math.isfinite(history[index, HISTORY_LOSS]):
            break
        finished += 1
    restore(denormals)
    return finished


@kernel
def _predict(outputs, program, parameters, activations, X, pixels, divisor, max_rows, sampled, seed, draw):
    program, parameters, activations = borrow(program), borrow(parameters), borrow(activations)
    X, pixels = borrow(X), borrow(pixels)
    loss, n_features, end = program[program.size - 1], program[0]["input_size"], program.size - 1
    none, nothing = vector(parameters, 0, 0), 0.0
    for start in range(0, outputs.shape[0], max_rows):
        rows = min(max_rows, outputs.shape[0] - start)
        if X.shape[0] > 0:
            nothing += times_zero(row_block(X, start, rows))
        x = matrix(activations, 0, rows, n_features)
        if sampled != 0 and program[0]["kind"] == AUGMENT:
            scratch = row_block(x, 0, 1)
            x = matrix(activations, program[0]["output"] * max_rows, rows, n_features)
            augment_rows(x, scratch, X, pixels, divisor, start, program[0], seed, draw, start)
        else:
            x = rows_of(x, X, pixels, divisor, start)
        output = forward(
            program, 0, end, parameters, activations, none, x, rows, max_rows, 0, sampled != 0, seed, draw, start
        )
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"], loss["slope"])
    return nothing == 0


@kernel
def _evaluate(result, losses, program, parameters, activations, deltas, X, pixels, divisor, Y, W, max_rows):
    program, parameters, activations, deltas = borrow(program), borrow(parameters), borrow(activations), borrow(deltas)
    X, pixels, Y, W = borrow(X), borrow(pixels), borrow(Y), borrow(W)
    loss, n_features, end = program[program.size - 1], program[0]["input_size"], program.size - 1
    none = vector(parameters, 0, 0)
    total = correct = 0.0
    for start in range(0, Y.shape[0], max_rows):
        rows = min(max_rows, Y.shape[0] - start)
        x = rows_of(matrix(activations, 0, rows, n_features), X, pixels, divisor, start)
        y, w = row_block(Y, start, rows), row_block(W, start, min(rows, W.shape[0]))
        output = forward(program, 0, end, parameters, activations, none, x, rows, max_rows, 0, False, 0, 0, 0)
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        of_rows = row_block(losses, start, rows)
        total += loss_forward_backward(of_rows, doutput, output, y, w, 1.0, loss["function"], loss["slope"])
        correct += count_correct(output, y, loss["function"])
    result[HISTORY_LOSS] = total / weight_of(W, Y.shape[0]) + penalties(program, parameters)
    result[HISTORY_CORRECT] = correct


_NAMES = {"f": "float32", "d": "float64"}
"""Names by character: NumPy works the name of a dtype out anew each time, in longer than a row's prediction takes."""


@functools.cache
def compiled(name: str, dtype: str) -> Callable[..., Any]:
    """The entry point ``name`` (kernels, train, predict or evaluate) for a float type, compiled or loaded from the
    cache."""
    # Numba's own lock, which is held while anything is compiled: with another there would be two to take in turn.
    with global_compiler_lock:
        prepare((LIBRARY, name), dtype)
        library = load(dtype)
        return library if name == LIBRARY else entry(name, dtype)


@functools.cache
def entry(name: str, dtype: str) -> Callable[..., Any]:
    """As ``compiled``, but for the library that it is linked to."""
    number = numba.from_dtype(np.dtype(dtype))

    def given(element: Any, dimensions: int) -> Any:
        return types.Array(element, dimensions, "C", readonly=True)

    program, vector_, data = given(numba.from_dtype(OP), 1), number[::1], given(number, 2)
    history = schedule = types.float64[:, ::1]
    optimizer, run = given(numba.from_dtype(OPTIMIZER), 1), given(numba.from_dtype(RUN), 1)
    table_, pixels, flag = number[:, ::1], given(types.uint8, 2), types.int64
    samples = (data, pixels, types.float64)
    entry_points: dict[str, tuple[Any, Any]] = {
        "train": (
            _train,
            types.int64(
                *(types.int64[::1], types.int64, types.float64[:, ::1], history, program, optimizer, schedule, run),
                *(vector_, table_, table_, vector_, vector_, table_, types.int64[::1], data, pixels, data, data),
            ),
        ),
        "predict": (
            _predict,
            types.boolean(
                table_, program, given(number, 1), vector_, *samples, types.int64, flag, types.int64, types.int64
            ),
        ),
        "evaluate": (
            _evaluate,
            types.void(
                *(types.float64[::1], table_, program, given(number, 1), vector_, vector_),
                *(*samples, data, data, types.int64),
            ),
        ),
    }
    function, signature = entry_points[name]
    return entry_point(getattr(function, "py_func", function), signature, f"{name}-{dtype}")


def train(
    history: npt.NDArray[np.float64],
    program: Record,
    optimizer: Record,
    schedule: npt.NDArray[np.float64],
    run: Record,
    parameters: Array,
    slots: Array,
    gradients: Array,
    activations: Array,
    deltas: Array,
    moments: Array,
    order: npt.NDArray[np.int64],
    X: Array,
    pixels: npt.NDArray[np.uint8],
    Y: Array,
    W: Array,
) -> int:
    """As in the reference, by as many threads as ``run`` says. Each runs the whole loop in compiled code; this one is
    the first of them."""
    members = int(run["threads"][0])
    entry = compiled("train", _NAMES[parameters.dtype.char])
    counter, partial = counter_of(members), np.zeros((members, SUMS))
    arguments = (
        *(partial, history, program, optimizer, schedule, run, parameters, slots, gradients),
        *(activations, deltas, moments, order, X, pixels, Y, W),
    )
    others = [threading.Thread(target=entry, args=(counter, member, *arguments)) for member in range(1, members)]
    try:
        # One that cannot be started is not needed: whoever runs does its parts, with the same result.
        with contextlib.suppress(RuntimeError):
            for other in others:
                other.start()
        return int(entry(counter, 0, *arguments))
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
    sampled: bool,
    seed: int,
    draw: int,
) -> bool:
    run: Callable[..., bool] = compiled("predict", _NAMES[parameters.dtype.char])
    return run(outputs, program, parameters, activations, X, pixels, divisor, max_rows, sampled, seed, draw)


def evaluate(
    result: npt.NDArray[np.float64],
    losses: Array,
    program: Record,
    parameters: Array,
    activations: Array,
    deltas: Array,
    X: Array,
    pixels: npt.NDArray[np.uint8],
    divisor: float,
    Y: Array,
    W: Array,
    max_rows: int,
) -> None:
    run_evaluate = compiled("evaluate", _NAMES[parameters.dtype.char])
    run_evaluate(result, losses, program, parameters, activations, deltas, X, pixels, divisor, Y, W, max_rows)
