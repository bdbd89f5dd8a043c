"""How many threads the matrix products may use."""

import contextlib
import importlib
from collections.abc import Iterator

from .validation import whole


@contextlib.contextmanager
def blas_threads(threads: int | None) -> Iterator[None]:
    """Limit every BLAS in the process to ``threads`` threads for as long as the context lasts; None changes nothing.

    Raises
    ------
    ConfigurationError
        If threads is not a whole number of at least 1.
    """
    if threads is None:
        yield
        return
    whole("threads", threads, at_least=1)
    from threadpoolctl import threadpool_limits

    # A BLAS that is loaded only later would escape the limit, and its threads would fight with the others.
    importlib.import_module("scipy.linalg")
    with threadpool_limits(limits=threads, user_api="blas"):
        yield
