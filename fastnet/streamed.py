"""A stream as a network takes it: each block prepared, and the next one read while the present one is worked on."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .data.stored_rows import RowReader
from .data.stream import Stream
from .errors import DataError
from .pixels import Pixels, Samples
from .preparation import Preparation
from .validation import all_finite, converted

Key = TypeVar("Key")
Read = TypeVar("Read")

PART_BYTES = 2**20
"""About what is evaluated at once: enough work that starting threads for it costs nothing beside it."""


class Streamed:
    """Checked samples that stay in their file; it stands beside ``Samples``, which are in memory.

    Attributes
    ----------
    stream : Stream
    samples_in_file : StoredSamples
    shape : (int, int)
        (n, d)
    dtype : dtype
        What its blocks are in memory: uint8 for pixels, else the network's.
    """

    def __init__(
        self,
        stream: Stream,
        preparation: Preparation | None,
        dtype: np.dtype[np.floating],
        input_shape: tuple[int, ...],
    ) -> None:
        self.stream, self.samples_in_file = stream, stream.samples
        self._preparation, self._float = preparation, dtype
        shape, source = stream.shape[1:], stream.source
        flat = (math.prod(input_shape),)
        if preparation is None and shape not in (input_shape, flat):
            raise DataError(f"{source}: a sample should have shape {input_shape} for this network, but has {shape}")
        self.shape = len(stream), flat[0]
        # What zeros become tells what all will.
        like = self.prepared(np.zeros((1, *shape), stream.samples.dtype), 0)
        if like.shape[1:] != flat:
            raise DataError(f"{source}: a sample has {like.shape[1]} features, but this network takes {flat[0]}")
        self.divisor = like.divisor if isinstance(like, Pixels) else None
        self.dtype: np.dtype[np.generic] = np.dtype(np.uint8) if isinstance(like, Pixels) else dtype

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """What a prepared sample takes."""
        return self.shape[1] * self.dtype.itemsize

    @property
    def block_bytes(self) -> int:
        """What reading and preparing a block takes: the block as it is in the file, compressed and not, raw and
        prepared."""
        stored = self.samples_in_file.stored
        widest = max(stored.kept.itemsize, self.dtype.itemsize)
        scaled = 0 if self.dtype == np.uint8 else 3 * 8 * min(1024, stored.block) * self.shape[1]
        return 2 * stored.block_bytes + 2 * stored.block * self.shape[1] * widest + scaled

    def prepared(self, raw: npt.NDArray[Any], first: int) -> Samples:
        """Raw samples as the network takes them; ``first`` is the number of the first.

        Raises
        ------
        DataError
            They are not what the network was trained on, or hold something other than numbers that are finite in the
            network's dtype too.
        """
        flat = raw.reshape(len(raw), -1)
        values = flat if flat.dtype == np.uint8 or self._preparation is not None else converted(flat, self._float)
        if values.dtype != np.uint8 and not all_finite(values):
            samples, row = self.samples_in_file, int(np.argwhere(~np.isfinite(values))[0, 0])
            found, advice = "NaN or infinity", "finite numbers are expected, so fill it in or remove the sample"
            if np.isfinite(flat[row]).all():
                found, advice = f"a number too large for {self._float}", "scale the features or use float64"
            which = f"sample {samples.file_row(first + row) + 1} of {samples.stored.shape[0]}"
            raise DataError(f"{self.stream.source}: {which} holds {found}; {advice}")
        if self._preparation is not None:
            return self._preparation.samples(raw, source=self.stream.source, dtype=self._float)
        return Pixels(flat, 1.0) if flat.dtype == np.uint8 else values

    def block(self, reader: RowReader, block: int) -> Samples:
        """The prepared samples of a block of the file."""
        rows = self.samples_in_file.block_rows(block)
        return self.prepared(self.samples_in_file.read_block(reader, block), rows.start)

    def samples(self, values: npt.NDArray[Any]) -> Samples:
        """An array of prepared samples (k, d) as what it stands for."""
        return values if self.divisor is None else Pixels(values, self.divisor)

    def parts(self) -> Iterator[tuple[slice, Samples]]:
        """All samples in order, some at a time: which, and they."""
        sizes = self.samples_in_file.block_sizes
        blocks = np.flatnonzero(sizes)
        # Blocks of few samples, as where few are held out, are put together.
        ends = np.cumsum(sizes[blocks])
        group = ends // max(1, PART_BYTES // max(1, self.row_bytes))
        groups = np.split(blocks, np.flatnonzero(np.diff(group)) + 1)
        with self.samples_in_file.stored.opened() as reader:
            at = 0
            for values in ahead(lambda some: self._together(reader, some), groups):
                yield slice(at, at + len(values)), values
                at += len(values)

    def digest(self) -> npt.NDArray[np.uint8]:
        """A digest of all samples, as an array."""
        digest = hashlib.blake2b(f"{self.dtype.str} {self.shape} ".encode(), digest_size=32)
        for _, samples in self.parts():
            digest.update(np.ascontiguousarray(samples.X if isinstance(samples, Pixels) else samples).data)
        return np.frombuffer(digest.digest(), np.uint8)

    def _together(self, reader: RowReader, blocks: Iterable[int]) -> Samples:
        parts = [self.block(reader, int(block)) for block in blocks]
        if len(parts) == 1:
            return parts[0]
        return self.samples(np.concatenate([part.X if isinstance(part, Pixels) else part for part in parts]))


def parts_of(X: Samples | Streamed) -> Iterator[tuple[slice, Samples]]:
    """The samples in order, which where they lie in memory are one part."""
    if isinstance(X, Streamed):
        yield from X.parts()
    else:
        yield slice(0, len(X)), X


def ahead(read: Callable[[Key], Read], keys: Iterable[Key]) -> Iterator[Read]:
    """What ``read`` gives for each key, the next read in a thread while the present is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = None
        for key in keys:
            present, coming = coming, pool.submit(read, key)
            if present is not None:
                yield present.result()
        if coming is not None:
            yield coming.result()
