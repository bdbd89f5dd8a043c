"""How compiled code knows and passes the arrays that kernels work on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.core.imputils import lower_cast
from numba.extending import register_model


class View(types.Array):  # type: ignore[misc]
    """The type, in compiled code, of a C-ordered array that nobody owns and that may be written to.

    It is an array like any other, but kernels pass it to each other by address and shape: two words or three, where
    Numba passes seven or nine of an array of its own, which were a fifth of a step of a small network and of what there
    is to compile. And it has no owner, whose references would be counted at every call.
    """

    def __init__(self, dtype: Any, ndim: int) -> None:
        super().__init__(dtype, ndim, "C", name=f"view({dtype}, {ndim}d)")

    @property
    def mangling_args(self) -> tuple[str, list[Any]]:
        return "view", [self.dtype, self.ndim]


@register_model(View)
class _ViewModel(models.ArrayModel):  # type: ignore[misc]
    """The fields of any array, but that it is passed by two of them."""

    def __init__(self, manager: Any, kind: View) -> None:
        super().__init__(manager, kind)
        members = dict(zip(self._fields, self._members, strict=True)) | {"meminfo": types.voidptr}
        models.StructModel.__init__(self, manager, kind, list(members.items()))
        self._passed = [self.get_field_position(name) for name in ("data", "shape")]

    def traverse(self, builder: Any) -> list[Any]:
        return []  # where Numba looks for owners, taking the whole array apart each time

    def get_argument_type(self) -> Any:
        return tuple(self._models[place].get_argument_type() for place in self._passed)

    def as_argument(self, builder: Any, value: Any) -> Any:
        return tuple(
            self._models[place].as_argument(builder, builder.extract_value(value, place)) for place in self._passed
        )

    def from_argument(self, builder: Any, value: Any) -> Any:
        data, shape = value
        word, dtype = cgutils.intp_t, self._fe_type.dtype
        size_of_one = dtype.size if isinstance(dtype, types.Record) else dtype.bitwidth // 8
        stride = itemsize = ir.Constant(word, size_of_one)
        nitems: Any = ir.Constant(word, 1)
        strides: list[Any] = []
        for size in reversed(shape):
            strides.insert(0, stride)
            stride, nitems = builder.mul(stride, size), builder.mul(nitems, size)
        fields = {
            "nitems": nitems,
            "itemsize": itemsize,
            "data": data,
            "shape": cgutils.pack_array(builder, shape, word),
            "strides": cgutils.pack_array(builder, strides, word),
        }
        view = ir.Constant(self.get_value_type(), None)
        for name, field in fields.items():
            view = self.set(builder, view, field, name)
        return view


def view_of(array: Any, ndim: int) -> View:
    """The type of a view of so many dimensions over the memory of an array of that type."""
    if array.layout != "C":
        raise TypingError(f"a view needs a C-ordered array, not {array}")
    return View(array.dtype, ndim)


@lower_cast(types.Array, View)
def _as_view(context: Any, builder: Any, have: Any, want: Any, value: Any) -> Any:
    view_of(have, have.ndim)  # or an error
    return value


class Fields(NamedTuple):
    """Of an array, in the code that is being generated."""

    data: Any
    shape: Any
    nitems: Any


def fields_of(context: Any, builder: Any, kind: Any, array: Any) -> Fields:
    """In the code that is being generated: what there is to know of an array of that type."""
    model = context.data_model_manager[kind]
    return Fields(*(model.get(builder, array, name) for name in Fields._fields))


def borrowed(context: Any, builder: Any, kind: View, data: Any, shape: Sequence[Any]) -> Any:
    """In the code that is being generated: a view of that type and shape of the memory at an address."""
    return context.data_model_manager[kind].from_argument(builder, (data, shape))
