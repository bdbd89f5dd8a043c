"""What a training can be told to do as scikit-learn does it: Adam's epsilon, and how losses and penalties count."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet.labelled import Labelled
from fastnet.training import Training

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(10, 3)), RNG.normal(size=(10, 2))
WEIGHTS = RNG.uniform(0.5, 2, 10)
on_both_engines = pytest.mark.parametrize(
    "backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"]
)
# Sums of ten numbers of about 1.
CLOSE: dict[str, Any] = {"rtol": 1e-13, "atol": 1e-14}


def network(**layer: Any) -> fn.Network:
    return fn.Network([fn.Dense(2, **layer)], input_shape=3, loss="mean_squared_error", dtype="float64")


def run(net: fn.Network, optimizer: Any, epochs: int, weights: Any = None, **options: Any) -> Training:
    data = Labelled(X, Y, net.check_weights(Y, weights))
    settings = {"batch_size": 10, "shuffle": False, "validation": None, "metrics": (), "threads": 1}
    training = Training(net, data, optimizer=optimizer, epochs=epochs, **{**settings, **options})
    training.run([])
    return training


@on_both_engines
def test_epsilon_hat(backend: str) -> None:
    net = network()
    (W, _) = net.get_weights()[0]
    gradient = X.T @ (X @ W - Y) / 10
    run(net, fn.Adam(0.1, 0.8, 0.9, 0.5, epsilon_hat=True), 1, backend=backend)
    first, second = 0.2 * gradient, 0.1 * gradient**2
    expected = W - 0.1 * np.sqrt(1 - 0.9) / (1 - 0.8) * first / (np.sqrt(second) + 0.5)
    np.testing.assert_allclose(net.get_weights()[0][0], expected, **CLOSE)


def test_epsilon_hat_is_yes_or_no() -> None:
    with pytest.raises(fn.ConfigurationError, match="epsilon_hat must be True or False, not 1"):
        fn.Adam(epsilon_hat=1)  # type: ignore[arg-type]


@on_both_engines
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [10, 4])
def test_factors_and_penalties_by_rows(batch_size: int, weighted: bool, backend: str) -> None:
    net = network(l2=0.7, l1=0.3)
    (W, b) = net.get_weights()[0]
    weights = WEIGHTS / WEIGHTS.mean() if weighted else np.ones(10)
    total = 0.0
    for batch in (slice(start, start + batch_size) for start in range(0, 10, batch_size)):
        x, y, w = X[batch], Y[batch], weights[batch][:, np.newaxis]
        difference = x @ W + b - y
        # Both penalties over the sum of the batch's weights, which without any are its rows.
        penalty = (0.35 * (W**2).sum() + 0.3 * np.abs(W).sum()) / w.sum()
        total += len(x) * (0.5 * (w * difference**2).sum() / w.sum() / 2 + penalty)
        dz = 3 * 0.5 * 2 * w * difference / w.sum() / 2
        W, b = W - 0.1 * (x.T @ dz + (0.7 * W + 0.3 * np.sign(W)) / w.sum()), b - 0.1 * dz.sum(axis=0)
    options = {"loss_factor": 0.5, "gradient_factor": 3.0, "penalty_by_rows": True, "batch_size": batch_size}
    training = run(net, fn.SGD(0.1), 1, WEIGHTS if weighted else None, backend=backend, **options)
    np.testing.assert_allclose(net.get_weights()[0][0], W, **CLOSE)
    np.testing.assert_allclose(net.get_weights()[0][1], b, **CLOSE)
    assert training.history.loss[0] == pytest.approx(total / 10, rel=1e-13)


@pytest.mark.needs_compiler
def test_penalties_by_rows_in_sample_space() -> None:
    wide = np.random.default_rng(1).normal(size=(6, 40))
    nets = [
        fn.Network([fn.Dense(2, l2=0.7), fn.Dense(2)], input_shape=40, loss="mean_squared_error", dtype="float64")
        for _ in range(2)
    ]
    data = Labelled(wide, Y[:6], nets[0].check_weights(Y[:6]))
    options: dict[str, Any] = {"shuffle": False, "validation": None, "metrics": (), "threads": 1, "batch_size": 6}
    options |= {"loss_factor": 0.5, "gradient_factor": 2.0, "penalty_by_rows": True, "optimizer": fn.SGD(0.05)}
    losses = []
    for net, backend in zip(nets, ("jit", "reference"), strict=True):
        training = Training(net, data, epochs=25, backend=backend, **options)
        training.run([])
        losses.append(training.history.loss)
    # Twenty-five steps in another order of rounding.
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [fn.Nadam, fn.Adamax, fn.AMSGrad])
def test_epsilon_hat_is_adams_alone(kind: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match=f"epsilon_hat is for Adam and AdamW, not for {kind.__name__}"):
        kind(epsilon_hat=True)


@on_both_engines
def test_a_batch_of_no_weight_changes_nothing(backend: str) -> None:
    net = network(l2=0.7)
    (W, _) = net.get_weights()[0]
    weights = np.repeat([1.0, 0.0], 5)
    options: dict[str, Any] = {"penalty_by_rows": True, "batch_size": 5, "backend": backend}
    run(net, fn.SGD(0.1), 1, weights, **options)
    # The mean of the weights is made 1, so those of the five are 2 of each of two outputs.
    alone = network(l2=0.7)
    part = Labelled(X[:5], Y[:5], alone.check_weights(Y[:5], None))
    options |= {"optimizer": fn.SGD(0.1), "epochs": 1, "shuffle": False, "validation": None, "metrics": ()}
    Training(alone, part, threads=1, **options).run([])
    moved = net.get_weights()[0][0] - W
    # Twice the weight is half the penalty's share, which without the loss's gradient is all that differs.
    expected = alone.get_weights()[0][0] - W + 0.1 * 0.7 * W * (1 / 5 - 1 / 10)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-14)
