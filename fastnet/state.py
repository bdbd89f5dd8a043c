"""Checkpoint files: what a training needs to go on, as sealed HDF5 (see ``sealed``).

A state is a dict of numbers, texts, lists, dicts and float arrays. Version 1 has the datasets ``description`` (uint8:
the state as JSON, where an array stands as ``{"dtype": ..., "shape": ..., "at": ...}``) and ``float32`` and ``float64``
(n,): all arrays of that type, one after another.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import CheckpointError
from .sealed import SealedFormat

State = dict[str, Any]

FILE = SealedFormat(
    "checkpoint", 1, {"description": ("|u1",), "float32": ("<f4",), "float64": ("<f8",)}, CheckpointError
)
KEYS = {"dtype", "shape", "at"}


def write(path: Path, state: Mapping[str, Any], previous: Path | None = None) -> None:
    """Write a state to ``path``, whole or not at all; what was there before is kept as ``previous``, if that is given.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    parts: dict[str, list[npt.NDArray[Any]]] = {"float32": [], "float64": []}
    sizes = dict.fromkeys(parts, 0)

    def described(value: object) -> object:
        if isinstance(value, np.generic):
            return value.item()
        if not isinstance(value, np.ndarray) or value.dtype.name not in parts:
            raise TypeError(f"a state has no place for {value!r}")
        name = value.dtype.name
        parts[name].append(value.ravel())
        sizes[name] += value.size
        return {"dtype": name, "shape": value.shape, "at": sizes[name] - value.size}

    description = json.dumps(dict(state), default=described).encode()
    FILE.write(path, {"description": [np.frombuffer(description, np.uint8)], **parts}, previous)


def read(path: Path) -> State:
    """The state in the file ``path``, and where it is from, as "path".

    Raises
    ------
    CheckpointError
        If the file is missing, is no checkpoint, is damaged or edited, or was written by a newer version.
    """
    vectors = FILE.read(path)

    def found(value: dict[str, Any]) -> Any:
        if value.keys() != KEYS:
            return value
        size = int(np.prod(value["shape"], dtype=np.int64))
        array = vectors[value["dtype"]][value["at"] : value["at"] + size]
        return array.astype(value["dtype"], copy=False).reshape(value["shape"])

    try:
        state = json.loads(vectors["description"].tobytes(), object_hook=found)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged: what it says of its arrays is not so ({error}); use a copy"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is damaged: it describes no training; use a copy")
    return {**state, "path": str(path)}


@contextmanager
def going_on_from(state: State | None) -> Iterator[None]:
    """Name the file in what is raised where its state, if there is one, does not suit a training.

    Raises
    ------
    CheckpointError
    """
    if state is None:
        yield
        return
    path = state.get("path", "the state")
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path} does not suit this training: {error}") from None
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise CheckpointError(
            f"{path} does not suit this training: what it holds has another form ({error}); use a copy, or the version "
            "of fastnet that wrote it"
        ) from error


def fill(array: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
    """Copy the values of a state into an array, which has to have their shape and type.

    Raises
    ------
    ValueError
        If it has not.
    """
    if values.shape != array.shape or values.dtype != array.dtype:
        raise ValueError(f"{values.dtype} of shape {values.shape} where {array.dtype} of {array.shape} is needed")
    np.copyto(array, values)
