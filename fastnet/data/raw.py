"""A table as its reader found it, before anybody asks what its columns mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NoReturn

from ..errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


Mark = Literal[".", ","]
"""Between the whole part of a number and its decimals."""


@dataclass(frozen=True)
class Decimals:
    """Which mark the numbers of a text file have, and the column that tells."""

    mark: Mark
    column: str


@dataclass(frozen=True)
class RawTable:
    """Columns with names.

    Attributes
    ----------
    source : str
    names : sequence of str
    columns : sequence of pyarrow.ChunkedArray
        All text where the format has no types.
    typed : bool
        Whether the format has types, so that text is never meant as numbers.
    place : function
        How messages name a row, counted from 0.
    delimiter : str
        What is between the cells of a text file; else empty.
    decimals : Decimals, optional
        Of a text file, as far as its rows tell.
    """

    source: str
    names: Sequence[str]
    columns: Sequence["pa.ChunkedArray"]
    typed: bool
    place: Callable[[int], str]
    delimiter: str = ""
    decimals: Decimals | None = None

    def __len__(self) -> int:
        return len(self.columns[0])

    def column(self, name: str) -> "pa.ChunkedArray":
        """The column of that name."""
        return self.columns[self._places[name]]

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each name is; looking through all of them for each takes minutes where there are many."""
        return {name: place for place, name in enumerate(self.names)}

    def refuse(self, row: int, name: str, words: str) -> NoReturn:
        """Refuse one cell.

        Raises
        ------
        DataError
        """
        raise DataError(f"{self.source}: {self.place(row)}, column '{name}' {words}")
