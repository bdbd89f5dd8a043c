"""Arrays that begin where a line of the cache does, and rows that do."""

import math

import numpy as np
import numpy.typing as npt

LINE = 64
"""Bytes of a line, and of the widest vectors."""


def in_whole_lines(size: int, dtype: npt.DTypeLike) -> int:
    """How many numbers a row of at least ``size`` needs for each row to begin with a line: an odd number of lines, so
    that those above each other are not all kept in the same few places of the cache."""
    in_a_line = LINE // np.dtype(dtype).itemsize
    return (-(-size // in_a_line) | 1) * in_a_line


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike, zeros: bool = False) -> npt.NDArray[np.floating]:
    """As ``np.empty`` or, with ``zeros``, ``np.zeros``, for what kernels go through in whole vectors: where these lie
    across two lines of the cache, each costs two accesses. NumPy's own arrays begin at any multiple of 16 bytes.

    Returns
    -------
    ndarray of shape and dtype
        C-ordered; without ``zeros`` its numbers are whatever was there.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = (np.zeros if zeros else np.empty)(size + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    return memory[start : start + size].view(dtype).reshape(shape)
