"""Features of several kinds beside each other: columns of numbers and columns of categories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .dataset import Array

Kind = Literal["number", "boolean", "category"]


@dataclass(frozen=True, eq=False)
class Column:
    """One feature of each sample.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category"}
    values : array (n,)
        float64 with NaN where one is missing; of a category int32, the index of its text, or -1.
    texts : tuple of str
        The distinct texts of a category, rising; some may not occur.
    """

    name: str
    kind: Kind
    values: Array
    texts: tuple[str, ...] = ()

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which samples have no value, (n,)."""
        absent: npt.NDArray[np.bool_] = self.values < 0 if self.kind == "category" else np.isnan(self.values)
        return absent

    def as_category(self) -> "Column":
        """The same with the text of each distinct number as a category."""
        if self.kind == "category":
            return self
        present = ~self.missing
        distinct, codes = np.unique(self.values[present], return_inverse=True)
        return category(self.name, [as_code(number) for number in distinct.tolist()], codes, present)

    def cells(self) -> Array:
        """Its values as objects: floats or texts, None where one is missing."""
        if self.kind == "category":
            return np.array([*self.texts, None], dtype=object)[self.values]
        objects = self.values.astype(object)
        objects[self.missing] = None
        return objects


def category(name: str, texts: Sequence[str], codes: Array, present: npt.NDArray[np.bool_]) -> Column:
    """A column of categories, whatever order the distinct texts are in.

    Parameters
    ----------
    name : str
    texts : sequence of str
        Equal ones become one.
    codes : array (n_present,) of int
        The index of each present sample's text.
    present : array (n,) of bool
    """
    rising = sorted(set(texts))
    place = {text: index for index, text in enumerate(rising)}
    values = np.full(len(present), -1, np.int32)
    if len(codes):
        values[present] = np.array([place[text] for text in texts], np.int32)[codes]
    return Column(name, "category", values, tuple(rising))


def as_code(number: float) -> str:
    """The text of a number that stands for a category: 3 and 3.0 are the same."""
    return str(int(number)) if number == np.floor(number) and abs(number) < 2**53 else repr(number)


@dataclass(frozen=True, eq=False)
class Table:
    """The features of n samples by columns; takes the place of an array (n, d) where not all are numbers.

    Attributes
    ----------
    columns : tuple of d Column
        At least one, all of the same length.
    """

    columns: tuple[Column, ...]

    @classmethod
    def from_array(cls, X: Array, names: Sequence[str] | None) -> "Table":
        """An array (n, d) of numbers as columns; without names they are called by their number."""
        called = names or [str(index + 1) for index in range(X.shape[1])]
        values = X.astype(np.float64, copy=False)
        return cls(tuple(Column(name, "number", values[:, index]) for index, name in enumerate(called)))

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def __getitem__(self, rows: Any) -> "Table":
        """Some of the samples: a slice, indices or a mask, as of an array."""
        return Table(tuple(replace(column, values=column.values[rows]) for column in self.columns))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Floats and texts as objects (n, d), None where one is missing."""
        return np.column_stack([column.cells() for column in self.columns]).astype(dtype or object)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return len(self), len(self.columns)

    @property
    def ndim(self) -> int:
        """2, as of an array (n, d)."""
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the array it would be."""
        return np.dtype(object)
