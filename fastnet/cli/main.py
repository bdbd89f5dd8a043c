"""The group of verbs: loads only the verb that was asked for, and turns errors into one line and an exit code."""

import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import click

from ..errors import DataWarning, FastnetError

VERBS = {
    "train": "Train a network on data and save it.",
    "resume": "Go on with an interrupted training, or give it more epochs.",
    "runs": "List trainings and compare them.",
    "evaluate": "Measure a saved network on data with known answers.",
    "predict": "Write a saved network's answers for data, as CSV.",
    "data": "Look at data files, convert them, fetch well-known ones.",
    "cv": "Train and test on folds of data: how good a training is.",
    "find-rate": "Look for a learning rate by a range test.",
    "check": "Compare every fast kernel with its readable twin.",
    "warmup": "Compile all kernels ahead, which the first run does otherwise.",
}
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, so that ``--help`` answers at once.

    Parameters
    ----------
    verbs : mapping of str to str
        What each verb does, in the order a user meets them.
    prefix : str
        Goes before a verb's name in that of its module and of its function: ``data_`` makes ``data_convert``.
    """

    def __init__(self, *args: Any, verbs: Mapping[str, str], prefix: str = "", **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.verbs, self.prefix = verbs, prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order a user meets them."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, imported now."""
        if cmd_name not in self.verbs:
            return None
        name = self.prefix + cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f".{name}", __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))


class Verbs(LazyGroup):
    """The outermost group, which turns errors into one line and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; a full disk under ``--help`` is one line too."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            release_stdout()
            complain(f"fastnet: error: {error.strerror or error}; make room or write somewhere else")
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; an error made on purpose becomes one line on stderr and its exit code."""
        try:
            with warnings_as_lines():
                return super().invoke(ctx)
        except FastnetError as error:
            fail(ctx, str(error), error.exit_code)
        except MemoryError as error:
            fail(ctx, f"there is not enough memory ({error}); use smaller layers, batches or data", 1)
        except KeyboardInterrupt as interrupt:
            complain(f"fastnet: {str(interrupt) or 'interrupted'}")
            ctx.exit(INTERRUPTED)


def fail(ctx: click.Context, message: str, code: int) -> None:
    """Print the one line of an error and exit."""
    complain(f"fastnet: error: {' '.join(message.splitlines())}")
    ctx.exit(code)


def complain(line: str) -> None:
    """Print a line on stderr, if anything can be printed there: what cannot be said must not stop what is done."""
    # A RuntimeError is a signal handler that prints while what it interrupted was printing.
    with suppress(OSError, RuntimeError):
        click.echo(line, err=True)


def release_stdout() -> None:
    """Let what stdout still holds go nowhere, or Python fails a second time when it flushes it at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show what the compiled kernels and the readers of data warn of as plain lines; others stay what they are."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], filename: str, *rest: Any) -> None:
            if "fastnet_kernels" in filename or issubclass(category, DataWarning):
                complain(f"fastnet: warning: {message}")
            else:
                others(message, category, filename, *rest)

        warnings.showwarning = show  # type: ignore[assignment]
        warnings.filterwarnings("always", category=DataWarning)
        warnings.filterwarnings("default", category=RuntimeWarning, module=r"fastnet_kernels\.jit")
        yield


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from ..version import __version__

        click.echo(f"fastnet, version {__version__}")
        ctx.exit()


@click.group(
    cls=Verbs,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Train small and mid-size neural networks on a CPU.

    Start with `fastnet train`, which trains on handwritten digits and says where it saved the network.
    """
