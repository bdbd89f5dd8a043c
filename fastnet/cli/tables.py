"""Tables for people: Rich's on a terminal, plain lines elsewhere, never wider than there is room."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

from .output import Printer, table

LONGEST_NAME = 24
SHORTEST_NAME = 4
GAP = 2


def room() -> int:
    """The terminal's width, or 80 where there is none."""
    return shutil.get_terminal_size().columns


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """A name that fits, its middle left out where it must be."""
    if len(name) <= most:
        return name
    half = max(1, (most - 2) // 2)
    return f"{name[: most - 2 - half]}..{name[-half:]}"


def width_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide a plain table is."""
    widths = (max(len(row[column]) for row in (header, *rows)) for column in range(len(header)))
    return sum(widths) + GAP * (len(header) - 1)


def show(say: Printer, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table under its title."""
    say("")
    for line in textwrap.wrap(title, room()):
        say(line)
    if not sys.stdout.isatty() or say.quiet:
        for line in table(header, _narrowed(header, rows)):
            say(line.rstrip())
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, name in enumerate(header):
        shown.add_column(Text(name), justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    with say.guarded():
        Console(highlight=False).print(shown)


def _narrowed(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The rows with their texts shortened as far as it takes to fit."""
    for most in range(LONGEST_NAME, SHORTEST_NAME - 1, -4):
        some = [[shortened(cell, max(most, len(name))) for cell, name in zip(row, header, strict=True)] for row in rows]
        if width_of(header, some) <= room():
            return some
    return some if rows else rows
