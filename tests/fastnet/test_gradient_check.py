"""The gradient check passes what is right and sees what is wrong."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet_kernels.reference import engine
from fastnet_kernels.reference.dense import dense_gradients


def network(**options: Any) -> fn.Network:
    layers = [
        fn.GaussianNoise(0.1),
        fn.Dense(6, l1=0.01, l2=0.1),
        fn.BatchNorm(),
        fn.Activation("gelu"),
        fn.Dropout(0.2),
        fn.Dense(5, activation="tanh"),
        fn.LayerNorm(),
        fn.Dense(3, activation="softmax"),
    ]
    return fn.Network(layers, input_shape=4, loss="categorical_crossentropy", **options)


def test_a_right_network_passes_and_stays_as_it_is() -> None:
    net = network(seed=2)
    before = net.parameters.copy()
    results = fn.check_gradients(net)
    assert [result.ok for result in results] == [True] * 20
    assert {(result.layer, result.parameter) for result in results} >= {("Dense 0", "W"), ("BatchNorm 1", "gamma")}
    assert {result.backend for result in results} == {"reference", "jit"}
    np.testing.assert_array_equal(net.parameters, before)


def test_samples_can_be_given() -> None:
    rng = np.random.default_rng(0)
    results = fn.check_gradients(network(), rng.standard_normal((9, 4)), rng.integers(0, 3, 9), most=3)
    assert all(result.ok and result.checked <= 3 for result in results)


def test_frozen_layers_have_no_gradient_to_check() -> None:
    layers = [fn.Dense(3, activation="tanh", trainable=False), fn.Dense(1)]
    net = fn.Network(layers, input_shape=2, loss="huber")
    assert {result.layer for result in fn.check_gradients(net)} == {"Dense 1"}


def test_a_wrong_gradient_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = dense_gradients

    def sloppy(dweights: Any, *rest: Any) -> None:
        right(dweights, *rest)
        dweights *= 1.00001

    monkeypatch.setattr(engine, "dense_gradients", sloppy)
    results = fn.check_gradients(network(), backends=("reference",))
    assert {(result.layer, result.ok) for result in results if result.parameter == "W"} == {
        ("Dense 0", False),
        ("Dense 2", False),
        ("Dense 4", False),
    }
    assert all(result.ok for result in results if result.parameter != "W")
