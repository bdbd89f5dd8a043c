"""From layers to a Program: shapes, offsets and codes, worked out once."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    ACTIVATIONS,
    AUGMENT,
    BATCH_NORM,
    DENSE,
    DROPOUT,
    LAYER_NORM,
    LOSS,
    LOSSES,
    MAX_DIMENSIONS,
    MIRROR_COLUMNS,
    MIRROR_ROWS,
    MOMENTS,
    NOISE,
    OP,
    Record,
    parameter_count,
)

from .activations import code_of, keeps_z, name_of, slope_of
from .aligned import aligned
from .errors import ConfigurationError
from .initializers import initializer_for
from .layers import Activation, Augment, BatchNorm, Dense, Dropout, GaussianNoise, Layer, LayerNorm, WithParameters
from .losses import Loss, check_output


def lower(layers: Sequence[Layer], input_shape: tuple[int, ...], loss: Loss) -> Record:
    """The Program of these layers, ended by the loss. Each layer is an op, but an Activation, which is its
    predecessor's.

    Raises
    ------
    ConfigurationError
        If there is no dense layer, the last one does not fit the loss, an Activation has nothing to follow, or an
        Augment is not first or has no pictures.
    """
    pairs = _with_activations(layers)
    if not pairs or not isinstance(pairs[-1][0], Dense):
        raise ConfigurationError("a network needs at least one layer and must end with a Dense one")
    last = pairs[-1][0]
    check_output(loss, name_of(pairs[-1][1]), last.units)
    program = np.zeros(len(pairs) + 1, OP)
    shape, place, end, parameters, moments = input_shape, 0, math.prod(input_shape), 0, 0
    for index, (layer, activation) in enumerate(pairs):
        op = program[index]
        output_shape = layer.output_shape(shape)
        _set_shapes(op, shape, output_shape)
        op["key"], op["input"], op["output"] = index, place, end
        op["passes_on"] = bool((program["trainable"][:index] != 0).any())
        if isinstance(layer, Dropout):
            op["kind"], op["rate"] = DROPOUT, layer.rate
        elif isinstance(layer, GaussianNoise):
            op["kind"], op["deviation"] = NOISE, layer.deviation
        elif isinstance(layer, Augment):
            _check_pictures(layer, index, input_shape)
            op["kind"], op["mirrors"], op["angle"] = AUGMENT, MIRRORS[layer.flip], math.radians(layer.rotate)
            op["shift"] = _pixels(layer, input_shape)
        elif isinstance(layer, WithParameters):
            if index == len(pairs) - 1 and loss.output_activation is not None:
                activation = "identity"
            op["kind"], op["function"], op["trainable"] = KINDS[type(layer)], code_of(activation), layer.trainable
            op["slope"], op["z"] = slope_of(activation), end
            if keeps_z(activation):
                op["output"] = end = end + int(op["output_size"])
            op["weights"] = parameters
            op["biases"] = parameters + (op["input_size"] if isinstance(layer, Dense) else 1) * op["output_size"]
            parameters = int(op["biases"] + op["output_size"])
            if isinstance(layer, Dense) and layer.trainable:
                op["l1"], op["l2"], op["max_norm"] = layer.l1, layer.l2, layer.max_norm or 0.0
            if isinstance(layer, BatchNorm | LayerNorm):
                op["epsilon"] = layer.epsilon
            if isinstance(layer, BatchNorm):
                op["momentum"], op["moments"] = layer.momentum, moments
                moments += MOMENTS * int(op["output_size"])
        place, end, shape = end, end + int(op["output_size"]), output_shape
    for op in program[program["kind"] == BATCH_NORM]:
        program["statistics"][op["key"]] = parameters
        parameters += 2 * int(op["output_size"])
    op = program[-1]
    _set_shapes(op, shape, shape)
    op["kind"], op["function"], op["input"], op["output"] = LOSS, LOSSES.index(loss.name), place, place
    op["targets"], op["target_weights"], op["slope"] = end, end + op["output_size"], loss.slope
    op["output_activation"] = ACTIVATIONS.index(loss.output_activation or "identity")
    return program


MIRRORS = {
    "none": 0,
    "horizontal": MIRROR_COLUMNS,
    "vertical": MIRROR_ROWS,
    "both": MIRROR_COLUMNS + MIRROR_ROWS,
}
MOST_PIXELS, LONGEST_SIDE = 2**22, 2**13
"""What the places in a picture, which are 32-bit numbers in 1/65536 of a pixel, and divisions of them have room for."""


def _check_pictures(layer: Augment, index: int, shape: tuple[int, ...]) -> None:
    if index > 0:
        raise ConfigurationError(f"Augment must be the first layer, where the pictures come in, not number {index + 1}")
    if len(shape) not in (2, 3):
        raise ConfigurationError(
            f"Augment needs pictures, of input_shape (height, width) or (height, width, channels), but input_shape is "
            f"{shape}; give the shape of a picture, or leave Augment out"
        )
    if math.prod(shape) >= MOST_PIXELS or max(shape[:2]) > LONGEST_SIDE:
        raise ConfigurationError(
            f"Augment takes pictures of fewer than {MOST_PIXELS} numbers and at most {LONGEST_SIDE} pixels a side, but "
            f"input_shape is {shape}; make them smaller, or leave Augment out"
        )
    if layer.shift > 0 and not any(_pixels(layer, shape)):
        raise ConfigurationError(
            f"Augment moves pictures by whole pixels, but a shift of {layer.shift:g} is less than one of pictures of "
            f"{shape[0]} x {shape[1]}; give at least {math.ceil(1e4 / max(shape[:2])) / 1e4:g}"
        )


def _pixels(layer: Augment, shape: tuple[int, ...]) -> tuple[int, int]:
    """How far pictures move at most, down and to a side. A share such as 0.29 of 100 falls short by a rounding."""
    height, width = (math.floor(layer.shift * size + 1e-9) for size in shape[:2])
    return height, width


KINDS = {Dense: DENSE, BatchNorm: BATCH_NORM, LayerNorm: LAYER_NORM}


def _with_activations(layers: Sequence[Layer]) -> list[tuple[Layer, Any]]:
    """The layers that are ops, each with its activation."""
    pairs: list[tuple[Layer, Any]] = []
    for layer in layers:
        if not isinstance(layer, Activation):
            pairs.append((layer, layer.activation if isinstance(layer, Dense) else "identity"))
        elif pairs and isinstance(pairs[-1][0], WithParameters) and pairs[-1][1] == "identity":
            pairs[-1] = (pairs[-1][0], layer.activation)
        else:
            raise ConfigurationError(
                "an Activation must follow a Dense, BatchNorm or LayerNorm layer that has no activation yet"
            )
    return pairs


def _set_shapes(op: np.void, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
    for side, shape in (("input", input_shape), ("output", output_shape)):
        op[f"{side}_shape"] = shape + (1,) * (MAX_DIMENSIONS - len(shape))
        op[f"{side}_size"] = math.prod(shape)
        if math.prod(shape) >= 2**31:
            raise ConfigurationError(
                f"a layer's {side} must have fewer than 2**31 numbers a sample, not {math.prod(shape)}"
            )


def initial_parameters(
    layers: Sequence[Layer], program: Record, seed: int, dtype: npt.DTypeLike
) -> npt.NDArray[np.floating]:
    """The flat parameter vector that the layers' initializers give; a layer's draw depends on the seed and its place.

    Returns
    -------
    (n_parameters,) of dtype
    """
    parameters = aligned((parameter_count(program),), dtype)
    parameters[...] = 0
    for op, (layer, activation) in zip(program, _with_activations(layers), strict=False):
        if isinstance(layer, Dense):
            generator = np.random.default_rng([seed, int(op["key"])])
            draw = initializer_for(layer.init, name_of(activation))
            weights = draw(generator, int(op["input_size"]), int(op["output_size"]))
            parameters[op["weights"] : op["biases"]] = weights.ravel()
        elif isinstance(layer, BatchNorm | LayerNorm):
            parameters[op["weights"] : op["biases"]] = 1
        if isinstance(layer, BatchNorm):
            parameters[op["statistics"] + op["output_size"] :][: op["output_size"]] = 1
    return parameters
