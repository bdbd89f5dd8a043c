"""Samples that are the same as others, within data and between two parts of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .dataset import Array
from .examine import row_blocks
from .table import Column

Digests = list[bytes]
"""One for each sample: 16 bytes that two samples share if they are the same, and else in no case that anybody meets."""


@dataclass(frozen=True)
class Repeats:
    """Samples that are in the data before.

    Attributes
    ----------
    pairs : tuple of (int, int)
        The first such sample and one that is the same, both counted from 0; of two parts one of each.
    contradicting : int
        How many of them have another target.
    """

    pairs: tuple[tuple[int, int], ...]
    contradicting: int


def digests_of_array(X: Array, *, as_bytes: bool) -> Digests:
    """Of samples (n, ...) of numbers, whatever their type.

    Parameters
    ----------
    X : array (n, ...)
    as_bytes : bool
        Whether these and what they are compared with are uint8, so that they are compared as such.
    """
    digests: Digests = []
    for rows in row_blocks(len(X)):
        block = np.ascontiguousarray(X[rows]).reshape(len(X[rows]), -1)
        digests += _digests(block if as_bytes else _comparable(block.astype(np.float64)))
    return digests


def digests_of_columns(columns: Sequence[Column]) -> Digests:
    """Of the rows of a table, categories by their texts, so that the order of those does not count."""
    if not columns:
        return []
    bits = [
        _hashed(column.texts)[column.values] if column.kind == "category" else _comparable(column.values).view(np.int64)
        for column in columns
    ]
    return _digests(np.column_stack(bits))


def repeats_within(digests: Digests, targets: Sequence[object] | None) -> Repeats:
    """Samples that repeat an earlier one."""
    first: dict[bytes, int] = {}
    pairs = [(before, i) for i, digest in enumerate(digests) if (before := first.setdefault(digest, i)) != i]
    return Repeats(tuple(pairs), _contradicting(pairs, targets, targets))


def repeats_between(
    train: Digests, test: Digests, train_targets: Sequence[object] | None, test_targets: Sequence[object] | None
) -> Repeats:
    """Samples of the test part that are in the training part too."""
    first: dict[bytes, int] = {}
    for i, digest in enumerate(train):
        first.setdefault(digest, i)
    pairs = [(first[digest], i) for i, digest in enumerate(test) if digest in first]
    return Repeats(tuple(pairs), _contradicting(pairs, train_targets, test_targets))


def _contradicting(
    pairs: Sequence[tuple[int, int]], one: Sequence[object] | None, other: Sequence[object] | None
) -> int:
    if one is None or other is None:
        return 0
    return sum(one[i] != other[j] for i, j in pairs)


def _digests(rows: Array) -> Digests:
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]


def _comparable(values: Array) -> Array:
    """The values with the same bytes for the same number: 0 and -0 are one, and all NaN."""
    return np.where(np.isnan(values), np.nan, values + 0.0)


def _hashed(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each text, and one for none at the end."""
    numbers = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join([*numbers, bytes(8)]), np.int64)
