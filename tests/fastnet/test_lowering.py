"""The Program that layers become: every number has one place, and the last activation goes into the loss."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastnet as fn
from fastnet.layers import Layer
from fastnet.losses import LOSS_CLASSES
from fastnet.lowering import initial_parameters, lower
from fastnet_kernels.program import (
    ACTIVATIONS,
    BATCH_NORM,
    DENSE,
    DROPOUT,
    KEEP_Z,
    LAYER_NORM,
    LOSS,
    LOSSES,
    MAX_DIMENSIONS,
    Record,
    parameter_count,
    row_size,
)

SIZES = st.integers(1, 9)
HIDDEN: st.SearchStrategy[Layer] = st.one_of(
    st.builds(fn.Dense, SIZES, activation=st.sampled_from(ACTIVATIONS), l2=st.floats(0, 1)),
    st.builds(fn.Dropout, st.floats(0, 0.9)),
    st.builds(fn.GaussianNoise, st.floats(0, 0.9)),
    st.builds(fn.BatchNorm),
    st.builds(fn.LayerNorm),
)
NETWORKS = st.tuples(
    st.lists(HIDDEN, max_size=6),
    st.builds(fn.Dense, SIZES),
    st.lists(SIZES, min_size=1, max_size=MAX_DIMENSIONS).map(tuple),
)


def lowered(*layers: Layer, input_shape: tuple[int, ...], loss: str) -> Record:
    return lower(layers, input_shape, LOSS_CLASSES[loss]())


@given(NETWORKS)
def test_every_number_has_exactly_one_place(
    network: tuple[list[Layer], fn.Dense, tuple[int, ...]],
) -> None:
    hidden, last, input_shape = network
    program = lowered(*hidden, last, input_shape=input_shape, loss="mean_squared_error")
    parameters, activations = np.zeros(parameter_count(program)), np.zeros(row_size(program))
    activations[: math.prod(input_shape)] += 1
    for op in program[:-1]:
        activations[op["output"] : op["output"] + op["output_size"]] += 1
        size = op["output_size"]
        if op["kind"] in (DENSE, BATCH_NORM, LAYER_NORM):
            keeps_z = ACTIVATIONS[op["function"]] in KEEP_Z
            assert keeps_z == (op["z"] != op["output"])
            if keeps_z:
                activations[op["z"] : op["z"] + size] += 1
            n_weights = size * (op["input_size"] if op["kind"] == DENSE else 1)
            parameters[op["weights"] : op["weights"] + n_weights] += 1
            parameters[op["biases"] : op["biases"] + size] += 1
        if op["kind"] == BATCH_NORM:
            parameters[op["statistics"] : op["statistics"] + 2 * size] += 1
    for place in ("targets", "target_weights"):
        activations[program[-1][place] : program[-1][place] + program[-1]["output_size"]] += 1
    np.testing.assert_array_equal(parameters, 1)
    np.testing.assert_array_equal(activations, 1)


@given(NETWORKS)
def test_each_op_reads_what_the_one_before_it_wrote(
    network: tuple[list[Layer], fn.Dense, tuple[int, ...]],
) -> None:
    hidden, last, input_shape = network
    program = lowered(*hidden, last, input_shape=input_shape, loss="mean_squared_error")
    assert len(program) == len(hidden) + 2
    assert program[0]["input"] == 0
    assert program[0]["input_size"] == math.prod(input_shape)
    np.testing.assert_array_equal(program["input"][1:], program["output"][:-1])
    np.testing.assert_array_equal(program["input_size"][1:], program["output_size"][:-1])
    np.testing.assert_array_equal(program["input_shape"][1:], program["output_shape"][:-1])
    for side in ("input", "output"):
        np.testing.assert_array_equal(program[f"{side}_shape"].prod(axis=1), program[f"{side}_size"])


def test_a_program_in_full() -> None:
    program = lowered(
        fn.Dropout(0.25),
        fn.Dense(5, activation="tanh", l2=0.5),
        fn.Dense(2, activation="softmax"),
        input_shape=(2, 3),
        loss="categorical_crossentropy",
    )
    assert program["kind"].tolist() == [DROPOUT, DENSE, DENSE, LOSS]
    assert program["input_size"].tolist() == [6, 6, 5, 2]
    assert program["output_size"].tolist() == [6, 5, 2, 2]
    assert program["output_shape"].tolist() == [[2, 3, 1], [5, 1, 1], [2, 1, 1], [2, 1, 1]]
    assert program["input"].tolist() == [0, 6, 12, 17]
    assert program["output"].tolist() == [6, 12, 17, 17]
    assert program["weights"][1:3].tolist() == [0, 35]
    assert program["biases"][1:3].tolist() == [30, 45]
    assert parameter_count(program) == 47
    assert program[-1]["targets"] == 19
    assert program[-1]["target_weights"] == 21
    assert row_size(program) == 23
    assert program["rate"].tolist() == [0.25, 0, 0, 0]
    assert program["l2"].tolist() == [0, 0.5, 0, 0]
    assert ACTIVATIONS[program[1]["function"]] == "tanh"


@pytest.mark.parametrize(
    ("loss", "activation", "in_the_layer", "in_the_loss"),
    [
        ("mean_squared_error", "tanh", "tanh", "identity"),
        ("mean_squared_error", "sigmoid", "sigmoid", "identity"),
        ("binary_crossentropy", "sigmoid", "identity", "sigmoid"),
        ("categorical_crossentropy", "softmax", "identity", "softmax"),
    ],
)
def test_where_the_last_activation_goes(loss: str, activation: str, in_the_layer: str, in_the_loss: str) -> None:
    program = lowered(
        fn.Dense(4, activation=activation),
        fn.Dense(3, activation=activation),
        input_shape=(2,),
        loss=loss,
    )
    assert ACTIVATIONS[program[0]["function"]] == activation
    assert ACTIVATIONS[program[1]["function"]] == in_the_layer
    assert ACTIVATIONS[program[2]["output_activation"]] == in_the_loss
    assert LOSSES[program[2]["function"]] == loss


def test_no_two_dropouts_share_their_random_numbers() -> None:
    program = lowered(
        fn.Dropout(0.5),
        fn.Dropout(0.5),
        fn.Dense(3),
        fn.Dropout(0.5),
        fn.Dense(1),
        input_shape=(2,),
        loss="mean_squared_error",
    )
    keys = program["key"][program["kind"] == DROPOUT]
    assert len(set(keys.tolist())) == 3
    assert (keys >= 0).all(), "the shuffle's own stream is -1"


@pytest.mark.parametrize(
    ("layers", "loss", "sentence"),
    [
        ([], "mean_squared_error", "needs at least one layer and must end with a Dense one"),
        ([fn.Dropout(0.5)], "mean_squared_error", "must end with a Dense one"),
        ([fn.Dense(1), fn.Dropout(0.5)], "mean_squared_error", "must end with a Dense one"),
        (
            [fn.Dense(1)],
            "binary_crossentropy",
            "binary_crossentropy needs a last layer with activation 'sigmoid', .* 'identity'",
        ),
        (
            [fn.Dense(3, activation="sigmoid")],
            "categorical_crossentropy",
            "needs a last layer with activation 'softmax', but it has 'sigmoid'",
        ),
        (
            [fn.Dense(1, activation="softmax")],
            "categorical_crossentropy",
            "needs at least 2 outputs.*use sigmoid and binary_crossentropy",
        ),
    ],
)
def test_layers_that_make_no_network_are_refused(layers: list[Any], loss: str, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        lowered(*layers, input_shape=(2,), loss=loss)


def test_an_activation_belongs_to_the_layer_before_it() -> None:
    layers: list[Layer] = [fn.Dense(3), fn.BatchNorm(), fn.Activation("silu"), fn.Dropout(0.5), fn.Dense(2)]
    program = lowered(*layers, input_shape=(2,), loss="mean_squared_error")
    assert program["kind"].tolist() == [DENSE, BATCH_NORM, DROPOUT, DENSE, LOSS]
    assert [ACTIVATIONS[code] for code in program["function"][:2]] == ["identity", "silu"]


@pytest.mark.parametrize(
    "layers",
    [
        [fn.Activation("relu"), fn.Dense(1)],
        [fn.Dense(3, activation="tanh"), fn.Activation("relu"), fn.Dense(1)],
        [fn.Dense(3), fn.Dropout(0.1), fn.Activation("relu"), fn.Dense(1)],
        [fn.BatchNorm(), fn.Activation("relu"), fn.Activation("tanh"), fn.Dense(1)],
    ],
)
def test_an_activation_with_nothing_to_follow_is_refused(layers: list[Layer]) -> None:
    with pytest.raises(fn.ConfigurationError, match="an Activation must follow a Dense, BatchNorm or LayerNorm layer"):
        lowered(*layers, input_shape=(2,), loss="mean_squared_error")


def test_only_what_is_trained_is_passed_a_gradient_and_penalised() -> None:
    frozen = fn.Dense(3, l1=0.1, l2=0.1, max_norm=1.0, trainable=False)
    layers: list[Layer] = [frozen, fn.BatchNorm(trainable=False), fn.Dense(4), fn.Dropout(0.1), frozen, fn.Dense(1)]
    program = lowered(*layers, input_shape=(2,), loss="mean_squared_error")
    assert program["trainable"].tolist() == [0, 0, 1, 0, 0, 1, 0]
    assert program["passes_on"].tolist() == [0, 0, 0, 1, 1, 1, 0]
    assert not program["l1"].any()
    assert not program["l2"].any()
    assert not program["max_norm"].any()


def test_initial_weights_land_in_their_places() -> None:
    layers = [fn.Dense(3, init="zeros"), fn.Dense(2, init="random")]
    program = lowered(*layers, input_shape=(4,), loss="mean_squared_error")
    parameters = initial_parameters(layers, program, 0, np.float64)
    weights = slice(program[1]["weights"], program[1]["biases"])
    assert parameters[weights].all()
    parameters[weights] = 0
    assert not parameters.any()
