"""NPZ files (``np.savez``), with the same names as in HDF5; nothing in them is ever unpickled."""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ..errors import DataError, FastnetError
from .dataset import Array, Dataset
from .named import StoredArray, datasets_from
from .npy_header import read_header
from .request import Request

_DAMAGED: tuple[type[Exception], ...] = (ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error)
with suppress(ImportError):  # there are Pythons without it, which refuse such archives
    import lzma

    _DAMAGED += (lzma.LZMAError,)


def read_npz(path: Path, request: Request) -> tuple[Dataset, Dataset | None]:
    """Read an NPZ file.

    Parameters
    ----------
    path : Path
    request : Request
        Which arrays are wanted.

    Raises
    ------
    DataError
        The file is not NPZ, is damaged, or has no arrays that are recognised.
    """
    with opened_npz(path) as arrays:
        return datasets_from(arrays, str(path), request)


@contextmanager
def opened_npz(path: Path) -> Iterator[list[StoredArray]]:
    """What an NPZ file has, to be read as long as it is open.

    Raises
    ------
    DataError
        The file is not NPZ or is damaged, which may show as late as when it is read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield [
                array
                for member in archive.infolist()
                if member.filename.endswith(".npy") and (array := _declared(archive, member)) is not None
            ]
    except FastnetError:
        raise
    except zipfile.BadZipFile:
        raise DataError(
            f"{path}: this is not an NPZ file, or it is truncated or damaged; write it again with numpy.savez"
        ) from None
    except _DAMAGED as error:
        raise DataError(f"{path}: the NPZ file is damaged ({error}); write it again with numpy.savez") from None


def _declared(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray | None:
    """What the header of one array declares; None for what is no plain array."""
    with archive.open(member) as file:
        header = read_header(file)
    if header is None:  # a structured type, and none of them holds X or y
        return None
    shape, dtype = header
    return StoredArray(
        name=member.filename.removesuffix(".npy"),
        shape=shape,
        dtype=dtype,
        stored_bytes=member.compress_size,
        read=partial(_read, archive, member),
        blocks=partial(_blocks, archive, member),
        is_text=dtype.kind in "SU",
        objects="Python objects, which are never unpickled" if dtype.hasobject else "",
    )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        values: np.ndarray[Any, Any] = npy.read_array(file, allow_pickle=False)
    return values


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, rows: int) -> Iterator[Array]:
    with archive.open(member) as file:
        read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read(file)  # which was checked when the file was opened
        row_bytes = dtype.itemsize * math.prod(shape[1:])
        if shape and row_bytes and shape[0] and not by_columns:
            for begin in range(0, shape[0], rows):
                count = min(rows, shape[0] - begin)
                content = file.read(count * row_bytes)
                if len(content) < count * row_bytes:
                    raise ValueError(f"'{member.filename}' ends early")
                yield np.frombuffer(content, dtype).reshape(count, *shape[1:])
            return
    yield _read(archive, member)
