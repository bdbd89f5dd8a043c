"""Small products of matrices: tiles of the output in registers, and not a number copied.

What makes the large tiles of ``products`` fast, blocks and panels laid out for them, takes longer than a small product
itself. Here a tile reads its numbers where they are, the first matrix in rows or, transposed, in columns. A tile is
some rows and one or two vectors of columns; as many sums hide a multiply-add's latency, and what a step of the inner
dimension needs has room beside them.

Each number of the output is summed by itself in the order of the inner dimension, so that its bits do not depend on
which tile it is in. ``docs/decisions/0020``, ``0022`` and ``0031`` tell what was measured.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .loops import UNROLLED, in_steps
from .vectors import REGISTERS, Vectors

AS_IT_IS, RECTIFIED, GATED = range(3)
"""What becomes of a product's numbers while they are still in registers: nothing, their ReLU, or the derivative of the
ReLU that gave another matrix."""

HEIGHTS = {2: (12, 8, 4, 2), 1: (12, 8, 4, 2)} if REGISTERS == 32 else {2: (6, 2), 1: (8, 4, 2)}
"""For each width of a tile, in vectors, how many rows it may have: with ``a`` in rows many have a pointer each. Wider
tiles have fewer loads to a multiply-add, but a strip of two vectors of 784 rows stays in the first cache, where one of
four does not: mnist on two threads 0.94 of the time, the others 0.97 to 1.00 (``docs/decisions/0031``)."""

SPREAD = {2: (1, 0, 0), 1: (0,)}
"""For each width which rows, in turn, have their number spread over a register for all of their vectors; in the others
each multiply-add does that itself. That is fewer instructions and more loads, of which there are two a cycle; and
every row that is not spread has a pointer, of which there is room for twelve, but for what counts the turns. Where
another process runs on the core's other thread and takes every second turn to issue, it is instructions that count
(``docs/decisions/0022``)."""


def spreads(width: int, row: int) -> bool:
    """Whether a row of a tile that is so many vectors wide has its number spread over a register."""
    return bool(SPREAD[width][row % len(SPREAD[width])])


@contextmanager
def _while(builder: Any, condition: Callable[[], Any]) -> Iterator[None]:
    """Write the loop over what is written within it."""
    test, inside, after = (builder.append_basic_block() for _ in range(3))
    builder.branch(test)
    builder.position_at_end(test)
    builder.cbranch(condition(), inside, after)
    builder.position_at_end(inside)
    yield
    builder.branch(test)
    builder.position_at_end(after)


class _Product:
    """The code of ``c = a @ b`` or ``c += a @ b`` from addresses and steps in numbers. ``a`` lies in rows, or turned:
    the numbers of a column side by side."""

    def __init__(self, vectors: Vectors, arguments: list[Any], is_turned: bool) -> None:
        self.vectors, self.builder, self.is_turned = vectors, vectors.builder, is_turned
        c, c_step, before, before_step, a, a_step, b, b_step, *sizes, finish, gate, self.add = arguments
        self.rows, self.columns, self.inner = sizes
        self.c, self.before, self.a, self.b, self.gate = (
            self.builder.inttoptr(address, ir.PointerType(ir.IntType(8))) for address in (c, before, a, b, gate)
        )
        is_rectified = self.builder.icmp_signed("==", finish, self.number(RECTIFIED))
        least = (vectors.number(number) for number in (0.0, -math.inf))
        self.least = vectors.spread(self.builder.select(is_rectified, *least))
        self.is_gated = self.builder.icmp_signed("==", finish, self.number(GATED))
        self.c_step, self.before_step, self.a_step, self.b_step = (
            self.builder.mul(step, self.number(vectors.itemsize)) for step in (c_step, before_step, a_step, b_step)
        )

    def number(self, value: int) -> Any:
        return ir.Constant(self.rows.type, value)

    def write(self) -> None:
        """All columns, strip by strip: the widest as long as they are whole, then what is left, in as few vectors as it
        has."""
        lanes = self.vectors.lanes
        first = cgutils.alloca_once_value(self.builder, self.number(0))

        def take(width: int, count: Any, mask: Any = None) -> None:
            bytes_before = self.builder.mul(self.builder.load(first), self.number(self.vectors.itemsize))
            matrices = (self.builder.gep(matrix, [bytes_before]) for matrix in (self.c, self.before, self.b, self.gate))
            self._strip(width, mask, *matrices)
            self.builder.store(self.builder.add(self.builder.load(first), count), first)

        def left() -> Any:
            return self.builder.sub(self.columns, self.builder.load(first))

        def more_than(width: int) -> Any:
            return self.builder.icmp_signed(">", left(), self.number(width * lanes))

        widest = max(HEIGHTS)
        with _while(self.builder, lambda: self._fits(first, self.number(widest * lanes), self.columns)):
            take(widest, self.number(widest * lanes))
        for width in range(widest, 0, -1):
            with self.builder.if_then(more_than(width - 1)):
                last = self.builder.sub(left(), self.number((width - 1) * lanes))
                take(width, left(), self.vectors.held(self.vectors.first(last)))

    def _fits(self, at: Any, size: Any, end: Any) -> Any:
        return self.builder.icmp_signed("<=", self.builder.add(self.builder.load(at), size), end)

    def _strip(self, width: int, mask: Any, c: Any, before: Any, b: Any, gate: Any) -> None:
        """All rows of some columns: the highest tiles as long as they are whole, then what is left in as few as it
        takes, since the lower a tile, the longer it waits for its multiply-adds; one that is too high for what is left
        begins in rows that are done already."""
        builder = self.builder
        top = cgutils.alloca_once(builder, self.rows.type)
        builder.store(self.number(0), top)

        def more_than(rows: int) -> Any:
            return builder.icmp_signed(">", builder.sub(self.rows, builder.load(top)), self.number(rows))

        highest, *lower = HEIGHTS[width]
        with _while(builder, functools.partial(self._fits, top, self.number(highest), self.rows)):
            self._tile(highest, width, mask, builder.load(top), self.number(0), c, before, b, gate)
            builder.store(builder.add(builder.load(top), self.number(highest)), top)
        for height, next_lower in itertools.pairwise([*lower, 0]):
            has_room = builder.icmp_signed(">=", self.rows, self.number(height))
            with builder.if_then(has_room), _while(builder, functools.partial(more_than, next_lower)):
                last = builder.sub(self.rows, self.number(height))
                is_last = builder.icmp_signed(">", builder.load(top), last)
                start = builder.select(is_last, last, builder.load(top))
                self._tile(height, width, mask, start, builder.sub(builder.load(top), start), c, before, b, gate)
                builder.store(builder.add(start, self.number(height)), top)

    def _tile(
        self, rows: int, width: int, mask: Any, top: Any, done: Any, c: Any, before: Any, b: Any, gate: Any
    ) -> None:
        """The first ``done`` rows are in the output already."""
        vectors, builder = self.vectors, self.builder
        numbers = ir.PointerType(vectors.number)
        across = [(self.number(vector * vectors.lanes), None) for vector in range(width)]
        across[-1] = across[-1][0], mask

        is_spread = [spreads(width, row) and row < rows - 1 for row in range(rows)]
        # The row whose pointer each is addressed from: its own, or the next one's that has any. A load takes no longer
        # where a distance is in its address, and more pointers than this there is no room for.
        of = [row + is_spread[row:].index(False) for row in range(rows)]
        own = sorted(set(of))
        if self.is_turned:
            starts = self._lines(self.a, top, self.number(vectors.itemsize), 1)
        else:
            lines = self._lines(self.a, top, self.a_step, rows)
            starts = [lines[row] for row in own]

        def factor_of(pointers: list[Any], row: int, column: int) -> Any:
            if self.is_turned:
                return builder.gep(pointers[0], [self.number(row)])
            place = builder.gep(pointers[own.index(of[row])], [self.number(column)])
            if of[row] == row:
                return place
            return self._after(place, builder.mul(self.a_step, self.number(row - of[row])))

        def steps(n: int, running: list[Any]) -> list[Any]:
            pointers, b, sums = running[: len(starts)], running[len(starts)], running[len(starts) + 1 :]
            for column in range(n):
                given = [vectors.load(builder.bitcast(b, numbers), place, mask) for place, mask in across]
                for row in range(rows):
                    factor, at = factor_of(pointers, row, column), slice(row * width, (row + 1) * width)
                    sums[at] = vectors.multiply_add_row(factor, given, sums[at], is_spread[row])
                if self.is_turned:
                    pointers = [vectors.opaque(self._after(pointer, self.a_step)) for pointer in pointers]
                b = builder.gep(b, [self.b_step])
                if REGISTERS == 16:
                    vectors.fence()
            if not self.is_turned:
                # LLVM would else write one as another and a distance, and a multiply-add that has two registers in its
                # address is taken apart into two instructions again.
                further = self.number(n * vectors.itemsize)
                pointers = [vectors.opaque(self._after(pointer, further)) for pointer in pointers]
            return [*pointers, b, *sums]

        running = [*starts, b, *[vectors.zero] * (rows * width)]
        to_a_turn = UNROLLED if rows == HEIGHTS[width][0] else 1
        sums = in_steps(builder, self.inner, to_a_turn, running, steps)[len(starts) + 1 :]
        lines = self._lines(c, top, self.c_step, rows)

        def store(line: Any, totals: list[Any], finished: Callable[..., Any]) -> None:
            for total, (place, mask) in zip(totals, across, strict=True):
                vectors.store(finished(total, place, mask), line, place, mask)

        each_row = [sums[row * width : (row + 1) * width] for row in range(rows)]
        with builder.if_else(self.add) as (adding, filling):
            with adding:
                starts = self._lines(before, top, self.before_step, rows)
                for row, (line, totals, start) in enumerate(zip(lines, each_row, starts, strict=True)):
                    with builder.if_then(builder.icmp_signed("<=", done, self.number(row))):
                        store(line, totals, functools.partial(self._added, start))
            # Again, where they are there already: with the same bits.
            with filling, builder.if_else(self.is_gated) as (gated, plain):
                with gated:
                    gates = self._lines(gate, top, self.c_step, rows)
                    for line, totals, own in zip(lines, each_row, gates, strict=True):
                        store(line, totals, functools.partial(self._gated, own))
                with plain:
                    for line, totals in zip(lines, each_row, strict=True):
                        store(line, totals, lambda total, place, mask: self._rectified(total))

    def _added(self, start: Any, total: Any, place: Any, mask: Any) -> Any:
        return self._rectified(self.vectors.add(self.vectors.load(start, place, mask), total))

    def _rectified(self, total: Any) -> Any:
        """ReLU's, if asked for: NaN, which is not below anything, stays."""
        return self.builder.select(self.builder.fcmp_ordered("<", total, self.least), self.least, total)

    def _gated(self, gate: Any, total: Any, place: Any, mask: Any) -> Any:
        """As ReLU's derivative, which multiplies by 0, so that NaN and infinity leave NaN."""
        is_open = self.builder.fcmp_ordered(">", self.vectors.load(gate, place, mask), self.vectors.zero)
        return self.builder.select(is_open, total, self.builder.fmul(total, self.vectors.zero))

    def _after(self, pointer: Any, distance: Any) -> Any:
        """The pointer so many bytes further."""
        byte = self.builder.bitcast(pointer, ir.PointerType(ir.IntType(8)))
        return self.builder.bitcast(self.builder.gep(byte, [distance]), pointer.type)

    def _lines(self, matrix: Any, top: Any, step: Any, rows: int) -> list[Any]:
        """Where so many rows begin."""
        builder = self.builder
        lines = [builder.gep(matrix, [builder.mul(top, step)])]
        for _ in range(1, rows):
            lines.append(builder.gep(lines[-1], [step]))
        return [builder.bitcast(line, ir.PointerType(self.vectors.number)) for line in lines]


@intrinsic
def small_product(
    typingctx: Any,
    zero: Any,
    c: Any,
    c_step: Any,
    before: Any,
    before_step: Any,
    a: Any,
    a_step: Any,
    b: Any,
    b_step: Any,
    rows: Any,
    columns: Any,
    inner: Any,
    finish: Any,
    gate: Any,
    is_turned: Any,
    add: Any,
) -> Any:
    """``c = a @ b``, to which ``before`` is added if ``add``, and which is then finished as ``finish`` says; what is
    GATED, by a matrix whose rows are as far apart as those of ``c``, cannot be added to. Addresses, and how many
    numbers a row is after the one before, which of ``a`` is a column if it ``is_turned``; two rows and one step of the
    inner dimension at least."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, *given, turned, add = arguments
        vectors = Vectors(context, builder, zero)
        with builder.if_else(turned) as (in_columns, in_rows):
            with in_columns:
                _Product(vectors, [*given, add], True).write()
            with in_rows:
                _Product(vectors, [*given, add], False).write()
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 13, types.boolean, types.boolean), generate
