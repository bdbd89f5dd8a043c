"""CSV and TSV read some megabytes at a time, so that a file may be larger than the memory, or have no end."""

import io
import re
from collections.abc import Iterator
from functools import partial
from typing import IO

from .csv import CsvText
from .delimiters import CALLED, SAMPLE, find_delimiter
from .magic import refuse_other_formats
from .raw import Decimals, RawTable
from .whole_rows import whole_rows

BLOCK = 8 * 2**20

_QUOTED = rb'(?:^(?:\xef\xbb\xbf)?|[%s\r\n])%s"[^"]*(?:""[^"]*)*(?:"|\Z)'
_CELLS = {one: re.compile(_QUOTED % (one.encode(), b"" if one == "\t" else b" *")) for one in CALLED}
"""Cells in quotation marks, with what separates them from the cell before; a mark inside of another cell, as of inches,
means nothing."""


def csv_blocks(stream: IO[bytes], source: str, usual: str, block: int = BLOCK) -> Iterator[RawTable]:
    """The rows of a table as several tables with the same header, in order.

    Parameters
    ----------
    stream : binary stream
        UTF-8, with or without a BOM.
    source : str
        What messages call it; they name rows and lines as if the file had been read at once.
    usual : str
        The delimiter by the format's name; which it is, the first rows tell.
    block : int
        Bytes that are read at once.

    Raises
    ------
    DataError
        The header or a row is not what is expected.
    """
    rows = lines = lines_of_header = 0
    header: bytes | None = None
    names: list[str] = []
    decimals: Decimals | None = None
    beginning = stream.read(max(block, SAMPLE + 1))
    refuse_other_formats(beginning, source)
    delimiter = find_delimiter(beginning, source, usual)
    for part, is_last in whole_rows(_Begun(beginning, stream), source, block, partial(_end_of_rows, delimiter)):
        content = part
        if header is None:
            header = _first_row(delimiter, content)
            content = content[len(header) :]
            names = CsvText(source, header, delimiter).header()
            lines_of_header = _line_breaks(header)
        if content.strip() or (is_last and rows == 0):
            table = CsvText(source, header + content, delimiter, rows, lines, decimals).raw_table(names)
            rows += len(table)
            decimals = table.decimals
            yield table
        lines += _line_breaks(header + content) - lines_of_header


class _Begun:
    """A stream of which the beginning was read already."""

    def __init__(self, beginning: bytes, stream: IO[bytes]) -> None:
        self._beginning, self._stream = io.BytesIO(beginning), stream

    def read(self, size: int, /) -> bytes:
        return self._beginning.read(size) or self._stream.read(size)


def _outside(delimiter: str, content: bytes) -> Iterator[tuple[int, int]]:
    """The stretches of whole rows that are in no quoted cell; each may have line breaks that end rows."""
    if b'"' not in content:
        yield 0, len(content)
        return
    start = 0
    for cell in _CELLS[delimiter].finditer(content):
        yield start, cell.start() + 1  # with the line break that may stand before the cell
        start = cell.end()
    yield start, len(content)


def _end_of_rows(delimiter: str, content: bytes) -> int:
    """Where the last row ends that is there in full: at a line break that no quotation marks enclose; 0 without one."""
    last = -1
    for start, end in _outside(delimiter, content):
        last = max(last, content.rfind(b"\n", start, end))
    return last + 1


def _first_row(delimiter: str, content: bytes) -> bytes:
    """The header with its line break, and blank lines before it."""
    for start, end in _outside(delimiter, content):
        at = start
        while (at := content.find(b"\n", at, end) + 1) > 0:
            if content[:at].removeprefix(b"\xef\xbb\xbf").strip():
                return content[:at]
    return content


def _line_breaks(content: bytes) -> int:
    return content.count(b"\n") or content.count(b"\r")
