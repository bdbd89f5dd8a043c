"""A command never overwrites what it reads, whatever it is told."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..data import BUILT_IN
from ..data.idx import is_idx_name
from ..errors import OutputError

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq", ".feather", ".arrow", ".ipc")


def refuse_input(out: Path, inputs: Iterable[str | Path], advice: str) -> None:
    """Refuse a file to write that is one of the files to read.

    Parameters
    ----------
    out : Path
    inputs : iterable of str or Path
        Files, folders with MNIST's files, or names of built-in data.
    advice : str
        What to do instead.

    Raises
    ------
    OutputError
    """
    for given in inputs:
        if given not in BUILT_IN and _reads(Path(given), out):
            raise OutputError(f"{out} is read by this very command, which would overwrite it; {advice}")


def _reads(given: Path, out: Path) -> bool:
    with suppress(OSError):  # one of the two is not there
        if is_idx_name(out):  # labels are read beside the pictures that were named
            return out.exists() and out.parent.samefile(given if given.is_dir() else given.parent)
        return out.samefile(given)
    return False


def counted_from(data: str) -> int:
    """The number of the first sample: rows of a table count from 1, as in messages about them, samples of arrays from
    0."""
    return 1 if data.lower().endswith(TABLES) else 0
