"""MNIST's IDX files, plain or compressed with gzip: pictures in one file, labels in another.

The format (of the MNIST database): two zero bytes, a type code, the number of
dimensions, each dimension as a big-endian 32-bit integer, then the values in row-major order.
"""

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset, as_features, as_targets
from .limits import declares_too_much, refuse_beyond_memory

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_DIMENSIONS = 8
_NAME = re.compile(r"[.-]idx\d?(-ubyte)?(\.gz)?$", re.IGNORECASE)
_IMAGES = re.compile("images", re.IGNORECASE)


def is_idx_name(path: Path) -> bool:
    """Whether a file is named as MNIST names its own, such as ``train-images-idx3-ubyte.gz``."""
    return _NAME.search(path.name) is not None


def read_idx(path: Path, *, need_targets: bool = True) -> tuple[Dataset, Dataset | None]:
    """Read a file of pictures and the labels beside it, or a folder with MNIST's four files.

    Parameters
    ----------
    path : Path
        The images file, or a folder with ``train-images*`` and perhaps ``t10k-images*``.
    need_targets : bool
        False for predict, which wants the pictures alone.

    Raises
    ------
    DataError
        A file is missing, is not IDX, or does not hold what it declares.
    """
    if not path.is_dir():
        return _read_pair(path, need_targets=need_targets), None
    parts = [
        _read_pair(images, need_targets=need_targets)
        for prefix in ("train", "t10k")
        if (images := _images_in(path, prefix)) is not None
    ]
    if not parts:
        raise DataError(
            f"{path}: this folder has no files that are recognised; give one with MNIST's "
            "train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz), or name a file"
        )
    return parts[0], parts[1] if len(parts) == 2 else None


def _images_in(folder: Path, prefix: str) -> Path | None:
    found = sorted(
        file
        for file in folder.iterdir()
        if file.name.startswith(prefix) and _IMAGES.search(file.name) and is_idx_name(file)
    )
    return found[0] if found else None  # a plain file sorts before the same one with .gz


def _read_pair(images: Path, *, need_targets: bool) -> Dataset:
    X = read_idx_array(images)
    if X.ndim < 2:
        raise DataError(
            f"{images}: this file holds {X.ndim}-dimensional values, such as labels, where "
            "pictures are expected; give the images file, and its labels are found beside it"
        )
    y = None
    if need_targets:
        labels = _labels_beside(images)
        y = as_targets(read_idx_array(labels), len(X), str(labels))
    return Dataset(as_features(X, str(images)), y, str(images))


def labels_name(images: Path) -> str:
    """How the labels file beside an images file is called."""
    return _IMAGES.sub("labels", images.name).replace("idx3", "idx1")


def _labels_beside(images: Path) -> Path:
    name = labels_name(images)
    if name == images.name:
        raise DataError(
            f"{images}: the labels are found by the name of the images file, which should contain "
            "'images', such as train-images-idx3-ubyte; rename it"
        )
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    for candidate in (images.with_name(name), images.with_name(other)):
        if candidate.is_file():
            return candidate
    raise DataError(f"{images}: the labels file '{name}' is not beside it; put it into the same folder")


def read_idx_array(path: Path) -> Array:
    """Read one IDX file.

    Parameters
    ----------
    path : Path
        Plain, or compressed with gzip (told by its content, not its name).

    Returns
    -------
    array with the dimensions that the file declares, in the machine's byte order

    Raises
    ------
    DataError
        It is not IDX, or it holds more or less than it declares.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            return _parse(stream, str(path), path.stat().st_size, compressed=compressed)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is truncated or damaged ({error}); copy it again") from None


def _parse(stream: "BinaryIO | gzip.GzipFile", source: str, size: int, *, compressed: bool) -> Array:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or magic[3] == 0:
        raise DataError(
            f"{source}: this is not an IDX file; it should begin with the bytes 00 00, a type and "
            f"a number of dimensions, but begins with '{magic.hex(' ')}'"
        )
    dtype, n_dimensions = np.dtype(TYPES[magic[2]]), magic[3]
    if n_dimensions > _MOST_DIMENSIONS:
        raise DataError(
            f"{source}: the header declares {n_dimensions} dimensions, where pictures have 3 and labels 1; "
            "copy it again"
        )
    header = stream.read(4 * n_dimensions)
    if len(header) < 4 * n_dimensions:
        raise DataError(
            f"{source}: the file ends inside its header, which declares {n_dimensions} dimensions; copy it again"
        )
    shape = struct.unpack(f">{n_dimensions}I", header)
    declared = math.prod(shape) * dtype.itemsize
    if declared == 0:
        raise DataError(
            f"{source}: the data are empty (the header declares {' x '.join(map(str, shape))} values); give at least "
            "one sample"
        )
    # Asked before reading, so that a wrong header cannot make the machine run out of memory.
    impossible = declares_too_much(dtype, shape, size) if compressed else declared > size
    if not impossible:
        refuse_beyond_memory(declared, source)
    content = b"" if impossible else stream.read(declared + 1)
    if len(content) != declared:
        held = "more" if len(content) > declared else "less"
        raise DataError(
            f"{source}: the header declares {' x '.join(map(str, shape))} values, {declared} "
            f"bytes, but the file holds {held}; copy it again"
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
