"""Whole trainings beside scikit-learn's: the same weights to begin with, the same batches, the same updates.

What scikit-learn means otherwise is translated here. Its ``alpha`` is divided by the samples of a
batch, so ``l2 = alpha / batch_size`` where every batch is full. Its squared loss has a half and its
gradient sums over the outputs, so for k outputs its learning rate is k / 2 of ours (and our penalty
2 / k of its own). Its Adam adds epsilon to the second moment's root before the bias correction, ours
after it, as the paper's algorithm 1 does: the same where epsilon is next to nothing, and for any
epsilon where ``beta_2 = 0`` leaves nothing to correct.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

import fastnet as fn
from fastnet.optimizers import Optimizer

EPOCHS = 20
ACTIVATIONS = {"identity": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}
TINY = 1e-200

Array = npt.NDArray[Any]

pytestmark = pytest.mark.parametrize("backend", ["jit", "reference"])

OPTIMIZERS: list[tuple[Optimizer, dict[str, Any]]] = [
    (fn.SGD(0.1), {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}),
    (
        fn.SGD(0.05, momentum=0.9),
        {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    ),
    (
        fn.SGD(0.05, momentum=0.9, nesterov=True),
        {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True},
    ),
    (fn.Adam(0.01, epsilon=TINY), {"solver": "adam", "epsilon": TINY}),
    (
        fn.Adam(0.01, beta_1=0.7, beta_2=0.0, epsilon=0.1),
        {"solver": "adam", "beta_1": 0.7, "beta_2": 0.0, "epsilon": 0.1},
    ),
]


def features(samples: int = 30) -> Array:
    return np.random.default_rng(7).normal(size=(samples, 5))


def trained_oracle(kind: Any, X: Array, y: Array, **options: Any) -> tuple[Any, list[Any]]:
    """scikit-learn's network after EPOCHS epochs, and the weights it began them with.

    A first fit of one epoch makes the weights; the second starts from them with a new optimizer.
    """
    oracle = kind(hidden_layer_sizes=(6, 4), shuffle=False, tol=0.0, random_state=3, warm_start=True, **options)
    oracle.set_params(n_iter_no_change=EPOCHS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        oracle.set_params(max_iter=1).fit(X, y)
        start = [(W.copy(), b.copy()) for W, b in zip(oracle.coefs_, oracle.intercepts_, strict=True)]
        oracle.set_params(max_iter=EPOCHS).fit(X, y)
    assert oracle.n_iter_ == EPOCHS
    return oracle, start


def assert_same_training(oracle: Any, net: fn.Network, losses: list[float], expected: Array) -> None:
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    for (W, b), W_oracle, b_oracle in zip(net.get_weights(), oracle.coefs_, oracle.intercepts_, strict=True):
        for found, wanted in ((W, W_oracle), (b, b_oracle)):
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


def network(activation: str, outputs: int, last: str, loss: str, l2: float = 0.0) -> fn.Network:
    layers = [fn.Dense(n, activation=activation, l2=l2) for n in (6, 4)]
    layers.append(fn.Dense(outputs, activation=last, l2=l2))
    return fn.Network(layers, input_shape=5, loss=loss, dtype="float64")


@pytest.mark.parametrize(("optimizer", "options"), OPTIMIZERS, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_classifiers(
    activation: str, classes: int, optimizer: Optimizer, options: dict[str, Any], backend: str
) -> None:
    """30 samples in batches of 8, the last one of 6."""
    X = features()
    y = np.arange(30) % classes
    rate = vars(optimizer)["learning_rate"]
    oracle, start = trained_oracle(
        MLPClassifier,
        X,
        y,
        activation=ACTIVATIONS[activation],
        learning_rate_init=rate,
        alpha=0.0,
        batch_size=8,
        **options,
    )
    if classes == 2:
        net = network(activation, 1, "sigmoid", "binary_crossentropy")
    else:
        net = network(activation, classes, "softmax", "categorical_crossentropy")
    net.set_weights(start)
    history = net.fit(X, y, optimizer=optimizer, epochs=EPOCHS, batch_size=8, shuffle=False, backend=backend)
    assert_same_training(oracle, net, history.loss, oracle.loss_curve_[1:])
    np.testing.assert_array_equal(net.predict(X, backend=backend), oracle.predict(X))
    probabilities = oracle.predict_proba(X)
    np.testing.assert_allclose(
        net.predict_proba(X, backend=backend),
        probabilities[:, 1:] if classes == 2 else probabilities,
        rtol=1e-8,
    )


@pytest.mark.parametrize("batch_size", [10, None])
@pytest.mark.parametrize("alpha", [0.3, 5.0])
def test_l2(alpha: float, batch_size: int | None, backend: str) -> None:
    X, y = features(), np.arange(30) % 3
    rows = batch_size or len(X)
    oracle, start = trained_oracle(
        MLPClassifier,
        X,
        y,
        activation="tanh",
        solver="sgd",
        learning_rate_init=0.1,
        alpha=alpha,
        batch_size=rows,
    )
    net = network("tanh", 3, "softmax", "categorical_crossentropy", l2=alpha / rows)
    net.set_weights(start)
    optimizer = fn.SGD(0.1, momentum=0.9, nesterov=True)
    history = net.fit(
        X,
        y,
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=batch_size,
        shuffle=False,
        backend=backend,
    )
    assert_same_training(oracle, net, history.loss, oracle.loss_curve_[1:])


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_regressors(momentum: float, alpha: float, outputs: int, backend: str) -> None:
    X = features()
    y = np.sin(X[:, :outputs]) + 0.1 * X[:, 3:4]
    rate = 0.02
    oracle, start = trained_oracle(
        MLPRegressor,
        X,
        y.squeeze(),
        activation="tanh",
        solver="sgd",
        learning_rate_init=rate,
        momentum=momentum,
        nesterovs_momentum=False,
        alpha=alpha,
        batch_size=10,
    )
    net = network("tanh", outputs, "identity", "mean_squared_error", l2=alpha / 10 * 2 / outputs)
    net.set_weights(start)
    history = net.fit(
        X,
        y,
        optimizer=fn.SGD(rate * outputs / 2, momentum=momentum),
        epochs=EPOCHS,
        batch_size=10,
        shuffle=False,
        backend=backend,
    )
    if alpha == 0:  # else the two losses weigh their penalties otherwise
        np.testing.assert_allclose(history.loss, 2 * np.array(oracle.loss_curve_[1:]), rtol=1e-9)
    assert_same_training(oracle, net, history.loss, np.array(history.loss))
    np.testing.assert_allclose(net.predict(X, backend=backend), oracle.predict(X), rtol=1e-8, atol=1e-9)
