"""Samples of bytes: the same training as on the floats that they stand for, converted batch by batch."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.optimizers import Optimizer
from fastnet.training.sample_space import COLUMNS_AT_ONCE, pays
from fastnet_kernels.reference.pixels import convert_pixels

pytestmark = pytest.mark.usefixtures("teams_for_small_work")

Bytes = npt.NDArray[np.uint8]
N, D = 43, 30
DTYPES = ("float32", "float64")


def pictures(samples: int = N, features: int = D, seed: int = 0) -> tuple[Bytes, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (samples, features), np.uint8), np.arange(samples) % 2


def network(features: int = D, dtype: str = "float32", *, hidden: int = 6, before: float = 0.0) -> fn.Network:
    """``before`` is a dropout on the input."""
    layers: list[Any] = [fn.Dropout(before)] if before else []
    layers += [fn.Dense(hidden, activation="tanh", l2=0.01), fn.Dropout(0.2), fn.Dense(2, activation="softmax")]
    return fn.Network(layers, input_shape=features, loss="categorical_crossentropy", dtype=dtype, seed=3)


def both(
    build: Callable[[], fn.Network], X: Bytes, y: npt.NDArray[np.int64], divisor: float = 255.0, **options: Any
) -> list[tuple[fn.Network, fn.History]]:
    """The training on pixels, then that on floats, each with the last rows as validation data of its kind."""
    floats = (X / divisor).astype(build().dtype)
    results = []
    for samples, held_out in ((fn.Pixels(X, divisor), fn.Pixels(X[-9:], divisor)), (floats, floats[-9:])):
        net = build()
        results.append((net, net.fit(samples, y, epochs=3, validation_data=(held_out, y[-9:]), **options)))
    return results


def assert_same_bits(results: list[tuple[fn.Network, fn.History]]) -> None:
    (one, seen), (other, expected) = results
    assert np.isfinite(expected.loss).all()
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert (seen.loss, seen.accuracy) == (expected.loss, expected.accuracy)
    assert (seen.val_loss, seen.val_accuracy) == (expected.val_loss, expected.val_accuracy)


WAYS: dict[str, dict[str, Any]] = {
    "shuffled": {"batch_size": 8},
    "in order": {"batch_size": 8, "shuffle": False},
    "full batch": {"batch_size": None},
}


@pytest.mark.parametrize("way", WAYS)
class TestTheSameTrainingAsOnFloats:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("threads", [1, 2])
    def test_by_the_jit_engine_bit_for_bit(self, way: str, threads: int, dtype: str) -> None:
        assert_same_bits(both(lambda: network(dtype=dtype), *pictures(), threads=threads, **WAYS[way]))

    def test_with_dropout_on_the_pixels(self, way: str) -> None:
        assert_same_bits(both(lambda: network(before=0.3), *pictures(), threads=2, **WAYS[way]))

    def test_by_a_team_that_shares_one_copy_of_the_gradients(self, way: str) -> None:
        """As where a layer is large for the rows of a batch."""
        assert_same_bits(both(lambda: network(hidden=200), *pictures(), threads=2, **WAYS[way]))

    def test_by_the_reference_to_rounding(self, way: str) -> None:
        (one, seen), (other, expected) = both(network, *pictures(), backend="reference", **WAYS[way])
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-5)
        np.testing.assert_allclose(seen.val_loss, expected.val_loss, rtol=1e-5)


def test_a_batch_of_several_blocks() -> None:
    """More rows than a member sends through the layers at a time."""
    for shuffle in (True, False):
        assert_same_bits(both(lambda: network(), *pictures(700), batch_size=600, shuffle=shuffle, threads=2))


class TestInSampleSpace:
    """Where the features come a block of columns at a time."""

    D = 2 * COLUMNS_AT_ONCE + 100

    def build(self) -> fn.Network:
        layers = [fn.Dense(4, activation="relu", l2=0.01), fn.Dense(1, activation="sigmoid")]
        return fn.Network(layers, input_shape=self.D, loss="binary_crossentropy", seed=1)

    @pytest.mark.parametrize("optimizer", [fn.SGD(0.01), fn.SGD(0.01, momentum=0.9)], ids=["sgd", "momentum"])
    def test_the_same_bits_as_on_floats(self, optimizer: Optimizer) -> None:
        X, y = pictures(12, self.D)
        trained = []
        for samples in (fn.Pixels(X), (X / 255).astype(np.float32)):
            net = self.build()
            assert pays(net, net.check_features(samples), optimizer, 12, 30)
            history = net.fit(samples, y, optimizer=optimizer, batch_size=None, epochs=30)
            trained.append((net, history))
        assert_same_bits(trained)

    def test_near_the_ordinary_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        X, y = pictures(12, self.D)
        options: dict[str, Any] = {"optimizer": fn.SGD(0.01), "batch_size": None, "epochs": 30}
        special, ordinary = self.build(), self.build()
        seen = special.fit(fn.Pixels(X), y, **options)
        monkeypatch.setattr("fastnet.training.start.pays", lambda *arguments: False)
        expected = ordinary.fit(fn.Pixels(X), y, **options)
        np.testing.assert_allclose(seen.loss, expected.loss, rtol=1e-3)
        np.testing.assert_allclose(special.parameters, ordinary.parameters, atol=1e-4)

    def test_it_goes_on_from_pixels_when_a_callback_changes_the_weights(self) -> None:
        X, y = pictures(12, self.D)

        class Halve(fn.Callback):
            each_epoch = True

            def on_epoch_end(self, training: Any) -> None:
                if len(training.history.loss) == 5:
                    training.model.parameters *= 0.5

        trained = []
        for samples in (fn.Pixels(X), (X / 255).astype(np.float32)):
            net = self.build()
            history = net.fit(samples, y, optimizer=fn.SGD(0.01), batch_size=None, epochs=30, callbacks=[Halve()])
            trained.append((net, history))
        assert_same_bits(trained)

    def test_the_course_pictures_are_trained_there(self) -> None:
        layers = [fn.Dense(7, activation="relu"), fn.Dense(1, activation="sigmoid")]
        net = fn.Network(layers, input_shape=(64, 64, 3), loss="binary_crossentropy")
        pixels = net.check_features(fn.Pixels(np.zeros((209, 64, 64, 3), np.uint8)))
        assert isinstance(pixels, fn.Pixels)
        assert pays(net, pixels, fn.SGD(0.0075), 209, 2500)


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize("samples", [1, 9, 600])
def test_answers_and_scores_are_those_on_floats(samples: int, backend: str) -> None:
    X, y = pictures(samples)
    floats = (X / 255).astype(np.float32)
    net = network()
    given = fn.Pixels(X)
    assert net.predict_proba(given, backend=backend).tobytes() == net.predict_proba(floats, backend=backend).tobytes()
    np.testing.assert_array_equal(net.predict(given, backend=backend), net.predict(floats, backend=backend))
    assert net.evaluate(given, y, backend=backend) == net.evaluate(floats, y, backend=backend)


class TestPlainBytes:
    """An ndarray of uint8 is what it says: numbers from 0 to 255."""

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_they_train_as_the_floats_of_the_same_values(self, dtype: str) -> None:
        X, y = pictures()
        one, other = network(dtype=dtype), network(dtype=dtype)
        seen = one.fit(X, y, epochs=2, batch_size=8)
        expected = other.fit(X.astype(dtype), y, epochs=2, batch_size=8)
        assert_same_bits([(one, seen), (other, expected)])

    def test_they_are_not_copied_unless_they_lie_otherwise(self) -> None:
        X, _ = pictures()
        checked = network().check_features(X)
        assert isinstance(checked, fn.Pixels)
        assert checked.divisor == 1
        assert np.shares_memory(checked.X, X)
        turned = network(N).check_features(X.T)
        assert isinstance(turned, fn.Pixels)
        assert turned.X.flags.c_contiguous
        np.testing.assert_array_equal(turned.X, X.T)

    def test_other_integers_are_floats_as_ever(self) -> None:
        checked = network().check_features(pictures()[0].astype(np.int16))
        assert isinstance(checked, np.ndarray)
        assert checked.dtype == np.float32


def test_pictures_keep_their_shape_until_the_network_takes_them() -> None:
    X = np.random.default_rng(0).integers(0, 256, (5, 3, 5, 2), np.uint8)
    net = fn.Network([fn.Dense(1)], input_shape=(3, 5, 2), loss="mean_squared_error")
    np.testing.assert_array_equal(net.predict(fn.Pixels(X)), net.predict(fn.Pixels(X.reshape(5, 30))))
    assert fn.Pixels(X).shape == X.shape
    assert len(fn.Pixels(X)) == 5


def test_many_networks_train_on_the_same_pixels() -> None:
    X, y = pictures()
    networks, alone = [network(), network(hidden=5)], [network(), network(hidden=5)]
    fn.fit_many(networks, fn.Pixels(X), y, epochs=2, batch_size=8)
    for one, other in zip(networks, alone, strict=True):
        other.fit((X / 255).astype(np.float32), y, epochs=2, batch_size=8, threads=1)
        assert one.parameters.tobytes() == other.parameters.tobytes()


@pytest.mark.parametrize("batch_size", [8, None])
def test_a_training_that_diverges_leaves_what_it_leaves_on_floats(batch_size: int | None) -> None:
    X, _ = pictures()
    y = X.sum(axis=1) / 1000
    left = []
    for samples in (fn.Pixels(X), (X / 255).astype(np.float32)):
        net = fn.Network([fn.Dense(4), fn.Dense(1)], input_shape=D, loss="mean_squared_error", seed=2)
        with pytest.raises(fn.DivergenceError) as caught:
            net.fit(samples, y, optimizer=fn.SGD(0.9), epochs=200, batch_size=batch_size)
        left.append((str(caught.value), net.parameters.tobytes()))
        assert np.isfinite(net.parameters).all()
    assert left[0] == left[1]


class TestWhatIsRefused:
    @pytest.mark.parametrize("X", [np.zeros((3, 4)), np.zeros((3, 4), np.int8), np.zeros((3, 4), bool)])
    def test_other_dtypes(self, X: Any) -> None:
        with pytest.raises(fn.DataError, match=f"array of uint8, but X is of {X.dtype}"):
            fn.Pixels(X)

    def test_what_is_no_array(self) -> None:
        with pytest.raises(fn.DataError, match="X is a list"):
            fn.Pixels([[1, 2]])  # type: ignore[arg-type]

    @pytest.mark.parametrize("divisor", [0, -255, np.nan, np.inf, "255", True])
    def test_a_divisor_that_is_no_number_above_0(self, divisor: Any) -> None:
        with pytest.raises(fn.ConfigurationError, match="the divisor of Pixels must be a number above 0"):
            fn.Pixels(np.zeros((3, 4), np.uint8), divisor)

    @pytest.mark.parametrize("divisor", [1e-40, 1e-37, 1e39, 1e308])
    def test_a_divisor_that_float32_cannot_divide_by(self, divisor: float) -> None:
        pixels = fn.Pixels(np.zeros((3, D), np.uint8), divisor)
        with pytest.raises(fn.DataError, match=r"divisor of Pixels.* float32 cannot hold"):
            network().predict(pixels)
        if divisor != 1e308:
            assert network(dtype="float64").predict(pixels).shape == (3,)

    def test_another_shape(self) -> None:
        with pytest.raises(fn.DataError, match=r"X must have shape \(n_samples, 30\)"):
            network().predict(fn.Pixels(np.zeros((3, 31), np.uint8)))

    def test_no_sample(self) -> None:
        X, y = pictures()
        with pytest.raises(fn.DataError, match="the validation X is empty"):
            network().fit(fn.Pixels(X), y, validation_data=(fn.Pixels(X[:0]), y[:0]))

    def test_a_pair_that_does_not_fit(self) -> None:
        X, y = pictures()
        with pytest.raises(fn.DataError, match="42"):
            network().fit(fn.Pixels(X), y[:-1])


class TestPreparation:
    def preparation(self, top: int) -> fn.Preparation:
        scaling = "none" if top == 1 else "divide"
        return fn.Preparation(input_shape=(1,), task="binary", scaling=scaling, divisor=float(top), class_values=(0, 1))  # type: ignore[arg-type]

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("top", [1, 16, 255])
    def test_the_numbers_are_those_that_are_prepared_at_once(self, top: int, dtype: str) -> None:
        X = np.arange(top + 1, dtype=np.uint8)[:, np.newaxis]
        preparation = self.preparation(top)
        pixels = preparation.samples(X, source="here", dtype=dtype)
        assert isinstance(pixels, fn.Pixels)
        converted = np.empty(X.shape, dtype)
        convert_pixels(converted, pixels.X, pixels.divisor)
        assert converted.tobytes() == preparation.features(X, source="here", dtype=dtype).tobytes()

    @pytest.mark.parametrize("divisor", [1.0, 16.0, 255.0, 3.0, 0.5, 77.25])
    def test_every_level_is_rounded_right_by_one_division_in_float32(self, divisor: float) -> None:
        levels = np.arange(256, dtype=np.uint8)[:, np.newaxis]
        once = np.empty(levels.shape, np.float32)
        convert_pixels(once, levels, divisor)
        assert once.tobytes() == (levels / divisor).astype(np.float32).tobytes()

    def test_a_divisor_that_float32_rounds_is_divided_by_in_float64(self) -> None:
        preparation = self.preparation(255)
        object.__setattr__(preparation, "divisor", 255.1)
        X = np.arange(256, dtype=np.uint8)[:, np.newaxis]
        prepared = preparation.samples(X, source="here")
        assert isinstance(prepared, np.ndarray)
        assert isinstance(preparation.samples(X, source="here", dtype="float64"), fn.Pixels)

    def test_other_data_are_prepared_as_ever(self) -> None:
        preparation = self.preparation(255)
        X = np.array([[0], [255]])
        prepared = preparation.samples(X, source="here")
        np.testing.assert_array_equal(prepared, preparation.features(X, source="here"), strict=True)

    def test_levels_and_shapes_are_checked(self) -> None:
        with pytest.raises(fn.DataError, match="whole numbers from 0 to 16"):
            self.preparation(16).samples(np.array([[17]], np.uint8), source="here")
        with pytest.raises(fn.DataError, match="each sample should have 1 features"):
            self.preparation(16).samples(np.zeros((2, 3), np.uint8), source="here")


@pytest.mark.needs_compiler
class TestTheDataAreHeldOnce:
    """What NumPy allocates, counted; the kernels allocate nothing."""

    MEGABYTES = 60

    def peak(self, work: Callable[[], object]) -> float:
        """The megabytes that ``work`` held at its worst beyond what there was before it."""
        tracemalloc.start()
        try:
            work()
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

    def use(self, X: Any, features: int, **options: Any) -> Callable[[], object]:
        net, y = network(features, hidden=4), np.arange(len(X)) % 2
        # What is imported and compiled by the first training is not of the data.
        few = fn.Pixels(X.X[:50]) if isinstance(X, fn.Pixels) else X[:50]
        net.fit(few, y[:50], epochs=1, validation_data=(few, y[:50]))

        def work() -> None:
            net.fit(X, y, epochs=1, validation_data=(X, y), **options)
            net.evaluate(X, y)
            net.predict(X)

        return work

    @pytest.mark.parametrize("way", WAYS)
    def test_pixels(self, way: str) -> None:
        features = 3000
        X = np.frombuffer(np.random.default_rng(0).bytes(self.MEGABYTES * 10**6), np.uint8).reshape(-1, features)
        # As floats they would be four times as large as they are.
        assert self.peak(self.use(fn.Pixels(X), features, **WAYS[way])) < self.MEGABYTES / 2

    @pytest.mark.parametrize("batch_size", [64, None])
    def test_floats_of_the_networks_dtype(self, batch_size: int | None) -> None:
        features = 750
        X = np.ones((self.MEGABYTES * 10**6 // 4 // features, features), np.float32)
        assert self.peak(self.use(X, features, batch_size=batch_size)) < self.MEGABYTES / 2

    def test_pixels_in_sample_space(self) -> None:
        n, features = 300, 100_000
        X = np.frombuffer(np.random.default_rng(0).bytes(n * features), np.uint8).reshape(n, features)
        net, y, optimizer = network(features, hidden=4), np.arange(n) % 2, fn.SGD(1e-3)
        assert pays(net, net.check_features(X), optimizer, n, 40)

        def work() -> None:
            net.fit(fn.Pixels(X), y, optimizer=optimizer, batch_size=None, epochs=40)

        assert self.peak(work) < X.nbytes / 1e6

    def test_a_copy_would_be_seen(self) -> None:
        X = np.ones((self.MEGABYTES * 10**6 // 8 // 750, 750))
        assert self.peak(self.use(X, 750, batch_size=64)) > self.MEGABYTES / 2


def test_parts_of_them_and_their_numbers() -> None:
    bytes_ = np.arange(12, dtype=np.uint8).reshape(4, 3)
    pixels = fn.Pixels(bytes_, 4)
    some = pixels[np.array([True, False, True, False])]
    assert isinstance(some, fn.Pixels)
    assert some.divisor == 4
    np.testing.assert_array_equal(some.X, bytes_[[0, 2]])
    np.testing.assert_array_equal(np.asarray(pixels), bytes_ / 4)
    assert np.asarray(pixels, np.float32).dtype == np.float32
