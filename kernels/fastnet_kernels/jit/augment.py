"""As in the reference, and the same bits: whatever is rounded is rounded by itself (see ``exact``)."""

import numba
import numpy as np
from numba import types

from ..program import MIRROR_COLUMNS, MIRROR_ROWS, OP
from .compiler import exact, kernel
from .library import MATRIX, shared
from .pictures import move_pixels
from .pixels import convert_pixels
from .randomness import row_key, stream_key, unit_bits
from .views import row_block

TERMS = 12

_OP = numba.from_dtype(OP)


@exact
def sine_and_cosine(angle):
    square = angle * angle
    sine = cosine = 1.0
    for term in range(2 * TERMS, 0, -2):
        sine = 1.0 - square / (term * (term + 1.0)) * sine
        cosine = 1.0 - square / (term * (term - 1.0)) * cosine
    return angle * sine, cosine


@kernel
def drawn(op, seed, step, row):
    key = row_key(stream_key(seed, op["key"], step), np.uint64(row))
    down = right = np.int64(1)
    if op["mirrors"] & MIRROR_ROWS and unit_bits(key, np.uint32(0)) >> np.uint32(31) != 0:
        down = np.int64(-1)
    if op["mirrors"] & MIRROR_COLUMNS and unit_bits(key, np.uint32(1)) >> np.uint32(31) != 0:
        right = np.int64(-1)
    moved_down, moved_right = _moved(key, 2, op["shift"][0]), _moved(key, 3, op["shift"][1])
    sine, cosine = np.int64(0), np.int64(32768)
    if op["angle"] > 0:
        angle = op["angle"] * ((float(unit_bits(key, np.uint32(4))) - 2147483648.0) / 2147483648.0)
        sine_of, cosine_of = sine_and_cosine(angle)
        sine, cosine = np.int64(np.rint(32768.0 * sine_of)), np.int64(np.rint(32768.0 * cosine_of))
    last_row, last_column = op["input_shape"][0] - 1, op["input_shape"][1] - 1
    y, x = -2 * moved_down - last_row, -2 * moved_right - last_column
    return (
        (last_row << 15) + down * (cosine * y - sine * x),
        2 * down * cosine,
        -2 * down * sine,
        (last_column << 15) + right * (sine * y + cosine * x),
        2 * right * sine,
        2 * right * cosine,
    )


@kernel
def _moved(key, unit, largest):
    return ((np.int64(unit_bits(key, np.uint32(unit))) * (2 * largest + 1)) >> 32) - largest


@exact
def _changed(out, x, op, seed, step, first_row):
    shape = op["input_shape"][0], op["input_shape"][1], op["input_shape"][2]
    for i in range(out.shape[0]):
        where = drawn(op, seed, step, first_row + i)
        move_pixels(row_block(out, i, 1), row_block(x, i, 1), where, shape)


@shared(types.none, MATRIX, MATRIX, _OP, types.int64, types.int64, types.int64)
def augment(out, x, op, seed, step, first_row):
    _changed(out, x, op, seed, step, first_row)


@kernel
def augment_rows(batch, scratch, X, pixels, divisor, start, op, seed, step, first_row):
    rows = batch.shape[0]
    if pixels.shape[1] == 0:
        augment(batch, row_block(X, start, rows), op, seed, step, first_row)
        return
    for i in range(rows):
        convert_pixels(scratch, row_block(pixels, start + i, 1), divisor)
        augment(row_block(batch, i, 1), scratch, op, seed, step, first_row + i)


@kernel
def augment_gathered(batch, scratch, X, pixels, divisor, order, start, op, seed, step, first_row):
    for i in range(batch.shape[0]):
        one = row_block(batch, i, 1)
        augment_rows(one, scratch, X, pixels, divisor, order[start + i], op, seed, step, first_row + i)
