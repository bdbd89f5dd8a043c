"""What an optimizer is; its update is a kernel of the same name in lower case."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnet_kernels.program import OPTIMIZER, OPTIMIZERS, Record

from .errors import ConfigurationError
from .validation import number


class Optimizer:
    """Base of the optimizers: frozen dataclasses whose fields are the kernel's constants."""

    name: ClassVar[str]

    def record(self) -> Record:
        """The optimizer as the engines read it: one OPTIMIZER record, of shape (1,)."""
        record = np.zeros(1, OPTIMIZER)
        record["kind"] = OPTIMIZERS.index(self.name)
        for field, value in vars(self).items():
            record[field] = value
        return record


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: ``v = momentum * v - learning_rate * g``, then ``p += v``.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    momentum : float
        In [0, 1).
    nesterov : bool
        Whether to look ahead: ``p += momentum * v - learning_rate * g``.
    """

    name: ClassVar[str] = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.nesterov, bool):
            raise ConfigurationError(f"nesterov must be True or False, not {self.nesterov!r}")


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), with bias correction.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    beta_1, beta_2 : float
        Decay of the first and second moments, in [0, 1).
    epsilon : float
        Added to the root of the second moment, above 0.
    """

    name: ClassVar[str] = "adam"
    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("beta_1", self.beta_1, at_least=0, below=1)
        number("beta_2", self.beta_2, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)


OPTIMIZER_CLASSES: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}
