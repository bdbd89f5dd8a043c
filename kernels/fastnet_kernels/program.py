"""The contract between the two sides: what a Program is, as data.

A network is lowered to a Program, one ``OP`` record for each op, and both engines run that same Program over the
same flat arrays. Nothing here computes; the two engines share these tables and this layout and nothing else.

The tables ``ACTIVATIONS``, ``LOSSES`` and ``OPTIMIZERS`` are the one place where a name gets its code (its position).
A code is what travels in a record; both sides find ``<name>`` (and ``<name>_derivative``, ...) in the module of the
same kind, so a new activation is two functions on each side and one word here.

Flat arrays, all of the Program's dtype (float32 or float64) unless said otherwise:

``parameters`` (n_parameters,), ``gradients`` (copies, n_parameters): an op's weights are the C-ordered matrix
    (input_size, output_size) that starts at its ``weights``, its biases the vector (output_size,) that starts at its
    ``biases``. A normalisation's weights are one row, what it multiplies by. The running statistics of batch
    normalisations come after all of them, out of an optimizer's sight.
``slots`` (n_slots, n_parameters): what the optimizer remembers; after its own the mean of the parameters, if one is
    kept.
``activations``, ``deltas`` (row_size * max_rows,): what the ops give, and the gradients of the loss with respect to it.
    A buffer that a record places at ``offset`` with ``size`` numbers a sample starts at ``offset * max_rows``, so the
    rows of a batch (at most max_rows) lie together, C-ordered: (rows, size). The loss has places there for targets and
    weights that are gathered, and puts the losses where the targets lie in ``deltas``.
``moments`` (members, moments_size): what the members of a team tell each other of their rows, see MOMENTS.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

DENSE: Final = 0
DROPOUT: Final = 1
LOSS: Final = 2
SAMPLES: Final = 3
NOISE: Final = 4
LAYER_NORM: Final = 5
BATCH_NORM: Final = 6
AUGMENT: Final = 7

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
    "exponential",
)
KEEP_Z: Final = frozenset({"absolute", "gelu", "gelu_tanh", "silu"})
"""Activations whose derivative the output does not tell: z is kept beside it."""

LOSSES: Final = (
    "mean_squared_error",
    "binary_crossentropy",
    "categorical_crossentropy",
    "mean_absolute_error",
    "huber",
    "log_cosh",
    "poisson",
    "hinge",
)
CATEGORICAL: Final = LOSSES.index("categorical_crossentropy")
OPTIMIZERS: Final = (
    "sgd",
    "adam",
    "amsgrad",
    "adamax",
    "adagrad",
    "rmsprop",
    "centered_rmsprop",
    "adadelta",
    "nadam",
    "lion",
    "rprop",
)

IDENTITY: Final = ACTIVATIONS.index("identity")
RELU: Final = ACTIVATIONS.index("relu")

SLOTS: Final = {
    "sgd": 1,  # the velocity
    "adam": 2,  # the two moments
    "amsgrad": 3,  # and the largest second moment so far
    "adamax": 2,  # the first moment, and the norm
    "adagrad": 1,  # the sum of squares
    "rmsprop": 2,  # the mean square, and the velocity
    "centered_rmsprop": 3,  # and the mean
    "adadelta": 2,  # the mean squares of the gradients and of the changes
    "nadam": 2,  # the two moments
    "lion": 1,  # the momentum
    "rprop": 2,  # the last gradient, and the size of the steps
}
"""How many slot vectors each optimizer keeps, all zero before the first step."""

MAX_DIMENSIONS: Final = 3

MIRROR_COLUMNS: Final = 1
MIRROR_ROWS: Final = 2
"""What an AUGMENT may turn round: left and right, top and bottom."""

OP: Final = np.dtype(
    [
        ("kind", np.int64),  # DENSE, DROPOUT, LOSS, SAMPLES, NOISE, LAYER_NORM, BATCH_NORM or AUGMENT
        ("function", np.int64),  # a LOSS's loss code, or the activation code of what has parameters
        ("output_activation", np.int64),  # a LOSS only: what turns its input (logits) into predictions
        ("input_size", np.int64),  # numbers a sample that go in
        ("output_size", np.int64),  # and that come out
        ("input_shape", np.int64, (MAX_DIMENSIONS,)),  # the same as a picture or a sequence; unused axes are 1
        ("output_shape", np.int64, (MAX_DIMENSIONS,)),
        ("input", np.int64),  # where they lie in activations: numbers a sample before them
        ("output", np.int64),
        ("z", np.int64),  # where what its activation works on lies: at output, unless the activation is in KEEP_Z
        ("targets", np.int64),  # a LOSS only: where gathered targets lie
        ("target_weights", np.int64),  # and their weights
        ("weights", np.int64),  # offsets into the parameters
        ("biases", np.int64),
        ("statistics", np.int64),  # a BATCH_NORM's running mean, and after it the running variance
        ("moments", np.int64),  # where a BATCH_NORM's part in a row of moments begins
        ("trainable", np.int64),  # 0 or 1: whether its parameters change, and a BATCH_NORM looks at the batch
        ("passes_on", np.int64),  # 0 or 1: whether an op before it needs the gradient of its input
        ("key", np.int64),  # which stream of counted random numbers is this op's
        ("rate", np.float64),  # a DROPOUT's share of units that are dropped, in [0, 1)
        ("deviation", np.float64),  # of a NOISE
        ("slope", np.float64),  # the number of its own that an activation (leaky_relu, elu) or a loss (huber) has, or 0
        ("mirrors", np.int64),  # of an AUGMENT: the sum of MIRROR_COLUMNS and MIRROR_ROWS, or one of them, or 0
        ("shift", np.int64, (2,)),  # how many pixels it moves a picture at most, down or up and right or left
        ("angle", np.float64),  # how far it turns one at most, in radians, up to half a turn
        ("l1", np.float64),  # a DENSE's penalty l1 * sum(abs(weights))
        ("l2", np.float64),  # a DENSE's or SAMPLES' penalty l2 / 2 * sum(weights ** 2)
        ("max_norm", np.float64),  # a DENSE's: the largest norm of the weights into one unit, or 0 for any
        ("momentum", np.float64),  # the share of a BATCH_NORM's running statistics that a step keeps
        ("epsilon", np.float64),  # added to the variance by a LAYER_NORM or BATCH_NORM
        ("square", np.float64),  # a SAMPLES' sum of the squares of the weights that it began with
    ],
    align=True,
)

OPTIMIZER: Final = np.dtype(
    [
        ("kind", np.int64),
        ("nesterov", np.int64),
        ("momentum", np.float64),
        ("beta_1", np.float64),
        ("beta_2", np.float64),
        ("epsilon", np.float64),
        ("epsilon_hat", np.int64),  # 0 or 1: whether adam adds it before it corrects the second moment's bias
        ("weight_decay", np.float64),  # decoupled: parameters shrink by learning_rate * weight_decay a step
        ("decay", np.float64),  # of a running mean, or adagrad's of its learning rate
        ("momentum_decay", np.float64),  # nadam's, of how far its momentum is from beta_1
        ("shrink", np.float64),  # rprop: what a step's size is multiplied by when the sign has changed
        ("grow", np.float64),  # and when it has not
        ("smallest", np.float64),  # between these
        ("largest", np.float64),
        ("clip_value", np.float64),  # the largest gradient of a single parameter, or 0 for any
        ("clip_norm", np.float64),  # the largest norm of all gradients together, or 0 for any
        ("average", np.float64),  # how much of the mean of the parameters a step keeps, or 0 for no mean
    ],
    align=True,
)

RATE: Final = 0
PRODUCT: Final = 1
SCHEDULE_COLUMNS: Final = 2
"""The columns of a schedule (n_steps, SCHEDULE_COLUMNS), float64: the learning rate, and the product of nadam's momenta
up to the step."""

RUN: Final = np.dtype(
    [
        ("batch_size", np.int64),
        ("max_rows", np.int64),  # samples that the buffers have room for; all of a batch, if there is a BATCH_NORM
        ("shuffle", np.int64),  # 0 or 1
        ("seed", np.int64),
        ("epoch", np.int64),  # the number of the first epoch of this call, counted from 0
        ("step", np.int64),  # updates done before this call
        ("count_correct", np.int64),  # 0 or 1: whether the engine counts right answers
        ("update", np.int64),  # 0 or 1: whether parameters change; if not, the last batch's gradients are left
        ("threads", np.int64),  # members of the team, at least 1; the reference always works alone
        ("split", np.int64),  # 0 or 1: whether a team shares the first op by its inputs. It is DENSE and trainable, its
        # inputs are as many as the outputs of all members but two, and the gradients have one copy
        ("divisor", np.float64),  # what pixels are divided by, where the samples are pixels
        ("loss_factor", np.float64),  # what losses are multiplied by in the history
        ("gradient_factor", np.float64),  # and where their gradients are taken
        ("penalty_by_rows", np.int64),  # 0 or 1: whether penalties are divided by the weight of a batch's samples, and
        # an epoch's loss is the mean over its batches by their rows
        ("rows_per_weight", np.float64),  # how many equal rows an entry's weight of 1 stands for in a BATCH_NORM's
        # moments; 0 where each row is one of them, whatever it weighs
    ],
    align=True,
)

HISTORY_LOSS: Final = 0
HISTORY_CORRECT: Final = 1
HISTORY_COLUMNS: Final = 2

OWN_MEAN: Final = 0
OWN_SQUARES: Final = 1
MEAN: Final = 2
VARIANCE: Final = 3
OWN_DBIASES: Final = 4
OWN_DWEIGHTS: Final = 5
DBIASES: Final = 6
DWEIGHTS: Final = 7
MOMENTS: Final = 8
"""What a member's row of moments has of each BATCH_NORM, vectors of its size: the mean of its own rows and the sum of
the squares of what is beside it, the mean and variance of the whole batch; and on the way back the gradients with
respect to biases and weights from its own rows, and from the whole batch."""

Record = np.ndarray[tuple[int, ...], np.dtype[np.void]]
Array = npt.NDArray[np.floating]


def row_size(program: Record) -> int:
    """Numbers a sample that ``activations`` holds: the first input, every op's z, where kept, and output, and the
    targets and their weights."""
    return int(program["target_weights"][-1] + program["output_size"][-1])


def moments_size(program: Record) -> int:
    """Length of a member's row of ``moments``."""
    return MOMENTS * int(program["output_size"][program["kind"] == BATCH_NORM].sum())


def statistics_count(program: Record) -> int:
    """How many of the parameters are running statistics, which are the last."""
    return 2 * int(program["output_size"][program["kind"] == BATCH_NORM].sum())


def parameter_count(program: Record) -> int:
    """Length of the flat parameter vector that the Program addresses."""
    dense = program[program["kind"] == DENSE]
    norms = program[(program["kind"] == LAYER_NORM) | (program["kind"] == BATCH_NORM)]
    count = (dense["output_size"] * (dense["input_size"] + 1)).sum() + 2 * norms["output_size"].sum()
    return int(count) + statistics_count(program)
