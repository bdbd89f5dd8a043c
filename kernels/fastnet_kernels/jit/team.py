"""A team of threads that runs one epoch loop together, part by part.

The work of an epoch is a sequence of phases, each of a few parts that may be done in any order: the rows of a batch,
then the parameters to be updated. A member waits until all parts of the phases before are finished, claims a part that
nobody has, does it and finishes it. So nobody waits for a member that has nothing in hand: when the system takes a
core away between two parts, whoever still runs does the parts of both. Which rows and parameters are a part's does not
depend on who does it, so neither does any bit of the result. But who did a part of one phase takes the same part of
the next if nobody has: what it read and wrote is in its core's cache.

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
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from .view_type import fields_of

SPINS = 20_000
"""Looks at the counter, some tens of microseconds of them, before a waiting member offers its core to others."""

_LOCK = threading.Lock()


def _link() -> None:
    """Name the system's call that gives the core away, for LLVM to link to."""
    library = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
    function = library.SwitchToThread if sys.platform == "win32" else library.sched_yield
    address = ctypes.cast(function, ctypes.c_void_p).value
    llvmlite.binding.add_symbol("fastnet_yield", address)


_link()


FINISHED, APART = 0, 16
"""A team's counter, (APART * (1 + parts),), has how many parts are finished, and behind it for each part of a phase one
more than the number of the last phase in which it was claimed, each number in a cache line of its own."""


def counter_of(parts: int) -> Any:
    """A counter for phases of at most so many parts, of which none has begun."""
    return np.zeros(APART * (1 + parts), np.int64)


def claim(counter: Any, phase: Any, parts: Any, preferred: Any) -> int:
    """A part of the phase, from 0 on, that nobody has: the ``preferred`` one, or the next behind it; -1 if there is
    none. Phases have rising numbers.

    Without the compiler this is the Python that runs; so it is for the others.
    """
    first = preferred if preferred < parts else 0
    with _LOCK:
        for part in (*range(first, parts), *range(first)):
            if counter[APART * (1 + part)] <= phase:
                counter[APART * (1 + part)] = phase + 1
                return int(part)
        return -1


def finish(counter: Any) -> None:
    """Count one more part as finished."""
    with _LOCK:
        counter[FINISHED] += 1


def wait(counter: Any, parts: Any) -> None:
    """Wait until so many parts in all are finished."""
    while counter[FINISHED] < parts:
        time.sleep(0)


@intrinsic
def _add_one(typingctx: Any, counter: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(fields_of(context, builder, counter, arguments[0]).data, [arguments[1]])
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(counter, types.intp), generate


@intrinsic
def _look(typingctx: Any, counter: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(fields_of(context, builder, counter, arguments[0]).data, [arguments[1]])
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(counter, types.intp), generate


@intrinsic
def _exchange(typingctx: Any, counter: Any, index: Any, expected: Any, wanted: Any) -> Any:
    """Put ``wanted`` there if ``expected`` is; return what was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(fields_of(context, builder, counter, arguments[0]).data, [arguments[1]])
        both = builder.cmpxchg(place, arguments[2], arguments[3], "acq_rel", "acquire")
        return builder.extract_value(both, 0)

    return types.int64(counter, types.intp, types.int64, types.int64), generate


@intrinsic
def _give_way(typingctx: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "fastnet_yield"), [])
        return context.get_dummy_value()

    return types.none(), generate


@overload(claim)
def _claim(counter, phase, parts, preferred):
    def compiled(counter, phase, parts, preferred):
        part = preferred if preferred < parts else np.int64(0)
        for _ in range(parts):
            place = APART * (1 + part)
            last = _look(counter, place)
            while last <= phase:
                found = _exchange(counter, place, last, phase + 1)
                if found == last:
                    return part
                last = found
            part = part + 1 if part + 1 < parts else np.int64(0)
        return np.int64(-1)

    return compiled


@overload(finish)
def _finish(counter):
    def compiled(counter):
        _add_one(counter, FINISHED)

    return compiled


@overload(wait)
def _wait(counter, parts):
    def compiled(counter, parts):
        looks = 0
        while _look(counter, FINISHED) < parts:
            looks += 1
            if looks > SPINS:
                _give_way()

    return compiled
