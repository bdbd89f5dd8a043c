"""Columns written block by block, so that what is written may be larger than the memory: CSV, TSV, JSON lines, Parquet
and NPZ."""

import csv
import io
import json
import tempfile
import zipfile
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import OutputError
from ..scoring.columns import Columns
from .output import finite

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".npz": "npz"}
"""The formats by the suffixes that mean them."""


class Writer(Protocol):
    """Takes blocks of the same columns; ``close`` writes what can only be written at the end, ``drop`` does not."""

    def write(self, columns: Columns) -> None:
        """Append a block."""

    def close(self) -> None:
        """End the file; the stream stays open."""

    def drop(self) -> None:
        """Write no more, since not all blocks will come."""


def writer_for(name: str, stream: IO[bytes]) -> Writer:
    """The writer of a format, one of the values of ``FORMATS``."""
    if name == "jsonl":
        return _Lines(stream)
    if name == "parquet":
        return _Parquet(stream)
    if name == "npz":
        return _Npz(stream)
    return _Csv(stream, "\t" if name == "tsv" else ",")


def plain(values: npt.NDArray[Any]) -> list[Any]:
    """The values as Python's own, floats with no more digits than their dtype has."""
    shortest = values.astype(str).astype(np.float64) if values.dtype.kind == "f" else values
    as_python: list[Any] = shortest.tolist()
    return as_python


def _mixed(name: str, first: str, other: str, form: str) -> OutputError:
    """The refusal of a column that is not the same in all blocks."""
    return OutputError(
        f"the column '{name}' begins as {first} but has {other} further on, which {form} does not hold in one column; "
        "write all of its values alike, or choose --format csv or jsonl"
    )


def _in_words(dtype: "np.dtype[Any]") -> str:
    return "text" if dtype.kind == "U" else str(dtype)


class _Csv:
    def __init__(self, stream: IO[bytes], delimiter: str) -> None:
        self._stream, self._delimiter, self._begun = stream, delimiter, False

    def write(self, columns: Columns) -> None:
        text = io.StringIO()
        rows = csv.writer(text, delimiter=self._delimiter, lineterminator="\n")
        if not self._begun:
            rows.writerow(columns)
            self._begun = True
        rows.writerows(zip(*map(plain, columns.values()), strict=True))
        self._stream.write(text.getvalue().encode())

    def close(self) -> None:
        pass

    def drop(self) -> None:
        pass


class _Lines:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, columns: Columns) -> None:
        rows = zip(*map(plain, columns.values()), strict=True)
        lines = (json.dumps(finite(dict(zip(columns, row, strict=True))), allow_nan=False) + "\n" for row in rows)
        self._stream.write("".join(lines).encode())

    def close(self) -> None:
        pass

    def drop(self) -> None:
        pass


class _Droppable:
    """A stream to write to, until what writes there is to be heard no more: pyarrow ends a file whatever happens."""

    closed = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: IO[bytes] | None = stream

    def write(self, content: bytes) -> int:
        return len(content) if self._stream is None else self._stream.write(content)

    def flush(self) -> None:
        pass

    def drop(self) -> None:
        self._stream = None


class _Parquet:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = _Droppable(stream)
        self._writer: Any = None

    def write(self, columns: Columns) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._stream, table.schema)
        # A column that is copied from JSON lines has the type that a block of it shows.
        for place, (field, there) in enumerate(zip(self._writer.schema, table.schema, strict=True)):
            try:
                table = table.set_column(place, field, table.column(place).cast(field.type))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise _mixed(field.name, str(field.type), str(there.type), "Parquet") from None
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def drop(self) -> None:
        self._stream.drop()
        if self._writer is not None:
            self._writer.close()


class _Npz:
    """The shape of an array stands before its numbers, and is known at the end only: until then they are in temporary
    files, one a column."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._parts: dict[str, list[tuple[Any, int]]] = {}
        self._files: dict[str, IO[bytes]] = {}

    def write(self, columns: Columns) -> None:
        for name, values in columns.items():
            if name not in self._files:
                self._files[name] = tempfile.TemporaryFile()  # noqa: SIM115  # open from block to block
                self._parts[name] = []
            if np.ma.isMaskedArray(values):
                raise OutputError(
                    f"the column '{name}' has missing values, which an array of NPZ cannot hold; fill them in, leave "
                    "the column out of --keep, or choose another --format"
                )
            # Texts are as wide as the widest of a block: they are widened when all are known.
            self._parts[name].append((values.dtype, len(values)))
            self._files[name].write(np.ascontiguousarray(values).tobytes())

    def close(self) -> None:
        with zipfile.ZipFile(self._stream, "w", zipfile.ZIP_STORED) as archive:
            for name, parts in self._parts.items():
                dtype = max((kind for kind, _ in parts), key=lambda kind: kind.itemsize)
                for kind, _ in parts:
                    if kind.kind != dtype.kind:
                        raise _mixed(name, _in_words(parts[0][0]), _in_words(kind), "NPZ")
                count = sum(size for _, size in parts)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {"descr": dtype.str, "fortran_order": False, "shape": (count,)}
                    np.lib.format.write_array_header_1_0(member, header)
                    self._copy(self._files[name], parts, dtype, member)

    def drop(self) -> None:
        for file in self._files.values():
            file.close()

    def _copy(self, file: IO[bytes], parts: list[tuple[Any, int]], dtype: Any, member: IO[bytes]) -> None:
        file.seek(0)
        for kind, size in parts:
            values = np.frombuffer(file.read(size * kind.itemsize), kind)
            member.write(values.astype(dtype).tobytes())
        file.close()
