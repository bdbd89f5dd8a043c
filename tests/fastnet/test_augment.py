"""Pictures changed at random in training: what the layer accepts, and that both engines, any number of threads, any
kind of samples and a training in parts see the same of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet.labelled import Labelled
from fastnet.layers import layer_from_dict, layer_to_dict
from fastnet.training import Training
from fastnet.training.sample_space import pays

SHAPE = (6, 5, 2)
ALL = fn.Augment(flip="both", shift=0.4, rotate=25)
RNG = np.random.default_rng(0)
BYTES, Y = RNG.integers(0, 256, (43, *SHAPE), np.uint8), np.arange(43) % 2
X = (BYTES / 255).astype(np.float32)
on_both_engines = pytest.mark.parametrize(
    "backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"]
)


def network(augment: fn.Augment | None = ALL, *others: Any, shape: Any = SHAPE, **options: Any) -> fn.Network:
    first = [] if augment is None else [augment]
    layers = [*first, *(others or (fn.Dense(6, activation="tanh"),)), fn.Dense(2, activation="softmax")]
    return fn.Network(layers, input_shape=shape, loss="categorical_crossentropy", seed=3, **options)


WAYS: dict[str, dict[str, Any]] = {
    "shuffled": {"batch_size": 8},
    "in order": {"batch_size": 8, "shuffle": False},
    "full batch": {"batch_size": None},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("others", [(), (fn.BatchNorm(), fn.Dense(4), fn.BatchNorm())], ids=["plain", "normalised"])
class TestATraining:
    def test_both_engines_see_the_same_pictures(self, way: str, others: tuple[Any, ...]) -> None:
        trained = []
        for backend in ("reference", "jit"):
            net = network(ALL, *others, dtype="float64")
            options: dict[str, Any] = {"epochs": 3, "validation_data": (X[:9], Y[:9]), **WAYS[way]}
            # Not by Adam, which makes steps of the roundings of gradients that are 0.
            history = net.fit(X, Y, optimizer=fn.SGD(0.1), backend=backend, **options)
            trained.append((net.parameters, history.loss, history.val_loss))
        for one, other in zip(*trained, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)

    def test_pixels_are_the_floats_that_they_stand_for(self, way: str, others: tuple[Any, ...]) -> None:
        one, other = network(ALL, *others), network(ALL, *others)
        seen = one.fit(fn.Pixels(BYTES), Y, epochs=2, **WAYS[way])
        expected = other.fit(X, Y, epochs=2, **WAYS[way])
        np.testing.assert_array_equal(one.parameters, other.parameters)
        assert seen.loss == expected.loss

    def test_it_changes_the_training(self, way: str, others: tuple[Any, ...]) -> None:
        plain = network(None, *others).fit(X, Y, epochs=1, **WAYS[way]).loss
        assert network(ALL, *others).fit(X, Y, epochs=1, **WAYS[way]).loss != plain


@pytest.mark.needs_compiler
@pytest.mark.parametrize("shuffle", [True, False])
def test_any_number_of_threads_sees_the_same_pictures(shuffle: bool) -> None:
    """With work enough for a team, and rows enough for several blocks: other pictures would change the losses in the
    first digits, another order of summing does in the last."""
    rng = np.random.default_rng(1)
    many, labels = rng.integers(0, 256, (700, *SHAPE), np.uint8), np.arange(700) % 2
    losses = []
    for threads in (1, 2, 3):
        net = network(ALL, fn.Dense(60, activation="tanh"), dtype="float64")
        options: dict[str, Any] = {"batch_size": 600, "shuffle": shuffle, "epochs": 2, "threads": threads}
        losses.append(net.fit(fn.Pixels(many), labels, **options).loss)
    np.testing.assert_allclose(losses[1:], losses[:1] * 2, rtol=1e-10)


@on_both_engines
def test_two_parts_are_the_whole(backend: str) -> None:
    def run(net: fn.Network, epochs: int, **options: Any) -> Training:
        targets = Y.astype(np.float32)[:, np.newaxis]
        data = Labelled(X.reshape(len(X), -1), targets, net.check_weights(targets))
        settings: dict[str, Any] = {"batch_size": 10, "shuffle": True, "validation": None, "metrics": (), "threads": 1}
        this = Training(net, data, optimizer=fn.Adam(0.01), epochs=epochs, backend=backend, **settings, **options)
        this.run([])
        return this

    whole, parts = network(), network()
    expected = run(whole, 5).history
    first = run(parts, 3)
    then = run(parts, 2, after=first.progress())
    np.testing.assert_array_equal(parts.parameters, whole.parameters)
    assert first.history.loss + then.history.loss == expected.loss


@on_both_engines
def test_out_of_training_it_does_nothing(backend: str) -> None:
    net, plain = network(), network(None)
    plain.parameters[...] = net.parameters
    np.testing.assert_array_equal(net.predict_proba(X, backend=backend), plain.predict_proba(X, backend=backend))
    assert net.evaluate(fn.Pixels(BYTES), Y, backend=backend) == plain.evaluate(fn.Pixels(BYTES), Y, backend=backend)


@on_both_engines
@pytest.mark.parametrize("samples", [X, fn.Pixels(BYTES)], ids=["floats", "pixels"])
def test_the_spread_of_answers_is_over_changed_pictures(samples: Any, backend: str) -> None:
    mean, deviation = network().predict_spread(samples, draws=5, backend=backend)
    assert (deviation.max(axis=1) > 0).all()
    _, other = network(fn.Augment()).predict_spread(samples, draws=5, backend=backend)
    np.testing.assert_allclose(other, 0, atol=1e-7)
    assert mean.shape == (len(X), 2)


def test_gradients_pass_the_check() -> None:
    results = fn.check_gradients(network(ALL, fn.BatchNorm(), fn.Dense(4, activation="tanh")), most=5)
    assert results
    assert all(result.ok for result in results)


def test_the_description_gives_the_layer_back_and_a_file_the_network(tmp_path: Path) -> None:
    assert layer_from_dict(layer_to_dict(ALL)) == ALL
    net = network()
    net.save(tmp_path / "model.h5")
    loaded = fn.load(tmp_path / "model.h5")
    assert loaded.layers == net.layers
    assert loaded.program.tobytes() == net.program.tobytes()
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert fn.transfer(net, [fn.Dense(2, activation="softmax")]).layers[0] == ALL


def test_it_keeps_the_training_out_of_sample_space() -> None:
    wide, samples = (40, 40), np.zeros((9, 1600), np.float32)
    assert pays(network(None, shape=wide), samples, fn.SGD(0.1), 9, 50)
    assert not pays(network(ALL, shape=wide), samples, fn.SGD(0.1), 9, 50)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: fn.Augment("left"), "the flip of Augment must be one of none, horizontal, vertical, both, not 'left'"),
        (lambda: fn.Augment(shift=1), "the shift of Augment must be a number at least 0 and below 1, not 1"),
        (lambda: fn.Augment(rotate=-1), "the rotate of Augment must be a number at least 0, not -1"),
        (lambda: fn.Augment(rotate=181), "rotate of Augment must be at most 180 degrees, .*, not 181"),
        (lambda: network(None, fn.Dense(3), ALL), "Augment must be the first layer, .* not number 2"),
        (lambda: network(shape=(30,)), r"Augment needs pictures, .* but input_shape is \(30,\)"),
        (lambda: network(shape=(9000, 2)), r"at most 8192 pixels a side, but input_shape is \(9000, 2\)"),
        (lambda: network(shape=(2048, 2048)), "Augment takes pictures of fewer than 4194304 numbers"),
        (
            lambda: network(fn.Augment(shift=0.1), shape=(8, 8)),
            "less than one of pictures of 8 x 8; .* 0.125",
        ),
        (
            lambda: network().fit(X, Y, optimizer=fn.LBFGS(), batch_size=None),
            "LBFGS cannot train a network with Augment",
        ),
    ],
)
def test_what_cannot_be_is_refused(build: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        build()


def test_a_share_moves_by_whole_pixels() -> None:
    for share, shape, pixels in ((0.3, (10, 10), (3, 3)), (0.29, (100, 28, 3), (29, 8)), (0.5, (3, 1), (1, 0))):
        assert network(fn.Augment(shift=share), shape=shape).program[0]["shift"].tolist() == list(pixels)
