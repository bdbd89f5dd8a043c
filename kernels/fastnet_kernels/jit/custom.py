"""A user's own activations (see ``fastnet_kernels.custom``), each compiled apart from the engine and called by its
address, once for a whole array, so that the engine's compiled code serves them as it does the others."""

import threading
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types

from ..custom import PLACES, Registered, registered
from .compiler import COMPILED
from .view_type import fields_of


def compile_custom(code: int, dtype: str) -> None:
    """Compile both functions of a code for a float type, unless they are; the engine may not run before.

    Raises
    ------
    numba.core.errors.NumbaError
        If Numba cannot compile them.
    """
    if not COMPILED:
        return
    with _LOCK:
        _compile(registered(code), dtype)


_LOCK = threading.Lock()
"""Two trainings that begin at once would else compile twice, and one would take the code away that the other runs."""


def _compile(pair: Registered, dtype: str) -> None:
    number = types.CPointer(numba.from_dtype(np.dtype(dtype)))
    for role, function, arrays in (("value", pair.value, 2), ("derivative", pair.derivative, 3)):
        if (dtype, role) in pair.compiled:
            continue
        f = numba.njit(error_model="numpy")(function if isinstance(function, FunctionType) else _calling(function))
        run = _value(f) if role == "value" else _derivative(f)
        compiled = numba.cfunc(types.void(*[number] * arrays, types.int64), error_model="numpy")(run)
        pair.compiled[dtype, role] = compiled
        pair.addresses[PLACES[dtype, role]] = compiled.address


def _calling(function: Any) -> Any:
    """A function of Python around one of a library, such as math.tanh, which Numba knows where it is called."""

    def called(z):
        return function(z)

    return called


# A function called by its address cannot raise: what fails gives NaN, by which the engine sees it.


def _value(f: Any) -> Any:
    def run(a, z, n):
        for i in range(n):
            try:
                a[i] = f(z[i])
            except Exception:
                a[i] = np.nan

    return run


def _derivative(f: Any) -> Any:
    def run(dz, da, z, n):
        for i in range(n):
            try:
                dz[i] = da[i] * f(z[i])
            except Exception:
                dz[i] = np.nan

    return run


class ByAddress:
    """What a table of activations does with a code that is an address: ``role`` is "value" or "derivative", ``places``
    say which of the arguments are the arrays that its function takes."""

    def __init__(self, role: str, places: Sequence[int]) -> None:
        self._role, self._places = role, places

    def __call__(self, code: int, arguments: Sequence[Any]) -> None:
        arrays = [arguments[place] for place in self._places]
        run = _value(registered(code).value) if self._role == "value" else _derivative(registered(code).derivative)
        run(*[array.reshape(-1) for array in arrays], arrays[0].size)

    def emit(self, context: Any, builder: Any, code: Any, kinds: Sequence[Any], values: Sequence[Any]) -> None:
        """Load the function's address and call it."""
        arrays = [fields_of(context, builder, kinds[place], values[place]) for place in self._places]
        dtype = kinds[0].dtype.name
        number, size = ir.PointerType(context.get_value_type(kinds[0].dtype)), arrays[0].nitems
        function = ir.FunctionType(ir.VoidType(), [number] * len(arrays) + [size.type])
        table = builder.inttoptr(code, ir.PointerType(ir.PointerType(function)))
        place = ir.Constant(ir.IntType(64), PLACES[dtype, self._role])
        builder.call(builder.load(builder.gep(table, [place])), [*(array.data for array in arrays), size])
