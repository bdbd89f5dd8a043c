"""From what a user names (a file, a folder or a built-in data set) to its reader."""

import difflib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from .builtin import BUILT_IN, read_builtin
from .catalogue import CATALOGUE, Collection, folder_of, names_data, there
from .dataset import Dataset
from .request import Request

if TYPE_CHECKING:
    from ..preparation import Preparation

HDF5_SUFFIXES = (".h5", ".hdf5")


def read_training(
    source: Any,
    *,
    target: str | None = None,
    x: str | None = None,
    y: str | None = None,
    size: int | tuple[int, int] | None = None,
    grey: bool | None = None,
    aside: Iterable[str] = (),
    ignore: Iterable[str] = (),
    categorical: Iterable[str] = (),
    keep_missing: bool = False,
    in_place: bool = False,
) -> tuple[Dataset, Dataset | None]:
    """Read data to train on.

    Parameters
    ----------
    source : str, Path or DataFrame
        A file, a folder with pictures, NPY files or MNIST's files, a frame of pandas, polars or pyarrow, or one of
        `BUILT_IN` (which goes before a file of the same name; give ``./digits`` for the file), or of `CATALOGUE` once
        it was fetched (which does not).
    target : str, optional
        The target's column in a table; the last one by default.
    x, y : str, optional
        The arrays of the features and of the targets in an HDF5 or NPZ file, with the groups they are in
        (``train/images``); by default those with one of the usual names. For an NPY file, ``y`` is the targets' file.
    size : int or (width, height), optional
        What pictures in files of their own are stretched or shrunk to; needed where they differ in size.
    grey : bool, optional
        Whether those are made grey; by default if there is no colour in any of them.
    aside : iterable of str
        Columns or arrays that are neither features nor targets but wanted too, such as groups or times. In a file
        that has a test part of its own, they are those of the training part.
    ignore, categorical : iterable of str
        Columns of a table that are left out, and those that are categories whatever they look like.
    keep_missing : bool
        Whether missing cells of features are kept, for ``Preparation.fit(..., impute=...)``, and not refused.
    in_place : bool
        Whether the features stay in their file, which must be HDF5: X is then `StoredSamples`, for `fastnet.Stream`.

    Returns
    -------
    train : Dataset
    test : Dataset or None
        The test part, if the source itself has one.

    Raises
    ------
    DataError
        The source is missing, not recognised, damaged or empty, or lacks what was asked for.
    """
    request = Request(
        target=target,
        x=x,
        y=y,
        size=(size, size) if isinstance(size, int) else size,
        grey=grey,
        aside=tuple(aside),
        ignore=tuple(ignore),
        categorical=tuple(categorical),
        keep_missing=keep_missing,
        in_place=in_place,
    )
    return _read(source, request)


def read_evaluation(
    source: Any,
    *,
    target: str | None = None,
    x: str | None = None,
    y: str | None = None,
    preparation: "Preparation | None" = None,
    in_place: bool = False,
) -> Dataset:
    """Read data to evaluate on: the test part where the source has both, else its only part.

    Parameters
    ----------
    source : str or Path
        As for `read_training`.
    target : str, optional
        The target's column in a table; by default the model's own, else the last one.
    x, y, in_place
        As for `read_training`.
    preparation : Preparation, optional
        What the model was trained on: a CSV's columns are then matched to it by name, and class
        names are compared with its own.

    Raises
    ------
    DataError
        As for `read_training`, or columns or class names differ from the model's.
    """
    train, test = _read(source, Request(target=target, x=x, y=y, preparation=preparation, in_place=in_place))
    dataset = train if test is None else test
    if preparation is not None:
        preparation.check_names(dataset)
    return dataset


def read_prediction(
    source: Any, *, x: str | None = None, preparation: "Preparation", in_place: bool = False
) -> Dataset:
    """Read data to predict on; targets are set aside, so that ``y`` is always None.

    Parameters
    ----------
    source : str or Path
        As for `read_training`; the test part where the source has both.
    x, in_place
        As for `read_training`.
    preparation : Preparation
        What the model was trained on: a CSV's columns are matched to it by name.

    Raises
    ------
    DataError
        As for `read_training`, or a column is missing or was not there in training.
    """
    train, test = _read(source, Request(x=x, preparation=preparation, need_targets=False, in_place=in_place))
    dataset = (train if test is None else test).without_targets()
    preparation.check_names(dataset)
    return dataset


def can_stay(source: Any) -> bool:
    """Whether features of a source of this name can stay in their file."""
    return isinstance(source, str | Path) and source not in BUILT_IN and Path(source).suffix.lower() in HDF5_SUFFIXES


def _read(source: Any, request: Request) -> tuple[Dataset, Dataset | None]:
    if not isinstance(source, str | Path):
        return _read_frame(source, request), None
    if source == "-":
        raise DataError("-: reading standard input is not supported yet; save the data to a file and give its path")
    if request.in_place and not can_stay(source):
        raise DataError(
            f"{source}: only an HDF5 file can be streamed; write the data to one, such as by fastnet data convert, or "
            "read them whole, without a bound on the memory"
        )
    if isinstance(source, str) and source in BUILT_IN:
        request.refuse_target(source)
        request.refuse_arrays(source)
        request.refuse_looks(source)
        request.refuse_aside(source)
        return read_builtin(source)
    path = Path(source)
    try:
        if isinstance(source, str) and names_data(source):
            return _read_fetched(CATALOGUE[source], request)
        if not path.exists():
            raise DataError(_not_found(path))
        if path.is_file():
            path.open("rb").close()  # so that a lack of permission is called by its name
        return _read_path(path, request)
    except MemoryError:
        raise DataError(
            f"{path}: the data do not fit into this machine's memory; give a smaller part of them"
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be read ({error.strerror or error}); check it and its permissions"
        ) from None


def _read_fetched(collection: Collection, request: Request) -> tuple[Dataset, Dataset | None]:
    """A data set of the catalogue, from where `fastnet data fetch` put it."""
    name, folder = collection.name, folder_of(collection.name)
    files = there(collection, folder)
    if len(files) < len(collection.files):
        raise DataError(f"{name}: these data are not on this machine yet; get them with `fastnet data fetch {name}`")
    request.refuse_target(name)
    request.refuse_arrays(name)
    request.refuse_looks(name)
    request.refuse_aside(name)
    if collection.files[0].name.endswith(".h5"):
        from .hdf5 import read_hdf5

        train, test = (read_hdf5(files[file.name], request)[0] for file in collection.files)
    else:
        from .idx import read_idx

        train, part = read_idx(folder, need_targets=request.need_targets)
        assert part is not None  # its files are there
        test = part
    if collection.class_names is not None:
        train, test = (replace(dataset, class_names=collection.class_names) for dataset in (train, test))
    return replace(train, source=name), replace(test, source=name)


def _read_frame(frame: Any, request: Request) -> Dataset:
    from .arrow import is_frame
    from .tables import read_table

    if not is_frame(frame):
        raise DataError(
            f"data come from a file, a built-in name or a DataFrame, not from a {type(frame).__name__}; give one of "
            "them"
        )
    return read_table(frame, request)


def _read_path(path: Path, request: Request) -> tuple[Dataset, Dataset | None]:
    # Here, so that what reads one format, or a built-in, does not load the readers of all the others.
    from .idx import is_idx_name, read_idx
    from .pictures import is_picture_name
    from .tables import is_table_name, read_table

    suffix = path.suffix.lower()
    if path.is_dir():
        return _read_folder(path, request)
    if is_picture_name(path):
        from .folders import read_picture

        request.refuse_target(str(path))
        request.refuse_arrays(str(path))
        return read_picture(path, request)
    request.refuse_looks(str(path))
    if is_table_name(path):
        return read_table(path, request), None
    request.refuse_target(str(path))
    if is_idx_name(path):
        request.refuse_arrays(str(path))
        request.refuse_aside(str(path))
        return read_idx(path, need_targets=request.need_targets)
    if suffix in HDF5_SUFFIXES:
        from .hdf5 import read_hdf5

        return read_hdf5(path, request)
    if suffix == ".npz":
        from .npz import read_npz

        return read_npz(path, request)
    if suffix == ".npy":
        from .npy import read_npy

        return read_npy(path, request)
    raise DataError(
        f"{path}: the kind of file is not known by its name; give a .h5, .hdf5, .npz, .npy, .csv, .tsv, .parquet or "
        ".arrow file, MNIST's idx files, or a folder of pictures"
    )


def kind_of_folder(folder: Path) -> str | None:
    """What the data in a folder are, by the names of its files: "idx", "npy", "pictures", or None."""
    from .folders import has_pictures
    from .idx import is_idx_name

    files = [file for file in folder.iterdir() if file.is_file()]
    if any(is_idx_name(file) for file in files):
        return "idx"
    if any(file.suffix.lower() == ".npy" for file in files):
        return "npy"
    return "pictures" if has_pictures(folder) else None


def _read_folder(path: Path, request: Request) -> tuple[Dataset, Dataset | None]:
    from .folders import read_picture_folder
    from .idx import read_idx

    request.refuse_target(str(path))
    kind = kind_of_folder(path)
    if kind == "npy":
        from .npy import read_npy

        request.refuse_looks(str(path))
        return read_npy(path, request)
    request.refuse_arrays(str(path))
    request.refuse_aside(str(path))
    if kind == "pictures":
        return read_picture_folder(path, request)
    if kind == "idx":
        request.refuse_looks(str(path))
        return read_idx(path, need_targets=request.need_targets)
    raise DataError(
        f"{path}: this folder has no files that are recognised; give one with a folder of pictures for each class "
        "(cat/1.jpg), with X.npy and y.npy, or with MNIST's train-images-idx3-ubyte and train-labels-idx1-ubyte"
    )


def _not_found(path: Path) -> str:
    name = str(path)
    if path.suffix or path.name != name:
        return f"{name}: there is no such file or folder; check the path"
    near = difflib.get_close_matches(name.lower(), [*BUILT_IN, *CATALOGUE], n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    return (
        f"{name}: there is neither a file nor a built-in data set of this name; {guess}"
        f"built in are {', '.join(BUILT_IN)}, and `fastnet data fetch` gets {', '.join(CATALOGUE)}"
    )
