"""L-BFGS: it reaches the optimum, an iteration is an epoch to everybody who watches, and it leaves good weights."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

import fastnet as fn
from fastnet.training import Training

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.float64]

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)
EXACT = fn.LBFGS(tolerance=1e-10)


def data(samples: int = 60) -> tuple[Floats, npt.NDArray[np.int64]]:
    X = np.random.default_rng(9).normal(size=(samples, 4))
    y = (X @ [1.0, -2, 0.5, 0] + np.random.default_rng(1).normal(size=samples) > 0.3).astype(np.int64)
    return X, y


def logistic(l2: float = 0.05, **options: Any) -> fn.Network:
    layers = [fn.Dense(1, activation="sigmoid", l2=l2)]
    return fn.Network(layers, **{"input_shape": 4, "loss": "binary_crossentropy", "dtype": "float64", **options})


def deep(*, trainable: bool = True, **options: Any) -> fn.Network:
    layers: list[Any] = [
        fn.Dense(6, activation="tanh", trainable=trainable),
        fn.LayerNorm(),
        fn.Dense(1, activation="sigmoid", l2=0.01),
    ]
    return fn.Network(layers, **{"input_shape": 4, "loss": "binary_crossentropy", "dtype": "float64", **options})


def fitted(net: fn.Network, **options: Any) -> fn.History:
    X, y = data()
    return net.fit(X, y, **{"optimizer": EXACT, "epochs": 200, "batch_size": None, **options})


class Watcher(fn.Callback):
    """Keeps the weights of each epoch's end, and what it is told of those before; after some it acts."""

    def __init__(self, *, after: int = 0, raises: type[BaseException] | None = None) -> None:
        self.after, self.raises = after, raises
        self.parameters: list[npt.NDArray[np.floating]] = []
        self.before: list[npt.NDArray[np.floating]] = []

    def on_epoch_end(self, training: Training) -> None:
        self.parameters.append(training.model.parameters.copy())
        self.before.append(training.parameters_before.copy())
        if len(self.parameters) == self.after:
            if self.raises is not None:
                raise self.raises
            training.stop("enough")


@on_both_engines
class TestOptimum:
    """Both libraries end at the latest where an iteration lowers the loss by less than 64 roundings. So far from the
    least a loss of below 1 is ``sqrt(2 * 64 * 2**-52 / l2)`` from the optimum, 1e-6 at these penalties."""

    @pytest.mark.parametrize("weighted", [False, True])
    def test_logistic_regression(self, weighted: bool, backend: str) -> None:
        X, y = data()
        weights = 0.5 + np.arange(len(y)) % 3 if weighted else np.ones(len(y))
        net = logistic()
        history = fitted(net, sample_weight=weights if weighted else None, backend=backend)
        # Its penalty is sum(W**2) / 2 beside C times the sum of the losses, where ours is beside their mean.
        truth = LogisticRegression(C=1 / (0.05 * weights.sum()), tol=1e-12, max_iter=10000)
        truth.fit(X, y, sample_weight=weights)
        W, b = net.get_weights()[0]
        np.testing.assert_allclose(W[:, 0], truth.coef_[0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(b, truth.intercept_, rtol=0, atol=1e-6)
        assert history.stopped is not None
        assert history.stopped.startswith("L-BFGS ended: convergence")

    def test_several_classes(self, backend: str) -> None:
        X, _ = data()
        y = np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.5, 0.5])
        layers = [fn.Dense(3, activation="softmax", l2=0.1)]
        net = fn.Network(layers, input_shape=4, loss="categorical_crossentropy", dtype="float64")
        net.fit(X, y, optimizer=EXACT, epochs=500, batch_size=None, class_weight="balanced", backend=backend)
        # Balanced weights sum to the number of samples.
        truth = LogisticRegression(C=1 / (0.1 * len(y)), tol=1e-12, max_iter=10000, class_weight="balanced").fit(X, y)
        np.testing.assert_allclose(net.predict_proba(X, backend=backend), truth.predict_proba(X), rtol=0, atol=1e-6)

    def test_ridge_and_poisson_regression(self, backend: str) -> None:
        X, _ = data()
        t = np.exp(X[:, 0] / 2) + 1
        line = fn.Network([fn.Dense(1, l2=0.2)], input_shape=4, loss="mean_squared_error", dtype="float64")
        line.fit(X, t, optimizer=EXACT, epochs=500, batch_size=None, backend=backend)
        ridge = Ridge(alpha=0.1 * len(t)).fit(X, t)
        np.testing.assert_allclose(line.predict(X, backend=backend), ridge.predict(X), rtol=0, atol=1e-6)
        rates = fn.Network(
            [fn.Dense(1, activation="exponential", l2=0.2)], input_shape=4, loss="poisson", dtype="float64"
        )
        rates.fit(X, t, optimizer=EXACT, epochs=500, batch_size=None, backend=backend)
        poisson = PoissonRegressor(alpha=0.2, tol=1e-11, max_iter=10000).fit(X, t)
        np.testing.assert_allclose(rates.predict(X, backend=backend), poisson.predict(X), rtol=1e-6)

    def test_float32_comes_as_near_as_it_can(self, backend: str) -> None:
        exact, rough = logistic(), logistic(dtype="float32")
        fitted(exact, backend=backend)
        fitted(rough, optimizer=fn.LBFGS(), backend=backend)
        # A loss of 2**-24 above the least is a distance of sqrt(2 * 2**-24 / l2) at the curvature of the penalty.
        distance = np.linalg.norm(rough.get_weights()[0][0] - exact.get_weights()[0][0])
        assert distance < math.sqrt(2 * 2.0**-24 / 0.05)


@on_both_engines
class TestHistory:
    def test_each_loss_is_that_of_the_weights_its_iteration_began_with(self, backend: str) -> None:
        X, y = data()
        net, watcher = deep(), Watcher()
        start = net.parameters.copy()
        history = fitted(net, epochs=6, callbacks=[watcher], validation_data=(X[:9], y[:9]), backend=backend)
        assert len(history.loss) == len(history.accuracy) == len(history.seconds) == len(watcher.parameters) == 6
        assert (history.stopped, all(np.diff(history.loss) < 0)) == (None, True)
        for epoch, parameters in enumerate([start, *watcher.parameters[:-1]]):
            other = deep()
            other.parameters[...] = parameters
            scores = other.evaluate(X, y, backend=backend)
            assert history.loss[epoch] == pytest.approx(scores["loss"], rel=1e-13)
            assert history.accuracy[epoch] == scores["accuracy"]
        for epoch, parameters in enumerate(watcher.parameters):
            other = deep()
            other.parameters[...] = parameters
            assert history.val_loss[epoch] == other.evaluate(X[:9], y[:9], backend=backend)["loss"]
        np.testing.assert_array_equal(net.parameters, watcher.parameters[-1])

    def test_a_callback_is_told_the_weights_before(self, backend: str) -> None:
        net, watcher = deep(), Watcher()
        start = net.parameters.copy()
        fitted(net, epochs=4, callbacks=[watcher], backend=backend)
        for before, expected in zip(watcher.before, [start, *watcher.parameters], strict=False):
            np.testing.assert_array_equal(before, expected)

    def test_at_the_optimum_there_still_is_a_loss_to_tell(self, backend: str) -> None:
        net = logistic()
        fitted(net, optimizer=fn.LBFGS(tolerance=1e-9), backend=backend)
        before = net.parameters.copy()
        history = fitted(net, optimizer=fn.LBFGS(tolerance=1e-2), backend=backend)
        assert history.stopped is not None
        assert history.stopped.startswith("L-BFGS ended: convergence")
        np.testing.assert_array_equal(net.parameters, before)
        X, y = data()
        assert history.loss == [pytest.approx(net.evaluate(X, y, backend=backend)["loss"], rel=1e-13)]

    def test_the_last_evaluation_is_an_end_too(self, backend: str) -> None:
        history = fitted(deep(), optimizer=fn.LBFGS(max_evaluations=5), backend=backend)
        assert history.stopped is not None
        assert "exceeds limit" in history.stopped
        assert 1 <= len(history.loss) <= 6


@on_both_engines
class TestEnding:
    def test_early_stopping_takes_the_best_weights(self, backend: str) -> None:
        X, y = data()
        net, watcher = deep(), Watcher()
        held_out = (X[30:], y[30:])
        options: dict[str, Any] = {"validation_data": held_out, "callbacks": [watcher, fn.EarlyStopping(5)]}
        history = net.fit(X[:30], y[:30], optimizer=EXACT, epochs=200, batch_size=None, backend=backend, **options)
        best = int(np.argmin(history.val_loss))
        assert history.stopped == f"val_loss was best at epoch {best + 1} and not since"
        assert len(history.loss) == best + 6
        np.testing.assert_array_equal(net.parameters, watcher.parameters[best])

    def test_early_stopping_by_the_training_takes_what_was_measured(self, backend: str) -> None:
        X, y = data()
        net = deep()
        history = fitted(net, callbacks=[fn.EarlyStopping(3, monitor="accuracy")], backend=backend)
        best = int(np.argmax(history.accuracy))
        assert len(history.loss) == best + 4
        scores = net.evaluate(X, y, backend=backend)
        assert scores["loss"] == pytest.approx(history.loss[best], rel=1e-13)

    def test_a_callback_stops_it(self, backend: str) -> None:
        net, watcher = deep(), Watcher(after=3)
        history = fitted(net, callbacks=[watcher], backend=backend)
        assert (len(history.loss), history.stopped) == (3, "enough")
        np.testing.assert_array_equal(net.parameters, watcher.parameters[-1])

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
    def test_an_interruption_leaves_the_last_iterations_weights(self, error: type[BaseException], backend: str) -> None:
        net, watcher = deep(), Watcher(after=3, raises=error)
        with pytest.raises(error):
            fitted(net, callbacks=[watcher], backend=backend)
        np.testing.assert_array_equal(net.parameters, watcher.parameters[2])


@pytest.mark.usefixtures("teams_for_small_work")
def test_both_engines_and_any_team_to_rounding() -> None:
    expected = deep()
    losses = fitted(expected, epochs=8, backend="reference").loss
    for threads in (1, 2, 3):
        net = deep()
        history = fitted(net, epochs=8, threads=threads)
        np.testing.assert_allclose(history.loss, losses, rtol=1e-8)
        np.testing.assert_allclose(net.parameters, expected.parameters, rtol=1e-6, atol=1e-8)
        again = deep()
        fitted(again, epochs=8, threads=threads)
        np.testing.assert_array_equal(again.parameters, net.parameters)


@on_both_engines
def test_what_is_frozen_stays(backend: str) -> None:
    net = deep(trainable=False)
    frozen = net.get_weights()[0]
    history = fitted(net, epochs=5, backend=backend)
    assert history.loss[-1] < history.loss[0]
    for array, before in zip(net.get_weights()[0], frozen, strict=True):
        np.testing.assert_array_equal(array, before)


@on_both_engines
class TestRefusals:
    @pytest.mark.parametrize("batch_size", [32, 59, 1])
    def test_it_needs_all_samples_in_each_batch(self, batch_size: int, backend: str) -> None:
        sentence = f"LBFGS needs all 60 samples in each batch, but batch_size is {batch_size}; give batch_size=None"
        with pytest.raises(fn.ConfigurationError, match=sentence):
            fitted(logistic(), batch_size=batch_size, backend=backend)
        assert fitted(logistic(), batch_size=60, epochs=1, backend=backend).loss

    @pytest.mark.parametrize(
        "layer",
        [fn.BatchNorm(), fn.Dense(3, max_norm=0.1), fn.Dense(3, trainable=False)],
        ids=["BatchNorm", "max_norm", "nothing to train"],
    )
    def test_networks_that_it_cannot_train(self, layer: Any, backend: str) -> None:
        last = fn.Dense(1, activation="sigmoid", trainable=not isinstance(layer, fn.Dense) or layer.trainable)
        net = fn.Network([layer, last], input_shape=4, loss="binary_crossentropy", dtype="float64")
        with pytest.raises(fn.ConfigurationError, match=r"LBFGS|train"):
            fitted(net, backend=backend)

    def test_a_loss_that_is_not_finite(self, backend: str) -> None:
        net = fn.Network([fn.Dense(1)], input_shape=1, loss="mean_squared_error")
        before = net.parameters.copy()
        with pytest.raises(fn.DivergenceError, match="the loss at the first weights is not a finite number"):
            net.fit([[1e30], [2e30]], [0, 1], optimizer=fn.LBFGS(), epochs=3, batch_size=None, backend=backend)
        np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"memory": 0}, "memory must be a whole number of at least 1, not 0"),
        ({"tolerance": -1}, "tolerance must be a number at least 0, not -1"),
        ({"max_evaluations": 0}, "max_evaluations must be a whole number of at least 1"),
        ({"average": 0.9}, "LBFGS takes no clip_value, clip_norm or average; leave them out"),
        ({"clip_norm": 1.0}, "LBFGS takes no clip_value"),
    ],
)
def test_constants(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        fn.LBFGS(**options)
