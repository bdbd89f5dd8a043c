"""How kernels are compiled: one decorator, one way to choose by code, and entry points that are cached on disk."""

import functools
import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
import platformdirs

FASTMATH = {"contract", "reassoc", "nsz"}
"""What LLVM may do to floating point: fuse multiply and add, sum in another order, ignore the sign of zero. It may not
assume that there is no NaN or infinity: divergence must be seen."""

COMPILED = not numba.config.DISABLE_JIT
"""False where NUMBA_DISABLE_JIT is set, and every kernel of this side runs as the Python it is written in."""

kernel: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, error_model="numpy", fastmath=FASTMATH
)


def table(functions: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Compile ``choose(code, *arguments)``, which calls ``functions[code](*arguments)``: a chain of comparisons."""
    first, *rest = functions
    if not rest:

        @kernel
        def last(code, *arguments):
            return first(*arguments)

        return last
    others = table(rest)

    @kernel
    def choose(code, *arguments):
        if code == 0:
            return first(*arguments)
        return others(code - 1, *arguments)

    return choose


@functools.cache
def cache_folder() -> Path | None:
    """The folder that holds the compiled entry points of exactly these sources, this Numba and this CPU.

    Numba's own cache looks at one file's time stamp; an entry point depends on every file of this package, so the
    folder's name is a hash of them all. ``FASTNET_CACHE_DIR`` names another root than the user's cache folder. None,
    with a warning, where the folder cannot be written; kernels are then compiled anew in each process.
    """
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for source in [package / "program.py", *sorted(package.glob("jit/*.py")), *sorted(package.glob("reference/*.py"))]:
        digest.update(source.name.encode() + source.read_bytes())
    cpu = llvmlite.binding.get_host_cpu_name() + llvmlite.binding.get_host_cpu_features().flatten()
    digest.update(f"{numba.__version__} {llvmlite.__version__} {cpu}".encode())
    root = os.environ.get("FASTNET_CACHE_DIR") or platformdirs.user_cache_dir("fastnet", appauthor=False)
    folder = Path(root) / "kernels" / digest.hexdigest()[:20]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        warnings.warn(
            f"compiled kernels cannot be kept in {folder} ({error.strerror}), so every run compiles them anew; "
            "set FASTNET_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return folder


def entry_point(function: Callable[..., Any], signature: Any, name: str) -> Callable[..., Any]:
    """Compile ``function`` for one signature, or load it from the cache.

    Each entry point has a folder of its own that only ever holds this one compilation: processes that start together
    write the same file under the same name, each by a rename, so none can read another's half.
    """
    if not COMPILED:
        # Compiled code wraps and overflows without a word, so its Python has to as well.
        return np.errstate(over="ignore", invalid="ignore")(function)
    folder = cache_folder()
    before = numba.config.CACHE_DIR
    if folder is not None:
        numba.config.CACHE_DIR = str(folder / name)
    try:
        compile_entry = numba.njit(
            signature, cache=folder is not None, nogil=True, error_model="numpy", fastmath=FASTMATH
        )
        compiled: Callable[..., Any] = compile_entry(function)
        return compiled
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def _entry_point_of(dispatcher: Any, signature: Any, name: str) -> Callable[..., Any]:
    return entry_point(getattr(dispatcher, "py_func", dispatcher), signature, name)


def entry_point_for(dispatcher: Any, arguments: Sequence[Any], name: str) -> Callable[..., Any]:
    """A single kernel as an entry point for the types of these arguments, compiled once a process."""
    return _entry_point_of(dispatcher, tuple(numba.typeof(argument) for argument in arguments), name)
