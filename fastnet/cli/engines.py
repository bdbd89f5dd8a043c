"""Loading an engine before anything is timed, and saying so where it takes long."""

from collections.abc import Callable

from ..backends import engine
from ..signals import heard_by
from .signals import leave


def load_engine(
    backend: str, dtype: str, *entry_points: str, interrupted: Callable[[], None] = lambda: leave("interrupted")
) -> None:
    """Import an engine; compile what is wanted of the jit one for a dtype, or load it from its cache.

    Ctrl-C then ends the process at once by ``interrupted``: an exception raised in the middle of LLVM's objects can
    leave them such that taking them down crashes.
    """
    with heard_by(lambda number, frame: interrupted()):
        if backend == "reference":
            engine(backend)
        else:
            _load_jit(dtype, entry_points)


def _load_jit(dtype: str, entry_points: tuple[str, ...]) -> None:
    from fastnet_kernels.jit.ahead import prepare
    from fastnet_kernels.jit.engine import compiled
    from fastnet_kernels.jit.library import LIBRARY

    entry_points = (LIBRARY, *entry_points)
    prepare(entry_points, dtype)
    for name in entry_points:
        compiled(name, dtype)
