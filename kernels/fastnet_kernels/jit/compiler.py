"""How kernels are compiled: one decorator, one way to choose by code, and entry points that are cached on disk."""

import functools
import hashlib
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
import platformdirs
from numba.core import cgutils
from numba.extending import intrinsic, overload

from .linking import entry_points_only

FASTMATH = {"contract", "reassoc", "nsz"}
"""What LLVM may do to floating point: fuse multiply and add, sum in another order, ignore the sign of zero. It may not
assume that there is no NaN or infinity: divergence must be seen."""

COMPILED = not numba.config.DISABLE_JIT
"""False where NUMBA_DISABLE_JIT is set, and every kernel of this side runs as the Python it is written in."""

kernel: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, error_model="numpy", fastmath=FASTMATH, no_cpython_wrapper=True, no_cfunc_wrapper=True
)
"""Compiles a function that only compiled code calls: a wrapper for Python would take longer than most kernels."""


def table(functions: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """``choose(code, arguments)``, which returns ``functions[code](*arguments)``: one switch in compiled code.

    The functions return the same type for the same arguments.
    """

    def choose(code: int, arguments: tuple[Any, ...]) -> Any:
        return functions[code](*arguments)

    @intrinsic
    def switch(typingctx: Any, code: Any, arguments: Any) -> Any:
        calls = [_call(typingctx, function, tuple(arguments)) for function in functions]
        returned = calls[0][0]

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            result = cgutils.alloca_once(builder, context.get_value_type(returned))
            given = cgutils.unpack_tuple(builder, values[1])
            after = builder.append_basic_block("chosen")
            chosen = builder.switch(values[0], after)
            for index, (_, emit) in enumerate(calls):
                block = builder.append_basic_block(f"choice.{index}")
                chosen.add_case(values[0].type(index), block)
                with builder.goto_block(block):
                    builder.store(emit(context, builder, tuple(arguments), given), result)
                    builder.branch(after)
            builder.position_at_end(after)
            return builder.load(result)

        return returned(code, arguments), generate

    overload(choose)(lambda code, arguments: lambda code, arguments: switch(code, arguments))
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
    if place.exists() and not _sealed(place):
        shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        return _compile(function, signature, place)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-", ignore_cleanup_errors=True) as beside:
        try:
            compiled = _compile(function, signature, Path(beside) / "new")
            (Path(beside) / "new" / SEAL).write_text(_digest(Path(beside) / "new"), encoding="utf-8")
            (Path(beside) / "new").rename(place)
        except OSError as error:
            if not place.exists():  # else another process was first with the very same
                _warn_not_kept(folder, error)
                return _compile(function, signature, None)
    return compiled


SEAL = "seal.sha256"
_LOCK = threading.RLock()


def _compile(function: Callable[..., Any], signature: Any, folder: Path | None) -> Callable[..., Any]:
    # Where Numba caches is a setting of the whole process, so it is ours for no longer than this.
    with _LOCK:
        before = numba.config.CACHE_DIR
        if folder is not None:
            numba.config.CACHE_DIR = str(folder)
        try:
            compile_entry = numba.njit(
                signature, cache=folder is not None, nogil=True, error_model="numpy", fastmath=FASTMATH
            )
            with entry_points_only():
                compiled: Callable[..., Any] = compile_entry(function)
            return compiled
        finally:
            numba.config.CACHE_DIR = before


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


@functools.cache
def _entry_point_of(dispatcher: Any, signature: Any, name: str) -> Callable[..., Any]:
    return entry_point(dispatcher.py_func if COMPILED else dispatcher, signature, name)


def entry_point_for(dispatcher: Any, arguments: Sequence[Any], name: str) -> Callable[..., Any]:
    """A single kernel as an entry point for the types of these arguments, compiled once a process; what is a Python
    function already, such as ``engine.train``, is given back as it is."""
    if COMPILED and not hasattr(dispatcher, "py_func"):
        entry: Callable[..., Any] = dispatcher
        return entry
    return _entry_point_of(dispatcher, tuple(numba.typeof(argument) for argument in arguments), name)
