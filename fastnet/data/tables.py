"""Files of tables by their names, and frames: which reader takes them."""

from pathlib import Path
from typing import Any

from .dataset import Dataset
from .raw import RawTable
from .request import Request
from .tabular import dataset_of

TEXT_SUFFIXES = (".csv", ".tsv")
PARQUET_SUFFIXES = (".parquet", ".pq")
ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")


def is_table_name(path: Path) -> bool:
    """Whether a file is a table by its name."""
    return path.name.lower().removesuffix(".gz").endswith(TEXT_SUFFIXES) or path.suffix.lower() in (
        *PARQUET_SUFFIXES,
        *ARROW_SUFFIXES,
    )


def read_raw(path: Path) -> RawTable:
    """The columns of a file, whatever they mean.

    Raises
    ------
    DataError
        It is damaged or empty.
    """
    # Here, so that one format does not load the readers of the others.
    if path.suffix.lower() in PARQUET_SUFFIXES:
        from .arrow import read_parquet

        return read_parquet(path)
    if path.suffix.lower() in ARROW_SUFFIXES:
        from .arrow import read_arrow

        return read_arrow(path)
    from .csv import read_csv

    return read_csv(path)


def read_table(source: Path | Any, request: Request, name: str = "the frame") -> Dataset:
    """The features, targets and what is set aside of a file of a table, or of a frame, which messages call ``name``.

    Raises
    ------
    DataError
        It cannot be read or used.
    """
    if isinstance(source, Path):
        request.refuse_arrays(str(source))
        return dataset_of(read_raw(source), request)
    from .arrow import read_frame

    request.refuse_arrays(name)
    return dataset_of(read_frame(source, name), request)
