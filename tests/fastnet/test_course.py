"""The course's own numbers on its own pictures: 209 to train on and 50 to test, of 64x64x3."""

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn

JIT = pytest.param("jit", marks=pytest.mark.needs_compiler)
BEFORE, AFTER_100, AFTER_2400 = 0.6930497356599891, 0.6464320953428849, 0.0485547856287702


class Pictures(NamedTuple):
    """Pictures as the course uses them: (n_samples, 12288) in [0, 1], and whether each is a cat."""

    X: npt.NDArray[np.float64]
    y: npt.NDArray[np.int64]


class Course(NamedTuple):
    train: Pictures
    test: Pictures


def read(folder: Path, name: str) -> Pictures:
    path = folder / f"{name}_catvnoncat.h5"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} in the folder of real data, {folder}")
    with h5py.File(path) as file:
        X, y = file[f"{name}_set_x"][:], file[f"{name}_set_y"][:]
    return Pictures(X.reshape(len(X), -1) / 255, y)


@pytest.fixture(scope="module")
def course(shared_data: Path) -> Course:
    return Course(read(shared_data, "train"), read(shared_data, "test"))


def course_network() -> fn.Network:
    """12288-7-1 with the course's weights: drawn by layer, as (n_out, n_in), from its seed."""
    net = fn.Network(
        [fn.Dense(7, activation="relu"), fn.Dense(1, activation="sigmoid")],
        input_shape=(64, 64, 3),
        loss="binary_crossentropy",
        dtype="float64",
    )
    generator = np.random.RandomState(1)
    sizes = [(7, 12288), (1, 7)]
    weights = [(generator.randn(*size).T * 0.01, np.zeros(size[0])) for size in sizes]
    net.set_weights(weights)
    return net


@pytest.mark.parametrize("backend", [JIT, "reference"])
def test_the_courses_first_costs(backend: str, course: Course) -> None:
    history = course_network().fit(
        *course.train, optimizer=fn.SGD(0.0075), epochs=101, batch_size=None, backend=backend
    )
    assert history.loss[0] == pytest.approx(BEFORE, rel=0, abs=1e-9)
    assert history.loss[100] == pytest.approx(AFTER_100, rel=0, abs=1e-9)


@pytest.mark.needs_compiler
def test_the_courses_costs_and_accuracies(course: Course) -> None:
    """One test, so that the long training is done once, however the tests are spread; by the engine that does it in a
    tenth of a second, since both go the same way (above, and in sample space's own tests)."""
    backend = "jit"
    net = course_network()
    history = net.fit(*course.train, optimizer=fn.SGD(0.0075), epochs=2500, batch_size=None, backend=backend)
    costs = [history.loss[updates] for updates in (0, 100, 2400)]
    assert costs == pytest.approx([BEFORE, AFTER_100, AFTER_2400], rel=0, abs=1e-9)
    assert net.evaluate(*course.train, backend=backend)["accuracy"] == 1
    assert net.evaluate(*course.test, backend=backend)["accuracy"] == 0.72
    assert np.mean(net.predict(course.test.X, backend=backend) == course.test.y) == 0.72


@pytest.mark.parametrize("backend", [JIT, "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zeros_end_at_the_majority_class(dtype: str, backend: str, course: Course) -> None:
    """No unit ever differs from its neighbour, so only the last bias learns, and only how many."""
    net = fn.Network(
        [fn.Dense(7, activation="relu", init="zeros"), fn.Dense(1, "sigmoid", init="zeros")],
        input_shape=12288,
        loss="binary_crossentropy",
        dtype=dtype,
    )
    fit: dict[str, Any] = {"optimizer": fn.SGD(0.5), "epochs": 100, "batch_size": None}
    history = net.fit(*course.train, backend=backend, **fit)
    assert history.loss[0] == pytest.approx(np.log(2), rel=1e-6)
    share = 72 / 209
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert entropy == pytest.approx(0.644, abs=5e-4)
    assert history.loss[-1] == pytest.approx(entropy, abs=1e-6)
    assert net.evaluate(*course.train, backend=backend)["accuracy"] == 137 / 209
    assert net.evaluate(*course.test, backend=backend)["accuracy"] == 17 / 50
    assert not net.predict(course.test.X, backend=backend).any()
    (W1, b1), (W2, b2) = net.get_weights()
    assert not W1.any()
    assert not b1.any()
    assert not W2.any()
    assert b2[0] == pytest.approx(np.log(share / (1 - share)), abs=1e-3)
