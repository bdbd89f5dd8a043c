"""Pictures whose pixels come from elsewhere in another picture."""

import numpy as np
import numpy.typing as npt

from ..program import Array

Map = tuple[int, int, int, int, int, int]
Places = npt.NDArray[np.int64]


def move_pixels(out: Array, x: Array, where: Map, shape: tuple[int, int, int]) -> None:
    """Fill the picture ``out`` with pixels of the picture ``x``, two arrays (1, n_features).

    Parameters
    ----------
    where : six int
        In 1/65536 of a pixel: the row of x that the pixel (0, 0) comes from, what it grows by with each row of out and
        with each column, and the same of the column. Where a row's number does not change from column to column, all of
        them are whole pixels, and so copies; else what lies between the four nearest is taken (bilinear). Beyond the
        picture is what its nearest edge is.
    shape : (height, width, channels)
    """
    row, row_down, row_right, column, column_down, column_right = where
    down, right = np.arange(shape[0])[:, np.newaxis], np.arange(shape[1])
    rows = np.clip(row + row_down * down + row_right * right, 0, (shape[0] - 1) << 16)
    columns = np.clip(column + column_down * down + column_right * right, 0, (shape[1] - 1) << 16)
    picture = x.reshape(shape)
    moved = picture[rows >> 16, columns >> 16] if row_right == 0 else _between_pixels(picture, rows, columns)
    out[...] = moved.reshape(out.shape)


def _between_pixels(picture: Array, rows: Places, columns: Places) -> Array:
    above, left = rows >> 16, columns >> 16
    below, right = np.minimum(above + 1, picture.shape[0] - 1), np.minimum(left + 1, picture.shape[1] - 1)
    down, across = (((places & 65535).astype(picture.dtype) / 65536)[..., np.newaxis] for places in (rows, columns))
    higher = _between(picture[above, left], picture[above, right], across)
    lower = _between(picture[below, left], picture[below, right], across)
    return _between(higher, lower, down)


def _between(a: Array, b: Array, share: Array) -> Array:
    """Rounded after each operation, and a itself where both are the same."""
    moved: Array = a + share * (b - a)
    return moved
