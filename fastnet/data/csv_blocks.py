"""CSV and TSV read some megabytes at a time, so that a file may be larger than the memory, or have no end."""

from collections.abc import Iterator
from typing import IO

from .csv import CsvText
from .raw import RawTable
from .whole_rows import whole_rows

BLOCK = 8 * 2**20


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
    rows = lines = lines_of_header = 0
    header: bytes | None = None
    names: list[str] = []
    for part, is_last in whole_rows(stream, source, block, _end_of_rows):
        content = part
        if header is None:
            header = _first_row(content)
            content = content[len(header) :]
            names = CsvText(source, header, delimiter).header()
            lines_of_header = _line_breaks(header)
        if content.strip() or (is_last and rows == 0):
            table = CsvText(source, header + content, delimiter, rows, lines).raw_table(names)
            rows += len(table)
            yield table
        lines += _line_breaks(header + content) - lines_of_header


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
