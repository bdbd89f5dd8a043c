"""What the verbs print: labelled lines, tables of fixed width, and JSON."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

Say = Callable[[str], None]

LABEL_WIDTH = 11
MOST_NAMES = 10


def speaker(*, quiet: bool) -> Say:
    """What prints a line for a human: nothing does where stdout is for one JSON object."""
    return (lambda line: None) if quiet else click.echo


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


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def json_text(value: dict[str, Any]) -> str:
    """One object, ended by a line break; what is not a finite number becomes null, since JSON has no word for it."""
    return json.dumps(_finite(value), allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
