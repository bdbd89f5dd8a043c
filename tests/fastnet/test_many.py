"""Many trainings at once give the bits of each alone."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)


def network(seed: int, rate: float = 0.2, loss: str = "binary_crossentropy") -> fn.Network:
    """A small network whose training depends on its seed and rate."""
    layers: list[Any] = [fn.Dense(4, activation="tanh"), fn.Dropout(rate), fn.Dense(1, activation="sigmoid")]
    return fn.Network(layers, input_shape=3, loss=loss, seed=seed)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_each_gets_the_bits_it_would_get_alone(workers: int | None) -> None:
    together = [network(seed, rate) for seed in range(3) for rate in (0.0, 0.3)]
    optimizers = [fn.Adam(0.01 * (1 + index)) for index in range(len(together))]
    histories = fn.fit_many(together, X, Y, optimizer=optimizers, epochs=3, batch_size=7, workers=workers)
    for trained, optimizer, history in zip(together, optimizers, histories, strict=True):
        alone = network(trained.seed, float(trained.program[1]["rate"]))
        expected = alone.fit(X, Y, optimizer=optimizer, epochs=3, batch_size=7, threads=1)
        assert history.loss == expected.loss
        np.testing.assert_array_equal(trained.parameters, alone.parameters)


def test_one_optimizer_serves_all() -> None:
    networks = [network(0), network(0)]
    fn.fit_many(networks, X, Y, optimizer=fn.SGD(0.1), epochs=2)
    np.testing.assert_array_equal(networks[0].parameters, networks[1].parameters)


def test_one_that_diverges_does_not_stop_the_others() -> None:
    good, bad = network(0), fn.Network([fn.Dense(1)], input_shape=3, loss="mean_squared_error")
    with pytest.raises(fn.DivergenceError, match="network 0 of the 2: training diverged"):
        fn.fit_many([bad, good], X, Y, optimizer=[fn.SGD(1e30), fn.SGD(0.1)], epochs=4, batch_size=None)
    alone = network(0)
    alone.fit(X, Y, optimizer=fn.SGD(0.1), epochs=4, batch_size=None, threads=1)
    np.testing.assert_array_equal(good.parameters, alone.parameters)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": [fn.SGD()]}, "optimizer for each of the 2 networks, not 1"),
        ({"optimizer": "sgd"}, r"a fastnet optimizer such as Adam\(\), not 'sgd'"),
        ({"batch_size": "full"}, "or None for all samples, not 'full'"),
        ({"threads": 2}, "does not take threads; say how many train at once by workers"),
        ({"callbacks": []}, "does not take callbacks"),
        ({"workers": 0}, "workers must be a whole number of at least 1"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=words):
        fn.fit_many([network(0), network(1)], X, Y, epochs=1, **options)


def test_one_network_given_twice() -> None:
    twice = network(0)
    with pytest.raises(fn.ConfigurationError, match="given twice"):
        fn.fit_many([twice, twice], X, Y, epochs=1)


@pytest.mark.parametrize(
    ("networks", "found"),
    [
        (network(0), "not Network$"),
        (iter([network(0)]), "not list_iterator$"),
        ([network(0), 3], "but its number 1 is 3$"),
        (5, "not int$"),
    ],
)
def test_what_is_no_list_of_networks(networks: Any, found: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=f"needs a list of networks, .*{found}"):
        fn.fit_many(networks, X, Y, epochs=1)


def test_an_interrupt_stops_what_runs_and_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it these trainings would take hours."""
    networks = [network(seed) for seed in range(4)]
    before = [each.parameters.copy() for each in networks]

    def interrupted(futures: Any) -> None:
        while not any(future.running() for future in futures):
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr("fastnet.many.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fn.fit_many(networks, X, Y, epochs=10**9, batch_size=7, workers=1)
    np.testing.assert_array_equal(networks[-1].parameters, before[-1])
