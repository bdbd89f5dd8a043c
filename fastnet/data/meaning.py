"""What a column of a table means: numbers, truths, categories, times, or a name for each row."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .cells import is_missing, is_number
from .dataset import Array
from .decimals import NOTHING, looks_like_number, numbers_or_text
from .raw import RawTable
from .table import Column, Kind, as_code, category

if TYPE_CHECKING:
    import pyarrow as pa

Meaning = Literal["number", "boolean", "category", "time", "identifier"]

_TRUTHS = {"true": 1.0, "false": 0.0}

_DATE = r"\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}(?P<mark>[/.-])\d{1,2}(?P=mark)\d{2,4}"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?( ?(Z|[+-]\d{2}:?\d{2}))?"
_TIME = re.compile(rf"({_DATE})([T ]+{_CLOCK})?|{_CLOCK}")

_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?(0|[1-9][0-9]*)?\.[0-9]+")

_MOSTLY = 0.95
_FEW = 20
"""An identifier has no fewer different texts than that, and as many as 95% of the rows that have one."""

_NAMES_OF_IDENTIFIERS = re.compile(r"(.*[\W_])?(id|index|idx|key|row|no|nr|number|unnamed:? ?\d*)|.*[a-z](Id|ID|Index)")

LEFT_OUT = {
    "time": "holds dates or times, which have no numbers of their own",
    "identifier": "has a text of its own in nearly every row, as names and keys do, from which nothing can be learned",
}
"""What training does not take unless it is asked for, and why."""


@dataclass(frozen=True)
class Found:
    """A column and what it means.

    Attributes
    ----------
    meaning : {"number", "boolean", "category", "time", "identifier"}
    column : Column
        Its values; those of times and identifiers as categories.
    looks_like_identifier : bool
        Whether it is whole numbers that count up under the name of a row's number.
    """

    meaning: Meaning
    column: Column
    looks_like_identifier: bool = False


def find_out(raw: RawTable, name: str, *, wanted: Kind | None = None, known: Collection[str] = ()) -> Found:
    """What a column means, and its values.

    Parameters
    ----------
    raw : RawTable
    name : str
    wanted : {"number", "boolean", "category"}, optional
        What it is to be, as asked for or as in training; found out by default.
    known : collection of str
        The categories of training: what is one of them in a text file is it just as it is written.

    Raises
    ------
    DataError
        A cell is not what is wanted, or is text in a column that is mostly numbers, or the type has no meaning here.
    """
    values = raw.column(name)
    found = _of_type(raw, name, values, wanted) if raw.typed else _of_text(raw, name, values, wanted, known)
    if wanted == "category":
        return Found("category", found.column.as_category())
    if wanted is not None and found.column.kind == "category":
        if not found.column.texts:  # a column without any value is of any kind
            return Found(wanted, Column(name, wanted, np.full(len(raw), np.nan)))
        row = int(np.argmax(~found.column.missing))
        text = found.column.texts[found.column.values[row]]
        raw.refuse(row, name, f"has the text '{text}' where a number is expected as in training; give numbers")
    if wanted is not None:
        return Found(wanted, Column(name, wanted, found.column.values))
    return found


def note_on(found: Found) -> str:
    """What a user should know of a column before training on it; empty where that is nothing."""
    name = found.column.name
    if found.meaning in LEFT_OUT:
        return (
            f"the column '{name}' {LEFT_OUT[found.meaning]}, and is left out; say so by --ignore {name}, or have it "
            f"taken for categories by --categorical {name}"
        )
    if found.looks_like_identifier:
        return (
            f"the column '{name}' counts the rows, from which nothing can be learned that holds elsewhere; leave it "
            f"out by --ignore {name}"
        )
    return ""


def numbers_of(raw: RawTable) -> Array:
    """All columns as an array (n, d) of float64, NaN where a value is missing.

    Raises
    ------
    DataError
        A column holds anything else.
    """
    columns = []
    for name in raw.names:
        found = find_out(raw, name)
        if found.column.kind == "category":
            what = "times" if found.meaning == "time" else "text"
            raise DataError(
                f"{raw.source}: the column '{name}' holds {what} where a network takes numbers; leave it out, or have "
                "fastnet.Preparation encode the frame first"
            )
        columns.append(found.column.values)
    return np.column_stack(columns)


def _of_type(raw: RawTable, name: str, values: "pa.ChunkedArray", wanted: Kind | None = None) -> Found:
    """Of a column whose format says what it holds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        of_values = _of_type(raw, name, _decoded(values))
        return Found("category", of_values.column.as_category())
    if wanted == "category" and pa.types.is_integer(kind):
        # As text, since float64 does not tell the largest from each other.
        return Found("category", _as_category(name, pc.cast(values, pa.string()), trim=False))
    if pa.types.is_boolean(kind):
        return Found("boolean", Column(name, "boolean", _floats(pc.cast(values, pa.uint8()))))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        if pa.types.is_float16(kind):
            values = pc.cast(values, pa.float32())
        numbers = _floats(pc.cast(values, pa.float64(), safe=False))
        return _of_numbers(name, numbers)
    if pa.types.is_duration(kind):
        microseconds = pc.cast(pc.cast(values, pa.duration("us"), safe=False), pa.int64())
        return Found("number", Column(name, "number", _floats(pc.cast(microseconds, pa.float64(), safe=False)) / 1e6))
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return Found("time", _as_category(name, pc.cast(values, pa.string(), safe=False), trim=False))
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise DataError(
            f"{raw.source}: the column '{name}' is of type {str(kind)[:60]}, which is neither numbers, text nor times; "
            "leave it out or write it as one of them"
        )
    column = _as_category(name, values, trim=True)
    return Found(_of_texts(column), column)


def _of_text(raw: RawTable, name: str, values: "pa.ChunkedArray", wanted: Kind | None, known: Collection[str]) -> Found:
    """Of a column of a text file, where numbers are texts too."""
    import pyarrow as pa

    if wanted != "category":
        advice = f"or have the column's values taken for categories by --categorical {name}"
        values = numbers_or_text(raw, name, advice)
        if pa.types.is_floating(values.type):
            return _of_numbers(name, _floats(values))
    column = _as_category(name, values, trim=False)
    if wanted == "category":
        texts = [text if text in known else _code(text) for text in column.texts]
        return Found("category", category(name, texts, column.values[~column.missing], ~column.missing))
    counts = np.bincount(column.values[~column.missing], minlength=len(column.texts))
    parsed = np.array([_number(text) for text in column.texts], np.float64)
    is_truth = {text.lower() for text in column.texts} <= set(_TRUTHS)
    if is_truth and wanted != "number":
        truths = np.array([_TRUTHS[text.lower()] for text in column.texts])
        return Found("boolean", Column(name, "boolean", np.append(truths, np.nan)[column.values]))
    if wanted == "boolean":
        parsed = np.array([_TRUTHS.get(text.lower(), value) for text, value in zip(column.texts, parsed, strict=True)])
    is_nothing = np.array([text.lower() in NOTHING for text in column.texts], bool)
    is_text = np.isnan(parsed) & ~is_nothing
    # What is written in a way that is not read counts as a number, too, where it is asked what a column was meant as.
    is_like_number = np.array([looks_like_number(text) for text in column.texts], bool) | ~np.isnan(parsed)
    n_numbers, n_texts = int(counts[is_like_number].sum()), int(counts[is_text & ~is_like_number].sum())
    if not is_text.any() and (n_numbers or wanted is not None):
        return _of_numbers(name, np.append(parsed, np.nan)[column.values])
    if wanted is not None or n_numbers >= max(n_texts, 1):
        first = is_text & ~is_like_number if n_texts else is_text
        _refuse_text(raw, name, values, np.append(first, False)[column.values])
    return Found(_of_texts(column), column)


def _refuse_text(raw: RawTable, name: str, values: "pa.ChunkedArray", is_text: npt.NDArray[np.bool_]) -> None:
    row = int(np.argmax(is_text))
    raw.refuse(
        row,
        name,
        f"has the text '{values[row].as_py()}' where a number is expected; correct it or remove the row, or have the "
        f"column's values taken for categories by --categorical {name}",
    )


def _of_numbers(name: str, values: Array) -> Found:
    column = Column(name, "number", values)
    # Only what is called like one: whole numbers that rise by 1 may be years.
    counts_up = _NAMES_OF_IDENTIFIERS.fullmatch(name) or _NAMES_OF_IDENTIFIERS.fullmatch(name.lower())
    with np.errstate(over="ignore", invalid="ignore"):  # the largest numbers are further apart than a float tells
        is_identifier = counts_up is not None and len(values) > 2 and bool((np.diff(values) == 1).all())
    return Found("number", column, is_identifier)


def _of_texts(column: Column) -> Meaning:
    """What a column of text means: times, a name for each row, or categories."""
    present = int(np.count_nonzero(~column.missing))
    if column.texts and all(_TIME.fullmatch(text) for text in column.texts):
        return "time"
    return "identifier" if len(column.texts) >= _FEW and len(column.texts) >= _MOSTLY * present else "category"


def _as_category(name: str, values: "pa.ChunkedArray", *, trim: bool) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.cast(values, pa.large_string())
    encoded = pc.utf8_trim_whitespace(texts) if trim else texts
    encoded = encoded.dictionary_encode().unify_dictionaries()
    chunks = [chunk for chunk in encoded.chunks if len(chunk)]
    distinct: list[str] = chunks[0].dictionary.to_pylist() if chunks else []
    codes = np.concatenate(
        [np.asarray(chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64) for chunk in chunks]
        or [np.empty(0, np.int64)]
    )
    absent = np.array([*(is_missing(text) for text in distinct), True])
    present = ~absent[codes]
    kept = np.flatnonzero(~absent[:-1])
    place = np.full(len(distinct) + 1, -1)
    place[kept] = np.arange(len(kept))
    return category(name, [distinct[index] for index in kept], place[codes[present]], present)


def _decoded(values: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """What a dictionary stands for; pyarrow decodes those of texts only if they are of its older types."""
    import pyarrow as pa
    import pyarrow.compute as pc

    older = pa.large_string() if pa.types.is_string_view(values.type.value_type) else values.type.value_type
    chunks = [pc.take(pc.cast(chunk.dictionary, older), chunk.indices) for chunk in values.chunks]
    return pa.chunked_array(chunks, older)


def _floats(values: "pa.ChunkedArray") -> Array:
    """Numbers as float64, NaN where one is missing."""
    return np.asarray(values.to_numpy(), np.float64)


def _number(text: str) -> float:
    """The number that a text is, NaN where it is none."""
    return float(text) if is_number(text) else np.nan


def _code(text: str) -> str:
    """A text as a category, for which 3 and 3.0 are the same, but 03 is a text of its own."""
    if _WHOLE.fullmatch(text):
        return text.removeprefix("+") if text.lstrip("+-") != "0" else "0"
    return as_code(float(text)) if _DECIMAL.fullmatch(text) and abs(float(text)) < 2**53 else text
