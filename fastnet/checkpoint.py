"""Model files: sealed HDF5 (see ``sealed``), and checks of all that is read.

Version 1 has the datasets ``description`` (uint8: JSON with layers, input_shape, loss, dtype, seed and preparation) and
``parameters`` (n,), little-endian float32 or float64.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import CustomActivation
from .errors import FastnetError, MissingActivationError, ModelFileError
from .layers import BatchNorm, Dense, LayerNorm, layer_from_dict, layer_to_dict
from .losses import loss_to_data
from .model import Model
from .preparation import Preparation
from .sealed import SealedFormat
from .validation import all_finite

FILE = SealedFormat("model", 1, {"description": ("|u1",), "parameters": ("<f4", "<f8")}, ModelFileError)


def write(path: Path, model: Model) -> None:
    """Write the model to ``path``; an older file there is replaced by a whole new one or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    ModelFileError
        If a parameter is not finite.
    """
    if not all_finite(model.parameters):
        raise ModelFileError(f"the network is not saved to {path}: its parameters are not all finite; train it again")

    description = json.dumps(
        {
            "layers": [layer_to_dict(layer) for layer in model.layers],
            "input_shape": list(model.input_shape),
            "loss": loss_to_data(model.loss_function),
            "dtype": model.dtype.name,
            "seed": model.seed,
            "preparation": None if model.preparation is None else model.preparation.to_dict(),
        }
    ).encode()
    FILE.write(path, {"description": [np.frombuffer(description, np.uint8)], "parameters": [model.parameters]})


def read(path: Path, model_class: type[Model], activations: Sequence[CustomActivation] = ()) -> Model:
    """The model in the file ``path``, as an instance of ``model_class``; ``activations`` are the user's own that it may
    name.

    Raises
    ------
    ModelFileError
        If the file is missing, is no model file, is damaged or edited, or was written by a newer version.
    """
    datasets = FILE.read(path)
    try:
        return _rebuild(json.loads(datasets["description"].tobytes()), datasets["parameters"], model_class, activations)
    except MissingActivationError as error:
        raise ModelFileError(f"{path} cannot be built: {error}") from error
    except (FastnetError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(f"{path} does not describe a network that this version can build: {error}") from error


def _rebuild(
    description: dict[str, Any],
    parameters: npt.NDArray[np.floating],
    model_class: type[Model],
    activations: Sequence[CustomActivation],
) -> Model:
    layers = [layer_from_dict(layer, activations) for layer in description["layers"]]
    # A description can ask for any size; what the file holds bounds it before anything is allocated.
    shape = [int(size) for size in description["input_shape"]]
    needed, width = 0, math.prod(shape)
    for layer in layers:
        if isinstance(layer, Dense):
            needed, width = needed + width * layer.units, layer.units
        elif isinstance(layer, BatchNorm | LayerNorm):
            needed += 2 * width
    if needed > parameters.size:
        raise ModelFileError(f"its layers need more than {parameters.size} parameters, which is what it holds")
    model = model_class(
        layers,
        input_shape=description["input_shape"],
        loss=description["loss"],
        dtype=description["dtype"],
        seed=description["seed"],
    )
    if parameters.shape != model.parameters.shape or parameters.dtype.itemsize != model.dtype.itemsize:
        raise ModelFileError(
            f"its layers need {model.parameters.size} {model.dtype} parameters, "
            f"but it holds {parameters.size} of {parameters.dtype}"
        )
    if not all_finite(parameters):
        raise ModelFileError("its parameters are not all finite")
    model.parameters[...] = parameters
    if description["preparation"] is not None:
        model.preparation = Preparation.from_dict(description["preparation"])
    return model
