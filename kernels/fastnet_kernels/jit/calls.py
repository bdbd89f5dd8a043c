"""How kernels that are functions of their own in compiled code are called: with an array's address and shape.

Numba passes nine words for a matrix, of which a C-ordered one needs three; the others, written down for each call and
read by nobody, were a fifth of a step of a small network.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError

from .compiler import COMPILED, kernel
from .inlined import inlined
from .views import borrowed


def outlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a kernel that is a function of its own in the code of its caller, whose type its arguments decide."""
    if not COMPILED:
        return function

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        return function(*arguments)

    dispatcher: Any = kernel(function)

    @inlined(run, list(inspect.signature(function).parameters))
    def call(typingctx: Any, *arguments: Any) -> Any:
        found = numba.typeof(dispatcher).get_call_type(typingctx, arguments, {})

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            result = dispatcher.get_compile_result(found)
            target = defined(context, builder.module, f"passed.{result.fndesc.mangled_name}", result, "internal")
            return called(context, builder, target, signature, values)

        return found, generate

    run.py_func = function  # type: ignore[attr-defined]
    return run


def declared(context: Any, module: Any, symbol: str, returned: Any, kinds: Sequence[Any]) -> Any:
    """The function of that name in a module's code, for arguments of these types."""
    kind = context.call_conv.get_function_type(returned, _kinds_between(kinds))
    return cgutils.get_or_insert_function(module, kind, symbol)


def defined(context: Any, module: Any, symbol: str, result: Any, linkage: str = "") -> Any:
    """The same, and what it does: the kernel that was compiled."""
    kinds, convention = result.fndesc.argtypes, context.call_conv
    function = declared(context, module, symbol, result.fndesc.restype, kinds)
    if function.is_declaration:
        context.add_linking_libs([result.library])
        compiled = context.declare_function(module, result.fndesc)
        function.linkage = linkage
        own = ir.IRBuilder(function.append_basic_block())
        between = context.get_arg_packer(_kinds_between(kinds))
        passed = between.from_arguments(own, convention.get_arguments(function))
        values = context.get_arg_packer(kinds).as_arguments(own, _put_together(context, own, kinds, passed))
        own.ret(own.call(compiled, [*function.args[:2], *values], attrs=("alwaysinline",)))
    return function


def called(context: Any, builder: Any, target: Any, signature: Any, values: Sequence[Any]) -> Any:
    """What the function gives for these arguments."""
    passed, kinds = _taken_apart(context, builder, signature.args, values), _kinds_between(signature.args)
    status, result = context.call_conv.call_function(builder, target, signature.return_type, kinds, passed)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return result


def _kinds_between(kinds: Sequence[Any]) -> list[Any]:
    """The types by which arguments of these types are passed."""
    for kind in kinds:
        if isinstance(kind, types.Array) and kind.layout != "C":
            raise TypingError(f"an array passed by address and shape has to be C-ordered, not {kind}")
    return [
        one for kind in kinds for one in ([types.intp] * (1 + kind.ndim) if isinstance(kind, types.Array) else [kind])
    ]


def _taken_apart(context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The arguments as they are passed."""
    passed: list[Any] = []
    for kind, value in zip(kinds, values, strict=True):
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, value)
            passed.append(builder.ptrtoint(array.data, context.get_value_type(types.intp)))
            passed += cgutils.unpack_tuple(builder, array.shape)
        else:
            passed.append(value)
    return passed


def _put_together(context: Any, builder: Any, kinds: Sequence[Any], passed: Sequence[Any]) -> list[Any]:
    """The arguments of these types that were passed; arrays borrow their memory, as ``views`` do."""
    passed, values = list(passed), []
    for kind in kinds:
        value = passed.pop(0)
        if isinstance(kind, types.Array):
            shape, passed = passed[: kind.ndim], passed[kind.ndim :]
            value = borrowed(context, builder, kind, value, shape)
        values.append(value)
    return values
