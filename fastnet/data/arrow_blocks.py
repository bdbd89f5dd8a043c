"""Tables that have types, some rows at a time: Parquet, Arrow and JSON lines."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING

from ..errors import DataError
from .arrow import checked_table, first_line
from .raw import RawTable

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 16_384
JSON_BYTES = 4 * 2**20


def parquet_blocks(file: IO[bytes], source: str) -> Iterator[RawTable]:
    """The rows of a Parquet file, some thousands at a time.

    Raises
    ------
    DataError
        As of `read_parquet`.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as opened:
            yield from _in_blocks(opened.iter_batches(batch_size=ROWS_AT_ONCE), source)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{source}: the Parquet file is damaged or not of this kind ({first_line(error)}); write it again"
        ) from None


def arrow_blocks(file: IO[bytes], source: str) -> Iterator[RawTable]:
    """The rows of an Arrow IPC file or stream, batch by batch.

    Raises
    ------
    DataError
        As of `read_arrow`.
    """
    import pyarrow as pa

    try:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        if is_file:
            with pa.ipc.open_file(file) as opened:
                yield from _in_blocks(map(opened.get_batch, range(opened.num_record_batches)), source)
        else:
            with pa.ipc.open_stream(file) as reader:
                yield from _in_blocks(reader, source)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{source}: the Arrow file is damaged or not of this kind ({first_line(error)}); write it again"
        ) from None


def json_blocks(file: IO[bytes], source: str) -> Iterator[RawTable]:
    """The rows of JSON lines, an object each, some megabytes at a time.

    Raises
    ------
    DataError
        A line is no JSON object.
    """
    import pyarrow as pa
    from pyarrow import json

    rows = 0
    while lines := file.readlines(JSON_BYTES):
        try:
            options = json.ReadOptions(block_size=2 * JSON_BYTES + max(map(len, lines)))
            table = json.read_json(pa.BufferReader(b"".join(lines)), options)
        except (pa.ArrowException, ValueError) as error:
            raise DataError(
                f"{source}: after row {rows} a line is no JSON object with the same columns as the others "
                f"({first_line(error)}); correct it"
            ) from None
        yield from _in_blocks(table.to_batches(), source, rows)
        rows += len(table)


def _in_blocks(batches: "Iterable[pa.RecordBatch]", source: str, rows: int = 0) -> Iterator[RawTable]:
    import pyarrow as pa

    for batch in batches:
        batch.validate(full=True)
        raw = checked_table(pa.Table.from_batches([batch]), source)
        yield replace(raw, place=partial(_place, rows))
        rows += len(batch)


def _place(rows_before: int, row: int) -> str:
    return f"row {rows_before + row + 1}"
