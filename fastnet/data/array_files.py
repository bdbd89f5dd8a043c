"""Writing named arrays to HDF5, NPZ and IDX files, by blocks."""

import gzip
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ..errors import DataError, FastnetError
from .arrays import blocks
from .dataset import Array
from .idx import TYPES
from .named import StoredArray

Watcher = Callable[[int], None]
"""Is told how many bytes of values were written."""

_CHUNK_BYTES = 2**20
_IDX_CODES = {np.dtype(text).newbyteorder("="): code for code, text in TYPES.items()}


def write_hdf5(
    path: Path,
    arrays: Sequence[StoredArray],
    source: str,
    *,
    compress: bool,
    chunk_rows: int | None,
    watcher: Watcher,
) -> None:
    """Write arrays to an HDF5 file under their own names, which may be paths of groups.

    Parameters
    ----------
    path : Path
        What is there is lost.
    arrays : sequence of StoredArray
    source : str
    compress : bool
        By gzip at its lowest level, bytes shuffled.
    chunk_rows : int, optional
        Rows in a chunk; without it a chunk holds about a mebibyte, and an array that is not compressed has none.
    watcher : callable
    """
    import h5py

    with h5py.File(path, "w") as file:
        for array in arrays:
            try:
                _put(file, array, source, compress, chunk_rows, watcher)
            except FastnetError:
                raise
            except (TypeError, ValueError, RuntimeError) as error:  # of names, types and texts that HDF5 has not
                reason = " ".join(str(error).split())
                raise DataError(
                    f"{source}: '{array.name}' cannot be put into an HDF5 file ({reason}); convert to NPZ, or only the "
                    "arrays that --x and --y name"
                ) from None


def _put(file: Any, array: StoredArray, source: str, compress: bool, chunk_rows: int | None, watcher: Watcher) -> None:
    import h5py

    dtype: Any = h5py.string_dtype() if is_unicode(array) else array.dtype
    options: dict[str, Any] = {}
    if array.shape and array.shape[0] and array.row_bytes and (compress or chunk_rows is not None):
        rows = chunk_rows or max(1, _CHUNK_BYTES // array.row_bytes)
        options["chunks"] = (min(rows, array.shape[0]), *array.shape[1:])
        if compress:
            options |= {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    node = file.create_dataset(array.name, array.shape, dtype, **options)
    begin = 0
    for block in blocks(array, source):
        values = block.astype(object) if is_unicode(array) else block
        if not array.shape:
            node[()] = values
        elif values.size:
            node[begin : begin + len(values)] = values
            begin += len(values)
        watcher(block.nbytes)


def write_npz(path: Path, arrays: Sequence[StoredArray], source: str, *, compress: bool, watcher: Watcher) -> None:
    """Write arrays to an NPZ file under their own names.

    Parameters are those of `write_hdf5`; ``compress`` is by DEFLATE.
    """
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for array in arrays:
            dtype = np.dtype(array.dtype.str)  # without what h5py notes about texts in it
            if is_unicode(array) and dtype.kind != "U":  # all texts get the room of the longest
                longest = (block.dtype.itemsize for block in blocks(array, source))
                dtype = np.dtype(f"U{max(1, max(longest) // np.dtype('U1').itemsize)}")
            with archive.open(f"{array.name}.npy", "w", force_zip64=True) as file:
                description = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": array.shape}
                npy.write_array_header_2_0(file, description)
                for block in blocks(array, source):
                    file.write(np.ascontiguousarray(block, dtype).tobytes())
                    watcher(block.nbytes)


def write_idx(path: Path, array: StoredArray, source: str, *, packed: bool, watcher: Watcher) -> None:
    """Write one array to an IDX file, packed by gzip if asked for.

    Parameters are those of `write_hdf5`.

    Raises
    ------
    DataError
        IDX has no such type; whole numbers are written as the smallest of its types that holds them.
    """
    dtype = _idx_type(array, source)
    with gzip.open(path, "wb", compresslevel=6) if packed else path.open("wb") as file:
        file.write(struct.pack(f">HBB{len(array.shape)}I", 0, _IDX_CODES[dtype], len(array.shape), *array.shape))
        for block in blocks(array, source):
            file.write(block.astype(dtype.newbyteorder(">")).tobytes())
            watcher(block.nbytes)


def is_unicode(array: StoredArray) -> bool:
    """Whether an array is text of any length, not byte strings of a fixed one."""
    return array.is_text and array.dtype.kind != "S"


def _idx_type(array: StoredArray, source: str) -> "np.dtype[Any]":
    native = array.dtype.newbyteorder("=")
    if native in _IDX_CODES:
        return native
    if native.kind in "bui":
        low, high = 0, 0
        for block in blocks(array, source):
            if block.size:
                low, high = min(low, int(block.min())), max(high, int(block.max()))
        for kind in (np.uint8, np.int8, np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return np.dtype(kind)
    raise DataError(
        f"{source}: '{array.name}' has the type {'text' if array.is_text else native}, which IDX does not know; it "
        "holds whole numbers of up to 32 bits, float32 and float64, so convert to HDF5 or NPZ instead"
    )


def total_bytes(arrays: Sequence[StoredArray]) -> int:
    """What there is to write, for a progress bar."""
    return sum(int(np.prod(array.shape)) * array.dtype.itemsize for array in arrays)


def as_text(values: Array) -> Array:
    """Byte strings as text."""
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
