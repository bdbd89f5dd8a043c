"""The transpose in vector code, for every shape around the squares that it works in."""

from typing import Any

import numpy as np
import pytest


@pytest.mark.needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_number_goes_to_its_place(dtype: str) -> None:
    import numba

    from fastnet_kernels.jit.transpose import transpose

    def call(out: Any, a: Any) -> None:
        transpose(out, a)

    compiled: Any = numba.njit(call)
    for rows in range(1, 20):
        for columns in range(1, 20):
            a = np.arange(rows * columns, dtype=dtype).reshape(rows, columns)
            out = np.full((columns, rows), np.nan, dtype)
            compiled(out, a)
            np.testing.assert_array_equal(out, a.T)


def test_without_the_compiler_it_is_numpys() -> None:
    from fastnet_kernels.jit.transpose import transpose

    a, out = np.arange(6.0).reshape(2, 3), np.empty((3, 2))
    transpose(out, a)
    np.testing.assert_array_equal(out, a.T)
