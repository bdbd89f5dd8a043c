"""Pictures changed a little, anew for each sample in each step of a training: mirrored, turned about their middle and
moved (Simard, Steinkraus and Platt, 2003). They are read where the user's data lie and written changed into the batch.

A row of numbers is a picture of the op's ``input_shape`` (height, width, channels). What is done to it is counted (see
randomness): of the 32-bit numbers that belong to its row of the batch the first two decide on the mirrors, the next two
on how far it moves, by whole pixels, and the fifth on the angle. All of it comes to where each pixel is taken from (see
pictures), in whole numbers, so that nothing is left to how an engine rounds.
"""

import numpy as np
import numpy.typing as npt

from ..program import MIRROR_COLUMNS, MIRROR_ROWS, Array, Record
from .pictures import Map, move_pixels
from .pixels import Pixels, convert_pixels
from .randomness import row_key, stream_key, unit_bits
from .views import row_block

TERMS = 12
"""Of a sine's series: of half a turn the first that is left out is below 2e-11."""


def sine_and_cosine(angle: float) -> tuple[float, float]:
    """Of an angle of at most half a turn, in radians, by their Taylor series in one order of operations, each of which
    is rounded by itself: the same bits everywhere."""
    square = angle * angle
    sine = cosine = 1.0
    for term in range(2 * TERMS, 0, -2):
        sine = 1.0 - square / (term * (term + 1.0)) * sine
        cosine = 1.0 - square / (term * (term - 1.0)) * cosine
    return angle * sine, cosine


def drawn(op: Record, seed: int, step: int, row: int) -> Map:
    """Where the pixels of row ``row`` of a batch are taken from, as ``move_pixels`` has it."""
    key = row_key(stream_key(seed, int(op["key"]), step), np.array([row], np.uint64))
    bits = [int(number) for number in unit_bits(key, np.arange(5, dtype=np.uint32))]
    down = -1 if op["mirrors"] & MIRROR_ROWS and bits[0] >> 31 else 1
    right = -1 if op["mirrors"] & MIRROR_COLUMNS and bits[1] >> 31 else 1
    # From -largest to largest, each as likely, by multiply and shift (Lemire, 2019).
    moved_down, moved_right = (
        ((number * (2 * int(largest) + 1)) >> 32) - int(largest)
        for number, largest in zip(bits[2:4], op["shift"], strict=True)
    )
    angle = float(op["angle"]) * ((bits[4] - 2147483648.0) / 2147483648.0)
    sine, cosine = (int(np.rint(32768.0 * number)) for number in sine_and_cosine(angle))
    # Twice the distance of the pixel (0, 0) from the middle, before it was moved: whole numbers.
    last_row, last_column = int(op["input_shape"][0]) - 1, int(op["input_shape"][1]) - 1
    y, x = -2 * moved_down - last_row, -2 * moved_right - last_column
    return (
        (last_row << 15) + down * (cosine * y - sine * x),
        2 * down * cosine,
        -2 * down * sine,
        (last_column << 15) + right * (sine * y + cosine * x),
        2 * right * sine,
        2 * right * cosine,
    )


def augment(out: Array, x: Array, op: Record, seed: int, step: int, first_row: int) -> None:
    """Fill ``out`` with the pictures ``x`` as they are changed in a step; both (n_samples, n_features), two arrays.

    ``first_row`` is the place in the batch of the first, so that a block of rows gets the same as the whole.
    """
    height, width, channels = (int(size) for size in op["input_shape"])
    for i in range(len(x)):
        where = drawn(op, seed, step, first_row + i)
        move_pixels(row_block(out, i, 1), row_block(x, i, 1), where, (height, width, channels))


def augment_rows(
    batch: Array,
    scratch: Array,
    X: Array,
    pixels: Pixels,
    divisor: float,
    start: int,
    op: Record,
    seed: int,
    step: int,
    first_row: int,
) -> None:
    """Fill ``batch`` (rows, n_features) with as many samples from ``start`` on, changed: those of ``X`` or, where there
    are some, ``pixels / divisor``, which are converted into ``scratch`` (1, n_features) one at a time."""
    rows = batch.shape[0]
    if pixels.shape[1] == 0:
        augment(batch, row_block(X, start, rows), op, seed, step, first_row)
        return
    for i in range(rows):
        convert_pixels(scratch, pixels[start + i : start + i + 1], divisor)
        augment(row_block(batch, i, 1), scratch, op, seed, step, first_row + i)


def augment_gathered(
    batch: Array,
    scratch: Array,
    X: Array,
    pixels: Pixels,
    divisor: float,
    order: npt.NDArray[np.int64],
    start: int,
    op: Record,
    seed: int,
    step: int,
    first_row: int,
) -> None:
    """As ``augment_rows``, of the samples that ``order[start : start + rows]`` names."""
    for i in range(batch.shape[0]):
        one = row_block(batch, i, 1)
        augment_rows(one, scratch, X, pixels, divisor, int(order[start + i]), op, seed, step, first_row + i)
