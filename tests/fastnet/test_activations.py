"""How a layer takes its activation, and that those with a number of their own are saved with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet.layers import layer_from_dict, layer_to_dict


@pytest.mark.parametrize("activation", [fn.LeakyReLU(), fn.LeakyReLU(0.3), fn.LeakyReLU(0), fn.ELU(), fn.ELU(0.5)])
def test_the_description_gives_the_layer_back(activation: Any) -> None:
    layer = fn.Dense(3, activation=activation)
    assert layer_from_dict(layer_to_dict(layer)) == layer


def test_linear_is_identity() -> None:
    assert fn.Dense(3, activation="linear") == fn.Dense(3, activation="identity")


@pytest.mark.parametrize(
    ("activation", "sentence"),
    [
        ("rleu", "activation must be one of identity, .*, not 'rleu'"),
        (7, "activation must be one of .*, not 7"),
        (np.tanh, "activation must be a name or an activation object, .* goes into fastnet.CustomActivation"),
        ({"kind": "relu"}, "the kind of an activation must be one of leaky_relu, elu, not 'relu'"),
        ({"kind": "elu", "slope": 1}, "the description of the activation elu is wrong"),
        ({"kind": "elu", "alpha": 0}, "the alpha of ELU must be a number above 0, not 0"),
    ],
)
def test_anything_else_is_refused(activation: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        fn.Dense(3, activation=activation)


def test_a_slope_below_zero_is_refused() -> None:
    with pytest.raises(fn.ConfigurationError, match=r"the slope of LeakyReLU must be a number at least 0, not -0\.1"):
        fn.LeakyReLU(-0.1)


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize("activation", ["leaky_relu", fn.LeakyReLU(0.4), fn.ELU(2.0), "gelu"])
def test_a_saved_network_predicts_the_same(activation: Any, backend: str, tmp_path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((20, 4))
    net = fn.Network([fn.Dense(7, activation=activation), fn.Dense(2)], input_shape=4, loss="mean_squared_error")
    net.save(tmp_path / "net.h5")
    again = fn.load(tmp_path / "net.h5")
    assert again.layers == net.layers
    np.testing.assert_array_equal(again.predict(X, backend=backend), net.predict(X, backend=backend))


def test_the_number_matters() -> None:
    X = np.random.default_rng(0).standard_normal((20, 4))
    outputs = []
    for activation in ("leaky_relu", fn.LeakyReLU(0.01), fn.LeakyReLU(0.4)):
        layers = [fn.Dense(7, activation=activation), fn.Dense(2)]
        outputs.append(fn.Network(layers, input_shape=4, loss="mean_squared_error").predict(X))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 0.01


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize("activation", [name for name in fn.ACTIVATIONS if name != "exponential"])
def test_no_activation_is_unsafe_far_out(activation: str, backend: str) -> None:
    """Sums of 1e4 in either direction: finite outputs, and a finite loss after a step that small rates keep small."""
    X = np.array([[1e4], [-1e4], [0.0]])
    layers = [fn.Dense(3, activation=activation, init=fn.Constant(1.0)), fn.Dense(1, init=fn.Constant(1e-4))]
    net = fn.Network(layers, input_shape=1, loss="mean_squared_error")
    assert np.isfinite(net.predict(X, backend=backend)).all()
    history = net.fit(X, np.zeros(3), epochs=2, batch_size=3, optimizer=fn.SGD(1e-12), backend=backend)
    assert np.isfinite(history.loss).all()


@pytest.mark.parametrize("activation", ["gelu", "silu", "absolute", fn.ELU(0.5)])
def test_sample_space_keeps_z_too(activation: Any) -> None:
    """A full batch of fewer samples than features, whose first layer the jit engine trains in sample space."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 300)), rng.standard_normal((12, 1))
    weights = []
    for backend in ("jit", "reference"):
        layers = [fn.Dense(4, activation=activation), fn.Dense(3, activation=activation), fn.Dense(1)]
        net = fn.Network(layers, input_shape=300, loss="mean_squared_error", dtype="float64", seed=2)
        net.fit(X, y, epochs=30, batch_size=None, optimizer=fn.SGD(0.01, momentum=0.9), backend=backend)
        weights.append(net.parameters.copy())
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-9, atol=1e-11)
