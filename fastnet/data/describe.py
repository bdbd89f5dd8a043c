"""What is in data: shapes, types, ranges, missing values, classes, features that say nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Array
from .examine import row_blocks
from .labels import are_labels, as_labels, is_one_hot, looks_like_classes
from .meaning import find_out, note_on
from .raw import RawTable
from .table import Column


@dataclass(frozen=True)
class Numbers:
    """Finite numbers and what is beside them.

    Attributes
    ----------
    least, most, mean, deviation : float
        Of the finite ones; NaN where there are none.
    missing, infinite : int
    """

    least: float
    most: float
    mean: float
    deviation: float
    missing: int
    infinite: int


@dataclass(frozen=True)
class ColumnSummary:
    """One column of a table.

    Attributes
    ----------
    name : str
    meaning : str
        "number", "boolean", "category", "time", "identifier", "mixed" where text stands among numbers, or "other" of a
        type that nobody can train on.
    missing, distinct : int
    numbers : Numbers, optional
    frequent : tuple of (str, int)
        The most frequent texts and how often they occur.
    note : str
        What a user should know of it; else empty.
    column : Column
        Its values.
    """

    name: str
    meaning: str
    missing: int
    distinct: int
    numbers: Numbers | None
    frequent: tuple[tuple[str, int], ...]
    note: str
    column: Column

    @property
    def is_constant(self) -> bool:
        """Whether it says nothing."""
        return self.distinct == 1 and not self.missing

    @property
    def counts_rows(self) -> bool:
        """Whether it is numbers that only name the rows."""
        return self.meaning == "number" and bool(self.note)

    @property
    def is_feature(self) -> bool:
        """Whether it is more than a name or a time of its row."""
        return self.meaning not in ("time", "identifier", "other")


@dataclass(frozen=True)
class TargetSummary:
    """What is to be predicted.

    Attributes
    ----------
    kind : {"classes", "labels", "numbers"}
    counts : mapping of str to int
        How many samples there are of each class, or that have each label.
    numbers : Numbers, optional
        Of numbers.
    missing : int
    """

    kind: str
    counts: dict[str, int]
    numbers: Numbers | None
    missing: int


def summary_of_numbers(X: Array) -> Numbers:
    """Of all values of an array (n, ...), a block of rows at a time."""
    count = missing = infinite = 0
    least, most, total, squares = np.inf, -np.inf, 0.0, 0.0
    shift = None
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in row_blocks(len(X)):
            block = np.asarray(X[rows], np.float64).ravel()
            is_finite = np.isfinite(block)
            missing += int(np.isnan(block).sum())
            infinite += int(np.isinf(block).sum())
            finite = block[is_finite]
            if not len(finite):
                continue
            # Squares of what is near to the mean are rounded less than those of the values.
            shift = float(finite.mean()) if shift is None else shift
            count += len(finite)
            least, most = min(least, float(finite.min())), max(most, float(finite.max()))
            total += float((finite - shift).sum())
            squares += float(np.square(finite - shift).sum())
    if shift is None:
        return Numbers(np.nan, np.nan, np.nan, np.nan, missing, infinite)
    mean = total / count
    return Numbers(least, most, shift + mean, max(squares / count - mean * mean, 0) ** 0.5, missing, infinite)


def constant_features(X: Array) -> int:
    """How many features of X (n, ...) are the same in every sample."""
    flat = X.reshape(len(X), -1)
    is_constant = np.ones(flat.shape[1], bool)
    for rows in row_blocks(len(flat)):
        is_constant &= (flat[rows] == flat[0]).all(axis=0)
    return int(is_constant.sum())


def summary_of_column(raw: RawTable, name: str, *, most: int = 3) -> ColumnSummary:
    """What a column of a table is taken for and what is in it; a mistake in it is a note.

    Parameters
    ----------
    raw : RawTable
    name : str
    most : int
        How many of the most frequent texts are wanted.
    """
    note = ""
    try:
        found = find_out(raw, name)
        meaning: str = found.meaning
    except DataError as error:
        if raw.typed:
            nothing = Column(name, "category", np.full(len(raw), -1, np.int32))
            return ColumnSummary(name, "other", raw.column(name).null_count, 0, None, (), str(error), nothing)
        found, meaning, note = find_out(raw, name, wanted="category"), "mixed", str(error)
    column = found.column
    missing = int(np.count_nonzero(column.missing))
    if column.kind == "category":
        counts = Counter(dict(zip(column.texts, _counts(column), strict=True)))
        distinct, frequent = sum(count > 0 for count in counts.values()), tuple(counts.most_common(most))
        return ColumnSummary(name, meaning, missing, distinct, None, frequent, note or note_on(found), column)
    distinct = len(np.unique(column.values[~column.missing]))
    numbers = summary_of_numbers(column.values)
    return ColumnSummary(name, meaning, missing, distinct, numbers, (), note_on(found), column)


def summary_of_targets(y: Array, class_names: Sequence[str] | None) -> TargetSummary:
    """Of targets (n,) or (n, k), as training would take them if nobody says what they are; NaN is missing."""
    if are_labels(y) and not is_one_hot(y):
        names = class_names or [str(index) for index in range(y.shape[1])]
        counts = dict(zip(names, np.nansum(y, axis=0).astype(int).tolist(), strict=True))
        return TargetSummary("labels", counts, None, int(np.isnan(y).sum()))
    is_missing = np.isnan(y).reshape(len(y), -1).any(axis=1) if y.dtype.kind == "f" else np.zeros(len(y), bool)
    present = y[~is_missing]
    missing = int(is_missing.sum())
    if not len(present) or not np.isfinite(present if present.dtype.kind == "f" else 0).all():
        return TargetSummary("numbers", {}, summary_of_numbers(y), missing)
    if not looks_like_classes(present, class_names):
        return TargetSummary("numbers", {}, summary_of_numbers(present), missing)
    values, occurring = np.unique(as_labels(present, ""), return_counts=True)
    texts = [
        class_names[value] if class_names and isinstance(value, int) and 0 <= value < len(class_names) else str(value)
        for value in values.tolist()
    ]
    return TargetSummary("classes", dict(zip(texts, occurring.tolist(), strict=True)), None, missing)


def summary_of_target_columns(summaries: Sequence[ColumnSummary]) -> TargetSummary | None:
    """Of the column of a table that is to be predicted, or of several of numbers; None of several with text."""
    columns = [summary.column for summary in summaries]
    if len(columns) > 1:
        if any(column.kind == "category" for column in columns):
            return None
        return summary_of_targets(np.column_stack([column.values for column in columns]), [c.name for c in columns])
    if columns[0].kind != "category":
        return summary_of_targets(columns[0].values, None)
    counts = dict(zip(columns[0].texts, _counts(columns[0]), strict=True))
    return TargetSummary("classes", counts, None, summaries[0].missing)


def plain(values: Numbers | None) -> dict[str, Any] | None:
    """Numbers as JSON has them."""
    return None if values is None else dict(vars(values))


def _counts(column: Column) -> list[int]:
    counts: list[int] = np.bincount(column.values[~column.missing], minlength=len(column.texts)).tolist()
    return counts
