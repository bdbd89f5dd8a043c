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
from .view_type import fields_of


def transpose(out: Any, a: Any) -> None:
    """``out = a.T``, of other memory. Without the compiler this is the Python that runs."""
    out[...] = a.T


@intrinsic
def _transpose(typingctx: Any, out: Any, a: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result, source = (
            fields_of(context, builder, kind, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        vectors = Vectors(context, builder, a.dtype)
        rows, columns = cgutils.unpack_tuple(builder, source.shape)

        def write(top: Any, mask: Any) -> None:
            line = builder.gep(source.data, [builder.mul(top, columns)])
            n_rows = None if mask is None else builder.sub(rows, top)
            turn(vectors, builder.gep(result.data, [top]), rows, line, columns, n_rows, columns)

        vectors.over_masked(rows, write)
        return context.get_dummy_value()

    return types.none(out, a), generate


def turn(vectors: Vectors, out: Any, out_step: Any, a: Any, step: Any, rows: Any, columns: Any) -> None:
    """Write the code that turns as many rows of ``a`` as a vector has numbers, or fewer if ``rows`` says so. From row
    to row it is ``step`` numbers in ``a``, ``out_step`` in ``out``."""
    builder = vectors.builder
    numbers = [ir.Constant(columns.type, lane) for lane in range(vectors.lanes)]
    mask, given = None, numbers
    if rows is not None:
        mask, given = vectors.first(rows), vectors.present(rows)
    lines = [builder.gep(a, [builder.mul(row, step)]) for row in given]

    def write(left: Any, columns_mask: Any) -> None:
        square = _turned(builder, [vectors.load(line, left, columns_mask) for line in lines])
        for lane, vector in zip(numbers, square, strict=True):
            column = builder.add(left, lane)
            is_there = (
                ir.Constant(ir.IntType(1), 1) if columns_mask is None else builder.icmp_signed("<", column, columns)
            )
            with builder.if_then(is_there):
                vectors.store(vector, out, builder.mul(column, out_step), mask)

    vectors.over_masked(columns, write)


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
def _overload_transpose(out, a):
    return lambda out, a: _transpose(out, a)
