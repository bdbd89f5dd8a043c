"""Text read some megabytes at a time and cut where rows end."""

from collections.abc import Callable, Iterator
from typing import Protocol

from ..errors import DataError

MOST_WITHOUT_A_ROW = 8
"""Blocks after which a row that has not ended is taken for damage, such as a quotation mark that was never closed."""


class Readable(Protocol):
    """What gives its bytes by and by."""

    def read(self, size: int, /) -> bytes:
        """So many, fewer at the end."""


def whole_rows(
    stream: Readable, source: str, block: int, end_of_rows: Callable[[bytes], int]
) -> Iterator[tuple[bytes, bool]]:
    """What a stream holds in parts of whole rows, each with whether it is the last, of which there is always one.

    Parameters
    ----------
    stream : binary stream
    source : str
    block : int
        Bytes that are read at once.
    end_of_rows : callable
        Where in some bytes the last row ends that is there in full; 0 if none is.

    Raises
    ------
    DataError
        A row is longer than several blocks.
    """
    pending, lines = b"", 1
    part = stream.read(block)
    while part:
        after = stream.read(block)
        pending += part
        if not after:
            break
        if end := end_of_rows(pending):
            yield pending[:end], False
            lines += pending.count(b"\n", 0, end)
            pending = pending[end:]
        elif len(pending) > MOST_WITHOUT_A_ROW * block:
            raise DataError(
                f"{source}: the row that begins on line {lines} does not end within {len(pending):,} bytes; check that "
                "each quotation mark is closed and each row ends in a line break"
            )
        part = after
    yield pending, True
