"""Tables for people: Rich's on a terminal, plain lines elsewhere, never wider than there is room."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

from .output import LABEL_WIDTH, Printer, labelled, table

LONGEST_NAME = 24
SHORTEST_NAME = 8
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


def fitting(header: Sequence[str], rows: Sequence[Sequence[str]], by_worth: Sequence[str]) -> list[int]:
    """The places of the columns that fit, in their order: each in turn of its worth if there is room for it yet."""
    kept: list[int] = []
    for place in map(header.index, by_worth):
        if not kept or width_of(*_only([*kept, place], header, rows)) <= room():
            kept.append(place)
    return sorted(kept)


def show(say: Printer, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table under its title; one that is too wide has its texts shortened, and then its columns in turns."""
    say("")
    for line in textwrap.wrap(title, room()):
        say(line)
    for index, (some, cells) in enumerate(_pieces(header, rows)):
        if index:
            say("")
        _print(say, some, cells)


def fold(say: Printer, label: str, text: str) -> None:
    """Print a labelled line, folded to the width there is."""
    width = max(room() - LABEL_WIDTH, 20)
    for index, line in enumerate(textwrap.wrap(text, width, break_on_hyphens=False) or [""]):
        say(labelled("" if index else label, line))


def _print(say: Printer, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not sys.stdout.isatty() or say.quiet:
        for line in table(header, rows):
            say(line.rstrip())
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # With what stands between columns that is GAP, as in lines.
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for place, name in enumerate(header):
        shown.add_column(Text(name), justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    with say.guarded():
        Console(highlight=False).print(shown)


def _pieces(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The table as one that fits, or else as several, each of which has the first column."""
    for most in (sys.maxsize, *range(LONGEST_NAME, SHORTEST_NAME - 1, -4)):
        cells = [
            [_shortened_text(cell, max(most, len(name))) for cell, name in zip(row, header, strict=True)]
            for row in rows
        ]
        if width_of(header, cells) <= room():
            break
    places: list[int] = []
    for place in range(1, len(header)):
        if places and width_of(*_only([0, *places, place], header, cells)) > room():
            yield _only([0, *places], header, cells)
            places = []
        places.append(place)
    yield _only([0, *places], header, cells)


def _only(
    places: Sequence[int], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    return [header[place] for place in places], [[row[place] for place in places] for row in rows]


def _shortened_text(cell: str, most: int) -> str:
    """A cell that fits if it is text; half a number would be another."""
    try:
        float(cell.rstrip("%").replace(",", ""))
    except ValueError:
        return shortened(cell, most)
    return cell
