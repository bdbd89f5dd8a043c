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
from .npy_header import read_header
from .request import Request


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
        is_text=dtype.kind in "SU",
        objects="Python objects, which are never unpickled" if dtype.hasobject else "",
    )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        values: np.ndarray[Any, Any] = npy.read_array(file, allow_pickle=False)
    return values
