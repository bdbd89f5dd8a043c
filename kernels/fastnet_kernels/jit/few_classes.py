"""The softmax and the cross-entropy of samples with fewer classes than would fill vectors, as the ten of digits.

A vector is one class of as many samples as it has numbers: rows are turned into columns in registers and back, and
between that all is vector code without a loop over samples, from the logits to the gradient. Written as loops over a
turned copy, which LLVM vectorised each by itself with its checks and its rest, it took five times as long for a batch
of 32 samples.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from ..reference.activations import softmax
from ..reference.losses import categorical_crossentropy
from .formula import Number, where
from .inlined import inlined
from .loops import repeated
from .transpose import turn
from .vector_math import exp, log1p
from .vectors import Vectors
from .view_type import fields_of

MOST_CLASSES = 64
"""Beyond them the memory for a turned block grows, and the loops over single rows fill vectors of their own."""


def softmax_by_columns(a: Any, z: Any) -> None:
    """The reference's ``softmax`` for at most ``MOST_CLASSES``. Without the compiler that runs."""
    softmax(a, z, 0.0)


@inlined(softmax_by_columns)
def _softmax_by_columns(typingctx: Any, a: Any, z: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [fields_of(context, builder, kind, value) for kind, value in zip((a, z), arguments, strict=True)]
        _Softmax(Vectors(context, builder, z.dtype), *arrays).over_all()
        return context.get_dummy_value()

    return types.none(a, z), generate


def crossentropy_by_columns(losses: Any, doutput: Any, output: Any, targets: Any, scale: Any) -> None:
    """The reference's ``categorical_crossentropy`` for at most ``MOST_CLASSES``. Without the compiler that runs."""
    categorical_crossentropy(losses, doutput, output, targets, scale, 0.0)


@inlined(crossentropy_by_columns)
def _crossentropy_by_columns(typingctx: Any, losses: Any, doutput: Any, output: Any, targets: Any, scale: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            fields_of(context, builder, kind, value)
            for kind, value in zip(signature.args[:4], arguments[:4], strict=True)
        ]
        factor = context.cast(builder, arguments[4], scale, output.dtype)
        _CrossEntropy(Vectors(context, builder, output.dtype), arrays, factor).over_all()
        return context.get_dummy_value()

    return types.none(losses, doutput, output, targets, scale), generate


class _Turned:
    """The code for as many rows of a matrix as a vector has numbers, in the loop over all: turned, so that a vector is
    one class of each."""

    def __init__(self, vectors: Vectors, matrix: Any) -> None:
        self.vectors = vectors
        self.rows, self.classes = cgutils.unpack_tuple(vectors.builder, matrix.shape)
        self.lanes = ir.Constant(self.rows.type, vectors.lanes)
        self.zero = self.number(vectors.zero)

    def number(self, value: Any) -> Number:
        return Number(self.vectors.builder, value)

    def memory(self) -> Any:
        """Room for every class."""
        builder = self.vectors.builder
        with builder.goto_entry_block():
            memory = builder.alloca(ir.ArrayType(self.vectors.vector, MOST_CLASSES))
        memory.align = 64
        return builder.bitcast(memory, ir.PointerType(self.vectors.number))

    def over_all(self) -> None:
        self.vectors.over_masked(self.rows, self.write)

    def write(self, top: Any, mask: Any) -> None:
        """The code for the rows from ``top`` on, all that a vector has numbers for or those of the mask."""
        raise NotImplementedError

    def count(self, top: Any, mask: Any) -> Any:
        """How many rows there are, or None if there are as many as a vector has numbers."""
        return None if mask is None else self.vectors.builder.sub(self.rows, top)

    def turn(self, memory: Any, data: Any, top: Any, mask: Any) -> None:
        """Fill the memory from the rows."""
        given = self.vectors.builder.gep(data, [self.vectors.builder.mul(top, self.classes)])
        turn(self.vectors, memory, self.lanes, given, self.classes, self.count(top, mask), self.classes)

    def turn_back(self, data: Any, memory: Any, top: Any, mask: Any) -> None:
        """Fill the rows from the memory: a row for each class, of which as many as a vector has numbers are turned at a
        time."""
        vectors, builder = self.vectors, self.vectors.builder
        first, count = builder.mul(top, self.classes), self.count(top, mask)
        vectors.over_masked(
            self.classes,
            lambda at, some: turn(
                vectors,
                builder.gep(data, [builder.add(first, at)]),
                self.classes,
                builder.gep(memory, [builder.mul(at, self.lanes)]),
                self.lanes,
                None if some is None else builder.sub(self.classes, at),
                self.lanes if count is None else count,
            ),
        )

    def over_classes(self, running: list[Number], body: Callable[..., tuple[Number, ...]]) -> list[Number]:
        """Write the loop over the classes that replaces the numbers by what ``body`` makes of them."""
        builder, index_type = self.vectors.builder, self.rows.type

        def step(values: list[Any]) -> list[Any]:
            index, *given = values
            results = body(index, *map(self.number, given))
            return [builder.add(index, ir.Constant(index_type, 1)), *(result.value for result in results)]

        start = [ir.Constant(index_type, 0), *(number.value for number in running)]
        return [self.number(value) for value in repeated(builder, self.classes, start, step)[1:]]

    def at(self, place: Any) -> Any:
        return self.vectors.builder.mul(place, self.lanes)

    def value_of(self, memory: Any, place: Any) -> Number:
        return self.number(self.vectors.load(memory, self.at(place)))

    def keep(self, memory: Any, place: Any, value: Number) -> tuple[()]:
        """Store what ``value_of`` gives; as a loop's body it leaves nothing to run on."""
        self.vectors.store(value.value, memory, self.at(place))
        return ()

    def largest(self, memory: Any) -> Number:
        """Of all classes; NaN is larger than nothing, and the first number if it is one."""

        def larger(place: Any, largest: Number) -> tuple[Number]:
            value = self.value_of(memory, place)
            return (where(value > largest, value, largest),)

        return self.over_classes([self.value_of(memory, ir.Constant(self.rows.type, 0))], larger)[0]


class _Softmax(_Turned):
    def __init__(self, vectors: Vectors, a: Any, z: Any) -> None:
        super().__init__(vectors, z)
        self.a, self.z, self.values = a.data, z.data, self.memory()

    def write(self, top: Any, mask: Any) -> None:
        self.turn(self.values, self.z, top, mask)
        largest = self.largest(self.values)
        total = self.over_classes([self.zero], lambda at, total: self.exponential(at, largest, total))[0]
        inverse = 1.0 / total
        self.over_classes([], lambda at: self.keep(self.values, at, self.value_of(self.values, at) * inverse))
        self.turn_back(self.a, self.values, top, mask)

    def exponential(self, place: Any, largest: Number, total: Number) -> tuple[Number]:
        e = exp(self.value_of(self.values, place) - largest)
        self.keep(self.values, place, e)
        return (total + e,)


class _CrossEntropy(_Turned):
    def __init__(self, vectors: Vectors, arrays: list[Any], factor: Any) -> None:
        losses, doutput, output, targets = arrays
        super().__init__(vectors, output)
        self.losses, self.doutput, self.output, self.targets = losses.data, doutput.data, output.data, targets.data
        self.target_columns = cgutils.unpack_tuple(vectors.builder, targets.shape)[1]
        self.factor = self.number(vectors.spread(factor))
        self.exponentials, self.expected = self.memory(), self.memory()

    def write(self, top: Any, mask: Any) -> None:
        vectors, builder = self.vectors, self.vectors.builder
        self.turn(self.exponentials, self.output, top, mask)
        is_class = builder.icmp_signed("==", self.target_columns, ir.Constant(self.rows.type, 1))
        with builder.if_else(is_class) as (one_each, some_each):
            with one_each:
                self.one_hot(top, mask)
            with some_each:
                self.turn(self.expected, self.targets, top, mask)
        largest = self.largest(self.exponentials)
        nothing, minus_one = self.zero, self.number(vectors.constant(-1.0, vectors.number))
        expected, others, ones = self.over_classes(
            [nothing, nothing, minus_one], lambda at, *sums: self.exponential(at, largest, is_class, *sums)
        )
        others = others + ones
        vectors.store((log1p(others) - expected).value, self.losses, top, mask)
        inverse = self.factor / (1.0 + others)
        self.over_classes([], lambda at: self.gradient(at, inverse))
        self.turn_back(self.doutput, self.exponentials, top, mask)

    def one_hot(self, top: Any, mask: Any) -> None:
        vectors = self.vectors
        classes = self.number(vectors.load(self.targets, top, mask))

        def mark(place: Any) -> tuple[()]:
            here = self.number(vectors.spread(vectors.builder.sitofp(place, vectors.number)))
            is_it = (classes >= here) & (classes <= here)
            return self.keep(self.expected, place, where(is_it, 1.0 + self.zero, 0.0))

        self.over_classes([], mark)

    def exponential(
        self, place: Any, largest: Number, is_class: Any, expected: Number, others: Number, ones: Number
    ) -> tuple[Number, Number, Number]:
        builder = self.vectors.builder
        value, target = self.value_of(self.exponentials, place) - largest, self.value_of(self.expected, place)
        # Nothing but the class's own logit, since those of others may be infinite.
        chosen, mean = where(target > 0, value, expected), expected + target * value
        expected = self.number(builder.select(is_class, chosen.value, mean.value))
        e = exp(value)
        self.keep(self.exponentials, place, e)
        # One of the largest, whose exponential is 1, is left out, so that log1p sees what is beside it.
        return expected, others + where(e >= 1, 0.0, e), ones + where(e >= 1, 1.0 + self.zero, 0.0)

    def gradient(self, place: Any, inverse: Number) -> tuple[()]:
        value = self.value_of(self.exponentials, place) * inverse - self.factor * self.value_of(self.expected, place)
        return self.keep(self.exponentials, place, value)


def is_largest(row: Any, target: int) -> bool:
    """Whether a vector's number of that index is the largest, and the first of those if there are several."""
    return not ((row > row[target]).any() or (row[:target] == row[target]).any())


@inlined(is_largest)
def _is_largest(typingctx: Any, row: Any, target: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, target = fields_of(context, builder, row, arguments[0]), arguments[1]
        vectors, int32 = Vectors(context, builder, row.dtype), ir.IntType(32)
        chosen = vectors.spread(builder.load(builder.gep(array.data, [target])))
        truths = vectors.vector_of(ir.IntType(1))
        found = cgutils.alloca_once_value(builder, ir.Constant(truths, [0] * vectors.lanes))
        order = ir.Constant(vectors.vector_of(int32), list(range(vectors.lanes)))

        def look(place: Any, mask: Any) -> None:
            value = vectors.load(array.data, place, mask)
            before = builder.icmp_signed("<", order, vectors.spread(builder.trunc(builder.sub(target, place), int32)))
            as_large = builder.and_(builder.fcmp_ordered("==", value, chosen), before)
            better = builder.or_(builder.fcmp_ordered(">", value, chosen), as_large)
            if mask is not None:
                better = builder.and_(better, mask)
            builder.store(builder.or_(builder.load(found), better), found)

        vectors.over_masked(array.nitems, look)
        bits = builder.bitcast(builder.load(found), ir.IntType(vectors.lanes))
        return builder.icmp_unsigned("==", bits, ir.Constant(bits.type, 0))

    return types.boolean(row, types.intp), generate
