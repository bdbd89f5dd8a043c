"""How kernels are compiled: one decorator, one way to choose by code, and entry points that are cached on disk."""

import functools
import gc
import hashlib
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
import platformdirs
from numba.core import cgutils

from .inlined import inlined
from .linking import entry_points_only
from .passes import KernelCompiler, types_remembered

FASTMATH = {"contract", "reassoc", "nsz"}
"""What LLVM may do to floating point: fuse multiply and add, sum in another order, ignore the sign of zero. It may not
assume that there is no NaN or infinity: divergence must be seen."""

COMPILED = not numba.config.DISABLE_JIT
"""False where NUMBA_DISABLE_JIT is set, and every kernel of this side runs as the Python it is written in."""

_ENTRY: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "pipeline_class": KernelCompiler,
}
_KERNEL = _ENTRY | {"no_cpython_wrapper": True}
"""How entry points are compiled, and what only they call."""

kernel: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(fastmath=FASTMATH, **_KERNEL)
"""Compiles a function that only compiled code calls: a wrapper for Python would take longer than most kernels."""


exact: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(fastmath=False, **_KERNEL)
"""A kernel whose every operation is rounded by itself, in the order written: the bits that NumPy has. (Without a word
about it a function has its caller's ``fastmath``.)"""


def table(functions: Sequence[Callable[..., Any]], otherwise: Any = None) -> Callable[..., Any]:
    """``choose(code, arguments)``, which returns ``functions[code](*arguments)``: one switch in compiled code.

    The functions return the same type for the same arguments. What has another code goes ``otherwise(code,
    arguments)``, whose ``emit`` writes that down.
    """

    def choose(code: int, arguments: tuple[Any, ...]) -> Any:
        if code >= len(functions):
            return otherwise(code, arguments)
        return functions[code](*arguments)

    @inlined(choose)
    def switch(typingctx: Any, code: Any, arguments: Any) -> Any:
        calls = [_call(typingctx, function, tuple(arguments)) for function in functions]
        returned = calls[0][0]

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            result = cgutils.alloca_once(builder, context.get_value_type(returned))
            given = cgutils.unpack_tuple(builder, values[1])
            after, other = builder.append_basic_block("chosen"), builder.append_basic_block("other")
            chosen = builder.switch(values[0], other)
            with builder.goto_block(other):
                if otherwise is not None:
                    otherwise.emit(context, builder, values[0], tuple(arguments), given)
                builder.branch(after)
            for index, (_, emit) in enumerate(calls):
                block = builder.append_basic_block(f"choice.{index}")
                chosen.add_case(values[0].type(index), block)
                with builder.goto_block(block):
                    builder.store(emit(context, builder, tuple(arguments), given), result)
                    builder.branch(after)
            builder.position_at_end(after)
            return builder.load(result)

        return returned(code, arguments), generate

    return choose


def _call(typingctx: Any, function: Any, arguments: tuple[Any, ...]) -> tuple[Any, Callable[..., Any]]:
    """What a call of the function with these types returns, and what writes the call down. A formula writes itself."""
    if hasattr(function, "emit"):
        return function.returned, function.emit
    kind = numba.typeof(function)
    call = kind.get_call_type(typingctx, arguments, {})

    def emit(context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
        compiled = context.get_function(kind, call)
        context.add_linking_libs(getattr(compiled, "libs", ()))
        given = zip(values, kinds, call.args, strict=True)
        return compiled(builder, [context.cast(builder, value, have, want) for value, have, want in given])

    return call.return_type, emit


@functools.cache
def cache_folder() -> Path | None:
    """The folder that holds the compiled entry points of exactly these sources, this Python, this Numba and this CPU.

    Numba's own cache looks at one file's time stamp; an entry point depends on every file of this package, so the
    folder's name is a hash of them all, and of what Numba looks at: place, time stamps and the version of Python. It
    would else add a second compilation to one that is sealed. ``FASTNET_CACHE_DIR`` names another root than the user's
    cache folder. None, with a warning, where the folder cannot be written; kernels are then compiled anew in each
    process.
    """
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    shared = [package / "custom.py", package / "program.py"]
    for source in [*shared, *sorted(package.glob("jit/*.py")), *sorted(package.glob("reference/*.py"))]:
        digest.update(f"{source} {source.stat().st_mtime_ns} ".encode() + source.read_bytes())
    cpu = llvmlite.binding.get_host_cpu_name() + llvmlite.binding.get_host_cpu_features().flatten()
    digest.update(f"{sys.implementation.cache_tag} {numba.__version__} {llvmlite.__version__} {cpu}".encode())
    # What a user may set for Numba changes the code, and Numba's own index of it.
    config = numba.config
    settings = config.OPT, config.CPU_NAME, config.CPU_FEATURES, config.ENABLE_AVX, config.LOOP_VECTORIZE
    digest.update(" ".join(map(str, settings)).encode())
    root = os.environ.get("FASTNET_CACHE_DIR") or platformdirs.user_cache_dir("fastnet", appauthor=False)
    folder = Path(root) / "kernels" / digest.hexdigest()[:HASH_DIGITS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        os.utime(folder)  # it is in use: not to be swept away
    except OSError as error:
        _warn_not_kept(folder, error)
        return None
    return folder


def entry_point(function: Callable[..., Any], signature: Any, name: str) -> Callable[..., Any]:
    """Compile ``function`` for one signature, or load it from the cache.

    Each entry point has a folder of its own that only ever holds this one compilation, with a seal over its files. It
    is compiled into a folder beside and put in place by one rename, so processes that start together never see each
    other's half; and a folder whose seal does not match (a power cut, a bad disk) is thrown away instead of loaded,
    since broken machine code would take the process down.
    """
    if not COMPILED:
        # Compiled code wraps and overflows without a word, so its Python has to as well.
        return np.errstate(over="ignore", invalid="ignore")(function)
    folder = cache_folder()
    if folder is None:
        return _compile(function, signature, None)
    place = folder / name
    compiled = None
    try:
        if _sealed(place):
            return _compile(function, signature, place)
        shutil.rmtree(place, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)  # it may have been cleared away since this process began
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-", ignore_cleanup_errors=True) as beside:
            new = Path(beside) / "new"
            compiled = _compile(function, signature, new)
            if not any(new.rglob("*.nbc")):  # Numba has its reasons, and warned of them
                return compiled
            (new / SEAL).write_text(_digest(new), encoding="utf-8")
            new.rename(place)
    except OSError as error:
        if not _sealed(place):  # else another process was first with the very same
            _warn_not_kept(folder, error)
        return compiled or _compile(function, signature, None)
    _sweep(folder)
    return compiled


def is_kept(name: str) -> bool:
    """Whether the cache holds the entry point of this name, so that nothing of it is left to compile."""
    folder = cache_folder() if COMPILED else None
    return folder is not None and _sealed(folder / name)


DAY = 24 * 60 * 60
HASH_DIGITS = 20


def _sweep(folder: Path) -> None:
    """Remove what compilations that were killed left in the cache, and the folders of versions that nobody uses.

    Beside an entry point, what has no seal is under way for some seconds or left over. A version's folder is stamped
    by every process that uses it; one that still runs after that long compiles again what it finds missing.
    """
    for path in _inside(folder):
        with suppress(OSError):
            if not (path / SEAL).exists():
                _remove_older(path, DAY)
    for path in _inside(folder.parent):
        with suppress(OSError):
            if path != folder and re.fullmatch(f"[0-9a-f]{{{HASH_DIGITS}}}", path.name):
                _remove_older(path, 30 * DAY)


def _inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _remove_older(folder: Path, seconds: float) -> None:
    if time.time() - folder.stat().st_mtime > seconds:
        shutil.rmtree(folder, ignore_errors=True)


SEAL = "seal.sha256"
_LOCK = threading.RLock()


def _compile(function: Callable[..., Any], signature: Any, folder: Path | None) -> Callable[..., Any]:
    # Where Numba caches is a setting of the whole process, so it is ours for no longer than this.
    with _LOCK:
        before = numba.config.CACHE_DIR
        if folder is not None:
            numba.config.CACHE_DIR = str(folder)
        try:
            compile_entry = numba.njit(signature, cache=folder is not None, fastmath=FASTMATH, **_ENTRY)
            with entry_points_only(), types_remembered(), _collector_off():
                compiled: Callable[..., Any] = compile_entry(function)
            return compiled
        finally:
            numba.config.CACHE_DIR = before


@contextmanager
def _collector_off() -> Iterator[None]:
    """A compilation makes millions of objects, few of them garbage: to search them takes a tenth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.nb?")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _sealed(folder: Path) -> bool:
    try:
        return (folder / SEAL).read_text(encoding="utf-8") == _digest(folder)
    except (OSError, ValueError):
        return False


def _warn_not_kept(folder: Path, error: OSError) -> None:
    warnings.warn(
        f"compiled kernels cannot be kept in {folder} ({error.strerror}), so every run compiles them anew; "
        "set FASTNET_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=2,
    )
