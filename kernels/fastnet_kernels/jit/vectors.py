"""How wide this machine's vectors are, whole vectors loaded and stored, and a little memory on the stack."""

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload


def _vector_bytes() -> int:
    features = llvmlite.binding.get_host_cpu_features()
    return 32 if features.get("avx") else 16


VECTOR_BYTES = _vector_bytes()


class Vectors:
    """Loads and stores of whole vectors of an array's numbers, in the code that is being generated."""

    def __init__(self, context: Any, builder: Any, kind: Any) -> None:
        self.builder, self.itemsize = builder, context.get_abi_sizeof(context.get_data_type(kind.dtype))
        self.lanes = VECTOR_BYTES // self.itemsize
        self.vector = ir.VectorType(context.get_value_type(kind.dtype), self.lanes)

    def at(self, data: Any, place: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [place]), ir.PointerType(self.vector))

    def load(self, data: Any, place: Any) -> Any:
        return self.builder.load(self.at(data, place), align=self.itemsize)

    def store(self, value: Any, data: Any, place: Any) -> None:
        self.builder.store(value, self.at(data, place), align=self.itemsize)


SMALL = 4096
"""Numbers that ``stack`` gives: 16 KiB in float32."""


def stack(like: Any) -> Any:
    """A vector of ``SMALL`` numbers, of the type of ``like``; it lasts until the caller returns.

    Without the compiler this is the Python that runs.
    """
    return np.empty(SMALL, like.dtype)


@intrinsic
def _stack(typingctx: Any, like: Any) -> Any:
    result = types.Array(like.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(like.dtype)
        with builder.goto_entry_block():  # not alloca_once, which would fill it with zeros at every call
            memory = builder.alloca(ir.ArrayType(number, SMALL))
        view = context.make_array(result)(context, builder)
        itemsize = ir.Constant(context.get_value_type(types.intp), context.get_abi_sizeof(number))
        context.populate_array(
            view,
            data=builder.bitcast(memory, ir.PointerType(number)),
            shape=[ir.Constant(context.get_value_type(types.intp), SMALL)],
            strides=[itemsize],
            itemsize=itemsize,
            meminfo=None,
        )
        return view._getvalue()

    return result(like), generate


# Inlined before LLVM sees it, so that the memory is the caller's and not that of a function that has returned.
@overload(stack, inline="always")
def _overload_stack(like):
    return lambda like: _stack(like)
