"""The transpose of a small matrix, by vector instructions.

A plain loop reads or writes number by number, a nanosecond each: as long as the product that a small layer's transposed
weights are wanted for. Here squares of as many rows as a vector has numbers are turned in registers: for each bit of
the row's number, halves of pairs of rows change places (Eklundh, 1972).
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from .vectors import Vectors


def transpose(out: Any, a: Any) -> None:
    """``out = a.T``, of other memory. Without the compiler this is the Python that runs."""
    out[...] = a.T


@intrinsic
def _squares(typingctx: Any, out: Any, a: Any) -> Any:
    """Transpose the whole squares; return how many rows and columns of ``a`` they cover."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result, source = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        vectors = Vectors(context, builder, a)
        rows, columns = cgutils.unpack_tuple(builder, source.shape)
        lanes = vectors.lanes
        side = ir.Constant(rows.type, lanes)
        with cgutils.for_range(builder, builder.sdiv(rows, side)) as down:
            top = builder.mul(down.index, side)
            with cgutils.for_range(builder, builder.sdiv(columns, side)) as across:
                left = builder.mul(across.index, side)

                def place(row: Any, column: Any, width: Any, number: int) -> Any:
                    return builder.add(builder.mul(builder.add(row, ir.Constant(rows.type, number)), width), column)

                square = [vectors.load(source.data, place(top, left, columns, lane)) for lane in range(lanes)]
                for number, vector in enumerate(_turned(builder, square)):
                    vectors.store(vector, result.data, place(left, top, rows, number))
        covered = [builder.mul(builder.sdiv(size, side), side) for size in (rows, columns)]
        return cgutils.pack_array(builder, covered)

    return types.UniTuple(types.intp, 2)(out, a), generate


def _turned(builder: Any, square: list[Any]) -> list[Any]:
    lanes, square = len(square), list(square)
    bit = 1
    while bit < lanes:
        for row in (row for row in range(lanes) if not row & bit):
            upper, lower = square[row], square[row + bit]
            for at, mask in (
                (row, [lane if not lane & bit else lanes + lane - bit for lane in range(lanes)]),
                (row + bit, [lane + bit if not lane & bit else lanes + lane for lane in range(lanes)]),
            ):
                order = ir.Constant(ir.VectorType(ir.IntType(32), lanes), mask)
                square[at] = builder.shuffle_vector(upper, lower, order)
        bit *= 2
    return square


@overload(transpose)
def _transpose(out, a):
    def compiled(out, a):
        rows, columns = _squares(out, a)
        for i in range(rows, a.shape[0]):
            for j in range(a.shape[1]):
                out[j, i] = a[i, j]
        for i in range(rows):
            for j in range(columns, a.shape[1]):
                out[j, i] = a[i, j]

    return compiled
