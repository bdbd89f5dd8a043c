"""Rows of an array that stays in its HDF5 file: read a block at a time, by whoever opens it for that."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, FastnetError
from .dataset import Array, as_features

if TYPE_CHECKING:
    import h5py

BLOCK_BYTES = 256 * 2**10
"""About what is read at once: enough that a call costs nothing beside it, and little enough that a buffer takes its
rows from many places of the file. A chunk of the file is never parted, so a block is larger where chunks are."""


@dataclass(frozen=True)
class StoredRows:
    """Where the rows are, and what they are.

    Attributes
    ----------
    path : Path
    name : str
        Of the array in the file.
    shape : tuple of int
        (n, ...)
    dtype : dtype
        As the file has it.
    block : int
        Rows that are read together, whole chunks of the file.
    block_bytes : int
        What they take as the file has them, decompressed.
    kept : dtype
        What rows are as they are read: uint8, float32 or float64.
    stamp : (int, int)
        The file's size and the time it was last written, by which a change is seen.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    block: int
    block_bytes: int
    kept: np.dtype[Any]
    stamp: tuple[int, int]

    @classmethod
    def of(cls, path: Path, node: "h5py.Dataset") -> "StoredRows":
        """Those of an open array.

        Raises
        ------
        DataError
            They are not real numbers.
        """
        kept = as_features(np.empty((0, 1), node.dtype), str(path)).dtype
        row_bytes = max(1, math.prod(node.shape[1:]) * node.dtype.itemsize)
        together = node.chunks[0] if node.chunks else 1
        block = together * max(1, BLOCK_BYTES // (together * row_bytes))
        chunk_bytes = math.prod(node.chunks or ()) * node.dtype.itemsize
        block_bytes = max(block * row_bytes, chunk_bytes)
        return cls(path, node.name, node.shape, node.dtype, block, block_bytes, kept, stamp_of(path))

    def opened(self) -> "RowReader":
        """A reader of these rows, for a ``with`` statement.

        Raises
        ------
        DataError
            The file is gone, cannot be read, or is not the one it was.
        """
        return RowReader(self)


class RowReader:
    """An open file, of which rows are read."""

    def __init__(self, stored: StoredRows) -> None:
        import h5py

        self._stored = stored
        self.check()
        with one_sentence(stored.path):
            # Blocks are whole chunks, each needed once, so a cache would only take memory.
            self._file = h5py.File(stored.path, "r", rdcc_nbytes=0)
            self._node = self._file[stored.name]

    def check(self) -> None:
        """Look whether the file is still the one it was.

        Raises
        ------
        DataError
            It is gone or was written to.
        """
        with one_sentence(self._stored.path):
            if stamp_of(self._stored.path) != self._stored.stamp:
                raise DataError(
                    f"{self._stored.path}: the file was changed while it was being read; leave it alone and begin again"
                )

    def rows(self, start: int, stop: int) -> Array:
        """Those rows (stop - start, ...) in one of the dtypes that a Dataset keeps.

        Raises
        ------
        DataError
            They cannot be read.
        """
        with one_sentence(self._stored.path):
            return as_features(self._node[start:stop], str(self._stored.path))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "RowReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """Whatever h5py and its C library trip over, as a DataError."""
    try:
        yield
    except FastnetError:
        raise
    except MemoryError:
        raise DataError(f"{path}: there is no memory left to read a block of it; give a smaller memory") from None
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: the HDF5 file is truncated or damaged ({reason}); copy or write it again") from None


def stamp_of(path: Path) -> tuple[int, int]:
    """The file's size and the time it was last written."""
    entry = path.stat()
    return entry.st_size, entry.st_mtime_ns
