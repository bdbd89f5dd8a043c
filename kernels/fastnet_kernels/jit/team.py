"""A team of threads that runs one epoch loop together and meets at a barrier, twice a step.

Python starts the members (``engine.train``), each in a thread of its own without the interpreter's lock; nothing here
needs a threading layer, a fork or a pool that outlives the call, so fits in several Python threads or processes do not
meet.
"""

import ctypes
import sys
import threading
import time
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

SPINS = 4000
"""Looks at the counter, a few microseconds of them, before a waiting member offers its core to others."""

_LOCK = threading.Lock()


def _link() -> None:
    """Name the system's call that gives the core away, for LLVM to link to."""
    library = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
    function = library.SwitchToThread if sys.platform == "win32" else library.sched_yield
    address = ctypes.cast(function, ctypes.c_void_p).value
    llvmlite.binding.add_symbol("fastnet_yield", address)


_link()


def meet(counter: Any, target: int) -> None:
    """Count this member in and wait until ``counter[0]``, which only grows, has reached ``target``.

    Without the compiler this is the Python that runs.
    """
    with _LOCK:
        counter[0] += 1
    while counter[0] < target:
        time.sleep(0)


def take(counter: Any) -> int:
    """The next number from ``counter[0]``, each one given out once."""
    with _LOCK:
        counter[0] += 1
        return int(counter[0]) - 1


@intrinsic
def _add_one(typingctx: Any, counter: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = context.make_array(counter)(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(counter), generate


@intrinsic
def _look(typingctx: Any, counter: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = context.make_array(counter)(context, builder, arguments[0]).data
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(counter), generate


@intrinsic
def _give_way(typingctx: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "fastnet_yield"), [])
        return context.get_dummy_value()

    return types.none(), generate


@overload(meet)
def _meet(counter, target):
    def compiled(counter, target):
        _add_one(counter)
        looks = 0
        while _look(counter) < target:
            looks += 1
            if looks > SPINS:
                _give_way()

    return compiled


@overload(take)
def _take(counter):
    return lambda counter: _add_one(counter)
