"""Numbers as text files write them: with a decimal point or a decimal comma, and never with thousands set apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .raw import Decimals, Mark, RawTable

if TYPE_CHECKING:
    import pyarrow as pa

NOTHING = frozenset({"na", "n/a", "#n/a", "null", "none", "?", "-", "."})
"""Texts that mean "no value" among numbers; in a column of text they are a text like any other."""

_ABSENT = f"|nan|{'|'.join(map(re.escape, sorted(NOTHING)))}"
_GROUPS = "[+-]?[1-9]\\d{0,2}(?:[%s' \u00a0\u202f]\\d{3})+"
_EXPONENT = r"(?:e[+-]?\d+)?"


@dataclass(frozen=True)
class _Writing:
    """What numbers with one of the two marks look like, as regular expressions.

    Attributes
    ----------
    number : str
        Whole numbers too.
    grouped : str
        With thousands set apart; with one group and no mark that may be a number with the other mark.
    """

    number: str
    grouped: str


_WITH = {
    ".": _Writing(rf"[+-]?(?:\d+\.?\d*|\.\d+){_EXPONENT}", _GROUPS % "," + r"(?:\.\d*)?"),
    ",": _Writing(rf"[+-]?(?:\d+,?\d*|,\d+){_EXPONENT}", _GROUPS % "." + r"(?:,\d*)?"),
}
_GROUPED = "|".join(writing.grouped for writing in _WITH.values())
_ANY = "|".join([_GROUPED, *(writing.number for writing in _WITH.values())])
_LIKE_NUMBER = re.compile(_ANY, re.ASCII | re.IGNORECASE)
_CALLED = {".": "point", ",": "comma"}


def looks_like_number(text: str) -> bool:
    """Whether a text is a number, however it is written."""
    return _LIKE_NUMBER.fullmatch(text) is not None


def decimals_of(
    names: Sequence[str], columns: Sequence["pa.ChunkedArray"], delimiter: str, *, commas: bool
) -> Decimals | None:
    """Which mark the numbers of a text file have, as far as its rows tell; None if they do not.

    A column of which all cells are numbers, or missing, tells of a comma if one of them is not also a number with
    thousands set apart, as 1,234 is; if none does, one with points tells of these, but between semicolons,
    as those write who have a decimal comma, only if one is not 1.234.

    Parameters
    ----------
    names : sequence of str
    columns : sequence of pyarrow.ChunkedArray of text
    delimiter : str
    commas : bool
        Whether there can be any comma in a cell.
    """
    marks: list[tuple[Mark, str | None]] = [(",", _WITH["."].grouped)] if commas else []
    marks.append((".", _WITH[","].grouped if delimiter == ";" else None))
    for mark, but_not in marks:
        for name, column in zip(names, columns, strict=True):
            if _tells(column, mark, but_not):
                return Decimals(mark, name)
    return None


def _tells(column: "pa.ChunkedArray", mark: str, but_not: str | None) -> bool:
    import pyarrow.compute as pc

    some = column.filter(pc.match_substring(column, mark))
    pattern = f"{_WITH[mark].number}|{_WITH[mark].grouped}"
    certain = _are(some, pattern)
    if but_not is not None:
        certain = pc.and_not(certain, _are(some, but_not))
    return pc.any(certain).as_py() is True and _all_are(column, pattern)


def numbers_or_text(raw: RawTable, name: str, advice: str) -> "pa.ChunkedArray":
    """A column of a text file as float64 where each cell is a number or empty, else its cells as `cells_with_points`.

    Parameters
    ----------
    raw : RawTable
    name : str
    advice : str
        What else may be done about numbers that are written in a way that is not read.

    Raises
    ------
    DataError
        All cells are numbers, but in one thousands are set apart, or its mark is another than the file has elsewhere.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells, is_comma = raw.column(name), has_decimal_commas(raw)
    if (is_comma or _is_undecided(raw)) and pc.any(pc.match_substring(cells, ".")).as_py():
        return cells_with_points(raw, name, advice)
    try:
        numbers = pc.replace_substring(cells, ",", ".") if is_comma else cells
        return pc.if_else(pc.equal(cells, ""), None, numbers).cast(pa.float64())
    except pa.ArrowInvalid:  # there are other texts, or numbers as Python alone writes them
        return cells_with_points(raw, name, advice)


def _is_undecided(raw: RawTable) -> bool:
    """Whether a point may set thousands apart, for all that the file tells."""
    return raw.decimals is None and raw.delimiter == ";"


def has_decimal_commas(raw: RawTable) -> bool:
    """Whether the numbers of a table are written so."""
    return raw.decimals is not None and raw.decimals.mark == ","


def cells_with_points(raw: RawTable, name: str, advice: str) -> "pa.ChunkedArray":
    """The cells of a column of a text file; those with a decimal comma have a point if most of them are numbers.

    Parameters, and what is raised, are those of `numbers_or_text`.
    """
    cells = raw.column(name)
    _refuse_other_writing(raw, name, advice)
    return with_points(cells) if has_decimal_commas(raw) else cells


def with_points(cells: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Cells of a file with decimal commas, with points if more than half of those that are there are numbers."""
    import pyarrow.compute as pc

    is_number = _are(cells, _WITH[","].number)
    present = len(cells) - (pc.sum(_are(cells, _ABSENT)).as_py() or 0)
    if 2 * (pc.sum(is_number).as_py() or 0) <= present:
        return cells
    return pc.if_else(is_number, pc.replace_substring(cells, ",", "."), cells)


def _refuse_other_writing(raw: RawTable, name: str, advice: str) -> None:
    """Refuse what would pass for text, or for another number, in a column where each cell is a number in some way."""
    import pyarrow.compute as pc

    cells, decimals = raw.column(name), raw.decimals
    mark = "." if decimals is None else decimals.mark
    if not _all_are(cells, _ANY):
        return
    certain = _are(cells, f"{_ABSENT}|{_WITH[mark].number}")
    if _is_undecided(raw):
        certain = pc.and_not(certain, _are(cells, _WITH[","].grouped))
    row = pc.index(certain, False).as_py()
    if row < 0:
        return
    cell = cells[row].as_py()
    if _is_undecided(raw) and "," not in cell and cell.count(".") == 1:
        words = (
            f"has '{cell}', which is {cell.replace('.', '')} where thousands are set apart, and no number of the file "
            "tells whether they are; write thousands without a point, or a decimal more"
        )
    elif pc.all(_are(cells[row : row + 1], _GROUPED)).as_py():
        words = f"has '{cell}', in which thousands are set apart, or may be; write 1234.5, not 1,234.5"
    elif decimals is None:
        words = f"has '{cell}' with a decimal comma; write a point, or another separator than a comma between columns"
    else:
        words = (
            f"has '{cell}' with a decimal {_CALLED[',' if ',' in cell else '.']} where the column '{decimals.column}' "
            f"has a decimal {_CALLED[mark]}; write one of them throughout"
        )
    raw.refuse(row, name, f"{words}, {advice}")


def _are(cells: "pa.ChunkedArray", pattern: str) -> "pa.ChunkedArray":
    """Whether each cell is that."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(cells, f"^(?:{pattern})$", ignore_case=True)


def _all_are(cells: "pa.ChunkedArray", pattern: str) -> bool:
    """Whether each cell is that or missing."""
    import pyarrow.compute as pc

    return pc.all(_are(cells, f"{_ABSENT}|{pattern}"), min_count=0).as_py() is True
