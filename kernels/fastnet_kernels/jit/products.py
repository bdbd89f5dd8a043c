"""Products of matrices: large ones by the tiles below, small ones by tiles that stay in registers (``small``), a single
row or column by loops over it (``thin``), and what OpenBLAS is faster at by that (``blas``).

The scheme of the large tiles is that of Goto and van de Geijn (2008). A tile is a few rows and two vectors of columns
of the output, all in registers; it goes through a block of the inner dimension at two multiply-adds a cycle. The tile's
columns of ``b`` are copied into a panel that stays in the first cache while all rows go past it, and its rows of ``a``
into a block that stays in the second. Meanwhile each tile fetches a part of the next panel: a wide matrix, whose rows
are pages apart, would else hold every panel up for as long as a third of its products takes.

``bench/test_products.py`` compares the ways: the large tiles take 0.5 to 0.9 of OpenBLAS's time for a network's large
products; where the second matrix stays in the second cache copying does not pay (``docs/decisions/0009``, ``0022``).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .activations import relu, relu_derivative
from .blas import address, by_blas, pointers
from .compiler import kernel
from .library import MATRIX, VECTOR, shared
from .loops import UNROLLED, in_steps
from .rows import add_to_rows
from .small import AS_IT_IS, GATED, RECTIFIED, small_product, spreads
from .thin import combine_rows, dot_rows, outer_product
from .transpose import turn
from .vectors import REGISTERS, SMALL, VECTOR_BYTES, Vectors, stack

TALL = 12 if REGISTERS == 32 else 6
"""Rows of a tile: with two vectors to a row, it and what it reads fill the vector registers."""

LOW = TALL // 3
"""Rows of the tiles for what is left, before single rows: as few as still hide a multiply-add's latency."""

IN_REGISTERS, BY_TILES, BY_BLAS = range(3)
"""The ways of a product."""

NEAR_BYTES = 1 << 19
"""Of a second matrix that tiles in registers read where it is, however many rows there are: it stays in the second
cache, from which they read it as fast as from a panel that it was copied to."""

TURNED_BYTES, TURNED_DEPTH_BYTES = 1 << 17, 1024
"""Of a second matrix that is turned, strip by strip, for tiles in registers, and of a row of it; larger ones are turned
as panels are."""

SYMMETRIC_BYTES = 1 << 22
"""Of a symmetric matrix that is read by its columns where that fills vectors better."""

LARGE = 1 << 20
"""Multiply-adds that pay for the copying of rows and panels."""

DEPTH_BYTES, HEIGHT = 1024, 22 * TALL
"""The block of the inner dimension, in bytes of a row, and the rows that are copied at once."""


def gemm(
    out: Any,
    a: Any,
    b: Any,
    biases: Any,
    transpose_a: bool,
    transpose_b: bool,
    accumulate: bool,
    first: int,
    finish: int,
    gate: Any,
) -> None:
    """Fill ``out = op(a) @ op(b)``, op being the transpose where asked, or add it to ``out`` if ``accumulate``.

    C-ordered matrices of one float type. A wider ``a`` stands for its columns from ``first`` on. ``biases`` (columns,)
    are added to each row; they are empty where there are none, which they have to be if ``accumulate``. Then comes what
    ``finish`` says: nothing (AS_IT_IS), ReLU (RECTIFIED), or the derivative of the ReLU that gave ``gate`` (GATED), a
    matrix like ``out``, or any where nobody looks at it.

    Without the compiler this is the Python that runs.
    """
    b = b.T if transpose_b else b
    # Copied, as NumPy's bits depend on how far apart rows are.
    a = np.ascontiguousarray(a[:, first : first + (len(out) if transpose_a else len(b))])
    product = np.matmul(a.T if transpose_a else a, b)
    assert not accumulate or biases.size == 0
    if accumulate:
        out += product
    else:
        out[...] = product + biases if biases.size > 0 else product
    if finish == RECTIFIED:
        relu(out, out, 0.0)
    elif finish == GATED:
        relu_derivative(out, out, gate, gate, 0.0)


@shared(types.none, *[MATRIX] * 3, VECTOR, *[types.boolean] * 3, types.int64, types.int64, MATRIX, plain=gemm)
def _gemm(out, a, b, biases, transpose_a, transpose_b, accumulate, first, finish, gate):
    rows, columns = out.shape
    a_step, b_step, inner = a.shape[1], b.shape[1], b.shape[0]
    if transpose_b:
        inner = b_step
    zero, c, a_, b_ = out.dtype.type(0), address(out, 0), address(a, first), address(b, 0)
    size, has_biases = _itemsize(zero), biases.size > 0
    # What the product is added to, if anything.
    before, before_step, adds = c, columns, accumulate
    if has_biases:
        before, before_step, adds = address(biases, 0), 0, True
    biases_left = False
    if rows == 0 or inner == 0:
        for i in range(0 if accumulate else rows):
            for j in range(columns):
                out[i, j] = biases[j] if has_biases else zero
    elif inner == 1:
        outer_product(zero, c, before, before_step, a_, 1 if transpose_a else a_step, b_, rows, columns, adds)
    elif columns == 1 and not transpose_a:
        dots(biases[0] if has_biases else zero, c, b_, a_, a_step, rows, inner, accumulate)
    elif columns == 1:
        combine_rows(zero, c, c, b_, 1, a_, a_step, rows, inner, accumulate)
        biases_left = has_biases
    elif rows == 1 and transpose_b and not transpose_a:
        dots(zero, c, a_, b_, b_step, columns, inner, accumulate)
        biases_left = has_biases
    elif rows == 1 and not transpose_b:
        combine_rows(zero, c, before, a_, a_step if transpose_a else 1, b_, b_step, columns, inner, adds)
    else:
        way = way_of(rows, columns, inner, size, transpose_a, transpose_b)
        if way == BY_TILES:
            by_tiles(zero, c, a_, a_step, b_, b_step, rows, columns, inner, transpose_a, transpose_b, accumulate)
            biases_left = has_biases
        elif way == BY_BLAS:
            by_blas(zero, c, a_, a_step, b_, b_step, rows, columns, inner, transpose_a, transpose_b, accumulate)
            biases_left = has_biases
        else:
            turned = address(stack(b), 0)
            # What is worked out transposed has no gate beside it, nor has what is added.
            is_later = finish == GATED and (adds or transpose_a)
            in_registers(
                zero,
                c,
                columns,
                before,
                before_step,
                a_,
                a_step,
                b_,
                b_step,
                rows,
                columns,
                inner,
                transpose_a,
                transpose_b,
                adds,
                turned,
                AS_IT_IS if is_later else finish,
                address(gate, 0),
            )
            if not is_later:
                return
    if biases_left:
        add_to_rows(out, biases)
    if finish == RECTIFIED:
        relu(out, out, 0.0)
    elif finish == GATED:
        relu_derivative(out, out, gate, gate, 0.0)


@kernel
def dots(start, c, vector, rows, rows_step, size, inner, add):
    """A function of its own, so that those who call it share its code."""
    dot_rows(start, c, vector, rows, rows_step, size, inner, add)


@kernel
def way_of(rows, columns, inner, size, transpose_a, transpose_b):
    """The fastest way of a product that is no vector's, by measurement (``docs/decisions/0022``, ``0024``)."""
    lanes, of_b = VECTOR_BYTES // size, columns * inner * size
    if transpose_b:
        if rows == 1 or is_for_small_blas(rows, columns, inner, size):
            return BY_BLAS
        # As many columns are turned at a time as there is room for, which have to fill a vector.
        is_shallow = inner * size <= TURNED_DEPTH_BYTES and SMALL // inner >= lanes
        if is_shallow and (of_b < TURNED_BYTES or rows * columns * inner < LARGE):
            return IN_REGISTERS
    elif of_b <= NEAR_BYTES:
        if not transpose_a and 2 * columns <= lanes and inner >= 2 * lanes and inner >= 8 * columns:
            return BY_BLAS  # most lanes of vectors would be idle
        return IN_REGISTERS
    if rows * columns * inner < LARGE or inner < 12 or 4 * columns < 3 * ((columns + lanes - 1) // lanes * lanes):
        return BY_BLAS
    return BY_TILES


@kernel
def is_for_small_blas(rows, columns, inner, size):
    """Whether to turn a second matrix takes longer than OpenBLAS's kernels for small outputs, which it has for AVX-512
    and which do not turn it."""
    is_small = rows <= 12 and rows * columns <= 1200 and rows * columns * inner <= LARGE // 4
    return VECTOR_BYTES == 64 and is_small and inner * size >= max(2 * VECTOR_BYTES, 40 * rows)


@kernel
def in_registers(
    zero,
    c,
    c_step,
    before,
    before_step,
    a,
    a_step,
    b,
    b_step,
    rows,
    columns,
    inner,
    transpose_a,
    transpose_b,
    adds,
    turned,
    finish,
    gate,
):
    """Nothing is copied but what has to be turned, in the memory of ``turned``, as much at a time as there is room for:
    some columns of a second matrix that is transposed, or some rows of an output that has but a few columns for many
    rows, which is worked out transposed."""
    size = _itemsize(zero)
    lanes = VECTOR_BYTES // size
    is_turned = transpose_a and not transpose_b and is_narrow(rows, columns, lanes)
    end = wide = columns
    if is_turned:
        end, wide = rows, SMALL // columns & -lanes
    elif transpose_b and columns * inner > SMALL:
        wide = SMALL // inner & -lanes
    j = 0
    while j < end:
        at, n = j * size, min(wide, end - j)
        to, to_step, added, added_step = c + at, c_step, before + at, before_step
        first, first_step, second, second_step, m = a, a_step, b + at, b_step, rows
        if is_turned:
            if adds:
                turn_matrix(zero, turned, n, before + j * before_step * size, before_step, n, columns)
            to, to_step, added, added_step = turned, n, turned, n
            first, first_step, second, second_step, m = b, b_step, a + at, a_step, columns
        elif transpose_b:
            turn_matrix(zero, turned, n, b + j * b_step * size, b_step, n, inner)
            second, second_step = turned, n
        small_product(
            zero,
            to,
            to_step,
            added,
            added_step,
            first,
            first_step,
            second,
            second_step,
            m,
            n,
            inner,
            finish,
            gate + at,
            transpose_a,
            adds,
        )
        if is_turned:
            turn_matrix(zero, c + j * c_step * size, c_step, turned, n, columns, n)
        j += wide


@kernel
def even_part(size, most):
    """At most so many of so many, such that what is left in the end is about as many."""
    parts = (size + most - 1) // most
    return min(most, ((size + parts - 1) // parts + UNROLLED - 1) & -UNROLLED)


@kernel
def reads_columns(rows, columns, inner, size):
    """Whether a product by a symmetric matrix is faster by its columns, as a transposed one, by measurement
    (``docs/decisions/0026``): an output of few columns is then worked out along its rows."""
    of_a = inner * inner * size
    if of_a > SYMMETRIC_BYTES or not is_narrow(rows, columns, VECTOR_BYTES // size):
        return False
    return of_a > 2 * NEAR_BYTES or 4 * columns * size > VECTOR_BYTES


@kernel
def turn_matrix(zero, out, out_step, a, a_step, rows, columns):
    """The transpose of a matrix of any size; a function of its own, so that those who call it share its code."""
    size = _itemsize(zero)
    lanes = VECTOR_BYTES // size
    top = 0
    while top < rows:
        _copy_turned(zero, out + top * size, out_step, a + top * a_step * size, a_step, min(lanes, rows - top), columns)
        top += lanes


@kernel
def is_narrow(rows, columns, lanes):
    """Whether vectors along the rows are so much better filled than along the columns that they pay for the turning."""
    if rows < lanes:
        return False
    return 4 * columns * ((rows + lanes - 1) // lanes) <= 3 * rows * ((columns + lanes - 1) // lanes)


@intrinsic
def _itemsize(typingctx: Any, zero: Any) -> Any:
    """A constant, which a division by it becomes a shift with."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(context.get_value_type(types.intp), context.get_abi_sizeof(context.get_value_type(zero)))

    return types.intp(zero), generate


def _memory(size: int) -> Any:
    """``memory()``: the address of so many bytes on the stack, at the start of a line of the cache."""

    @intrinsic
    def memory(typingctx: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            with builder.goto_entry_block():
                place = builder.alloca(ir.ArrayType(ir.IntType(8), size))
            place.align = 64
            return builder.ptrtoint(place, context.get_value_type(types.intp))

        return types.intp(), generate

    return memory


_block_memory = _memory(HEIGHT * DEPTH_BYTES)
_panel_memory = _memory(2 * VECTOR_BYTES * DEPTH_BYTES // 4)


@intrinsic
def _tile(
    typingctx: Any,
    zero: Any,
    rows: Any,
    columns: Any,
    inner: Any,
    c: Any,
    c_step: Any,
    a: Any,
    a_step: Any,
    b: Any,
    b_step: Any,
    next_panel: Any,
    next_step: Any,
    add: Any,
) -> Any:
    """A tile of the output, ``c += a @ b`` or ``c = a @ b``, of ``TALL``, ``LOW`` or single rows.

    The numbers of a column of ``a`` lie side by side, and from column to column it is ``a_step`` numbers.
    ``next_panel`` is what to fetch meanwhile, a line every ``next_step`` numbers.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, rows, columns, *given, add = arguments
        vectors = Vectors(context, builder, zero)
        is_whole = builder.icmp_signed("==", columns, ir.Constant(columns.type, 2 * vectors.lanes))
        after = builder.append_basic_block("after")
        for n_vectors, is_chosen in ((2, is_whole), (1, builder.not_(is_whole))):
            chosen, others = builder.append_basic_block(), builder.append_basic_block()
            builder.cbranch(is_chosen, chosen, others)
            builder.position_at_end(chosen)
            mask = vectors.first(columns) if n_vectors == 1 else None
            choice = builder.switch(rows, after)
            for n_rows in (TALL, LOW, 1):
                block = builder.append_basic_block()
                choice.add_case(ir.Constant(rows.type, n_rows), block)
                with builder.goto_block(block):
                    _write_tile(vectors, n_rows, n_vectors, mask, add, given)
                    builder.branch(after)
            builder.position_at_end(others)
        builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 11, types.boolean), generate


def _write_tile(vectors: Vectors, rows: int, n_vectors: int, mask: Any, add: Any, given: list[Any]) -> None:
    inner, c, c_step, a, a_step, b, b_step, next_panel, next_step = given
    builder = vectors.builder
    c, a, b, next_panel = pointers(vectors, c, a, b, next_panel)

    def number(value: int) -> Any:
        return ir.Constant(inner.type, value)

    places = [
        builder.add(builder.mul(c_step, number(row)), number(vector * vectors.lanes))
        for row in range(rows)
        for vector in range(n_vectors)
    ]
    for place in places:
        vectors.prefetch(builder.gep(c, [place]), True)

    def steps(n: int, running: list[Any]) -> list[Any]:
        """So many numbers of the inner dimension; as many sums are running as the tile has vectors."""
        a_here, b_here, next_here, *sums = running
        vectors.prefetch(next_here, False)
        for _ in range(n):
            given = [vectors.load(b_here, number(vector * vectors.lanes), mask) for vector in range(n_vectors)]
            for row in range(rows):
                place, at = builder.gep(a_here, [number(row)]), slice(row * n_vectors, (row + 1) * n_vectors)
                sums[at] = vectors.multiply_add_row(place, given, sums[at], spreads(2, row))
            # Else LLVM adds the step within the addresses, and takes each apart into two instructions again.
            a_here = vectors.opaque(builder.gep(a_here, [a_step]))
            b_here = builder.gep(b_here, [b_step])
        return [a_here, b_here, builder.gep(next_here, [next_step]), *sums]

    running = [a, b, next_panel, *[vectors.zero] * len(places)]
    to_a_turn = UNROLLED if rows == TALL and n_vectors == 2 else 1
    sums = in_steps(builder, inner, to_a_turn, running, steps)[3:]
    for place, total in zip(places, sums, strict=True):
        before = builder.select(add, vectors.load(c, place, mask), vectors.zero)
        vectors.store(vectors.add(before, total), c, place, mask)


@intrinsic
def _copy(typingctx: Any, zero: Any, to: Any, to_step: Any, source: Any, step: Any, rows: Any, columns: Any) -> Any:
    """Copy a block, each of whose rows is so many numbers after the one before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = Vectors(context, builder, zero)
        _, to, to_step, source, step, rows, columns = arguments
        to, source = pointers(vectors, to, source)
        with cgutils.for_range(builder, rows) as row:
            line = builder.gep(source, [builder.mul(row.index, step)])
            out = builder.gep(to, [builder.mul(row.index, to_step)])
            vectors.over_masked(
                columns, lambda place, mask: vectors.store(vectors.load(line, place, mask), out, place, mask)
            )
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 6), generate


@intrinsic
def _copy_turned(
    typingctx: Any, zero: Any, to: Any, to_step: Any, source: Any, step: Any, rows: Any, columns: Any
) -> Any:
    """Copy the transpose of no more rows than a vector has numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = Vectors(context, builder, zero)
        _, to, to_step, source, step, rows, columns = arguments
        to, source = pointers(vectors, to, source)
        turn(vectors, to, to_step, source, step, rows, columns)
        return context.get_dummy_value()

    return types.none(zero, *[types.intp] * 6), generate


@kernel
def by_tiles(zero, c, a, a_step, b, b_step, rows, columns, inner, transpose_a, transpose_b, accumulate):
    """Addresses, and how many numbers a row of ``a`` and of ``b`` is after the one before."""
    size = _itemsize(zero)
    lanes = VECTOR_BYTES // size
    depth = even_part(inner, DEPTH_BYTES // size)
    block, panel, panel_step = _block_memory(), _panel_memory(), 2 * (VECTOR_BYTES // size)
    # A copy pays where it is read again: a block by many panels, a panel by many tiles.
    copies_block, copies_panel = columns > 2 * panel_step, rows >= 4 * TALL and columns > lanes
    for k in range(0, inner, depth):
        deep = min(depth, inner - k)
        add = accumulate or k > 0
        for i in range(0, rows, HEIGHT):
            high = min(HEIGHT, rows - i)
            a_here, a_here_step, tile_bytes = a + (k * a_step + i) * size, a_step, TALL * size
            if copies_block or not transpose_a:
                a_here, a_here_step, tile_bytes = block, TALL, deep * TALL * size
                for row in range(0, high, TALL):
                    to, n = block + row * deep * size, min(TALL, high - row)
                    if transpose_a:
                        _copy(zero, to, TALL, a + (k * a_step + i + row) * size, a_step, deep, n)
                    else:
                        turn_matrix(zero, to, TALL, a + ((i + row) * a_step + k) * size, a_step, n, deep)
            j = 0
            while j < columns:
                wide = min(columns - j, panel_step)
                if wide < panel_step:
                    wide = min(wide, lanes)
                c_here = c + (i * columns + j) * size
                b_here, b_here_step = b + (k * b_step + j) * size, b_step
                next_panel, next_step = b_here + panel_step * size, b_step
                if transpose_b:
                    for half in range(0, wide, lanes):
                        lines, n_lines = b + ((j + half) * b_step + k) * size, min(lanes, wide - half)
                        _copy_turned(zero, panel + half * size, panel_step, lines, b_step, n_lines, deep)
                    next_panel, next_step = panel, 0  # its rows are long enough for the machine to see them coming
                elif copies_panel:
                    _copy(zero, panel, panel_step, b_here, b_step, deep, wide)
                if transpose_b or copies_panel:
                    b_here, b_here_step = panel, panel_step
                row = 0
                while row < high:
                    tile, left = row // TALL, high - row
                    n = TALL if left >= TALL else LOW if left >= LOW else 1
                    a_tile = a_here + tile * tile_bytes + (row - tile * TALL) * size
                    # A tile fetches a line of every row in its part of the panel.
                    line, part = tile // UNROLLED, tile % UNROLLED
                    ahead = next_panel + line * VECTOR_BYTES + part * (deep // UNROLLED) * next_step * size
                    _tile(
                        zero,
                        n,
                        wide,
                        deep,
                        c_here + row * columns * size,
                        columns,
                        a_tile,
                        a_here_step,
                        b_here,
                        b_here_step,
                        ahead,
                        next_step,
                        add,
                    )
                    row += n
                j += wide
