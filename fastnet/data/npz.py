"""NPZ files (``np.savez``), with the same names as in HDF5; nothing in them is ever unpickled."""

import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ..errors import DataError
from .dataset import Array, Dataset
from .named import StoredArray, datasets_from
from .request import Request

_MOST_DIMENSIONS = 32


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
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [
                array
                for member in archive.infolist()
                if member.filename.endswith(".npy") and (array := _declared(archive, member)) is not None
            ]
            return datasets_from(arrays, str(path), request)
    except DataError:
        raise
    except zipfile.BadZipFile:
        raise DataError(
            f"{path}: this is not an NPZ file, or it is truncated or damaged; write it again with numpy.savez"
        ) from None
    except (ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise DataError(f"{path}: the NPZ file is damaged ({error}); write it again with numpy.savez") from None


def _declared(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray | None:
    """What the header of one array declares; None for what is no plain array."""
    try:
        with archive.open(member) as file:
            version = npy.read_magic(file)
            if version == (1, 0):
                shape, _, dtype = npy.read_array_header_1_0(file)
            elif version == (2, 0):
                shape, _, dtype = npy.read_array_header_2_0(file)
            else:  # only structured types need a later version, and none of them holds X or y
                return None
    except Exception as error:  # a header is a Python literal, whose tokens, nesting and type each fail in their way
        raise ValueError(f"the header of '{member.filename}' is not one of NumPy's: {error}") from None
    if len(shape) > _MOST_DIMENSIONS or any(size < 0 for size in shape):
        return None
    return StoredArray(
        name=member.filename.removesuffix(".npy"),
        shape=shape,
        dtype=dtype,
        stored_bytes=member.compress_size,
        read=partial(_read, archive, member),
        is_text=dtype.kind in "SU",
        objects="Python objects, which are never unpickled" if dtype.hasobject else "",
    )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        values: np.ndarray[Any, Any] = npy.read_array(file, allow_pickle=False)
    return values
