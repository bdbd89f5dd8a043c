"""Model files: HDF5, with a version, a seal over every byte, and checks of all that is read.

Layout, version 1: a user block of 512 bytes, made of ``SEAL``, the SHA-256 of all that follows the block in
hexadecimal, and zeros; then HDF5 with attributes ``format``, ``version`` and ``fastnet_version`` and datasets
``description`` (uint8: JSON with layers, input_shape, loss, dtype, seed and preparation) and ``parameters`` (n,),
little-endian float32 or float64. The seal is looked at before the HDF5 library sees a byte: a single flipped one can
make that hang or crash.
"""

import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import CustomActivation
from .errors import FastnetError, MissingActivationError, ModelFileError
from .files import write_atomically
from .layers import BatchNorm, Dense, LayerNorm, layer_from_dict, layer_to_dict
from .losses import loss_to_data
from .model import Model
from .preparation import Preparation
from .version import __version__

FORMAT = "fastnet model"
FORMAT_VERSION = 1
SEAL = b"fastnet model, sealed with SHA-256 "
BLOCK = 512


def write(path: Path, model: Model) -> None:
    """Write the model to ``path``; an older file there is replaced by a whole new one or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    ModelFileError
        If a parameter is not finite.
    """
    import h5py

    if not np.isfinite(model.parameters).all():
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
    parameters = model.parameters.astype(model.dtype.newbyteorder("<"))
    # Built in memory: one ordinary write then meets a full disk as an ordinary error.
    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=BLOCK) as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = FORMAT_VERSION
        file.attrs["fastnet_version"] = __version__
        file["description"] = np.frombuffer(description, np.uint8)
        file["parameters"] = parameters
    write_atomically(path, sealed(image.getvalue()))


def sealed(content: bytes) -> bytes:
    """The bytes of a model file with the seal that belongs to them in its user block."""
    return (SEAL + hashlib.sha256(content[BLOCK:]).hexdigest().encode()).ljust(BLOCK, b"\0") + content[BLOCK:]


def read(path: Path, model_class: type[Model], activations: Sequence[CustomActivation] = ()) -> Model:
    """The model in the file ``path``, as an instance of ``model_class``; ``activations`` are the user's own that it may
    name.

    Raises
    ------
    ModelFileError
        If the file is missing, is no model file, is damaged or edited, or was written by a newer version.
    """
    import h5py

    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ModelFileError(f"there is no model file at {path}; give the path of a file that fastnet saved") from error
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}; check its permissions") from error
    if not content.startswith(SEAL):
        raise ModelFileError(
            f"{path} is not a fastnet model: it is not an HDF5 file or it is damaged, or another program wrote it; "
            "give a file that fastnet saved"
        )
    if content != sealed(content):
        raise ModelFileError(
            f"{path} is damaged or was edited, or a newer version than fastnet {__version__} wrote it: "
            "its contents do not match its seal; use a copy or upgrade fastnet-jit"
        )
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            description, parameters = _contents(file, path)
    except ModelFileError:
        raise
    except Exception as error:  # a sealed file that is no HDF5 was forged, and h5py raises many types
        raise ModelFileError(f"{path} is damaged: the HDF5 library cannot read it; use a copy") from error
    try:
        return _rebuild(json.loads(description), parameters, model_class, activations)
    except MissingActivationError as error:
        raise ModelFileError(f"{path} cannot be built: {error}") from error
    except (FastnetError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(f"{path} does not describe a network that this version can build: {error}") from error


def _contents(file: Any, path: Path) -> tuple[bytes, npt.NDArray[np.floating]]:
    import h5py

    if file.attrs.get("format") != FORMAT:
        raise ModelFileError(f"{path} is an HDF5 file but not a fastnet model; give a file that fastnet saved")
    version = file.attrs.get("version")
    if not isinstance(version, np.integer) or version < 1:
        raise ModelFileError(f"{path} is damaged: its format version is {version!r}, not a whole number")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version}, written by fastnet {file.attrs.get('fastnet_version')}; "
            f"this is fastnet {__version__}, which reads up to version {FORMAT_VERSION}: upgrade fastnet-jit"
        )
    datasets = {}
    for name, kinds in (("description", ("|u1",)), ("parameters", ("<f4", "<f8"))):
        # Only a plain dataset in this very file: a link could point anywhere.
        if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
            raise ModelFileError(f"{path} is damaged: it has no dataset {name!r}")
        dataset = file[name]
        if dataset.ndim != 1 or dataset.dtype.str not in kinds or dataset.external is not None or dataset.is_virtual:
            raise ModelFileError(f"{path} is damaged: its dataset {name!r} is {dataset.dtype} of shape {dataset.shape}")
        if dataset.id.get_storage_size() < dataset.nbytes:
            raise ModelFileError(f"{path} is damaged: its dataset {name!r} declares more bytes than the file holds")
        datasets[name] = dataset[:]
    return datasets["description"].tobytes(), datasets["parameters"]


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
    if not np.isfinite(parameters).all():
        raise ModelFileError("its parameters are not all finite")
    model.parameters[...] = parameters
    if description["preparation"] is not None:
        model.preparation = Preparation.from_dict(description["preparation"])
    return model
