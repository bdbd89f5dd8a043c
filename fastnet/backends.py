"""The two engines by name. Asking for one never gives the other."""

import functools
import importlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from .errors import ConfigurationError, OutputError
from .validation import choice

BACKENDS = ("jit", "reference")


@functools.cache
def engine(backend: str) -> ModuleType:
    """The engine module of the side ``backend``, imported when first asked for.

    Raises
    ------
    ConfigurationError
        If backend is neither "jit" nor "reference".
    """
    return importlib.import_module(f"fastnet_kernels.{choice('backend', backend, BACKENDS)}.engine")


def compile_activations(codes: Iterable[int], dtype: str) -> None:
    """Compile the user's own activations of these codes for the jit engine.

    Raises
    ------
    ConfigurationError
        If Numba cannot compile one.
    """
    from fastnet_kernels.jit.custom import compile_custom

    for code in codes:
        try:
            compile_custom(code, dtype)
        except Exception as error:  # Numba meets a function it does not know in many ways
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise ConfigurationError(
                "a CustomActivation cannot be compiled: its functions must be arithmetic, math and conditions on one "
                f"float that Numba can compile ({lines[-1] if lines else type(error).__name__}); "
                'change them or use backend="reference"'
            ) from error


def kernel_cache() -> Path:
    """The folder in which compiled kernels are kept for later processes.

    Raises
    ------
    ConfigurationError
        If the compiler is switched off.
    OutputError
        If the folder cannot be written; a RuntimeWarning says why.
    """
    from fastnet_kernels.jit.compiler import COMPILED, cache_folder

    if not COMPILED:
        raise ConfigurationError(
            "NUMBA_DISABLE_JIT is set, which switches the compiler off, so nothing can be compiled ahead; unset it"
        )
    folder = cache_folder()
    if folder is None:
        raise OutputError("nothing was compiled ahead: there is no folder that it could be kept in")
    return folder


def compile_ahead(dtypes: Iterable[str]) -> Iterator[tuple[str, str, float | None]]:
    """See to it that no later process compiles an entry point of the jit engine for these float types.

    Yields
    ------
    str, str, float or None
        The name and the float type of each, and the seconds that compiling it took; None if it was in the cache.

    Raises
    ------
    ConfigurationError, OutputError
        As ``kernel_cache``.
    OutputError
        If what was compiled could not be kept.
    """
    folder = kernel_cache()
    from fastnet_kernels.jit.ahead import SECONDS, compile_missing
    from fastnet_kernels.jit.compiler import is_kept

    wanted = [(name, dtype) for dtype in dtypes for name in SECONDS]
    left = [(name, dtype) for name, dtype in wanted if not is_kept(f"{name}-{dtype}")]
    yield from ((*entry, None) for entry in wanted if entry not in left)
    for entry, seconds in compile_missing(left):
        left.remove(entry)
        yield (*entry, seconds)
    for name, dtype in left:
        started = time.perf_counter()
        engine("jit").compiled(name, dtype)
        if not is_kept(f"{name}-{dtype}"):
            raise OutputError(f"what was compiled could not be kept in {folder}; make room or set FASTNET_CACHE_DIR")
        yield name, dtype, time.perf_counter() - started
