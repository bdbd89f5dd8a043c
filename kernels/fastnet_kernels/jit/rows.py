"""Adding a vector to every row of a matrix, and summing its rows, by vector instructions whatever the width.

LLVM vectorises such loops too, but checks for overlap and sets up anew in each row; with rows of 16 numbers, as small
networks have, that takes four times as long as the additions. Here the whole columns of vectors are written in vector
code, columns outermost in the sum so that it stays in a register, and plain loops take the columns that are left.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from .vectors import Vectors


def add_to_rows(a: Any, vector: Any) -> None:
    """``a += vector`` for ``a`` (rows, n) and ``vector`` (n,). Without the compiler this is the Python that runs."""
    a += vector


def sum_rows(out: Any, a: Any, accumulate: bool) -> None:
    """``out = a.sum(axis=0)``, or add it to ``out``, for ``out`` (n,) and ``a`` (rows, n). As above."""
    out[...] = a.sum(axis=0) + (out if accumulate else np.zeros_like(out))


@intrinsic
def _add_vectors(typingctx: Any, a: Any, vector: Any) -> Any:
    """Add whole vectors to each row; return the first column that is left."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        matrix, row = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        pointers = Vectors(context, builder, a)
        rows, columns = cgutils.unpack_tuple(builder, matrix.shape)
        lanes = ir.Constant(columns.type, pointers.lanes)
        with cgutils.for_range(builder, builder.sdiv(columns, lanes)) as column:
            place = builder.mul(column.index, lanes)
            added = pointers.load(row.data, place)
            with cgutils.for_range(builder, rows) as each:
                here = builder.add(builder.mul(each.index, columns), place)
                pointers.store(builder.fadd(pointers.load(matrix.data, here), added), matrix.data, here)
        return builder.mul(builder.sdiv(columns, lanes), lanes)

    return types.intp(a, vector), generate


@intrinsic
def _sum_vectors(typingctx: Any, out: Any, a: Any, accumulate: Any) -> Any:
    """Sum whole vectors of columns; return the first column that is left."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = context.make_array(out)(context, builder, arguments[0])
        matrix = context.make_array(a)(context, builder, arguments[1])
        pointers = Vectors(context, builder, a)
        rows, columns = cgutils.unpack_tuple(builder, matrix.shape)
        lanes = ir.Constant(columns.type, pointers.lanes)
        zero = ir.Constant(pointers.vector, [0.0] * pointers.lanes)
        total = cgutils.alloca_once(builder, pointers.vector)
        with cgutils.for_range(builder, builder.sdiv(columns, lanes)) as column:
            place = builder.mul(column.index, lanes)
            builder.store(builder.select(arguments[2], pointers.load(result.data, place), zero), total)
            with cgutils.for_range(builder, rows) as each:
                here = builder.add(builder.mul(each.index, columns), place)
                builder.store(builder.fadd(builder.load(total), pointers.load(matrix.data, here)), total)
            pointers.store(builder.load(total), result.data, place)
        return builder.mul(builder.sdiv(columns, lanes), lanes)

    return types.intp(out, a, types.boolean), generate


@overload(add_to_rows)
def _add_to_rows(a, vector):
    def compiled(a, vector):
        for j in range(_add_vectors(a, vector), a.shape[1]):
            added = vector[j]
            for i in range(a.shape[0]):
                a[i, j] += added

    return compiled


@overload(sum_rows)
def _sum_rows(out, a, accumulate):
    def compiled(out, a, accumulate):
        for j in range(_sum_vectors(out, a, accumulate), a.shape[1]):
            total = out[j] if accumulate else out.dtype.type(0)
            for i in range(a.shape[0]):
                total += a[i, j]
            out[j] = total

    return compiled
