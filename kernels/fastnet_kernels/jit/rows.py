"""Adding a vector to every row of a matrix, and summing its rows, by vector instructions whatever the width.

LLVM vectorises such loops too, but checks for overlap and sets up anew in each row; with rows of 16 numbers, as small
networks have, that takes four times as long as the additions. Here it is vector code, columns outermost so that a sum
stays in a register, and the columns that fill no whole vector are taken one by one.
"""

from typing import Any

import numpy as np
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
def _add(typingctx: Any, a: Any, vector: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        matrix, row = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        rows, columns = cgutils.unpack_tuple(builder, matrix.shape)

        def write(vectors: Vectors, place: Any) -> None:
            added = vectors.load(row.data, place)
            with cgutils.for_range(builder, rows) as each:
                here = builder.add(builder.mul(each.index, columns), place)
                vectors.store(builder.fadd(vectors.load(matrix.data, here), added), matrix.data, here)

        Vectors(context, builder, a.dtype).over(columns, write)
        return context.get_dummy_value()

    return types.none(a, vector), generate


@intrinsic
def _sum(typingctx: Any, out: Any, a: Any, accumulate: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = context.make_array(out)(context, builder, arguments[0])
        matrix = context.make_array(a)(context, builder, arguments[1])
        rows, columns = cgutils.unpack_tuple(builder, matrix.shape)

        def write(vectors: Vectors, place: Any) -> None:
            total = cgutils.alloca_once(builder, vectors.vector)
            builder.store(builder.select(arguments[2], vectors.load(result.data, place), vectors.zero), total)
            with cgutils.for_range(builder, rows) as each:
                here = builder.add(builder.mul(each.index, columns), place)
                builder.store(builder.fadd(builder.load(total), vectors.load(matrix.data, here)), total)
            vectors.store(builder.load(total), result.data, place)

        Vectors(context, builder, a.dtype).over(columns, write)
        return context.get_dummy_value()

    return types.none(out, a, types.boolean), generate


@overload(add_to_rows)
def _add_to_rows(a, vector):
    return lambda a, vector: _add(a, vector)


@overload(sum_rows)
def _sum_rows(out, a, accumulate):
    return lambda out, a, accumulate: _sum(out, a, accumulate)
