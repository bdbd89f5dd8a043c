"""What has to be the same for a training to go on from a checkpoint, and a sentence for each thing that is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CheckpointError
from .layers import layer_to_dict
from .losses import loss_to_data
from .optimizers import Optimizer
from .pixels import Pixels
from .streamed import Streamed

if TYPE_CHECKING:
    from .labelled import Labelled
    from .model import Model
    from .training import Training

IN_WORDS = {
    "layers": "other layers",
    "optimizer": "another optimizer, or with other numbers than its learning rate",
    "buffers": "another memory, and so with other buffers of samples",
    "data": "other training data (X, y or their weights)",
    "validation": "other validation data",
    "factors": "other factors of the loss",
}
"""What is told of in words; of the rest both values are shown."""


def of_network(model: Model) -> dict[str, Any]:
    """What a network is, but for its parameters."""
    return {
        "layers": [layer_to_dict(layer) for layer in model.layers],
        "input_shape": list(model.input_shape),
        "loss": loss_to_data(model.loss_function),
        "dtype": model.dtype.name,
        "seed": model.seed,
    }


def of_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """What an optimizer is, but for its learning rate, which may change from one epoch to the next."""
    names = [field.name for field in fields(optimizer) if field.name != "learning_rate"]
    return {"name": optimizer.name} | {name: getattr(optimizer, name) for name in names}


def of_data(data: Labelled | None) -> str | None:
    """A digest of samples, targets and weights."""
    if data is None:
        return None
    digest = hashlib.blake2b(digest_size=32)
    samples, divisor = (data.X.X, data.X.divisor) if isinstance(data.X, Pixels) else (data.X, None)
    if isinstance(samples, Streamed):
        divisor, samples = samples.divisor, samples.digest()
    for array in (samples, data.Y, data.W, data.sample_weight):
        if array is None:
            digest.update(b"none")
        else:
            digest.update(f"{array.dtype.str} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).data if array.size else b"")
    digest.update(repr(divisor).encode())
    return digest.hexdigest()


def of_training(training: Training) -> dict[str, Any]:
    """What has to be the same for a training to go on from this one's checkpoint."""
    options, buffers = training.options, training.buffers
    return {
        **of_network(training.model),
        "optimizer": of_optimizer(training.optimizer),
        "batch_size": options.batch_size,
        "shuffle": options.shuffle,
        "backend": training.backend,
        "threads": training.threads,
        "metrics": list(training.metrics),
        "factors": [
            options.loss_factor,
            options.gradient_factor,
            options.penalty_by_rows,
            options.rows_per_weight,
        ],
        "buffers": None if buffers is None else buffers.plan.rows,
        "data": of_data(training.data),
        "validation": of_data(training.validation),
    }


def refuse_another(found: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another training.

    Parameters
    ----------
    found, here : mapping
        What identifies the training of the checkpoint, and the one that is to go on.

    Raises
    ------
    CheckpointError
        If the two are not the same.
    """
    for name, value in json.loads(json.dumps(here)).items():
        if found.get(name) == value:
            continue
        if name in IN_WORDS:
            raise CheckpointError(f"it is of a training with {IN_WORDS[name]}; give what it was made with")
        raise CheckpointError(
            f"it is of a training with {name} {found.get(name)!r}, but here it is {value!r}; give the same"
        )
