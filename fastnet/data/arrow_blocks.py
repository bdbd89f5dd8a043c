"""Tables that have types, some rows at a time: Parquet, Arrow and JSON lines."""

import io
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING

from ..errors import DataError
from .arrow import checked_table, first_line, one_sentence, refuse_swollen, refuse_too_many_rows, texts_of
from .raw import RawTable
from .whole_rows import whole_rows

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
    from pyarrow import parquet

    with one_sentence(source, "Parquet"):
        with parquet.ParquetFile(file) as opened:
            size = file.seek(0, io.SEEK_END)
            refuse_too_many_rows(opened.metadata, size, source)
            schema = opened.schema_arrow
        file.seek(0)
        with parquet.ParquetFile(file, read_dictionary=texts_of(schema)) as opened:
            batches = opened.iter_batches(batch_size=ROWS_AT_ONCE)
            yield from _in_blocks(batches, source, size=size, schema=schema)


def arrow_blocks(file: IO[bytes], source: str) -> Iterator[RawTable]:
    """The rows of an Arrow IPC file or stream, batch by batch.

    Raises
    ------
    DataError
        As of `read_arrow`.
    """
    import pyarrow as pa

    with one_sentence(source, "Arrow"):
        # Mapped: of a file, Arrow would ask for as much room as the file says, before it sees how little there is.
        # It ends with the last batch that looks into it.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        yield from _of_arrow(pa.py_buffer(mapped), mapped[:6] == b"ARROW1", source)


def _of_arrow(content: "pa.Buffer", is_file: bool, source: str) -> Iterator[RawTable]:
    import pyarrow as pa

    if is_file:
        with pa.ipc.open_file(content) as opened:
            yield from _in_blocks(map(opened.get_batch, range(opened.num_record_batches)), source, size=content.size)
    else:
        with pa.ipc.open_stream(content) as reader:
            yield from _in_blocks(reader, source, size=content.size)


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
    for content, _ in whole_rows(file, source, JSON_BYTES, lambda some: some.rfind(b"\n") + 1):
        if not content.strip():
            continue
        try:
            content.decode()  # or names of columns that are no text are met where nobody thinks of it
            table = json.read_json(pa.BufferReader(content), json.ReadOptions(block_size=len(content) + 1))
            table.validate(full=True)
        except (pa.ArrowException, ValueError) as error:
            raise DataError(
                f"{source}: after row {rows} a line is no JSON object with the same columns as the others "
                f"({first_line(error)}); correct it"
            ) from None
        yield from _in_blocks(table.to_batches(), source, rows)
        rows += len(table)


def _in_blocks(
    batches: "Iterable[pa.RecordBatch]",
    source: str,
    rows: int = 0,
    *,
    size: int | None = None,
    schema: "pa.Schema | None" = None,
) -> Iterator[RawTable]:
    """As tables with the types of the schema; of a file of that size their texts may not be many times as much."""
    import pyarrow as pa

    for batch in batches:
        batch.validate(full=True)
        if size is not None:
            refuse_swollen(batch, size, source)
        table = pa.Table.from_batches([batch])
        raw = checked_table(table if schema is None else table.cast(schema), source)
        yield replace(raw, place=partial(_place, rows))
        rows += len(batch)


def _place(rows_before: int, row: int) -> str:
    return f"row {rows_before + row + 1}"
