"""Samples of bytes, such as pictures: kept as they are and divided batch by batch, never held whole as floats."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError
from .validation import number

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Pixels:
    """Samples that stand for ``X / divisor``; a network takes them wherever it takes X.

    They are converted a batch at a time, on their way into the network and in its dtype, so a training holds one byte
    for each number instead of four or eight more. An ndarray of uint8 given as X is ``Pixels(X, divisor=1.0)``.

    Parameters
    ----------
    X : (n_samples, ...) ndarray of uint8
    divisor : float
        Above 0; 255 makes numbers from 0 to 1 of bytes.

    Raises
    ------
    DataError
        If X is not an array of uint8.
    ConfigurationError
        If the divisor is not a finite number above 0.
    """

    X: npt.NDArray[np.uint8]
    divisor: float = 255.0

    def __post_init__(self) -> None:
        if not isinstance(self.X, np.ndarray) or self.X.dtype != np.uint8:
            found = f"of {self.X.dtype}" if isinstance(self.X, np.ndarray) else f"a {type(self.X).__name__}"
            raise DataError(f"Pixels need an array of uint8, but X is {found}; give other numbers as X itself")
        object.__setattr__(self, "divisor", number("the divisor of Pixels", self.divisor, above=0))

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Any) -> "Pixels":
        """Some of the samples: a slice, indices or a mask, as of an array."""
        return Pixels(self.X[rows], self.divisor)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The numbers that they stand for, all at once: float64 unless asked for another type."""
        return (self.X / np.float64(self.divisor)).astype(dtype or np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of X."""
        return self.X.shape


Samples = Array | Pixels
"""What a checked X is: (n_samples, n_features), C-ordered."""

NO_PIXELS = np.empty((0, 0), np.uint8)
_NO_FLOATS = {name: np.empty((0, 0), name) for name in ("float32", "float64")}


def engine_arguments(samples: Samples, dtype: np.dtype[np.floating]) -> tuple[Array, npt.NDArray[np.uint8], float]:
    """X, pixels and divisor as an engine takes them: of X and pixels it reads the one that is not empty."""
    if isinstance(samples, Pixels):
        return _NO_FLOATS[dtype.name], samples.X, samples.divisor
    return samples, NO_PIXELS, 1.0
