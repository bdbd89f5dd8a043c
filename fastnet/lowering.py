"""From layers to a Program: shapes, offsets and codes, worked out once."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    ACTIVATIONS,
    DENSE,
    DROPOUT,
    KEEP_Z,
    LOSS,
    LOSSES,
    MAX_DIMENSIONS,
    OP,
    Record,
    parameter_count,
)

from .activations import name_of, slope_of
from .errors import ConfigurationError
from .initializers import initializer_for
from .layers import Dense, Layer
from .losses import Loss, check_output


def lower(layers: Sequence[Layer], input_shape: tuple[int, ...], loss: Loss) -> Record:
    """The Program of these layers, ended by the loss.

    Raises
    ------
    ConfigurationError
        If there is no dense layer, or the last one does not fit the loss.
    """
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    if not dense or layers[-1] is not dense[-1]:
        raise ConfigurationError("a network needs at least one layer and must end with a Dense one")
    check_output(loss, name_of(dense[-1].activation), dense[-1].units)
    program = np.zeros(len(layers) + 1, OP)
    shape, place, end, parameters = input_shape, 0, math.prod(input_shape), 0
    for index, layer in enumerate(layers):
        op = program[index]
        output_shape = layer.output_shape(shape)
        _set_shapes(op, shape, output_shape)
        op["key"], op["input"], op["output"] = index, place, end
        op["passes_on"] = any(isinstance(before, Dense) for before in layers[:index])
        if isinstance(layer, Dense):
            fused = layer is layers[-1] and loss.output_activation is not None
            activation = "identity" if fused else layer.activation
            op["kind"], op["function"], op["l2"] = DENSE, ACTIVATIONS.index(name_of(activation)), layer.l2
            op["slope"], op["z"] = slope_of(activation), end
            if name_of(activation) in KEEP_Z:
                op["output"] = end = end + int(op["output_size"])
            op["weights"] = parameters
            op["biases"] = parameters + op["input_size"] * op["output_size"]
            parameters = int(op["biases"] + op["output_size"])
        else:
            op["kind"], op["rate"] = DROPOUT, layer.rate
        place, end, shape = end, end + int(op["output_size"]), output_shape
    op = program[-1]
    _set_shapes(op, shape, shape)
    op["kind"], op["function"], op["input"], op["output"] = LOSS, LOSSES.index(loss.name), place, place
    op["output_activation"] = ACTIVATIONS.index(loss.output_activation or "identity")
    return program


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
    parameters = np.zeros(parameter_count(program), dtype)
    for index, layer in enumerate(layers):
        if isinstance(layer, Dense):
            op = program[index]
            generator = np.random.default_rng([seed, index])
            draw = initializer_for(layer.init, name_of(layer.activation))
            weights = draw(generator, int(op["input_size"]), int(op["output_size"]))
            parameters[op["weights"] : op["biases"]] = weights.ravel()
    return parameters
