"""The kernels that the engine's entry points share: compiled once, apart from them, and linked by name when loaded.

An entry point would else contain all that it calls, every activation, loss, optimizer and product, and all would be
compiled again for each of ``train``, ``evaluate`` and ``predict``. Here they are a library of their own, beside which
the entry points are compiled (see ``ahead``). A call by name costs no more than one of a function that is not inlined.
"""

import ctypes
import functools
import importlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic

from .compiler import COMPILED, FASTMATH, entry_point, kernel
from .inlined import inlined
from .view_type import View, fields_of

LIBRARY = "kernels"
"""The library's name among the entry points."""

DTYPES = ("float32", "float64")

VECTOR, MATRIX = "vector", "matrix"
"""Of the float type that the library is compiled for."""

_NUMBERS = (types.float32, types.float64)

_MODULES = ("activations", "augment", "dense", "dropout", "engine", "losses", "noise", "normalization", "products")
"""Where the members are."""


@dataclass(frozen=True)
class _Member:
    dispatcher: Any
    kinds: tuple[Any, ...]

    def signature(self, number: Any) -> Any:
        """Its types for a float type."""
        arrays = {VECTOR: View(number, 1), MATRIX: View(number, 2)}
        returned, *parameters = (arrays[kind] if isinstance(kind, str) else kind for kind in self.kinds)
        return returned(*parameters)


_MEMBERS: dict[str, _Member] = {}
_UNDER_WAY: set[str] = set()
"""The float types that the library is being compiled for."""
_LINKED: list[Callable[..., Any]] = []
"""Libraries that something may be linked to: they stay where they are for as long as the process runs."""


def shared(
    returned: Any, *parameters: Any, plain: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a kernel that is a member of the library.

    Parameters
    ----------
    returned : what it returns, the same
    parameters : for each of its parameters ``VECTOR``, ``MATRIX`` or a Numba type
    plain : the Python function whose place it takes in compiled code, where its own Python would not run; Python calls
        such a member by ``from_python``
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not COMPILED:
            return plain or function

        @functools.wraps(function)
        def run(*arguments: Any) -> Any:
            return function(*arguments)

        call: Any = plain or run
        member = _MEMBERS[call.__name__] = _Member(kernel(function), (returned, *parameters))

        @inlined(call, list(inspect.signature(function).parameters))
        def link(typingctx: Any, *arguments: Any) -> Any:
            number = next(kind.dtype for kind in arguments if getattr(kind, "dtype", None) in _NUMBERS)
            symbol = _symbol(call.__name__, number)
            if number.name not in _UNDER_WAY and llvmlite.binding.address_of_symbol(symbol) is None:
                load(number.name)  # to link to what is not there takes the process down

            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                target = _declared(context, builder.module, symbol, signature)
                convention = context.call_conv
                status, result = convention.call_function(
                    builder, target, signature.return_type, signature.args, values
                )
                with cgutils.if_unlikely(builder, status.is_error):
                    convention.return_status_propagate(builder, status)
                return result

            return member.signature(number), generate

        run.py_func = function  # type: ignore[attr-defined]
        call.dispatcher = member.dispatcher
        linked: Callable[..., Any] = call
        return linked

    return decorate


def _symbol(name: str, number: Any) -> str:
    return f"fastnet_{name}_{number}"


def _declared(context: Any, module: Any, symbol: str, signature: Any) -> Any:
    """The function of that name in a module's code."""
    kind = context.call_conv.get_function_type(signature.return_type, signature.args)
    return cgutils.get_or_insert_function(module, kind, symbol)


def _in_order() -> list[tuple[str, _Member]]:
    """By name: in which order modules are imported differs from process to process."""
    return sorted(_MEMBERS.items())


@intrinsic
def _put_addresses(typingctx: Any, addresses: Any, zero: Any) -> Any:
    wanted = []
    for name, member in _in_order():
        shared_as = member.signature(zero)
        found = numba.typeof(member.dispatcher).get_call_type(typingctx, shared_as.args, {})
        if found.return_type != shared_as.return_type:
            raise TypeError(f"{name} returns {found.return_type}, but is shared as returning {shared_as.return_type}")
        wanted.append((name, member.dispatcher.get_compile_result(found)))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = fields_of(context, builder, addresses, arguments[0]).data
        integer = context.get_value_type(types.intp)
        for place, (name, result) in enumerate(wanted):
            # By this name the members call each other.
            named = _declared(context, builder.module, _symbol(name, zero), result.signature)
            context.add_linking_libs([result.library])
            compiled = context.declare_function(builder.module, result.fndesc)
            own = ir.IRBuilder(named.append_basic_block())
            own.ret(own.call(compiled, named.args, attrs=("alwaysinline",)))
            builder.store(builder.ptrtoint(named, integer), builder.gep(data, [integer(place)]))
        return context.get_dummy_value()

    return types.none(addresses, zero), generate


def _addresses(addresses, zero):
    _put_addresses(addresses, zero)


def load(dtype: str) -> Callable[..., Any]:
    """See to it that the library for a float type is compiled or loaded, and known to whatever is linked next."""
    if not COMPILED:
        return _addresses
    # Numba's own lock: threads that train at once, some of which compile what calls a member, take just the one.
    with global_compiler_lock:
        return _loaded(dtype)


@functools.cache
def _loaded(dtype: str) -> Callable[..., Any]:
    _import_members()
    number = numba.from_dtype(np.dtype(dtype))
    _UNDER_WAY.add(dtype)
    try:
        library = entry_point(_addresses, types.void(types.intp[::1], number), f"{LIBRARY}-{dtype}")
    finally:
        _UNDER_WAY.remove(dtype)
    addresses = np.zeros(len(_MEMBERS), np.intp)
    library(addresses, number(0))
    _LINKED.append(library)
    for (name, _), address in zip(_in_order(), addresses, strict=True):
        llvmlite.binding.add_symbol(_symbol(name, number), int(address))
    return library


_AS_ARGUMENT = {types.int64: ctypes.c_int64, types.boolean: ctypes.c_bool}


@functools.cache
def from_python(member: Callable[..., None], dtype: str) -> Callable[..., None]:
    """A member that takes arrays, whole numbers and truths and returns nothing, to be called from Python, where it lies
    in the library: an entry point of its own would have to be compiled, and loaded by each process.

    It runs without Python's lock, and checks nothing of what it is given but the types.
    """
    if not COMPILED:
        return np.errstate(over="ignore", invalid="ignore")(member)
    load(dtype)
    name, number = member.__name__, numba.from_dtype(np.dtype(dtype))
    kinds = _MEMBERS[name].signature(number).args
    types_of: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]  # for what it returns, and for an exception
    for kind in kinds:
        is_view = isinstance(kind, View)
        types_of += [ctypes.c_void_p, *[ctypes.c_ssize_t] * kind.ndim] if is_view else [_AS_ARGUMENT[kind]]
    function = ctypes.CFUNCTYPE(ctypes.c_int32, *types_of)(llvmlite.binding.address_of_symbol(_symbol(name, number)))

    def call(*arguments: Any) -> None:
        given: list[Any] = []
        for kind, argument in zip(kinds, arguments, strict=True):
            if not isinstance(kind, View):
                given.append(argument)
                continue
            if argument.dtype != np.dtype(dtype) or argument.ndim != kind.ndim or not argument.flags.c_contiguous:
                order = "C-ordered" if argument.flags.c_contiguous else "otherwise ordered"
                raise TypeError(
                    f"{name} takes C-ordered {dtype} arrays of {kind.ndim} dimensions, not {order} {argument.dtype} of "
                    f"{argument.ndim}"
                )
            given += [argument.ctypes.data, *argument.shape]
        returned, raised = ctypes.c_void_p(), ctypes.c_void_p()
        status = function(ctypes.byref(returned), ctypes.byref(raised), *given)
        if status != 0:
            raise RuntimeError(f"{name} ended with status {status}")

    call.py_func = _MEMBERS[name].dispatcher.py_func  # type: ignore[attr-defined]
    return call


def _import_members() -> None:
    for module in _MODULES:
        importlib.import_module(f".{module}", __package__)


def pretend(dtype: str) -> None:
    """Let entry points be compiled, for the cache alone, without the library: they must not run in this process."""
    _import_members()
    somewhere = llvmlite.binding.address_of_symbol("fastnet_yield")
    for name in _MEMBERS:
        llvmlite.binding.add_symbol(_symbol(name, numba.from_dtype(np.dtype(dtype))), somewhere)


@functools.cache
def _caller_of(formula: Callable[..., Any]) -> Callable[..., Any]:
    caller: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(
        lambda *arguments: formula(*arguments)
    )
    return caller


@functools.cache
def _entry_point_of(function: Any, signature: Any, name: str) -> Callable[..., Any]:
    return entry_point(getattr(function, "py_func", function), signature, name)


def entry_point_for(function: Any, arguments: Sequence[Any], name: str) -> Callable[..., Any]:
    """A single kernel as an entry point for the types of these arguments, compiled once a process; what is a Python
    function already, such as ``engine.train``, is given back as it is. A kernel made of a formula, which without a
    compiled caller is NumPy, gets one, and a member of the library in place of a Python function is called there."""
    if COMPILED and hasattr(function, "dispatcher") and not hasattr(function, "py_func"):
        dtype = next(argument.dtype.name for argument in arguments if isinstance(argument, np.ndarray))
        return from_python(function, dtype)
    if COMPILED and not hasattr(function, "py_func"):
        entry: Callable[..., Any] = _caller_of(function) if hasattr(function, "is_formula") else function
        return entry
    for argument in arguments if COMPILED else ():
        if isinstance(argument, np.ndarray) and argument.dtype.name in DTYPES:
            load(argument.dtype.name)
    return _entry_point_of(function, tuple(numba.typeof(argument) for argument in arguments), name)
