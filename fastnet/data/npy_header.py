"""What the header of an NPY file, or of a member of an NPZ file, declares."""

from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

_MOST_DIMENSIONS = 32


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
    """The shape and the dtype; None for a version of the format that only structured types need.

    Raises
    ------
    ValueError
        It is no header of NumPy's, or declares what no array can have.
    """
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            return None
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    except OSError:
        raise
    except Exception as error:  # it is a Python literal, whose tokens, nesting and type each fail in their way
        raise ValueError(f"its header is none of NumPy's: {' '.join(str(error).split())}") from None
    if len(shape) > _MOST_DIMENSIONS or any(isinstance(size, bool) or size < 0 for size in shape):
        raise ValueError(f"its header declares the shape {shape}")
    if dtype.subdtype is not None:  # an array in each place, whose length may be 0
        raise ValueError(f"its header declares the type {dtype}")
    return shape, dtype
