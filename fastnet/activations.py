"""Activations as a layer names them: by a name, or by an object where one has a number of its own."""

from dataclasses import dataclass
from typing import Any, ClassVar

from fastnet_kernels.program import ACTIVATIONS

from .validation import choice, described, number


@dataclass(frozen=True)
class LeakyReLU:
    """``z`` above 0, ``slope * z`` below (Maas, Hannun and Ng, 2013); ``slope`` is at least 0."""

    name: ClassVar[str] = "leaky_relu"
    slope: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", number("the slope of LeakyReLU", self.slope, at_least=0))


@dataclass(frozen=True)
class ELU:
    """``z`` above 0, ``alpha * (exp(z) - 1)`` below (Clevert, Unterthiner and Hochreiter, 2016); alpha is above 0."""

    name: ClassVar[str] = "elu"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("the alpha of ELU", self.alpha, above=0))

    @property
    def slope(self) -> float:
        """The number as the kernels have it."""
        return self.alpha


Activation = LeakyReLU | ELU
PARAMETRISED: dict[str, type[Activation]] = {kind.name: kind for kind in (LeakyReLU, ELU)}
"""The activations with a number of their own; their names stand for the usual one."""


def checked_activation(activation: Any) -> str | Activation:
    """``activation``, if it is a name or one of the objects; or the object that ``activation_to_data`` described.
    "linear", as Keras has it, is identity.

    Raises
    ------
    ConfigurationError
        If it is something else.
    """
    if isinstance(activation, LeakyReLU | ELU):
        return activation
    if isinstance(activation, dict):
        found: Activation = described("activation", activation, PARAMETRISED)
        return found
    return choice("activation", "identity" if activation == "linear" else activation, ACTIVATIONS)


def activation_to_data(activation: str | Activation) -> str | dict[str, Any]:
    """The name, or the object as plain data: its kind and its number."""
    return activation if isinstance(activation, str) else {"kind": activation.name, **vars(activation)}


def name_of(activation: str | Activation) -> str:
    """The name that the kernels know it by."""
    return activation if isinstance(activation, str) else activation.name


def slope_of(activation: str | Activation) -> float:
    """The number of its own, or 0 where it has none."""
    if isinstance(activation, str):
        return PARAMETRISED[activation]().slope if activation in PARAMETRISED else 0.0
    return activation.slope
