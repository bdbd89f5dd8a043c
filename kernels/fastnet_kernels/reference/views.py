"""Matrices that are views into the flat arrays of a Program."""

from ..program import Array


def vector(numbers: Array, offset: int, size: int) -> Array:
    """View ``numbers[offset : offset + size]``, of shape (size,)."""
    return numbers[offset : offset + size]


def flat(array: Array) -> Array:
    """View all numbers of a C-ordered array as one vector."""
    return array.reshape(-1)


def matrix(numbers: Array, offset: int, rows: int, columns: int) -> Array:
    """View ``numbers[offset : offset + rows * columns]`` as a C-ordered (rows, columns) matrix."""
    return numbers[offset : offset + rows * columns].reshape(rows, columns)


def row_block(array: Array, start: int, rows: int) -> Array:
    """View ``rows`` rows of the C-ordered matrix ``array`` from row ``start`` on."""
    return array[start : start + rows]
