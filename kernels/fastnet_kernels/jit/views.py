"""As in the reference, but a compiled view borrows its memory: no reference count is touched when one is made."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from ..reference.views import flat, matrix, row_block, vector

__all__ = ["flat", "matrix", "row_block", "vector"]


@intrinsic
def _borrow(typingctx: Any, array: Any, offset: Any, shape: Any) -> Any:
    """An array of ``shape`` over the memory of ``array`` from ``offset`` on, with no owner.

    Its type says that it may be written to even where the array's does not: a kernel writes to its outputs alone, and
    would otherwise be compiled once for a batch in the user's data and once for one in a buffer."""
    if array.layout != "C":
        raise TypingError(f"a view into flat memory needs a C-ordered array, not {array}")
    result = types.Array(array.dtype, len(shape), "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = context.make_array(array)(context, builder, arguments[0])
        view = context.make_array(result)(context, builder)
        width = context.get_abi_sizeof(context.get_data_type(array.dtype))
        intp = context.get_value_type(types.intp)
        itemsize = ir.Constant(intp, width)
        sizes = cgutils.unpack_tuple(builder, arguments[2])
        strides: list[Any] = []
        stride = itemsize
        for size in reversed(sizes):
            strides.insert(0, stride)
            stride = builder.mul(stride, size)
        context.populate_array(
            view,
            data=builder.gep(source.data, [arguments[1]]),
            shape=sizes,
            strides=strides,
            itemsize=itemsize,
            meminfo=None,
        )
        return view._getvalue()

    return result(array, types.intp, types.UniTuple(types.intp, len(shape))), generate


@overload(flat)
def _flat(array):
    return lambda array: _borrow(array, 0, (array.size,))


@overload(vector)
def _vector(numbers, offset, size):
    return lambda numbers, offset, size: _borrow(numbers, offset, (size,))


@overload(matrix)
def _matrix(numbers, offset, rows, columns):
    return lambda numbers, offset, rows, columns: _borrow(numbers, offset, (rows, columns))


@overload(row_block)
def _row_block(array, start, rows):
    return lambda array, start, rows: _borrow(array, start * array.shape[1], (rows, array.shape[1]))
