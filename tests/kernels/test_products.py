"""Products of matrices by own tiles: every shape around theirs, every orientation, and nothing beside the output."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet_kernels.jit.small import AS_IT_IS, GATED, RECTIFIED

DTYPES = ["float32", "float64"]
AROUND_THE_TILES = [
    (1, 1, 1),
    (12, 32, 16),
    (13, 33, 17),
    (5, 15, 300),
    (130, 70, 257),
    (64, 16, 40),
    (7, 31, 5),
    (300, 48, 3),
    (3, 4, 2000),
]


@pytest.fixture(scope="module")
def by_tiles() -> Any:
    """The tiles alone, whatever the product's size."""
    import numba

    from fastnet_kernels.jit import blas, products

    def call(out: Any, a: Any, b: Any, transpose_a: bool, transpose_b: bool, accumulate: bool, first: int) -> None:
        inner = b.shape[1] if transpose_b else b.shape[0]
        products.by_tiles(
            out.dtype.type(0),
            blas.address(out, 0),
            blas.address(a, first),
            a.shape[1],
            blas.address(b, 0),
            b.shape[1],
            out.shape[0],
            out.shape[1],
            inner,
            transpose_a,
            transpose_b,
            accumulate,
        )

    return numba.njit(call)


@pytest.fixture(scope="module")
def chosen() -> Any:
    """As the kernels call it: by large or small tiles, by the loops for a single row or column, or by the BLAS."""
    import numba

    from fastnet_kernels.jit.products import gemm

    def call(out: Any, a: Any, b: Any, transpose_a: bool, transpose_b: bool, accumulate: bool, first: int) -> None:
        gemm(out, a, b, b.reshape(-1)[:0], transpose_a, transpose_b, accumulate, first, AS_IT_IS, out)

    return numba.njit(call)


@pytest.mark.needs_compiler
@pytest.mark.parametrize("shape", [(3, 0, 5), (0, 4, 5), (1, 0, 1), (3, 0, 40)])
def test_a_product_of_nothing(shape: tuple[int, int, int], chosen: Any) -> None:
    rows, inner, columns = shape
    a, b = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
    for accumulate, expected in ((False, 0.0), (True, 7.0)):
        out = np.full((rows, columns), 7, np.float32)
        chosen(out, a, b, False, False, accumulate, 0)
        np.testing.assert_array_equal(out, np.full((rows, columns), expected, np.float32))


def assert_right(product: Any, dtype: str, shape: tuple[int, int, int], flags: tuple[bool, bool, bool]) -> None:
    """The product lies in the middle of guarded memory, and ``a`` is wider than what is taken of it."""
    rows, columns, inner = shape
    transpose_a, transpose_b, accumulate = flags
    rng = np.random.default_rng([rows, columns, inner])
    first, taken = 3, rows if transpose_a else inner
    a = rng.standard_normal((inner if transpose_a else rows, first + taken + 2)).astype(dtype)
    b = rng.standard_normal((columns, inner) if transpose_b else (inner, columns)).astype(dtype)
    guarded = np.full(rows * columns + 64, 7.5, dtype)
    out = guarded[32:-32].reshape(rows, columns)
    out[...] = rng.standard_normal((rows, columns)) if accumulate else np.nan
    before = out.astype("float64") if accumulate else np.zeros((rows, columns))
    product(out, a, b, transpose_a, transpose_b, accumulate, first)
    left, right = a[:, first : first + taken].astype("float64"), b.astype("float64")
    left, right = left.T if transpose_a else left, right.T if transpose_b else right
    # The standard bound of a sum of products in any order (Higham, 2002, section 3.1), and one addition more.
    bound = (inner + 2) * np.finfo(dtype).eps * (np.abs(left) @ np.abs(right) + np.abs(before))
    assert np.all(np.abs(out - (left @ right + before)) <= bound)
    assert np.all(guarded[:32] == 7.5)
    assert np.all(guarded[-32:] == 7.5)


FLAGS = [(a, b, c) for a, b, c in itertools.product([False, True], repeat=3)]


@pytest.mark.needs_compiler
class TestTiles:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", AROUND_THE_TILES, ids=str)
    def test_shapes_around_the_tiles(self, by_tiles: Any, dtype: str, shape: tuple[int, int, int]) -> None:
        for flags in FLAGS:
            assert_right(by_tiles, dtype, shape, flags)

    @given(st.tuples(*[st.integers(1, 150)] * 3), st.sampled_from(FLAGS), st.sampled_from(DTYPES))
    @settings(deadline=None)
    def test_any_shape(
        self, by_tiles: Any, shape: tuple[int, int, int], flags: tuple[bool, bool, bool], dtype: str
    ) -> None:
        assert_right(by_tiles, dtype, shape, flags)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_row_is_the_same_bits_in_any_block(self, by_tiles: Any, dtype: str) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((40, 300)).astype(dtype), rng.standard_normal((300, 50)).astype(dtype)
        whole, part = np.empty((40, 50), dtype), np.empty((17, 50), dtype)
        by_tiles(whole, a, b, False, False, False, 0)
        by_tiles(part, a[5:22], b, False, False, False, 0)
        np.testing.assert_array_equal(part, whole[5:22])

    def test_an_infinity_or_nan_stays_in_its_row(self, by_tiles: Any) -> None:
        a, b, out = np.ones((14, 20), "float32"), np.ones((20, 40), "float32"), np.empty((14, 40), "float32")
        a[3, 4], a[12, 5] = np.nan, np.inf
        by_tiles(out, a, b, False, False, False, 0)
        assert np.isnan(out[3]).all()
        assert np.isposinf(out[12]).all()
        assert (np.delete(out, [3, 12], axis=0) == 20).all()


@pytest.mark.needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [
        *[(8, 8, 8), (64, 64, 30), (64, 128, 80), (90, 90, 90), (128, 128, 80)],
        # Strips of columns, few columns for many rows, fewer rows than a tile has, and what is deep or narrow.
        *[
            (64, 100, 100),
            (100, 10, 40),
            (64, 3, 70),
            (2, 33, 5),
            (3, 129, 2),
            (7, 50, 33),
            (20, 40, 300),
            (9, 70, 150),
        ],
        # So many rows of few columns that they are worked out in parts; few rows; and strips that are turned.
        *[(1500, 40, 10), (300, 33, 36), (2, 60, 20), (4, 130, 90), (16, 150, 230), (32, 250, 17), (300, 64, 64)],
        *[
            (1, 1, 1),
            (16, 1, 32),
            (1, 16, 8),
            (32, 16, 1),
            (33, 1, 17),
            (1, 70, 9),
            (1, 150, 5),
            (1, 5, 40),
            (2, 1, 3000),
        ],
        # Outer products, whose narrow columns go several rows at a time; and narrow ones of a few terms.
        *[(5, 3, 1), (35, 4, 1), (100, 10, 1), (17, 20, 1), (64, 48, 1), (1500, 4, 8), (100, 3, 20), (90, 2, 33)],
    ],
    ids=str,
)
def test_the_choice_between_the_ways_is_of_speed_alone(chosen: Any, dtype: str, shape: tuple[int, int, int]) -> None:
    for flags in FLAGS:
        assert_right(chosen, dtype, shape, flags)


@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@given(st.tuples(*[st.integers(1, 5000)] * 3))
def test_a_strip_that_is_turned_for_registers_is_as_wide_as_a_vector(
    vector_bytes: int, size: int, shape: tuple[int, int, int]
) -> None:
    """Else it would have no columns, and the product no end."""
    from fastnet_kernels.jit import products
    from fastnet_kernels.jit.vectors import SMALL

    way_of, is_for_small_blas = (
        getattr(kernel, "py_func", kernel) for kernel in (products.way_of, products.is_for_small_blas)
    )
    rows, columns, inner = shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "VECTOR_BYTES", vector_bytes)
        patch.setattr(products, "is_for_small_blas", is_for_small_blas)
        if way_of(rows, columns, inner, size, False, True) == products.IN_REGISTERS:
            assert SMALL // inner >= vector_bytes // size


@pytest.mark.needs_compiler
class TestSmallProducts:
    @given(st.tuples(*[st.integers(2, 80)] * 3), st.sampled_from(FLAGS), st.sampled_from(DTYPES))
    @settings(deadline=None)
    def test_any_shape(
        self, chosen: Any, shape: tuple[int, int, int], flags: tuple[bool, bool, bool], dtype: str
    ) -> None:
        assert_right(chosen, dtype, shape, flags)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("columns", [5, 16, 50, 70])
    def test_a_row_is_the_same_bits_in_any_block(self, chosen: Any, columns: int, dtype: str) -> None:
        rng = np.random.default_rng(columns)
        a, b = rng.standard_normal((40, 30)).astype(dtype), rng.standard_normal((30, columns)).astype(dtype)
        whole, part = np.empty((40, columns), dtype), np.empty((17, columns), dtype)
        chosen(whole, a, b, False, False, False, 0)
        chosen(part, a[5:22], b, False, False, False, 0)
        np.testing.assert_array_equal(part, whole[5:22])

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("columns", [3, 10, 32])
    def test_the_gradients_of_some_inputs_are_the_same_bits_as_among_all(
        self, chosen: Any, columns: int, dtype: str
    ) -> None:
        """With few columns and many rows the output is worked out transposed, and with few rows it is not."""
        rng = np.random.default_rng(columns)
        x, dz = rng.standard_normal((60, 40)).astype(dtype), rng.standard_normal((60, columns)).astype(dtype)
        whole, part = np.ones((40, columns), dtype), np.ones((5, columns), dtype)
        for accumulate in (False, True):
            chosen(whole, x, dz, True, False, accumulate, 0)
            chosen(part, x, dz, True, False, accumulate, 7)
            np.testing.assert_array_equal(part, whole[7:12])

    def test_an_infinity_or_nan_stays_in_its_row(self, chosen: Any) -> None:
        a, b, out = np.ones((14, 20), "float32"), np.ones((20, 40), "float32"), np.empty((14, 40), "float32")
        a[3, 4], a[12, 5] = np.nan, np.inf
        chosen(out, a, b, False, False, False, 0)
        assert np.isnan(out[3]).all()
        assert np.isposinf(out[12]).all()
        assert (np.delete(out, [3, 12], axis=0) == 20).all()


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_without_the_compiler_it_is_numpys(flags: tuple[bool, bool, bool]) -> None:
    from fastnet_kernels.jit.products import gemm

    def product(out: Any, a: Any, b: Any, *rest: Any) -> None:
        transpose_a, transpose_b, accumulate, first = rest
        gemm(out, a, b, b.reshape(-1)[:0], transpose_a, transpose_b, accumulate, first, AS_IT_IS, out)

    assert_right(product, "float64", (5, 6, 7), flags)


@pytest.fixture(scope="module")
def with_biases() -> Any:
    """The product as a layer calls it, compiled."""
    import numba

    from fastnet_kernels.jit.products import gemm

    def call(out: Any, a: Any, b: Any, biases: Any, transpose_a: bool, transpose_b: bool) -> None:
        gemm(out, a, b, biases, transpose_a, transpose_b, False, 0, AS_IT_IS, out)

    return numba.njit(call)


@pytest.fixture(scope="module")
def finished() -> Any:
    """The product of which ReLU or its derivative is taken, compiled."""
    import numba

    from fastnet_kernels.jit.products import gemm

    def call(
        out: Any, a: Any, b: Any, biases: Any, transpose_a: bool, transpose_b: bool, add: bool, finish: int, gate: Any
    ) -> None:
        gemm(out, a, b, biases, transpose_a, transpose_b, add, 0, finish, gate)

    return numba.njit(call)


EACH_WAY = pytest.mark.parametrize(
    "shape",
    [
        *[(1, 40, 9), (40, 1, 9), (3, 1, 9), (40, 9, 1), (5, 6, 1), (32, 10, 64), (33, 17, 5), (5, 6, 300)],
        *[(130, 70, 257), (7, 5, 0)],
    ],
    ids=str,
)


@pytest.mark.parametrize("added", ["nothing", "biases", "out"])
@pytest.mark.parametrize("finish", [RECTIFIED, GATED], ids=["ReLU", "its derivative"])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@EACH_WAY
def test_what_a_product_ends_with_is_what_a_pass_over_it_gives(
    shape: tuple[int, int, int],
    dtype: str,
    transpose_a: bool,
    transpose_b: bool,
    finish: int,
    added: str,
    finished: Any,
) -> None:
    """To the bit, with NaN and infinity, in each of the ways to a product, and without the compiler."""
    rows, columns, inner = shape
    rng = np.random.default_rng(0)
    a = rng.standard_normal((inner, rows) if transpose_a else (rows, inner)).astype(dtype)
    b = rng.standard_normal((columns, inner) if transpose_b else (inner, columns)).astype(dtype)
    if a.size > 2:
        a.flat[1], a.flat[-1] = np.nan, np.inf
    before, gate = rng.standard_normal((2, rows, columns)).astype(dtype)
    biases = before[0] if added == "biases" else before[0, :0]
    out, plain = before.copy(), before.copy()
    with np.errstate(invalid="ignore"):
        finished(plain, a, b, biases, transpose_a, transpose_b, added == "out", AS_IT_IS, gate)
        finished(out, a, b, biases, transpose_a, transpose_b, added == "out", finish, gate)
        expected = np.where(plain < 0, 0, plain) if finish == RECTIFIED else plain * (gate > 0)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@EACH_WAY
def test_biases_are_added_to_each_row(
    shape: tuple[int, int, int], transpose_a: bool, transpose_b: bool, with_biases: Any
) -> None:
    """In each of the ways to a product, and without the compiler."""
    rows, columns, inner = shape
    rng = np.random.default_rng(0)
    a = rng.standard_normal((inner, rows) if transpose_a else (rows, inner)).astype("float32")
    b = rng.standard_normal((columns, inner) if transpose_b else (inner, columns)).astype("float32")
    biases, out = rng.standard_normal(columns).astype("float32"), np.full((rows, columns), np.nan, "float32")
    with_biases(out, a, b, biases, transpose_a, transpose_b)
    left, right = (a.T if transpose_a else a).astype("float64"), (b.T if transpose_b else b).astype("float64")
    bound = (inner + 2) * np.finfo("float32").eps * (np.abs(left) @ np.abs(right) + np.abs(biases))
    assert np.all(np.abs(out - (left @ right + biases)) <= bound)


@pytest.mark.needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("inner", "columns"), [(5, 3), (24, 16), (64, 10), (30, 70), (33, 1), (1, 7)])
def test_a_row_has_the_bits_that_it_has_among_others(inner: int, columns: int, dtype: str, with_biases: Any) -> None:
    """Alone or in a small batch: what is predicted for it does not depend on what it comes with."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((19, inner)).astype(dtype), rng.standard_normal((inner, columns)).astype(dtype)
    biases, out = rng.standard_normal(columns).astype(dtype), np.empty((19, columns), dtype)
    with_biases(out, a, b, biases, False, False)
    for row in range(19):
        alone = np.empty((1, columns), dtype)
        with_biases(alone, a[row : row + 1], b, biases, False, False)
        np.testing.assert_array_equal(alone[0], out[row])


@pytest.mark.needs_compiler
@pytest.mark.parametrize(("rows", "columns"), [(9, 1), (1, 9), (1, 1), (9, 5), (40, 20)])
def test_a_product_is_summed_before_it_is_added(rows: int, columns: int, chosen: Any) -> None:
    """To what is so large that none of its terms would change it."""
    inner = 256
    a, b = np.full((inner, rows), 2.0**-12, "float32"), np.full((inner, columns), 2.0**-13, "float32")
    out = np.ones((rows, columns), "float32")
    chosen(out, a, b, True, False, True, 0)
    np.testing.assert_array_equal(out, np.float32(1 + inner * 2.0**-25))
