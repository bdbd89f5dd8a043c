"""CSV and TSV files with a header: columns of numbers, and a target of numbers or labels."""

import csv
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from ..errors import DataError
from .cells import is_missing, is_number, looks_like_data, parse_several, parse_targets
from .columns import as_text, listed, target_columns
from .dataset import Array, Dataset


@dataclass(frozen=True)
class Record:
    """One row: its cells, its number among the rows of data and the line of the file it ends on."""

    cells: list[str]
    row: int
    line: int

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"row {self.row} (line {self.line})"


def read_csv(
    path: Path,
    *,
    target: str | None = None,
    columns: tuple[str, ...] | None = None,
    set_aside: bool = False,
    aside: tuple[str, ...] = (),
) -> Dataset:
    """Read a CSV or TSV file.

    Parameters
    ----------
    path : Path
        ``.tsv`` is separated by tabs, anything else by commas; UTF-8, with or without a BOM.
    target : str, optional
        The target's column, or those of several targets with commas between; the last one by default.
    columns : tuple of str, optional
        The feature columns a model was trained on: they are put into this order, and a missing
        or an extra one is an error.
    set_aside : bool
        For predict: the target's column need not be there, and is not read if it is. Without a
        `target`, every column is a feature.
    aside : tuple of str
        Columns that are neither features nor targets, kept in ``Dataset.aside``.

    Raises
    ------
    DataError
        The header, a row or a cell is not what is expected; the message names it.
    """
    table = _Table(path)
    header = table.header
    targets = target_columns(path, header, target, set_aside=set_aside)
    # What a model was trained on is no target, even if its target's name reads like several.
    features = [name for name in header if name not in targets or name in (columns or ())]
    for name in aside:
        if name not in features:
            what = "is a target already" if name in header else f"is not there; the columns are {listed(header)}"
            raise DataError(f"{path}: the column '{name}' to set aside {what}; name another one")
        features.remove(name)
    if columns is not None:
        _match(path, features, columns)
        features = list(columns)
    if not features:
        there_are = f"there is only one column, '{header[0]}'" if len(header) == 1 else "each column is a target"
        raise DataError(f"{path}: {there_are}, so no features are left beside the target{table.separator_hint}")
    X, cells, places = table.numbers(features, (*(() if set_aside else targets), *aside))
    kept = {
        name: parse_targets(column, places, f"{path}", name, "which is set aside")
        for name, column in zip(aside, cells[len(cells) - len(aside) :], strict=True)
    }
    y = None
    if not set_aside:
        parse = parse_targets if len(targets) == 1 else parse_several
        columns_of_y = [parse(column, places, f"{path}", name) for column, name in zip(cells, targets, strict=False)]
        y = columns_of_y[0] if len(targets) == 1 else np.column_stack(columns_of_y)
    return Dataset(
        X,
        y,
        str(path),
        feature_names=tuple(features),
        class_names=targets if len(targets) > 1 else None,
        target_name=as_text(targets) if len(targets) > 1 else next(iter(targets), None),
        aside=kept,
    )


def _match(path: Path, found: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in found]
    if missing:
        raise DataError(
            f"{path}: the column '{missing[0]}' that the model was trained on is missing; the "
            f"columns are {listed(found)}"
        )
    extra = [name for name in found if name not in columns]
    if extra:
        raise DataError(
            f"{path}: the model was not trained on the column '{extra[0]}'; remove it, since the "
            f"features are {listed(columns)}"
        )


class _Table:
    """A file with a header that makes sense; rows are read one at a time, to be short of memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        with self.records() as records:
            first = next(records, None)
        if first is None:
            raise DataError(f"{path}: the file is empty; a header and at least one row are needed")
        self.header = [cell.strip() for cell in first.cells]
        self._check_header()

    def _check_header(self) -> None:
        if looks_like_data(self.header):
            raise DataError(
                f"{self.path}: the first line looks like data ({listed(self.header)}) where a "
                "header with the names of the columns is expected; add one"
            )
        if "" in self.header:
            raise DataError(
                f"{self.path}: column {self.header.index('') + 1} has no name in the header; name "
                "it, or leave it out if it is a row number that pandas wrote (index=False)"
            )
        name, count = Counter(self.header).most_common(1)[0]
        if count > 1:
            raise DataError(f"{self.path}: {count} columns are called '{name}'; give each its own name")

    @property
    def separator_hint(self) -> str:
        for separator, name in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
            if separator != self.delimiter and separator in self.header[0]:
                wanted = "tabs" if self.delimiter == "\t" else "commas"
                return f"; its columns seem to be separated by {name} instead of {wanted}"
        return "; give the features as columns too"

    @contextmanager
    def records(self) -> Iterator[Iterator[Record]]:
        """The rows, the header being row 0; blank lines are left out."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, skipinitialspace=self.delimiter == ",", strict=True)
            rows = (cells for cells in reader if cells)
            try:
                yield (Record(cells, i, reader.line_num) for i, cells in enumerate(rows))
            except csv.Error as error:
                raise DataError(
                    f"{self.path}: line {reader.line_num} is not valid CSV ({error}); check its quotation marks"
                ) from None
            except UnicodeDecodeError:
                _undecodable(self.path)

    def numbers(self, features: Sequence[str], targets: Sequence[str]) -> tuple[Array, list[list[str]], list[str]]:
        """The features (n, len(features)), the cells of each target and the place of each row."""
        wanted = [self.header.index(name) for name in features]
        target_cells = {self.header.index(name): list[str]() for name in targets}
        rows: list[Array] = []
        places: list[str] = []
        with self.records() as records:
            next(records)
            for record in records:
                if len(record.cells) != len(self.header):
                    raise DataError(
                        f"{self.path}: {record.place} has {len(record.cells)} cells where the "
                        f"header has {len(self.header)}; a cell that holds the separator needs quotation marks"
                    )
                rows.append(self._row(record, wanted))
                places.append(record.place)
                for index, cells in target_cells.items():
                    cells.append(record.cells[index].strip())
        if not rows:
            raise DataError(f"{self.path}: the data are empty: there is a header but no row")
        return np.stack(rows), list(target_cells.values()), places

    def _row(self, record: Record, wanted: Sequence[int]) -> Array:
        cells = [record.cells[i] for i in wanted]
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            self._explain(record, wanted)
        # Python reads 1_000 as a number; in a data file it is more likely an identifier.
        if not np.isfinite(values).all() or "_" in "".join(cells):
            self._explain(record, wanted)
        return values

    def _explain(self, record: Record, wanted: Sequence[int]) -> NoReturn:
        """Say which cell of a row is no finite number, and whether its whole column is text."""
        index = next(i for i in wanted if not is_number(record.cells[i]) or not math.isfinite(float(record.cells[i])))
        cell, column = record.cells[index].strip(), self.header[index]
        place = f"{self.path}: {record.place}, column '{column}'"
        if is_missing(cell):
            raise DataError(f"{place} is empty or NaN; fill in a number or remove the row before training")
        if is_number(cell):
            raise DataError(f"{place} is infinite ('{cell}'); a finite number is expected")
        with self.records() as records:
            next(records)
            mixed = any(is_number(other.cells[index]) for other in records if len(other.cells) > index)
        if mixed:
            raise DataError(f"{place} has the text '{cell}' where a number is expected; correct it or remove the row")
        raise DataError(
            f"{self.path}: the column '{column}' holds text, such as '{cell}'; categorical columns "
            "must be encoded as numbers first, for example one column of 0 and 1 for each value"
        )


def _undecodable(path: Path) -> NoReturn:
    """Name the first byte that is not UTF-8: a decoder that streams knows only its own buffer."""
    content = path.read_bytes()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: the byte 0x{content[error.start]:02x} on line {line} is not UTF-8 text; save the file as UTF-8"
        ) from None
    raise DataError(f"{path}: the file changed while it was read; try again")
