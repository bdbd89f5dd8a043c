"""Losses of numbers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..validation import number
from .base import Loss, Targets


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """``(output - target) ** 2``."""

    name: ClassVar[str] = "mean_squared_error"


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """``|output - target|``."""

    name: ClassVar[str] = "mean_absolute_error"


@dataclass(frozen=True)
class Huber(Loss):
    """``d ** 2 / 2`` where the difference d is at most ``delta``, and ``delta (|d| - delta / 2)`` beyond (Huber, 1964).

    Parameters
    ----------
    delta : float
        Above 0.
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", number("the delta of Huber", self.delta, above=0))

    @property
    def slope(self) -> float:
        return self.delta


@dataclass(frozen=True)
class LogCosh(Loss):
    """``log(cosh(output - target))``: like a square for small differences, like their size for large ones."""

    name: ClassVar[str] = "log_cosh"


@dataclass(frozen=True)
class Poisson(Loss):
    """``rate - target * log(rate)``, for counts; the outputs are rates, by the activation "exponential"."""

    name: ClassVar[str] = "poisson"
    output_activation: ClassVar[str | None] = "exponential"

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        return self._within(super()._fitting(values, outputs), 0, np.inf, "hold counts of at least 0")
