"""What separates the cells of a text file: found from its first rows, never guessed."""

import csv
import io
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

CALLED = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""The delimiters that are looked for, and what messages call them."""

SAMPLE = 2**15
"""So many bytes at the beginning of a file are looked at, and no more than so many rows:"""
_ROWS = 100


def find_delimiter(beginning: bytes, source: str, usual: str) -> str:
    """The delimiter that divides each of the first rows into as many cells as the header, which are two at least.

    Parameters
    ----------
    beginning : bytes
        The first ``SAMPLE`` bytes of the file.
    source : str
    usual : str
        What the file's name says. Tabs are then taken for what they are; commas may as well be decimal ones. It is
        also the answer where nothing fits, so that the rows are refused one by one.

    Raises
    ------
    DataError
        Several delimiters divide all rows alike.
    """
    text = beginning[:SAMPLE].decode("utf-8-sig", errors="replace")
    is_whole = len(beginning) <= SAMPLE
    widths = {delimiter: _widths(text, delimiter, is_whole=is_whole) for delimiter in CALLED}
    fitting = [one for one, counts in widths.items() if counts and counts[0] > 1 and set(counts) == {counts[0]}]
    if len(fitting) == 1 or (usual == "\t" and usual in fitting):
        return usual if usual in fitting else fitting[0]
    if fitting:
        called = [CALLED[one] for one in fitting]
        raise DataError(
            f"{source}: the columns may be separated by {', '.join(called[:-1])} or by {called[-1]}, each of which "
            f"divides the header and the first rows alike; put the names and cells that hold one of them into "
            "quotation marks"
        )
    # The rows differ, which is said of them when they are read: by what divides most of them as it does the header.
    return max([usual, *CALLED], key=lambda one: sum(count == widths[one][0] > 1 for count in widths[one]))


def _widths(text: str, delimiter: str, *, is_whole: bool) -> list[int]:
    """How many cells each of the first rows has; empty if it cannot be that delimiter."""
    counts = []
    lines = io.StringIO(text, newline="")
    try:
        for cells in islice(reader(lines, delimiter), _ROWS):
            if cells:
                counts.append(len(cells))
    except csv.Error:
        # What is cut off may end within a cell.
        return [] if is_whole or lines.read(1) else counts
    return counts if is_whole or len(counts) in (1, _ROWS) else counts[:-1]


def reader(lines: Iterable[str], delimiter: str) -> "Reader":
    """The rows of a text as RFC 4180 has them; spaces may be in front of cells, but where tabs separate them."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
