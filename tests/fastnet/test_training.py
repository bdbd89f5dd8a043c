"""The epoch loop: what the history means, what callbacks see, and that however it is cut the training is one."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet as fn
from fastnet.evaluation import Evaluation
from fastnet.training import Training

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.float64]
EVERY_EPOCH, ALL_AT_ONCE = 0.0, 1e9
"""Seconds a call of the engine may take: each call one epoch, or the second call all that are left."""

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)


def data(samples: int = 14, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
    X = np.random.default_rng(seed).normal(size=(samples, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    y[:2] = 0, 1
    return X, y


def network(*, dropout: float = 0.0, l2: float = 0.0, **options: Any) -> fn.Network:
    layers: list[Any] = [fn.Dense(4, activation="relu", l2=l2), fn.Dropout(dropout)]
    layers += [fn.Dense(3, activation="tanh"), fn.Dense(2, activation="softmax", l2=l2)]
    given: dict[str, Any] = {"loss": "categorical_crossentropy", "dtype": "float64", "seed": 5}
    return fn.Network(layers, input_shape=3, **given | options)


class Watcher(fn.Callback):
    """Keeps what a callback is shown."""

    def __init__(self, *, each_epoch: bool = True, stop_after: int | None = None) -> None:
        self.each_epoch, self.stop_after = each_epoch, stop_after
        self.events: list[str] = []
        self.epochs: list[int] = []
        self.parameters: list[npt.NDArray[np.floating]] = []

    def on_fit_begin(self, training: Training) -> None:
        self.events.append("begin")

    def on_epoch_end(self, training: Training) -> None:
        self.events.append("epoch")
        self.epochs.append(len(training.history.loss))
        self.parameters.append(training.model.parameters.copy())
        if self.stop_after is not None and self.epochs[-1] >= self.stop_after:
            training.stop(f"seen enough at {self.epochs[-1]}")

    def on_fit_end(self, training: Training) -> None:
        self.events.append("end")


@on_both_engines
class TestHistory:
    def test_the_first_loss_is_that_before_the_first_update(self, backend: str) -> None:
        X, y = data()
        net = network(l2=0.1)
        before = net.evaluate(X, y, backend=backend)
        history = net.fit(X, y, epochs=1, batch_size=None, backend=backend)
        assert history.loss == [pytest.approx(before["loss"], rel=1e-14)]
        assert history.accuracy == [before["accuracy"]]
        assert net.evaluate(X, y, backend=backend)["loss"] < before["loss"]

    def test_each_loss_is_that_of_the_weights_the_epoch_began_with(self, backend: str) -> None:
        X, y = data()
        net, expected = network(), []
        for epochs in range(5):
            net = network()
            if epochs:
                net.fit(X, y, epochs=epochs, batch_size=None, backend=backend)
            expected.append(net.evaluate(X, y, backend=backend)["loss"])
        history = network().fit(X, y, epochs=5, batch_size=None, backend=backend)
        assert history.loss == pytest.approx(expected, rel=1e-13)

    def test_with_batches_it_is_the_mean_of_the_samples_as_they_were_seen(self, backend: str) -> None:
        """Each batch fitted on its own, the last of them smaller; SGD remembers nothing between."""
        X, y = data()
        sgd, sizes = fn.SGD(0.2), (5, 5, 4)
        whole, steps = network(l2=0.1), network(l2=0.1)
        history = whole.fit(X, y, optimizer=sgd, epochs=1, batch_size=5, shuffle=False, backend=backend)
        loss = accuracy = 0.0
        for start, size in zip((0, 5, 10), sizes, strict=True):
            batch = slice(start, start + size)
            seen = steps.fit(X[batch], y[batch], optimizer=sgd, epochs=1, batch_size=None, backend=backend)
            loss += seen.loss[0] * size / 14
            accuracy += seen.accuracy[0] * size / 14
        assert history.loss == [pytest.approx(loss, rel=1e-14)]
        assert history.accuracy == [pytest.approx(accuracy, rel=1e-14)]
        np.testing.assert_allclose(whole.parameters, steps.parameters, rtol=1e-13)

    def test_validation_is_measured_at_the_end_of_each_epoch(self, backend: str) -> None:
        X, y = data()
        Xv, yv = data(9, seed=1)
        net = network(dropout=0.4)
        history = net.fit(X, y, epochs=4, batch_size=5, validation_data=(Xv, yv), backend=backend)
        expected = []
        for epochs in range(1, 5):
            other = network(dropout=0.4)
            other.fit(X, y, epochs=epochs, batch_size=5, backend=backend)
            expected.append(other.evaluate(Xv, yv, backend=backend))
        assert history.val_loss == [scores["loss"] for scores in expected]
        assert history.val_accuracy == [scores["accuracy"] for scores in expected]
        np.testing.assert_array_equal(net.parameters, other.parameters)

    def test_columns(self, backend: str) -> None:
        X, y = data()
        plain = network().fit(X, y, epochs=3, backend=backend)
        assert plain.columns() == ("loss", "accuracy")
        assert (plain.val_loss, plain.val_accuracy, plain.stopped) == ([], [], None)
        both = network().fit(X, y, epochs=3, validation_data=(X, y), backend=backend)
        assert both.columns() == ("loss", "accuracy", "val_loss", "val_accuracy")
        for name in (*both.columns(), "seconds"):
            assert len(getattr(both, name)) == 3
        assert all(seconds > 0 for seconds in both.seconds)
        line = fn.Network([fn.Dense(1)], input_shape=3, loss="mean_squared_error")
        numbers = line.fit(X, y, epochs=3, validation_data=(X, y), backend=backend)
        assert numbers.columns() == ("loss", "val_loss")
        assert (numbers.accuracy, numbers.val_accuracy) == ([], [])


@on_both_engines
class TestCallbacks:
    def test_every_epoch_is_seen_and_its_weights(self, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fastnet.training.loop.SECONDS_A_CALL", ALL_AT_ONCE)
        X, y = data()
        watcher, patient = Watcher(), Watcher(each_epoch=False)
        net = network()
        net.fit(X, y, epochs=4, batch_size=5, callbacks=[patient, watcher], backend=backend)
        assert watcher.events == ["begin", *["epoch"] * 4, "end"]
        assert watcher.epochs == patient.epochs == [1, 2, 3, 4]
        for epochs, parameters in enumerate(watcher.parameters, start=1):
            other = network()
            other.fit(X, y, epochs=epochs, batch_size=5, backend=backend)
            np.testing.assert_array_equal(parameters, other.parameters)

    @pytest.mark.parametrize(("seconds", "seen"), [(EVERY_EPOCH, [1, 2, 3, 4, 5, 6]), (ALL_AT_ONCE, [1, 6])])
    def test_one_that_needs_not_see_every_epoch_lets_them_run(
        self, seconds: float, seen: list[int], backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fastnet.training.loop.SECONDS_A_CALL", seconds)
        X, y = data()
        watcher = Watcher(each_epoch=False)
        history = network().fit(X, y, epochs=6, callbacks=[watcher], backend=backend)
        assert watcher.events == ["begin", *["epoch"] * len(seen), "end"]
        assert watcher.epochs == seen
        assert len(history.loss) == len(history.accuracy) == len(history.seconds) == 6

    def test_small_dense_layers_are_trained_in_one_call(self, backend: str) -> None:
        X, _ = data()

        def seen(*layers: Any) -> list[int]:
            watcher = Watcher(each_epoch=False)
            fn.Network(layers, input_shape=X.shape[1], loss="mean_squared_error").fit(
                X, np.zeros(len(X)), epochs=6, callbacks=[watcher], backend=backend
            )
            return watcher.epochs

        # How long an epoch of others takes is seen from the first.
        assert seen(fn.Dense(2), fn.Dense(1)) == ([6] if backend == "jit" else [1, 6])
        assert seen(fn.Dense(2), fn.Dropout(0.1), fn.Dense(1)) == [1, 6]

    def test_one_can_stop_the_fit_and_the_first_reason_stays(self, backend: str) -> None:
        X, y = data()
        first, second = Watcher(stop_after=3), Watcher(stop_after=3)
        net, other = network(), network()
        history = net.fit(X, y, epochs=9, callbacks=[first, second], backend=backend)
        second.stop_after = None
        assert history.stopped == "seen enough at 3"
        assert len(history.loss) == 3
        assert second.events == ["begin", *["epoch"] * 3, "end"]
        other.fit(X, y, epochs=3, backend=backend)
        np.testing.assert_array_equal(net.parameters, other.parameters)

    def test_an_interrupt_leaves_the_weights_of_the_last_epoch(self, backend: str) -> None:
        class Interrupt(fn.Callback):
            def on_epoch_end(self, training: Training) -> None:
                if len(training.history.loss) == 2:
                    raise KeyboardInterrupt

        X, y = data()
        net, other = network(), network()
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, y, epochs=9, batch_size=5, callbacks=[Interrupt()], backend=backend)
        other.fit(X, y, epochs=2, batch_size=5, backend=backend)
        np.testing.assert_array_equal(net.parameters, other.parameters)


@dataclass(frozen=True)
class Told(Evaluation):
    """Gives scores of the validation data that are known in advance."""

    name: str
    coming: list[float]

    def loss_and_accuracy(self, *arguments: Any, **options: Any) -> dict[str, float]:
        return {"loss": 1.0, "accuracy": 0.5, self.name: self.coming.pop(0)}


class Scripted(fn.Network):
    """A network whose scores on the validation data are told in advance."""

    def tell(self, name: str, scores: list[float]) -> "Scripted":
        self._name, self._scores = name, list(scores)
        return self

    @property
    def evaluation(self) -> Told:
        return Told(self.forward, self.head, None, self._name, self._scores)


def scripted_fit(
    name: str, scores: list[float], stopping: fn.EarlyStopping, backend: str
) -> tuple[fn.Network, fn.History, Watcher]:
    X, y = data(4)
    watcher = Watcher()
    net = Scripted([fn.Dense(2, activation="softmax")], input_shape=3, loss="categorical_crossentropy").tell(
        name, scores
    )
    history = net.fit(
        X,
        y,
        epochs=len(scores),
        validation_data=(X, y),
        callbacks=[watcher, stopping],
        backend=backend,
    )
    return net, history, watcher


SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5]), min_size=1, max_size=9)


def test_callbacks_are_shown_as_they_are_written(tmp_path: Path) -> None:
    class Mine(fn.Callback):
        pass

    shown = "EarlyStopping(patience=3, monitor='val_loss', min_delta=0.0, restore_best=True)"
    assert repr(fn.EarlyStopping(3, monitor="val_loss")) == shown
    again = eval(shown, {"EarlyStopping": fn.EarlyStopping})
    assert vars(again) == vars(fn.EarlyStopping(3, monitor="val_loss"))
    path = tmp_path / "checkpoint.h5"
    assert repr(fn.Checkpoint(path, every=5)) == f"Checkpoint(path={path!r}, every=5, previous=None)"
    assert repr(Mine()) == "Mine()"


@on_both_engines
class TestEarlyStopping:
    @settings(max_examples=25)
    @given(SCORES, st.integers(1, 4), st.sampled_from([0.0, 0.07, 0.2]), st.booleans())
    def test_it_stops_when_patience_ends_and_takes_the_best(
        self, backend: str, scores: list[float], patience: int, min_delta: float, accuracy: bool
    ) -> None:
        best, best_epoch, expected_epochs = np.inf, 0, len(scores)
        for epoch, score in enumerate(scores):
            value = -score if accuracy else score
            if value < best - min_delta:
                best, best_epoch = value, epoch
            elif epoch - best_epoch == patience:
                expected_epochs = epoch + 1
                break
        monitor = "val_accuracy" if accuracy else "val_loss"
        stopping = fn.EarlyStopping(patience, monitor=monitor, min_delta=min_delta)
        net, history, watcher = scripted_fit(monitor.removeprefix("val_"), scores, stopping, backend)
        assert len(history.loss) == expected_epochs
        assert (history.stopped is not None) == (
            expected_epochs - 1 - best_epoch == patience and expected_epochs > best_epoch
        )
        assert (stopping.best_epoch, stopping.best) == (best_epoch, best)
        np.testing.assert_array_equal(net.parameters, watcher.parameters[best_epoch])

    def test_the_reason_says_what_and_since_when(self, backend: str) -> None:
        _, history, _ = scripted_fit("loss", [3, 2, 2, 4, 1], fn.EarlyStopping(2), backend)
        assert history.stopped == "val_loss was best at epoch 2 and not since"

    def test_it_need_not_restore(self, backend: str) -> None:
        stopping = fn.EarlyStopping(2, restore_best=False)
        net, history, watcher = scripted_fit("loss", [3, 2, 2, 4, 1], stopping, backend)
        assert len(history.loss) == 4
        np.testing.assert_array_equal(net.parameters, watcher.parameters[3])
        assert not np.array_equal(net.parameters, watcher.parameters[1])

    def test_it_begins_anew_with_each_fit(self, backend: str) -> None:
        stopping = fn.EarlyStopping(2)
        scripted_fit("loss", [0.1, 0.2, 0.3], stopping, backend)
        net, history, watcher = scripted_fit("loss", [5, 4, 6], stopping, backend)
        assert len(history.loss) == 3
        assert (stopping.best, stopping.best_epoch) == (4, 1)
        np.testing.assert_array_equal(net.parameters, watcher.parameters[1])

    def test_without_validation_it_watches_the_loss(self, backend: str) -> None:
        X, y = data()
        stopping = fn.EarlyStopping(1, min_delta=1e9)
        history = network().fit(X, y, epochs=9, callbacks=[stopping], backend=backend)
        assert history.stopped == "loss was best at epoch 1 and not since"
        assert len(history.loss) == 2

    def test_on_a_real_fit_the_best_validation_is_what_is_left(self, backend: str) -> None:
        X, y = data()
        Xv, yv = data(9, seed=1)
        net = network()
        history = net.fit(
            X,
            1 - y,
            optimizer=fn.Adam(0.1),
            epochs=60,
            validation_data=(Xv, yv),
            callbacks=[fn.EarlyStopping(3)],
            backend=backend,
        )
        assert len(history.loss) < 60
        assert net.evaluate(Xv, yv, backend=backend)["loss"] == min(history.val_loss)
        assert history.val_loss.index(min(history.val_loss)) == len(history.loss) - 4

    @pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "lss"])
    def test_what_is_not_recorded_cannot_be_watched(self, monitor: str, backend: str) -> None:
        X, y = data()
        net = network()
        before = net.parameters.copy()
        stopping = fn.EarlyStopping(monitor=monitor)
        sentence = f"cannot monitor {monitor!r}: this fit records loss, accuracy"
        with pytest.raises(fn.ConfigurationError, match=sentence):
            net.fit(X, y, epochs=2, callbacks=[stopping], backend=backend)
        np.testing.assert_array_equal(net.parameters, before)

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"patience": 0}, "patience must be a whole number of at least 1, not 0"),
            ({"patience": 1.5}, "patience must be a whole number of at least 1, not 1.5"),
            ({"min_delta": -1}, "min_delta must be a number at least 0, not -1"),
        ],
    )
    def test_constants(self, wrong: dict[str, Any], sentence: str, backend: str) -> None:
        with pytest.raises(fn.ConfigurationError, match=sentence):
            fn.EarlyStopping(**wrong)


VARIANTS: list[dict[str, Any]] = [
    {"optimizer": fn.SGD(0.1), "batch_size": None},
    {"optimizer": fn.SGD(0.1, momentum=0.9, nesterov=True), "batch_size": 5},
    {"optimizer": fn.Adam(0.01), "batch_size": 4},
    {"optimizer": fn.Adam(0.01), "batch_size": 5, "shuffle": False},
]


@on_both_engines
@pytest.mark.parametrize("options", VARIANTS, ids=str)
class TestOneTraining:
    def test_the_same_again_whatever_it_is_called_with(
        self, options: dict[str, Any], backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However the epochs are cut into calls of the engine, and on one thread as on all."""
        X, y = data()
        results = []
        ways: list[tuple[float, dict[str, Any]]] = [
            (EVERY_EPOCH, {}),
            (ALL_AT_ONCE, {}),
            (ALL_AT_ONCE, {"threads": 1}),
            (ALL_AT_ONCE, {"callbacks": [Watcher()]}),
            (ALL_AT_ONCE, {"validation_data": (X, y)}),
        ]
        for seconds, more in ways:
            monkeypatch.setattr("fastnet.training.loop.SECONDS_A_CALL", seconds)
            net = network(dropout=0.3, l2=0.01)
            history = net.fit(X, y, epochs=7, backend=backend, **options, **more)
            results.append((history.loss, history.accuracy, net.parameters.tolist()))
        assert all(result == results[0] for result in results)

    def test_another_seed_is_another_training(self, options: dict[str, Any], backend: str) -> None:
        X, y = data()
        nets = [network(dropout=0.3, seed=seed) for seed in (1, 2)]
        nets[1].set_weights(nets[0].get_weights())
        for net in nets:
            net.fit(X, y, epochs=2, backend=backend, **options)
        assert not np.array_equal(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_both_engines_are_within_rounding_after_200_steps(options: dict[str, Any], l2: float, dropout: float) -> None:
    X, y = data()
    batch = options["batch_size"] or len(X)
    epochs = math.ceil(200 / math.ceil(len(X) / batch))
    nets = [network(dropout=dropout, l2=l2) for _ in BACKENDS]
    losses = [
        net.fit(X, y, epochs=epochs, backend=side, **options).loss for net, side in zip(nets, BACKENDS, strict=True)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)
    distance = np.linalg.norm(nets[0].parameters - nets[1].parameters)
    assert distance < 1e-9 * np.linalg.norm(nets[1].parameters)


@on_both_engines
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_epoch_has_an_order_of_its_own_unless_told_not_to(shuffle: bool, backend: str) -> None:
    """A fit begins with the first epoch's order, so two of one epoch use that one twice. SGD
    remembers nothing between them that could tell them from a fit of two epochs."""
    X, y = data()
    options: dict[str, Any] = {"batch_size": 3, "shuffle": shuffle, "backend": backend}
    options["optimizer"] = fn.SGD(0.1)
    one_fit, two_fits = network(), network()
    one_fit.fit(X, y, epochs=2, **options)
    for _ in range(2):
        two_fits.fit(X, y, epochs=1, **options)
    assert np.array_equal(one_fit.parameters, two_fits.parameters) != shuffle


def diverging(case: str, **options: Any) -> tuple[fn.Network, dict[str, Any]]:
    """A network and how to fit it so that its loss overflows after several epochs."""
    X, y = data()
    if case == "linear, full batch":
        net = fn.Network([fn.Dense(1)], input_shape=3, loss="mean_squared_error", **options)
        return net, {"X": X, "y": y, "optimizer": fn.SGD(300.0), "batch_size": None}
    layers: list[Any] = [fn.Dense(4), fn.Dropout(0.2), fn.Dense(1)]
    net = fn.Network(layers, input_shape=3, loss="mean_squared_error", **options)
    at_once = 1e30 if net.dtype == np.float32 else 1e150
    optimizer = fn.SGD(0.5, momentum=0.5) if case == "momentum" else fn.Adam(at_once)
    return net, {"X": X, "y": y, "optimizer": optimizer, "batch_size": 5}


@on_both_engines
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ["linear, full batch", "momentum", "adam"])
class TestDivergence:
    def test_it_names_the_epoch_and_keeps_the_last_good_weights(
        self, case: str, dtype: str, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sentences, kept = set(), []
        for seconds in (EVERY_EPOCH, ALL_AT_ONCE):
            monkeypatch.setattr("fastnet.training.loop.SECONDS_A_CALL", seconds)
            net, how = diverging(case, dtype=dtype)
            with pytest.raises(fn.DivergenceError) as caught:
                net.fit(epochs=400, backend=backend, **how)
            sentences.add(str(caught.value))
            kept.append(net.parameters)
        assert len(sentences) == 1
        sentence = sentences.pop()
        found = re.search(r"the loss of epoch (\d+) was (inf|nan), not a finite number", sentence)
        assert found, sentence
        assert f"try a learning rate below {how['optimizer'].learning_rate:g}" in sentence
        # The weights that the lost epoch began with, or those before where already their own loss is infinite.
        for epochs in (int(found[1]) - 1, int(found[1]) - 2):
            net, how = diverging(case, dtype=dtype)
            if epochs > 0:
                assert np.isfinite(net.fit(epochs=epochs, backend=backend, **how).loss).all()
            if np.isfinite(net.evaluate(how["X"], how["y"], backend=backend)["loss"]):
                break
        assert np.isfinite(net.parameters).all()
        assert np.isfinite(net.evaluate(how["X"], how["y"], backend=backend)["loss"])
        for parameters in kept:
            np.testing.assert_array_equal(parameters, net.parameters)

    def test_validation_and_callbacks_change_nothing(self, case: str, dtype: str, backend: str) -> None:
        net, how = diverging(case, dtype=dtype)
        watched, _ = diverging(case, dtype=dtype)
        stopping = fn.EarlyStopping(399, monitor="loss")
        more: dict[str, Any] = {"validation_data": (how["X"], how["y"]), "callbacks": [stopping]}
        sentences = []
        for each, options in ((net, {}), (watched, more)):
            with pytest.raises(fn.DivergenceError) as caught:
                each.fit(epochs=400, backend=backend, **how, **options)
            sentences.append(str(caught.value))
        assert sentences[0] == sentences[1]
        np.testing.assert_array_equal(net.parameters, watched.parameters)


def lost(learning_rate: float, epochs: int, backend: str) -> fn.Network:
    """A network whose first update overflows its weights, though its first loss is finite."""
    net = fn.Network([fn.Dense(1)], input_shape=1, loss="mean_squared_error", dtype="float32")
    net.set_weights([([[1]], [0])])
    optimizer = fn.SGD(learning_rate)
    before = net.parameters.copy()
    with pytest.raises(fn.DivergenceError, match=r"epoch [12] "):
        net.fit([[1e15]], [0], optimizer=optimizer, epochs=epochs, backend=backend)
    np.testing.assert_array_equal(net.parameters, before)
    return net


@on_both_engines
def test_infinite_weights_are_not_the_last_good_ones(backend: str) -> None:
    lost(1e20, 5, backend)


@on_both_engines
def test_weights_lost_in_the_very_last_epoch_are_a_divergence_too(backend: str) -> None:
    """Its loss was finite, but the network that would be handed back is of no use."""
    lost(1e20, 1, backend)


@on_both_engines
def test_the_error_is_of_its_kind(backend: str) -> None:
    net, how = diverging("linear, full batch", dtype="float32")
    with pytest.raises(ArithmeticError) as caught:
        net.fit(epochs=400, backend=backend, **how)
    assert isinstance(caught.value, fn.FastnetError)
    assert caught.value.exit_code == 3
