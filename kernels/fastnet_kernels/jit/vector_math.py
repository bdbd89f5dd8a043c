"""exp, expm1, tanh, the logistic function, log1p, square roots and the normal distribution and its quantiles as
formulas (see ``formula``): of a Number they write vector instructions, of an array they are NumPy's and SciPy's.

Numba calls the C library for these, one number at a time, and a loop over such calls does not vectorise.
The range is reduced as Cody and Waite did, ``x = n ln2 + r`` with
``|r| <= ln2 / 2``; ``exp(r) - 1`` is its Taylor polynomial, cut where the next term is below a tenth of a rounding;
and 2**n is applied in two halves, or by an instruction for it, so that a result that underflows does so gradually and
one that overflows is infinite. NaN goes through all of it.

Errors in units in the last place, as ``tests/kernels/test_vector_math.py`` asserts them over the whole range: exp 1,
expm1 2 (for x <= 0), tanh 3 (float32: 6), logistic 3, log1p 3, root 1 (for x >= 0), normal_cdf 6 and x**2 / 2, from the
exponential's argument, and normal_quantile 6.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from .formula import Number, clipped, sqrt, where, with_sign_of
from .inlined import inlined
from .vectors import VECTOR_BYTES


@dataclass(frozen=True)
class _Kind:
    """What differs between the float types: their bits, and constants for them.

    ``ln2_high`` has so few bits that n times it is exact; beyond ``lowest`` and ``highest`` exp is 0 and infinite.
    ``log m = 2 artanh((m - 1) / (m + 1))``, by its series in ``s**2``.
    """

    bits: int
    mantissa: int
    bias: int
    ln2_high: float
    ln2_low: float
    lowest: float
    highest: float
    expm1_is_minus_one: float
    tanh_is_one: float
    exp_terms: int
    artanh_terms: int
    tail: tuple[float, ...]


# A Chebyshev fit, in 40 digits, of 0.5 erfcx(z / sqrt 2) (1 + sqrt(2) z) over z from 0 to infinity, in powers of
# (z - 5) / (z + 5); the variable is that of Shepherd and Laframboise (1981). Errors: 1e-8 and 1.5e-17.
_TAIL_OF_SINGLE = (
    0.6208209341126273,
    -0.07005241792506504,
    -0.004194256892128354,
    0.04764897188369891,
    -0.05715263329073537,
    0.04439520053342854,
    -0.02520605010426718,
    0.010224809757044477,
    -0.002407806748759471,
    -7.666888464138537e-05,
    0.000234612055114653,
    -4.5107349406270986e-05,
)
_TAIL_OF_DOUBLE = (
    0.6208209264948372,
    -0.07005241362061781,
    -0.004193708178282729,
    0.047648661338936145,
    -0.057159048971973624,
    0.044398861329041556,
    -0.02517855483582202,
    0.010208851389599717,
    -0.00246126513065931,
    -4.460028074272339e-05,
    0.00028288928246089374,
    -7.621086236677675e-05,
    -1.6747326458589674e-05,
    1.3338900092744184e-05,
    1.7995258021372318e-07,
    -1.9503310776268202e-06,
    1.4920693951122553e-07,
    2.9443219750745934e-07,
    -3.291920397598597e-08,
    -4.66246431623633e-08,
    4.54676100811951e-09,
    6.69414402057307e-09,
    -3.4730045990373935e-10,
    -5.906854495666436e-10,
)
# tanh(x) / x in powers of x**2 for x up to 9.02, both polynomials 1 at 0 so that small numbers are exact: a fit in 50
# digits by weighted least squares, the weights moved to where the error is largest (Lawson). Its error is 7e-9.
_TANH = (
    (
        1.0,
        0.13084921365117683,
        0.0031049344180057435,
        1.1163443971052164e-05,
        -2.025571843652684e-08,
        5.289120531822358e-11,
        -8.508728005042678e-14,
    ),
    (1.0, 0.4641825044572619, 0.024499182554062648, 0.00025475051597245333),
)
# Numerators and denominators of AS 241, near the middle and in the tails.
_CENTRAL = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_TAILS = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_KINDS = {
    ir.FloatType(): _Kind(
        32, 23, 127, 0.693359375, math.log(2) - 0.693359375, -104.0, 89.0, -18.0, 9.02, 7, 6, _TAIL_OF_SINGLE
    ),
    ir.DoubleType(): _Kind(
        64,
        52,
        1023,
        6.93145751953125e-1,
        1.42860682030941723212e-6,
        -746.0,
        710.0,
        -38.5,
        19.1,
        13,
        11,
        _TAIL_OF_DOUBLE,
    ),
}


def _polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """``c0 + x (c1 + x (...))``, Horner's rule."""
    total = x.of(x.raw(coefficients[-1]))
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def _kind(x: Number) -> _Kind:
    return _KINDS[x.kind]


def _reduce(x: Number) -> tuple[Number, Number]:
    """``exp(r) - 1``, and n beside ``_magic``."""
    kind, magic = _kind(x), _magic(x)
    shifted = x * (1 / math.log(2)) + magic
    n = shifted - magic
    r = (x - n * kind.ln2_high) - n * kind.ln2_low
    return r * _polynomial(r, [1 / math.factorial(k) for k in range(1, kind.exp_terms + 1)]), shifted


def _magic(x: Number) -> float:
    """So large that a number added to it is rounded to a whole one, which stands in its last bits."""
    return 1.5 * 2.0 ** _kind(x).mantissa


def _whole(shifted: Number) -> Any:
    """n as integers."""
    builder, zero = shifted.builder, shifted.constant(0, ir.IntType(_kind(shifted).bits))
    magic = builder.bitcast(shifted.raw(_magic(shifted)), zero.type)
    return builder.sub(builder.bitcast(shifted.value, zero.type), magic)


def _scaled(x: Number, shifted: Number) -> Number:
    """``x`` times 2**n. LLVM makes vectors of a loop over numbers by the two halves, which give the same, and would not
    by an instruction of AVX-512."""
    if VECTOR_BYTES == 64 and isinstance(x.value.type, ir.VectorType):
        return _by_avx512("scalef", x, shifted - _magic(x), rounding=4)
    builder, n = x.builder, _whole(shifted)
    lower = builder.ashr(n, x.constant(1, ir.IntType(_kind(x).bits)))
    return x * _power_of_two(x, lower) * _power_of_two(x, builder.sub(n, lower))


def _by_avx512(name: str, *given: Number, rounding: int | None = None) -> Number:
    """An instruction of AVX-512, by LLVM's name for it, of whole vectors; of one number alone as the first of four or
    two, so that it gets what it gets in a vector. ``rounding`` is how, for those that are told."""
    x, letter = given[0], {ir.FloatType(): "s", ir.DoubleType(): "d"}[given[0].kind]
    builder, is_vector = x.builder, isinstance(x.value.type, ir.VectorType)
    first = ir.Constant(ir.IntType(32), 0)
    values = [number.value for number in given]
    if not is_vector:
        nothing = ir.Constant(ir.VectorType(x.kind, 128 // _kind(x).bits), None)
        # The others than the first come from an operand of their own.
        values = [builder.insert_element(nothing, x.value, first)] * 2
    mask = ir.Constant(ir.IntType(max(8, values[0].type.count)), -1)
    arguments = [*values, values[0], mask, *([] if rounding is None else [ir.Constant(ir.IntType(32), rounding)])]
    signature = ir.FunctionType(values[0].type, [argument.type for argument in arguments])
    masked = "" if rounding is None else "mask."
    name = f"llvm.x86.avx512.{masked}{name}.{f'p{letter}.512' if is_vector else f's{letter}'}"
    result = builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)
    return x.of(result if is_vector else builder.extract_element(result, first))


def _power_of_two(x: Number, exponent: Any) -> Number:
    """2 to so many integers, within the normal numbers; as many as there are in ``x``."""
    kind, builder = _kind(x), x.builder
    biased = builder.add(exponent, x.constant(kind.bias, ir.IntType(kind.bits)))
    bits = builder.shl(biased, x.constant(kind.mantissa, ir.IntType(kind.bits)))
    return x.of(builder.bitcast(bits, x.value.type))


def exp(x: Any) -> Any:
    """``e ** x``."""
    if not isinstance(x, Number):
        return np.exp(x)
    kind = _kind(x)
    p, shifted = _reduce(clipped(x, kind.lowest, kind.highest))
    return _scaled(p + 1, shifted)


def expm1(x: Any) -> Any:
    """``e ** x - 1`` for x <= 0, without cancellation."""
    if not isinstance(x, Number):
        return np.expm1(x)
    p, shifted = _reduce(where(x < _kind(x).expm1_is_minus_one, _kind(x).expm1_is_minus_one, x))
    power = _power_of_two(x, _whole(shifted))
    return power * p + (power - 1)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    if not isinstance(x, Number):
        return np.tanh(x)
    limit = _kind(x).tanh_is_one
    if x.kind == ir.FloatType():
        # No exponential: a ratio of polynomials in x**2, in two thirds of the time.
        x = clipped(x, -limit, limit)
        return clipped(x * _ratio(x * x, _TANH), -1.0, 1.0)
    e = expm1(where(abs(x) > limit, limit, abs(x)) * -2)
    return with_sign_of(-e / (e + 2), x)


def logistic(x: Any) -> Any:
    """``1 / (1 + exp(-x))``, from exp of the negative magnitude."""
    e = exp(-abs(x))
    return where(x < 0, e, 1.0) / (e + 1)


def _log(y: Number, lost: Any) -> Number:
    """``log(y + lost)`` for normal y > 0, of ``y = 2**k m``; ``lost`` is below a rounding of y."""
    kind, builder, integer = _kind(y), y.builder, ir.IntType(_kind(y).bits)
    root = builder.bitcast(y.raw(math.sqrt(0.5)), y.constant(0, integer).type)
    bits = builder.bitcast(y.value, root.type)
    k = builder.ashr(builder.sub(bits, root), y.constant(kind.mantissa, integer))
    m = y.of(builder.bitcast(builder.sub(bits, builder.shl(k, y.constant(kind.mantissa, integer))), y.value.type))
    n = y.of(builder.sitofp(k, y.value.type))
    s = (m - 1) / (m + 1)
    series = s * _polynomial(s * s, [2 / (2 * k + 1) for k in range(kind.artanh_terms)])
    result: Number = n * kind.ln2_high + (series + (n * kind.ln2_low + lost / y))
    return result


def log1p(x: Any) -> Any:
    """``log(1 + x)`` for x >= -1 / 2: of ``1 + x``, and what its rounding has lost added again."""
    if not isinstance(x, Number):
        return np.log1p(x)
    y = x + 1
    return where(x < math.inf, _log(y, x - (y - 1)), x)


def root(x: Any) -> Any:
    """The square root of x >= 0, from an estimate of its reciprocal and a step of Newton's where the machine has one:
    the unit that takes roots also divides, and an optimizer does both for every parameter (``docs/decisions/0025``)."""
    if not isinstance(x, Number):
        return np.sqrt(x)
    if x.kind != ir.FloatType() or VECTOR_BYTES < 64:
        return sqrt(x)
    estimate = _by_avx512("rsqrt14", x)
    near = x * estimate
    # Of 0 and of infinity it is NaN, as of NaN and of numbers below 0; the first two are their own roots.
    return where(near >= 0.0, near + 0.5 * near * (1.0 - near * estimate), where(x < 0.0, near, x))


def normal_quantile(tail: Any) -> Any:
    """The number beyond which a standard normal distribution has the share ``tail``, which is at most one half and at
    least 2**-33: PPND16 of Wichura's AS 241 (1988)."""
    if not isinstance(tail, Number):
        from scipy.special import ndtri

        return -ndtri(tail)
    q = 0.5 - tail
    central = q * _ratio(0.180625 - q * q, _CENTRAL)
    logarithm = _log(tail, 0.0 * tail)
    return where(q > 0.425, _ratio(sqrt(-logarithm) - 1.6, _TAILS), central)


def _ratio(x: Number, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Number:
    above, below = coefficients
    return _polynomial(x, above) / _polynomial(x, below)


def normal_cdf(x: Any) -> Any:
    """The share of a standard normal distribution below x; the tails to their own size, by erfcx."""
    if not isinstance(x, Number):
        from scipy.special import ndtr

        return ndtr(x)
    z = where(abs(x) > 40.0, 40.0, abs(x))
    tail = exp(-0.5 * (z * z)) * _polynomial((z - 5.0) / (z + 5.0), _kind(x).tail) / (1.0 + math.sqrt(2) * z)
    return where(x < 0, tail, 1.0 - tail)


def _register(function: Callable[[Any], Any]) -> None:
    """Let compiled loops call ``function`` of one number."""

    @inlined(function)
    def instructions(typingctx: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return function(Number(builder, arguments[0])).value

        return x(x), generate


for _function in (exp, expm1, tanh, logistic, log1p, root, normal_cdf, normal_quantile):
    _register(_function)
