"""Checks of single values, each with one sentence that says what was expected and what was found."""

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DataError


def numbers(name: str, values: Any) -> npt.NDArray[Any]:
    """``values`` as an array of booleans, integers or floats, of whatever shape.

    Raises
    ------
    DataError
        If they are something else or do not make an array.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} must be an array of numbers, but its rows have different lengths") from error
    if array.dtype.kind == "c":
        raise DataError(f"{name} must hold real numbers, but its type is {array.dtype}; give it as two columns")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold numbers, but its type is {array.dtype}; encode text as numbers first")
    return array


def converted(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """``values`` C-ordered in ``dtype``, a copy only if needed; what is too large for it becomes infinite, silently."""
    if values.dtype == dtype:
        return np.ascontiguousarray(values)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype)


LARGE = 1 << 16
"""Numbers from which on a temporary for each costs more than a sum with its warnings held back."""


def all_finite(values: npt.NDArray[np.floating]) -> bool:
    """Whether no number is NaN or infinite."""
    if values.size >= LARGE:
        # A sum sees every NaN and infinity without a temporary of their size; it may overflow where they do not. That
        # of squares is the BLAS's, which reads numbers of float32 twice as fast as NumPy's own.
        is_for_blas = values.dtype in (np.float32, np.float64) and values.flags.forc
        with np.errstate(over="ignore", invalid="ignore"):
            flat = values.ravel(order="K") if is_for_blas else values
            if np.isfinite(np.dot(flat, flat) if is_for_blas else flat.sum()):
                return True
    # Counting has no Python in it, which `all` has: a single row is predicted in ten microseconds.
    return bool(np.count_nonzero(np.isfinite(values)) == values.size)


def whole(name: str, value: Any, *, at_least: int) -> int:
    """``value`` as an int, if it is a whole number of at least ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < at_least:
        raise ConfigurationError(f"{name} must be a whole number of at least {at_least}, not {value!r}")
    return int(value)


def checked_seed(seed: Any) -> int:
    """``seed``, if it is a whole number from 0 to 2**63 - 1."""
    if whole("seed", seed, at_least=0) >= 2**63:
        raise ConfigurationError(f"seed must be below 2**63, not {seed}")
    return int(seed)


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
) -> float:
    """``value`` as a float, if it is a finite number within the bounds."""
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("above", above), ("at least", at_least), ("below", below))
        if bound is not None
    ]
    is_number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if (
        not is_number
        or (above is not None and value <= above)
        or (at_least is not None and value < at_least)
        or (below is not None and value >= below)
    ):
        raise ConfigurationError(f"{name} must be a number {' and '.join(bounds)}, not {value!r}")
    return float(value)


_UNITS = {"": 1, "B": 1} | {
    f"{prefix}{end}": base**power
    for power, prefix in enumerate("KMGT", 1)
    for end, base in (("", 1000), ("B", 1000), ("IB", 1024))
}


def size_in_bytes(name: str, value: Any) -> int:
    """``value`` as a number of bytes, if it is one above 0 or text such as "500MB" (a million bytes each) or "2GiB"."""
    size: Any = value
    if isinstance(value, str):
        digits = value.strip().upper().rstrip("BIKMGT ")
        unit = value.strip().upper()[len(digits) :].strip()
        try:
            size = round(float(digits) * _UNITS[unit])
        except (ValueError, KeyError, OverflowError):
            size = None
    if isinstance(size, bool) or not isinstance(size, Integral) or size <= 0:
        raise ConfigurationError(f"{name} must be an amount such as 500MB or 2GiB, not {value!r}")
    return int(size)


def bytes_in_words(size: float) -> str:
    """A number of bytes as a user reads it."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:.0f} bytes"


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """``value``, if it is one of the known names; the sentence offers the nearest one."""
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ConfigurationError(f"{name} must be one of {', '.join(known)}, not {value!r}{hint}")


def described(what: str, data: Mapping[str, Any], kinds: Mapping[str, Callable[..., Any]]) -> Any:
    """The object that plain data describe: its ``kind``, one of ``kinds``, and its parameters.

    Raises
    ------
    ConfigurationError
        If there is no such kind, or it has not those parameters.
    """
    given = dict(data)
    kind = given.pop("kind", None)
    try:
        return kinds[choice(f"the kind of an {what}", kind, kinds)](**given)
    except TypeError as error:
        raise ConfigurationError(f"the description of the {what} {kind} is wrong: {error}") from error
