"""What does not go together is refused in a sentence, and what crosses types and processes stays right."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnet as fn

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((30, 4)), RNG.integers(0, 2, 30)
BACKENDS = ("jit", "reference")


def network(*layers: Any, dtype: str = "float32") -> fn.Network:
    last = fn.Dense(1, activation="sigmoid")
    return fn.Network([*layers, last], input_shape=4, loss="binary_crossentropy", dtype=dtype)


@pytest.mark.parametrize(
    ("layers", "options", "sentence"),
    [
        ([fn.BatchNorm()], {"optimizer": fn.Adam(average=0.9)}, "average does not go with BatchNorm"),
        ([fn.BatchNorm()], {"batch_size": 1}, "BatchNorm needs batches of at least 2 samples"),
        ([], {"optimizer": fn.SGD(clip_value=1e-60)}, "clip_value 1e-60 is 0 in float32"),
        ([], {"optimizer": fn.SGD(clip_norm=1e-60)}, "clip_norm 1e-60 is 0 in float32"),
        ([fn.LayerNorm(epsilon=1e-60)], {}, "a layer's epsilon 1e-60 is 0 in float32"),
        (
            [],
            {"optimizer": fn.SGD(average=0.9), "callbacks": [fn.EarlyStopping()]},
            "EarlyStopping cannot go by 'loss' of a training with average",
        ),
    ],
)
def test_options_that_do_not_go_together(layers: list[Any], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        network(*layers).fit(X, Y, **options)


def test_other_things_that_are_refused() -> None:
    with pytest.raises(fn.ConfigurationError, match="Rprop takes no schedule"):
        fn.Rprop(fn.StepDecay(0.1))
    with pytest.raises(fn.ConfigurationError, match="needs both X and y, or neither"):
        fn.check_gradients(network(), X)
    with pytest.raises(fn.ConfigurationError, match="the number of the loss huber 1e-50 is 0 in float32"):
        fn.Network([fn.Dense(1)], input_shape=4, loss=fn.Huber(1e-50)).fit(X, Y)
    frozen = fn.Network([fn.Dense(1, trainable=False)], input_shape=4, loss="mean_squared_error")
    for train in (frozen.fit, lambda *data: fn.find_learning_rate(frozen, *data)):
        with pytest.raises(fn.ConfigurationError, match="every layer is frozen, so there is nothing to train"):
            train(X, Y)
    gaps = np.ones((30, 2))
    gaps[3, 0] = np.nan
    two = fn.Network([fn.Dense(2, activation="sigmoid")], input_shape=4, loss="binary_crossentropy")
    with pytest.raises(fn.DataError, match="y holds one class only"):
        two.fit(X, gaps)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_whose_squares_overflow_are_clipped_all_the_same(backend: str) -> None:
    net = fn.Network([fn.Dense(1, init="zeros")], input_shape=2, loss="mean_absolute_error")
    net.fit(np.full((4, 2), 1e25), np.ones(4), optimizer=fn.SGD(0.1, clip_norm=1.0), epochs=1, backend=backend)
    # Both weights' gradients are -1e25, so both move by the rate over the root of 2.
    np.testing.assert_allclose(net.get_weights()[0][0][:, 0], 0.1 / math.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_weighted_accuracy_is_one_and_the_same(backend: str) -> None:
    weights = RNG.uniform(0, 2, 30)
    net = network(fn.Dense(5, activation="tanh"))
    history = net.fit(X, Y, epochs=2, validation_data=(X, Y, weights), backend=backend)
    evaluated = net.evaluate(X, Y, sample_weight=weights, backend=backend)
    assert history.val_accuracy[-1] == evaluated["accuracy"]
    right = net.predict(X, backend=backend) == Y
    assert evaluated["accuracy"] == pytest.approx(np.average(right, weights=weights))


def test_the_rate_of_each_epoch_is_in_the_history() -> None:
    schedule = fn.StepDecay(0.1, factor=0.5, interval=2)
    history = network().fit(X, Y, optimizer=fn.SGD(schedule), epochs=5)
    assert history.learning_rate == [0.1, 0.1, 0.05, 0.05, 0.025]
    plateau = fn.ReduceOnPlateau(0.1, factor=0.5, patience=0, min_delta=0.99)
    assert network().fit(X, Y, optimizer=fn.SGD(plateau), epochs=4).learning_rate == [0.1, 0.1, 0.05, 0.025]


MODULE = """
def square(z):
    return z * z if abs(z) < 10 else 100.0


def twice(z):
    return 2 * z if abs(z) < 10 else 0.0
"""
DUMP = """
import pickle, numpy as np, fastnet as fn, own
net = fn.Network([fn.Dense(5, activation=fn.CustomActivation("square", own.square, own.twice)), fn.Dense(1)],
                 input_shape=4, loss="mean_squared_error", seed=3)
X = np.arange(12.0).reshape(3, 4)
with open("net.pickle", "wb") as file:
    pickle.dump((net, X, net.predict(X, backend="reference")), file)
"""
LOAD = """
import pickle, sys, numpy as np
with open("net.pickle", "rb") as file:
    net, X, expected = pickle.load(file)
print(float(np.abs(net.predict(X, backend=sys.argv[1]) / expected - 1).max()))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_own_activation_goes_to_another_process_with_its_network(backend: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(MODULE, encoding="utf-8")
    subprocess.run([sys.executable, "-c", DUMP], cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, backend], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1e-5
