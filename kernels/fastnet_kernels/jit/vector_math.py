"""exp, expm1, tanh, the logistic function and log1p as arithmetic that LLVM turns into vector instructions.

Numba calls the C library for these, one number at a time, and a loop over such calls does not vectorise. Here every
branch is a select. The range is reduced as Cody and Waite did, ``x = n ln2 + r`` with ``|r| <= ln2 / 2``; ``exp(r) -
1`` is its Taylor polynomial, cut where the next term is below a tenth of a rounding; and 2**n is applied in two
halves, so that a result that underflows does so gradually and one that overflows is infinite. NaN goes through all of
it.

Errors in units in the last place, as ``tests/kernels/test_vector_math.py`` asserts them over the whole range: exp 1,
expm1 2 (for x <= 0), tanh 3, logistic 3, log1p 3.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload, register_jitable

# Adding and subtracting a large number rounds only if the compiler may not cancel the two, so there is no "reassoc"
# here.
OPTIONS = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}


def exp(x: Any) -> Any:
    """``e ** x``. Without the compiler this is the Python that runs; so it is for the others."""
    return np.exp(x)


def expm1(x: Any) -> Any:
    """``e ** x - 1`` for x <= 0, without cancellation."""
    return np.expm1(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


def logistic(x: Any) -> Any:
    """``1 / (1 + exp(-x))``, from exp of the negative magnitude."""
    e = np.exp(-abs(x))
    return (x.dtype.type(1) if x >= 0 else e) / (1 + e)


def log1p(x: Any) -> Any:
    """``log(1 + x)`` for x in [0, 1]."""
    return np.log1p(x)


@intrinsic
def _half_power(typingctx: Any, shifted: Any, magic: Any, upper: Any) -> Any:
    """2 to the lower or upper half of n, which stands in the last bits of ``shifted = n + magic``."""
    bits, mantissa, bias = (32, 23, 127) if shifted == types.float32 else (64, 52, 1023)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(bits)
        n = builder.sub(builder.bitcast(arguments[0], integer), builder.bitcast(arguments[1], integer))
        lower_half = builder.ashr(n, ir.Constant(integer, 1))
        half = builder.select(arguments[2], builder.sub(n, lower_half), lower_half)
        exponent = builder.add(half, ir.Constant(integer, bias))
        return builder.bitcast(builder.shl(exponent, ir.Constant(integer, mantissa)), arguments[0].type)

    return shifted(shifted, magic, types.boolean), generate


def _polynomial(coefficients: Sequence[Any]) -> Callable[[Any], Any]:
    """Horner's rule, compiled into its caller: ``c0 + r (c1 + r (...))``."""
    first, *others = coefficients
    if not others:
        return register_jitable(**OPTIONS)(lambda r: first)  # type: ignore[no-any-return]
    rest = _polynomial(others)
    return register_jitable(**OPTIONS)(lambda r: first + r * rest(r))  # type: ignore[no-any-return]


class _Kind:
    """What differs between the float types."""

    def __init__(self, number: type[np.floating]) -> None:
        single = number is np.float32
        self.number = number
        # ln2 in two parts, the first with so few bits that n times it is exact.
        ln2_high = number(0.693359375 if single else 6.93145751953125e-1)
        ln2_low = number(math.log(2) - 0.693359375) if single else number(1.42860682030941723212e-6)
        # Beyond these exp is 0 and infinite.
        lowest, highest = number(-104.0 if single else -746.0), number(89.0 if single else 710.0)
        magic, per_ln2 = number(1.5 * 2 ** (23 if single else 52)), number(1 / math.log(2))
        taylor = _polynomial([number(1 / math.factorial(k)) for k in range(1, 8 if single else 14)])

        def reduce(x):
            x = lowest if x < lowest else x
            x = highest if x > highest else x
            shifted = x * per_ln2 + magic
            n = shifted - magic
            r = (x - n * ln2_high) - n * ln2_low
            return r * taylor(r), _half_power(shifted, magic, False), _half_power(shifted, magic, True)

        self.reduce = register_jitable(**OPTIONS)(reduce)
        # Beyond this tanh is 1.
        self.tanh_is_one = number(9.1 if single else 19.1)
        # log1p(x) = 2 artanh(s), s = x / (2 + x) <= 1/3, by its series in s ** 2.
        self.artanh = _polynomial([number(2 / (2 * k + 1)) for k in range(8 if single else 17)])


_KINDS = {types.float32: _Kind(np.float32), types.float64: _Kind(np.float64)}


@overload(exp, jit_options=OPTIONS)
def _exp(x):
    kind = _KINDS[x]
    reduce, one = kind.reduce, kind.number(1)

    def compiled(x):
        p, lower, upper = reduce(x)
        return ((p + one) * lower) * upper

    return compiled


@overload(expm1, jit_options=OPTIONS)
def _expm1(x):
    kind = _KINDS[x]
    reduce, one = kind.reduce, kind.number(1)

    def compiled(x):
        p, lower, upper = reduce(x)
        power = lower * upper
        return power * p + (power - one)

    return compiled


@overload(tanh, jit_options=OPTIONS)
def _tanh(x):
    kind = _KINDS[x]
    two, limit = kind.number(2), kind.tanh_is_one

    def compiled(x):
        magnitude = abs(x)
        magnitude = limit if magnitude > limit else magnitude
        e = expm1(-two * magnitude)
        return math.copysign(-e / (two + e), x)

    return compiled


@overload(logistic, jit_options=OPTIONS)
def _logistic(x):
    one = _KINDS[x].number(1)

    def compiled(x):
        e = exp(-abs(x))
        return (one if x >= 0 else e) / (one + e)

    return compiled


@overload(log1p, jit_options=OPTIONS)
def _log1p(x):
    kind = _KINDS[x]
    artanh, two = kind.artanh, kind.number(2)

    def compiled(x):
        s = x / (two + x)
        return s * artanh(s * s)

    return compiled
