"""Writing tables to CSV, TSV, Parquet and Arrow files, by blocks, with the types that their columns have."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from .decimals import has_decimal_commas, with_points
from .raw import RawTable
from .tables import ARROW_SUFFIXES, PARQUET_SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 2**14


def write_table(
    path: Path,
    kind: Path,
    schema: "pa.Schema",
    batches: Iterable["pa.RecordBatch"],
    *,
    compress: bool,
    watcher: Callable[[int], None],
) -> None:
    """Write batches of rows.

    Parameters
    ----------
    path : Path
        What is there is lost.
    kind : Path
        Its name tells the format.
    schema : pyarrow.Schema
    batches : iterable of pyarrow.RecordBatch
    compress : bool
        By zstd; Parquet is by snappy otherwise, and CSV is compressed by its name alone (``.csv.gz``).
    watcher : callable
        It is told of the bytes of each batch.

    Raises
    ------
    DataError
        The format does not hold values of a column's type.
    """
    import pyarrow as pa

    try:
        with ExitStack() as stack:
            writer = _writer(path, kind.name.lower(), schema, stack, compress=compress)
            for batch in batches:
                writer.write_batch(batch)
                watcher(batch.nbytes)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{kind}: this format does not hold such values ({reason}); choose another, such as .parquet"
        ) from None


def _writer(path: Path, name: str, schema: "pa.Schema", stack: ExitStack, *, compress: bool) -> Any:
    import pyarrow as pa
    from pyarrow import csv, parquet

    if name.endswith(PARQUET_SUFFIXES):
        return stack.enter_context(parquet.ParquetWriter(path, schema, compression="zstd" if compress else "snappy"))
    if name.endswith(ARROW_SUFFIXES):
        options = pa.ipc.IpcWriteOptions(compression="zstd" if compress else None)
        sink = stack.enter_context(pa.OSFile(str(path), "wb"))
        return stack.enter_context(pa.ipc.new_file(sink, schema, options=options))
    sink = stack.enter_context(pa.output_stream(str(path), compression="gzip" if name.endswith(".gz") else None))
    how = csv.WriteOptions(delimiter="\t" if name.removesuffix(".gz").endswith(".tsv") else ",")
    return stack.enter_context(csv.CSVWriter(sink, schema, write_options=how))


def batches_of(table: RawTable) -> tuple["pa.Schema", Iterable["pa.RecordBatch"]]:
    """The columns of a table that was read, by blocks of rows."""
    import pyarrow as pa

    whole = pa.Table.from_arrays(list(table.columns), names=list(table.names))
    return whole.schema, whole.to_batches(max_chunksize=_ROWS)


def with_types(table: RawTable) -> RawTable:
    """A table whose text columns are numbers where every cell is one, and the others text; empty cells are missing.

    Whole numbers that are written with zeros before them, as postcodes are, and numbers beyond 64 bits stay text.
    """
    if table.typed:
        return table
    columns = [_typed(with_points(column) if has_decimal_commas(table) else column) for column in table.columns]
    return RawTable(table.source, table.names, columns, typed=True, place=table.place)


def _typed(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    try:
        whole = cells.cast(pa.int64())
        # A sign or zeros in front are lost in a number, and may be meant.
        return whole if pc.all(pc.equal(whole.cast(pa.string()), cells)).as_py() in (True, None) else cells
    except pa.ArrowInvalid:
        pass
    try:
        return cells if _reads_otherwise(cells) else cells.cast(pa.float64())
    except pa.ArrowInvalid:
        return cells


def _reads_otherwise(cells: "pa.ChunkedArray") -> bool:
    """Whether there is a whole number of more digits than a float keeps, or a name such as Nan or Infinity."""
    import pyarrow as pa
    import pyarrow.compute as pc

    suspect = pc.match_substring_regex(cells, r"^[+-]?(\d{16,}|(?i:nan|inf|infinity))$")
    as_written = pc.is_in(cells, pa.array(["nan", "inf", "-inf"]))
    return bool(pc.any(pc.and_not(suspect, as_written)).as_py())
