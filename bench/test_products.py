"""Products of matrices as networks have them, float32 on one thread: large tiles and what the engine chooses (for small
products, tiles that stay in registers) beside the BLAS that scipy ships.

A group is one product. ``NT`` has the second matrix transposed (a layer's dX), ``TN`` the first (its dW).
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from fastnet.threads import one_blas_thread
from fastnet_kernels.jit import blas, products, small
from fastnet_kernels.jit.views import flat, vector

SHAPES = [
    ("mnist, layer 1", (128, 128, 784), "NN"),
    ("mnist, dW 1", (784, 128, 128), "TN"),
    ("wide, layer 2", (256, 1024, 1024), "NN"),
    ("wide, dX 2", (256, 1024, 1024), "NT"),
    ("wide, dW 2", (1024, 1024, 256), "TN"),
    ("matexp, layer 2", (2500, 16, 32), "NN"),
    ("matexp, dX 2", (2500, 32, 16), "NT"),
    ("matexp, dW 2", (32, 16, 2500), "TN"),
    ("moons, layer 2", (32, 16, 16), "NN"),
    ("moons, dX 2", (32, 16, 16), "NT"),
    ("moons, dW 2", (16, 16, 32), "TN"),
    ("digits, layer 1", (32, 32, 64), "NN"),
    ("digits, layer 2", (32, 10, 32), "NN"),
    ("digits, dW 2", (32, 10, 32), "TN"),
    ("tabular, layer 1", (64, 64, 30), "NN"),
    ("tabular, layer 2", (64, 32, 64), "NN"),
    ("tabular, layer 3", (64, 1, 32), "NN"),
    ("tabular, dX 2", (64, 64, 32), "NT"),
    ("a block of matexp, layer 2", (256, 16, 32), "NN"),
    ("100 wide, dX", (64, 100, 100), "NT"),
]


def runner(product: Any) -> Callable[..., None]:
    @numba.njit(nogil=True)
    def run(out, a, b, transpose_a, transpose_b):  # type: ignore[no-untyped-def]
        inner = b.shape[1] if transpose_b else b.shape[0]
        product(
            out.dtype.type(0),
            blas.address(out, 0),
            blas.address(a, 0),
            a.shape[1],
            blas.address(b, 0),
            b.shape[1],
            out.shape[0],
            out.shape[1],
            inner,
            transpose_a,
            transpose_b,
            False,
        )

    return run  # type: ignore[no-any-return]


@numba.njit(nogil=True)
def chosen(out, a, b, transpose_a, transpose_b):  # type: ignore[no-untyped-def]
    none = vector(flat(out), 0, 0)
    products.gemm(out, a, b, none, transpose_a, transpose_b, False, 0, small.AS_IT_IS, a)


PRODUCTS = {"tiles": runner(products.by_tiles), "blas": runner(blas.by_blas), "chosen": chosen}


@pytest.mark.parametrize("by", PRODUCTS)
@pytest.mark.parametrize(("name", "shape", "order"), SHAPES, ids=lambda value: value if isinstance(value, str) else "")
def test_product(benchmark: Any, name: str, shape: tuple[int, int, int], order: str, by: str) -> None:
    rows, columns, inner = shape
    rng = np.random.default_rng(0)
    a = rng.standard_normal((inner, rows) if order[0] == "T" else (rows, inner)).astype("float32")
    b = rng.standard_normal((columns, inner) if order[1] == "T" else (inner, columns)).astype("float32")
    out = np.empty((rows, columns), "float32")
    arguments = (out, a, b, order[0] == "T", order[1] == "T")
    with one_blas_thread():
        PRODUCTS[by](*arguments)
        benchmark.group = f"{name}: {rows}x{inner} times {inner}x{columns}, {order}"
        benchmark.extra_info.update(kind="product", name=benchmark.group, side=by)
        benchmark(PRODUCTS[by], *arguments)
    expected = (a.T if order[0] == "T" else a).astype(float) @ (b.T if order[1] == "T" else b).astype(float)
    assert np.allclose(out, expected, atol=inner * 1e-5)
