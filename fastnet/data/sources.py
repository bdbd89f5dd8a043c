"""From what a user names (a file, a folder or a built-in data set) to its reader."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from .builtin import BUILT_IN, read_builtin
from .dataset import Dataset

if TYPE_CHECKING:
    from ..preparation import Preparation

_HDF5_SUFFIXES = (".h5", ".hdf5")
_TABLE_SUFFIXES = (".csv", ".tsv")


def read_training(
    source: str | Path, *, target: str | None = None, aside: tuple[str, ...] = ()
) -> tuple[Dataset, Dataset | None]:
    """Read data to train on.

    Parameters
    ----------
    source : str or Path
        A file, a folder with MNIST's files, or one of `BUILT_IN` (which goes before a file of the
        same name; give ``./digits`` for the file).
    target : str, optional
        The target's column in a CSV; the last one by default.
    aside : tuple of str
        Columns (or arrays) that are neither features nor targets, such as groups or times: kept in ``Dataset.aside``.

    Returns
    -------
    train : Dataset
    test : Dataset or None
        The test part, if the source itself has one.

    Raises
    ------
    DataError
        The source is missing, not recognised, damaged or empty.
    """
    return _read(source, target=target, aside=aside)


def read_evaluation(
    source: str | Path, *, target: str | None = None, preparation: "Preparation | None" = None
) -> Dataset:
    """Read data to evaluate on: the test part where the source has both, else its only part.

    Parameters
    ----------
    source : str or Path
        As for `read_training`.
    target : str, optional
        The target's column in a CSV; by default the model's own, else the last one.
    preparation : Preparation, optional
        What the model was trained on: a CSV's columns are then matched to it by name, and class
        names are compared with its own.

    Raises
    ------
    DataError
        As for `read_training`, or columns or class names differ from the model's.
    """
    train, test = _read(source, target=target, preparation=preparation)
    dataset = train if test is None else test
    if preparation is not None:
        preparation.check_names(dataset)
    return dataset


def read_prediction(source: str | Path, *, preparation: "Preparation") -> Dataset:
    """Read data to predict on; targets are set aside, so that ``y`` is always None.

    Parameters
    ----------
    source : str or Path
        As for `read_training`; the test part where the source has both.
    preparation : Preparation
        What the model was trained on: a CSV's columns are matched to it by name.

    Raises
    ------
    DataError
        As for `read_training`, or a column is missing or was not there in training.
    """
    train, test = _read(source, preparation=preparation, need_targets=False)
    dataset = (train if test is None else test).without_targets()
    preparation.check_names(dataset)
    return dataset


def _read(
    source: str | Path,
    *,
    target: str | None = None,
    preparation: "Preparation | None" = None,
    need_targets: bool = True,
    aside: tuple[str, ...] = (),
) -> tuple[Dataset, Dataset | None]:
    if source == "-":
        raise DataError("-: reading standard input is not supported yet; save the data to a file and give its path")
    if isinstance(source, str) and source in BUILT_IN:
        _refuse_target(source, target)
        _refuse_aside(source, aside)
        return read_builtin(source)
    path = Path(source)
    try:
        if not path.exists():
            raise DataError(_not_found(path))
        if path.is_file():
            path.open("rb").close()  # so that a lack of permission is called by its name
        return _read_path(path, target, preparation, need_targets, aside)
    except MemoryError:
        raise DataError(
            f"{path}: the data do not fit into this machine's memory; give a smaller part of them"
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be read ({error.strerror or error}); check it and its permissions"
        ) from None


def _read_path(
    path: Path,
    target: str | None,
    preparation: "Preparation | None",
    need_targets: bool,
    aside: tuple[str, ...],
) -> tuple[Dataset, Dataset | None]:
    # Here, so that what reads one format, or a built-in, does not load the readers of all the others.
    from .csv import read_csv
    from .hdf5 import read_hdf5
    from .idx import is_idx_name, read_idx
    from .npz import read_npz

    suffix = path.suffix.lower()
    if path.is_file() and suffix in _TABLE_SUFFIXES:
        columns = None
        if preparation is not None:
            target = target or preparation.target_name
            columns = preparation.feature_names
        return read_csv(path, target=target, columns=columns, set_aside=not need_targets, aside=aside), None
    _refuse_target(str(path), target)
    _refuse_aside(str(path), aside)
    if path.is_dir() or is_idx_name(path):
        return read_idx(path, need_targets=need_targets)
    if suffix in _HDF5_SUFFIXES:
        return read_hdf5(path, need_targets=need_targets)
    if suffix == ".npz":
        return read_npz(path, need_targets=need_targets)
    raise DataError(
        f"{path}: the kind of file is not known by its name; give a .h5, .hdf5, .npz, .csv or .tsv "
        "file, or MNIST's idx files"
    )


def _refuse_target(source: str, target: str | None) -> None:
    if target is not None:
        raise DataError(
            f"{source}: the target '{target}' names a column of a CSV or TSV file, which this is "
            "not; leave the target out"
        )


def _refuse_aside(source: str, aside: tuple[str, ...]) -> None:
    if aside:
        raise DataError(f"{source}: '{aside[0]}' names a column to set aside, which this has not; leave it out")


def _not_found(path: Path) -> str:
    name = str(path)
    if path.suffix or path.name != name:
        return f"{name}: there is no such file or folder; check the path"
    near = difflib.get_close_matches(name.lower(), BUILT_IN, n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    return (
        f"{name}: there is neither a file nor a built-in data set of this name; {guess}"
        f"built in are {', '.join(BUILT_IN)}"
    )
