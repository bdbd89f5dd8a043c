"""As in the reference, but the mask never exists: each unit's bits are made where they are used. Making them twice
costs less than writing a mask and reading it back."""

import numpy as np
from numba import types

from .compiler import kernel
from .library import MATRIX, shared
from .randomness import row_key, stream_key, unit_bits


@shared(types.none, MATRIX, MATRIX, types.float64, *[types.int64] * 4)
def dropout_forward(out, x, rate, seed, stream, step, first_row):
    threshold = np.uint32(rate * 4294967296.0)
    kept = x.dtype.type(1 / (1 - rate))
    dropped = x.dtype.type(0)
    stream_of_step = stream_key(seed, stream, step)
    for i in range(x.shape[0]):
        key = row_key(stream_of_step, np.uint64(first_row + i))
        for j in range(x.shape[1]):
            out[i, j] = x[i, j] * (kept if unit_bits(key, np.uint32(j)) >= threshold else dropped)


@kernel
def dropout_backward(dx, dout, rate, seed, stream, step, first_row):
    dropout_forward(dx, dout, rate, seed, stream, step, first_row)
