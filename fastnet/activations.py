"""Activations as a layer names them: by a name, or by an object where one has a number or functions of its own."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastnet_kernels.custom import register
from fastnet_kernels.program import ACTIVATIONS, KEEP_Z

from .errors import ConfigurationError, MissingActivationError
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


@dataclass(frozen=True)
class CustomActivation:
    """An activation of your own, from two functions of one number, which Numba compiles for the jit engine.

    The derivative is compared with finite differences of the value at points between -8 and 8 when it is given, and
    both must be finite at -1e4 and 1e4. Where a function fails all the same, a training sees NaN. A network with such a
    layer is saved by the activation's name; ``fastnet.load`` has to be given the activation again.

    Parameters
    ----------
    name : str
        An identifier that is not one of ``fastnet.ACTIVATIONS``.
    value, derivative : callable
        f(z) and f'(z), of a float, in the Python that Numba compiles: arithmetic, ``math``, conditions.

    Raises
    ------
    ConfigurationError
        If the name is taken, a function fails or gives no finite number at some point, or the derivative is not that of
        the value.

    Examples
    --------
    >>> square = CustomActivation("square", lambda z: z * z, lambda z: 2 * z)
    """

    name: str
    value: Callable[[float], float]
    derivative: Callable[[float], float]
    slope: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ConfigurationError(f"the name of a CustomActivation must be an identifier, not {self.name!r}")
        if self.name in ACTIVATIONS or self.name == "linear":
            raise ConfigurationError(f"{self.name!r} is one of fastnet's activations; name yours differently")
        for point in POINTS:
            # Odd steps, so that a kink at a round number is not among the points.
            below, above = self._at(self.value, "value", point - STEP), self._at(self.value, "value", point + STEP)
            found, expected = self._at(self.derivative, "derivative", point), (above - below) / (2 * STEP)
            # A central difference errs by about STEP**2 (truncation) and by a rounding of the value over STEP.
            allowed = 1e-5 * (1 + abs(expected)) + 1e-15 * (abs(below) + abs(above)) / STEP
            if abs(found - expected) > allowed:
                raise ConfigurationError(
                    f"the derivative of CustomActivation {self.name!r} at z = {point:g} is {found:g}, "
                    f"but its value changes by {expected:g} there; correct one of the two"
                )
        for point in FAR_OUT:
            self._at(self.value, "value", point)
            self._at(self.derivative, "derivative", point)

    def _at(self, function: Callable[[float], float], role: str, z: float) -> float:
        try:
            result = float(function(z))
        except Exception as error:  # it is the user's own function: whatever it raises belongs in the sentence
            raise ConfigurationError(
                f"the {role} of CustomActivation {self.name!r} fails at z = {z:g} ({type(error).__name__}: {error}); "
                "write it so that it takes any number"
            ) from error
        if not math.isfinite(result):
            raise ConfigurationError(
                f"the {role} of CustomActivation {self.name!r} at z = {z:g} is {result}; "
                "write it so that it is finite for any number"
            )
        return result


STEP = 1e-5
POINTS = [(-8 + 16 * k / 96) * 1.0009 + 0.00037 for k in range(97)]
"""Where a derivative is checked."""

FAR_OUT = (-1e4, 1e4)
"""Where a training that goes astray can lead: there too both must be finite."""

ActivationObject = LeakyReLU | ELU | CustomActivation
PARAMETRISED: dict[str, type[LeakyReLU] | type[ELU]] = {kind.name: kind for kind in (LeakyReLU, ELU)}
"""The activations with a number of their own; their names stand for the usual one."""


def checked_activation(activation: Any, own: Sequence[CustomActivation] = ()) -> str | ActivationObject:
    """``activation``, if it is a name or one of the objects; or the object that ``activation_to_data`` described, a
    user's ``own`` by its name. "linear", as Keras has it, is identity.

    Raises
    ------
    ConfigurationError
        If it is something else.
    """
    if isinstance(activation, ActivationObject):
        return activation
    if isinstance(activation, dict) and activation.get("kind") == "custom":
        for candidate in own:
            if candidate.name == activation.get("name"):
                return candidate
        raise MissingActivationError(str(activation.get("name")))
    if isinstance(activation, dict):
        found: ActivationObject = described("activation", activation, PARAMETRISED)
        return found
    if callable(activation):
        raise ConfigurationError(
            f"activation must be a name or an activation object, not {activation!r}; a function of your own goes into "
            "fastnet.CustomActivation, with its derivative"
        )
    return choice("activation", "identity" if activation == "linear" else activation, ACTIVATIONS)


def activation_to_data(activation: str | ActivationObject) -> str | dict[str, Any]:
    """The name, or the object as plain data: its kind and its number, or the name of a user's own."""
    if isinstance(activation, str):
        return activation
    if isinstance(activation, CustomActivation):
        return {"kind": "custom", "name": activation.name}
    return {"kind": activation.name, **vars(activation)}


def name_of(activation: str | ActivationObject) -> str:
    """The name that the kernels know it by, or that a user gave it."""
    return activation if isinstance(activation, str) else activation.name


def slope_of(activation: str | ActivationObject) -> float:
    """The number of its own, or 0 where it has none."""
    if isinstance(activation, str):
        return PARAMETRISED[activation]().slope if activation in PARAMETRISED else 0.0
    return activation.slope


def code_of(activation: str | ActivationObject) -> int:
    """What stands for it in an op record."""
    if isinstance(activation, CustomActivation):
        return register(activation.value, activation.derivative)
    return ACTIVATIONS.index(name_of(activation))


def keeps_z(activation: str | ActivationObject) -> bool:
    """Whether its derivative needs z."""
    return isinstance(activation, CustomActivation) or name_of(activation) in KEEP_Z
