"""The options of ``train`` that describe a training: what each may be, and its default."""

import math
from collections.abc import Callable
from typing import Any

import click

from .. import ACTIVATIONS, INITIALIZERS
from ..data import BUILT_IN
from ..model import DTYPES
from ..optimizers import OPTIMIZER_CLASSES

MOST_UNITS = 1_000_000
FULL = "full"
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


class BatchSize(click.IntRange):
    """A number of samples, or ``full``."""

    name = f"n|{FULL}"

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or the word."""
        return value if value == FULL else super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A float within bounds that is neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


SHARE = Number(min=0, max=1, max_open=True)

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
        help="How weights start; auto is he for relu and xavier for the others.",
    ),
    click.option("--optimizer", type=click.Choice(list(OPTIMIZER_CLASSES)), default="adam"),
    click.option(
        "--learning-rate", type=Number(min=0, min_open=True), metavar="F", help="By default the optimizer's own."
    ),
    click.option("--momentum", type=SHARE, metavar="F", help="For sgd."),
    click.option("--nesterov/--no-nesterov", default=False, help="For sgd with momentum: look ahead."),
    click.option(
        "--batch-size",
        type=BatchSize(),
        default=32,
        metavar=f"N|{FULL}",
        help=f"Samples in a step; {FULL} takes all of them.",
    ),
    click.option("--epochs", type=click.IntRange(min=1), default=50, metavar="N", help="Passes over the data."),
    click.option("--l2", type=Number(min=0), default=0.0, metavar="F", help="Penalty l2/2 * sum of squared weights."),
    click.option("--dropout", type=SHARE, default=0.0, metavar="F", help="Share dropped after each hidden layer."),
    click.option(
        "--validation",
        type=SHARE,
        default=0.0,
        metavar="F",
        help="Share of the training data held out and measured after each epoch.",
    ),
    click.option(
        "--patience",
        type=click.IntRange(min=1),
        metavar="N",
        help="Stop after N epochs without a better (validation) loss and keep the best weights.",
    ),
    click.option("--dtype", type=click.Choice(DTYPES), default="float32"),
    click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads for the matrix products."),
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**63 - 1),
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
