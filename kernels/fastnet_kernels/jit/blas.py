"""Products of matrices by the BLAS that scipy ships, called from compiled code without a check, a copy or an
allocation.

``np.dot`` in compiled code reaches the same library, but it cannot accumulate and it checks its arguments on every
call. Here the address of ``sgemm`` and ``dgemm`` is given a name that LLVM links to, so that compiled code stays
cacheable on disk.
"""

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import get_cython_function_address, intrinsic, overload

from .transpose import transpose
from .vectors import SMALL, stack
from .views import matrix

_SYMBOLS = {types.float32: "fastnet_sgemm", types.float64: "fastnet_dgemm"}


def _link() -> None:
    for symbol in _SYMBOLS.values():
        address = get_cython_function_address("scipy.linalg.cython_blas", symbol.removeprefix("fastnet_"))
        llvmlite.binding.add_symbol(symbol, address)


_link()


def gemm(out: Any, a: Any, b: Any, transpose_a: bool, transpose_b: bool, accumulate: bool, first: int) -> None:
    """Fill ``out = op(a) @ op(b)``, op being the transpose where asked, or add it to ``out`` if ``accumulate``.

    C-ordered matrices of one float type. A wider ``a`` stands for its columns from ``first`` on.

    Without the compiler this is the Python that runs.
    """
    b = b.T if transpose_b else b
    a = a[:, first : first + (len(out) if transpose_a else len(b))]
    product = np.matmul(a.T if transpose_a else a, b)
    if accumulate:
        out += product
    else:
        out[...] = product


@intrinsic
def _gemm(
    typingctx: Any, out: Any, a: Any, b: Any, transpose_a: Any, transpose_b: Any, accumulate: Any, first: Any
) -> Any:
    if {out.layout, a.layout, b.layout} != {"C"} or {a.dtype, b.dtype} != {out.dtype}:
        raise TypingError(f"a product takes C-ordered matrices of one float type, not {out}, {a}, {b}")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        out_value, a_value, b_value, flip_a, flip_b, add, first_column = arguments
        number = context.get_value_type(out.dtype)
        int32, char = ir.IntType(32), ir.IntType(8)
        c_array = context.make_array(out)(context, builder, out_value)
        a_array = context.make_array(a)(context, builder, a_value)
        b_array = context.make_array(b)(context, builder, b_value)

        def by_reference(value: Any) -> Any:
            place = cgutils.alloca_once(builder, value.type)
            builder.store(value, place)
            return place

        def size(value: Any) -> Any:
            return by_reference(builder.trunc(value, int32))

        def letter(flag: Any) -> Any:
            return by_reference(builder.select(flag, ir.Constant(char, ord("T")), ir.Constant(char, ord("N"))))

        rows, columns = cgutils.unpack_tuple(builder, c_array.shape)
        _, a_columns = cgutils.unpack_tuple(builder, a_array.shape)
        b_rows, b_columns = cgutils.unpack_tuple(builder, b_array.shape)
        inner = builder.select(flip_b, b_columns, b_rows)
        pointer = ir.PointerType(number)
        # BLAS is column-major, where a C-ordered matrix is its own transpose: outT = op(b)T @ op(a)T.
        operands = [
            letter(flip_b),
            letter(flip_a),
            size(columns),
            size(rows),
            size(inner),
            by_reference(ir.Constant(number, 1.0)),
            b_array.data,
            size(b_columns),
            builder.gep(a_array.data, [first_column]),
            size(a_columns),
            by_reference(builder.select(add, ir.Constant(number, 1.0), ir.Constant(number, 0.0))),
            c_array.data,
            size(columns),
        ]
        char_pointer, int_pointer = ir.PointerType(char), ir.PointerType(int32)
        kinds = [char_pointer] * 2 + [int_pointer] * 3 + [pointer, pointer, int_pointer, pointer, int_pointer]
        kinds += [pointer, pointer, int_pointer]
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), kinds), _SYMBOLS[out.dtype]
        )
        builder.call(function, operands)

    return types.void(out, a, b, types.boolean, types.boolean, types.boolean, types.intp), generate


@overload(gemm)
def _overload_gemm(out, a, b, transpose_a, transpose_b, accumulate, first):
    """OpenBLAS has fast ways for small products, but not with the second matrix transposed: 64x32 times (64x32)T takes
    2.3 times as long as 64x32 times 32x64. So a small one is transposed first."""

    def compiled(out, a, b, transpose_a, transpose_b, accumulate, first):
        if transpose_b and b.size <= SMALL:
            transposed = matrix(stack(b), 0, b.shape[1], b.shape[0])
            transpose(transposed, b)
            _gemm(out, a, transposed, transpose_a, False, accumulate, first)
        else:
            _gemm(out, a, b, transpose_a, transpose_b, accumulate, first)

    return compiled
