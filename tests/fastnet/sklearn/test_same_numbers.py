"""The same problem, the same weights: fastnet's estimators beside scikit-learn's, float64, in the same order."""

from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import _multilayer_perceptron
from sklearn.preprocessing import scale

from fastnet import sklearn as ours
from fastnet_kernels.reference.randomness import shuffle

pytestmark = [
    pytest.mark.needs_compiler,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

TOLERANCE = 1e-10
"""Of numbers of about 1, which rounding in another order moves by some 1e-16 a step, and so small a change hardly grows
in 50 epochs."""

Problem = tuple[str, npt.NDArray[Any], npt.NDArray[Any]]


def problem(name: str) -> Problem:
    """A class's name, features and targets; 300 samples, so that the last batch of 64 is a smaller one."""
    if name == "several labels":
        X, y = make_multilabel_classification(n_samples=300, random_state=0)
        return "MLPClassifier", scale(X), y
    if name in ("two classes", "ten classes"):
        X, y = load_digits(return_X_y=True)
        return "MLPClassifier", X[:300] / 16, y[:300] % 2 if name == "two classes" else y[:300]
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X[:300]), scale(y[:300])
    return "MLPRegressor", X, np.column_stack([y, X[:, 0] * y, -y]) if name == "several numbers" else y


PROBLEMS = ("two classes", "ten classes", "several labels", "numbers", "several numbers")


def fitted(library: Any, which: Problem, **options: Any) -> Any:
    kind, X, y = which
    return getattr(library, kind)(**{"hidden_layer_sizes": (20, 10), "random_state": 3, **options}).fit(X, y)


def assert_same(which: Problem, options: dict[str, Any], **own: Any) -> None:
    expected = fitted(theirs, which, **options)
    got = fitted(ours, which, **options, **own)
    for name in ("coefs_", "intercepts_"):
        for mine, other in zip(getattr(got, name), getattr(expected, name), strict=True):
            np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=0, atol=TOLERANCE)
    assert (got.n_iter_, got.t_, got._no_improvement_count) == (
        expected.n_iter_,
        expected.t_,
        expected._no_improvement_count,
    )
    for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
        mine, other = getattr(got, name), getattr(expected, name)
        assert (mine is None) == (other is None)
        if other is not None:
            np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE)
    assert (got.out_activation_, got.n_layers_, got.n_outputs_) == (
        expected.out_activation_,
        expected.n_layers_,
        expected.n_outputs_,
    )


FIFTY = {"shuffle": False, "max_iter": 50, "tol": 0.0, "n_iter_no_change": 50, "batch_size": 64, "alpha": 0.1}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("backend", ["jit", "reference"])
def test_fifty_epochs(name: str, solver: str, backend: str) -> None:
    assert_same(problem(name), {**FIFTY, "solver": solver, "learning_rate_init": 0.01}, backend=backend)


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "logistic"},
        {"activation": "identity"},
        {"activation": "tanh"},
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "sgd", "nesterovs_momentum": False},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05, "tol": 0.02, "n_iter_no_change": 2},
        {"tol": 0.01, "n_iter_no_change": 3, "max_iter": 200},
        {"early_stopping": True, "tol": 0.01, "n_iter_no_change": 5},
        {"batch_size": "auto"},
        {"hidden_layer_sizes": ()},
        {"batch_size": 300},
        {"epsilon": 1e-3, "beta_1": 0.8, "beta_2": 0.99},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["ten classes", "numbers"])
def test_options(name: str, options: dict[str, Any]) -> None:
    assert_same(problem(name), {**FIFTY, "learning_rate_init": 0.01, **options})


def test_poisson() -> None:
    kind, X, y = problem("several numbers")
    assert_same((kind, X, np.floor(np.exp(y))), {**FIFTY, "loss": "poisson"})


@pytest.mark.parametrize("name", ["two classes", "numbers"])
@pytest.mark.parametrize("more", [{}, {"batch_size": 300}, {"early_stopping": True}], ids=str)
def test_weights_of_samples(name: str, more: dict[str, Any]) -> None:
    kind, X, y = problem(name)
    weights = np.random.default_rng(0).uniform(0, 3, len(X))
    options = {**FIFTY, "hidden_layer_sizes": (20,), "random_state": 3, **more}
    expected = getattr(theirs, kind)(**options).fit(X, y, sample_weight=weights)
    got = getattr(ours, kind)(**options).fit(X, y, sample_weight=weights)
    for mine, other in zip(got.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("more", [{"batch_size": 300}, {"batch_size": 64}, {"shuffle": True}], ids=str)
def test_poisson_with_weights_of_samples(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    _, X, y = problem("several numbers")
    y, weights = np.floor(np.exp(y)), np.random.default_rng(0).uniform(0, 3, len(X))
    options = {**FIFTY, "hidden_layer_sizes": (20,), "random_state": 3, "loss": "poisson", **more}
    got = ours.MLPRegressor(**options).fit(X, y, sample_weight=weights)
    # scikit-learn's shuffles are not fastnet's; here it takes the samples in the order that fastnet's had.
    epochs, order = count(), np.empty(len(X), np.int64)

    def shuffled(_: Any, random_state: Any) -> npt.NDArray[np.int64]:
        shuffle(order, got.network_.seed, next(epochs))
        return order.copy()

    monkeypatch.setattr(_multilayer_perceptron, "shuffle", shuffled)
    expected = theirs.MLPRegressor(**options).fit(X, y, sample_weight=weights)
    for mine, other in zip(got.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=0, atol=TOLERANCE)
    assert next(epochs) == (50 if options["shuffle"] else 0)


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"learning_rate": "adaptive", "tol": 0.01}], ids=str)
def test_more_features_than_samples(options: dict[str, Any]) -> None:
    # The engine trains the first layer in sample space.
    X = np.random.default_rng(0).normal(size=(60, 300))
    settings = {"solver": "sgd", "alpha": 1.0, "max_iter": 60, "learning_rate_init": 0.01, "n_iter_no_change": 2}
    assert_same(
        ("MLPClassifier", X, X[:, 0] > 0), {**settings, "shuffle": False, "hidden_layer_sizes": (5,), **options}
    )


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_going_on(solver: str) -> None:
    kind, X, y = problem("ten classes")
    options = {"solver": solver, "shuffle": False, "random_state": 0, "learning_rate": "invscaling", "batch_size": 50}
    models = [getattr(library, kind)(**options) for library in (theirs, ours)]
    for part in (slice(0, 90), slice(90, 300), slice(0, 300)):
        for model in models:
            model.partial_fit(X[part], y[part], classes=np.arange(10))
    for model in models:
        model.set_params(warm_start=True, max_iter=3).fit(X, y)
    expected, got = models
    for mine, other in zip(got.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=0, atol=TOLERANCE)
    assert (got.t_, got.n_iter_) == (expected.t_, expected.n_iter_) == (1500, 3)


@pytest.mark.parametrize("name", ["two classes", "ten classes", "numbers"])
def test_lbfgs_ends_at_the_same_loss(name: str) -> None:
    # Enough of a penalty that there is one minimum to go to, and a smooth way there.
    options = {"solver": "lbfgs", "alpha": 10.0, "activation": "tanh", "max_iter": 2000, "hidden_layer_sizes": (5,)}
    expected, got = (fitted(library, problem(name), **options) for library in (theirs, ours))
    assert got.loss_ == pytest.approx(expected.loss_, abs=1e-6)


@pytest.mark.parametrize("limit", [{"max_iter": 3}, {"max_fun": 4}], ids=str)
def test_lbfgs_warns_in_the_same_words(limit: dict[str, int]) -> None:
    said = []
    for library in (theirs, ours):
        with pytest.warns(ConvergenceWarning) as caught:
            fitted(library, problem("ten classes"), solver="lbfgs", **limit)
        said.append([str(warning.message) for warning in caught])
    assert said[0] == said[1]
    assert "lbfgs failed to converge after" in said[0][0]


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("activation", ["relu", "logistic"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_weights_are_the_same(kind: str, activation: str, dtype: str) -> None:
    X = np.random.default_rng(0).normal(size=(20, 4)).astype(dtype)
    options = {"activation": activation, "random_state": 5, "max_iter": 1, "hidden_layer_sizes": (7, 3)}
    # A step too small to change a weight.
    options |= {"solver": "sgd", "learning_rate_init": 1e-30}
    expected, got = (getattr(library, kind)(**options).fit(X, X[:, 0] > 0) for library in (theirs, ours))
    for name in ("coefs_", "intercepts_"):
        for mine, other in zip(getattr(got, name), getattr(expected, name), strict=True):
            assert mine.dtype == other.dtype == dtype
            np.testing.assert_array_equal(mine, other)
