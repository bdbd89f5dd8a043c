"""How weights start. Each initializer fills a (fan_in, fan_out) matrix from a random generator; biases start at 0.

Most have a name (``INITIALIZERS``). Those with a number of their own are objects: ``Normal(0.05)``, ``Uniform(0.05)``,
``Constant(0.1)``; they can stand wherever a name can.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .validation import choice, described, number

Weights = npt.NDArray[np.float64]
Initializer = Callable[[np.random.Generator, int, int], Weights]


@dataclass(frozen=True)
class Normal:
    """Normal around 0 with standard deviation ``scale``, above 0."""

    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", number("the scale of Normal", self.scale, above=0))

    def __call__(self, generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
        return generator.normal(0.0, self.scale, (fan_in, fan_out))


@dataclass(frozen=True)
class Uniform:
    """Uniform between ``-scale`` and ``scale``, above 0."""

    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", number("the scale of Uniform", self.scale, above=0))

    def __call__(self, generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
        return generator.uniform(-self.scale, self.scale, (fan_in, fan_out))


@dataclass(frozen=True)
class Constant:
    """Every weight the same ``value``."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", number("the value of Constant", self.value))

    def __call__(self, generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
        return np.full((fan_in, fan_out), self.value)


def _normal(variance: Callable[[int, int], float]) -> Initializer:
    def draw(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
        return generator.normal(0.0, math.sqrt(variance(fan_in, fan_out)), (fan_in, fan_out))

    return draw


def _uniform(variance: Callable[[int, int], float]) -> Initializer:
    def draw(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
        limit = math.sqrt(3 * variance(fan_in, fan_out))
        return generator.uniform(-limit, limit, (fan_in, fan_out))

    return draw


def _one_over_fan_in(fan_in: int, fan_out: int) -> float:
    """Keeps the variance through a linear layer (LeCun et al., 1998; "xavier" in Caffe and in courses)."""
    return 1 / fan_in


def _two_over_fan_in(fan_in: int, fan_out: int) -> float:
    """Makes up for the half that ReLU cuts off (He et al., 2015)."""
    return 2 / fan_in


def _two_over_both_fans(fan_in: int, fan_out: int) -> float:
    """Keeps the variance forward and backward as far as both can be had (Glorot and Bengio, 2010)."""
    return 2 / (fan_in + fan_out)


def orthogonal(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
    """Rows or columns, whichever are fewer, of length 1 at right angles (Saxe, McClelland and Ganguli, 2014): the Q of
    a normal matrix, its signs such that every such matrix is as likely."""
    drawn = generator.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if fan_in >= fan_out else q.T)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
    "random": Normal(0.01),
    "uniform": Uniform(0.05),
    "xavier": _normal(_one_over_fan_in),
    "glorot": _normal(_two_over_both_fans),
    "glorot_uniform": _uniform(_two_over_both_fans),
    "he": _normal(_two_over_fan_in),
    "he_uniform": _uniform(_two_over_fan_in),
    "lecun": _normal(_one_over_fan_in),
    "lecun_uniform": _uniform(_one_over_fan_in),
    "orthogonal": orthogonal,
}

PARAMETRISED: dict[str, type[Normal] | type[Uniform] | type[Constant]] = {
    "normal": Normal,
    "uniform": Uniform,
    "constant": Constant,
}
"""The initializers with a number of their own, by the kind that a model file names them by."""


BY_ACTIVATION = {
    **dict.fromkeys(("relu", "leaky_relu", "elu", "absolute", "softplus", "gelu", "gelu_tanh", "silu"), "he"),
    "selu": "lecun",
}
"""What "auto" is: he for what cuts off about half of its input or bends there, lecun for the activation that was made
for it."""


def initializer_for(init: str | Initializer, activation: str) -> Initializer:
    """The initializer of that name, or the one given; "auto" is the one in ``BY_ACTIVATION``, else xavier."""
    if not isinstance(init, str):
        return init
    if init == "auto":
        return INITIALIZERS[BY_ACTIVATION.get(activation, "xavier")]
    return INITIALIZERS[init]


def checked_init(init: Any) -> str | Initializer:
    """``init``, if it is a name, "auto" or one of the objects; or the object that ``init_to_data`` described.

    Raises
    ------
    ConfigurationError
        If it is something else.
    """
    if isinstance(init, Normal | Uniform | Constant):
        return init
    if isinstance(init, dict):
        found: Initializer = described("init", init, PARAMETRISED)
        return found
    return choice("init", init, ("auto", *INITIALIZERS))


def init_to_data(init: str | Initializer) -> str | dict[str, Any]:
    """The name, or the object as plain data: its kind and its number."""
    if isinstance(init, str):
        return init
    kind = next(kind for kind, which in PARAMETRISED.items() if isinstance(init, which))
    return {"kind": kind, **vars(init)}
