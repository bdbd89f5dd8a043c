"""The options of ``train`` that describe a training: what each may be, and its default."""

import math
from collections.abc import Callable
from typing import Any

import click

from .. import ACTIVATIONS, INITIALIZERS
from ..data import BUILT_IN
from ..losses import LOSS_CLASSES
from ..model import DTYPES
from ..optimizers import OPTIMIZER_CLASSES

MOST_UNITS = 1_000_000
FULL = "full"
ALL = "all"
Command = Callable[..., Any]


class Layers(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """Sizes of hidden layers, such as ``20,7,5``; an empty text is no hidden layer."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The sizes as a tuple."""
        if isinstance(value, tuple):
            return value
        sizes = []
        for part in str(value).split(",") if str(value).strip() else []:
            size = part.strip()
            if not (size.isascii() and size.isdigit() and 1 <= int(size) <= MOST_UNITS):
                self.fail(
                    f"{value!r} is not a list of whole numbers from 1 to {MOST_UNITS}, such as 20,7,5", param, ctx
                )
            sizes.append(int(size))
        return tuple(sizes)


class Names(click.ParamType):  # type: ignore[type-arg]  # as above
    """Names such as ``f1,roc_auc``."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names as a tuple."""
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


class Whole(click.IntRange):
    """A whole number within bounds, or one word that stands for another."""

    def __init__(self, at_least: int, at_most: int | None = None, word: str | None = None) -> None:
        super().__init__(min=at_least, max=at_most)
        self._word = word
        bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
        self._expected = f"a whole number {bounds}" + (f", or {word}" if word else "")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or the word."""
        if value == self._word:
            return value
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be {self._expected}, not {value!r}", param, ctx)


class Number(click.FloatRange):
    """A float within bounds that is neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if not math.isfinite(number):
            least = f"above {self.min:g}" if self.min_open else f"of at least {self.min:g}"
            most = "" if self.max is None else f" and below {self.max:g}"
            self.fail(f"must be a number {least}{most}, not {value!r}", param, ctx)
        return number


SHARE = Number(min=0, max=1, max_open=True)
POSITIVE = Number(min=0, min_open=True)
SCHEDULES = ("constant", "step", "exponential", "inverse_time", "polynomial", "cosine", "one_cycle", "plateau")
NORMALIZATIONS = ("none", "batch", "layer")
METRICS_HELP = "scikit-learn's measures beside the loss, such as f1,roc_auc"

SETTINGS: list[Callable[[Command], Command]] = [
    click.argument("data", default="digits"),
    click.option("--test", metavar="DATA", help="Data to test on; by default the test part of DATA, if it has one."),
    click.option("--target", metavar="COLUMN", help="The target's column in a CSV; by default the last."),
    click.option(
        "--task",
        type=click.Choice(["auto", "classification", "regression"]),
        default="auto",
        help="What to learn; auto looks at the target.",
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
        type=click.Choice([name for name in ACTIVATIONS if name != "softmax"]),
        default="relu",
        help="Activation of the hidden layers.",
    ),
    click.option(
        "--init",
        type=click.Choice(["auto", *INITIALIZERS]),
        default="auto",
        help="How weights start; auto goes by the activation.",
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
        help="auto: cross-entropy for classes, the mean squared error for numbers.",
    ),
    click.option("--label-smoothing", type=SHARE, default=0.0, metavar="F", help="For a cross-entropy."),
    click.option(
        "--class-weight",
        type=click.Choice(["none", "balanced"]),
        default="none",
        help="balanced: rare classes count as much as frequent ones.",
    ),
    click.option("--optimizer", type=click.Choice(list(OPTIMIZER_CLASSES)), default="adam"),
    click.option("--learning-rate", type=POSITIVE, metavar="F", help="By default the optimizer's own."),
    click.option("--momentum", type=SHARE, metavar="F", help="For sgd and rmsprop."),
    click.option("--nesterov/--no-nesterov", default=False, help="For sgd with momentum: look ahead."),
    click.option("--weight-decay", type=Number(min=0), metavar="F", help="For adamw and lion."),
    click.option("--schedule", type=click.Choice(SCHEDULES), default="constant", help="How the learning rate changes."),
    click.option("--decay", type=POSITIVE, metavar="F", help="The schedule's factor, decay or power."),
    click.option(
        "--interval",
        type=Whole(1),
        metavar="N",
        help="Epochs from change to change, from restart to restart (cosine), or of patience (plateau).",
    ),
    click.option(
        "--warm-up", type=Whole(0), default=0, metavar="N", help="Epochs in which the learning rate rises first."
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
        "--validation",
        type=SHARE,
        default=0.0,
        metavar="F",
        help="Share of the training data held out and measured after each epoch.",
    ),
    click.option(
        "--patience",
        type=Whole(1),
        metavar="N",
        help="Stop after N epochs without a better (validation) loss and keep the best weights.",
    ),
    click.option("--metrics", type=Names(), default="", metavar="NAME,...", help=f"{METRICS_HELP}, after each epoch."),
    click.option("--dtype", type=click.Choice(DTYPES), default="float32"),
    click.option(
        "--threads", type=Whole(1), metavar="N", help="Threads that share the work; default: as many as help."
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


DATA_HELP = f"""DATA is a file (.h5, .npz, .csv, MNIST's idx files or their folder) or one of {", ".join(BUILT_IN)}."""
