"""The spread that each initializer promises, and what a network's initial weights depend on."""

import numpy as np
import pytest

import fastnet as fn
from fastnet.initializers import initializer_for

FAN_IN, FAN_OUT = 200, 300
# The deviation of 60,000 normals is off by 0.3% (one sigma), their mean by 0.4% of the deviation.
OF_DEVIATION = 0.02


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("random", 0.01),
        ("xavier", np.sqrt(1 / FAN_IN)),
        ("he", np.sqrt(2 / FAN_IN)),
    ],
)
def test_normal_with_the_promised_deviation(name: str, deviation: float) -> None:
    weights = fn.INITIALIZERS[name](np.random.default_rng(0), FAN_IN, FAN_OUT)
    assert weights.shape == (FAN_IN, FAN_OUT)
    assert weights.dtype == np.float64
    assert weights.std() == pytest.approx(deviation, rel=OF_DEVIATION)
    assert abs(weights.mean()) < OF_DEVIATION * deviation
    within_one_sigma = np.mean(np.abs(weights) < deviation)
    assert within_one_sigma == pytest.approx(0.6827, abs=0.01)


def test_zeros() -> None:
    assert not fn.INITIALIZERS["zeros"](np.random.default_rng(0), 3, 4).any()


@pytest.mark.parametrize("activation", fn.ACTIVATIONS)
def test_auto_is_he_for_relu_and_xavier_otherwise(activation: str) -> None:
    expected = "he" if activation == "relu" else "xavier"
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
