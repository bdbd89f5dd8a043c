"""Data to predict on, some at a time, so that a file larger than the memory can be answered."""

import gzip
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ..errors import DataError
from .columns import columns_named, quoted
from .dataset import Array
from .folders import FILE, parts_of
from .raw import RawTable
from .request import Request
from .sources import can_stay, kind_of_folder, read_prediction
from .stored_samples import StoredSamples
from .tables import ARROW_SUFFIXES, PARQUET_SUFFIXES, is_table_name
from .tabular import dataset_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..preparation import Preparation
    from .table import Table

INPUTS = ("csv", "tsv", "jsonl", "parquet", "arrow")
"""Formats of tables, each of which can come from standard input."""

BYTES = 16 * 2**20
"""About what the features of a block take."""
MOST_ROWS = 65_536


@dataclass(frozen=True)
class Block:
    """Some samples.

    Attributes
    ----------
    X : array (n, *input_shape) or Table
        Raw features.
    kept : dict of str to array (n,)
        Columns of a table that are to be copied; the file of each picture.
    source : str
        What messages call it.
    """

    X: "Array | Table"
    kept: dict[str, Array]
    source: str


def prediction_blocks(
    source: str,
    preparation: "Preparation",
    *,
    x: str | None = None,
    keep: Sequence[str] = (),
    format: str | None = None,
    stream: IO[bytes] | None = None,
) -> Iterator[Block]:
    """Read data to predict on; targets are set aside.

    Tables and folders of pictures are read by blocks, and what is in an NPY or HDF5 file by rows; other formats are
    read whole.

    Parameters
    ----------
    source : str
        As for ``read_training``.
    preparation : Preparation
        What the model was trained on.
    x : str, optional
        As for ``read_training``.
    keep : sequence of str
        Columns of a table to give too, whether they are features or not.
    format : str, optional
        One of ``INPUTS``; by default what the name says.
    stream : binary stream, optional
        What to read instead of the file; it then needs a ``format``.

    Raises
    ------
    DataError
        As ``read_prediction``.
    """
    kind = format or _kind_of(Path(source))
    if kind is None:
        if keep:
            raise DataError(f"{source}: only tables have columns to keep, and this is none; leave '{keep[0]}' out")
        yield from _blocks_of_arrays(source, preparation, x)
        return
    if x is not None:
        raise DataError(f"{source}: x '{x}' names an array, which a table has not; leave x out")
    any_rows = False
    with _opened(source, stream) as file:
        for raw in _tables(file, source, kind):
            if len(raw) or not any_rows:
                yield _block_of_table(raw, preparation, keep)
            any_rows = True
    if not any_rows:
        raise DataError(f"{source}: the data are empty; give at least one sample")


def _blocks_of_arrays(source: str, preparation: "Preparation", x: str | None) -> Iterator[Block]:
    rows = rows_at_once(preparation.n_features)
    if Path(source).is_dir() and kind_of_folder(Path(source)) == "pictures":
        yield from _blocks_of_pictures(Path(source), preparation, x, rows)
        return
    dataset = read_prediction(source, x=x, preparation=preparation, in_place=can_stay(source))
    count = len(dataset.X)

    def block(X: Array, begin: int) -> Block:
        # Pictures are told apart by nothing but their files.
        kept = {name: values[begin : begin + len(X)] for name, values in dataset.aside.items() if name == FILE}
        return Block(X, kept, dataset.source if begin == 0 else f"{dataset.source}, counted from sample {begin + 1}")

    if not isinstance(dataset.X, StoredSamples):
        for begin in range(0, count, rows):
            yield block(dataset.X[begin : begin + rows], begin)
        return
    stored = dataset.X.stored
    # Whole blocks of the file, of which none is then unpacked twice.
    rows = max(1, rows // stored.block) * stored.block
    with stored.opened() as reader:
        for begin in range(0, count, rows):
            yield block(reader.rows(begin, min(begin + rows, count)), begin)


def _blocks_of_pictures(folder: Path, preparation: "Preparation", x: str | None, rows: int) -> Iterator[Block]:
    request = Request(x=x, preparation=preparation, need_targets=False)
    request.refuse_arrays(str(folder))
    part = parts_of(folder, request)[-1]
    for begin in range(0, len(part.files), rows):
        some = replace(part, files=part.files[begin : begin + rows]).dataset(folder)
        yield Block(some.X, dict(some.aside), some.source)


def rows_at_once(n_features: int) -> int:
    """How many samples make a block."""
    return int(np.clip(BYTES // (4 * n_features), 1, MOST_ROWS))


def _kind_of(path: Path) -> str | None:
    """The format of a table by its name; None for other names and for folders."""
    if path.is_dir() or not is_table_name(path):
        return None
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return "parquet"
    if suffix in ARROW_SUFFIXES:
        return "arrow"
    return "tsv" if path.name.lower().removesuffix(".gz").endswith(".tsv") else "csv"


@contextmanager
def _opened(source: str, stream: IO[bytes] | None) -> Iterator[IO[bytes]]:
    if stream is not None:
        yield stream
        return
    path = Path(source)
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile is a binary stream too
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{source}: the gzip file is damaged ({error}); copy or write it again") from None
    except FileNotFoundError:
        raise DataError(f"{source}: there is no such file or folder; check the path") from None
    except OSError as error:
        raise DataError(
            f"{source}: the file cannot be read ({error.strerror or error}); check it and its permissions"
        ) from None


def _tables(file: IO[bytes], source: str, kind: str) -> Iterator[RawTable]:
    if kind in ("csv", "tsv"):
        from .csv_blocks import csv_blocks

        yield from csv_blocks(file, source, "\t" if kind == "tsv" else ",")
        return
    from .arrow_blocks import arrow_blocks, json_blocks, parquet_blocks

    if kind == "jsonl":
        yield from json_blocks(file, source)
    else:
        with _seekable(file) as seekable:
            yield from (arrow_blocks if kind == "arrow" else parquet_blocks)(seekable, source)


@contextmanager
def _seekable(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file itself, or a copy on the disk of a stream that cannot go back: what tells of the rows is at its end."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        while part := file.read(2**20):
            copy.write(part)
        copy.seek(0)
        yield copy


def _block_of_table(raw: RawTable, preparation: "Preparation", keep: Sequence[str]) -> Block:
    for name in keep:
        if name not in raw.names:
            raise DataError(f"{raw.source}: there is no column '{name}' to keep; the columns are {quoted(raw.names)}")
    known = {encoding.name for encoding in preparation.known_columns or ()}
    targets = columns_named(preparation.target_name) if preparation.target_name is not None else ()
    aside = tuple(name for name in keep if name not in known and name not in targets)
    dataset = dataset_of(raw, Request(preparation=preparation, need_targets=False, ignore=aside))
    return Block(dataset.X, {name: _values(raw.column(name)) for name in keep}, raw.source)


def _values(column: "pa.ChunkedArray") -> Array:
    """A column as it is: numbers and truths as such, all else as text. Whole numbers and truths of which some are
    missing are a masked array, so that the others stay what they are, and of one type in each block."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind):
        values: Array = column.to_numpy()
        return values
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        present: Array = column.fill_null(False if pa.types.is_boolean(kind) else 0).to_numpy()
        return np.ma.MaskedArray(present, column.is_null().to_numpy()) if column.null_count else present
    return np.array(["" if cell is None else str(cell) for cell in column.to_pylist()])
