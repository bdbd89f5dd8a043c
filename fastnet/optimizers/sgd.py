"""Gradient descent, with and without momentum."""

from dataclasses import dataclass
from typing import ClassVar

from ..errors import ConfigurationError
from ..schedules import Schedule
from ..validation import number
from .base import WithRate


@dataclass(frozen=True)
class SGD(WithRate):
    """Stochastic gradient descent: ``v = momentum * v - learning_rate * g``, then ``p += v``.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0.
    momentum : float
        In [0, 1).
    nesterov : bool
        Whether to look ahead: ``p += momentum * v - learning_rate * g``.
    """

    name: ClassVar[str] = "sgd"
    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.nesterov, bool):
            raise ConfigurationError(f"nesterov must be True or False, not {self.nesterov!r}")

    @property
    def is_linear(self) -> bool:
        return self.clip_value is None and self.clip_norm is None and self.average is None
