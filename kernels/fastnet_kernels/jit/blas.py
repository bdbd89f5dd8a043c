"""Products of matrices by the BLAS that scipy ships, called from compiled code without a check, a copy or an
allocation.

``np.dot`` in compiled code reaches the same library, but it cannot accumulate and it checks its arguments on every
call. Here the address of ``sgemm`` and ``dgemm`` is given a name that LLVM links to, so that compiled code stays
cacheable on disk.
"""

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import get_cython_function_address, intrinsic

from .vectors import Vectors
from .view_type import fields_of

_SYMBOLS = {types.float32: "fastnet_sgemm", types.float64: "fastnet_dgemm"}


def _link() -> None:
    for symbol in _SYMBOLS.values():
        address = get_cython_function_address("scipy.linalg.cython_blas", symbol.removeprefix("fastnet_"))
        llvmlite.binding.add_symbol(symbol, address)


_link()


@intrinsic
def address(typingctx: Any, array: Any, offset: Any) -> Any:
    """Where in memory the number is that is so many after the first, of a C-ordered array."""
    if array.layout != "C":
        raise TypingError(f"a product takes C-ordered matrices, not {array}")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = fields_of(context, builder, array, arguments[0]).data
        return builder.ptrtoint(builder.gep(data, [arguments[1]]), context.get_value_type(types.intp))

    return types.intp(array, types.intp), generate


def pointers(vectors: Vectors, *addresses: Any) -> list[Any]:
    """The addresses as pointers to numbers, in the code that is being generated."""
    return [vectors.builder.inttoptr(address, ir.PointerType(vectors.number)) for address in addresses]


@intrinsic
def by_blas(
    typingctx: Any,
    zero: Any,
    c: Any,
    a: Any,
    a_step: Any,
    b: Any,
    b_step: Any,
    rows: Any,
    columns: Any,
    inner: Any,
    transpose_a: Any,
    transpose_b: Any,
    accumulate: Any,
) -> Any:
    """Addresses, and how many numbers each row of ``a`` and ``b`` is after the one before; ``zero`` says what type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, c, a, a_step, b, b_step, rows, columns, inner, flip_a, flip_b, add = arguments
        number = context.get_value_type(zero)
        int32, char, pointer = ir.IntType(32), ir.IntType(8), ir.PointerType(number)

        def by_reference(value: Any) -> Any:
            place = cgutils.alloca_once(builder, value.type)
            builder.store(value, place)
            return place

        def size(value: Any) -> Any:
            return by_reference(builder.trunc(value, int32))

        def letter(flag: Any) -> Any:
            return by_reference(builder.select(flag, ir.Constant(char, ord("T")), ir.Constant(char, ord("N"))))

        one, nothing = ir.Constant(number, 1.0), ir.Constant(number, 0.0)
        # BLAS is column-major, where a C-ordered matrix is its own transpose: outT = op(b)T @ op(a)T.
        operands = [
            letter(flip_b),
            letter(flip_a),
            size(columns),
            size(rows),
            size(inner),
            by_reference(one),
            builder.inttoptr(b, pointer),
            size(b_step),
            builder.inttoptr(a, pointer),
            size(a_step),
            by_reference(builder.select(add, one, nothing)),
            builder.inttoptr(c, pointer),
            size(columns),
        ]
        kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, _SYMBOLS[zero]), operands)
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 8, *[types.boolean] * 3), generate
