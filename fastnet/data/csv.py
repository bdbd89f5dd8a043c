"""CSV and TSV files with a header, plain or packed by gzip: pyarrow parses them, the csv module finds what is wrong."""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..errors import DataError
from .cells import looks_like_data
from .columns import quoted
from .decimals import decimals_of
from .delimiters import find_delimiter, reader
from .limits import refuse_beyond_memory
from .magic import refuse_other_formats
from .raw import Decimals, RawTable

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 16 * 2**20
"""pyarrow parses so many bytes at a time, and no line may be longer."""

# Tables seldom shrink to less than a twentieth; only a file made to fill the memory shrinks so far and is so large.
_LARGEST_RATIO = 200
_LARGE = 256 * 2**20

_COPIES = 3
"""The bytes of the file are in memory, and as pyarrow is given them, and as its texts."""

_MOST_COLUMNS = 100_000


@dataclass(frozen=True)
class Record:
    """One row: its cells, its number among the rows of data and the line of the file it ends on."""

    cells: list[str]
    row: int
    line: int

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"row {self.row} (line {self.line})"


def read_csv(path: Path) -> RawTable:
    """Read a CSV or TSV file; every cell is text, without the spaces around it.

    Parameters
    ----------
    path : Path
        UTF-8, with or without a BOM; ``.gz`` is unpacked. What is between the columns is found from the rows.

    Raises
    ------
    DataError
        The header or a row is not what is expected; the message names it.
    """
    name = path.name.lower()
    is_packed = name.endswith(".gz")
    if not is_packed:
        refuse_beyond_memory(_COPIES * path.stat().st_size, str(path), "the table")
    content = _unpacked(path) if is_packed else path.read_bytes()
    refuse_other_formats(content, str(path))
    usual = "\t" if name.removesuffix(".gz").endswith(".tsv") else ","
    text = CsvText(str(path), content, find_delimiter(content, str(path), usual))
    return text.raw_table(text.header())


def _unpacked(path: Path) -> bytes:
    """What a gzip file holds, unless that is so much more that it can only be meant to fill the memory."""
    size = path.stat().st_size
    parts = []
    total = 0
    try:
        with gzip.open(path, "rb") as file:
            while part := file.read(_BLOCK):
                parts.append(part)
                total += len(part)
                if total > _LARGE and total > _LARGEST_RATIO * size:
                    raise DataError(
                        f"{path}: {size:,} bytes unpack to more than {total:,}, which no table does; unpack it "
                        "yourself if it is one"
                    )
                refuse_beyond_memory((_COPIES - 1) * total, str(path), "the table")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error}); copy or write it again") from None
    return b"".join(parts)


@dataclass(frozen=True)
class CsvText:
    """The bytes of a file, or the header and some rows of it, and what separates its cells.

    Attributes
    ----------
    source : str
    content : bytes
    delimiter : str
    rows_before, lines_before : int
        How many rows and lines of the file stand between its header and these rows.
    decimals : Decimals, optional
        What the rows before told of them.
    """

    source: str
    content: bytes
    delimiter: str
    rows_before: int = 0
    lines_before: int = 0
    decimals: Decimals | None = None

    def raw_table(self, header: list[str]) -> RawTable:
        """The rows as a table.

        Raises
        ------
        DataError
            A row is not what is expected; the message names it.
        """
        columns, decimals = self.columns(header), self.decimals
        if decimals is None and self.delimiter != ",":
            decimals = decimals_of(header, columns, self.delimiter, commas=b"," in self.content)
        return RawTable(
            source=self.source,
            names=header,
            columns=columns,
            typed=False,
            place=self.place,
            delimiter=self.delimiter,
            decimals=decimals,
        )

    @contextmanager
    def records(self) -> Iterator[Iterator[Record]]:
        """The rows as the csv module reads them, the header being row 0; blank lines are left out."""
        lines = io.TextIOWrapper(io.BytesIO(self.content), encoding="utf-8-sig", newline="")
        read = reader(lines, self.delimiter)
        rows = (cells for cells in read if cells)
        try:
            yield (
                Record(cells, i + self.rows_before, read.line_num + self.lines_before) for i, cells in enumerate(rows)
            )
        except csv.Error as error:
            line = read.line_num + self.lines_before
            raise DataError(
                f"{self.source}: line {line} is not valid CSV ({error}); check its quotation marks"
            ) from None
        except UnicodeDecodeError:
            self._undecodable()

    def header(self) -> list[str]:
        """The names of the columns, which have to make sense."""
        with self.records() as records:
            first = next(records, None)
        if first is None:
            raise DataError(f"{self.source}: the file is empty; a header and at least one row are needed")
        names = [cell.strip() for cell in first.cells]
        if len(names) > _MOST_COLUMNS:
            raise DataError(
                f"{self.source}: the header has {len(names):,} columns, where a table has at most {_MOST_COLUMNS:,}; "
                "give so many features as an array in an NPZ or HDF5 file"
            )
        if looks_like_data(names):
            raise DataError(
                f"{self.source}: the first line looks like data ({quoted(names)}) where a "
                "header with the names of the columns is expected; add one"
            )
        if "" in names:
            raise DataError(
                f"{self.source}: column {names.index('') + 1} has no name in the header; name "
                "it, or leave it out if it is a row number that pandas wrote (index=False)"
            )
        name, count = Counter(names).most_common(1)[0]
        if count > 1:
            raise DataError(f"{self.source}: {count} columns are called '{name}'; give each its own name")
        return names

    def columns(self, header: list[str]) -> list["pa.ChunkedArray"]:
        """The cells of each column, without the header."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv as arrow_csv

        names = [f"f{index}" for index in range(len(header))]
        try:
            # The header is read as a row, which may span lines, since its names are checked already.
            table = arrow_csv.read_csv(
                pa.BufferReader(self._as_arrow_reads_it()),
                read_options=arrow_csv.ReadOptions(autogenerate_column_names=True, block_size=_BLOCK),
                parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
            )
        except pa.ArrowInvalid as error:
            self._explain(header, error)
        # White space as Python has it, which pyarrow's ASCII functions have not.
        return [pc.utf8_trim_whitespace(table.column(name).slice(1)) for name in names]

    def _as_arrow_reads_it(self) -> bytes:
        """The content, of which pyarrow would let faults in quoting pass, and keep marks that stand after spaces."""
        if b'"' not in self.content:
            # A header alone without a line break at its end is no table to pyarrow.
            return self.content + b"\n"
        with self.records() as records:
            for _ in records:
                pass
        after_spaces = rb'(?:^|[%s\r\n]) +"' % self.delimiter.encode()
        if self.delimiter == "\t" or not re.search(after_spaces, self.content):
            return self.content + b"\n"
        text = io.StringIO(newline="")
        with self.records() as records:
            csv.writer(text, delimiter=self.delimiter).writerows(record.cells for record in records)
        return text.getvalue().encode()

    def place(self, row: int) -> str:
        """How messages name a row of data, counted from 0."""
        with self.records() as records:
            return next(record.place for record in records if record.row == row + self.rows_before + 1)

    def _explain(self, header: list[str], error: Exception) -> NoReturn:
        """Say why pyarrow refused the file, by the first row that is not like the header."""
        with self.records() as records:
            for record in records:
                if len(record.cells) != len(header):
                    raise DataError(
                        f"{self.source}: {record.place} has {len(record.cells)} cells where the "
                        f"header has {len(header)}; a cell that holds the separator needs quotation marks"
                    )
        raise DataError(f"{self.source}: this is no CSV that can be read ({str(error).splitlines()[0]}); correct it")

    def _undecodable(self) -> NoReturn:
        """Name the first byte that is not UTF-8: a decoder that streams knows only its own buffer."""
        try:
            self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.content.count(b"\n", 0, error.start) + 1 + self.lines_before
            raise DataError(
                f"{self.source}: the byte 0x{self.content[error.start]:02x} on line {line} is not UTF-8 text; save the "
                "file as UTF-8"
            ) from None
        raise DataError(f"{self.source}: the file is not UTF-8 text; save it as UTF-8")
