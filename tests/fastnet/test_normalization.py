"""Normalisation layers in a network: what they go by in training and in prediction, and that this is kept."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.training import Training
from fastnet_kernels.reference.randomness import shuffle

pytestmark = pytest.mark.usefixtures("teams_for_small_work")

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.float64]

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)


def data(samples: int = 23, features: int = 3) -> tuple[Floats, npt.NDArray[np.int64]]:
    generator = np.random.default_rng(7)
    X = generator.normal(size=(samples, features)) * 3 + 5
    y = (X[:, 0] > 5).astype(np.int64)
    y[:2] = 0, 1
    return X, y


def network(*layers: Any, features: int = 3, **options: Any) -> fn.Network:
    given: dict[str, Any] = {"loss": "binary_crossentropy", "dtype": "float64", "seed": 2}
    return fn.Network([*layers, fn.Dense(1, activation="sigmoid")], input_shape=features, **given | options)


STACKS: dict[str, list[Any]] = {
    "first": [fn.BatchNorm(), fn.Dense(4, activation="relu")],
    "before the activation": [fn.Dense(4), fn.BatchNorm(), fn.Activation("gelu")],
    "after it": [fn.Dense(4, activation="tanh"), fn.BatchNorm(momentum=0.5)],
    "in a row": [fn.BatchNorm(), fn.BatchNorm(), fn.Activation("tanh"), fn.BatchNorm(), fn.LayerNorm()],
    "everywhere": [
        *(fn.BatchNorm(), fn.Dropout(0.2), fn.Dense(6), fn.BatchNorm(), fn.Activation("silu")),
        *(fn.GaussianNoise(0.1), fn.Dense(5, l2=0.1, max_norm=1.0), fn.LayerNorm(), fn.Activation("elu")),
    ],
    "behind frozen ones": [
        *(fn.BatchNorm(trainable=False), fn.Dense(4, trainable=False), fn.BatchNorm(), fn.Activation("tanh")),
        *(fn.LayerNorm(trainable=False), fn.Dense(3), fn.BatchNorm(trainable=False)),
    ],
}
for_each_stack = pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)


def fitted(layers: list[Any], X: Any, y: Any, **options: Any) -> tuple[fn.Network, list[float]]:
    net = network(*layers, features=X.shape[1])
    history = net.fit(X, y, **{"optimizer": fn.SGD(0.05, momentum=0.5), "epochs": 4, **options})
    return net, history.loss


@for_each_stack
class TestOneTraining:
    @pytest.mark.parametrize("batch_size", [None, 11, 7, 6], ids=["full", "one left", "two left", "five left"])
    def test_both_engines_and_any_team_to_rounding(self, layers: list[Any], batch_size: int | None) -> None:
        X, y = data()
        expected, losses = fitted(layers, X, y, batch_size=batch_size, backend="reference")
        for threads in (1, 2, 3):
            net, found = fitted(layers, X, y, batch_size=batch_size, threads=threads)
            np.testing.assert_allclose(found, losses, rtol=1e-10)
            np.testing.assert_allclose(net.parameters, expected.parameters, rtol=1e-9, atol=1e-11)
            again, _ = fitted(layers, X, y, batch_size=batch_size, threads=threads)
            np.testing.assert_array_equal(again.parameters, net.parameters)

    def test_pixels_are_the_numbers_they_stand_for(self, layers: list[Any]) -> None:
        y = data(40)[1]
        pixels = fn.Pixels(np.random.default_rng(1).integers(0, 256, (40, 3)).astype(np.uint8))
        expected, losses = fitted(layers, np.asarray(pixels), y, batch_size=13, backend="reference")
        ways: list[dict[str, Any]] = [{"backend": "reference"}, {"threads": 1}, {"threads": 3}]
        for options in ways:
            net, found = fitted(layers, pixels, y, batch_size=13, **options)
            np.testing.assert_allclose(found, losses, rtol=1e-10)
            np.testing.assert_allclose(net.parameters, expected.parameters, rtol=1e-9, atol=1e-11)

    def test_a_batch_of_more_rows_than_a_block(self, layers: list[Any]) -> None:
        X, y = data(700)
        expected, losses = fitted(layers, X, y, batch_size=600, epochs=2, backend="reference")
        for threads in (1, 2, 3):
            net, found = fitted(layers, X, y, batch_size=600, epochs=2, threads=threads)
            np.testing.assert_allclose(found, losses, rtol=1e-10)
            np.testing.assert_allclose(net.parameters, expected.parameters, rtol=1e-9, atol=1e-11)

    def test_with_fewer_samples_than_features(self, layers: list[Any]) -> None:
        X, y = data(20, 60)
        expected, losses = fitted(layers, X, y, batch_size=None, epochs=12, backend="reference")
        net, found = fitted(layers, X, y, batch_size=None, epochs=12, threads=2)
        np.testing.assert_allclose(found, losses, rtol=1e-9)
        np.testing.assert_allclose(net.parameters, expected.parameters, rtol=1e-8, atol=1e-10)

    @on_both_engines
    def test_a_file_keeps_all_of_it(self, layers: list[Any], backend: str, tmp_path: Path) -> None:
        X, y = data()
        net, _ = fitted(layers, X, y, batch_size=5, backend=backend)
        net.save(tmp_path / "model.h5")
        again = fn.load(tmp_path / "model.h5")
        assert again.layers == net.layers
        np.testing.assert_array_equal(again.parameters, net.parameters)
        np.testing.assert_array_equal(again.predict_proba(X, backend=backend), net.predict_proba(X, backend=backend))


@on_both_engines
class TestBatchNorm:
    def test_training_goes_by_the_batch_and_prediction_by_the_averages(self, backend: str) -> None:
        X, y = data()
        net = network(fn.BatchNorm(momentum=0.8, epsilon=1e-3))
        (gamma, beta, _, _), (W, b) = net.get_weights()
        mean, variance = np.array([1.0, 2, 3]), np.array([4.0, 0.25, 9])
        gamma[:], beta[:] = [1, 2, -0.5], [0.1, 0, -1]
        net.set_weights([(gamma, beta, mean, variance), (W, b)])

        def loss(mean: Floats, variance: Floats) -> tuple[Floats, float]:
            p = 1 / (1 + np.exp(-(((X - mean) / np.sqrt(variance + 1e-3) * gamma + beta) @ W + b)))
            return p, float(-np.where(y[:, None] == 1, np.log(p), np.log(1 - p)).mean())

        p, expected = loss(mean, variance)
        np.testing.assert_allclose(net.predict_proba(X, backend=backend), p, rtol=1e-12)
        assert net.evaluate(X, y, backend=backend)["loss"] == pytest.approx(expected, rel=1e-12)
        history = net.fit(X, y, epochs=1, batch_size=None, backend=backend)
        assert history.loss == [pytest.approx(loss(X.mean(axis=0), X.var(axis=0))[1], rel=1e-12)]
        _, _, new_mean, new_variance = net.get_weights()[0]
        np.testing.assert_allclose(new_mean, 0.8 * mean + 0.2 * X.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(new_variance, 0.8 * variance + 0.2 * X.var(axis=0, ddof=1), rtol=1e-13)

    @pytest.mark.parametrize("shuffled", [True, False])
    @pytest.mark.parametrize("threads", [1, 3])
    def test_the_averages_over_batches_but_not_a_row_alone(self, shuffled: bool, threads: int, backend: str) -> None:
        X, y = data(23)
        net = network(fn.BatchNorm())
        net.fit(X, y, epochs=3, batch_size=11, shuffle=shuffled, threads=threads, backend=backend)
        mean, variance, order = np.zeros(3), np.ones(3), np.arange(23)
        for epoch in range(3):
            if shuffled:
                shuffle(order, 2, epoch)
            for start in (0, 11, 22):
                batch = X[order[start : start + 11]]
                if len(batch) > 1:
                    mean = 0.9 * mean + 0.1 * batch.mean(axis=0)
                    variance = 0.9 * variance + 0.1 * batch.var(axis=0, ddof=1)
        np.testing.assert_allclose(net.get_weights()[0][2], mean, rtol=1e-13)
        np.testing.assert_allclose(net.get_weights()[0][3], variance, rtol=1e-12)

    def test_a_mean_far_from_zero_costs_no_digits(self, backend: str) -> None:
        X, y = data(64)
        far = (X + 2.0**12).astype(np.float32)
        net = network(fn.BatchNorm(momentum=0.0), dtype="float32")
        net.fit(far, y, epochs=1, batch_size=None, threads=3, backend=backend)
        expected = far.astype(np.float64).var(axis=0, ddof=1)
        # In a sum of 22 numbers of 2**12 each step errs by 2**-8 at the worst, and so does the mean. Two parts' means
        # are within 2 of each other, and a third of the square of their difference errs by 2 * 2 * 2**-7 / 3. (The mean
        # of the squares less the square of the mean would err by more than 1.)
        np.testing.assert_allclose(net.get_weights()[0][3], expected, rtol=64 * 2.0**-24, atol=2.0**-6)

    def test_a_frozen_one_is_left_as_it_is_and_gone_by(self, backend: str) -> None:
        X, y = data()
        net = network(fn.Dense(4), fn.BatchNorm(trainable=False), fn.Activation("tanh"))
        weights = net.get_weights()
        own = tuple(np.arange(1.0, 5) / place for place in (1, 2, 3, 4))
        net.set_weights([weights[0], own, weights[2]])
        before = net.evaluate(X, y, backend=backend)["loss"]
        history = net.fit(X, y, epochs=3, batch_size=None, backend=backend)
        assert history.loss[0] == pytest.approx(before, rel=1e-13)
        for array, expected in zip(net.get_weights()[1], own, strict=True):
            np.testing.assert_array_equal(array, expected)
        assert not np.array_equal(net.get_weights()[0][0], weights[0][0])

    def test_early_stopping_takes_the_averages_of_the_best_epoch_too(self, backend: str) -> None:
        class Keeper(fn.Callback):
            def on_epoch_end(self, training: Training) -> None:
                seen.append(training.model.get_weights())

        seen: list[Any] = []
        X, y = data(40)
        net = network(fn.BatchNorm(), fn.Dense(8, activation="relu"), fn.BatchNorm())
        history = net.fit(
            X[:20],
            1 - y[:20],
            optimizer=fn.Adam(0.05),
            epochs=60,
            batch_size=6,
            validation_data=(X[20:], y[20:]),
            callbacks=[Keeper(), fn.EarlyStopping(4)],
            backend=backend,
        )
        best = int(np.argmin(history.val_loss))
        assert best == len(history.loss) - 5
        for layer, expected in zip(net.get_weights(), seen[best], strict=True):
            for array, kept in zip(layer, expected, strict=True):
                np.testing.assert_array_equal(array, kept)
        assert net.evaluate(X[20:], y[20:], backend=backend)["loss"] == history.val_loss[best]


@on_both_engines
class TestLayerNorm:
    def test_each_row_by_itself_in_training_too(self, backend: str) -> None:
        X, y = data()
        net = network(fn.LayerNorm(epsilon=1e-3))
        gamma, beta, (W, b) = np.array([1.0, 2, 3]), np.array([0.5, 0, -0.5]), net.get_weights()[1]
        net.set_weights([(gamma, beta), (W, b)])
        xhat = (X - X.mean(axis=1, keepdims=True)) / np.sqrt(X.var(axis=1, keepdims=True) + 1e-3)
        p = 1 / (1 + np.exp(-((xhat * gamma + beta) @ W + b)))
        np.testing.assert_allclose(net.predict_proba(X, backend=backend), p, rtol=1e-12)
        before = net.evaluate(X, y, backend=backend)["loss"]
        assert net.fit(X, y, epochs=1, batch_size=None, backend=backend).loss == [pytest.approx(before, rel=1e-13)]

    def test_of_one_unit_only_beta_is_left(self, backend: str) -> None:
        net = fn.Network([fn.LayerNorm(), fn.Dense(1)], input_shape=1, loss="mean_squared_error")
        net.set_weights([([5.0], [3.0]), ([[2.0]], [0.5])])
        np.testing.assert_array_equal(net.predict([[-9.0], [1e6]], backend=backend), [6.5, 6.5])


class TestWeights:
    def test_two_and_four_arrays_go_in_as_they_come_out(self) -> None:
        net = network(fn.BatchNorm(), fn.Dense(4), fn.LayerNorm(), fn.Activation("relu"), fn.Dropout(0.1))
        shapes = [[array.shape for array in layer] for layer in net.get_weights()]
        assert shapes == [[(3,)] * 4, [(3, 4), (4,)], [(4,), (4,)], [(4, 1), (1,)]]
        assert net.n_parameters == 6 + 16 + 8 + 5
        assert net.parameters.size == net.n_parameters + 6
        start = [array.tolist() for array in net.get_weights()[0]]
        assert start == [[1, 1, 1], [0, 0, 0], [0, 0, 0], [1, 1, 1]]
        new = [tuple(array + 1 + place for place, array in enumerate(layer)) for layer in net.get_weights()]
        net.set_weights(new)
        for layer, expected in zip(net.get_weights(), new, strict=True):
            for array, value in zip(layer, expected, strict=True):
                np.testing.assert_array_equal(array, value)
                array[...] = 0
        assert net.parameters.all()

    @pytest.mark.parametrize(
        ("norm", "sentence"),
        [
            (([1] * 3, [0] * 3), r"\(gamma, beta, mean, variance\) for .* 0, not 2 arrays"),
            (([1] * 3, [0] * 3, [0] * 2, [1] * 3), r"mean of .* 0 must have shape \(3,\), not \(2,\)"),
            (([1] * 3, [0] * 3, [0] * 3, [1, np.nan, 1]), "variance of .* must be finite"),
            (([1] * 3, [0] * 3, [0] * 3, [1, -1, 1]), "variance"),
        ],
    )
    def test_what_does_not_fit_is_refused_and_nothing_is_set(self, norm: Any, sentence: str) -> None:
        net = network(fn.BatchNorm())
        before = net.parameters.copy()
        with pytest.raises(fn.DataError, match=sentence):
            net.set_weights([norm, ([[1]] * 3, [0])])
        np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: fn.BatchNorm(momentum=1), "momentum of BatchNorm must be a number at least 0 and below 1, not 1"),
        (lambda: fn.BatchNorm(epsilon=0), "epsilon of BatchNorm must be a number above 0, not 0"),
        (lambda: fn.LayerNorm(epsilon=-1), "epsilon of LayerNorm must be a number above 0, not -1"),
        (lambda: fn.LayerNorm(trainable=1), "trainable must be True or False, not 1"),  # type: ignore[arg-type]
        (lambda: network(fn.Activation("relu")), "an Activation must follow a Dense, BatchNorm or LayerNorm layer"),
        (lambda: network(fn.Dense(2, activation="relu"), fn.Activation("relu")), "that has no activation yet"),
        (lambda: network(fn.Dense(2), fn.Dropout(0.1), fn.Activation("relu")), "an Activation must follow"),
        (lambda: fn.Activation("reluu"), r"did you mean 'relu'\?"),
        (lambda: fn.Network([fn.BatchNorm()], input_shape=3, loss="mean_squared_error"), "must end with a Dense one"),
    ],
)
def test_layers_that_make_no_sense(make: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        make()


@on_both_engines
def test_an_activation_of_its_own_is_that_of_the_layer_before_it(backend: str) -> None:
    X, y = data()
    one, two = network(fn.Dense(4, activation="gelu")), network(fn.Dense(4), fn.Activation("gelu"))
    np.testing.assert_array_equal(one.parameters, two.parameters)
    for net in (one, two):
        net.fit(X, y, epochs=3, batch_size=5, backend=backend)
    np.testing.assert_array_equal(one.parameters, two.parameters)
