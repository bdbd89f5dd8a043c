"""The options of ``train`` that describe a training: what each may be, and its default."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .. import ACTIVATIONS, INITIALIZERS
from ..data import BUILT_IN, CATALOGUE
from ..data.encoding import IMPUTE
from ..layers import FLIPS
from ..losses import LOSS_CLASSES
from ..optimizers import OPTIMIZER_CLASSES
from .option_types import Amount, Every, Layers, NameOrOwn, Names, Number, Pieces, Size, Whole
from .warmup import DTYPES

FULL = "full"
ALL = "all"
Command = Callable[..., Any]


SHARE = Number(min=0, max=1, max_open=True)
POSITIVE = Number(min=0, min_open=True)
NORMALIZATIONS = ("none", "batch", "layer")
HIDDEN_ACTIVATIONS = [name for name in ACTIVATIONS if name != "softmax"]
SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": (),
    "step": ("decay", "interval"),
    "exponential": ("decay",),
    "inverse_time": ("decay", "interval"),
    "piecewise": ("pieces",),
    "polynomial": ("decay",),
    "cosine": ("interval",),
    "one_cycle": (),
    "plateau": ("decay", "interval"),
}
"""The schedules by name, each with the options that it alone takes."""
METRICS_HELP = "scikit-learn's measures beside the loss, such as f1,roc_auc"

SETTINGS: list[Callable[[Command], Command]] = [
    click.argument("data", default="digits"),
    click.option("--test", metavar="DATA", help="Data to test on; by default the test part of DATA, if it has one."),
    click.option(
        "--target",
        metavar="COLUMN,...",
        help="The target's column in a table, or those of several targets; by default the last.",
    ),
    click.option("--ignore", metavar="COLUMN,...", help="Columns of a table that are left out."),
    click.option(
        "--categorical",
        metavar="COLUMN,...",
        help="Columns of a table that are categories, such as whole-number codes; text is one anyway.",
    ),
    click.option(
        "--impute",
        type=click.Choice(IMPUTE),
        help="Fill missing numbers in by that of the training part, other missing values by the most frequent.",
    ),
    click.option("--missing-category", is_flag=True, help="Take a missing category for a category of its own."),
    click.option(
        "--x",
        metavar="NAME",
        help="The array of the features in an HDF5 or NPZ file, such as train/images; default: by usual names.",
    ),
    click.option("--y", metavar="NAME", help="The array of the targets there; for an NPY file that of its targets."),
    click.option(
        "--size",
        type=Size(),
        metavar="N|WxH",
        help="What pictures in a folder are stretched or shrunk to; needed where they differ in size.",
    ),
    click.option(
        "--memory",
        type=Amount(),
        metavar="SIZE",
        help="What training may take, such as 500MB: DATA, an HDF5 file of any size, is then read in pieces.",
    ),
    click.option("--grey/--colour", default=None, help="Make those grey or RGB; by default as they are."),
    click.option(
        "--task",
        type=click.Choice(["auto", "classification", "multilabel", "regression"]),
        default="auto",
        help="What to learn; auto looks at the target. multilabel: several targets of 0, 1 or nothing.",
    ),
    click.option("--jit/--no-jit", default=True, help="Train by the compiled kernels or by the NumPy reference."),
    click.option(
        "--from",
        "base",
        type=click.Path(),
        metavar="MODEL",
        help="Begin with the layers of a saved model, but for its last, and put a new one on.",
    ),
    click.option(
        "--freeze",
        type=Whole(0, word=ALL),
        default=ALL,
        metavar=f"N|{ALL}",
        help="With --from: how many of its layers training leaves as they are.",
    ),
    click.option("--layers", type=Layers(), default="128,64", metavar="N,N,...", help="Sizes of the hidden layers."),
    click.option(
        "--activation",
        type=NameOrOwn(HIDDEN_ACTIVATIONS),
        default="relu",
        metavar="NAME",
        help=f"Of the hidden layers: {', '.join(HIDDEN_ACTIVATIONS)}, or one of your own, with --activations.",
    ),
    click.option("--slope", type=Number(min=0), metavar="F", help="For leaky_relu: of its part below 0."),
    click.option("--alpha", type=POSITIVE, metavar="F", help="For elu: how far below 0 it goes."),
    click.option(
        "--init",
        type=click.Choice(["auto", *INITIALIZERS]),
        default="auto",
        metavar="NAME",
        help=f"How weights start: {', '.join(INITIALIZERS)}, or auto, which goes by the activation.",
    ),
    click.option(
        "--normalization",
        type=click.Choice(NORMALIZATIONS),
        default="none",
        help="Of each hidden layer, before its activation.",
    ),
    click.option(
        "--loss",
        type=click.Choice(["auto", *LOSS_CLASSES]),
        default="auto",
        metavar="NAME",
        help=f"One of {', '.join(LOSS_CLASSES)}, or auto: cross-entropy for classes, squared error for numbers.",
    ),
    click.option(
        "--delta",
        type=POSITIVE,
        metavar="F",
        help="For huber: the error, in standard deviations of the target, from which on it counts linearly.",
    ),
    click.option("--label-smoothing", type=SHARE, default=0.0, metavar="F", help="For a cross-entropy."),
    click.option(
        "--class-weight",
        type=click.Choice(["none", "balanced"]),
        default="none",
        help="balanced: rare classes count as much as frequent ones.",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(list(OPTIMIZER_CLASSES)),
        default="adam",
        metavar="NAME",
        help=f"What steps down the loss: {', '.join(OPTIMIZER_CLASSES)}.",
    ),
    click.option("--learning-rate", type=POSITIVE, metavar="F", help="By default the optimizer's own."),
    click.option("--momentum", type=SHARE, metavar="F", help="For sgd and rmsprop."),
    click.option("--nesterov/--no-nesterov", default=False, help="For sgd with momentum: look ahead."),
    click.option("--centered/--no-centered", default=False, help="For rmsprop: divide by the deviation."),
    click.option("--weight-decay", type=Number(min=0), metavar="F", help="For adamw and lion."),
    click.option(
        "--schedule",
        type=click.Choice(list(SCHEDULES)),
        default="constant",
        metavar="NAME",
        help=f"How the learning rate changes: {', '.join(SCHEDULES)}.",
    ),
    click.option("--decay", type=POSITIVE, metavar="F", help="The schedule's factor, decay or power."),
    click.option(
        "--interval",
        type=Whole(1),
        metavar="N",
        help="Epochs from change to change, from restart to restart (cosine), or of patience (plateau).",
    ),
    click.option(
        "--pieces",
        type=Pieces(),
        default="",
        metavar="N:F,...",
        help="For piecewise: the learning rate F from epoch N on, counted from 0.",
    ),
    click.option(
        "--warm-up", type=Whole(0), default=0, metavar="N", help="Epochs in which the learning rate rises first."
    ),
    click.option(
        "--per",
        type=click.Choice(["epoch", "step"]),
        default="epoch",
        help="step: --interval, --pieces and --warm-up count steps, and the rate changes with each.",
    ),
    click.option("--clip-value", type=POSITIVE, metavar="F", help="The largest gradient of a single weight."),
    click.option("--clip-norm", type=POSITIVE, metavar="F", help="The largest norm of all gradients together."),
    click.option(
        "--average",
        type=Number(min=0, max=1, min_open=True, max_open=True),
        metavar="F",
        help="Keep a running mean of the weights, so much of it a step, and end with it.",
    ),
    click.option(
        "--batch-size",
        type=Whole(1, word=FULL),
        default=32,
        metavar=f"N|{FULL}",
        help=f"Samples in a step; {FULL} takes all of them.",
    ),
    click.option("--epochs", type=Whole(1), default=50, metavar="N", help="Passes over the data."),
    click.option("--l2", type=Number(min=0), default=0.0, metavar="F", help="Penalty l2/2 * sum of squared weights."),
    click.option("--l1", type=Number(min=0), default=0.0, metavar="F", help="Penalty l1 * sum of the weights' sizes."),
    click.option("--max-norm", type=POSITIVE, metavar="F", help="The largest norm of the weights into a hidden unit."),
    click.option("--dropout", type=SHARE, default=0.0, metavar="F", help="Share dropped after each hidden layer."),
    click.option("--input-dropout", type=SHARE, default=0.0, metavar="F", help="Share of the features dropped."),
    click.option(
        "--noise", type=Number(min=0), default=0.0, metavar="F", help="Deviation of noise added to the features."
    ),
    click.option(
        "--flip", type=click.Choice(FLIPS), default="none", help="Pictures: exchange left and right, top and bottom."
    ),
    click.option(
        "--shift", type=SHARE, default=0.0, metavar="F", help="Pictures: move by up to this share of height and width."
    ),
    click.option(
        "--rotate",
        type=Number(min=0, max=180),
        default=0.0,
        metavar="DEGREES",
        help="Pictures: turn by up to so much. All three are drawn anew in each step of a training.",
    ),
    click.option(
        "--validation",
        type=SHARE,
        default=0.0,
        metavar="F",
        help="Share of the training data held out and measured after each epoch.",
    ),
    click.option(
        "--group",
        metavar="COLUMN",
        help="What is held out are whole groups, by this column (or array), which is then no feature.",
    ),
    click.option(
        "--time",
        metavar="COLUMN",
        help="What is held out comes last, by this column (or array) of numbers or dates, which is then no feature.",
    ),
    click.option(
        "--patience",
        type=Whole(1),
        metavar="N",
        help="Stop after N epochs without a better (validation) loss and keep the best weights.",
    ),
    click.option(
        "--monitor",
        metavar="NAME",
        help="What --patience and the plateau schedule go by instead: accuracy, one of --metrics, or val_NAME.",
    ),
    click.option("--metrics", type=Names(), default="", metavar="NAME,...", help=f"{METRICS_HELP}, after each epoch."),
    click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="What numbers are computed in."),
    click.option(
        "--threads",
        type=Whole(1),
        metavar="N",
        help="Threads that share the work at the most, by default all cores; small work stays on one.",
    ),
    click.option(
        "--seed",
        type=Whole(0, 2**63 - 1),
        default=0,
        metavar="N",
        help="Decides the first weights, the order of samples, dropout and what is held out.",
    ),
]
"""In the order that ``--help`` and a saved configuration have them."""


def settings_options(command: Command) -> Command:
    """Give a command the options of ``SETTINGS``."""
    for decorate in reversed(SETTINGS):
        command = decorate(command)
    return command


activations_option = click.option(
    "--activations",
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Python that defines activations of your own (fastnet.CustomActivation); it is run.",
)

x_option = click.option("--x", metavar="NAME", help="The array of the features in an HDF5 or NPZ file.")
y_option = click.option("--y", metavar="NAME", help="The array of the targets in an HDF5 or NPZ file.")


def every_option(default: str | None) -> Callable[[Command], Command]:
    """``--checkpoint-every``; without a default the run's own goes on."""
    return click.option(
        "--checkpoint-every",
        type=Every(),
        default=default,
        metavar="N|Ns",
        help="Epochs, or seconds such as 30s, from one checkpoint to the next; there is one at the end too.",
    )


DATA_HELP = (
    "DATA is a file (.h5, .npz, .npy, .csv, .tsv, .parquet, .arrow, MNIST's idx files), a folder with a folder of "
    f"pictures for each class, or one of {', '.join(BUILT_IN)}; {', '.join(CATALOGUE)} once `fastnet data fetch NAME` "
    "got them."
)
