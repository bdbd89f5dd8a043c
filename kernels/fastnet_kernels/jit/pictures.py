"""As in the reference, and the same bits, in vectors: of so many pixels at a time the places are worked out in whole
numbers, and the numbers there gathered.

LLVM does not make vectors of such a loop: it cannot tell where is read, and so not that what is read was not just
written. Number by number it took seven to ten times as long.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from ..reference import pictures as reference
from .inlined import inlined
from .vectors import Vectors
from .view_type import fields_of

INT32 = ir.IntType(32)


def move_pixels(out: Any, x: Any, where: Any, shape: Any) -> None:
    """A kernel that calls it has to be ``exact``."""
    reference.move_pixels(out, x, where, shape)


@inlined(move_pixels)
def _move_pixels(typingctx: Any, out: Any, x: Any, where: Any, shape: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        filled, given = (
            fields_of(context, builder, kind, value).data for kind, value in ((out, arguments[0]), (x, arguments[1]))
        )
        where, shape = (cgutils.unpack_tuple(builder, value) for value in arguments[2:])
        is_turned = builder.icmp_signed("!=", where[2], ir.Constant(where[2].type, 0))
        with builder.if_else(is_turned) as (turned, copied):
            for branch, between in ((turned, True), (copied, False)):
                with branch:
                    _Picture(context, builder, out.dtype, given, where, shape).write(filled, between)
        return context.get_dummy_value()

    return types.none(out, x, where, shape), generate


class _Picture:
    """The code for a picture: ``write`` writes the loop over its numbers."""

    def __init__(self, context: Any, builder: Any, kind: Any, given: Any, where: Any, shape: Any) -> None:
        self.builder, self.vectors, self.given = builder, Vectors(context, builder, kind), given
        height, width, self.channels = (builder.trunc(size, INT32) for size in shape)
        self.row = builder.mul(width, self.channels)
        self.size = builder.mul(shape[0], builder.mul(shape[1], shape[2]))
        where = [self.spread(builder.trunc(number, INT32)) for number in where]
        # Of either axis: the place of the pixel (0, 0) and how it grows, the last pixel, how far apart two are.
        self.axes = [
            (where[:3], self.spread(builder.sub(height, ir.Constant(INT32, 1))), self.spread(self.row)),
            (where[3:], self.spread(builder.sub(width, ir.Constant(INT32, 1))), self.spread(self.channels)),
        ]

    def spread(self, value: Any) -> Any:
        return self.vectors.spread(value)

    def constant(self, value: int) -> Any:
        return self.vectors.constant(value, INT32)

    def write(self, out: Any, between: bool) -> None:
        """Fill ``out`` with what lies between the pixels, or with pixels."""
        builder, vectors = self.builder, self.vectors
        lanes = ir.Constant(vectors.vector_of(INT32), list(range(vectors.lanes)))
        divided = [self._divider(size) for size in (self.row, self.channels)]

        def write(place: Any, mask: Any) -> None:
            number = builder.add(self.spread(builder.trunc(place, INT32)), lanes)
            i, left = divided[0](number)
            j, source = divided[1](left)
            steps, shares = [], []
            for (first, down, right), last, apart in self.axes:
                at = builder.add(first, builder.add(builder.mul(down, i), builder.mul(right, j)))
                at = self._within(at, builder.shl(last, self.constant(16)))
                pixel = builder.ashr(at, self.constant(16))
                source = builder.add(source, builder.mul(pixel, apart))
                steps.append(builder.select(builder.icmp_signed("<", pixel, last), apart, self.constant(0)))
                part = builder.sitofp(builder.and_(at, self.constant(65535)), vectors.vector)
                shares.append(builder.fmul(part, vectors.constant(1 / 65536, vectors.number)))
            if not between:
                vectors.store(self._gathered(source), out, place, mask)
                return
            higher, lower = (
                self._between(self._gathered(one), self._gathered(builder.add(one, steps[1])), shares[1])
                for one in (source, builder.add(source, steps[0]))
            )
            vectors.store(self._between(higher, lower, shares[0]), out, place, mask)

        vectors.over_masked(self.size, write)

    def _divider(self, size: Any) -> Any:
        """What divides whole numbers, of less than 2**22, by one that is a size: the quotient and what is left. The
        middle of a number is further from the next quotient than two roundings, of a float32, reach."""
        builder, vectors = self.builder, self.vectors
        one = ir.Constant(vectors.number, 1.0)
        inverse, by = self.spread(builder.fdiv(one, builder.sitofp(size, vectors.number))), self.spread(size)

        def divided(number: Any) -> tuple[Any, Any]:
            middle = builder.fadd(builder.sitofp(number, vectors.vector), vectors.constant(0.5, vectors.number))
            quotient = builder.fptosi(builder.fmul(middle, inverse), number.type)
            return quotient, builder.sub(number, builder.mul(quotient, by))

        return divided

    def _within(self, place: Any, last: Any) -> Any:
        builder, zero = self.builder, self.constant(0)
        place = builder.select(builder.icmp_signed("<", place, zero), zero, place)
        return builder.select(builder.icmp_signed(">", place, last), last, place)

    def _gathered(self, places: Any) -> Any:
        builder, vectors = self.builder, self.vectors
        addresses = builder.gep(self.given, [places], source_etype=vectors.number)
        addresses.type = ir.VectorType(self.given.type, vectors.lanes)  # which llvmlite does not work out
        every = ir.Constant(ir.VectorType(ir.IntType(1), vectors.lanes), [True] * vectors.lanes)
        arguments = [addresses, ir.Constant(INT32, vectors.itemsize), every, vectors.zero]
        kind = ir.FunctionType(vectors.vector, [argument.type for argument in arguments])
        name = f"llvm.masked.gather.v{vectors.lanes}f{8 * vectors.itemsize}.v{vectors.lanes}p0"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    def _between(self, a: Any, b: Any, share: Any) -> Any:
        return self.builder.fadd(a, self.builder.fmul(share, self.builder.fsub(b, a)))
