"""The contract between the two sides: what a Program is, as data.

A network is lowered to a Program, one ``OP`` record for each op, and both engines run that same Program over the
same flat arrays. Nothing here computes; the two engines share these tables and this layout and nothing else.

The tables ``ACTIVATIONS``, ``LOSSES`` and ``OPTIMIZERS`` are the one place where a name gets its code (its position).
A code is what travels in a record; both sides find ``<name>`` (and ``<name>_derivative``, ...) in the module of the
same kind, so a new activation is two functions on each side and one word here.

Flat arrays, all of the Program's dtype (float32 or float64) unless said otherwise:

``parameters`` (n_parameters,), ``gradients`` (copies, n_parameters): an op's weights are the C-ordered matrix
(input_size, output_size) that
    starts at its ``weights``, its biases the vector (output_size,) that starts at its ``biases``.
``slots`` (n_slots, n_parameters): what the optimizer remembers.
``activations``, ``deltas`` (row_size * max_rows,): what the ops give, and the gradients of the loss with respect to it.
    A buffer that a record places at ``offset`` with ``size`` numbers a sample starts at ``offset * max_rows``, so the
    rows of a batch (at most max_rows) lie together, C-ordered: (rows, size).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

DENSE: Final = 0
DROPOUT: Final = 1
LOSS: Final = 2
SAMPLES: Final = 3

ACTIVATIONS: Final = (
    "identity",
    "relu",
    "sigmoid",
    "tanh",
    "softmax",
    "leaky_relu",
    "elu",
    "selu",
    "absolute",
    "softplus",
    "gelu",
    "gelu_tanh",
    "silu",
    "hard_sigmoid",
    "hard_tanh",
)
KEEP_Z: Final = frozenset({"absolute", "gelu", "gelu_tanh", "silu"})
"""Activations whose derivative the output does not tell: z is kept beside it."""

LOSSES: Final = ("mean_squared_error", "binary_crossentropy", "categorical_crossentropy")
OPTIMIZERS: Final = (
    "sgd",
    "adam",
    "amsgrad",
    "adamax",
    "adagrad",
    "rmsprop",
    "centered_rmsprop",
    "adadelta",
    "lion",
    "rprop",
)

IDENTITY: Final = ACTIVATIONS.index("identity")

SLOTS: Final = {
    "sgd": 1,  # the velocity
    "adam": 2,  # the two moments
    "amsgrad": 3,  # and the largest second moment so far
    "adamax": 2,  # the first moment, and the norm
    "adagrad": 1,  # the sum of squares
    "rmsprop": 2,  # the mean square, and the velocity
    "centered_rmsprop": 3,  # and the mean
    "adadelta": 2,  # the mean squares of the gradients and of the changes
    "lion": 1,  # the momentum
    "rprop": 2,  # the last gradient, and the size of the steps
}
"""How many slot vectors each optimizer keeps, all zero before the first step."""

MAX_DIMENSIONS: Final = 3

OP: Final = np.dtype(
    [
        ("kind", np.int64),  # DENSE, DROPOUT, LOSS or SAMPLES
        ("function", np.int64),  # a DENSE's or SAMPLES' activation code, or a LOSS's loss code
        ("output_activation", np.int64),  # a LOSS only: what turns its input (logits) into predictions
        ("input_size", np.int64),  # numbers a sample that go in
        ("output_size", np.int64),  # and that come out
        ("input_shape", np.int64, (MAX_DIMENSIONS,)),  # the same as a picture or a sequence; unused axes are 1
        ("output_shape", np.int64, (MAX_DIMENSIONS,)),
        ("input", np.int64),  # where they lie in activations: numbers a sample before them
        ("output", np.int64),
        ("z", np.int64),  # where a DENSE's or SAMPLES' z lies: at output, unless its activation is in KEEP_Z
        ("weights", np.int64),  # offsets into the parameters
        ("biases", np.int64),
        ("passes_on", np.int64),  # 0 or 1: whether an op before it needs the gradient of its input
        ("key", np.int64),  # which stream of counted random numbers is this op's
        ("rate", np.float64),  # a DROPOUT's share of units that are dropped, in [0, 1)
        ("slope", np.float64),  # the number of its own that an activation has (leaky_relu, elu), or 0
        ("l2", np.float64),  # a DENSE's or SAMPLES' penalty l2 / 2 * sum(weights ** 2)
        ("square", np.float64),  # a SAMPLES' sum of the squares of the weights that it began with
    ],
    align=True,
)

OPTIMIZER: Final = np.dtype(
    [
        ("kind", np.int64),
        ("nesterov", np.int64),
        ("learning_rate", np.float64),
        ("momentum", np.float64),
        ("beta_1", np.float64),
        ("beta_2", np.float64),
        ("epsilon", np.float64),
        ("weight_decay", np.float64),  # decoupled: parameters shrink by learning_rate * weight_decay a step
        ("decay", np.float64),  # of a running mean, or adagrad's of its learning rate
        ("shrink", np.float64),  # rprop: what a step's size is multiplied by when the sign has changed
        ("grow", np.float64),  # and when it has not
        ("smallest", np.float64),  # between these
        ("largest", np.float64),
    ],
    align=True,
)

RUN: Final = np.dtype(
    [
        ("batch_size", np.int64),
        ("shuffle", np.int64),  # 0 or 1
        ("seed", np.int64),
        ("epoch", np.int64),  # the number of the first epoch of this call, counted from 0
        ("step", np.int64),  # updates done before this call
        ("count_correct", np.int64),  # 0 or 1: whether the engine counts right answers
        ("threads", np.int64),  # members of the team, at least 1; the reference always works alone
        ("divisor", np.float64),  # what pixels are divided by, where the samples are pixels
    ],
    align=True,
)

HISTORY_LOSS: Final = 0
HISTORY_CORRECT: Final = 1
HISTORY_COLUMNS: Final = 2

Record = np.ndarray[tuple[int, ...], np.dtype[np.void]]
Array = npt.NDArray[np.floating]


def row_size(program: Record) -> int:
    """Numbers a sample that ``activations`` holds: the first input, then every op's z, where kept, and output."""
    return int(max((program["output"] + program["output_size"]).max(), (program["z"] + program["output_size"]).max()))


def parameter_count(program: Record) -> int:
    """Length of the flat parameter vector that the Program addresses."""
    dense = program[program["kind"] == DENSE]
    return int((dense["output_size"] * (dense["input_size"] + 1)).sum())
