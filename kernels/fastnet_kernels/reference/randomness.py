"""Counted randomness: every random bit is a pure function of where it is used, so that nothing has to be drawn in
order, saved, or agreed on between threads.

``mix`` is the finaliser of splitmix64 (Steele, Lea and Flood, 2014). ``row_key`` spends it once a row of a mask;
the 32-bit ``unit_bits``, made once a unit, is the two-round multiply-xorshift of Wellons' hash prospector ("lowbias32")
with the row's second key added between its rounds.
"""

import numpy as np
import numpy.typing as npt

from ..program import Array

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
UInt64 = npt.NDArray[np.uint64]
UInt32 = npt.NDArray[np.uint32]


def mix(x: UInt64) -> UInt64:
    """Scramble 64 bits into 64 bits, one to one; x is an array of uint64 of any shape."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def stream_key(seed: int, stream: int, index: int) -> UInt64:
    """The key of stream ``stream`` at ``index`` (a step or an epoch) under ``seed``, a uint64 array of shape (1,)."""
    key = mix(np.array([seed], np.int64).astype(np.uint64) + GOLDEN)
    key = mix(key + np.array([stream], np.int64).astype(np.uint64) * GOLDEN)
    return mix(key + np.array([index], np.int64).astype(np.uint64) * GOLDEN)


def row_key(key: UInt64, row: UInt64) -> UInt64:
    """The 64-bit key of a row, counted from 0, under a stream's key; ``row`` is uint64 of any shape."""
    return mix(key + (row + np.uint64(1)) * GOLDEN)


def unit_bits(key: UInt64, unit: UInt32) -> UInt32:
    """32 random bits for a unit, counted from 0, of the row with that key; the two shapes broadcast."""
    x = unit * np.uint32(0x9E3779B9) + key.astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D) + (key >> np.uint64(32)).astype(np.uint32)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def shuffle(order: npt.NDArray[np.int64], seed: int, epoch: int) -> None:
    """Fill ``order`` (n,) with the permutation of 0..n-1 that belongs to (seed, epoch).

    The shuffle of Durstenfeld (1964), from the last place down. The number below i + 1 is taken from 32 counted bits by
    multiply and shift (Lemire, 2019); its bias is below n / 2**32.
    """
    n = len(order)
    places: UInt64 = np.arange(n, dtype=np.uint64)
    bits = row_key(stream_key(seed, -1, epoch), places) >> np.uint64(32)
    other = ((bits * (places + np.uint64(1))) >> np.uint64(32)).astype(np.int64)
    values = list(range(n))
    for i, j in zip(range(n - 1, 0, -1), other[:0:-1].tolist(), strict=True):
        values[i], values[j] = values[j], values[i]
    order[...] = values


def dropout_mask(mask: Array, rate: float, seed: int, stream: int, step: int, first_row: int) -> None:
    """Fill ``mask`` (n_samples, n_units) with 0 where a unit is dropped, else ``1 / (1 - rate)``.

    A unit is dropped where its 32 bits are below ``rate * 2**32``. ``first_row`` is the place in the batch of the
    mask's first row, so that a block of rows gets the same bits as the whole.
    """
    threshold = np.uint32(rate * 4294967296.0)
    rows = np.arange(first_row, first_row + mask.shape[0], dtype=np.uint64)[:, np.newaxis]
    units = np.arange(mask.shape[1], dtype=np.uint32)
    kept = unit_bits(row_key(stream_key(seed, stream, step), rows), units) >= threshold
    np.multiply(kept, mask.dtype.type(1 / (1 - rate)), out=mask)


def gaussian(noise: Array, deviation: float, seed: int, stream: int, step: int, first_row: int) -> None:
    """Fill ``noise`` (n_samples, n_units) with numbers of a normal distribution of that deviation around 0.

    The first of a unit's 32 bits is the sign, the others the share of the distribution that lies beyond the number
    (inversion), so that the largest are near 6.2 deviations. ``first_row`` is as in ``dropout_mask``.
    """
    from scipy.special import ndtri

    rows = np.arange(first_row, first_row + noise.shape[0], dtype=np.uint64)[:, np.newaxis]
    units = np.arange(noise.shape[1], dtype=np.uint32)
    bits = unit_bits(row_key(stream_key(seed, stream, step), rows), units)
    tail = ((bits & np.uint32(0x7FFFFFFF)).astype(noise.dtype) + 0.5) / 4294967296.0
    noise[...] = deviation * np.where(bits >> np.uint32(31), ndtri(tail), -ndtri(tail))
