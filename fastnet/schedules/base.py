"""What a schedule is: the learning rate as a pure function of the step, or of what was measured."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError
from ..validation import choice, number, whole

Counts = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Schedule(ABC):
    """Base of the schedules: frozen dataclasses that an optimizer takes where it takes a learning rate.

    Attributes
    ----------
    needs_values : bool
        Whether the rates depend on what was measured (``ReduceOnPlateau``) instead of the step alone (``Timed``).
    """

    name: ClassVar[str]
    needs_values: ClassVar[bool] = False

    @property
    @abstractmethod
    def initial(self) -> float:
        """The rate of the first step, above 0."""

    @property
    def peak(self) -> float:
        """What no rate is above."""
        return self.initial

    def _keep(self, **checked: object) -> None:
        """Hold the checked values, as Python's own numbers."""
        for name, value in checked.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Timed(Schedule):
    """Base of the schedules whose rates follow from a count of the epochs, or of the steps, that came before.

    Parameters
    ----------
    per : str
        What is counted: "epoch" or "step". By keyword only.
    """

    per: str = field(default="epoch", kw_only=True)

    def __post_init__(self) -> None:
        choice("per", self.per, ("epoch", "step"))

    @property
    def initial(self) -> float:
        return float(self.rates(0, 1, 1)[0])

    def rates(self, first_step: int, steps: int, steps_per_epoch: int) -> Rates:
        """The rates of the steps from ``first_step`` to ``first_step + steps - 1``, counted from 0.

        Parameters
        ----------
        first_step, steps : int
            At least 0.
        steps_per_epoch : int
            At least 1: with per="epoch" the count of a step is ``step // steps_per_epoch``.

        Returns
        -------
        ndarray of float64, shape (steps,)

        Raises
        ------
        ConfigurationError
            If one of the numbers is not whole or too small.
        """
        return self._rates(
            whole("first_step", first_step, at_least=0),
            whole("steps", steps, at_least=0),
            whole("steps_per_epoch", steps_per_epoch, at_least=1),
        )

    def _rates(self, first_step: int, steps: int, steps_per_epoch: int) -> Rates:
        counts = np.arange(first_step, first_step + steps, dtype=np.int64)
        return self._at(counts if self.per == "step" else counts // steps_per_epoch)

    @abstractmethod
    def _at(self, counts: Counts) -> Rates:
        """The rates at these counts, of the same shape."""


@dataclass(frozen=True)
class FromRate(Timed):
    """Base of those that begin with a learning rate, above 0, and fall from it."""

    learning_rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(learning_rate=number("learning_rate", self.learning_rate, above=0))


def initial_rate(learning_rate: float | Schedule) -> float:
    """The rate of the first step, of a schedule or of a number that must be above 0.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    if isinstance(learning_rate, Schedule):
        return learning_rate.initial
    return number("learning_rate", learning_rate, above=0)


def at_most(most: float, name: str, value: Any, **bounds: float) -> float:
    """As ``number``, with a bound above that the value may reach."""
    found = number(name, value, **bounds)
    if found > most:
        raise ConfigurationError(f"{name} must be a number of at most {most:g}, not {value!r}")
    return found


def blend(share: Rates, high: float | Rates, low: float) -> Rates:
    """``share`` of high and the rest of low: exact at both ends, as ``low + share * (high - low)`` is not."""
    return share * high + (1 - share) * low


def half_wave(position: npt.NDArray[Any], length: float | Rates) -> Rates:
    """From 1 at position 0 to 0 at ``length``: ``(1 + cos(pi * position / length)) / 2``."""
    # The same by the half-angle formula, which cancels no digits near the end.
    return np.asarray(np.sin(math.pi / 2 * ((length - position) / length)) ** 2, np.float64)
