"""Clipping, means of weights, schedules, metrics and frozen layers inside a fit."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet as fn
from fastnet.training import Training

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.floating]

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)


def data(samples: int = 24, seed: int = 2) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    X = np.random.default_rng(seed).normal(size=(samples, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    y[:2] = 0, 1
    return X, y


def network(*, frozen: tuple[int, ...] = (), **options: Any) -> fn.Network:
    layers: list[Any] = [
        fn.Dense(5, activation="tanh", trainable=0 not in frozen, l2=0.01),
        fn.LayerNorm(trainable=1 not in frozen),
        fn.Dense(4, activation="relu", trainable=2 not in frozen, max_norm=2.0),
        fn.Dense(1, activation="sigmoid", trainable=3 not in frozen),
    ]
    given: dict[str, Any] = {"input_shape": 3, "loss": "binary_crossentropy", "dtype": "float64", "seed": 3}
    return fn.Network(layers, **given | options)


def simple(**options: Any) -> fn.Network:
    layers = [fn.Dense(4, activation="tanh"), fn.Dense(1, activation="sigmoid")]
    given: dict[str, Any] = {"input_shape": 3, "loss": "binary_crossentropy", "dtype": "float64", "seed": 3}
    return fn.Network(layers, **given | options)


def fitted(net: fn.Network, optimizer: fn.SGD | fn.Adam, **options: Any) -> fn.History:
    X, y = data()
    return net.fit(X, y, optimizer=optimizer, **{"epochs": 4, "batch_size": 7, **options})


def steps() -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """The batches of two epochs without shuffling, each of which a fit of one step takes."""
    X, y = data()
    return [(X[start : start + 7], y[start : start + 7]) for _ in range(2) for start in range(0, 24, 7)]


def gradient(net: fn.Network, X: Any, y: Any, backend: str) -> Floats:
    """What a step of gradient descent at rate 1 takes off the weights."""
    copy = simple()
    copy.parameters[...] = net.parameters
    copy.fit(X, y, optimizer=fn.SGD(1.0), epochs=1, batch_size=None, backend=backend)
    return net.parameters - copy.parameters


@on_both_engines
class TestClipping:
    @pytest.mark.parametrize(("option", "limit"), [("clip_value", 0.02), ("clip_norm", 0.1)])
    def test_it_is_of_the_gradients_whole(self, option: str, limit: float, backend: str) -> None:
        by_hand, clipped = simple(), 0
        for X, y in steps():
            g = gradient(by_hand, X, y, backend)
            if option == "clip_value":
                clipped += int((np.abs(g) > limit).sum())
                g = np.clip(g, -limit, limit)
            else:
                # PyTorch's 1e-6 beside the norm keeps a zero from being divided by.
                clipped += int(np.linalg.norm(g) > limit)
                g = g * min(1.0, limit / (float(np.linalg.norm(g)) + 1e-6))
            by_hand.parameters[...] -= 0.5 * g
        assert clipped > 0
        net = simple()
        optimizer = fn.SGD(0.5, **{option: limit})  # type: ignore[arg-type]
        fitted(net, optimizer, epochs=2, shuffle=False, backend=backend)
        np.testing.assert_allclose(net.parameters, by_hand.parameters, rtol=1e-12, atol=1e-14)

    def test_a_limit_that_nothing_reaches_changes_no_bit(self, backend: str) -> None:
        nets = [network() for _ in range(3)]
        options: list[dict[str, Any]] = [{}, {"clip_value": 1e9}, {"clip_norm": 1e9}]
        for net, limits in zip(nets, options, strict=True):
            fitted(net, fn.Adam(0.01, **limits), backend=backend)
        np.testing.assert_array_equal(nets[1].parameters, nets[0].parameters)
        np.testing.assert_array_equal(nets[2].parameters, nets[0].parameters)

    def test_frozen_layers_are_not_in_the_norm(self, backend: str) -> None:
        """A frozen first layer is the same as its output given as the data."""
        X, y = data()
        whole = fn.Network(
            [fn.Dense(4, activation="tanh", trainable=False), fn.Dense(1, activation="sigmoid")],
            **{"input_shape": 3, "loss": "binary_crossentropy", "dtype": "float64"},  # type: ignore[arg-type]
        )
        (W, b), last = whole.get_weights()
        head = fn.Network(whole.layers[1:], input_shape=4, loss="binary_crossentropy", dtype="float64")
        head.set_weights([last])
        whole.fit(X, y, optimizer=fn.SGD(0.5, clip_norm=0.05), epochs=4, batch_size=7, backend=backend)
        H = np.tanh(X @ W + b)
        head.fit(H, y, optimizer=fn.SGD(0.5, clip_norm=0.05), epochs=4, batch_size=7, backend=backend)
        np.testing.assert_allclose(whole.get_weights()[1][0], head.get_weights()[0][0], rtol=1e-11)


@on_both_engines
class TestAverage:
    @pytest.mark.parametrize("decay", [0.5, 0.99, 1e-9])
    def test_it_is_the_mean_over_the_steps(self, decay: float, backend: str) -> None:
        net, walker = simple(), simple()
        mean, share = np.zeros_like(walker.parameters), 0.0
        for X, y in steps():
            walker.fit(X, y, optimizer=fn.SGD(0.5), epochs=1, batch_size=None, backend=backend)
            mean, share = decay * mean + (1 - decay) * walker.parameters, decay * share + (1 - decay)
        history = fitted(net, fn.SGD(0.5, average=decay), epochs=2, shuffle=False, backend=backend)
        np.testing.assert_allclose(net.parameters, mean / share, rtol=1e-10)
        plain = fitted(simple(), fn.SGD(0.5), epochs=2, shuffle=False, backend=backend)
        np.testing.assert_allclose(history.loss, plain.loss, rtol=1e-13)

    def test_validation_callbacks_and_early_stopping_have_the_mean(self, backend: str) -> None:
        class Keeper(fn.Callback):
            def on_epoch_end(self, training: Training) -> None:
                seen.append(training.model.parameters.copy())

        seen: list[Floats] = []
        net, held_out = network(), data(30, seed=5)
        options: dict[str, Any] = {"epochs": 80, "validation_data": held_out, "backend": backend}
        history = fitted(net, fn.Adam(0.1, average=0.9), callbacks=[Keeper(), fn.EarlyStopping(4)], **options)
        best = int(np.argmin(history.val_loss))
        assert len(history.loss) == best + 5 < 80
        np.testing.assert_array_equal(net.parameters, seen[best])
        assert net.evaluate(*held_out, backend=backend)["loss"] == history.val_loss[best]
        again = network()
        fitted(again, fn.Adam(0.1, average=0.9), epochs=best + 1, backend=backend)
        np.testing.assert_array_equal(again.parameters, net.parameters)

    @pytest.mark.parametrize("epochs", [1, 2, 9])
    def test_a_training_that_diverges_leaves_what_it_began_with(self, epochs: int, backend: str) -> None:
        net = fn.Network([fn.Dense(1)], input_shape=1, loss="mean_squared_error")
        net.set_weights([([[1.0]], [0.0])])
        with pytest.raises(fn.DivergenceError):
            net.fit([[1e15]], [0], optimizer=fn.SGD(1e20, average=0.5), epochs=epochs, backend=backend)
        np.testing.assert_array_equal(net.parameters, [1, 0])

    def test_weights_that_a_callback_sets_are_gone_on_from(self, backend: str) -> None:
        class Zero(fn.Callback):
            def on_epoch_end(self, training: Training) -> None:
                training.model.parameters[...] = 0

        for average in (None, 0.5):
            history = fitted(simple(), fn.SGD(1e-9, average=average), callbacks=[Zero()], epochs=2, backend=backend)
            assert history.loss[1] == pytest.approx(math.log(2), rel=1e-6)


SCHEDULES: list[Any] = [
    fn.StepDecay(0.5, 0.5, 2),
    fn.ExponentialDecay(0.5, 0.7, per="step"),
    fn.PiecewiseConstant([1, 3], [0.5, 0.0, 0.25]),
    fn.CosineDecay(0.5, over=3, restarts=True, per="step"),
    fn.OneCycle(0.5, over=16, per="step"),
    fn.WarmUp(fn.InverseTimeDecay(0.5), over=6, per="step"),
]


@on_both_engines
class TestSchedules:
    @pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
    @pytest.mark.parametrize("seconds", [0.0, 1e9], ids=["each epoch", "all at once"])
    def test_each_step_has_its_rate(
        self, schedule: Any, seconds: float, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fastnet.training.loop.SECONDS_A_CALL", seconds)
        walker = simple()
        for (X, y), rate in zip(steps(), schedule.rates(0, 8, 4), strict=True):
            if rate > 0:
                walker.fit(X, y, optimizer=fn.SGD(float(rate)), epochs=1, batch_size=None, backend=backend)
        net = simple()
        fitted(net, fn.SGD(schedule), epochs=2, shuffle=False, backend=backend)
        np.testing.assert_allclose(net.parameters, walker.parameters, rtol=1e-12, atol=1e-14)

    @pytest.mark.parametrize("monitor", [None, "loss", "val_accuracy", "f1"])
    def test_a_plateau_follows_what_is_measured(self, monitor: str | None, backend: str) -> None:
        X, y = data()
        schedule = fn.ReduceOnPlateau(0.5, factor=0.5, patience=0, min_delta=0.02, monitor=monitor)
        net, walker = simple(), simple()
        options: dict[str, Any] = {"metrics": ["f1"], "validation_data": data(9), "batch_size": None}
        history = fitted(net, fn.SGD(schedule), epochs=8, backend=backend, **options)
        watched = history[monitor or "val_loss"]
        costs = watched if (monitor or "val_loss").endswith("loss") else [-value for value in watched]
        rates = [schedule.rate_after(costs[:epoch]) for epoch in range(8)]
        assert rates[0] == 0.5 > rates[-1]
        for rate in rates:
            walker.fit(X, y, optimizer=fn.SGD(rate), epochs=1, batch_size=None, backend=backend)
        np.testing.assert_array_equal(net.parameters, walker.parameters)

    def test_what_is_not_recorded_cannot_be_followed(self, backend: str) -> None:
        net = simple()
        before = net.parameters.copy()
        optimizer = fn.SGD(fn.ReduceOnPlateau(0.1, monitor="val_f1"))
        with pytest.raises(fn.ConfigurationError, match="ReduceOnPlateau cannot monitor 'val_f1': this fit records"):
            fitted(net, optimizer, metrics=["f1"], backend=backend)
        np.testing.assert_array_equal(net.parameters, before)


@on_both_engines
class TestMetrics:
    def test_they_are_scikit_learns_at_each_epochs_end_on_both_sets(self, backend: str) -> None:
        class Asker(fn.Callback):
            def on_epoch_end(self, training: Training) -> None:
                for prefix, (features, labels), sample_weight in (("", (X, y), None), ("val_", (V, v), weights)):
                    model = training.model
                    answers, p = model.predict(features, backend=backend), model.predict_proba(features)[:, 0]
                    asked[f"{prefix}f1"].append(sklearn.metrics.f1_score(labels, answers, sample_weight=sample_weight))
                    auc = sklearn.metrics.roc_auc_score(labels, p, sample_weight=sample_weight)
                    asked[f"{prefix}roc_auc"].append(auc)

        asked: dict[str, list[float]] = {name: [] for name in ("f1", "roc_auc", "val_f1", "val_roc_auc")}
        (X, y), (V, v), weights = data(), data(40, seed=8), 0.5 + np.arange(40) % 3
        net = network()
        options: dict[str, Any] = {"metrics": ["f1", "roc_auc", "accuracy"], "validation_data": (V, v, weights)}
        history = fitted(net, fn.Adam(0.05), callbacks=[Asker()], backend=backend, **options)
        assert history.columns() == ("loss", "accuracy", "val_loss", "val_accuracy", *asked)
        for name, values in asked.items():
            assert history[name] == pytest.approx(values, rel=1e-12)
        last = net.evaluate(V, v, sample_weight=weights, metrics=["f1"], backend=backend)
        assert last["f1"] == history["val_f1"][-1]
        with pytest.raises(KeyError, match="'mae' is not recorded; this history has loss"):
            history["mae"]

    def test_early_stopping_goes_by_one(self, backend: str) -> None:
        net, held_out = network(), data(40, seed=8)
        stopping = fn.EarlyStopping(5, monitor="val_f1")
        options: dict[str, Any] = {"metrics": ["f1"], "validation_data": held_out, "epochs": 100, "backend": backend}
        history = fitted(net, fn.Adam(0.05), callbacks=[stopping], **options)
        best = int(np.argmax(history["val_f1"]))
        assert len(history.loss) == best + 6
        assert history.stopped == f"val_f1 was best at epoch {best + 1} and not since"
        score = net.evaluate(*held_out, metrics=["f1"], backend=backend)["f1"]
        assert score == max(history["val_f1"])


@pytest.mark.usefixtures("teams_for_small_work")
@on_both_engines
@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1), (0, 1, 2), (2, 3), (3,), (0, 2)])
@pytest.mark.parametrize("optimizer", [fn.AdamW(0.05, weight_decay=0.5, average=0.5), fn.SGD(0.1, clip_norm=0.1)])
def test_frozen_layers_stay_as_they_are_to_the_bit(
    frozen: tuple[int, ...], optimizer: fn.SGD | fn.Adam, backend: str
) -> None:
    net = network(frozen=frozen)
    before = net.get_weights()
    fitted(net, optimizer, backend=backend, threads=2)
    for place, (layer, old) in enumerate(zip(net.get_weights(), before, strict=True)):
        same = [np.array_equal(array, other) for array, other in zip(layer, old, strict=True)]
        assert same == [place in frozen] * 2


ALL_OPTIONS: list[dict[str, Any]] = [
    {"optimizer": fn.Adam(fn.WarmUp(0.05, over=5, per="step"), clip_norm=0.1, average=0.9)},
    {"optimizer": fn.SGD(fn.ReduceOnPlateau(0.2, patience=0, min_delta=0.1), momentum=0.9, clip_value=0.01)},
    {"optimizer": fn.Lion(0.01, weight_decay=0.1, average=0.5), "metrics": ["roc_auc"], "class_weight": "balanced"},
]


@settings(max_examples=12)
@given(
    st.sampled_from(ALL_OPTIONS),
    st.sampled_from([(), (0,), (0, 1), (2,)]),
    st.sampled_from([None, 1, 7, 23]),
)
def test_both_engines_and_any_team_to_rounding_and_again_to_the_bit(
    options: dict[str, Any], frozen: tuple[int, ...], batch_size: int | None
) -> None:
    X, y = data()

    def result(**how: Any) -> tuple[list[float], Floats]:
        net = network(frozen=frozen)
        return net.fit(X, y, epochs=4, batch_size=batch_size, **options, **how).loss, net.parameters

    losses, parameters = result(backend="reference")
    for threads in (1, 2, 3):
        found = result(threads=threads)
        np.testing.assert_allclose(found[0], losses, rtol=1e-9)
        np.testing.assert_allclose(found[1], parameters, rtol=1e-7, atol=1e-9)
        np.testing.assert_array_equal(result(threads=threads)[1], found[1])


@on_both_engines
def test_one_layer_object_in_two_places_is_two_layers(backend: str) -> None:
    layer = fn.Dense(3, activation="softmax")
    twice = fn.Network([layer, layer], input_shape=3, loss="categorical_crossentropy", dtype="float64")
    apart = fn.Network([layer, fn.Dense(3, activation="softmax")], input_shape=3, loss=twice.loss, dtype="float64")
    X = data()[0]
    np.testing.assert_array_equal(twice.predict_proba(X, backend=backend), apart.predict_proba(X, backend=backend))
