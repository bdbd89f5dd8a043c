"""The first layer of a team, shared by its inputs.

Where rows are shared, each member needs all weights of the first layer, which the others have just changed, and to
find its part of their gradients the inputs of the others' rows. Here each member takes some columns of all rows, works
out what these inputs add to the layer's sums, and later the gradients of their weights: both stay in its core's cache,
and between the members go only these sums and what comes back for them. ``docs/decisions/0028`` has what that saves.

No memory is added for the sums of the parts: the first part's are where the layer's own will be, the second's where the
gradient of its output will, the others' where that of the network's inputs would, which nobody asks for.
"""

from .activations import activation_forward
from .compiler import kernel
from .formula import elementwise
from .products import gemm
from .rows import add_to_rows
from .small import AS_IT_IS
from .views import flat, matrix, vector


@kernel
def columns_of(activations, max_rows, rows, first, end):
    """Where the rows' inputs from ``first`` to ``end`` are."""
    return matrix(activations, first * max_rows, rows, end - first)


@kernel
def sums_of(op, activations, deltas, max_rows, part, first_row, rows):
    """Where the sums of a part for some rows are."""
    n_out = op["output_size"]
    if part == 0:
        return matrix(activations, op["z"] * max_rows + first_row * n_out, rows, n_out)
    begin = op["output"] if part == 1 else op["input"] + (part - 2) * n_out
    return matrix(deltas, begin * max_rows + first_row * n_out, rows, n_out)


@kernel
def split_sums(op, parameters, activations, deltas, max_rows, part, x, first, end):
    """What the inputs from ``first`` to ``end`` add to the layer's sums. ``x`` (rows, n) has these, or all inputs."""
    rows, n = x.shape
    weights = matrix(parameters, op["weights"] + first * op["output_size"], end - first, op["output_size"])
    sums = sums_of(op, activations, deltas, max_rows, part, 0, rows)
    column = first if n == op["input_size"] else 0
    gemm(sums, x, weights, vector(flat(x), 0, 0), False, False, False, column, AS_IT_IS, sums)


@elementwise("z")
def _add(z, others):
    return z + others


@kernel
def split_forward(op, parameters, activations, deltas, max_rows, parts, place, rows):
    """The layer's output for the rows from ``place`` on, from the sums of all parts."""
    n_out = op["output_size"]
    out = matrix(activations, op["output"] * max_rows + place * n_out, rows, n_out)
    z = sums_of(op, activations, deltas, max_rows, 0, place, rows)
    for part in range(1, parts):
        _add(z, sums_of(op, activations, deltas, max_rows, part, place, rows))
    add_to_rows(z, vector(parameters, op["biases"], n_out))
    activation_forward(out, z, op["function"], op["slope"])
