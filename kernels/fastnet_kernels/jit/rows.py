"""Formulas over matrices and vectors that stand for a row, by vector instructions whatever the width: adding a vector
to every row, summing rows, normalising by columns.

LLVM vectorises such loops too, but checks for overlap and sets up anew in each row; with rows of 16 numbers, as small
networks have, that takes four times as long as the additions. Here it is vector code, columns outermost so that sums
stay in registers. Columns that fill no whole vector are summed with a mask; matrices are filled in them one by one,
since what is loaded with a mask soon after it was stored is waited for.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from .formula import Number
from .inlined import inlined
from .vectors import Vectors
from .view_type import fields_of

LINE_BYTES = 64
"""Of a line of the cache; where lines are longer, each is asked for twice."""

AT_ONCE = 8
"""Sums of a column that run side by side: an addition takes four cycles, and two can begin in each."""


def by_columns(
    *outputs: str, matrices: Sequence[str], sums: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a kernel of a formula (see ``formula``) in two parts: a function of what belongs to a column, vectors (n,)
    and constants, which is worked out once, and the function of the numbers of matrices (rows, n) that it returns.

    Parameters
    ----------
    outputs : names of the arrays that the kernel fills, its first parameters; the inner function returns a number for
        each. One that is among the matrices is read and replaced
    matrices : names of the inner function's parameters, at least one
    sums : whether the outputs are vectors (n,), the sums over the rows, instead of matrices; the kernel then has one
        parameter more, its last: whether to add to what they hold

    Returns
    -------
    Callable
        The decorator. Of ``formula(mean)``, which returns a function of x, and ``by_columns("z", matrices=("x",))`` it
        makes ``kernel(z, x, mean)``.
    """

    def decorate(formula: Callable[..., Any]) -> Callable[..., Any]:
        columns = list(inspect.signature(formula).parameters)
        names = list(dict.fromkeys([*outputs, *matrices, *columns]))
        of_columns, of_rows = ([names.index(name) for name in some] for some in (columns, matrices))

        def run(*arguments: Any) -> None:
            kind = arguments[0].dtype.type
            given = [
                value if isinstance(value, np.ndarray) else kind(value) for value in arguments[: len(names) - sums]
            ]
            inner = formula(*(given[place] for place in of_columns))
            results = _as_tuple(inner(*(given[place] for place in of_rows)))
            for out, result in zip(arguments[: len(outputs)], results, strict=True):
                if sums:
                    out[...] = result.sum(axis=0) + (out if arguments[-1] else np.zeros_like(out))
                else:
                    out[...] = result

        names += ["accumulate"] * sums

        @inlined(run, names)
        def loop(typingctx: Any, *arguments: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                places = of_columns, of_rows
                _emit(formula, places, len(outputs), sums, context, builder, arguments, values)
                return context.get_dummy_value()

            return types.none(*arguments), generate

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        )
        run.__name__, run.__doc__, run.__module__ = formula.__name__, formula.__doc__, formula.__module__
        run.is_formula = True  # type: ignore[attr-defined]
        return run

    return decorate


def _as_tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def _emit(
    formula: Callable[..., Any],
    places: tuple[list[int], list[int]],
    n_outputs: int,
    sums: bool,
    context: Any,
    builder: Any,
    kinds: Sequence[Any],
    values: Sequence[Any],
) -> None:
    """Write the loops: over vectors of columns, and in each over the rows."""
    arrays: list[Any] = [
        fields_of(context, builder, kind, value) if isinstance(kind, types.Array) else None
        for kind, value in zip(kinds, values, strict=True)
    ]
    of_columns, of_rows = places
    number = kinds[0].dtype
    rows, columns = cgutils.unpack_tuple(builder, arrays[of_rows[0]].shape)
    accumulate = context.cast(builder, values[-1], kinds[-1], types.boolean) if sums else None

    def given(vectors: Vectors, place: Any, mask: Any = None) -> Callable[..., Any]:
        """The inner function for the columns from ``place`` on."""
        once = [
            vectors.spread(context.cast(builder, values[index], kinds[index], number))
            if arrays[index] is None
            else vectors.load(arrays[index].data, place, mask)
            for index in of_columns
        ]
        inner: Callable[..., Any] = formula(*(Number(builder, value) for value in once))
        return inner

    def results_of(vectors: Vectors, inner: Callable[..., Any], here: Any, mask: Any = None) -> tuple[Any, ...]:
        return _as_tuple(inner(*(Number(builder, vectors.load(arrays[index].data, here, mask)) for index in of_rows)))

    def fill(vectors: Vectors, place: Any) -> None:
        inner = given(vectors, place)
        with cgutils.for_range(builder, rows) as each:
            here = builder.add(builder.mul(each.index, columns), place)
            for array, result in zip(arrays, results_of(vectors, inner, here), strict=False):
                vectors.store(result.value, array.data, here)

    def sum_up(place: Any, mask: Any) -> None:
        inner = given(vectors, place, mask)
        totals = [cgutils.alloca_once_value(builder, vectors.zero) for _ in range(n_outputs)]

        def add(row: Any, to: Sequence[Any]) -> None:
            here = builder.add(builder.mul(row, columns), place)
            for total, result in zip(to, results_of(vectors, inner, here, mask), strict=True):
                builder.store(vectors.add(builder.load(total), result.value), total)

        whole, many = builder.and_(rows, ir.Constant(rows.type, -AT_ONCE)), ir.Constant(rows.type, AT_ONCE)
        with builder.if_then(builder.icmp_signed(">", whole, ir.Constant(rows.type, 0))):
            side_by_side = [
                [cgutils.alloca_once_value(builder, vectors.zero) for _ in range(n_outputs)] for _ in range(AT_ONCE)
            ]
            with cgutils.for_range_slice(builder, ir.Constant(rows.type, 0), whole, many) as (row, _):
                for which, own in enumerate(side_by_side):
                    add(builder.add(row, ir.Constant(rows.type, which)), own)
            for total, parts in zip(totals, zip(*side_by_side, strict=True), strict=True):
                left = [builder.load(part) for part in parts]
                while len(left) > 1:
                    left = [vectors.add(*pair) for pair in zip(left[::2], left[1::2], strict=True)]
                builder.store(left[0], total)
        with cgutils.for_range_slice(builder, whole, rows, ir.Constant(rows.type, 1)) as (row, _):
            add(row, totals)
        for total, array in zip(totals, arrays, strict=False):
            before = builder.select(accumulate, vectors.load(array.data, place, mask), vectors.zero)
            vectors.store(vectors.add(before, builder.load(total)), array.data, place, mask)

    vectors = Vectors(context, builder, number)
    if sums:
        vectors.over_masked(columns, sum_up)
    else:
        vectors.over(columns, fill)


def largest_of(row: Any) -> Any:
    """The largest number of a vector that is not empty; NaN is larger than nothing, and the first number if it is one.

    LLVM keeps the order of comparisons, as one with NaN may come out either way, and takes four cycles for each."""
    return np.fmax.reduce(row) if not np.isnan(row[0]) else row[0]


@inlined(largest_of)
def _largest(typingctx: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = fields_of(context, builder, row, arguments[0])
        many = Vectors(context, builder, row.dtype)
        first = builder.load(array.data)
        found = {vectors: cgutils.alloca_once_value(builder, vectors.spread(first)) for vectors in (many, many.single)}

        def keep(vectors: Vectors, value: Any) -> None:
            before = builder.load(found[vectors])
            larger = builder.fcmp_ordered(">", value, before)
            builder.store(builder.select(larger, value, before), found[vectors])

        many.over(array.nitems, lambda vectors, place: keep(vectors, vectors.load(array.data, place)))
        by_lane = builder.load(found[many])
        for lane in range(many.lanes if many.lanes > 1 else 0):
            keep(many.single, builder.extract_element(by_lane, ir.Constant(ir.IntType(32), lane)))
        return builder.load(found[many.single])

    return row.dtype(row), generate


def move(out: Any, to: Any, a: Any, start: Any, size: Any) -> None:
    """``out``'s numbers from the one of number ``to`` on are those of ``a`` from ``start`` on, so many.

    LLVM's loop looks anew for each row of a batch whether the two overlap, longer than a short row takes."""
    out.reshape(-1)[to : to + size] = a.reshape(-1)[start : start + size]


@inlined(move)
def _move(typingctx: Any, out: Any, to: Any, a: Any, start: Any, size: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result, given = (fields_of(context, builder, kind, arguments[place]).data for kind, place in ((out, 0), (a, 2)))
        _, to, _, start, size = arguments
        result, given = builder.gep(result, [to]), builder.gep(given, [start])
        vectors = Vectors(context, builder, out.dtype)
        vectors.over_masked(
            size, lambda place, mask: vectors.store(vectors.load(given, place, mask), result, place, mask)
        )
        return context.get_dummy_value()

    return types.none(out, types.intp, a, types.intp, types.intp), generate


def fetch(a: Any, start: Any, size: Any) -> None:
    """Have so many numbers of ``a`` from ``start`` on on their way to the cache: rows in an order of their own come as
    a surprise to the machine."""


@inlined(fetch)
def _fetch(typingctx: Any, a: Any, start: Any, size: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, start, size = arguments
        vectors = Vectors(context, builder, a.dtype)
        given = builder.gep(fields_of(context, builder, a, arguments[0]).data, [start])
        line = ir.Constant(size.type, LINE_BYTES // vectors.itemsize)
        with cgutils.for_range_slice(builder, ir.Constant(size.type, 0), size, line) as (place, _):
            vectors.prefetch(builder.gep(given, [place]), False)
        return context.get_dummy_value()

    return types.none(a, types.intp, types.intp), generate


@by_columns("a", matrices=("a",))
def add_to_rows(vector: Any) -> Any:
    """``a += vector`` for ``a`` (rows, n) and ``vector`` (n,)."""
    return lambda a: a + vector


@by_columns("out", matrices=("a",), sums=True)
def sum_rows() -> Any:
    """``out = a.sum(axis=0)``, or add it to ``out``, for ``out`` (n,) and ``a`` (rows, n)."""
    return lambda a: a
