"""From the columns of a table to numbers: categories one-hot, missing values filled in, as fixed in training."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from ..errors import DataError, DataWarning
from .dataset import Array
from .examine import mean_and_deviation
from .plain import PlainReader
from .table import Column, Kind, Table

Impute = Literal["mean", "median", "most_frequent"]
IMPUTE: tuple[Impute, ...] = get_args(Impute)

_ABSENT = "(missing)"


@dataclass(frozen=True)
class ColumnEncoding:
    """What becomes of one column.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category"}
    categories : tuple of str
        Those seen in training, rising; each is a feature of 0 and 1, all 0 where a text was never seen.
    fill : float, str or None
        What a missing value is replaced by; None refuses it.
    own_missing : bool
        Whether a missing category is a category of its own, the last.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    fill: float | str | None = None
    own_missing: bool = False

    @property
    def takes_missing(self) -> bool:
        """Whether a value may be missing."""
        return self.own_missing or self.fill is not None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that the column becomes."""
        if self.kind != "category":
            return (self.name,)
        own = (_ABSENT,) if self.own_missing else ()
        return tuple(f"{self.name}={text}" for text in (*self.categories, *own))

    def numbers(self, column: Column, source: str) -> Array:
        """The values (n,) of a column of numbers, float64, missing ones filled in.

        Raises
        ------
        DataError
            They are no numbers, or one is missing or infinite.
        """
        if column.kind == "category":
            example = next(iter(column.texts), "")
            raise DataError(
                f"{source}: the column '{self.name}' holds text, such as '{example}', where the model was trained on "
                "numbers; give numbers"
            )
        if self.fill is None:
            refuse_missing(column, source)
        else:
            column = Column(column.name, column.kind, np.where(column.missing, self.fill, column.values))
        infinite = np.flatnonzero(~np.isfinite(column.values))
        if len(infinite):
            raise DataError(
                f"{source}: sample {infinite[0] + 1} of {len(column.values)}, feature '{self.name}' is "
                f"{column.values[infinite[0]]}; finite numbers are expected, so correct it or remove the sample"
            )
        return column.values

    def indices(self, column: Column, source: str) -> tuple[Array, dict[str, int]]:
        """The index (n,) of the feature that is 1 of each sample of a category, -1 where its text was never seen, and
        how often each such text occurs.

        Raises
        ------
        DataError
            A value is missing that nothing was asked for.
        """
        texts = column.as_category()
        known = {text: index for index, text in enumerate(self.categories)}
        if not self.takes_missing:
            refuse_missing(texts, source)
        absent = len(known) if self.own_missing else known.get(str(self.fill), -1)
        # The last is what the index -1 of a missing value finds.
        indices = np.array([*(known.get(text, -1) for text in texts.texts), absent], np.int64)[texts.values]
        unseen = {
            text: count
            for index, text in enumerate(texts.texts)
            if text not in known and (count := int(np.count_nonzero(texts.values == index)))
        }
        return indices, unseen

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "name": self.name,
            "kind": self.kind,
            "categories": list(self.categories),
            "fill": self.fill,
            "own_missing": self.own_missing,
        }

    @classmethod
    def from_dict(cls, entries: Any) -> "ColumnEncoding":
        """Rebuild what `to_dict` gave, trusting nothing in it.

        Raises
        ------
        ModelFileError
        """
        reader = PlainReader(entries, tuple(cls.__dataclass_fields__))
        kind = cast(Kind, reader.choice("kind", get_args(Kind)))
        labels = reader.labels("categories")
        reader.require(all(isinstance(text, str) for text in labels), "categories", "a list of texts")
        read = cls(
            name=reader.text("name"),
            kind=kind,
            categories=tuple(str(text) for text in labels),
            fill=reader.text_or_none("fill") if kind == "category" else reader.number_or_none("fill"),
            own_missing=reader.truth("own_missing"),
        )
        fits = bool(labels) or read.own_missing if kind == "category" else not labels
        reader.require(fits, "categories", f"a list that fits the kind '{kind}'")
        fits = read.fill is None or (not read.own_missing and (kind != "category" or read.fill in labels))
        reader.require(fits, "fill", "null or one of the categories")
        reader.require(kind == "category" or not read.own_missing, "own_missing", "false for numbers")
        return read


def fit_columns(
    table: Table, source: str, *, impute: Impute | None, missing_category: bool
) -> tuple[ColumnEncoding, ...]:
    """How each column is encoded, by the training samples alone.

    Parameters
    ----------
    table : Table
    source : str
    impute : {"mean", "median", "most_frequent"}, optional
        What missing numbers are replaced by; missing categories and truths by the most frequent.
    missing_category : bool
        Whether a missing category is a category of its own instead.

    Raises
    ------
    DataError
        A value is missing that nothing was asked for, or a column has no value at all.
    """
    return tuple(_fit(column, source, impute, missing_category) for column in table.columns)


def _fit(column: Column, source: str, impute: Impute | None, missing_category: bool) -> ColumnEncoding:
    is_category = column.kind == "category"
    own = is_category and missing_category
    if impute is None and not own:
        refuse_missing(column, source)
    present = column.values[~column.missing]
    if not len(present):
        raise DataError(f"{source}: the column '{column.name}' has no value at all to train on; leave it out")
    if not is_category:
        return ColumnEncoding(column.name, column.kind, fill=_filling(column, present, impute))
    seen, counts = np.unique(present, return_counts=True)
    texts = tuple(column.texts[index] for index in seen)
    fill = texts[int(counts.argmax())] if impute is not None and not own else None
    return ColumnEncoding(column.name, "category", texts, fill, own)


def _filling(column: Column, present: Array, impute: Impute | None) -> float | None:
    if impute is None:
        return None
    if impute == "most_frequent" or column.kind == "boolean":
        values, counts = np.unique(present, return_counts=True)
        return float(values[counts.argmax()])
    with np.errstate(over="ignore", invalid="ignore"):
        filling = float(np.mean(present) if impute == "mean" else np.median(present))
    # A mean of numbers too large to add is told of where they are standardised.
    return filling if np.isfinite(filling) else float(present[0])


def refuse_missing(column: Column, source: str) -> None:
    """Refuse a column with a missing value, by the first."""
    absent = np.flatnonzero(column.missing)
    if len(absent):
        asked = " or --missing-category" if column.kind == "category" else ""
        raise DataError(
            f"{source}: sample {absent[0] + 1} of {len(column.values)}, feature '{column.name}' is missing (as are "
            f"{len(absent)} in all); fill it in, remove the sample, or train with --impute{asked}"
        )


def scaling_of(
    table: Table, encodings: Sequence[ColumnEncoding], source: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each feature; categories stay 0 and 1.

    Raises
    ------
    DataError
        A number is infinite or too large.
    """
    mean: list[float] = []
    deviation: list[float] = []
    for column, encoding in zip(table.columns, encodings, strict=True):
        if encoding.kind == "category":
            mean += [0.0] * len(encoding.feature_names)
            deviation += [1.0] * len(encoding.feature_names)
        else:
            values = encoding.numbers(column, source)[:, None]
            column_mean, column_deviation = mean_and_deviation(values, source, names=(encoding.name,))
            mean += column_mean
            deviation += column_deviation
    return tuple(mean), tuple(deviation)


def encode(
    table: Table,
    encodings: Sequence[ColumnEncoding],
    mean: Sequence[float],
    deviation: Sequence[float],
    source: str,
    dtype: npt.DTypeLike,
) -> Array:
    """The features (n, d) of a table whose columns are those of training, in the same order.

    Texts that were never seen are told of in one `DataWarning`.

    Raises
    ------
    DataError
        A column is of another kind than in training, or a value is missing that nothing was asked for.
    """
    encoded = np.zeros((len(table), len(mean)), dtype)
    notes = []
    start = 0
    for column, encoding in zip(table.columns, encodings, strict=True):
        if encoding.kind == "category":
            indices, unseen = encoding.indices(column, source)
            rows = np.flatnonzero(indices >= 0)
            encoded[rows, start + indices[rows]] = 1
            if unseen:
                notes.append(_of_unseen(encoding.name, unseen))
        else:
            with np.errstate(over="ignore"):
                encoded[:, start] = (encoding.numbers(column, source) - mean[start]) / deviation[start]
        start += len(encoding.feature_names)
    if notes:
        warnings.warn(
            f"{source}: {'; '.join(notes)}; samples that have them are given 0 for each category of that column",
            DataWarning,
            stacklevel=3,
        )
    return encoded


def _of_unseen(name: str, unseen: dict[str, int]) -> str:
    shown = ", ".join(f"'{text}'" for text in list(unseen)[:3]) + (" and others" if len(unseen) > 3 else "")
    total = sum(unseen.values())
    samples = "1 sample has" if total == 1 else f"{total:,} samples have"
    return f"{samples} a value of '{name}' that training never saw ({shown})"
