"""Penalties, bounds on norms, noise and dropout in a network, and the spread of its answers with them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.training import Training
from fastnet_kernels.reference.randomness import dropout_mask

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.float64]

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)


def data(samples: int = 20, outputs: int = 1) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(5)
    X = generator.normal(size=(samples, 3))
    return X, X @ generator.normal(size=(3, outputs)) * 3 + 1


def network(*layers: Any, **options: Any) -> fn.Network:
    given: dict[str, Any] = {"input_shape": 3, "loss": "mean_squared_error", "dtype": "float64", "seed": 4}
    return fn.Network(list(layers), **given | options)


@on_both_engines
class TestPenalties:
    @pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
    def test_they_are_in_the_loss_and_in_the_step(self, l1: float, l2: float, backend: str) -> None:
        X, Y = data(outputs=2)
        net = network(fn.Dense(2, l1=l1, l2=l2))
        W, b = np.array([[1.0, -2], [0, 3], [-0.5, 0]]), np.array([5.0, -6])
        net.set_weights([(W, b)])
        penalty, error = l1 * np.abs(W).sum() + l2 / 2 * (W**2).sum(), X @ W + b - Y
        loss = (error**2).mean() + penalty
        assert net.evaluate(X, Y, backend=backend)["loss"] == pytest.approx(loss, rel=1e-14)
        history = net.fit(X, Y, optimizer=fn.SGD(0.1), epochs=1, batch_size=None, backend=backend)
        assert history.loss == [pytest.approx(loss, rel=1e-14)]
        new_W, new_b = net.get_weights()[0]
        slope = X.T @ error * 2 / error.size + l1 * np.sign(W) + l2 * W
        np.testing.assert_allclose(new_W, W - 0.1 * slope, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(new_b, b - 0.1 * error.sum(axis=0) * 2 / error.size, rtol=1e-13)

    def test_a_frozen_layer_has_none(self, backend: str) -> None:
        X, Y = data()
        net = network(fn.Dense(2, l1=9.0, l2=9.0, max_norm=0.01, trainable=False), fn.Dense(1))
        frozen = net.get_weights()[0]
        plain = network(fn.Dense(2), fn.Dense(1))
        assert net.evaluate(X, Y, backend=backend) == plain.evaluate(X, Y, backend=backend)
        net.fit(X, Y, epochs=3, backend=backend)
        for array, before in zip(net.get_weights()[0], frozen, strict=True):
            np.testing.assert_array_equal(array, before)

    def test_l1_holds_what_is_not_needed_near_zero(self, backend: str) -> None:
        """In the minimum a weight is 0 where the loss alone would not move it by more than l1."""
        X, Y = data(200)
        Y = X[:, :1] * 2
        net = network(fn.Dense(1, l1=0.5))
        net.fit(X, Y, optimizer=fn.SGD(0.001), epochs=4000, batch_size=None, backend=backend)
        W = net.get_weights()[0][0][:, 0]
        assert W[0] > 1
        # It goes to and fro over 0 by steps of learning_rate * (l1 + the loss's slope, which is below l1 here).
        assert np.abs(W[1:]).max() <= 0.001 * 2 * 0.5


@on_both_engines
class TestMaxNorm:
    def test_each_step_is_shrunk_to_it_unit_by_unit(self, backend: str) -> None:
        X, Y = data(outputs=3)
        net = network(fn.Dense(3, max_norm=1.5))
        W, b = net.get_weights()[0]
        were_larger = 0
        for _ in range(5):
            error = X @ W + b - Y
            W = W - 0.3 * X.T @ error * 2 / error.size
            b = b - 0.3 * error.sum(axis=0) * 2 / error.size
            norms = np.linalg.norm(W, axis=0)
            were_larger += int((norms > 1.5).sum())
            W = W * np.minimum(1, 1.5 / norms)
        assert 0 < were_larger < 15
        net.fit(X, Y, optimizer=fn.SGD(0.3), epochs=5, batch_size=None, backend=backend)
        np.testing.assert_allclose(net.get_weights()[0][0], W, rtol=1e-12)
        np.testing.assert_allclose(net.get_weights()[0][1], b, rtol=1e-12)

    @pytest.mark.parametrize("average", [None, 0.9])
    def test_no_epoch_ends_with_a_larger_one(self, average: float | None, backend: str) -> None:
        """A mean of weights within the bound is within it too."""

        class Norms(fn.Callback):
            def on_epoch_end(self, training: Training) -> None:
                weights = training.model.get_weights()
                seen.extend(np.linalg.norm(weights[place][0], axis=0).max() for place in (0, 1))

        seen: list[float] = []
        X, Y = data()
        net = network(fn.Dense(6, activation="tanh", max_norm=0.5), fn.Dense(1, max_norm=0.25))
        net.fit(X, 9 * Y, optimizer=fn.SGD(0.1, average=average), epochs=5, callbacks=[Norms()], backend=backend)
        assert np.reshape(seen, (5, 2)).max(axis=0)[0] <= 0.5 * (1 + 1e-14)
        assert np.reshape(seen, (5, 2)).max(axis=0)[1] <= 0.25 * (1 + 1e-14)


RANDOM: dict[str, list[Any]] = {
    "input dropout": [fn.Dropout(0.3), fn.Dense(5, activation="tanh")],
    "input noise": [fn.GaussianNoise(0.2), fn.Dense(5, activation="relu")],
    "both, twice": [
        *(fn.GaussianNoise(0.1), fn.Dropout(0.2), fn.Dense(5, activation="gelu", l1=0.01)),
        *(fn.Dropout(0.5), fn.GaussianNoise(0.3), fn.Dense(4, max_norm=1.0)),
    ],
}
for_each_kind = pytest.mark.parametrize("layers", RANDOM.values(), ids=RANDOM)


@for_each_kind
class TestRandomLayers:
    def test_both_engines_and_any_team_to_rounding(self, layers: list[Any]) -> None:
        X, Y = data(33)

        def fitted(**options: Any) -> tuple[list[float], npt.NDArray[np.floating]]:
            net = network(*layers, fn.Dense(1))
            history = net.fit(X, Y, optimizer=fn.SGD(0.05), epochs=5, batch_size=8, **options)
            return history.loss, net.parameters

        losses, parameters = fitted(backend="reference")
        for threads in (1, 2, 3):
            found = fitted(threads=threads)
            np.testing.assert_allclose(found[0], losses, rtol=1e-8)
            np.testing.assert_allclose(found[1], parameters, rtol=1e-7, atol=1e-9)
            assert fitted(threads=threads)[0] == found[0]

    @on_both_engines
    def test_prediction_does_without(self, layers: list[Any], backend: str) -> None:
        X, Y = data()
        net = network(*layers, fn.Dense(1))
        calm = network(*(layer for layer in net.layers if isinstance(layer, fn.Dense)))
        calm.set_weights(net.get_weights())
        np.testing.assert_array_equal(net.predict(X, backend=backend), calm.predict(X, backend=backend))
        assert net.evaluate(X, Y, backend=backend) == calm.evaluate(X, Y, backend=backend)
        assert net.fit(X, Y, epochs=1, backend=backend).loss[0] != calm.fit(X, Y, epochs=1, backend=backend).loss[0]

    @on_both_engines
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_the_same_seed_gives_the_same_bits_whoever_shares_the_draws(
        self, layers: list[Any], dtype: str, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        net = network(*layers, fn.Dense(2), dtype=dtype)
        X = data(300)[0]
        expected = net.predict_spread(X, draws=11, seed=3, backend=backend)
        assert expected[0].dtype == expected[1].dtype == np.dtype(dtype)
        few = net.predict_spread(X[:5], draws=11, seed=3, backend=backend)
        others = net.predict_spread(X, draws=11, seed=4, backend=backend)
        for one, first, other in zip(expected, few, others, strict=True):
            # A product of other rows rounds differently: twice, once in each layer, over less than ten numbers.
            np.testing.assert_allclose(one[:5], first, rtol=0, atol=1e3 * float(np.finfo(dtype).eps))
            assert (one != other).any()
        for members in (1, 2, 3):
            monkeypatch.setattr("fastnet.forward.pool_for", lambda *_, members=members: members)
            for one, again in zip(expected, net.predict_spread(X, draws=11, seed=3, backend=backend), strict=True):
                np.testing.assert_array_equal(again, one)


@on_both_engines
class TestSpread:
    def test_it_is_that_of_the_draws(self, backend: str) -> None:
        X = data(7)[0]
        net = network(fn.Dropout(0.4), fn.Dense(2))
        W, b = net.get_weights()[0]
        draws, mask = [], np.empty_like(X)
        for draw in range(9):
            dropout_mask(mask, 0.4, 5, 0, draw, 0)
            draws.append((X * mask) @ W + b)
        mean, spread = net.predict_spread(X, draws=9, seed=5, backend=backend)
        np.testing.assert_allclose(mean, np.mean(draws, axis=0), rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(spread, np.std(draws, axis=0), rtol=1e-12)

    @pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
    def test_of_dropout_it_grows_with_the_rate(self, rate: float, backend: str) -> None:
        """``x`` is 0 or ``x / (1 - rate)``: a mean of x and a deviation of ``|x| sqrt(rate / (1 - rate))``."""
        X = data()[0]
        net = network(fn.Dropout(rate), fn.Dense(3))
        net.set_weights([(np.eye(3), np.zeros(3))])
        draws, expected = 2000, np.abs(X) * np.sqrt(rate / (1 - rate))
        mean, spread = net.predict_spread(X, draws=draws, backend=backend)
        # Six standard errors; that of a deviation follows from the fourth moment of a draw of two values.
        assert (np.abs(mean - net.predict(X, backend=backend)) <= 6 * expected / np.sqrt(draws)).all()
        kurtosis = 1 / (rate * (1 - rate)) - 3
        assert (np.abs(spread / expected - 1) <= 6 * np.sqrt((kurtosis - 1) / draws) / 2 + 6 / draws).all()

    @pytest.mark.parametrize("deviation", [0.01, 2.0])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_of_noise_it_is_the_deviation(self, deviation: float, dtype: str, backend: str) -> None:
        X = 1000 + data()[0]
        net = network(fn.GaussianNoise(deviation), fn.Dense(3), dtype=dtype)
        net.set_weights([(np.eye(3), np.zeros(3))])
        draws = 2000
        mean, spread = net.predict_spread(X, draws=draws, backend=backend)
        rounding = 1000 * np.finfo(dtype).eps
        assert (np.abs(mean - X) <= 6 * deviation / np.sqrt(draws) + rounding).all()
        assert (np.abs(spread / deviation - 1) <= 6 / np.sqrt(2 * draws) + (rounding / deviation) ** 2).all()

    def test_of_a_classifier_it_is_that_of_probabilities(self, backend: str) -> None:
        X = data()[0]
        net = network(fn.Dropout(0.5), fn.Dense(3, activation="softmax"), loss="categorical_crossentropy")
        mean, spread = net.predict_spread(X, draws=30, backend=backend)
        np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-13)
        assert ((spread > 0) & (spread <= 0.5)).all()

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"draws": 1}, "draws must be a whole number of at least 2, not 1"),
            ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
            ({"seed": 2**63}, r"seed must be below 2\*\*63"),
        ],
    )
    def test_options(self, options: dict[str, int], sentence: str, backend: str) -> None:
        with pytest.raises(fn.ConfigurationError, match=sentence):
            network(fn.Dropout(0.1), fn.Dense(1)).predict_spread(data()[0], backend=backend, **options)

    def test_where_nothing_is_random_there_is_none(self, backend: str) -> None:
        for layers in ([fn.Dense(1)], [fn.Dropout(0), fn.GaussianNoise(0), fn.Dense(1)]):
            with pytest.raises(fn.ConfigurationError, match="needs a network with dropout or noise"):
                network(*layers).predict_spread(data()[0], backend=backend)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: fn.Dense(1, l1=-1), "l1 must be a number at least 0, not -1"),
        (lambda: fn.Dense(1, max_norm=0), "max_norm must be a number above 0, not 0"),
        (lambda: fn.Dense(1, trainable="no"), "trainable must be True or False"),  # type: ignore[arg-type]
        (lambda: fn.GaussianNoise(-0.1), "deviation of GaussianNoise must be a number at least 0, not -0.1"),
        (lambda: fn.Dropout(1), "dropout rate must be a number at least 0 and below 1, not 1"),
    ],
)
def test_constants(make: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        make()
