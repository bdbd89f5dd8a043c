"""Features that stay in their file: what a ``Dataset`` has for X where it is to be streamed."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .dataset import Array
from .scaling import FittedScaling, fit_scaling_by_blocks
from .stored_rows import RowReader, StoredRows


class StoredSamples:
    """Raw samples of which no more than a block is in memory: those of an array of a file, or some of them.

    Attributes
    ----------
    stored : StoredRows
    shape : tuple of int
        (n, *input_shape)
    ndim : int
    dtype : dtype
        Of the samples, as they are read: uint8, float32 or float64.
    block_sizes : (n_blocks,) ndarray of int64
        How many of the samples each block of the file has.
    """

    def __init__(self, stored: StoredRows, chosen: npt.NDArray[np.int64] | None = None) -> None:
        self.stored, self._chosen = stored, chosen
        self.dtype = stored.kept
        edges = np.arange(-(-stored.shape[0] // stored.block) + 1) * stored.block
        self._starts = np.minimum(edges, stored.shape[0]) if chosen is None else np.searchsorted(chosen, edges)
        self.block_sizes = np.diff(self._starts)
        self.shape = int(self._starts[-1]), *(stored.shape[1:] or (1,))
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: Any) -> "StoredSamples":
        """Some of the samples: a slice, a mask (n,) or indices that rise, as they stay in the file's order.

        Raises
        ------
        DataError
            They are something else.
        """
        indices = np.arange(len(self))[chosen]
        if indices.ndim != 1 or (np.diff(indices) <= 0).any():
            raise DataError(
                f"{self.stored.path}: of samples that stay in their file some are chosen by a mask or by rising indices"
            )
        return StoredSamples(self.stored, indices if self._chosen is None else self._chosen[indices])

    def block_rows(self, block: int) -> slice:
        """Which of the samples a block has."""
        return slice(int(self._starts[block]), int(self._starts[block + 1]))

    def read_block(self, reader: RowReader, block: int) -> Array:
        """The samples (k, *input_shape) that a block has.

        Raises
        ------
        DataError
            They cannot be read.
        """
        first = block * self.stored.block
        raw = reader.rows(first, min(first + self.stored.block, self.stored.shape[0]))
        if self._chosen is None:
            return raw
        return raw[self._chosen[self.block_rows(block)] - first]

    def file_row(self, sample: int) -> int:
        """Where in the file a sample is, counted from 0."""
        return sample if self._chosen is None else int(self._chosen[sample])

    def fit_scaling(self, source: str, names: Sequence[str] | None) -> FittedScaling:
        """The scaling that suits the samples, by one pass over them.

        Raises
        ------
        DataError
            A value is not finite, or the values are too large to be standardised.
        """

        def flat() -> Iterator[tuple[int, Array]]:
            with self.stored.opened() as reader:
                for block in np.flatnonzero(self.block_sizes):
                    values = self.read_block(reader, int(block))
                    yield int(self._starts[block]), values.reshape(len(values), -1)

        return fit_scaling_by_blocks(flat(), source, names, self.file_row, self.stored.shape[0])
