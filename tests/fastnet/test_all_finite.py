"""Finding NaN and infinity in small arrays and in large ones, where a sum may overflow."""

import numpy as np
import pytest

from fastnet.validation import LARGE, all_finite


@pytest.mark.parametrize("size", [0, 1, 7, LARGE - 1, LARGE, LARGE + 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finite_numbers(size: int, dtype: str) -> None:
    assert all_finite(np.ones(size, dtype))
    # Their sum is infinite.
    assert all_finite(np.full(size, np.finfo(dtype).max))


@pytest.mark.parametrize("size", [1, 7, LARGE - 1, LARGE, LARGE + 1])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_that_is_not(size: int, bad: float) -> None:
    for place in {0, size // 2, size - 1}:
        values = np.ones(size, np.float32)
        values[place] = bad
        assert not all_finite(values)


def test_infinities_that_cancel() -> None:
    values = np.ones(2 * LARGE, np.float32)
    values[3], values[-3] = np.inf, -np.inf
    assert not all_finite(values)


@pytest.mark.parametrize("order", ["rows", "columns", "every second row"])
def test_however_they_lie_in_memory(order: str) -> None:
    for bad in (1.0, np.nan, np.inf):
        values = np.ones((600, 400), np.float32)
        values[400, 17] = bad
        view = {"rows": values, "columns": values.T, "every second row": values[::2]}[order]
        assert all_finite(view) == (bad == 1.0)
