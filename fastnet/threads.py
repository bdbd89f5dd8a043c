"""How many threads a training takes, and keeping the BLAS's own threads out of their way."""

import contextlib
import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastnet_kernels.machine import cores

from .validation import whole

Result = TypeVar("Result")

WORTH_A_THREAD, WORTH_A_NUMBER = 1_000_000, 88
"""Multiply-adds in a step that make it worth sharing: for the meetings of a team, and for each number that one member
writes and another reads, since a line of the cache takes some 50 ns from core to core (``docs/decisions/0026``)."""

PRICE_OF_ROWS = 1.3
"""What a number costs that belongs to a row, of which another member reads some columns, where one of a long vector
costs 1."""

WORTH_A_POOL = 40_000_000
"""Multiply-adds in a prediction that make it worth sharing by threads that are started for it: to start and to end two
took 0.35 ms of the processor, as much as 13 million multiply-adds in float32 by one."""

LIMITS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
"""Variables of the environment by which users, and joblib in the processes that it starts, say how many threads a
process may have."""


def available() -> int:
    """The threads that this process may have: its cores, or fewer if the environment says so."""
    asked = (os.environ.get(name, "").partition(",")[0].strip() for name in LIMITS)
    return min([cores(), *(int(number) for number in asked if number.isdecimal() and int(number) > 0)])


BLOCK_ROWS = 256
"""Rows that a member of the jit engine's team sends through all layers together, so that what they give stays in the
cache."""


def members_for(threads: int | None, rows: int, work: int, moved: int) -> int:
    """The size of a team for steps of so many rows: ``threads``, or as many as this process may have, never more than
    there are rows; one where two would take longer for ``work`` multiply-adds, since they have to tell each other
    ``moved`` numbers.

    Raises
    ------
    ConfigurationError
        If threads is not a whole number of at least 1.
    """
    most = most_threads(threads)
    return min(most, rows) if work >= WORTH_A_THREAD + WORTH_A_NUMBER * moved else 1


def pool_for(threads: int | None, n_parameters: int, rows: int) -> int:
    """How many threads to start for a single product of so many rows by so many parameters: as many as
    ``most_threads`` allows, never more than there are rows; one where two would take longer."""
    return min(most_threads(threads), rows) if rows * n_parameters >= WORTH_A_POOL else 1


def most_threads(threads: int | None) -> int:
    """``threads``, or as many as this process may have.

    Raises
    ------
    ConfigurationError
        If threads is not a whole number of at least 1.
    """
    return available() if threads is None else whole("threads", threads, at_least=1)


def in_parts(function: Callable[[slice], Result], rows: int, members: int) -> list[Result]:
    """What ``function`` gives for each of ``members`` even parts of so many rows, each part in a thread of its own."""
    if members == 1:
        return [function(slice(0, rows))]
    ends = [rows * member // members for member in range(members + 1)]
    parts = [slice(*pair) for pair in itertools.pairwise(ends)]
    with one_blas_thread(), ThreadPoolExecutor(members) as pool:
        return list(pool.map(function, parts))


class _Limiter:
    """Holds every BLAS in the process at one thread while anybody is inside; several Python threads may be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Any, int]] = []

    @functools.cached_property
    def _libraries(self) -> list[Any]:
        from threadpoolctl import ThreadpoolController

        import fastnet_kernels.jit.blas  # noqa: F401  the BLAS has to be loaded to be found

        return list(ThreadpoolController().select(user_api="blas").lib_controllers)

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                threads = [(library, library.num_threads) for library in self._libraries]
                self._before = [(library, number) for library, number in threads if number != 1]
                for library, _ in self._before:
                    _set_threads(library, 1)
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for library, threads in self._before:
                    _set_threads(library, threads)


def _set_threads(library: Any, threads: int) -> None:
    """Set a BLAS's threads from any Python thread: newer threadpoolctl lets only the first that did do so again."""
    clear = getattr(library, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
    library.set_num_threads(threads)
    if clear is not None:
        clear(force=True)


_LIMITER = _Limiter()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep every BLAS in the process at one thread for as long as the context lasts."""
    _LIMITER.enter()
    try:
        yield
    finally:
        _LIMITER.leave()
