"""Rates that fall: at intervals, with each count, in pieces, or along a polynomial."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ConfigurationError
from ..validation import number, whole
from .base import Counts, FromRate, Rates, Timed, at_most, blend


@dataclass(frozen=True)
class StepDecay(FromRate):
    """``learning_rate * factor ** floor(count / interval)``.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    factor : float
        In (0, 1].
    interval : int
        Counts between two falls, at least 1.
    """

    name: ClassVar[str] = "step"
    factor: float = 0.1
    interval: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            factor=at_most(1, "factor", self.factor, above=0),
            interval=whole("interval", self.interval, at_least=1),
        )

    def _at(self, counts: Counts) -> Rates:
        return np.asarray(self.learning_rate * self.factor ** (counts // self.interval), np.float64)


@dataclass(frozen=True)
class ExponentialDecay(FromRate):
    """``learning_rate * factor ** count``.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    factor : float
        In (0, 1].
    """

    name: ClassVar[str] = "exponential"
    factor: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            factor=at_most(1, "factor", self.factor, above=0),
        )

    def _at(self, counts: Counts) -> Rates:
        return np.asarray(self.learning_rate * self.factor**counts, np.float64)


@dataclass(frozen=True)
class InverseTimeDecay(FromRate):
    """``learning_rate / (1 + decay * floor(count / interval))``.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        At least 0.
    interval : int
        Counts between two falls, at least 1.
    """

    name: ClassVar[str] = "inverse_time"
    decay: float = 1.0
    interval: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            decay=number("decay", self.decay, at_least=0),
            interval=whole("interval", self.interval, at_least=1),
        )

    def _at(self, counts: Counts) -> Rates:
        return np.asarray(self.learning_rate / (1 + self.decay * (counts // self.interval)), np.float64)


def _members(name: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple | np.ndarray):
        raise ConfigurationError(f"{name} must be a list of numbers, not {values!r}")
    return tuple(values)


@dataclass(frozen=True)
class PiecewiseConstant(Timed):
    """``values[0]`` before count ``boundaries[0]``, and ``values[i]`` from count ``boundaries[i - 1]`` on, that count
    included, as PyTorch's MultiStepLR has it; Keras's PiecewiseConstantDecay changes one count later.

    Parameters
    ----------
    boundaries : sequence of int
        Rising, at least 1.
    values : sequence of float
        One more than boundaries: the first above 0, the others at least 0.
    """

    name: ClassVar[str] = "piecewise"
    boundaries: Sequence[int]
    values: Sequence[float]

    def __post_init__(self) -> None:
        super().__post_init__()
        boundaries, values = _members("boundaries", self.boundaries), _members("values", self.values)
        if len(values) != len(boundaries) + 1:
            raise ConfigurationError(
                f"values must be one more than boundaries, which are {len(boundaries)}, but they are {len(values)}"
            )
        least = 1
        for i, boundary in enumerate(boundaries):
            least = whole(f"boundaries[{i}]", boundary, at_least=least) + 1
        first, *others = values
        self._keep(
            boundaries=tuple(int(boundary) for boundary in boundaries),
            values=(
                number("values[0]", first, above=0),
                *(number(f"values[{i}]", value, at_least=0) for i, value in enumerate(others, start=1)),
            ),
        )

    @property
    def peak(self) -> float:
        return max(self.values)

    def _at(self, counts: Counts) -> Rates:
        pieces = np.searchsorted(np.asarray(self.boundaries, np.int64), counts, side="right")
        return np.asarray(self.values, np.float64)[pieces]


@dataclass(frozen=True)
class PolynomialDecay(FromRate):
    """``end + (learning_rate - end) * (1 - count / over) ** power``, and ``end`` from count ``over`` on.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    end : float
        From 0 to learning_rate.
    over : int
        At least 1.
    power : float
        Above 0; 1 is a straight line.
    """

    name: ClassVar[str] = "polynomial"
    end: float = 0.0
    _: KW_ONLY
    over: int
    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            end=at_most(self.learning_rate, "end", self.end, at_least=0),
            over=whole("over", self.over, at_least=1),
            power=number("power", self.power, above=0),
        )

    def _at(self, counts: Counts) -> Rates:
        share = (np.maximum(self.over - counts, 0) / self.over) ** self.power
        return blend(share, self.learning_rate, self.end)
