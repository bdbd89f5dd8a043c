"""What the verbs print: labelled lines, tables of fixed width, and JSON."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from ..errors import FastnetError, OutputError
from .main import release_stdout

LABEL_WIDTH = 11


class Printer:
    """Prints on stdout until that fails (a full disk, a reader that went away), and then nothing more.

    Parameters
    ----------
    quiet : bool
        Whether stdout is for one JSON object, so that no line for a human is printed.

    Attributes
    ----------
    failure : OSError or None
        Why something could not be printed.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.failure: OSError | None = None

    def __call__(self, line: str) -> None:
        """Print a line for a human."""
        if not self.quiet:
            self.write(f"{line}\n")

    def write(self, text: str) -> None:
        """Print text as it is."""
        with self.guarded():
            if self.failure is None:
                click.echo(text, nl=False)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Keep an error of whatever else prints, as the bar does."""
        try:
            yield
        except FastnetError:
            raise  # what went wrong is not the printing
        except OSError as error:
            self.failure = self.failure or error
            release_stdout()

    def close(self) -> None:
        """Tell of what could not be printed.

        Raises
        ------
        OutputError
            If the output could not be written.
        BrokenPipeError
            If its reader went away, which the command line ends at without a word, as others do.
        """
        if isinstance(self.failure, BrokenPipeError):
            raise self.failure
        if self.failure is not None:
            raise OutputError(f"{self.problem}; make room or send it somewhere else")

    @property
    def problem(self) -> str:
        """What became of the output, for a message."""
        reason = self.failure.strerror or self.failure if self.failure is not None else "nothing is wrong"
        return f"the output could not be written in full ({reason})"


def labelled(label: str, text: str) -> str:
    """A line whose text starts in the same column as the others'."""
    return f"{label:<{LABEL_WIDTH}}{text}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines in columns: the first to the left, the others to the right."""
    cells = [header, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}" for i, (cell, width) in enumerate(columns))
        for columns in (list(zip(row, widths, strict=True)) for row in cells)
    ]


def seconds(value: float) -> str:
    """A time with three digits that matter."""
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 class`` or ``10 classes``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def json_text(value: dict[str, Any]) -> str:
    """One object, ended by a line break; what is not a finite number becomes null, since JSON has no word for it."""
    return json.dumps(finite(value), allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """Plain data with None for each number that is not finite."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
