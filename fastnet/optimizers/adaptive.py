"""A rate for each parameter, by the squares of its gradients."""

from dataclasses import dataclass
from typing import ClassVar

from ..errors import ConfigurationError
from ..schedules import Schedule
from ..validation import number
from .base import WithRate


@dataclass(frozen=True)
class Adagrad(WithRate):
    """Adagrad (Duchi, Hazan and Singer, 2011): each parameter's rate falls with the squares of its gradients so far.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0.
    decay : float
        At least 0: step t has the rate ``learning_rate / (1 + (t - 1) * decay)``.
    epsilon : float
        Added to the root of the sum of squares, above 0.
    """

    name: ClassVar[str] = "adagrad"
    learning_rate: float | Schedule = 0.01
    decay: float = 0.0
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        number("decay", self.decay, at_least=0)
        number("epsilon", self.epsilon, above=0)


@dataclass(frozen=True)
class RMSprop(WithRate):
    """RMSprop (Tieleman and Hinton, 2012): the gradient over the root of its running mean square.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0.
    decay : float
        Of the running means, in [0, 1); PyTorch's alpha, Keras's rho.
    epsilon : float
        Added to the root, above 0.
    momentum : float
        In [0, 1).
    centered : bool
        Whether to divide by the root of the variance instead (Graves, 2013).
    """

    name: ClassVar[str] = "rmsprop"
    learning_rate: float | Schedule = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        number("decay", self.decay, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.centered, bool):
            raise ConfigurationError(f"centered must be True or False, not {self.centered!r}")

    @property
    def kernel(self) -> str:
        return "centered_rmsprop" if self.centered else "rmsprop"


@dataclass(frozen=True)
class Adadelta(WithRate):
    """Adadelta (Zeiler, 2012): the gradient over the root of its running mean square, times that of the changes.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0; the paper has none, which is 1.
    decay : float
        Of the running means, in [0, 1); the paper's rho.
    epsilon : float
        Added under both roots, above 0.
    """

    name: ClassVar[str] = "adadelta"
    learning_rate: float | Schedule = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        number("decay", self.decay, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)
