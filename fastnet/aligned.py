"""Arrays that begin where a line of the cache does."""

import math

import numpy as np
import numpy.typing as npt

LINE = 64
"""Bytes of a line, and of the widest vectors."""


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
