"""As in the reference, but a compiled view borrows its memory: no reference count is touched when one is made."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from ..program import Array
from ..reference.views import flat, matrix, row_block, vector
from .inlined import inlined
from .view_type import Fields, borrowed, fields_of, view_of

__all__ = ["flat", "matrix", "row_block", "vector"]


def _borrow(array: Any, ndim: int, place: Callable[..., tuple[Any, Sequence[Any]]], *others: Any) -> Any:
    """How Numba is told of a view of so many dimensions over an array's memory.

    ``place(builder, fields, *values)`` gives the offset and the shape, the values being those of the other arguments.

    What is written to even where the array says that it may not be is a kernel's outputs alone; a kernel would
    otherwise be compiled once for a batch in the user's data and once for one in a buffer."""
    result = view_of(array, ndim)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = fields_of(context, builder, array, arguments[0])
        offset, shape = place(builder, given, *arguments[1:])
        return borrowed(context, builder, result, builder.gep(given.data, [offset]), shape)

    return result(array, *[types.intp] * len(others)), generate


def borrow(array: Array) -> Array:
    """View an array: what compiled code calls with it need not be compiled for arrays of both kinds. It is for what an
    entry point is given, which its caller holds: a view keeps nothing alive.

    Without the compiler this is the Python that runs.
    """
    return array


@inlined(borrow)
def _as_it_is(typingctx: Any, array: Any) -> Any:
    return view_of(array, array.ndim)(array), lambda context, builder, signature, arguments: arguments[0]


def is_same(a: Any, b: Any) -> bool:
    """Whether two arrays begin at the same place in memory. Without the compiler this is the Python that runs."""
    return bool(a.ctypes.data == b.ctypes.data)


@inlined(is_same)
def _is_same(typingctx: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = zip((a, b), arguments, strict=True)
        places = (builder.ptrtoint(fields_of(context, builder, *array).data, cgutils.intp_t) for array in given)
        return builder.icmp_unsigned("==", *places)

    return types.boolean(a, b), generate


@inlined(flat)
def _flat(typingctx: Any, array: Any) -> Any:
    return _borrow(array, 1, lambda builder, given: (ir.Constant(cgutils.intp_t, 0), [given.nitems]))


@inlined(vector)
def _vector(typingctx: Any, numbers: Any, offset: Any, size: Any) -> Any:
    return _borrow(numbers, 1, lambda builder, given, offset, size: (offset, [size]), offset, size)


@inlined(matrix)
def _matrix(typingctx: Any, numbers: Any, offset: Any, rows: Any, columns: Any) -> Any:
    return _borrow(numbers, 2, lambda builder, given, offset, *shape: (offset, shape), offset, rows, columns)


@inlined(row_block)
def _row_block(typingctx: Any, array: Any, start: Any, rows: Any) -> Any:
    def place(builder: Any, given: Fields, start: Any, rows: Any) -> tuple[Any, Sequence[Any]]:
        columns = builder.extract_value(given.shape, 1)
        return builder.mul(start, columns), [rows, columns]

    return _borrow(array, 2, place, start, rows)
