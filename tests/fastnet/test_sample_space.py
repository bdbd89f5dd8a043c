"""The first layer in sample space: chosen only where it is exact, and then nobody can tell but by the clock."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.training import Training, loop, sample_space, start
from fastnet.training.sample_space import SampleSpace

Floats = npt.NDArray[np.floating]
N, D = 10, 40

UPDATES: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": fn.SGD(0.05)},
    "momentum": {"optimizer": fn.SGD(0.02, momentum=0.9)},
    "nesterov": {"optimizer": fn.SGD(0.02, momentum=0.9, nesterov=True)},
    "l2": {"optimizer": fn.SGD(0.05), "l2": 0.05},
    "all together": {"optimizer": fn.SGD(0.02, momentum=0.9, nesterov=True), "l2": 0.05, "dropout": 0.2},
}
of_each_update = pytest.mark.parametrize("name", UPDATES)


def data(samples: int = N, features: int = D, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
    X = np.random.default_rng(seed).normal(size=(samples, features))
    return X, np.arange(samples) % 2


def network(dtype: str = "float64", *, l2: float = 0.0, dropout: float = 0.0, before: float = 0.0) -> fn.Network:
    """40-4-3-2; ``before`` is a dropout on the input."""
    layers: list[Any] = [fn.Dropout(before)] if before else []
    layers += [fn.Dense(4, activation="tanh", l2=l2), fn.Dropout(dropout)]
    layers += [fn.Dense(3, activation="relu", l2=l2), fn.Dense(2, activation="softmax")]
    return fn.Network(layers, input_shape=D, loss="categorical_crossentropy", dtype=dtype, seed=4)


class Spy:
    """Stands where the training looks for ``SampleSpace`` and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(start, "SampleSpace", self)

    def __call__(self, *arguments: Any) -> SampleSpace:
        self.made += 1
        return SampleSpace(*arguments)

    def forbid(self) -> None:
        """Force the ordinary path."""
        self._monkeypatch.setattr(start, "pays", lambda *arguments: False)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


class TestTheSamplesProducts:
    """With each other and with the weights, which a training begins with."""

    @pytest.mark.parametrize("samples", [1, 2, 25, 70])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_they_are_products(self, samples: int, dtype: str) -> None:
        """Of what is at right angles to the direction of the mean, which is far from 0 here."""
        X = np.random.default_rng(samples).uniform(size=(samples, 300)).astype(dtype)
        net = fn.Network([fn.Dense(3), fn.Dense(1)], input_shape=300, loss="mean_squared_error", dtype=dtype)
        weights, given = net.get_weights()[0][0].astype(np.float64), X.astype(np.float64)
        features = np.asarray(SampleSpace(net, X, 0, 1).features)
        common = given[:: -(-samples // 32)].mean(axis=0)
        direction = common / np.linalg.norm(common)
        along = given @ direction
        apart, sizes = given - np.outer(along, direction), given + np.outer(along, direction)
        start = weights - np.outer(direction, direction @ weights)
        exact = np.hstack([apart @ apart.T, along[:, np.newaxis], apart @ start])
        most = np.hstack([sizes @ sizes.T, along[:, np.newaxis], sizes @ np.abs(weights)])
        # A rounding for each of 300 additions at the most, in the products and in the mean, and for each block.
        error = np.abs(features[:samples, : samples + 4] - exact)
        assert (error <= 610 * np.finfo(dtype).eps * most).all()
        assert not features[:, samples + 4 :].any()
        symmetric = features[: samples + 1, : samples + 1]
        np.testing.assert_array_equal(symmetric, symmetric.T)

    @pytest.mark.parametrize("momentum", [0.0, 0.9])
    def test_numbers_that_are_all_positive_lose_no_digits(self, momentum: float, spy: Spy) -> None:
        """Of pictures, which are far from 0 in a direction of their own, in float32 beside float64; the ordinary way
        is as far away (``docs/decisions/0034``), where without that direction it was 1.6e-6 in the weights."""
        rng = np.random.default_rng(0)
        X = np.clip(0.5 + 0.1 * rng.standard_normal((100, 3000)) + 0.1 * rng.standard_normal((100, 1)), 0, 1)
        X, y = X.astype(np.float32), (X[:, 0] > 0.5).astype(int)

        def trained(dtype: str) -> tuple[Floats, Floats]:
            layers = [fn.Dense(5, activation="tanh"), fn.Dense(1, activation="sigmoid")]
            net = fn.Network(layers, input_shape=3000, loss="binary_crossentropy", dtype=dtype, seed=3)
            alike = fn.Network(layers, input_shape=3000, loss="binary_crossentropy", seed=3).get_weights()
            net.set_weights([(W.astype(dtype), b.astype(dtype)) for W, b in alike])
            sgd = fn.SGD(0.005, momentum=momentum)
            history = net.fit(X.astype(dtype), y, optimizer=sgd, epochs=300, batch_size=None)
            return np.array(history.loss), net.get_weights()[0][0]

        (losses, weights), (exact_losses, exact_weights) = trained("float32"), trained("float64")
        assert spy.made == 2
        # The losses are about 1 at the most, the weights 0.05, each rounded anew in 300 steps.
        assert np.abs(losses - exact_losses).max() < 4 * np.finfo("float32").eps
        assert np.abs(weights - exact_weights).max() < 0.05 * np.sqrt(300) * np.finfo("float32").eps * 4

    @pytest.mark.needs_compiler
    @pytest.mark.parametrize("threads", [2, 3, 7])
    def test_any_number_of_threads_gives_the_same_bits(self, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
        net = fn.Network([fn.Dense(5), fn.Dense(1)], input_shape=300, loss="mean_squared_error")
        X = np.random.default_rng(0).normal(size=(61, 300)).astype(np.float32)
        alone = np.asarray(SampleSpace(net, X, 0, threads).features)
        monkeypatch.setattr(sample_space, "WORTH_THREADS", 0)
        shared = np.asarray(SampleSpace(net, X, 0, threads).features)
        np.testing.assert_array_equal(shared, alone)

    @pytest.mark.needs_compiler
    @pytest.mark.parametrize(
        ("x", "found"),
        [
            (np.zeros((3, 4)), "C-ordered float64 of 2"),
            (np.zeros((4, 3), np.float32).T, "otherwise ordered float32 of 2"),
            (np.zeros(4, np.float32), "C-ordered float32 of 1"),
        ],
    )
    def test_compiled_code_is_given_no_other_array_than_it_knows(self, x: Floats, found: str) -> None:
        from fastnet_kernels.jit import dense, library

        like = np.zeros((4, 2), np.float32)
        with pytest.raises(TypeError, match=f"takes C-ordered float32 arrays of 2 dimensions, not {found}$"):
            library.from_python(dense.samples_weights, "float32")(like, x, like, like[0], like[0, :1], like, 0)

    def test_blocks_of_pixels_end_where_those_of_floats_do(self) -> None:
        assert sample_space.COLUMNS_AT_ONCE % sample_space.TOGETHER == 0

    @pytest.mark.needs_compiler
    def test_pixels_have_the_bits_of_floats(self) -> None:
        """So many weights that a block of few features would go another way to its product than one of all."""
        pixels = np.random.default_rng(0).integers(0, 256, (1500, 2050), np.uint8)
        first, second = fn.Pixels(pixels, divisor=255), np.divide(pixels, np.float32(255), dtype=np.float32)
        found = []
        for X in (first, second):
            layers = [fn.Dense(100, activation="relu"), fn.Dense(2, activation="softmax")]
            net = fn.Network(layers, input_shape=2050, loss="categorical_crossentropy", seed=0)
            net.fit(X, np.arange(1500) % 2, optimizer=fn.SGD(0.01), epochs=10, batch_size=None, threads=1)
            found.append(net.get_weights()[0][0])
        np.testing.assert_array_equal(found[0], found[1])


def fit(name: str, epochs: int, dtype: str = "float64", **more: Any) -> tuple[fn.Network, fn.History]:
    settings = dict(UPDATES[name])
    net = network(dtype, l2=settings.pop("l2", 0.0), dropout=settings.pop("dropout", 0.0))
    X, y = data()
    history = net.fit(X, y, epochs=epochs, batch_size=None, **settings, **more)
    return net, history


def both(spy: Spy, name: str, epochs: int, **more: Any) -> list[tuple[fn.Network, fn.History]]:
    """The training in sample space, then the ordinary one."""
    special = fit(name, epochs, **more)
    assert spy.made == 1
    spy.forbid()
    ordinary = fit(name, epochs, **more)
    assert spy.made == 1
    return [special, ordinary]


def assert_near(got: npt.ArrayLike, expected: npt.ArrayLike, tolerance: float) -> None:
    """Relative to the whole vector, whose small components carry the roundings of the large ones."""
    difference = np.linalg.norm(np.subtract(got, expected))
    assert difference <= tolerance * np.linalg.norm(np.asarray(expected)), difference


class TestEqualToTheOrdinaryPath:
    @of_each_update
    def test_over_a_few_steps(self, name: str, spy: Spy) -> None:
        (special, seen), (ordinary, expected) = both(spy, name, 20)
        assert special.parameters.shape == ordinary.parameters.shape
        assert_near(special.parameters, ordinary.parameters, 1e-12)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-12)
        assert seen.accuracy == expected.accuracy

    @pytest.mark.usefixtures("teams_for_small_work")
    @pytest.mark.needs_compiler
    @pytest.mark.parametrize("team", [1, 3])
    @of_each_update
    def test_over_2000_steps(self, name: str, team: int, spy: Spy) -> None:
        (special, seen), (ordinary, expected) = both(spy, name, 2000, threads=team)
        assert_near(special.parameters, ordinary.parameters, 1e-9)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-9)
        assert expected.loss[-1] < 0.9 * expected.loss[0]

    @pytest.mark.usefixtures("teams_for_small_work")
    @pytest.mark.needs_compiler
    @pytest.mark.parametrize("team", [1, 2, 3])
    def test_of_more_samples_than_a_block_has_and_few_units(self, team: int, spy: Spy) -> None:
        """Where the samples' products are read by their columns if a machine's vectors are long, block by block."""
        X, y = data(600, 700)
        trained = []
        for _ in range(2):
            net = fn.Network(
                [fn.Dense(7, activation="tanh", l2=0.01), fn.Dense(1, activation="sigmoid")],
                input_shape=700,
                loss="binary_crossentropy",
                dtype="float64",
                seed=4,
            )
            history = net.fit(X, y, optimizer=fn.SGD(0.05), epochs=60, batch_size=None, threads=team)
            trained.append((net, history))
            spy.forbid()
        assert spy.made == 1
        (special, seen), (ordinary, expected) = trained
        assert_near(special.parameters, ordinary.parameters, 1e-11)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-11)

    @pytest.mark.needs_compiler
    @of_each_update
    def test_in_float32_over_200_steps(self, name: str, spy: Spy) -> None:
        """Each step adds at most the roundings of its longest sums, D for one path and N + D for the other; where
        velocity keeps 10 steps' worth of changes, 10 times."""
        (special, seen), (ordinary, expected) = both(spy, name, 200, dtype="float32")
        kept = 10 if UPDATES[name]["optimizer"].momentum else 1
        tolerance = (
            200 * (N + 2 * D) * float(np.finfo(np.float32).eps) * UPDATES[name]["optimizer"].learning_rate * kept
        )
        assert tolerance < 1e-3
        assert_near(special.parameters, ordinary.parameters, tolerance)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=10 * tolerance)

    @pytest.mark.needs_compiler
    def test_far_from_the_origin_with_a_penalty_that_fades_the_first_weights_away(self, spy: Spy) -> None:
        """After 2000 steps of 1 - 0.01 * 2 nothing is left of what they began with."""
        X, y = data()
        nets = []
        for forbidden in (False, True):
            if forbidden:
                spy.forbid()
            nets.append(network(l2=2.0))
            nets[-1].fit(X + 3, y, epochs=2000, batch_size=None, optimizer=fn.SGD(0.01))
        assert spy.made == 1
        for (W, b), (expected_W, expected_b) in zip(*(net.get_weights() for net in nets), strict=True):
            np.testing.assert_allclose(W, expected_W, atol=1e-9)
            np.testing.assert_allclose(b, expected_b, atol=1e-9)

    def test_the_reference_engine_agrees(self, spy: Spy) -> None:
        special, seen = fit("all together", 30)
        reference, expected = fit("all together", 30, backend="reference")
        assert spy.made == 1
        assert_near(special.parameters, reference.parameters, 1e-12)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-12)

    def test_a_second_fit_goes_on_from_the_weights_of_the_first(self, spy: Spy) -> None:
        X, y = data()
        nets = []
        for forbidden in (False, True):
            if forbidden:
                spy.forbid()
            nets.append(network(l2=0.05))
            for _ in range(2):
                nets[-1].fit(X, y, epochs=15, batch_size=None, optimizer=fn.SGD(0.05, momentum=0.9))
        assert spy.made == 2
        assert_near(nets[0].parameters, nets[1].parameters, 1e-12)


class Keeper(fn.Callback):
    """Keeps the weights that a callback sees, and what was saved and loaded again in the middle."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.parameters: list[Floats] = []
        self.before: list[Floats] = []
        self.scores: list[float] = []

    def on_epoch_end(self, training: Training) -> None:
        self.parameters.append(training.model.parameters.copy())
        self.before.append(training.parameters_before.copy())
        self.scores.append(training.model.evaluate(*data(6, seed=1))["loss"])
        if self.path is not None and len(self.parameters) == 7:
            assert isinstance(training.model, fn.Network)
            training.model.save(self.path)


class TestWhatOthersSee:
    def test_callbacks_and_validation_see_ordinary_weights(self, spy: Spy) -> None:
        keepers = [Keeper(), Keeper()]
        held_out = data(6, seed=1)
        _, seen = fit("all together", 15, callbacks=[keepers[0]], validation_data=held_out)
        assert spy.made == 1
        spy.forbid()
        _, expected = fit("all together", 15, callbacks=[keepers[1]], validation_data=held_out)
        assert seen.columns() == expected.columns()
        for column in ("loss", "val_loss"):
            np.testing.assert_allclose(getattr(seen, column), getattr(expected, column), rtol=1e-12)
        for column in ("accuracy", "val_accuracy"):
            assert getattr(seen, column) == getattr(expected, column)
        assert keepers[0].scores == seen.val_loss
        for got, wanted in zip(keepers[0].parameters, keepers[1].parameters, strict=True):
            assert_near(got, wanted, 1e-12)
        for got, wanted in zip(keepers[0].before, keepers[1].before, strict=True):
            assert_near(got, wanted, 1e-12)

    def test_a_model_saved_in_the_middle_is_the_ordinary_one(self, tmp_path: Path, spy: Spy) -> None:
        nets = []
        for name, forbidden in (("special", False), ("ordinary", True)):
            if forbidden:
                spy.forbid()
            fit("momentum", 15, callbacks=[Keeper(tmp_path / f"{name}.h5")])
            nets.append(fn.load(tmp_path / f"{name}.h5"))
        assert spy.made == 1
        assert_near(nets[0].parameters, nets[1].parameters, 1e-12)
        assert_near(nets[0].predict_proba(data()[0]), nets[1].predict_proba(data()[0]), 1e-12)
        assert_near(nets[0].parameters, fit("momentum", 7)[0].parameters, 1e-12)

    def test_early_stopping_restores_the_best_weights(self, spy: Spy) -> None:
        results = []
        for forbidden in (False, True):
            if forbidden:
                spy.forbid()
            stopping = fn.EarlyStopping(3, monitor="val_loss")
            net, history = fit("momentum", 400, callbacks=[stopping], validation_data=data(6, seed=1))
            results.append((net, len(history.loss), stopping.best_epoch))
            assert net.evaluate(*data(6, seed=1))["loss"] == min(history.val_loss)
        assert spy.made == 1
        assert results[0][1:] == results[1][1:]
        assert results[0][1] < 400
        assert_near(results[0][0].parameters, results[1][0].parameters, 1e-12)

    @of_each_update
    def test_however_the_epochs_are_cut_into_calls_the_bits_are_the_same(
        self, name: str, spy: Spy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        results = []
        ways: list[tuple[float, dict[str, Any]]] = [
            (0.0, {}),
            (1e9, {}),
            (1e-3, {}),
            (1e9, {"callbacks": [Keeper()]}),
            (1e9, {"validation_data": data(6, seed=1)}),
        ]
        for seconds, more in ways:
            monkeypatch.setattr(loop, "SECONDS_A_CALL", seconds)
            net, history = fit(name, 25, **more)
            results.append((net.parameters.tobytes(), history.loss, history.accuracy))
        assert spy.made == len(ways)
        assert all(result == results[0] for result in results)

    @pytest.mark.usefixtures("teams_for_small_work")
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("team", [1, 2, 3])
    def test_the_same_seed_and_team_give_the_same_bits(self, team: int, dtype: str, spy: Spy) -> None:
        bits = {fit("all together", 12, dtype, threads=team)[0].parameters.tobytes() for _ in range(4)}
        assert len(bits) == 1
        assert spy.made == 4

    @pytest.mark.usefixtures("teams_for_small_work")
    @pytest.mark.parametrize("team", [1, 2, 3])
    def test_nothing_is_read_before_it_is_written(self, team: int, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever a new buffer holds, of every member's."""
        expected = fit("all together", 12)[0].parameters
        empty = np.empty

        def poisoned(*arguments: Any, **options: Any) -> npt.NDArray[Any]:
            fresh = empty(*arguments, **options)
            # All of the bits are NaN in either float type too, for memory that is looked at as one.
            if fresh.size:
                fresh.view(np.uint8).fill(255)
            return fresh

        monkeypatch.setattr(np, "empty", poisoned)
        assert_near(fit("all together", 12, threads=team)[0].parameters, expected, 1e-12)
        assert spy.made == 2

    @pytest.mark.parametrize("when", ["on_fit_begin", "on_epoch_end"])
    def test_weights_that_a_callback_sets_are_trained_on(self, when: str, spy: Spy) -> None:
        """One that clips weights, say, is obeyed on the ordinary path."""

        class Halve(fn.Callback):
            def __init__(self) -> None:
                def halve(training: Training) -> None:
                    if len(training.history.loss) in (0, 5):
                        training.model.parameters *= 0.5

                setattr(self, when, halve)

        special, seen = fit("momentum", 15, callbacks=[Halve()])
        assert spy.made == 1
        spy.forbid()
        ordinary, expected = fit("momentum", 15, callbacks=[Halve()])
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-12)
        assert_near(special.parameters, ordinary.parameters, 1e-12)


CHOSEN: dict[str, Any] = {"optimizer": fn.SGD(0.05), "epochs": 30, "batch_size": None}


class TestChoice:
    @pytest.mark.parametrize(
        "change",
        [{}, {"batch_size": N}, {"batch_size": 10 * N}, {"shuffle": False}, {"threads": 2}],
        ids=str,
    )
    def test_where_it_pays_it_is_chosen(self, change: dict[str, Any], spy: Spy) -> None:
        network().fit(*data(), **CHOSEN | change)
        assert spy.made == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"optimizer": fn.Adam(0.01)},
            {"batch_size": N - 1},
            {"batch_size": 1},
            {"epochs": 1},
            {"epochs": 2},
            {"backend": "reference"},
        ],
        ids=str,
    )
    def test_never_where_it_is_not_exact_or_does_not_pay(self, change: dict[str, Any], spy: Spy) -> None:
        network().fit(*data(), **CHOSEN | change)
        assert spy.made == 0

    @pytest.mark.parametrize("samples", [D - 4, D, D + 1, 3 * D])
    def test_never_with_as_many_samples_as_features(self, samples: int, spy: Spy) -> None:
        network().fit(*data(samples), **CHOSEN | {"epochs": 60})
        assert spy.made == 0

    def test_never_with_dropout_on_the_input(self, spy: Spy) -> None:
        network(before=0.2).fit(*data(), **CHOSEN)
        assert spy.made == 0
        network(dropout=0.2).fit(*data(), **CHOSEN)
        assert spy.made == 1

    def test_an_optimizer_of_another_kind_is_not_taken_for_one_that_is_linear(self, spy: Spy) -> None:
        """Whatever else comes: only what is known to be linear in the gradient."""
        from fastnet.training.sample_space import pays

        class Other(fn.Adam):
            pass

        X = data()[0]
        assert pays(network(), X, fn.SGD(0.1), N, 1000)
        assert not pays(network(), X, Other(0.1), N, 1000)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seconds", [0.0, 1e9])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_divergence_keeps_the_last_good_weights(
    momentum: float, seconds: float, dtype: str, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_A_CALL", seconds)
    X, y = data()
    kept, seen = [], []

    class Losses(fn.Callback):
        each_epoch = seconds == 0

        def on_fit_begin(self, training: Training) -> None:
            seen.append(training.history)

    for forbidden in (False, True):
        if forbidden:
            spy.forbid()
        layers = [fn.Dense(3), fn.Dense(1)]
        net = fn.Network(layers, input_shape=D, loss="mean_squared_error", dtype=dtype, seed=1)
        before = net.parameters.copy()
        with pytest.raises(fn.DivergenceError, match=r"training diverged: .* try a learning rate below 2"):
            net.fit(X, y, optimizer=fn.SGD(2.0, momentum=momentum), epochs=4000, batch_size=None, callbacks=[Losses()])
        assert np.isfinite(net.parameters).all()
        assert np.isfinite(net.evaluate(X, y)["loss"])
        assert not np.array_equal(net.parameters, before)
        kept.append(net.parameters)
    assert spy.made == 1
    # Overflow comes so fast that both paths meet it in the same epoch.
    assert len(seen[0].loss) == len(seen[1].loss)
    assert_near(kept[0] / np.abs(kept[1]).max(), kept[1] / np.abs(kept[1]).max(), 1e-3 if dtype == "float32" else 1e-9)
