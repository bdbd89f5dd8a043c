"""CSV and TSV read some megabytes at a time, so that a file may be larger than the memory, or have no end."""

from collections.abc import Iterator
from typing import IO

from ..errors import DataError
from .csv import CsvText
from .raw import RawTable

BLOCK = 8 * 2**20
MOST_WITHOUT_A_ROW = 8
"""Blocks after which a row that has not ended is taken for a quotation mark that was never closed."""


def csv_blocks(stream: IO[bytes], source: str, delimiter: str, block: int = BLOCK) -> Iterator[RawTable]:
    """The rows of a table as several tables with the same header, in order.

    Parameters
    ----------
    stream : binary stream
        UTF-8, with or without a BOM.
    source : str
        What messages call it; they name rows and lines as if the file had been read at once.
    delimiter : str
    block : int
        Bytes that are read at once.

    Raises
    ------
    DataError
        The header or a row is not what is expected.
    """
    pending, rows, lines = b"", 0, 0
    header: bytes | None = None
    names: list[str] = []
    for part, is_last in _parts(stream, block):
        pending += part
        end = len(pending) if is_last else _end_of_rows(pending)
        if end == 0 and not is_last:
            if len(pending) > MOST_WITHOUT_A_ROW * block:
                raise DataError(
                    f"{source}: no row ends in the {len(pending):,} bytes after line {lines + 1}; check that each "
                    "quotation mark is closed"
                )
            continue
        if header is None:
            # Blank lines before the header are left out, as everywhere.
            header = _first_row(pending[:end])
            names = CsvText(source, header or pending[:end], delimiter).header()
            pending, end = pending[len(header) :], end - len(header)
            lines_of_header = _line_breaks(header)
        content, pending = pending[:end], pending[end:]
        if content.strip() or (is_last and rows == 0):
            table = CsvText(source, header + content, delimiter, rows, lines).raw_table(names)
            rows += len(table)
            yield table
        lines += _line_breaks(header + content) - lines_of_header


def _parts(stream: IO[bytes], block: int) -> Iterator[tuple[bytes, bool]]:
    """What a stream holds, each part with whether it is the last."""
    part = stream.read(block)
    while True:
        after = stream.read(block) if part else b""
        yield part, not after
        if not after:
            return
        part = after


def _end_of_rows(content: bytes) -> int:
    """Where the last row ends that is there in full: at a line break that no quotation marks enclose; 0 without one."""
    marks = content.count(b'"')
    end = len(content)
    while (at := content.rfind(b"\n", 0, end)) >= 0:
        marks -= content.count(b'"', at, end)
        if marks % 2 == 0:
            return at + 1
        end = at
    return 0


def _first_row(content: bytes) -> bytes:
    """The header with its line break, and blank lines before it."""
    end = 0
    while (at := content.find(b"\n", end)) >= 0:
        end = at + 1
        row = content[:end]
        if row.count(b'"') % 2 == 0 and row.removeprefix(b"\xef\xbb\xbf").strip():
            return row
    return content


def _line_breaks(content: bytes) -> int:
    return content.count(b"\n") or content.count(b"\r")
