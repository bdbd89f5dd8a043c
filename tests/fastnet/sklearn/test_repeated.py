"""Dropout goes by the sample: weights are repetitions, and the order is of no account."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fastnet.sklearn import MLPClassifier, MLPRegressor
from fastnet.sklearn.repeated import once_each

pytestmark = [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]
RNG = np.random.default_rng(0)
X, LABELS, COUNTS = RNG.normal(size=(20, 3)), np.arange(20) % 3, RNG.integers(0, 4, 20)
BITS = arrays.arrays(float, st.tuples(st.integers(1, 8), st.just(2)), elements=st.sampled_from([0.0, -0.0, 1.0]))


@given(BITS, st.data())
def test_once_each(features: npt.NDArray[Any], data: Any) -> None:
    n = len(features)
    targets = data.draw(arrays.arrays(bool, (n, 1)))
    weights = data.draw(st.none() | arrays.arrays(float, n, elements=st.sampled_from([0.0, 0.5, 2.0])))
    order = np.array(data.draw(st.permutations(range(n))))
    found = once_each(features, targets, weights)
    again = once_each(features[order], targets[order], None if weights is None else weights[order])
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)
    expected: dict[tuple[float, ...], float] = {}
    for x, y, weight in zip(features, targets, np.ones(n) if weights is None else weights, strict=True):
        expected[(*x, *y)] = expected.get((*x, *y), 0.0) + weight
    some = {row: weight for row, weight in expected.items() if weight > 0} or expected
    rows = np.column_stack(found[:2])
    assert {tuple(row): weight for row, weight in zip(rows.tolist(), found[2].tolist(), strict=True)} == some


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"])
def test_a_weight_is_so_many_samples(kind: Any, backend: str) -> None:
    options = {"hidden_layer_sizes": (8,), "dropout": 0.3, "alpha": 0.1, "max_iter": 30, "random_state": 0}
    weighted, repeated = (kind(**options, learning_rate_init=0.01, backend=backend) for _ in range(2))
    order = RNG.permutation(COUNTS.sum())
    weighted.fit(X, LABELS, COUNTS)
    repeated.fit(X.repeat(COUNTS, axis=0)[order], LABELS.repeat(COUNTS)[order])
    for mine, other in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert weighted.loss_curve_ == repeated.loss_curve_
    assert (weighted.t_, repeated.t_) == (30 * len(X), 30 * COUNTS.sum())


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"])
def test_a_weight_is_so_many_samples_in_batch_normalisation(kind: Any, dropout: float, backend: str) -> None:
    options = {"hidden_layer_sizes": (8, 5), "batch_norm": True, "dropout": dropout, "alpha": 0.1, "solver": "sgd"}
    options |= {"max_iter": 20, "random_state": 0, "learning_rate_init": 0.05, "backend": backend}
    weighted, repeated, unweighted = (kind(**options) for _ in range(3))
    order = RNG.permutation(COUNTS.sum())
    weighted.fit(X, LABELS, COUNTS)
    repeated.fit(X.repeat(COUNTS, axis=0)[order], LABELS.repeat(COUNTS)[order])
    unweighted.fit(X, LABELS)
    mine, other = weighted.network_.parameters, repeated.network_.parameters
    # Sums in another order: some 50 numbers in each of 20 steps, whose roundings are passed on.
    np.testing.assert_allclose(mine, other, rtol=0, atol=20 * 50 * 16 * np.finfo(float).eps * np.abs(other).max())
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)
    assert np.abs(mine - unweighted.network_.parameters).max() > 1e-3


@pytest.mark.parametrize("backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"])
def test_batch_normalisation_goes_by_proportions_where_weights_are_no_counts(backend: str) -> None:
    options: dict[str, Any] = {"batch_norm": True, "alpha": 0.0, "max_iter": 20, "random_state": 0, "backend": backend}
    networks = [
        MLPClassifier((8,), **options).fit(10 + X, LABELS, weights).network_
        for weights in (None, np.full(20, 1 / 20), np.full(20, 0.001), np.full(20, 2.5))
    ]
    for network in networks[1:]:
        np.testing.assert_allclose(network.parameters, networks[0].parameters, rtol=1e-9, atol=1e-9)
    # Weights such as boosting has: they sum to 1, and what has none is not there.
    weights = RNG.random(20) * (np.arange(20) > 4)
    weighted, without = (
        MLPClassifier((8,), **options).fit(10 + X[some], LABELS[some], (weights / weights.sum())[some])
        for some in (slice(None), slice(5, None))
    )
    np.testing.assert_allclose(weighted.network_.parameters, without.network_.parameters, rtol=1e-7, atol=1e-7)


def test_in_several_batches_rows_are_rows() -> None:
    several = MLPClassifier((8,), dropout=0.3, max_iter=3, batch_size=39, shuffle=False, backend="reference")
    twice = several.fit(np.concatenate([X, X]), np.concatenate([LABELS, LABELS]))
    # Two batches, the second of a single sample.
    assert twice._progress.steps == 6
