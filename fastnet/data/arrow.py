"""Tables that have types: Parquet and Arrow files, and frames of pandas, polars and pyarrow."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from .limits import refuse_beyond_memory, size_in_memory
from .raw import RawTable

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    from pyarrow import parquet


# Columns of one value shrink a thousandfold; beyond that, a file is damaged or made to fill the memory.
_LARGEST_RATIO = 2000
_LARGE = 256 * 2**20


@contextmanager
def one_sentence(source: str, kind: str) -> Iterator[None]:
    """Whatever Arrow trips over in a file of that kind, as a DataError."""
    import pyarrow as pa

    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{source}: the {kind} file is damaged or not of this kind ({first_line(error)}); write it again"
        ) from None


def read_parquet(path: Path) -> RawTable:
    """Read a Parquet file.

    Raises
    ------
    DataError
        It is damaged, or two columns have one name.
    """
    from pyarrow import parquet

    with one_sentence(str(path), "Parquet"):
        with parquet.ParquetFile(path) as file:
            declared = refuse_too_many_rows(file.metadata, path.stat().st_size, str(path))
            refuse_beyond_memory(declared, str(path))
            schema, texts = file.schema_arrow, texts_of(file.schema_arrow)
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read()
        table.validate(full=True)  # or text that is none is met where nobody thinks of it
        refuse_swollen(table, path.stat().st_size, str(path))
        table = table.cast(schema)
    return checked_table(table, str(path))


def refuse_too_many_rows(metadata: "parquet.FileMetaData", size: int, source: str) -> int:
    """Refuse a Parquet file that declares more rows than its bytes can hold; about how many bytes they are otherwise.

    Raises
    ------
    DataError
    """
    declared: int = metadata.num_rows * metadata.num_columns * 8
    if declared > _LARGE and declared > _LARGEST_RATIO * size:
        raise DataError(
            f"{source}: it declares {metadata.num_rows:,} rows, more than a file of this size holds; write it again"
        )
    return declared


def texts_of(schema: "pa.Schema") -> list[str]:
    """The columns of text of a Parquet file, which are to be read as they are stored: each different text once."""
    import pyarrow as pa

    kinds = (pa.types.is_string, pa.types.is_large_string)
    return [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]


def refuse_swollen(table: "pa.Table | pa.RecordBatch", size: int, source: str) -> None:
    """Refuse texts that are stored once and stand in so many rows that they fill the memory there.

    Raises
    ------
    DataError
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    total = 0
    for column in table.columns:
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        for chunk in chunks if pa.types.is_dictionary(column.type) else []:
            kind = chunk.dictionary.type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
                lengths = pc.binary_length(pc.cast(chunk.dictionary, pa.large_string()))
                total += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
    if total > _LARGE:
        if total > _LARGEST_RATIO * size:
            raise DataError(
                f"{source}: {size:,} bytes hold texts that take {total:,} in its rows, which no table does; write it "
                "again without such a column"
            )
        refuse_beyond_memory(total, source, "its text")


def read_arrow(path: Path) -> RawTable:
    """Read an Arrow IPC file or stream, which Feather's second version is too.

    Raises
    ------
    DataError
        As of `read_parquet`.
    """
    import pyarrow as pa

    with one_sentence(str(path), "Arrow"):
        refuse_beyond_memory(path.stat().st_size, str(path), "the table")
        # From memory: of a file, Arrow would ask for as much room as the file says, before it sees how little there is.
        content = path.read_bytes()
        is_file = content.startswith(b"ARROW1")
        with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(content) as reader:
            batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
            table = pa.Table.from_batches(_within_memory(batches, len(content), str(path)), schema=reader.schema)
        table.validate(full=True)
        refuse_swollen(table, len(content), str(path))
    return checked_table(table, str(path))


def _within_memory(batches: "Iterable[pa.RecordBatch]", size: int, source: str) -> "Iterator[pa.RecordBatch]":
    """The batches of a file of that size, as long as there is room for another where they are compressed."""
    total = 0
    for batch in batches:
        total += batch.nbytes
        if total > size:
            refuse_beyond_memory(batch.nbytes, source, "another part of the table")
        yield batch


def is_frame(values: object) -> bool:
    """Whether something is a DataFrame: columns with names, by Arrow's interface or the DataFrame protocol."""
    has_columns = hasattr(values, "columns") or hasattr(values, "column_names")
    return has_columns and (hasattr(values, "__arrow_c_stream__") or hasattr(values, "__dataframe__"))


def read_frame(frame: Any, source: str) -> RawTable:
    """The columns of a frame of pandas, polars, pyarrow or whatever else speaks Arrow; row labels are no column.

    Raises
    ------
    DataError
        A column holds values of several types, or two have one name.
    """
    import pyarrow as pa

    try:
        if hasattr(frame, "__arrow_c_stream__"):
            table = pa.table(frame)
        else:
            from pyarrow import interchange

            table = interchange.from_dataframe(frame)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{source}: the frame cannot be read ({first_line(error)}); give each column one name and one type"
        ) from None
    return checked_table(table, source)


def read_objects(X: "npt.NDArray[Any]", source: str, names: Sequence[str] | None) -> RawTable:
    """The columns of an array (n, d) of objects or of text, of which texts of numbers are numbers.

    Raises
    ------
    DataError
        A column holds values of several types.
    """
    import pyarrow as pa

    called = names or [str(index + 1) for index in range(X.shape[1])]
    try:
        columns = [pa.chunked_array([pa.array(column.tolist(), from_pandas=True)]) for column in X.T]
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{source}: the array cannot be read ({first_line(error)}); give each column values of one type"
        ) from None
    is_typed = X.dtype.kind == "O"
    return RawTable(source, called, columns, typed=is_typed, place=lambda row: f"row {row + 1}")


def is_sparse(values: object) -> bool:
    """Whether something is a sparse matrix of SciPy, which nobody can make without importing it."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(values))


def dense(name: str, values: Any, dtype: Any = None) -> Any:
    """A frame of numbers or a sparse matrix as an array (n, d); anything else as it is.

    Parameters
    ----------
    name : str
        What messages call it.
    values : object
    dtype : float type, optional
        That of the array, where it would be another float type.

    Raises
    ------
    DataError
        A column holds no numbers, or the array is larger than the memory.
    """
    if is_sparse(values):
        to_float = dtype is not None and values.dtype.kind == "f"
        size = size_in_memory(np.dtype(dtype if to_float else values.dtype), values.shape)
        refuse_beyond_memory(size, name, f"this sparse matrix as an array of shape {values.shape}")
        return (values.astype(dtype) if to_float else values).toarray()
    if is_frame(values):
        from .meaning import numbers_of

        return numbers_of(read_frame(values, name))
    return values


def checked_table(table: "pa.Table", source: str) -> RawTable:
    """A table of Arrow's as a raw table.

    Raises
    ------
    DataError
        It has no columns, or one without a name of its own.
    """
    # Row labels of pandas are a column like the others to Arrow alone.
    try:
        metadata = table.schema.pandas_metadata
    except (ValueError, RecursionError):  # it is JSON
        raise DataError(f"{source}: what pandas wrote of the columns is damaged; write the data again") from None
    labels = metadata.get("index_columns") if isinstance(metadata, dict) else None
    if isinstance(labels, list):
        table = table.drop_columns([name for name in table.column_names if name in labels])
    if not table.column_names:
        raise DataError(f"{source}: there are no columns; give at least one feature")
    name, count = Counter(table.column_names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{source}: {count} columns are called '{name}'; give each its own name")
    if "" in table.column_names:
        raise DataError(f"{source}: column {table.column_names.index('') + 1} has no name; name it")
    return RawTable(source, table.column_names, table.columns, typed=True, place=lambda row: f"row {row + 1}")


def first_line(error: Exception) -> str:
    """What an error says, without its details."""
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
