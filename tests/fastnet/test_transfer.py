"""New networks on old layers: which weights are taken along, which stay, and what is refused."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
CLASSES = RNG.integers(0, 3, 60)
HEAD = [fn.Dense(4, activation="tanh"), fn.Dense(3, activation="softmax")]


def trained(dtype: str = "float32") -> fn.Network:
    layers = [
        fn.Dense(8),
        fn.BatchNorm(),
        fn.Activation("relu"),
        fn.Dropout(0.1),
        fn.Dense(6, activation="gelu"),
        fn.Dense(1),
    ]
    net = fn.Network(layers, input_shape=5, loss="mean_squared_error", dtype=dtype, seed=3)
    net.fit(X, X[:, 0], epochs=3)
    return net


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("backend", ["jit", "reference"])
def test_frozen_layers_keep_their_bits_and_the_others_train(backend: str) -> None:
    old = trained()
    new = fn.transfer(old, HEAD, freeze=4, loss="categorical_crossentropy")
    before = new.get_weights()
    assert [same(a, b) for a, b in zip(before, old.get_weights()[:3], strict=False)] == [True, True, True]
    new.fit(X, CLASSES, epochs=2, backend=backend)
    kept = [same(a, b) for a, b in zip(before, new.get_weights(), strict=True)]
    assert kept == [True, True, False, False, False]
    assert same(old.get_weights()[0], before[0])


def test_all_that_is_kept_is_frozen_unless_said_otherwise() -> None:
    old = trained()
    assert [layer.trainable for layer in fn.transfer(old, [fn.Dense(1)]).layers if isinstance(layer, fn.Dense)] == [
        False,
        False,
        True,
    ]
    whole = fn.transfer(old, [fn.Dense(1)], freeze=0)
    assert all(layer.trainable for layer in whole.layers if isinstance(layer, fn.Dense | fn.BatchNorm))


def test_what_is_kept_gives_what_it_gave() -> None:
    old = trained("float64")
    # A head that hands on what it is given.
    new = fn.transfer(old, [fn.Dense(6, init="zeros")])
    weights = new.get_weights()
    new.set_weights([*weights[:-1], (np.eye(6), np.zeros(6))])
    W, b = old.get_weights()[-1]
    np.testing.assert_allclose(new.predict(X) @ W[:, 0] + b, old.predict(X), rtol=1e-12, atol=1e-12)


def test_fewer_layers_can_be_kept() -> None:
    old = trained()
    new = fn.transfer(old, HEAD, keep=3, loss="categorical_crossentropy", seed=7)
    assert [type(layer).__name__ for layer in new.layers] == ["Dense", "BatchNorm", "Activation", "Dense", "Dense"]
    assert new.seed == 7
    assert fn.transfer(old, [fn.Dense(1)], keep=0).layers == (fn.Dense(1),)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": 7}, "keep must be at most 6, the number of layers, not 7"),
        ({"freeze": 6}, "freeze must be at most 5, the number of layers that are kept, not 6"),
        ({"keep": -1}, "keep must be a whole number of at least 0, not -1"),
        ({"loss": "categorical_crossentropy"}, "needs a last layer with activation 'softmax'"),
    ],
)
def test_what_makes_no_network_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        fn.transfer(trained(), [fn.Dense(1)], **options)
