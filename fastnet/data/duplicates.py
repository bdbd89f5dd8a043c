"""Samples that are the same as others, within data and between two parts of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .dataset import Array
from .examine import row_blocks
from .table import Column

Digests = npt.NDArray[np.uint64]
"""One for each sample (n,), which two samples share if they are the same; among ``MOST_SAMPLES`` that are not, any two
share one by chance in 3 of 1,000,000 data sets (n^2 / 2^65)."""

MOST_SAMPLES = 10_000_000
"""So many of a part are compared, those at its beginning, which takes about 60 bytes each."""
MOST_PAIRS = 10_000


@dataclass(frozen=True)
class Repeats:
    """Samples that are in the data before.

    Attributes
    ----------
    count : int
    pairs : tuple of (int, int)
        The first such sample and one that is the same, both counted from 0, of two parts one of each; ``MOST_PAIRS`` at
        the most.
    contradicting : int
        How many of all of them have another target.
    """

    count: int
    pairs: tuple[tuple[int, int], ...]
    contradicting: int


def digests_of_array(X: Array, *, as_bytes: bool) -> Digests:
    """Of samples (n, ...) of numbers, whatever their type, or (n,) of texts.

    Parameters
    ----------
    X : array (n, ...)
    as_bytes : bool
        Whether these and what they are compared with are uint8, so that they are compared as such.
    """
    X = X[:MOST_SAMPLES]
    if X.dtype.kind == "U":
        texts, codes = np.unique(X, return_inverse=True)
        return _hashed(texts.tolist())[codes].view(np.uint64)
    digests = np.empty(len(X), np.uint64)
    for rows in row_blocks(len(X)):
        block = np.ascontiguousarray(X[rows]).reshape(len(X[rows]), -1)
        digests[rows] = _digests(block if as_bytes else _comparable(block.astype(np.float64)))
    return digests


def digests_of_columns(columns: Sequence[Column]) -> Digests:
    """Of the rows of a table, categories by their texts, so that the order of those does not count."""
    if not columns:
        return np.empty(0, np.uint64)
    numbers_of_texts = [_hashed(column.texts) for column in columns]
    every = [column.values[:MOST_SAMPLES] for column in columns]
    digests = np.empty(len(every[0]), np.uint64)
    for rows in row_blocks(len(digests)):
        bits = [
            numbers[values[rows]] if column.kind == "category" else _comparable(values[rows]).view(np.int64)
            for column, values, numbers in zip(columns, every, numbers_of_texts, strict=True)
        ]
        digests[rows] = _digests(np.column_stack(bits))
    return digests


def repeats_within(digests: Digests, targets: Digests | None) -> Repeats:
    """Samples that repeat an earlier one, by the digests of samples (n,) and of their targets (n,)."""
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    earlier = first[which]
    again = np.flatnonzero(earlier != np.arange(len(digests)))
    return _repeats(earlier[again], again, targets, targets)


def repeats_between(
    train: Digests, test: Digests, train_targets: Digests | None, test_targets: Digests | None
) -> Repeats:
    """Samples of the test part that are in the training part too."""
    distinct, first = np.unique(train, return_index=True)
    if not len(distinct):
        return Repeats(0, (), 0)
    place = np.minimum(np.searchsorted(distinct, test), len(distinct) - 1)
    there = np.flatnonzero(distinct[place] == test)
    return _repeats(first[place[there]], there, train_targets, test_targets)


def _repeats(
    one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], targets: Digests | None, others: Digests | None
) -> Repeats:
    against = 0 if targets is None or others is None else int((targets[one] != others[other]).sum())
    pairs = zip(one[:MOST_PAIRS].tolist(), other[:MOST_PAIRS].tolist(), strict=True)
    return Repeats(len(one), tuple(pairs), against)


def _digests(rows: Array) -> Digests:
    return np.frombuffer(b"".join(hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows), np.uint64)


def _comparable(values: Array) -> Array:
    """The values with the same bytes for the same number: 0 and -0 are one, and all NaN."""
    return np.where(np.isnan(values), np.nan, values + 0.0)


def _hashed(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each text, and one for none at the end."""
    numbers = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join([*numbers, bytes(8)]), np.int64)
