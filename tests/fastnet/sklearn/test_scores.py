"""What early stopping goes by is what scikit-learn's functions give."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import accuracy_score, r2_score

from fastnet.sklearn.scores import accuracy_of, r2_of

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6)
NUMBERS = st.sampled_from([-2.0, 0.0, 0.5, 1.0, 3.0])
"""Few of them, so that columns are often right everywhere, or the same everywhere, and sums are exact."""


def weights_of(data: Any, rows: int) -> npt.NDArray[Any] | None:
    counts = arrays.arrays(float, rows, elements=st.sampled_from([0.0, 1.0, 2.0]))
    weights: npt.NDArray[Any] | None = data.draw(st.none() | counts.filter(lambda weights: weights.sum() > 0))
    return weights


@given(st.data(), SHAPES)
def test_r2(data: Any, shape: tuple[int, int]) -> None:
    y, answers = (data.draw(arrays.arrays(float, shape, elements=NUMBERS)) for _ in range(2))
    weights = weights_of(data, shape[0])
    expected = r2_score(y, answers, sample_weight=weights)
    # Sums of at most twelve numbers, summed in another order, of which a score near 0 is the small difference to 1.
    assert r2_of(y, weights)(answers) == pytest.approx(expected, rel=1e-14, abs=1e-14)


@given(st.data(), SHAPES)
def test_accuracy(data: Any, shape: tuple[int, int]) -> None:
    y, answers = (data.draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 1))) for _ in range(2))
    weights = weights_of(data, shape[0])
    for targets, given_answers in ((y, answers), (y[:, 0], answers[:, 0])):
        expected = accuracy_score(targets, given_answers, sample_weight=weights)
        assert accuracy_of(targets, weights)(given_answers) == pytest.approx(expected, rel=1e-15)


def test_r2_of_what_is_not_finite() -> None:
    y = np.array([[1.0], [2.0]])
    assert np.isnan(r2_of(y, None)(np.array([[np.nan], [1.0]])))
    assert r2_of(y, None)(np.full((2, 1), 1e200)) == -np.inf
