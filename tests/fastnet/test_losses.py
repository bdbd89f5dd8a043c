"""Which targets a loss takes, which it refuses and in what words, and its value beside the textbook's."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastnet as fn
from fastnet.losses import LOSS_CLASSES

BACKENDS = ("jit", "reference")


def taken(loss: str, y: Any, outputs: int, samples: int) -> npt.NDArray[np.floating]:
    return LOSS_CLASSES[loss]().targets(y, outputs, samples, np.float32)


def test_every_loss_of_the_kernels_is_described() -> None:
    assert set(LOSS_CLASSES) == set(fn.LOSSES)
    assert {name for name, loss in LOSS_CLASSES.items() if loss.is_classification} == {
        "binary_crossentropy",
        "categorical_crossentropy",
        "hinge",
    }


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_class_indices_and_one_hot_rows_are_the_same_targets(classes: list[int]) -> None:
    one_hot = np.eye(5, dtype=np.int8)[classes]
    indices = taken("categorical_crossentropy", classes, 5, len(classes))
    np.testing.assert_array_equal(indices, np.array(classes)[:, np.newaxis])
    np.testing.assert_array_equal(taken("categorical_crossentropy", one_hot, 5, len(classes)), indices)
    assert indices.dtype == np.float32
    assert indices.flags.c_contiguous


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_any_type_of_number_is_taken(dtype: npt.DTypeLike) -> None:
    y = np.array([0, 1, 1], dtype)
    np.testing.assert_array_equal(taken("binary_crossentropy", y, 1, 3), [[0], [1], [1]])


def test_a_column_and_a_vector_are_the_same() -> None:
    np.testing.assert_array_equal(
        taken("mean_squared_error", [1.0, 2.0], 1, 2), taken("mean_squared_error", [[1], [2]], 1, 2)
    )


@pytest.mark.parametrize(
    ("loss", "y", "outputs", "sentence"),
    [
        ("mean_squared_error", ["a", "b"], 1, "y must hold numbers, but its type is <U1; encode"),
        ("mean_squared_error", [None, 1], 1, "y must hold numbers, but its type is object"),
        ("mean_squared_error", [1j, 1], 1, "y must hold real numbers, but its type is complex128"),
        ("mean_squared_error", 1.0, 1, r"one row for each of the 2 rows of X, but its shape is \("),
        ("mean_squared_error", [1, 2, 3], 1, r"each of the 2 rows of X, but its shape is \(3,\)"),
        ("mean_squared_error", [[[1]], [[2]]], 1, r"but its shape is \(2, 1, 1\)"),
        ("mean_squared_error", [[1, 2], [3, 4]], 3, r"y must have 3 column\(s\).* it has 2 column\(s\)"),
        ("mean_squared_error", [1, np.nan], 1, "y must be finite, but row 1 holds NaN or infinity"),
        ("mean_squared_error", [-np.inf, 1], 1, "y must be finite, but row 0 holds"),
        ("mean_squared_error", [1.0, 1e300], 1, "y must be .*row 1"),
        ("binary_crossentropy", [0, 2], 1, r"y must lie in \[0, 1\].* goes from 0 to 2"),
        ("binary_crossentropy", [-1, 1], 1, r"y must lie in \[0, 1\].* goes from -1 to 1"),
        ("categorical_crossentropy", [0, 3], 3, "class indices from 0 to 2, but row 1 holds 3"),
        ("categorical_crossentropy", [-1, 2], 3, "class indices from 0 to 2, but row 0 holds -1"),
        ("categorical_crossentropy", [0.5, 2], 3, "indices from 0 to 2, but row 0 holds 0.5"),
        ("categorical_crossentropy", [[1, 0], [0, 1]], 3, "one-hot rows of 3 columns.* 2 columns"),
        ("categorical_crossentropy", [[1, 0], [1, 1]], 2, "y must be one-hot .*row 1 is not"),
        ("categorical_crossentropy", [[0, 0], [0, 1]], 2, "y must be one-hot .*row 0 is not"),
        ("categorical_crossentropy", [[0.4, 0.7], [0, 1]], 2, "must be one-hot .*row 0 is not: it sums to 1.1"),
        ("categorical_crossentropy", [[1.5, -0.5], [0, 1]], 2, "must be one-hot .*its smallest number is -0.5"),
        ("binary_crossentropy", [1, np.nan], 1, "y must be finite, but row 1 holds NaN or infinity"),
        ("binary_crossentropy", [[1, np.inf], [0, 1]], 2, "y must be finite, but row 0 holds infinity"),
        ("binary_crossentropy", [[np.nan, np.nan]] * 2, 2, "y has no label: every target is NaN"),
        ("binary_crossentropy", [[np.nan, 2], [0, 1]], 2, "y must lie in .* goes from 0 to 2"),
        ("poisson", [0, -1], 1, "y must hold counts of at least 0 for poisson, but it goes from -1 to 0"),
        ("hinge", [0, 2], 1, "y must hold -1 and 1, or 0 and 1, for hinge, but it holds 0, 2"),
        ("huber", [1, np.nan], 1, "y must be finite, but row 1 holds NaN or infinity"),
    ],
)
def test_unusable_targets_are_refused_in_a_sentence(loss: str, y: Any, outputs: int, sentence: str) -> None:
    with pytest.raises(fn.DataError, match=sentence):
        taken(loss, y, outputs, 2)


def test_rows_of_different_lengths_are_refused_in_a_sentence() -> None:
    with pytest.raises(fn.DataError, match="y "):
        taken("mean_squared_error", [[1, 2], [3]], 2, 2)


def evaluated(
    loss: str, activation: str, logits: npt.ArrayLike, y: npt.ArrayLike, dtype: str, backend: str
) -> dict[str, float]:
    """The scores of a network that hands its inputs on to the loss."""
    rows = np.asarray(logits, dtype=float)
    size = rows.shape[1]
    net = fn.Network([fn.Dense(size, activation=activation)], input_shape=(size,), loss=loss, dtype=dtype)
    net.set_weights([(np.eye(size), np.zeros(size))])
    return net.evaluate(rows, y, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
class TestValues:
    """Against formulas written out in plain Python."""

    def test_mean_squared_error(self, backend: str) -> None:
        scores = evaluated("mean_squared_error", "identity", [[1, 2], [3, 5]], [[0, 0], [3, 4]], "float64", backend)
        assert scores == {"loss": pytest.approx((1 + 4 + 0 + 1) / 4, rel=1e-15)}

    def test_binary_crossentropy(self, backend: str) -> None:
        logits, y = [-2.0, 0.5, 3.0, 0.25], [0, 1, 0, 0.25]
        expected = 0.0
        for z, t in zip(logits, y, strict=True):
            p = 1 / (1 + math.exp(-z))
            expected -= (t * math.log(p) + (1 - t) * math.log(1 - p)) / 4
        scores = evaluated("binary_crossentropy", "sigmoid", np.c_[logits], y, "float64", backend)
        assert scores == {"loss": pytest.approx(expected, rel=1e-14), "accuracy": 0.5}

    def test_categorical_crossentropy(self, backend: str) -> None:
        logits, y = [[1.0, 2.0, 0.0], [0.5, -1.0, 0.25]], [1, 2]
        expected = 0.0
        for z, t in zip(logits, y, strict=True):
            expected -= math.log(math.exp(z[t]) / sum(math.exp(one) for one in z)) / 2
        scores = evaluated("categorical_crossentropy", "softmax", logits, y, "float64", backend)
        assert scores == {"loss": pytest.approx(expected, rel=1e-14), "accuracy": 0.5}

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_huge_logits_neither_overflow_nor_lose_the_loss(self, dtype: str, backend: str) -> None:
        binary = evaluated("binary_crossentropy", "sigmoid", [[1e4], [-1e4], [1e4]], [1, 0, 0], dtype, backend)
        assert binary == {"loss": pytest.approx(1e4 / 3), "accuracy": pytest.approx(2 / 3)}
        softmax = evaluated(
            "categorical_crossentropy",
            "softmax",
            [[1e4, -1e4], [-1e4, 1e4]],
            [0, 0],
            dtype,
            backend,
        )
        assert softmax == {"loss": pytest.approx(1e4), "accuracy": 0.5}
