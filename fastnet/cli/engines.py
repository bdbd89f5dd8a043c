"""Loading an engine before anything is timed, and saying so where it takes long."""

import sys
from collections.abc import Callable

from ..backends import engine
from .main import complain
from .signals import heard_by, leave


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
    from fastnet_kernels.jit.compiler import COMPILED, cache_folder
    from fastnet_kernels.jit.engine import compiled

    folder = cache_folder() if COMPILED else None
    # Numba keeps an index for each version of Python.
    index = f"*.py{sys.version_info.major}{sys.version_info.minor}*.nbi"
    if COMPILED and folder is None:
        complain("fastnet: compiling the kernels ...")
    elif folder is not None and not all(any((folder / f"{name}-{dtype}").rglob(index)) for name in entry_points):
        complain("fastnet: compiling the kernels, which later runs on this machine find in a cache ...")
    for name in entry_points:
        compiled(name, dtype)
