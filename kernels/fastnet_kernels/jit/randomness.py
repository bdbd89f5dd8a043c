"""As in the reference, one number at a time, and the same bits. Every 32-bit product is cast back at once: Numba widens
it to 64 bits, which the vector units multiply at a fraction of the rate."""

import numpy as np

from .compiler import kernel
from .formula import elementwise, with_sign_of
from .vector_math import normal_quantile

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@kernel
def mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def stream_key(seed, stream, index):
    key = mix(np.uint64(seed) + GOLDEN)
    key = mix(key + np.uint64(stream) * GOLDEN)
    return mix(key + np.uint64(index) * GOLDEN)


@kernel
def row_key(key, row):
    return mix(key + (row + np.uint64(1)) * GOLDEN)


@kernel
def unit_bits(key, unit):
    low, high = np.uint32(key), np.uint32(key >> np.uint64(32))
    x = np.uint32(np.uint32(unit * np.uint32(0x9E3779B9)) + low)
    x = np.uint32(np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)) + high)
    x = np.uint32((x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def shuffle(order, seed, epoch):
    n = order.size
    key = stream_key(seed, np.int64(-1), epoch)
    for i in range(n):
        order[i] = i
    for i in range(n - 1, 0, -1):
        bits = row_key(key, np.uint64(i)) >> np.uint64(32)
        j = np.int64((bits * np.uint64(i + 1)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]


@kernel
def dropout_mask(mask, rate, seed, stream, step, first_row):
    threshold = np.uint32(rate * 4294967296.0)
    kept = mask.dtype.type(1 / (1 - rate))
    dropped = mask.dtype.type(0)
    stream_of_step = stream_key(seed, stream, step)
    for i in range(mask.shape[0]):
        key = row_key(stream_of_step, np.uint64(first_row + i))
        for j in range(mask.shape[1]):
            mask[i, j] = kept if unit_bits(key, np.uint32(j)) >= threshold else dropped


@elementwise("noise")
def _scaled_quantiles(noise, deviation):
    return deviation * with_sign_of(normal_quantile(abs(noise)), noise)


@kernel
def gaussian(noise, deviation, seed, stream, step, first_row):
    """Bits first, then the quantiles in vector code, in place."""
    kind = noise.dtype.type
    half, unit = kind(0.5), kind(1 / 4294967296)
    stream_of_step = stream_key(seed, stream, step)
    for i in range(noise.shape[0]):
        key = row_key(stream_of_step, np.uint64(first_row + i))
        for j in range(noise.shape[1]):
            bits = np.int32(unit_bits(key, np.uint32(j)))
            tail = (kind(bits & np.int32(0x7FFFFFFF)) + half) * unit
            noise[i, j] = tail if bits >= 0 else -tail
    _scaled_quantiles(noise, deviation)
