"""The spread that each initializer promises, and what a network's initial weights depend on."""

import json
from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet.initializers import initializer_for
from fastnet.layers import layer_from_dict, layer_to_dict

FAN_IN, FAN_OUT = 200, 300
# The deviation of 60,000 normals is off by 0.3% (one sigma), their mean by 0.4% of the deviation.
OF_DEVIATION = 0.02


NORMAL = {
    "random": 0.01,
    "xavier": np.sqrt(1 / FAN_IN),
    "glorot": np.sqrt(2 / (FAN_IN + FAN_OUT)),
    "he": np.sqrt(2 / FAN_IN),
    "lecun": np.sqrt(1 / FAN_IN),
}
UNIFORM = {
    "uniform": 0.05,
    "glorot_uniform": np.sqrt(6 / (FAN_IN + FAN_OUT)),
    "he_uniform": np.sqrt(6 / FAN_IN),
    "lecun_uniform": np.sqrt(3 / FAN_IN),
}
"""Deviations, and the largest numbers."""


def draw(init: Any, fan_in: int = FAN_IN, fan_out: int = FAN_OUT) -> Any:
    weights = initializer_for(init, "relu")(np.random.default_rng(0), fan_in, fan_out)
    assert weights.shape == (fan_in, fan_out)
    assert weights.dtype == np.float64
    assert weights.flags.c_contiguous
    return weights


@pytest.mark.parametrize(("init", "deviation"), [*NORMAL.items(), (fn.Normal(0.3), 0.3)], ids=str)
def test_normal_with_the_promised_deviation(init: Any, deviation: float) -> None:
    weights = draw(init)
    assert weights.std() == pytest.approx(deviation, rel=OF_DEVIATION)
    assert abs(weights.mean()) < OF_DEVIATION * deviation
    within_one_sigma = np.mean(np.abs(weights) < deviation)
    assert within_one_sigma == pytest.approx(0.6827, abs=0.01)


@pytest.mark.parametrize(("init", "limit"), [*UNIFORM.items(), (fn.Uniform(2), 2.0)], ids=str)
def test_uniform_up_to_the_promised_limit(init: Any, limit: float) -> None:
    weights = draw(init)
    assert np.abs(weights).max() <= limit
    # Of 60,000 numbers one is nearly sure to be in the last thousandth.
    assert np.abs(weights).max() > 0.999 * limit
    assert weights.std() == pytest.approx(limit / np.sqrt(3), rel=OF_DEVIATION)


@pytest.mark.parametrize(("init", "value"), [("zeros", 0.0), ("ones", 1.0), (fn.Constant(-0.5), -0.5)], ids=str)
def test_every_weight_the_same(init: Any, value: float) -> None:
    np.testing.assert_array_equal(draw(init, 3, 4), value)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (7, 3), (3, 7), (1, 4)])
def test_orthogonal_rows_or_columns(fan_in: int, fan_out: int) -> None:
    weights = draw("orthogonal", fan_in, fan_out)
    product = weights.T @ weights if fan_in >= fan_out else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(min(fan_in, fan_out)), atol=1e-14)


def test_orthogonal_matrices_have_no_preferred_sign() -> None:
    rng = np.random.default_rng(0)
    corners = [initializer_for("orthogonal", "relu")(rng, 3, 3)[0, 0] for _ in range(400)]
    # Of 400 fair coins between 160 and 240 show heads, at four sigmas.
    assert 160 < np.sum(np.array(corners) > 0) < 240


def test_every_name_is_tested() -> None:
    assert {*NORMAL, *UNIFORM, "zeros", "ones", "orthogonal"} == set(fn.INITIALIZERS)


@pytest.mark.parametrize("init", [fn.Normal(0.2), fn.Uniform(0.1), fn.Constant(0.5), "he"], ids=str)
def test_a_layer_keeps_its_init_as_plain_data(init: Any) -> None:
    layer = fn.Dense(3, init=init)
    assert layer_from_dict(json.loads(json.dumps(layer_to_dict(layer)))) == layer


@pytest.mark.parametrize(
    ("init", "sentence"),
    [
        ("hee", "init must be one of"),
        (3, "init must be one of"),
        ({"kind": "cauchy"}, "the kind of an init must be one of normal, uniform, constant, not 'cauchy'"),
        ({"kind": "normal"}, "the description of the init normal is wrong"),
        ({"kind": "normal", "scale": -1}, "the scale of Normal must be a number above 0, not -1"),
    ],
)
def test_anything_else_is_refused(init: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        fn.Dense(3, init=init)


@pytest.mark.parametrize("activation", fn.ACTIVATIONS)
def test_auto_goes_by_the_activation(activation: str) -> None:
    like_relu = {"relu", "leaky_relu", "elu", "absolute", "softplus", "gelu", "gelu_tanh", "silu"}
    expected = "he" if activation in like_relu else "lecun" if activation == "selu" else "xavier"
    assert initializer_for("auto", activation) is fn.INITIALIZERS[expected]
    for name, initializer in fn.INITIALIZERS.items():
        assert initializer_for(name, activation) is initializer


def network(*units: int, seed: int = 3, dtype: str = "float64") -> fn.Network:
    return fn.Network(
        [fn.Dense(n) for n in units],
        input_shape=(5,),
        loss="mean_squared_error",
        dtype=dtype,
        seed=seed,
    )


def test_biases_start_at_zero_and_weights_do_not() -> None:
    for weights, biases in network(4, 3).get_weights():
        assert not biases.any()
        assert weights.all()


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(network(4, 3).parameters, network(4, 3).parameters)
    assert not np.isin(network(4, seed=3).parameters[:20], network(4, seed=4).parameters).any()


def test_a_layer_is_drawn_by_its_place_whatever_follows_it() -> None:
    (short, _), (long, _) = network(4).get_weights()[0], network(4, 3).get_weights()[0]
    np.testing.assert_array_equal(short, long)


def test_two_layers_of_one_shape_differ() -> None:
    (first, _), (second, _) = network(5, 5).get_weights()
    assert not np.isin(first, second).any()


def test_float32_starts_at_the_rounded_weights_of_float64() -> None:
    single, double = network(4, 3, dtype="float32"), network(4, 3)
    assert single.parameters.dtype == np.float32
    np.testing.assert_array_equal(single.parameters, double.parameters.astype(np.float32))
