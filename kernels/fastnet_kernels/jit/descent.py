"""Plain gradient descent without gradients: weights are changed by the product that a gradient would be.

The loss's gradient is multiplied by ``-learning_rate`` where it is taken, and all that follows from it is, since each
layer passes on what is linear in it. So ``xT @ dz`` is what the weights change by, and the product adds it to them: no
gradient is written down, no pass updates the parameters, and a small network keeps more of itself in the first cache.
A rounding differs: ``W + xT @ (-rate dz)`` for ``W - rate (xT @ dz)``.

For batches of one sample an epoch is a function of its own. What a step costs beside its arithmetic, calls between
kernels with all their arguments, is most of a step of a few hundred multiply-adds; here each layer's loops are written
into it, and a sample is not copied but read where it is. ``docs/decisions/0021`` tells what was measured.
"""

from ..program import DENSE, DROPOUT, HISTORY_CORRECT, HISTORY_LOSS, NOISE, RATE
from .activations import activation_backward, activation_forward
from .blas import address
from .compiler import COMPILED, kernel
from .losses import count_correct, loss_forward_backward
from .optimizers import SGD
from .products import dots
from .rows import sum_rows
from .thin import combine_rows, outer_product
from .views import matrix, row_block, vector


@kernel
def descends(program, rule, settings, members):
    """Whether weights may be changed at once: when nobody needs them as they were, or gradients by themselves."""
    if not COMPILED or members != 1 or settings["update"] == 0 or settings["batch_size"] > settings["max_rows"]:
        return False
    if rule["kind"] != SGD or rule["momentum"] != 0:
        return False
    if rule["average"] > 0 or rule["clip_value"] > 0 or rule["clip_norm"] > 0:
        return False
    for index in range(program.size - 1):
        op = program[index]
        if op["kind"] not in (DENSE, DROPOUT, NOISE) or op["l1"] > 0 or op["l2"] > 0 or op["max_norm"] > 0:
            return False
    return True


@kernel
def is_online(program, settings, weights, pixels):
    """Whether that is done sample by sample."""
    if settings["batch_size"] != 1 or weights.shape[0] > 0 or pixels.shape[0] > 0:
        return False
    for index in range(program.size - 1):
        if program[index]["kind"] != DENSE or program[index]["trainable"] == 0:
            return False
    return True


@kernel
def _layer(op, parameters, activations, max_rows):
    n_in, n_out = op["input_size"], op["output_size"]
    weights, biases = vector(parameters, op["weights"], n_in * n_out), vector(parameters, op["biases"], n_out)
    out = matrix(activations, op["output"] * max_rows, 1, n_out)
    return weights, biases, out, matrix(activations, op["z"] * max_rows, 1, n_out)


@kernel
def _forward(program, parameters, activations, x, max_rows):
    zero = parameters.dtype.type(0)
    for index in range(program.size - 1):
        op = program[index]
        n_in, n_out = op["input_size"], op["output_size"]
        weights, biases, out, z = _layer(op, parameters, activations, max_rows)
        from_, to, W, b = address(x, 0), address(z, 0), address(weights, 0), address(biases, 0)
        if n_out == 1:
            dots(biases[0], to, W, from_, n_in, 1, n_in, False)
        else:
            combine_rows(zero, to, b, from_, 1, W, n_out, n_out, n_in, True)
        activation_forward(out, z, op["function"], op["slope"])
        x = out
    return x


@kernel
def _backward(program, parameters, activations, deltas, x, max_rows):
    zero = parameters.dtype.type(0)
    for index in range(program.size - 2, -1, -1):
        op = program[index]
        n_in, n_out = op["input_size"], op["output_size"]
        weights, biases, out, z = _layer(op, parameters, activations, max_rows)
        dz, dx = matrix(deltas, op["output"] * max_rows, 1, n_out), matrix(deltas, op["input"] * max_rows, 1, n_in)
        given = x if index == 0 else matrix(activations, op["input"] * max_rows, 1, n_in)
        activation_backward(dz, dz, out, z, op["function"], op["slope"])
        from_, change, to, W = address(given, 0), address(dz, 0), address(dx, 0), address(weights, 0)
        if op["passes_on"] != 0 and n_out == 1:
            combine_rows(zero, to, to, change, 1, W, n_in, n_in, 1, False)
        elif op["passes_on"] != 0:
            dots(zero, to, change, W, n_out, n_in, n_out, False)
        sum_rows(biases, dz, True)
        if n_out == 1:
            outer_product(zero, W, W, n_in, change, 1, from_, 1, n_in, True)
        else:
            outer_product(zero, W, W, n_out, from_, 1, change, n_in, n_out, True)


@kernel
def online_epoch(
    partial, program, settings, schedule, first_step, columns, parameters, activations, deltas, order, shuffled, X, Y, W
):
    """One update for each sample, in order; the sums of their losses and right answers are added to the
    first row of ``partial``."""
    loss, max_rows = program[program.size - 1], settings["max_rows"]
    n_out = loss["input_size"]
    share = settings["loss_factor"] * (1 / columns if settings["penalty_by_rows"] != 0 else 1.0)
    factor = settings["gradient_factor"] / columns
    losses = matrix(deltas, loss["targets"] * max_rows, 1, columns)
    doutput = matrix(deltas, loss["input"] * max_rows, 1, n_out)
    no_weights = row_block(W, 0, 0)
    total = correct = 0.0
    for at in range(Y.shape[0]):
        sample = order[at] if shuffled else at
        x, y = row_block(X, sample, 1), row_block(Y, sample, 1)
        output = _forward(program, parameters, activations, x, max_rows)
        scale = -schedule[first_step + at, RATE] * factor
        total += loss_forward_backward(losses, doutput, output, y, no_weights, scale, loss["function"], loss["slope"])
        if settings["count_correct"] != 0:
            correct += count_correct(output, y, loss["function"])
        _backward(program, parameters, activations, deltas, x, max_rows)
    partial[0, HISTORY_LOSS] += share * total
    partial[0, HISTORY_CORRECT] += correct
