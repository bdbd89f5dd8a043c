"""The arrays of the layers, by name, as views into a network's flat parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import BATCH_NORM, DENSE, LAYER_NORM, Record

from .errors import DataError
from .validation import all_finite, converted, numbers

Array = npt.NDArray[np.floating]

PARAMETERS = {
    DENSE: (("W", "b"), "Dense"),
    LAYER_NORM: (("gamma", "beta"), "LayerNorm"),
    BATCH_NORM: (("gamma", "beta", "mean", "variance"), "BatchNorm"),
}
"""The names of what the ops with parameters have, and of the layer, by kind."""


def ops_with_parameters(program: Record) -> Record:
    """Those of a Program's ops, in order."""
    return program[np.isin(program["kind"], list(PARAMETERS))]


def parameter_names(program: Record, index: int) -> tuple[tuple[str, ...], str]:
    """What the arrays of a layer with parameters, counted among such layers, are called, and its kind."""
    return PARAMETERS[int(ops_with_parameters(program)[index]["kind"])]


def weight_views(program: Record, flat: npt.NDArray[Any]) -> list[tuple[npt.NDArray[Any], ...]]:
    """What each layer with parameters has in a flat vector of them, in order."""
    return [tuple(_views_of(op, flat)) for op in ops_with_parameters(program)]


def _views_of(op: Any, flat: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """In the order of ``PARAMETERS``."""
    weights, biases, size = int(op["weights"]), int(op["biases"]), int(op["output_size"])
    first = flat[weights:biases]
    views = [first.reshape(-1, size) if op["kind"] == DENSE else first, flat[biases : biases + size]]
    if op["kind"] == BATCH_NORM:
        statistics = int(op["statistics"])
        views += [flat[statistics : statistics + size], flat[statistics + size : statistics + 2 * size]]
    return views


def checked_weights(
    program: Record, flat: Array, weights: Sequence[Sequence[npt.ArrayLike]]
) -> list[tuple[Array, Array]]:
    """Pairs of a view into ``flat`` and the array that is to be put there, of its shape and type.

    Raises
    ------
    DataError
        If an array is missing, has another shape, or holds something other than finite numbers.
    """
    views = weight_views(program, flat)
    if len(weights) != len(views):
        raise DataError(
            f"set_weights needs {len(views)} tuples such as (W, b), one for each layer with parameters, "
            f"not {len(weights)}"
        )
    checked = []
    for index, (given, olds) in enumerate(zip(weights, views, strict=True)):
        names, kind = parameter_names(program, index)
        if len(given) != len(names):
            raise DataError(f"set_weights needs ({', '.join(names)}) for {kind} layer {index}, not {len(given)} arrays")
        for name, value, old in zip(names, given, olds, strict=True):
            what = f"{name} of {kind} layer {index}"
            new = converted(numbers(what, value), flat.dtype)
            if new.shape != old.shape:
                raise DataError(f"{what} must have shape {old.shape}, not {new.shape}")
            if not all_finite(new):
                raise DataError(f"{what} must be finite, but it holds NaN or infinity")
            if name == "variance" and (new < 0).any():
                raise DataError(f"{what} must be at least 0, but it goes down to {new.min():g}")
            checked.append((old, new))
    return checked
