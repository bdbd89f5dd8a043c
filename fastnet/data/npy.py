"""NPY files (``np.save``): one array each, so features and targets are a pair of files in one folder.

Large arrays are mapped into memory, not read: what a training never touches at once is never held at once.
"""

from collections.abc import Container
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset
from .named import StoredArray, blocks_of, datasets_from, targets_for
from .npy_header import read_header
from .request import Request

SUFFIX = ".npy"
_WORTH_MAPPING = 2**20


def read_npy(path: Path, request: Request) -> tuple[Dataset, Dataset | None]:
    """Read a file of features and the file of targets that belongs to it, or a folder that has such pairs.

    Parameters
    ----------
    path : Path
        The features' file, or a folder with files named as the arrays of an NPZ file are: ``X.npy`` and ``y.npy``,
        ``X_train.npy`` and so on.
    request : Request
        Its ``y`` is the targets' file; by default the one beside it whose name belongs to the features'. In a folder,
        ``x`` and ``y`` are the names of files without ``.npy``.

    Raises
    ------
    DataError
        A file is missing, is not NPY, is damaged, or holds Python objects.
    """
    if path.is_dir():
        return datasets_from(arrays_beside(path), str(path), request)
    if request.x is not None:
        raise DataError(f"{path}: this file has the features and nothing else; leave x out")
    features = stored(path)
    wanted = {*targets_for(features.name), *request.aside, request.y}
    arrays = [features, *(array for array in arrays_beside(path.parent, wanted) if array.name != features.name)]
    if not request.need_targets:
        return datasets_from(arrays, str(path), replace(request, x=features.name))
    y = request.y
    if y is None:
        y = next((array.name for array in arrays if array.name.lower() in targets_for(features.name)), None)
        if y is None:
            raise DataError(
                f"{path}: there is no file beside it that is named as its targets would be; name the targets by y "
                "(--y y.npy)"
            )
    elif y.lower().endswith(SUFFIX):
        targets = stored(Path(y))
        y = str(Path(y))  # not its stem alone, which a file in another folder may share
        arrays.append(replace(targets, name=y))
    return datasets_from(arrays, str(path), replace(request, x=features.name, y=y))


def arrays_beside(folder: Path, wanted: Container[str | None] | None = None) -> list[StoredArray]:
    """The arrays of all NPY files in a folder, none of them read; damaged ones are left out that nobody wants."""
    arrays = []
    for file in sorted(file for file in folder.iterdir() if file.suffix.lower() == SUFFIX and file.is_file()):
        try:
            arrays.append(stored(file))
        except (DataError, OSError):
            if wanted is None or file.stem in wanted or file.stem.lower() in wanted:
                raise
    return arrays


def stored(path: Path) -> StoredArray:
    """What the header of an NPY file declares.

    Raises
    ------
    DataError
        There is no such file, it is not NPY, or it holds less than it declares.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path")
    try:
        with path.open("rb") as file:
            header = read_header(file)
            if header is None:
                raise ValueError("a later version of the format, which plain arrays do not need")
            shape, dtype = header
            held = path.stat().st_size - file.tell()
    except ValueError as error:
        raise DataError(
            f"{path}: this is not an NPY file of numbers or text, or it is damaged ({' '.join(str(error).split())}); "
            "write it again with numpy.save"
        ) from None
    declared = dtype.itemsize
    for size in shape:
        declared *= size
    if not dtype.hasobject and not 0 <= declared <= held:
        raise DataError(
            f"{path}: the file is truncated or damaged: it declares {declared} bytes (shape {shape}) but holds {held}; "
            "copy or write it again"
        )
    return StoredArray(
        name=path.stem,
        shape=shape,
        dtype=dtype,
        stored_bytes=held,
        read=partial(_read, path, declared),
        blocks=lambda rows: blocks_of(_read(path, declared), rows),
        is_text=dtype.kind in "SU",
        objects="Python objects, which are never unpickled" if dtype.hasobject else "",
    )


def _read(path: Path, declared: int) -> Array:
    values: np.ndarray[Any, Any] = np.load(
        path, mmap_mode="r" if declared >= _WORTH_MAPPING else None, allow_pickle=False
    )
    return np.asarray(values)
