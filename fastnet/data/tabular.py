"""From a raw table to a `Dataset`: which columns are features, targets or neither, and what is left out."""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import DataError, DataWarning
from .cells import parse_several, parse_targets
from .columns import as_text, quoted, target_columns
from .dataset import Array, Dataset
from .decimals import cells_with_points
from .encoding import ColumnEncoding
from .meaning import LEFT_OUT, find_out, note_on
from .raw import RawTable
from .request import Request
from .table import Column, Table

MOST_CATEGORIES = 1000
"""How many features a column of text may become unless somebody asks for more."""


def dataset_of(raw: RawTable, request: Request) -> Dataset:
    """The features, targets and what is set aside of a table.

    Parameters
    ----------
    raw : RawTable
    request : Request
        Of a preparation the columns are put into its order and read as in training.

    Returns
    -------
    Dataset
        X is an array (n, d) of float64 where every column is numbers, else a `Table`.

    Raises
    ------
    DataError
        A column or a cell is not what is expected; the message names it.
    """
    header = list(raw.names)
    known = None if request.preparation is None else request.preparation.known_columns
    refuse_unknown_columns(raw, request)
    reserved = (*request.aside, *request.ignore)
    target = request.target or (None if request.preparation is None else request.preparation.target_name)
    targets = target_columns(raw.source, header, target, set_aside=not request.need_targets)
    # What a model was trained on is no target, even if its target's name reads like several.
    trained = {encoding.name for encoding in known or ()}
    features = [name for name in header if (name not in targets or name in trained) and name not in reserved]
    for name in reserved:
        if name in targets:
            raise DataError(f"{raw.source}: the column '{name}' is the target; name another target, or keep it")
    if known is not None:
        ignored = () if request.preparation is None else request.preparation.ignored
        found = [name for name in features if name not in ignored]
        features = _matched(raw.source, found, known, can_keep=not request.need_targets)
    if not features:
        there_are = f"there is only one column, '{header[0]}'" if len(header) == 1 else "each column is a target"
        raise DataError(
            f"{raw.source}: {there_are}, so no features are left beside the target; give the features as columns too"
        )
    if not len(raw):
        raise DataError(f"{raw.source}: the data are empty: there is a header but no row")
    columns = (
        _chosen(raw, features, request.categorical)
        if known is None
        else [
            find_out(raw, encoding.name, wanted=encoding.kind, known=frozenset(encoding.categories)).column
            for encoding in known
        ]
    )
    _refuse_bad_cells(raw, columns, request, known)
    names = tuple(column.name for column in columns)
    used = {*names, *targets}
    return Dataset(
        _features(columns),
        _targets(raw, targets) if request.need_targets else None,
        raw.source,
        feature_names=names,
        class_names=targets if len(targets) > 1 else None,
        target_name=as_text(targets) if len(targets) > 1 else next(iter(targets), None),
        aside={
            name: parse_targets(_cells(raw, name), raw.place, raw.source, name, "which is set aside")
            for name in request.aside
        },
        ignored=tuple(name for name in header if name not in used) if known is None else (),
    )


def refuse_unknown_columns(raw: RawTable, request: Request) -> None:
    """Refuse to do something with columns that a table has not.

    Raises
    ------
    DataError
    """
    for names, purpose in (
        (request.aside, "to set aside"),
        (request.ignore, "to leave out"),
        (request.categorical, "to take for categories"),
    ):
        for name in names:
            if name not in raw.names:
                raise DataError(
                    f"{raw.source}: there is no column '{name}' {purpose}; the columns are {quoted(raw.names)}"
                )


def _matched(source: str, found: Sequence[str], known: Sequence[ColumnEncoding], *, can_keep: bool) -> list[str]:
    names = [encoding.name for encoding in known]
    there, wanted = set(found), set(names)
    missing = [name for name in names if name not in there]
    if missing:
        raise DataError(
            f"{source}: the column '{missing[0]}' that the model was trained on is missing; the "
            f"columns are {quoted(found)}"
        )
    extra = [name for name in found if name not in wanted]
    if extra:
        kept = f", or have {'it' if len(extra) == 1 else 'them'} copied by --keep {as_text(extra)}" if can_keep else ""
        raise DataError(
            f"{source}: the model was not trained on the column{'s' * (len(extra) > 1)} {quoted(extra)}; remove "
            f"{'it' if len(extra) == 1 else 'them'}{kept}, since the features are {quoted(names)}"
        )
    return names


def _chosen(raw: RawTable, names: Iterable[str], categorical: Sequence[str]) -> list[Column]:
    """The columns to train on; those that teach nothing are left out, which is said."""
    columns = []
    for name in names:
        found = find_out(raw, name, wanted="category" if name in categorical else None)
        if found.meaning == "category" and len(found.column.texts) > MOST_CATEGORIES and name not in categorical:
            raise DataError(
                f"{raw.source}: the column '{name}' has {len(found.column.texts):,} different texts, each of which "
                f"would become a feature; leave it out by --ignore {name}, or ask for them by --categorical {name}"
            )
        note = note_on(found)
        if note:
            warnings.warn(f"{raw.source}: {note}", DataWarning, stacklevel=2)
        if found.meaning not in LEFT_OUT:
            columns.append(found.column)
    if not columns:
        raise DataError(
            f"{raw.source}: no features are left, since each column is dates, times or names of rows; give numbers or "
            "categories, or ask for a column by --categorical"
        )
    return columns


def _refuse_bad_cells(
    raw: RawTable, columns: Sequence[Column], request: Request, known: Sequence[ColumnEncoding] | None
) -> None:
    """Refuse what is infinite, and what is missing where nothing was asked for that."""
    for index, column in enumerate(columns):
        takes_missing = request.keep_missing if known is None else known[index].takes_missing
        absent = column.missing
        if not takes_missing and absent.any():
            row = int(np.argmax(absent))
            cell = _text(raw, column.name, row)
            written = f" ('{cell}')" if cell and cell.lower() != "nan" else ""
            others = absent.sum() - 1
            more = f" (so {'is' if others == 1 else 'are'} {others:,} more)" if others else ""
            what = "a value" if column.kind == "category" else "a number"
            advice = (
                "before training, or train with --impute"
                if known is None
                else "as the model was trained without --impute"
            )
            raw.refuse(row, column.name, f"is empty or NaN{written}{more}; fill in {what} or remove the row {advice}")
        if column.kind != "category" and np.isinf(column.values).any():
            row = int(np.argmax(np.isinf(column.values)))
            raw.refuse(row, column.name, f"is infinite ('{_text(raw, column.name, row)}'); a finite number is expected")


def _features(columns: Sequence[Column]) -> Array | Table:
    if all(column.kind == "number" for column in columns):
        return np.column_stack([column.values for column in columns])
    return Table(tuple(columns))


def _targets(raw: RawTable, names: Sequence[str]) -> Array:
    parse = parse_targets if len(names) == 1 else parse_several
    columns = [parse(_cells(raw, name), raw.place, raw.source, name) for name in names]
    return columns[0] if len(names) == 1 else np.column_stack(columns)


def _cells(raw: RawTable, name: str) -> list[str]:
    """The cells of a column as text, empty where one is missing."""
    if raw.typed:
        import pyarrow as pa

        kind = raw.column(name).type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise DataError(
                f"{raw.source}: the column '{name}' is of type {str(kind)[:60]}, which is neither a number nor text; "
                "write it as one of them"
            )
    column = raw.column(name) if raw.typed else cells_with_points(raw, name, "or letters too, where it is a label")
    return ["" if cell is None else str(cell).strip() for cell in column.to_pylist()]


def _text(raw: RawTable, name: str, row: int) -> str:
    cell = raw.column(name)[row].as_py()
    return "" if cell is None else str(cell).strip()
