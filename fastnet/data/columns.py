"""Which columns of a table are targets: one, or several with commas between their names."""

import csv
import io
from collections.abc import Sequence

from ..errors import DataError

MOST_NAMES = 10
"""So many of several names are told."""


def columns_named(text: str, header: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns that a text names: the one that is called just so, else those between its commas. A name that has a
    comma itself stands in quotation marks, as in a CSV file."""
    if text in header:
        return (text,)
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), [text]))


def as_text(names: Sequence[str]) -> str:
    """The text that ``columns_named`` makes these names of."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def target_columns(source: str, header: Sequence[str], text: str | None, *, set_aside: bool) -> tuple[str, ...]:
    """The columns of a file's targets; without a text the last, or none where targets are set aside.

    Raises
    ------
    DataError
        One of them is not there and not set aside, or is named twice.
    """
    if text is None:
        return () if set_aside else (header[-1],)
    names = columns_named(text, header)
    for name in names:
        if name not in header and not set_aside:
            raise DataError(f"{source}: there is no column '{name}' for the target; the columns are {quoted(header)}")
        if names.count(name) > 1:
            raise DataError(f"{source}: the target '{name}' is named twice; name it once")
    return names


def quoted(names: Sequence[str]) -> str:
    """The same in quotation marks."""
    return listed([f"'{name}'" for name in names[:MOST_NAMES]], len(names))


def listed(names: Sequence[str], count: int | None = None) -> str:
    """Some names, and how many more there are, of so many where not all of them are given."""
    shown, more = ", ".join(names[:MOST_NAMES]), (count or len(names)) - MOST_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown
