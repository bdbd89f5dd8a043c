"""Networks take frames of numbers and sparse matrices, with the numbers of the array that they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

import fastnet as fn
from fastnet.data import arrow, limits
from fastnet.errors import DataError

RNG = np.random.default_rng(0)
X = np.where(RNG.random((40, 3)) < 0.5, 0, RNG.normal(size=(40, 3))).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def network() -> fn.Network:
    return fn.Network([fn.Dense(1, "sigmoid")], input_shape=(3,), loss="binary_crossentropy")


@pytest.mark.parametrize(
    "make",
    [
        lambda X: pd.DataFrame(X, columns=["a", "b", "c"]),
        lambda X: pl.DataFrame(X, schema=["a", "b", "c"]),
        lambda X: pa.table({name: X[:, i] for i, name in enumerate("abc")}),
        sparse.csr_matrix,
        sparse.coo_array,
    ],
    ids=["pandas", "polars", "pyarrow", "csr", "coo"],
)
def test_the_same_as_the_array(make: Callable[[Any], Any]) -> None:
    given, plain = network(), network()
    history = given.fit(make(X), Y, epochs=3, backend="reference", validation_data=(make(X), Y))
    expected = plain.fit(X, Y, epochs=3, backend="reference", validation_data=(X, Y))
    assert history.loss == expected.loss
    assert history["val_loss"] == expected["val_loss"]
    np.testing.assert_array_equal(
        given.predict_proba(make(X), backend="reference"), plain.predict_proba(X, backend="reference")
    )
    assert given.evaluate(make(X), Y, backend="reference") == plain.evaluate(X, Y, backend="reference")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"a": [1], "b": ["x"], "c": [2]}), "X: the column 'b' holds text.*fastnet.Preparation"),
        (pd.DataFrame({"a": [1], "b": [2]}), r"X must have shape \(n_samples, 3\)"),
        (pd.DataFrame({"a": [1.0], "b": [None], "c": [2]}), "row 0, feature 1 holds NaN"),
        (pd.DataFrame({"a": [1], "b": pd.to_datetime(["2024-01-01"]), "c": [2]}), "'b' holds times"),
        (sparse.csr_matrix((1, 5)), r"its shape is \(1, 5\)"),
    ],
)
def test_what_a_network_does_not_take(frame: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        network().predict(frame, backend="reference")


def test_a_sparse_matrix_larger_than_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "available_memory", lambda: 2**20)
    with pytest.raises(DataError, match=r"X: .*as an array of shape \(1000, 1000\) would take 7.6 MB"):
        arrow.dense("X", sparse.csr_matrix((1000, 1000)))
