"""The engine: runs a Program over the flat arrays of ``program``, whole epochs from one call.

Throughout, ``max_rows`` is the number of samples that the buffers have room for: a larger batch goes through all
layers in blocks of so many rows, each adding to the gradients. A Program ends with its LOSS op. One that begins with an
AUGMENT op has its samples changed where they are gathered, on their way from X into the place of that op's output; of
the place of its input pixels are converted in one row, one sample at a time.

The samples are either ``X`` (n_samples, n_features) or ``pixels`` of that shape, uint8, which stand for ``pixels /
divisor``; the other of the two is (0, 0). Pixels are converted a block at a time, into the place of the activations
where shuffled rows are gathered too.

A batch normalisation in training is a barrier: nobody passes it before the whole batch has come so far. ``barrier``
tells where they are; with b of them a batch goes forward in b + 1 stages and back in as many, of which the last forward
and the first back are one. Everything else is one stage.
"""

import math

import numpy as np
import numpy.typing as npt

from ..program import (
    AUGMENT,
    BATCH_NORM,
    CATEGORICAL,
    DBIASES,
    DENSE,
    DROPOUT,
    DWEIGHTS,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    IDENTITY,
    LAYER_NORM,
    MEAN,
    NOISE,
    OWN_DBIASES,
    OWN_DWEIGHTS,
    OWN_MEAN,
    OWN_SQUARES,
    RELU,
    SAMPLES,
    VARIANCE,
    Array,
    Record,
)
from .activations import activation_backward, activation_forward
from .augment import augment_gathered, augment_rows
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
from .dropout import dropout_backward, dropout_forward
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
from .pixels import Pixels, convert_pixels, gather_pixels
from .randomness import shuffle
from .views import matrix, row_block, vector

QUIET = np.errstate(over="ignore", invalid="ignore", divide="ignore")
"""A training that diverges says so by its loss, as on the compiled side, and not by NumPy's warnings on the way."""


def barrier(program: Record, number: int) -> int:
    """Where in the Program its barrier of that number is, counted from 0; the place of the LOSS after the last."""
    for index in range(len(program)):
        if program[index]["kind"] == BATCH_NORM and program[index]["trainable"]:
            if number == 0:
                return index
            number -= 1
    return len(program) - 1


def barriers(program: Record) -> int:
    """How many there are."""
    return int(np.count_nonzero((program["kind"] == BATCH_NORM) & (program["trainable"] != 0)))


def moment(moments: Array, op: Record, which: int) -> Array:
    """One of the vectors that a row of moments has of a BATCH_NORM, (output_size,)."""
    return vector(moments, int(op["moments"] + which * op["output_size"]), int(op["output_size"]))


def statistic(parameters: Array, op: Record, which: int) -> Array:
    """The running mean (0) or variance (1) of a BATCH_NORM, (output_size,)."""
    return vector(parameters, int(op["statistics"] + which * op["output_size"]), int(op["output_size"]))


def forward(
    program: Record,
    begin: int,
    end: int,
    parameters: Array,
    activations: Array,
    moments: Array,
    x: Array,
    rows: int,
    max_rows: int,
    place: int,
    training: bool,
    seed: int,
    step: int,
    first_row: int,
) -> Array:
    """Run the ops from ``begin`` up to ``end`` and return what the last of them gives, (rows, its outputs).

    ``x`` (rows, n_features) is what goes into the whole Program; if that begins in sample space, what goes in for all
    samples. ``place`` is where in the buffers' rows these begin, ``first_row`` where in the batch. Out of training,
    dropout and noise pass their input on; AUGMENT always, as its work was done where x comes from. ``moments``
    (moments_size,) has the mean and variance of the batch; with none, (0,), batch normalisation takes the running ones.
    """
    if begin > 0:
        op = program[begin]
        x = matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
    for op in program[begin:end]:
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


def rectifies(program: Record, index: int) -> bool:
    """Whether an op, if there is one of that index, is a layer with ReLU that a dense layer follows, which then applies
    the derivative to the gradient that it passes on."""
    if index < 0 or index + 1 >= program.size or program[index + 1]["kind"] != DENSE:
        return False
    op = program[index]
    return bool((op["kind"] == DENSE or op["kind"] == SAMPLES) and op["function"] == RELU)


def samples_of(op: Record) -> int:
    """How many samples a SAMPLES op has in all, and the direction: as many times its outputs as there are parameters
    before its share."""
    return int((op["biases"] - 1 - op["weights"]) // op["output_size"])


def mean_and_variance(op: Record, parameters: Array, moments: Array) -> tuple[Array, Array]:
    """What a BATCH_NORM normalises by: the batch's, if it is trained and ``moments`` has them, or the running ones."""
    if moments.size > 0 and op["trainable"]:
        return moment(moments, op, MEAN), moment(moments, op, VARIANCE)
    return statistic(parameters, op, 0), statistic(parameters, op, 1)


def backward(
    program: Record,
    begin: int,
    end: int,
    parameters: Array,
    activations: Array,
    deltas: Array,
    moments: Array,
    x: Array,
    w: Array,
    max_rows: int,
    place: int,
    seed: int,
    step: int,
    first_row: int,
    scale: float,
) -> float:
    """Turn the gradient that lies in ``deltas`` behind the op before ``end`` into each op's ``dz``, which stays there,
    down to ``begin``.

    The arguments are those of ``forward``. Of a barrier at ``begin`` only its dz is worked out and its gradients from
    these rows, which the others have to know before its input's gradient is: that is the first thing done where it is
    the op before ``end``; ``w`` (n_samples, n_entries) or (0, n_entries) are the rows' weights in its moments, and
    ``scale`` is one over their sum in the batch, or over its samples. Returns the part of the penalties that belongs to
    these rows, which only SAMPLES ops have.
    """
    rows = x.shape[0]
    penalty = 0.0
    for index in range(end - 1, begin - 1, -1):
        op = program[index]
        if not op["trainable"] and not op["passes_on"]:
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
                if op["passes_on"]:
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
            elif op["passes_on"]:
                batch_norm_backward(
                    dx,
                    dout,
                    given,
                    w,
                    mean,
                    variance,
                    gamma,
                    moment(moments, op, DBIASES) if is_barrier else gamma,
                    moment(moments, op, DWEIGHTS) if is_barrier else gamma,
                    scale if is_barrier else 0.0,
                    op["epsilon"],
                )
    return penalty


def part_of(n: int, part: int, parts: int) -> tuple[int, int]:
    """Where one of the even parts of n begins and ends."""
    return int(n * part // parts), int(n * (part + 1) // parts)


def merge_batch(
    op: Record,
    moments: Array,
    part: int,
    parts: int,
    rows: int,
    by_weights: bool,
    W: Array,
    order: npt.NDArray[np.int64],
    shuffled: bool,
    start: int,
) -> None:
    """Put together what all parts of a batch of ``rows`` samples, those from ``start`` on, know of a barrier's input,
    in the part's own row of ``moments`` (parts, moments_size): the mean and variance of the whole batch, 0 where no
    sample has a weight."""
    mine = moments[part]
    mean, variance = moment(mine, op, MEAN), moment(mine, op, VARIANCE)
    others = 0.0
    for other in range(parts):
        low, high = part_of(rows, other, parts)
        count = count_of(by_weights, W, order, shuffled, start + low, high - low)
        if count > 0 or (other == parts - 1 and others == 0):
            row = moments[other]
            own_mean, own_squares = moment(row, op, OWN_MEAN), moment(row, op, OWN_SQUARES)
            merge_moments(mean, variance, own_mean, own_squares, count, others)
            others += count
    if others > 0:
        variance /= variance.dtype.type(others)


def merge_gradients(op: Record, moments: Array, part: int, parts: int, rows: int) -> None:
    """As ``merge_batch``, of the gradients of a barrier's parameters: the sums of those of all parts."""
    mine = moments[part]
    dbeta, dgamma = moment(mine, op, DBIASES), moment(mine, op, DWEIGHTS)
    dbeta[...] = 0
    dgamma[...] = 0
    for other in range(parts):
        low, high = part_of(rows, other, parts)
        if high > low:
            dbeta += moment(moments[other], op, OWN_DBIASES)
            dgamma += moment(moments[other], op, OWN_DWEIGHTS)


def inputs_of(op: Record, part: int, parts: int) -> tuple[int, int]:
    """Which of a layer's inputs (in sample space: which samples) belong to this part of the parameters: from the first
    up to the second. The last part has the biases (and the share) too. A normalisation counts as one input."""
    if op["kind"] == DENSE:
        return part_of(int(op["input_size"]), part, parts)
    if op["kind"] == SAMPLES:
        return part_of(samples_of(op), part, parts)
    return part_of(1, part, parts)


def weight_gradients(
    program: Record,
    gradients: Array,
    activations: Array,
    deltas: Array,
    moments: Array,
    x: Array,
    max_rows: int,
    place: int,
    first_row: int,
    accumulate: bool,
    part: int,
    parts: int,
    of_batch: bool,
) -> None:
    """Fill one part of ``gradients`` (n_parameters,), or add to it, from the rows ``x`` (rows, n_features) and what
    ``forward`` and ``backward`` left of them in the buffers. Those of a barrier are in ``moments`` (moments_size,), of
    these rows or, if ``of_batch``, of all."""
    rows = x.shape[0]
    for index in range(len(program) - 2, -1, -1):
        op = program[index]
        if not op["trainable"]:
            continue
        first, end = inputs_of(op, part, parts)
        n_out = op["output_size"]
        dz = matrix(deltas, op["output"] * max_rows + place * n_out, rows, n_out)
        dweights = matrix(gradients, op["weights"] + first * n_out, end - first, n_out)
        dbiases = vector(gradients, op["biases"], n_out if part == parts - 1 else 0)
        given = (
            x
            if index == 0
            else matrix(activations, op["input"] * max_rows + place * op["input_size"], rows, op["input_size"])
        )
        if op["kind"] == DENSE:
            dense_gradients(dweights, dbiases, given, dz, first, accumulate)
        elif op["kind"] == SAMPLES:
            n = samples_of(op) - 1
            samples_gradients(dweights, dbiases, given, dz, n, first, first_row, accumulate)
        elif part == parts - 1:
            dgamma = vector(gradients, op["weights"], n_out)
            if op["kind"] == LAYER_NORM:
                layer_norm_gradients(dbiases, dgamma, dz, given, op["epsilon"], accumulate)
            else:
                dbiases[...] = moment(moments, op, DBIASES if of_batch else OWN_DBIASES)
                dgamma[...] = moment(moments, op, DWEIGHTS if of_batch else OWN_DWEIGHTS)


def penalize(program: Record, parameters: Array, gradients: Array, strength: float, part: int, parts: int) -> float:
    """Add the gradients of the penalties, ``strength`` times, to one part of ``gradients`` (n_parameters,), and return
    so often its penalties."""
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
        if op["l1"] > 0 or op["l2"] > 0:
            weights, dweights = vector(parameters, begin, size), vector(gradients, begin, size)
            added = weight_penalty(dweights, weights, strength * op["l1"], strength * op["l2"])
            if op["kind"] == DENSE:
                penalty += added
            elif part == parts - 1:
                penalty += strength * 0.5 * op["l2"] * parameters[op["biases"] - 1] ** 2 * op["square"]
    return float(penalty)


def sum_copies(gradients: Array, begin: int, end: int) -> Array:
    """Sum ``gradients`` (copies, n_parameters) into the first, from ``begin`` to ``end``; return that part of it."""
    mine = vector(gradients[0], begin, end - begin)
    for others in gradients[1:]:
        mine += vector(others, begin, end - begin)
    return mine


def sum_gradients(program: Record, gradients: Array, part: int, parts: int) -> float:
    """Sum ``gradients`` (copies, n_parameters) into the first, for one part of the parameters, and return the sum of
    their squares, in float64."""
    squares = 0.0
    for op in program:
        if op["trainable"]:
            first, last = inputs_of(op, part, parts)
            begin, end = op["weights"] + first * op["output_size"], op["weights"] + last * op["output_size"]
            if part == parts - 1:
                end = op["biases"] + op["output_size"]
            squares += float(np.sum(np.square(sum_copies(gradients, begin, end), dtype=np.float64)))
    return squares


def update_range(
    parameters: Array,
    slots: Array,
    gradients: Array,
    optimizer: Record,
    rate: float,
    product: float,
    factor: float,
    step: int,
    begin: int,
    end: int,
) -> None:
    """Sum ``gradients`` (copies, n_parameters) into the first and update the parameters, from ``begin`` to ``end``."""
    mine = sum_copies(gradients, begin, end)
    update(vector(parameters, begin, end - begin), slots, mine, optimizer, rate, product, factor, step, begin)


def update_part(
    program: Record,
    parameters: Array,
    slots: Array,
    gradients: Array,
    optimizer: Record,
    rate: float,
    product: float,
    factor: float,
    step: int,
    part: int,
    parts: int,
) -> None:
    """Sum ``gradients`` (copies, n_parameters) into the first and update, for one part of the parameters; what lies
    side by side (everything, if there is one part) goes through the optimizer as one."""
    begin = end = 0
    for op in program:
        if not op["trainable"]:
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


def keep_statistics(program: Record, parameters: Array, moments: Array, count: float) -> None:
    """Bring the running mean and variance of every barrier up to date, from the ``moments`` (moments_size,) of a batch
    of so many rows, or of rows of so much weight. One alone, as the last of an epoch may be, tells nothing of a
    variance and little of a mean."""
    if count <= 1:
        return
    for op in program:
        if op["kind"] == BATCH_NORM and op["trainable"]:
            running_average(statistic(parameters, op, 0), moment(moments, op, MEAN), op["momentum"], 1.0)
            unbiased = count / (count - 1)
            running_average(statistic(parameters, op, 1), moment(moments, op, VARIANCE), op["momentum"], unbiased)


def settle(
    program: Record, parameters: Array, slots: Array, gradients: Array, average: float, part: int, parts: int
) -> None:
    """What comes after an update, for some of the ops, every so many of which are one part: hold the norms of the
    weights into each unit, where an op asks for it, and then put the parameters to their mean, if one is kept (the last
    of the slots). The place of the biases' gradients, which have been used, serves as scratch."""
    for index in range(part, len(program), parts):
        op = program[index]
        if not op["trainable"]:
            continue
        if op["max_norm"] > 0:
            weights = matrix(parameters, op["weights"], op["input_size"], op["output_size"])
            hold_norms(weights, vector(gradients, op["biases"], op["output_size"]), op["max_norm"])
        if average > 0:
            begin, size = op["weights"], op["biases"] + op["output_size"] - op["weights"]
            average_parameters(vector(slots[-1], begin, size), vector(parameters, begin, size), average)


def gather(batch: Array, X: Array, order: npt.NDArray[np.int64], start: int, first: int) -> None:
    """Copy the rows of ``X`` named by ``order[start : start + rows]`` into ``batch`` (rows, n): their n columns from
    ``first`` on."""
    np.take(X[:, first : first + batch.shape[1]], order[start : start + len(batch)], axis=0, out=batch)


def rows_of(room: Array, X: Array, pixels: Pixels, divisor: float, start: int) -> Array:
    """Samples from ``start`` on, as many as ``room`` (rows, n_features) has rows: those of ``X`` where they lie, pixels
    converted into ``room``."""
    rows = room.shape[0]
    if pixels.shape[0] == 0:
        return row_block(X, start, rows)
    convert_pixels(room, pixels[start : start + rows], divisor)
    return room


def times_zero(numbers: Array) -> float:
    """The sum of ``numbers``, each times zero: 0 if all are finite, else NaN."""
    return float(np.sum(0 * numbers, dtype=np.float64))


def weight_of(W: Array, rows: int) -> float:
    """The sum of the entries' weights ``W`` (rows, n_entries), in float64; their number where it is (0, n_entries)."""
    return float(np.sum(W, dtype=np.float64)) if len(W) > 0 else float(rows * W.shape[1])


def weight_of_batch(W: Array, order: npt.NDArray[np.int64], shuffled: bool, start: int, rows: int) -> float:
    """The same for a batch of the whole ``W``, in the samples' order if they are ``shuffled``."""
    if len(W) == 0 or not shuffled:
        return weight_of(row_block(W, start, rows), rows)
    return float(np.sum(W[order[start : start + rows]], dtype=np.float64))


def count_of(by_weights: bool, W: Array, order: npt.NDArray[np.int64], shuffled: bool, start: int, rows: int) -> float:
    """What so many samples from ``start`` on count in a BATCH_NORM's moments: the sum of their weights, or as rows."""
    if not by_weights:
        return float(rows)
    columns = float(W.shape[1])
    return weight_of_batch(W, order, shuffled, start, rows) / columns


def strength_of(by_rows: bool, weight: float, columns: int) -> float:
    """What penalties are multiplied by in a batch whose entries, so many for each sample, have the sum ``weight``."""
    if not by_rows:
        return 1.0
    return columns / weight if weight > 0 else 0.0


def entries(program: Record) -> int:
    """How many losses a sample has: one for each output, but one in all for categorical_crossentropy."""
    loss = program[-1]
    return 1 if loss["function"] == CATEGORICAL else int(loss["input_size"])


@QUIET
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
    pixels: Pixels,
    Y: Array,
    W: Array,
) -> int:
    """Train for ``len(history)`` epochs; return how many were finished before a loss that was not finite.

    Parameters
    ----------
    history : (n_epochs, HISTORY_COLUMNS) float64, output: the mean loss of an epoch's entries as they were seen
        (penalties included) and how many were right, one row an epoch, the one that diverged included
    program : (n_ops,) OP records, the last one a LOSS
    optimizer, run : (1,) OPTIMIZER and RUN records
    schedule : (n_steps, SCHEDULE_COLUMNS) float64, a row for each step of this call
    parameters, slots : see ``program``; changed in place
    gradients : (copies, n_parameters), scratch; activations, deltas, moments : see ``program``, scratch
    order : (n_samples,) int64, scratch: the order of the samples in the epoch
    X, pixels : the samples, one of the two; ``run`` has the divisor
    Y : (n_samples, n_targets)
    W : (n_samples, n_entries), the entries' weights, at least 0; or (0, n_entries), where each counts as one

    In the jit engine a team shares the rows of every batch, and then the parameters to be updated. With a copy of the
    gradients for each member, each fills its own from its rows and they are summed before the update; with one, each
    fills its part of it from all rows, as a Program with a SAMPLES op needs it. The reference is a team of one.
    """
    gradients = gradients[:1]
    settings, loss, n_samples, columns = run[0], program[-1], len(Y), entries(program)
    batch_size, seed, step = int(settings["batch_size"]), int(settings["seed"]), int(settings["step"])
    max_rows, n_barriers = int(settings["max_rows"]), barriers(program)
    n_features, divisor = program[0]["input_size"], float(settings["divisor"])
    # The whole set in one batch is the same in any order, so it is used where it lies.
    shuffled, augments = bool(settings["shuffle"]) and batch_size < n_samples, program[0]["kind"] == AUGMENT
    by_rows = bool(settings["penalty_by_rows"])
    by_weights = settings["rows_per_weight"] > 0 and len(W) > 0
    whole = n_samples if by_rows else weight_of(W, n_samples)
    for index in range(len(history)):
        total = correct = 0.0
        if shuffled:
            shuffle(order, seed, int(settings["epoch"]) + index)
        for start in range(0, n_samples, batch_size):
            rows = min(batch_size, n_samples - start)
            weight = weight_of_batch(W, order, shuffled, start, rows)
            scale, penalty = 1 / weight if weight > 0 else 0.0, 0.0
            strength = strength_of(by_rows, weight, columns)
            # What the batch counts in the epoch's loss, and in it the sum of its losses.
            count_of_batch = rows if by_rows else weight
            count_of_moments = weight / columns if by_weights else float(rows)
            share_of_losses = float(settings["loss_factor"]) * (rows * scale if by_rows else 1.0)
            for first_row in range(0, rows, max_rows):
                count = min(max_rows, rows - first_row)
                at, room = start + first_row, matrix(activations, 0, count, n_features)
                random = seed, step, first_row
                losses = matrix(deltas, loss["targets"] * max_rows, count, columns)
                if shuffled:
                    x, y = room, matrix(activations, loss["targets"] * max_rows, count, Y.shape[1])
                    w = matrix(activations, loss["target_weights"] * max_rows, min(count, len(W)), columns)
                    if augments:
                        x = matrix(activations, program[0]["output"] * max_rows, count, n_features)
                        augment_gathered(x, room[:1], X, pixels, divisor, order, at, program[0], *random)
                    elif len(pixels) > 0:
                        gather_pixels(x, pixels, order, at, divisor, 0)
                    else:
                        gather(x, X, order, at, 0)
                    gather(y, Y, order, at, 0)
                    if len(W) > 0:
                        gather(w, W, order, at, 0)
                else:
                    y, w = row_block(Y, at, count), row_block(W, at, count)
                    if augments:
                        x = matrix(activations, program[0]["output"] * max_rows, count, n_features)
                        augment_rows(x, room[:1], X, pixels, divisor, at, program[0], *random)
                    else:
                        x = rows_of(room, X, pixels, divisor, at)
                counted = w[: count if by_weights else 0]
                given = X if program[0]["kind"] == SAMPLES else x
                begin = 0
                for number in range(n_barriers + 1):
                    end = barrier(program, number)
                    output = forward(
                        *(program, begin, end, parameters, activations, moments[0], given, count, max_rows, 0),
                        *(True, *random),
                    )
                    if number < n_barriers:
                        op = program[end]
                        own_mean, own_squares = moment(moments[0], op, OWN_MEAN), moment(moments[0], op, OWN_SQUARES)
                        own_moments(own_mean, own_squares, output, counted)
                        merge_batch(op, moments, 0, 1, rows, by_weights, W, order, shuffled, at)
                    begin = end
                doutput = matrix(deltas, loss["input"] * max_rows, count, loss["input_size"])
                total += share_of_losses * loss_forward_backward(
                    losses,
                    doutput,
                    output,
                    y,
                    w,
                    float(settings["gradient_factor"]) * scale,
                    loss["function"],
                    loss["slope"],
                )
                if settings["count_correct"]:
                    correct += count_correct(output, y, loss["function"])
                end = len(program) - 1
                for number in range(n_barriers, -1, -1):
                    begin = barrier(program, number - 1) if number > 0 else 0
                    penalty += strength * backward(
                        *(program, begin, end, parameters, activations, deltas, moments[0], x, counted, max_rows, 0),
                        *random,
                        1 / count_of_moments if count_of_moments > 0 else 0.0,
                    )
                    if number > 0:
                        merge_gradients(program[begin], moments, 0, 1, rows)
                    end = begin + 1
                weight_gradients(
                    *(program, gradients[0], activations, deltas, moments[0], x, max_rows, 0),
                    *(first_row, first_row > 0, 0, 1, True),
                )
            penalty += penalize(program, parameters, gradients[0], strength, 0, 1)
            total += penalty * count_of_batch
            if settings["update"]:
                rate, product = schedule[step - int(settings["step"])]
                step += 1
                factor, limit = 1.0, float(optimizer[0]["clip_norm"])
                if limit > 0:
                    factor = clipping(sum_gradients(program, gradients, 0, 1), limit)
                update_part(program, parameters, slots, gradients, optimizer[0], rate, product, factor, step, 0, 1)
                counts = float(settings["rows_per_weight"]) if by_weights else 1.0
                keep_statistics(program, parameters, moments[0], counts * count_of_moments)
                settle(program, parameters, slots, gradients[0], float(optimizer[0]["average"]), 0, 1)
        history[index, HISTORY_LOSS] = total / whole
        history[index, HISTORY_CORRECT] = correct
        if not math.isfinite(total):
            return index
    return len(history)


def clipping(squares: float, limit: float) -> float:
    """What gradients are multiplied by so that their norm, of which this is the square, is at most ``limit`` (Pascanu,
    Mikolov and Bengio, 2013); with PyTorch's 1e-6, which keeps a zero from being divided by."""
    return min(1.0, limit / (math.sqrt(squares) + 1e-6))


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
    sampled: bool,
    seed: int,
    draw: int,
) -> bool:
    """Fill ``outputs`` (n_samples, n_out) with the network's predictions for the samples. If ``sampled``, dropout and
    noise are as in training, by the random numbers of ``seed`` and the step ``draw``.

    Returns
    -------
    bool
        Whether every number of the samples is finite. If not, the outputs mean nothing.
    """
    loss, n_features, nothing = program[-1], program[0]["input_size"], 0.0
    for start in range(0, len(outputs), max_rows):
        rows = min(max_rows, len(outputs) - start)
        nothing += times_zero(X[start : start + rows])
        x = matrix(activations, 0, rows, n_features)
        if sampled and program[0]["kind"] == AUGMENT:
            scratch = x[:1]
            x = matrix(activations, program[0]["output"] * max_rows, rows, n_features)
            augment_rows(x, scratch, X, pixels, divisor, start, program[0], seed, draw, start)
        else:
            x = rows_of(x, X, pixels, divisor, start)
        output = forward(
            *(program, 0, len(program) - 1, parameters, activations, parameters[:0], x, rows, max_rows, 0),
            *(sampled, seed, draw, start),
        )
        activation_forward(row_block(outputs, start, rows), output, loss["output_activation"], loss["slope"])
    return nothing == 0


@QUIET
def evaluate(
    result: npt.NDArray[np.float64],
    losses: Array,
    program: Record,
    parameters: Array,
    activations: Array,
    deltas: Array,
    X: Array,
    pixels: Pixels,
    divisor: float,
    Y: Array,
    W: Array,
    max_rows: int,
) -> None:
    """Fill ``losses`` (n_samples, n_entries) with the loss of each entry, without its weight, and ``result``
    (HISTORY_COLUMNS,) with their weighted mean (penalties included) and the number right, out of training."""
    loss, n_features = program[-1], program[0]["input_size"]
    total = correct = 0.0
    for start in range(0, len(Y), max_rows):
        rows = min(max_rows, len(Y) - start)
        x = rows_of(matrix(activations, 0, rows, n_features), X, pixels, divisor, start)
        y, w = row_block(Y, start, rows), row_block(W, start, rows)
        output = forward(
            *(program, 0, len(program) - 1, parameters, activations, parameters[:0], x, rows, max_rows, 0),
            *(False, 0, 0, 0),
        )
        doutput = matrix(deltas, loss["input"] * max_rows, rows, loss["input_size"])
        of_rows = row_block(losses, start, rows)
        total += loss_forward_backward(of_rows, doutput, output, y, w, 1.0, loss["function"], loss["slope"])
        correct += count_correct(output, y, loss["function"])
    result[HISTORY_LOSS] = total / weight_of(W, len(Y)) + penalties(program, parameters)
    result[HISTORY_CORRECT] = correct


def penalties(program: Record, parameters: Array) -> float:
    """The sum of the ops' penalties, ``l1 * sum(abs(weights)) + l2 / 2 * sum(weights ** 2)``."""
    penalty = 0.0
    for op in program:
        if op["kind"] == DENSE and (op["l1"] > 0 or op["l2"] > 0):
            weights = vector(parameters, op["weights"], op["input_size"] * op["output_size"])
            penalty += weight_penalty(np.zeros_like(weights), weights, op["l1"], op["l2"])
    return penalty
