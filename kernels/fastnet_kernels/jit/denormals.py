"""Treating denormal numbers as zero while a training runs.

An optimizer's averages of a gradient that has become zero (a dead unit's) fade step by step into numbers below the
smallest normal one, where every operation takes a hundred cycles or more: after some thousand steps of Adam on moons
that was half of all time. They mean nothing there. The switch is a bit in the processor's control register, of each
thread; processors that are not known here keep their denormals.
"""

import platform
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from .inlined import inlined

_MACHINE = platform.machine().lower()
# MXCSR: results are flushed (bit 15) and operands read as zero (bit 6). FPCR: both by one bit.
_X86_BITS, _ARM_BITS = 1 << 15 | 1 << 6, 1 << 24


def flush_denormals() -> int:
    """Read and write denormals as zero in this thread from now on; return the state before, for ``restore``.

    Without the compiler this is the Python that runs, and changes nothing; so it is for the other.
    """
    return 0


def restore(state: int) -> None:
    """Treat denormals as before."""


def _read(builder: Any) -> Any:
    whole = ir.IntType(64)
    if _MACHINE in ("x86_64", "amd64"):
        place = cgutils.alloca_once(builder, ir.IntType(32))
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(ir.IntType(8))])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.stmxcsr")
        builder.call(function, [builder.bitcast(place, ir.PointerType(ir.IntType(8)))])
        return builder.zext(builder.load(place), whole)
    if _MACHINE in ("arm64", "aarch64"):
        kind = ir.FunctionType(whole, [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.get.fpcr"), [])
    return ir.Constant(whole, 0)


def _write(builder: Any, state: Any) -> None:
    if _MACHINE in ("x86_64", "amd64"):
        place = cgutils.alloca_once(builder, ir.IntType(32))
        builder.store(builder.trunc(state, ir.IntType(32)), place)
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(ir.IntType(8))])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.ldmxcsr")
        builder.call(function, [builder.bitcast(place, ir.PointerType(ir.IntType(8)))])
    elif _MACHINE in ("arm64", "aarch64"):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.set.fpcr"), [state])


@inlined(flush_denormals)
def _flush(typingctx: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        before = _read(builder)
        bits = _X86_BITS if _MACHINE in ("x86_64", "amd64") else _ARM_BITS
        _write(builder, builder.or_(before, ir.Constant(before.type, bits)))
        return before

    return types.int64(), generate


@inlined(restore)
def _restore(typingctx: Any, state: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _write(builder, arguments[0])
        return context.get_dummy_value()

    return types.none(types.int64), generate
