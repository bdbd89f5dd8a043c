"""The range test: what it tries, when it stops, and that it leaves the network alone."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 4))
Y = X @ np.array([1.0, -2.0, 0.5, 3.0])


def network() -> fn.Network:
    return fn.Network([fn.Dense(8, activation="tanh"), fn.Dense(1)], input_shape=4, loss="mean_squared_error")


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize("optimizer", [fn.SGD(momentum=0.5), fn.Adam()])
def test_the_suggestion_trains_and_the_network_stays_as_it_was(optimizer: Any, backend: str) -> None:
    net = network()
    before = net.parameters.copy()
    found = fn.find_learning_rate(net, X, Y, optimizer=optimizer, backend=backend)
    np.testing.assert_array_equal(net.parameters, before)
    assert found.rates[0] == pytest.approx(1e-7)
    assert (np.diff(found.rates) > 0).all()
    assert len(found.rates) == len(found.losses) >= 10
    assert found.suggestion <= found.highest
    history = net.fit(X, Y, optimizer=type(optimizer)(found.suggestion), epochs=30, backend=backend)
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_it_stops_where_the_loss_blows_up() -> None:
    found = fn.find_learning_rate(network(), X, Y, optimizer=fn.SGD(), highest=1e6, steps=200)
    assert len(found.rates) < 200
    assert np.isfinite(found.losses).all()


def test_both_engines_find_the_same() -> None:
    # Rates at which nothing diverges, where the engines' roundings would part.
    jit, reference = (
        fn.find_learning_rate(network(), X, Y, highest=0.01, steps=20, backend=backend)
        for backend in ("jit", "reference")
    )
    np.testing.assert_allclose(jit.losses, reference.losses, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lowest": 0}, "lowest must be a number above 0, not 0"),
        ({"lowest": 1, "highest": 0.5}, "highest must be a number above 1, not 0.5"),
        ({"steps": 5}, "steps must be a whole number of at least 10, not 5"),
        ({"optimizer": fn.LBFGS()}, "a learning rate can be found for an optimizer that has one, not for LBFGS"),
        ({"optimizer": fn.Rprop()}, "a learning rate can be found for an optimizer that has one, not for Rprop"),
        ({"optimizer": fn.AdamW(weight_decay=0.2)}, "highest must be below 1 / weight_decay, which is 5, but it is 10"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        fn.find_learning_rate(network(), X, Y, **options)


def test_samples_that_diverge_at_once_are_told() -> None:
    net = network()
    with pytest.raises(fn.DivergenceError, match="training diverged"):
        fn.find_learning_rate(net, X * 1e30, Y * 1e30)
