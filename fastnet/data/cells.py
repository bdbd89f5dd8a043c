"""What the text in the cells of a table means: a number, a label, or nothing at all."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import DataError
from .dataset import Array
from .decimals import looks_like_number


def is_number(cell: str) -> bool:
    """Whether a cell is a number, NaN and infinity included."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_missing(cell: str) -> bool:
    """Whether a cell is empty or says NaN."""
    return cell.strip().lower() in ("", "nan", "+nan", "-nan")


def looks_like_data(header: Sequence[str]) -> bool:
    """Whether a header seems to be a row of data instead.

    Names that are numbers are let through where they count up (as pandas names columns) or are the
    minority (as years are), but never where there is nothing else.
    """
    numeric = [cell for cell in header if is_number(cell)]
    if len(numeric) == len(header):
        return True
    if 2 * len(numeric) <= len(header):
        return False
    values = [float(cell) for cell in numeric]
    return values != [values[0] + i for i in range(len(values))]


def parse_targets(
    cells: Sequence[str], place: Callable[[int], str], source: str, column: str, what: str = "the target"
) -> Array:
    """The target's cells as int64 or float64 numbers, or as text labels.

    Parameters
    ----------
    cells : sequence of n str
    place : function
        How messages name a cell's row, counted from 0.
    source, column : str
    what : str
        What messages call the column beside its name.

    Returns
    -------
    array (n,) of int64 where all are whole numbers, float64 where all are numbers, else str

    Raises
    ------
    DataError
        A cell is missing or infinite, or text stands in a column that is mostly numbers.
    """
    for row, cell in enumerate(cells):
        if is_missing(cell):
            raise DataError(
                f"{source}: {place(row)}, column '{column}' ({what}) is empty or NaN; fill it in or remove the row"
            )
    numeric = [is_number(cell) for cell in cells]
    if not all(numeric):
        like_numbers = [is_number(cell) or looks_like_number(cell) for cell in cells]
        if 2 * sum(like_numbers) > len(cells):
            first = (numeric if all(like_numbers) else like_numbers).index(False)
            raise DataError(
                f"{source}: {place(first)}, column '{column}' ({what}) has the text "
                f"'{cells[first]}' where a number is expected as in most rows; correct it or remove the row"
            )
        return np.array(cells, dtype=np.str_)
    try:
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    except (ValueError, OverflowError):  # a fraction, or more than 64 bits hold
        values = np.array([float(cell) for cell in cells])
    infinite = np.flatnonzero(~np.isfinite(values))
    if len(infinite):
        raise DataError(
            f"{source}: {place(int(infinite[0]))}, column '{column}' ({what}) is infinite "
            f"('{cells[infinite[0]]}'); a finite number is expected"
        )
    return values


def parse_several(cells: Sequence[str], place: Callable[[int], str], source: str, column: str) -> Array:
    """The cells of one of several targets as float64 numbers, NaN where one is empty: no label.

    Parameters are those of `parse_targets`.

    Raises
    ------
    DataError
        A cell is text or infinite.
    """
    for row, cell in enumerate(cells):
        if is_missing(cell):
            continue
        if not is_number(cell) or not math.isfinite(float(cell)):
            raise DataError(
                f"{source}: {place(row)}, column '{column}' (one of several targets) has '{cell}' where a finite "
                "number or nothing is expected; give numbers, or one target alone where it is text"
            )
    return np.array([math.nan if is_missing(cell) else float(cell) for cell in cells])
