"""Products of matrices one of whose three sizes is 1: a batch of one, a layer with a single output.

To call the BLAS for these takes longer than the product: 0.3 us for 32x16 times 16x1. Each is one of three loops
over vectors: the sum of some rows, each times a number; the dot product of each row with a vector; or the outer product
of two vectors.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .blas import pointers
from .vectors import Vectors

AT_ONCE = 4
"""Vectors of sums that run side by side: as many as hide a multiply-add's latency."""

TOGETHER, FEW = 8, 4
"""Rows whose dot products with a vector run side by side, and below how many they are worked out one by one."""


@intrinsic
def combine_rows(
    typingctx: Any,
    zero: Any,
    out: Any,
    before: Any,
    factors: Any,
    factors_step: Any,
    rows: Any,
    rows_step: Any,
    size: Any,
    inner: Any,
    add: Any,
) -> Any:
    """``out[j] = sum(factors[k] * rows[k, j])``, to which ``before[j]`` is added if ``add``; ``size`` numbers of each
    of ``inner`` rows."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = Vectors(context, builder, zero)
        _, out, before, factors, factors_step, rows, rows_step, size, inner, add = arguments
        out, before, factors, rows = pointers(vectors, out, before, factors, rows)

        def columns(place: Any, masks: list[Any]) -> None:
            places = [
                builder.add(place, ir.Constant(size.type, vector * vectors.lanes)) for vector in range(len(masks))
            ]
            sums = [cgutils.alloca_once(builder, vectors.vector) for _ in masks]
            for total in sums:
                builder.store(vectors.zero, total)
            with cgutils.for_range(builder, inner) as k:
                row = builder.gep(rows, [builder.mul(k.index, rows_step)])
                factor = builder.load(builder.gep(factors, [builder.mul(k.index, factors_step)]))
                factor = vectors.spread(factor)
                for total, at, mask in zip(sums, places, masks, strict=True):
                    value = vectors.load(row, at, mask)
                    builder.store(vectors.multiply_add(factor, value, builder.load(total)), total)
            # Last, as in a tile, so that a row has the bits that it has among others.
            for total, at, mask in zip(sums, places, masks, strict=True):
                start = builder.select(add, vectors.load(before, at, mask), vectors.zero)
                vectors.store(vectors.add(start, builder.load(total)), out, at, mask)

        many = ir.Constant(size.type, AT_ONCE * vectors.lanes)
        wide = builder.mul(builder.sdiv(size, many), many)
        with cgutils.for_range_slice(builder, ir.Constant(size.type, 0), wide, many) as (place, _):
            columns(place, [None] * AT_ONCE)
        rest = builder.sub(size, wide)
        vectors.over_masked(rest, lambda place, mask: columns(builder.add(wide, place), [mask]))
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 8, types.boolean), generate


@intrinsic
def dot_rows(
    typingctx: Any, start: Any, out: Any, vector: Any, rows: Any, rows_step: Any, size: Any, inner: Any, add: Any
) -> Any:
    """``out[i] = sum(rows[i, k] * vector[k])``, to which ``out[i]`` is added if ``add``, else the number ``start``;
    ``inner`` numbers of each of ``size`` rows."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = Vectors(context, builder, start)
        first, out, vector, rows, rows_step, size, inner, add = arguments
        out, vector, rows = pointers(vectors, out, vector, rows)
        few = builder.icmp_signed("<", size, ir.Constant(size.type, FEW))
        with builder.if_else(few) as (one_by_one, together):
            with one_by_one, cgutils.for_range(builder, size) as i:
                here = builder.gep(out, [i.index])
                (total,) = _dot(vectors, rows, [builder.mul(i.index, rows_step)], vector, inner)
                before = builder.select(add, builder.load(here), first)
                builder.store(vectors.add(before, vectors.sum(total)), here)
            with together:
                _dot_together(vectors, [first, out, vector, rows, rows_step, size, inner, add])
        return context.get_dummy_value()

    return types.none(start, *[types.intp] * 6, types.boolean), generate


def _dot_together(vectors: Vectors, given: list[Any]) -> None:
    start, out, vector, rows, rows_step, size, inner, add = given
    builder = vectors.builder
    begin, lanes = (ir.Constant(size.type, number) for number in (0, vectors.lanes))
    with cgutils.for_range_slice(builder, begin, size, lanes) as (top, _):
        line, left = builder.gep(rows, [builder.mul(top, rows_step)]), builder.sub(size, top)
        places = [builder.mul(row, rows_step) for row in vectors.present(left)]
        sums = []
        for first in range(0, vectors.lanes, TOGETHER):
            sums += _dot(vectors, line, places[first : first + TOGETHER], vector, inner)
        mask = vectors.first(left)
        before = builder.select(add, vectors.load(out, top, mask), vectors.spread(start))
        vectors.store(vectors.add(before, _folded(vectors, sums)), out, top, mask)


def _dot(vectors: Vectors, line: Any, places: list[Any], vector: Any, inner: Any) -> list[Any]:
    """For each of some rows a vector whose numbers' sum is its dot product."""
    builder = vectors.builder
    sums = [cgutils.alloca_once(builder, vectors.vector) for _ in places]
    for total in sums:
        builder.store(vectors.zero, total)

    def multiply(at: Any, mask: Any) -> None:
        factors = vectors.load(vector, at, mask)
        here = builder.gep(line, [at])
        for place, total in zip(places, sums, strict=True):
            product = vectors.multiply_add(vectors.load(here, place, mask), factors, builder.load(total))
            builder.store(product, total)

    vectors.over_masked(inner, multiply)
    return [builder.load(total) for total in sums]


def _folded(vectors: Vectors, rows: list[Any]) -> Any:
    """A vector of the sums of as many vectors as it has numbers, each with the bits that ``Vectors.sum`` gives."""
    lanes, int32 = len(rows), ir.IntType(32)
    width = lanes // 2
    while len(rows) > 1:
        lower = [group + lane for group in range(0, 2 * lanes, 2 * width) for lane in range(width)]
        halves = [ir.Constant(ir.VectorType(int32, lanes), [lane + half for lane in lower]) for half in (0, width)]
        rows = [
            vectors.add(*(vectors.builder.shuffle_vector(*pair, half) for half in halves))
            for pair in zip(rows[::2], rows[1::2], strict=True)
        ]
        width //= 2
    return rows[0]


@intrinsic
def outer_product(
    typingctx: Any,
    zero: Any,
    out: Any,
    before: Any,
    before_step: Any,
    factors: Any,
    factors_step: Any,
    row: Any,
    rows: Any,
    size: Any,
    add: Any,
) -> Any:
    """``out[i, j] = factors[i] * row[j]``, to which a number of ``before`` is added if ``add``; ``rows`` rows of
    ``size`` numbers, and so many from row to row of ``before``.

    What is loaded with a mask right behind what was stored with one is waited for, as if both were whole vectors: 30
    cycles for a row of 4 numbers. So columns that fill no vector are loaded for some rows before any is stored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = Vectors(context, builder, zero)
        _, out, before, before_step, factors, factors_step, row, rows, size, add = arguments
        out, before, factors, row = pointers(vectors, out, before, factors, row)

        def columns(place: Any, mask: Any) -> None:
            value = vectors.load(row, place, mask)
            together = ir.Constant(size.type, 1 if mask is None else vectors.lanes)
            with cgutils.for_range_slice(builder, ir.Constant(size.type, 0), rows, together) as (top, _):
                # One that is not there is the last again, and stored twice.
                some = [top]
                if mask is not None:
                    some = [builder.add(top, lane) for lane in vectors.present(builder.sub(rows, top))]
                products = []
                for i in some:
                    factor = builder.load(builder.gep(factors, [builder.mul(i, factors_step)]))
                    there = builder.add(builder.mul(i, before_step), place)
                    start = builder.select(add, vectors.load(before, there, mask), vectors.zero)
                    products.append(vectors.multiply_add(vectors.spread(factor), value, start))
                for i, product in zip(some, products, strict=True):
                    vectors.store(product, out, builder.add(builder.mul(i, size), place), mask)

        vectors.over_masked(size, columns)
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 8, types.boolean), generate
