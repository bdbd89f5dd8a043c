"""What a layer accepts, and that its description is the layer again."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastnet as fn
from fastnet.layers import LAYERS, Layer, layer_from_dict, layer_to_dict

LAYER_STRATEGY: st.SearchStrategy[Layer] = st.one_of(
    st.builds(
        fn.Dense,
        units=st.integers(1, 10**6),
        activation=st.sampled_from(fn.ACTIVATIONS),
        init=st.sampled_from(["auto", *fn.INITIALIZERS]),
        l2=st.floats(0, 1e6),
    ),
    st.builds(fn.Dropout, rate=st.floats(0, 1, exclude_max=True)),
)


@given(LAYER_STRATEGY)
def test_the_description_is_plain_and_gives_the_layer_back(layer: Layer) -> None:
    described = layer_to_dict(layer)
    assert {type(value) for value in described.values()} <= {str, int, float, bool, type(None)}
    assert described["kind"] in LAYERS
    assert layer_from_dict(described) == layer


def test_defaults() -> None:
    assert fn.Dense(3) == fn.Dense(3, activation="identity", init="auto", l2=0.0)


def test_layers_cannot_be_changed() -> None:
    layer = fn.Dense(3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.units = 4  # type: ignore[misc]


def test_output_shapes() -> None:
    assert fn.Dense(7).output_shape((64, 64, 3)) == (7,)
    assert fn.Dropout(0.5).output_shape((64, 64, 3)) == (64, 64, 3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"units": 0}, "Dense units must be a whole number of at least 1, not 0"),
        ({"units": -3}, "Dense units must be a whole number of at least 1, not -3"),
        ({"units": 2.0}, "Dense units must be a whole number of at least 1, not 2.0"),
        ({"units": True}, "Dense units must be a whole number of at least 1, not True"),
        ({"units": "7"}, "Dense units must be a whole number of at least 1, not '7'"),
        ({"activation": "rleu"}, r"activation must be one of identity, .*, not 'rleu' \(did you"),
        ({"activation": None}, "activation must be one of .*, not None"),
        ({"init": "hee"}, r"init must be one of auto, .*, not 'hee' \(did you mean 'he'\?\)"),
        ({"l2": -0.1}, "l2 must be a number at least 0, not -0.1"),
        ({"l2": float("nan")}, "l2 must be a number at least 0, not nan"),
        ({"l2": float("inf")}, "l2 must be a number at least 0, not inf"),
        ({"l2": "0.1"}, "l2 must be a number at least 0, not '0.1'"),
    ],
)
def test_a_dense_layer_refuses(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        fn.Dense(**{"units": 3, **wrong})


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan"), True, "0.5", None])
def test_dropout_refuses(rate: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match="dropout rate must be a number at least 0 and below 1, not"):
        fn.Dropout(rate)


@pytest.mark.parametrize(
    "described",
    [
        None,
        [],
        "dense",
        {},
        {"kind": "dens", "units": 3},
        {"kind": ["dense"], "units": 3},
        {"kind": "dense"},
        {"kind": "dense", "units": "3"},
        {"kind": "dense", "units": 3, "colour": "red"},
        {"kind": "dropout", "rate": 2},
        {"kind": "dropout", "rate": 0.1, "units": 3},
    ],
)
def test_a_wrong_description_is_refused_in_a_sentence(described: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match=r"\w+ .*\w+"):
        layer_from_dict(described)
