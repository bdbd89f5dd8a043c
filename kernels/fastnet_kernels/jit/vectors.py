"""How wide this machine's vectors are, whole vectors loaded and stored, and a little memory on the stack."""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config

from .inlined import inlined
from .view_type import View, borrowed


def cpu_has(feature: str) -> bool:
    """Whether compiled code may use a feature of the CPU, by LLVM's name for it: ``NUMBA_CPU_FEATURES`` may forbid it,
    and ``NUMBA_ENABLE_AVX``, which Numba sets itself for CPUs that are slower with AVX, all of its family."""
    if config.CPU_FEATURES is not None:
        return f"+{feature}" in config.CPU_FEATURES.split(",")
    if feature.startswith("avx") and not config.ENABLE_AVX:
        return False
    return bool(llvmlite.binding.get_host_cpu_features().get(feature, False))


VECTOR_BYTES = 64 if cpu_has("avx512f") else 32 if cpu_has("avx") else 16
"""The widest that there are. LLVM by itself would take half of them where they are 64 bytes, for fear of a lower clock:
with whole ones matexp's training, much of it tanh, takes 0.86 of the time."""

REGISTERS = 32 if VECTOR_BYTES == 64 or cpu_has("neon") else 16
"""Of such vectors."""


class Vectors:
    """Loads and stores of whole vectors of a type's numbers, in the code that is being generated.

    A ``mask``, as ``first`` gives, leaves the numbers alone that it is false for: they are read as zero. ``single``
    does the same with a number at a time.
    """

    def __init__(self, context: Any, builder: Any, kind: Any, lanes: int | None = None) -> None:
        self.builder, self.number = builder, context.get_value_type(kind)
        self.itemsize = context.get_abi_sizeof(context.get_data_type(kind))
        self.lanes = lanes or VECTOR_BYTES // self.itemsize
        self.vector = self.vector_of(self.number)
        self.zero = self.constant(0.0, self.number)
        self.single: Vectors = self if self.lanes == 1 else Vectors(context, builder, kind, 1)

    def vector_of(self, number: Any) -> Any:
        """The type of as many of another type's numbers."""
        return number if self.lanes == 1 else ir.VectorType(number, self.lanes)

    def constant(self, value: float, number: Any) -> Any:
        return ir.Constant(self.vector_of(number), value if self.lanes == 1 else [value] * self.lanes)

    def at(self, data: Any, place: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [place]), ir.PointerType(self.vector))

    def load(self, data: Any, place: Any, mask: Any = None) -> Any:
        if mask is None:
            return self.builder.load(self.at(data, place), align=self.itemsize)
        alignment = ir.Constant(ir.IntType(32), self.itemsize)
        return self._call("masked.load", ".p0", self.vector, [self.at(data, place), alignment, mask, self.zero])

    def store(self, value: Any, data: Any, place: Any, mask: Any = None) -> None:
        if mask is None:
            self.builder.store(value, self.at(data, place), align=self.itemsize)
            return
        alignment = ir.Constant(ir.IntType(32), self.itemsize)
        self._call("masked.store", ".p0", ir.VoidType(), [value, self.at(data, place), alignment, mask])

    def prefetch(self, data: Any, is_written: bool) -> None:
        """Ask for a line of the cache, one to be read into the second level: nothing waits, and no address is wrong."""
        byte, int32 = ir.PointerType(ir.IntType(8)), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, int32, int32, int32])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        how = (ir.Constant(int32, number) for number in ((1, 3, 1) if is_written else (0, 2, 1)))
        self.builder.call(function, [self.builder.bitcast(data, byte), *how])

    def over(self, size: Any, write: "Callable[[Vectors, Any], None]") -> None:
        """Write a loop over so many numbers: ``write(vectors, place)``, whole vectors first, then with ``single``.

        A mask would do what is left at once, but what is loaded with one soon after it was stored is waited for:
        moons' training took 1.05 times as long.
        """
        whole = self.builder.and_(size, ir.Constant(size.type, -self.lanes))
        for vectors, begin, end in ((self, ir.Constant(size.type, 0), whole), (self.single, whole, size)):
            by = ir.Constant(size.type, vectors.lanes)
            with cgutils.for_range_slice(self.builder, begin, end, by) as (place, _):
                write(vectors, place)

    def over_masked(self, size: Any, write: Callable[[Any, Any], None]) -> None:
        """As ``over``, but ``write(place, mask)``, the mask None for all but the vector that is not whole."""
        builder, zero, lanes = self.builder, ir.Constant(size.type, 0), ir.Constant(size.type, self.lanes)
        whole = builder.and_(size, ir.Constant(size.type, -self.lanes))
        with cgutils.for_range_slice(builder, zero, whole, lanes) as (place, _):
            write(place, None)
        left = builder.sub(size, whole)
        with builder.if_then(builder.icmp_signed(">", left, zero)):
            write(whole, self.first(left))

    def first(self, count: Any) -> Any:
        """The mask of the first ``count`` numbers."""
        order = ir.Constant(self.vector_of(count.type), list(range(self.lanes)))
        return self.builder.icmp_signed("<", order, self.spread(count))

    def present(self, count: Any) -> list[Any]:
        """0, 1 and so on, as many as a vector has numbers, for ``count`` rows: one that is not there is the last again,
        to be read and not stored."""
        lanes = [ir.Constant(count.type, lane) for lane in range(self.lanes)]
        last = self.builder.sub(count, ir.Constant(count.type, 1))
        return [self.builder.select(self.builder.icmp_signed("<", lane, last), lane, last) for lane in lanes]

    def spread(self, value: Any) -> Any:
        """A vector of nothing but ``value``."""
        if self.lanes == 1:
            return value
        undefined = ir.Constant(self.vector_of(value.type), ir.Undefined)
        one = self.builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(one, undefined, self.constant(0, ir.IntType(32)))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """``a * b + c``, rounded once where the machine has an instruction for it."""
        return self._call("fmuladd", "", self.vector, [a, b, c])

    def multiply_add_at(self, data: Any, b: Any, c: Any) -> Any:
        """``data[0] * b + c``, the number read by the instruction itself where the machine has one for it."""
        if self.lanes * self.itemsize < 64:
            return self.multiply_add(self.spread(self.builder.load(data)), b, c)
        llvmlite.binding.initialize_native_asmparser()
        kind = ir.FunctionType(self.vector, [self.vector, data.type, self.vector])
        text = f"vfmadd231p{'s' if self.itemsize == 4 else 'd'} $2{{1to{self.lanes}}}, $1, $0"
        instruction = ir.InlineAsm(kind, text, "=v,v,*m,0")
        return self.builder.call(instruction, [b, data, c], arg_attrs={1: ("elementtype",)})

    def multiply_add_row(self, data: Any, row: list[Any], sums: list[Any], is_spread: bool) -> list[Any]:
        """``data[0] * vector + sum`` of each vector of a row and its sum; the number is spread over a register for all
        of them, or by each multiply-add for itself."""
        if not is_spread:
            return [self.multiply_add_at(data, *pair) for pair in zip(row, sums, strict=True)]
        factor = self.spread(self.builder.load(data))
        return [self.multiply_add(factor, *pair) for pair in zip(row, sums, strict=True)]

    def opaque(self, value: Any, register: str = "r") -> Any:
        """The same, of which LLVM knows nothing."""
        return self.builder.asm(ir.FunctionType(value.type, [value.type]), "", f"={register},0", [value], False)

    def fence(self) -> None:
        """No number is loaded before this that stands after it: LLVM would else load those of several steps of a loop
        together, and put into memory what there are then no registers for."""
        kind = ir.FunctionType(ir.VoidType(), [])
        self.builder.call(ir.InlineAsm(kind, "", "~{memory}", side_effect=True), [])

    def held(self, mask: Any) -> Any:
        """The mask, held where LLVM would else make it anew in each turn of a loop: as bits for a register of masks, or
        as the signs of a vector's numbers."""
        builder = self.builder
        if VECTOR_BYTES == 64:
            bits = self.opaque(builder.zext(builder.bitcast(mask, ir.IntType(self.lanes)), ir.IntType(32)))
            return builder.bitcast(builder.trunc(bits, ir.IntType(self.lanes)), mask.type)
        if VECTOR_BYTES == 32:
            number = ir.IntType(8 * self.itemsize)
            signs = self.opaque(builder.sext(mask, self.vector_of(number)), "x")
            return builder.icmp_signed("<", signs, self.constant(0, number))
        return mask

    def add(self, a: Any, b: Any) -> Any:
        """``a + b`` of vectors or numbers, which stays where it is written: flags of its own keep Numba from giving it
        those of the function, by which LLVM may sum in another order, and in another one in each copy of the code."""
        return self.builder.fadd(a, b, flags=("nsz",))

    def sum(self, vector: Any) -> Any:
        """The sum of a vector's numbers, by halves."""
        lanes, int32 = self.lanes, ir.IntType(32)
        while lanes > 1:
            lanes //= 2
            halves = [
                ir.Constant(ir.VectorType(int32, lanes), list(range(first, first + lanes))) for first in (0, lanes)
            ]
            vector = self.add(*(self.builder.shuffle_vector(vector, vector, half) for half in halves))
        return self.builder.extract_element(vector, ir.Constant(int32, 0))

    def _call(self, name: str, suffix: str, returned: Any, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(returned, [argument.type for argument in arguments])
        name = f"llvm.{name}.v{self.lanes}f{8 * self.itemsize}{suffix}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)


SMALL = 4096
"""Numbers that ``stack`` gives: 16 KiB in float32."""


def stack(like: Any) -> Any:
    """A vector of ``SMALL`` numbers, of the type of ``like``; it lasts until the caller returns.

    Without the compiler this is the Python that runs.
    """
    return np.empty(SMALL, like.dtype)


@inlined(stack)
def _stack(typingctx: Any, like: Any) -> Any:
    result = View(like.dtype, 1)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(like.dtype)
        with builder.goto_entry_block():  # not alloca_once, which would fill it with zeros at every call
            memory = builder.alloca(ir.ArrayType(number, SMALL))
        data = builder.bitcast(memory, ir.PointerType(number))
        return borrowed(context, builder, result, data, [cgutils.intp_t(SMALL)])

    return result(like), generate
