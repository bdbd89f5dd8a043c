"""HDF5 files: the course's layout, any with an X and a y at the top level, or with names that the user gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset
from .named import StoredArray, datasets_from
from .request import Request
from .stored_rows import StoredRows, one_sentence
from .stored_samples import StoredSamples
from .vetting import vet

if TYPE_CHECKING:
    import h5py

OBJECTS = "Python objects (lists of varying length or references), which are never read"
_LONGEST_TEXT = 1000


def read_hdf5(path: Path, request: Request) -> tuple[Dataset, Dataset | None]:
    """Read an HDF5 file.

    Parameters
    ----------
    path : Path
    request : Request
        Which arrays are wanted, and whether the features stay in the file.

    Raises
    ------
    DataError
        The file is not HDF5, is damaged, or has no arrays that are recognised.
    """
    with _opened(path) as file:

        def in_place(array: StoredArray) -> StoredSamples:
            array.refuse_what_is_not_there(str(path))
            return StoredSamples(StoredRows.of(path, file[array.name]))

        return datasets_from(_arrays_in(file), str(path), request, in_place if request.in_place else None)


@contextmanager
def opened_hdf5(path: Path) -> Iterator[list[StoredArray]]:
    """What an HDF5 file has, to be read as long as it is open.

    Raises
    ------
    DataError
        The file is not HDF5 or is damaged, which may show as late as when it is read.
    """
    with _opened(path) as file:
        yield _arrays_in(file)


@contextmanager
def _opened(path: Path) -> Iterator["h5py.File"]:
    import h5py

    if not h5py.is_hdf5(path):
        raise DataError(
            f"{path}: this is not an HDF5 file, or its beginning is damaged; give a file that h5py can open"
        )
    vet(path)
    with one_sentence(path), h5py.File(path, "r") as file:
        yield file


def _arrays_in(file: "h5py.File") -> list[StoredArray]:
    import h5py

    arrays = []

    # Soft and external links, which may lead to other files, are not visited: they would read what nobody named.
    def visit(name: str, node: object) -> None:
        if not isinstance(node, h5py.Dataset) or node.is_virtual or node.external or node.shape is None:
            return
        try:
            text = h5py.check_string_dtype(node.dtype)
        except TypeError:  # a type that NumPy does not have
            return
        arrays.append(
            StoredArray(
                name=name,
                shape=node.shape,
                dtype=node.dtype,
                stored_bytes=node.id.get_storage_size(),
                read=partial(_read, node, ()),
                blocks=partial(_blocks, node),
                is_text=text is not None,
                objects=OBJECTS if node.dtype.hasobject and text is None else "",
            )
        )

    file.visititems(visit)
    return arrays


def _blocks(node: "h5py.Dataset", rows: int) -> Iterator[Array]:
    if not node.shape or not node.size:
        yield _read(node, ())
        return
    for begin in range(0, node.shape[0], rows):
        yield _read(node, slice(begin, begin + rows))


def _read(node: "h5py.Dataset", part: "slice | tuple[()]") -> Array:
    if node.dtype.hasobject:  # text of variable length becomes NumPy's own text type
        texts = np.asarray(node.asstr()[part])
        longest = max(map(len, texts.flat), default=0)
        if longest > _LONGEST_TEXT:  # and NumPy would give each of them as much room
            raise DataError(
                f"{node.file.filename}: '{node.name.strip('/')}' has a text of {longest} characters, which is "
                f"no label; give each at most {_LONGEST_TEXT}"
            )
        return texts.astype(np.str_)
    return np.asarray(node[part])
