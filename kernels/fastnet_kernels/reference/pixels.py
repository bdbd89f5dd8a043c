"""Samples of bytes: uint8 pixels become numbers a block of rows at a time, so nobody holds them whole as floats."""

import numpy as np
import numpy.typing as npt

from ..program import Array

Pixels = npt.NDArray[np.uint8]


def convert_pixels(batch: Array, pixels: Pixels, divisor: float) -> None:
    """Fill ``batch`` (rows, n_features) with ``pixels / divisor``, divided in the batch's dtype."""
    np.divide(pixels, batch.dtype.type(divisor), out=batch)


def convert_columns(batch: Array, pixels: Pixels, start: int, divisor: float, first: int) -> None:
    """Fill ``batch`` (rows, n) with the n columns from ``first`` on of the rows of ``pixels`` from ``start`` on,
    divided by ``divisor``."""
    convert_pixels(batch, pixels[start : start + len(batch), first : first + batch.shape[1]], divisor)


def gather_pixels(
    batch: Array, pixels: Pixels, order: npt.NDArray[np.int64], start: int, divisor: float, first: int
) -> None:
    """Fill ``batch`` (rows, n) with the n columns from ``first`` on of the rows of ``pixels`` that ``order[start :
    start + rows]`` names, divided by ``divisor``."""
    convert_pixels(batch, pixels[order[start : start + len(batch)], first : first + batch.shape[1]], divisor)
