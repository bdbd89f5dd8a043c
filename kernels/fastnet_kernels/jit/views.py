"""As in the reference, but a compiled view borrows its memory: no reference count is touched when one is made."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError

from ..reference.views import flat, matrix, row_block, vector
from .inlined import inlined

__all__ = ["flat", "matrix", "row_block", "vector"]


def borrowed(context: Any, builder: Any, kind: Any, data: Any, shape: Sequence[Any]) -> Any:
    """In the code that is being generated: an array of that type and shape over the memory at an address."""
    view = context.make_array(kind)(context, builder)
    itemsize = ir.Constant(
        context.get_value_type(types.intp), context.get_abi_sizeof(context.get_data_type(kind.dtype))
    )
    strides: list[Any] = []
    stride = itemsize
    for size in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, size)
    pointer = context.get_data_type(kind.dtype).as_pointer()
    data = builder.inttoptr(data, pointer) if isinstance(data.type, ir.IntType) else data
    context.populate_array(view, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return view._getvalue()


def _borrow(array: Any, rank: int, place: Callable[..., tuple[Any, Sequence[Any]]], *others: Any) -> Any:
    """How Numba is told of a view of so many dimensions over an array's memory, with no owner.

    ``place(builder, array, *values)`` gives the offset and the shape, the values being those of the other arguments.

    The view's type says that it may be written to even where the array's does not: a kernel writes to its outputs
    alone, and would otherwise be compiled once for a batch in the user's data and once for one in a buffer."""
    if array.layout != "C":
        raise TypingError(f"a view into flat memory needs a C-ordered array, not {array}")
    result = types.Array(array.dtype, rank, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = context.make_array(array)(context, builder, arguments[0])
        offset, sizes = place(builder, source, *arguments[1:])
        return borrowed(context, builder, result, builder.gep(source.data, [offset]), sizes)

    return result(array, *[types.intp] * len(others)), generate


def is_same(a: Any, b: Any) -> bool:
    """Whether two arrays begin at the same place in memory. Without the compiler this is the Python that runs."""
    return bool(a.ctypes.data == b.ctypes.data)


@inlined(is_same)
def _is_same(typingctx: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = (
            context.make_array(kind)(context, builder, value) for kind, value in zip((a, b), arguments, strict=True)
        )
        places = (builder.ptrtoint(array.data, context.get_value_type(types.intp)) for array in arrays)
        return builder.icmp_unsigned("==", *places)

    return types.boolean(a, b), generate


@inlined(flat)
def _flat(typingctx: Any, array: Any) -> Any:
    return _borrow(array, 1, lambda builder, given: (ir.Constant(given.nitems.type, 0), [given.nitems]))


@inlined(vector)
def _vector(typingctx: Any, numbers: Any, offset: Any, size: Any) -> Any:
    return _borrow(numbers, 1, lambda builder, given, offset, size: (offset, [size]), offset, size)


@inlined(matrix)
def _matrix(typingctx: Any, numbers: Any, offset: Any, rows: Any, columns: Any) -> Any:
    return _borrow(numbers, 2, lambda builder, given, offset, *shape: (offset, shape), offset, rows, columns)


@inlined(row_block)
def _row_block(typingctx: Any, array: Any, start: Any, rows: Any) -> Any:
    def place(builder: Any, given: Any, start: Any, rows: Any) -> tuple[Any, Sequence[Any]]:
        columns = builder.extract_value(given.shape, 1)
        return builder.mul(start, columns), [rows, columns]

    return _borrow(array, 2, place, start, rows)
