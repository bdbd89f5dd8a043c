"""The losses by name, as objects and as plain data, and the last layers that they need."""

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError
from ..validation import choice, described
from .base import Loss
from .classification import BinaryCrossentropy, CategoricalCrossentropy, Hinge
from .regression import Huber, LogCosh, MeanAbsoluteError, MeanSquaredError, Poisson

LOSS_CLASSES: dict[str, type[Loss]] = {
    kind.name: kind
    for kind in (
        MeanSquaredError,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        MeanAbsoluteError,
        Huber,
        LogCosh,
        Poisson,
        Hinge,
    )
}


def checked_loss(loss: Any) -> Loss:
    """``loss``, if it is one, or the one of that name with its defaults, or the one that ``loss_to_data`` described.

    Raises
    ------
    ConfigurationError
        If it is something else.
    """
    if isinstance(loss, Loss) and type(loss) in LOSS_CLASSES.values():
        return loss
    if isinstance(loss, type):
        raise ConfigurationError(f"loss must be a name or a loss object, not the class {loss.__name__}; add ()")
    if isinstance(loss, Mapping):
        found: Loss = described("loss", loss, LOSS_CLASSES)
        return found
    return LOSS_CLASSES[choice("loss", loss, LOSS_CLASSES)]()


def loss_to_data(loss: Loss) -> str | dict[str, Any]:
    """The name, or with parameters that are not the defaults the loss as plain data: its kind and its parameters."""
    return loss.name if loss == type(loss)() else {"kind": loss.name, **vars(loss)}


def check_output(loss: Loss, activation: str, units: int) -> None:
    """Refuse a last layer that does not fit the loss.

    Raises
    ------
    ConfigurationError
        If the activation is not the one the loss takes in, or softmax has a single unit.
    """
    if loss.output_activation is not None and activation != loss.output_activation:
        raise ConfigurationError(
            f"{loss.name} needs a last layer with activation {loss.output_activation!r}, but it has {activation!r}"
        )
    if loss.output_activation == "softmax" and units < 2:
        raise ConfigurationError(
            "categorical_crossentropy needs at least 2 outputs, one a class; "
            "for two classes with one output use sigmoid and binary_crossentropy"
        )
