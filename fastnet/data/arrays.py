"""Any source of data as named arrays that are read by blocks: what `fastnet data convert` reads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import DataError, FastnetError
from .catalogue import names_data
from .dataset import Array, Dataset
from .named import StoredArray, blocks_of
from .request import Request
from .sources import HDF5_SUFFIXES, kind_of_folder, read_training

_BLOCK_BYTES = 2**22


@contextmanager
def opened_arrays(source: str | Path, request: Request) -> Iterator[list[StoredArray]]:
    """The arrays of a source, to be read as long as it is open.

    HDF5, NPZ and folders of NPY files give all of theirs, with their own names and types. All else gives ``X`` and
    ``y``, or ``X_train``, ``y_train``, ``X_test`` and ``y_test``, with ``class_names``, ``feature_names`` and what
    stands aside.

    Raises
    ------
    DataError
        The source cannot be read.
    """
    path = Path(source)
    suffix = path.suffix.lower()
    if isinstance(source, str) and names_data(source):
        yield _of_datasets(*_read(source, request))
    elif path.is_file() and suffix in HDF5_SUFFIXES:
        from .hdf5 import opened_hdf5

        with opened_hdf5(path) as arrays:
            yield arrays
    elif path.is_file() and suffix == ".npz":
        from .npz import opened_npz

        with opened_npz(path) as arrays:
            yield arrays
    elif path.is_dir() and (kind := kind_of_folder(path)) == "npy":
        from .npy import arrays_beside

        yield arrays_beside(path)
    elif path.is_dir() and kind == "pictures":
        yield _of_pictures(path, request)
    else:
        yield _of_datasets(*_read(source, request))


def rows_at_once(array: StoredArray) -> int:
    """How many rows make a block of a few megabytes."""
    return max(1, _BLOCK_BYTES // max(1, array.row_bytes))


def blocks(array: StoredArray, source: str) -> Iterator[Array]:
    """An array by blocks; whatever goes wrong in reading is called damage of the file it comes from.

    Raises
    ------
    DataError
    """
    array.refuse_what_is_not_there(source)
    try:
        yield from array.blocks(rows_at_once(array))
    except (FastnetError, MemoryError):
        raise
    except Exception as error:  # h5py's, zipfile's and zlib's are of all kinds
        reason = " ".join(str(error).split())
        raise DataError(
            f"{source}: '{array.name}' is truncated or damaged ({reason}); copy or write it again"
        ) from None


def in_memory(name: str, values: Array) -> StoredArray:
    """An array that was read already."""
    return StoredArray(
        name=name,
        shape=values.shape,
        dtype=values.dtype,
        stored_bytes=values.nbytes,
        read=lambda: values,
        blocks=partial(blocks_of, values),
        is_text=values.dtype.kind in "SU",
    )


def _read(source: str | Path, request: Request) -> tuple[Dataset, Dataset | None]:
    return read_training(source, target=request.target, x=request.x, y=request.y, size=request.size, grey=request.grey)


def _names(n_parts: int) -> Sequence[str]:
    return ("",) if n_parts == 1 else ("_train", "_test")


def _of_datasets(train: Dataset, test: Dataset | None) -> list[StoredArray]:
    datasets = [train] if test is None else [train, test]
    arrays = []
    for dataset, suffix in zip(datasets, _names(len(datasets)), strict=True):
        arrays.append(in_memory(f"X{suffix}", dataset.X))
        if dataset.y is not None:
            arrays.append(in_memory(f"y{suffix}", dataset.y))
        arrays += [in_memory(f"{name}{suffix}", values) for name, values in dataset.aside.items()]
    for name in ("class_names", "feature_names"):
        texts = getattr(train, name)
        if texts is not None:
            arrays.append(in_memory(name, np.array(texts, dtype=np.str_)))
    return arrays


def _of_pictures(folder: Path, request: Request) -> list[StoredArray]:
    from .folders import FILE, parts_of
    from .pictures import Frame, read_pictures

    parts = parts_of(folder, request)
    arrays = []
    for part, suffix in zip(parts, _names(len(parts)), strict=True):
        files, frame = part.files, part.frame

        def by_blocks(rows: int, files: list[Path] = files, frame: Frame = frame) -> Iterator[Array]:
            for begin in range(0, len(files), rows):
                yield read_pictures(files[begin : begin + rows], frame)

        shape = (len(files), *frame.shape)
        arrays += [
            StoredArray(
                name=f"X{suffix}",
                shape=shape,
                dtype=np.dtype(np.uint8),
                stored_bytes=int(np.prod(shape)),
                read=partial(read_pictures, files, frame),
                blocks=by_blocks,
            ),
            in_memory(f"y{suffix}", np.array(part.labels, dtype=np.str_)),
            in_memory(f"{FILE}{suffix}", part.names(folder)),
        ]
    return arrays
