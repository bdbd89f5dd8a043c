"""Kernels written as a formula for one number, ``where(z < 0, 0, z)``, run over whole arrays in vector instructions.

A formula is a Python function of numbers. Given a ``Number`` its operators write down instructions, arithmetic and
selects without a branch, once for a whole vector and once for the numbers that are left; given NumPy arrays, as where
the compiler is switched off, it is NumPy. ``elementwise`` makes a kernel of it.

Loops in Python were the other way, and LLVM does vectorise them; but only where it can see that the arrays do not
overlap, which the engine's do: an activation is worked out in place. There the loops ran number by number (tanh took
six times as long), and each was compiled by Numba at a tenth of a second apiece, where a formula takes milliseconds.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from .inlined import inlined
from .vectors import Vectors
from .view_type import fields_of

# A multiplication and an addition may be fused, the sign of zero ignored. Nothing may be reordered: what is written in
# an order that keeps its digits would lose them.
_FLAGS = ("contract", "nsz")


@dataclass(frozen=True)
class Number:
    """A number, or a vector of them, in the code that is being generated; its operators write instructions."""

    builder: Any
    value: Any

    @property
    def kind(self) -> Any:
        """The LLVM type of one of its numbers."""
        return self.value.type.element if isinstance(self.value.type, ir.VectorType) else self.value.type

    def constant(self, number: float | int, kind: Any = None) -> Any:
        """The LLVM constant, as often as this has numbers; of another type than theirs if one is given."""
        kind = kind or self.kind
        if not isinstance(self.value.type, ir.VectorType):
            return ir.Constant(kind, number)
        return ir.Constant(ir.VectorType(kind, self.value.type.count), [number] * self.value.type.count)

    def call(self, name: str, *others: "Number") -> "Number":
        """An instruction that LLVM knows by name, such as ``llvm.sqrt``."""
        one = {ir.FloatType(): "f32", ir.DoubleType(): "f64"}[self.kind]
        count = f"v{self.value.type.count}" if isinstance(self.value.type, ir.VectorType) else ""
        signature = ir.FunctionType(self.value.type, [self.value.type] * (1 + len(others)))
        function = cgutils.get_or_insert_function(self.builder.module, signature, f"{name}.{count}{one}")
        return self.of(self.builder.call(function, [self.value, *(other.value for other in others)]))

    def of(self, value: Any) -> "Number":
        return Number(self.builder, value)

    def raw(self, other: Any) -> Any:
        return other.value if isinstance(other, Number) else self.constant(float(other))

    def __add__(self, other: Any) -> "Number":
        return self.of(self.builder.fadd(self.value, self.raw(other), flags=_FLAGS))

    def __sub__(self, other: Any) -> "Number":
        return self.of(self.builder.fsub(self.value, self.raw(other), flags=_FLAGS))

    def __mul__(self, other: Any) -> "Number":
        return self.of(self.builder.fmul(self.value, self.raw(other), flags=_FLAGS))

    def __truediv__(self, other: Any) -> "Number":
        return self.of(self.builder.fdiv(self.value, self.raw(other), flags=_FLAGS))

    def __radd__(self, other: Any) -> "Number":
        return self.of(self.raw(other)) + self

    def __rsub__(self, other: Any) -> "Number":
        return self.of(self.raw(other)) - self

    def __rmul__(self, other: Any) -> "Number":
        return self.of(self.raw(other)) * self

    def __rtruediv__(self, other: Any) -> "Number":
        return self.of(self.raw(other)) / self

    def __neg__(self) -> "Number":
        return self.of(self.builder.fneg(self.value))

    def __abs__(self) -> "Number":
        return self.call("llvm.fabs")

    def _compare(self, how: str, other: Any) -> "Truth":
        return Truth(self, self.builder.fcmp_ordered(how, self.value, self.raw(other)))

    def __lt__(self, other: Any) -> "Truth":
        return self._compare("<", other)

    def __le__(self, other: Any) -> "Truth":
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> "Truth":
        return self._compare(">", other)

    def __ge__(self, other: Any) -> "Truth":
        return self._compare(">=", other)


@dataclass(frozen=True)
class Truth:
    """What a comparison of Numbers, one of which is ``like``, gives; false where NaN is in it."""

    like: Number
    value: Any

    def __and__(self, other: "Truth") -> "Truth":
        return Truth(self.like, self.like.builder.and_(self.value, other.value))

    def __or__(self, other: "Truth") -> "Truth":
        return Truth(self.like, self.like.builder.or_(self.value, other.value))


def where(condition: Any, then: Any, otherwise: Any) -> Any:
    """``then`` where the condition holds, else ``otherwise``."""
    if not isinstance(condition, Truth):
        return np.where(condition, then, otherwise)
    like = condition.like
    return like.of(like.builder.select(condition.value, like.raw(then), like.raw(otherwise)))


def sqrt(x: Any) -> Any:
    """The square root."""
    return x.call("llvm.sqrt") if isinstance(x, Number) else np.sqrt(x)


def with_sign_of(x: Any, other: Any) -> Any:
    """The magnitude of ``x`` with the sign of ``other``."""
    return x.call("llvm.copysign", other) if isinstance(x, Number) else np.copysign(x, other)


def clipped(x: Any, low: float, high: float) -> Any:
    """``x`` within both; NaN, which is below and above nothing, stays."""
    x = where(x < low, low, x)
    return where(x > high, high, x)


def elementwise(*outputs: str, total: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a kernel of a formula.

    Parameters
    ----------
    outputs : names of the arrays that the kernel fills, its first parameters; the formula returns a number for each.
        One that the formula has as a parameter is read and replaced
    total : whether the formula returns one number more, whose sum over all, in float64, the kernel returns

    Returns
    -------
    Callable
        The decorator. Of ``formula(z, rate)`` and ``elementwise("a")`` it makes ``kernel(a, z, rate)``: arrays of one
        size, which may be the same; what is not an array is a constant, rounded to the arrays' type.
    """

    def decorate(formula: Callable[..., Any]) -> Callable[..., Any]:
        wanted = list(inspect.signature(formula).parameters)
        names = list(dict.fromkeys([*outputs, *wanted]))
        inputs = [names.index(name) for name in wanted]

        def all_of(numbers: Sequence[Any]) -> tuple[Any, ...]:
            results = formula(*(numbers[place] for place in inputs))
            return results if isinstance(results, tuple) else (results,)

        def run(*arguments: Any) -> Any:
            kind = arguments[0].dtype.type
            results = all_of([value if isinstance(value, np.ndarray) else kind(value) for value in arguments])
            for out, result in zip(arguments[: len(outputs)], results, strict=False):
                out[...] = result
            return float(np.sum(results[-1], dtype=np.float64)) if total else None

        returned = types.float64 if total else types.none

        def emit(context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
            return _emit(all_of, set(inputs), len(outputs), total, context, builder, kinds, values)

        @inlined(run, names)
        def loop(typingctx: Any, *arguments: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                return emit(context, builder, arguments, values)

            return returned(*arguments), generate

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        )
        run.__name__, run.__doc__, run.__module__ = formula.__name__, formula.__doc__, formula.__module__
        run.emit, run.returned, run.is_formula = emit, returned, True  # type: ignore[attr-defined]
        return run

    return decorate


def _emit(
    formula: Callable[[Sequence[Any]], tuple[Any, ...]],
    inputs: set[int],
    n_outputs: int,
    total: bool,
    context: Any,
    builder: Any,
    kinds: Sequence[Any],
    values: Sequence[Any],
) -> Any:
    """Write the loop over whole vectors and the loop over the numbers that are left; return the sum, if any."""
    arrays: list[Any] = [
        fields_of(context, builder, kind, value) if isinstance(kind, types.Array) else None
        for kind, value in zip(kinds, values, strict=True)
    ]
    constants = [
        None if array else context.cast(builder, value, kind, kinds[0].dtype)
        for array, kind, value in zip(arrays, kinds, values, strict=True)
    ]
    many = Vectors(context, builder, kinds[0].dtype)
    spreads = {
        vectors: [None if constant is None else vectors.spread(constant) for constant in constants]
        for vectors in (many, many.single)
    }
    double = ir.DoubleType()
    sums = {
        vectors: cgutils.alloca_once_value(builder, vectors.constant(0.0, double)) for vectors in (many, many.single)
    }

    def write(vectors: Vectors, place: Any) -> None:
        numbers = [
            Number(builder, value if array is None else vectors.load(array.data, place)) if number in inputs else None
            for number, (array, value) in enumerate(zip(arrays, spreads[vectors], strict=True))
        ]
        results = formula(numbers)
        for array, result in zip(arrays[:n_outputs], results, strict=False):
            vectors.store(result.value, array.data, place)
        if total:
            last = results[-1].value
            last = last if vectors.number == double else builder.fpext(last, vectors.vector_of(double))
            builder.store(builder.fadd(builder.load(sums[vectors]), last), sums[vectors])

    many.over(arrays[0].nitems, write)
    if not total:
        return context.get_dummy_value()
    result, by_lane = builder.load(sums[many.single]), builder.load(sums[many])
    for lane in range(many.lanes):
        result = builder.fadd(result, builder.extract_element(by_lane, ir.Constant(ir.IntType(32), lane)))
    return result
