"""A user's own activations: pairs of Python functions of one number, the value and the derivative.

The code of such an activation, which stands in an op's ``function`` where those of ``program.ACTIVATIONS`` have their
place in the table, is the address of a table in memory, of the addresses of its compiled functions: two for each float
type. The reference finds the Python functions under the same number.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

Function = Callable[[float], float]
PLACES: Final = {
    ("float32", "value"): 0,
    ("float32", "derivative"): 1,
    ("float64", "value"): 2,
    ("float64", "derivative"): 3,
}
"""Where in a table the address of a compiled function is."""


@dataclass(frozen=True)
class Registered:
    """A pair of functions, and what keeps its compiled code where it is.

    Attributes
    ----------
    value, derivative : f(z) and f'(z) of one number
    addresses : the table, zeros until they are compiled
    compiled : what holds the compiled functions
    """

    value: Function
    derivative: Function
    addresses: Any
    compiled: dict[tuple[str, str], Any]


_BY_CODE: dict[int, Registered] = {}
_CODES: dict[tuple[int, int], int] = {}


def register(value: Function, derivative: Function) -> int:
    """The code of a pair of functions; the same for the same two. They stay for as long as the process runs."""
    # By what they are, not by what they equal: a callable object need have no hash. They stay, so each keeps its id.
    key = id(value), id(derivative)
    if key not in _CODES:
        addresses = (ctypes.c_uint64 * len(PLACES))()
        code = ctypes.addressof(addresses)
        _BY_CODE[code] = Registered(value, derivative, addresses, {})
        _CODES[key] = code
    return _CODES[key]


def registered(code: int) -> Registered:
    """The pair of that code."""
    return _BY_CODE[int(code)]
