"""How the learning rate changes while a network trains: pure functions of the step, or of what was measured."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError
from .validation import choice, number, whole

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


def _at_most(most: float, name: str, value: Any, **bounds: float) -> float:
    """As ``number``, with a bound above that the value may reach."""
    found = number(name, value, **bounds)
    if found > most:
        raise ConfigurationError(f"{name} must be a number of at most {most:g}, not {value!r}")
    return found


def _blend(share: Rates, high: float | Rates, low: float) -> Rates:
    """``share`` of high and the rest of low: exact at both ends, as ``low + share * (high - low)`` is not."""
    return share * high + (1 - share) * low


def _cosine(position: npt.NDArray[Any], length: float | Rates) -> Rates:
    """From 1 at position 0 to 0 at ``length``: ``(1 + cos(pi * position / length)) / 2``."""
    # The same by the half-angle formula, which cancels no digits near the end.
    return np.asarray(np.sin(math.pi / 2 * ((length - position) / length)) ** 2, np.float64)


@dataclass(frozen=True)
class _FromRate(Timed):
    """Base of those that begin with a learning rate, above 0, and fall from it."""

    learning_rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(learning_rate=number("learning_rate", self.learning_rate, above=0))


@dataclass(frozen=True)
class StepDecay(_FromRate):
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
            factor=_at_most(1, "factor", self.factor, above=0),
            interval=whole("interval", self.interval, at_least=1),
        )

    def _at(self, counts: Counts) -> Rates:
        return np.asarray(self.learning_rate * self.factor ** (counts // self.interval), np.float64)


@dataclass(frozen=True)
class ExponentialDecay(_FromRate):
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
            factor=_at_most(1, "factor", self.factor, above=0),
        )

    def _at(self, counts: Counts) -> Rates:
        return np.asarray(self.learning_rate * self.factor**counts, np.float64)


@dataclass(frozen=True)
class InverseTimeDecay(_FromRate):
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
class PolynomialDecay(_FromRate):
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
            end=_at_most(self.learning_rate, "end", self.end, at_least=0),
            over=whole("over", self.over, at_least=1),
            power=number("power", self.power, above=0),
        )

    def _at(self, counts: Counts) -> Rates:
        share = (np.maximum(self.over - counts, 0) / self.over) ** self.power
        return _blend(share, self.learning_rate, self.end)


@dataclass(frozen=True)
class CosineDecay(_FromRate):
    """Half a cosine wave from the top down to ``end`` (Loshchilov and Hutter, 2017: SGDR, equation 5):
    ``end + (top - end) * (1 + cos(pi * count / over)) / 2``.

    Without restarts it stays at ``end`` from count ``over`` on. With them, it is back at the top at that count, and so
    on: period i, from 0, lasts ``over * growth ** i`` counts and begins at ``learning_rate * fade ** i``, though never
    below ``end``.

    Parameters
    ----------
    learning_rate : float
        The first top, above 0.
    end : float
        From 0 to learning_rate.
    over : int
        Counts of the first period, at least 1.
    growth : int
        What a period is multiplied by at each restart, at least 1.
    fade : float
        What the top is multiplied by at each restart, in (0, 1].
    restarts : bool
        Whether to start again; growth and fade other than 1 make no sense without.
    """

    name: ClassVar[str] = "cosine"
    end: float = 0.0
    _: KW_ONLY
    over: int
    growth: int = 1
    fade: float = 1.0
    restarts: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            end=_at_most(self.learning_rate, "end", self.end, at_least=0),
            over=whole("over", self.over, at_least=1),
            growth=whole("growth", self.growth, at_least=1),
            fade=_at_most(1, "fade", self.fade, above=0),
        )
        if not isinstance(self.restarts, bool):
            raise ConfigurationError(f"restarts must be True or False, not {self.restarts!r}")
        if not self.restarts and (self.growth, self.fade) != (1, 1):
            raise ConfigurationError(
                f"growth and fade say what a restart changes, so {self.growth} and {self.fade:g} need restarts=True"
            )

    def _at(self, counts: Counts) -> Rates:
        if not self.restarts:
            return _blend(_cosine(np.minimum(counts, self.over), self.over), self.learning_rate, self.end)
        period, position, length = self._periods(counts)
        top = np.maximum(self.learning_rate * self.fade**period, self.end)
        return _blend(_cosine(position, length), top, self.end)

    def _periods(self, counts: Counts) -> tuple[Counts, Counts, Rates]:
        """The period each count is in, how many of its counts came before, and how many it has."""
        if self.growth == 1:
            period, position = np.divmod(counts, self.over)
            return period, position, np.full(counts.shape, self.over, np.float64)
        begins, lengths = [0], [self.over]
        while begins[-1] + lengths[-1] <= counts.max(initial=0):
            begins.append(begins[-1] + lengths[-1])
            lengths.append(lengths[-1] * self.growth)
        period = np.searchsorted(np.asarray(begins, np.int64), counts, side="right") - 1
        return period, counts - np.asarray(begins, np.int64)[period], np.asarray(lengths, np.float64)[period]


@dataclass(frozen=True)
class OneCycle(Timed):
    """Up to a high rate and down to almost none (Smith and Topin, 2018), along cosines, as PyTorch's OneCycleLR.

    It begins at ``highest / start_divisor``, is at its highest at count ``start_share * over - 1`` and at
    ``highest / start_divisor / end_divisor`` from count ``over - 1``, the last of the cycle, on. Where that leaves no
    count to rise in (``start_share * over`` below 1) it begins on its way down.

    Parameters
    ----------
    highest : float
        Above 0.
    over : int
        Counts of the whole cycle, at least 2.
    start_share : float
        The share of the cycle that it rises in, in [0, 1).
    start_divisor, end_divisor : float
        At least 1.
    """

    name: ClassVar[str] = "one_cycle"
    highest: float
    _: KW_ONLY
    over: int
    start_share: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            highest=number("highest", self.highest, above=0),
            over=whole("over", self.over, at_least=2),
            start_share=number("start_share", self.start_share, at_least=0, below=1),
            start_divisor=number("start_divisor", self.start_divisor, at_least=1),
            end_divisor=number("end_divisor", self.end_divisor, at_least=1),
        )

    @property
    def peak(self) -> float:
        return self.highest

    def _at(self, counts: Counts) -> Rates:
        turn, last = self.start_share * self.over - 1, self.over - 1
        lowest = self.highest / self.start_divisor
        # With the turn at count 0 itself, that count is the start: any length but 0 says so.
        rise = _blend(_cosine(counts, turn or 1.0), lowest, self.highest)
        fall = _blend(_cosine(np.minimum(counts, last) - turn, last - turn), self.highest, lowest / self.end_divisor)
        return np.where(counts <= turn, rise, fall)


@dataclass(frozen=True)
class WarmUp(Timed):
    """A straight line up to another schedule's initial rate, or to a number, and then that schedule or number.

    Count c of the warm-up has the rate ``start + (initial - start) * (c + 1) / over``. So ``start`` is where the line
    is one count before training: no step is wasted at a rate of 0, and the last count of the warm-up, ``over - 1``,
    has the initial rate already. That is PyTorch's LinearLR from ``start + (initial - start) / over`` on over
    ``over - 1`` counts.

    ``per`` says what the warm-up counts; the schedule after it keeps its own. It begins with the first step after the
    warm-up as if training began there: its steps are counted from that one, and its epochs are ``steps_per_epoch``
    steps each from that one, so that after a warm-up of half an epoch they change in the middle of training's.

    Parameters
    ----------
    learning_rate : float or Timed
        What it leads to: a number above 0, or any schedule but ReduceOnPlateau.
    over : int
        At least 1.
    start : float
        From 0 to the initial rate of what it leads to.
    """

    name: ClassVar[str] = "warm_up"
    learning_rate: float | Timed
    _: KW_ONLY
    over: int
    start: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.learning_rate, Schedule) and not isinstance(self.learning_rate, Timed):
            raise ConfigurationError(
                f"a warm-up cannot lead to {type(self.learning_rate).__name__}, whose rates depend on what is measured;"
                " give a number or another schedule"
            )
        top = initial_rate(self.learning_rate)
        self._keep(
            learning_rate=self.learning_rate if isinstance(self.learning_rate, Timed) else top,
            over=whole("over", self.over, at_least=1),
            start=_at_most(top, "start", self.start, at_least=0),
        )

    @property
    def peak(self) -> float:
        return self.learning_rate.peak if isinstance(self.learning_rate, Timed) else self.learning_rate

    def _rates(self, first_step: int, steps: int, steps_per_epoch: int) -> Rates:
        length = self.over if self.per == "step" else self.over * steps_per_epoch
        rising = min(max(length - first_step, 0), steps)
        warm, then = super()._rates(first_step, rising, steps_per_epoch), self.learning_rate
        if isinstance(then, Timed):
            return np.concatenate([warm, then.rates(max(first_step - length, 0), steps - rising, steps_per_epoch)])
        return np.concatenate([warm, np.full(steps - rising, then)])

    def _at(self, counts: Counts) -> Rates:
        return _blend((counts + 1) / self.over, initial_rate(self.learning_rate), self.start)


class PlateauState(NamedTuple):
    """Where ``ReduceOnPlateau`` is: its rate, the best value so far, the epochs since, the epochs left to cool down."""

    rate: float
    best: float = math.inf
    waited: int = 0
    cooling: int = 0


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Multiply the rate by ``factor`` when more than ``patience`` epochs in a row were no improvement, as PyTorch's
    ReduceLROnPlateau: a change of no more than 1e-8 is not made.

    A value is an improvement when it is below the best so far by more than ``min_delta`` times its size; NaN is none.
    (PyTorch's bound lies above a best below 0, so that standing still would be an improvement; here it lies below.
    What is better when larger can thus be given with its sign changed, which is PyTorch's mode "max".)

    Parameters
    ----------
    learning_rate : float
        Above 0.
    factor : float
        In (0, 1).
    patience : int
        At least 0.
    min_delta : float
        In [0, 1).
    cooldown : int
        Epochs after a change in which nothing counts as a failure, at least 0.
    smallest : float
        From 0 to learning_rate: the rate never falls below it.
    monitor : str or None
        The column of the history to watch; None is "val_loss" with validation data and "loss" without.
    """

    name: ClassVar[str] = "plateau"
    needs_values: ClassVar[bool] = True
    learning_rate: float
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    smallest: float = 0.0
    monitor: str | None = None

    def __post_init__(self) -> None:
        top = number("learning_rate", self.learning_rate, above=0)
        self._keep(
            learning_rate=top,
            factor=number("factor", self.factor, above=0, below=1),
            patience=whole("patience", self.patience, at_least=0),
            min_delta=number("min_delta", self.min_delta, at_least=0, below=1),
            cooldown=whole("cooldown", self.cooldown, at_least=0),
            smallest=_at_most(top, "smallest", self.smallest, at_least=0),
        )
        if not (self.monitor is None or isinstance(self.monitor, str)):
            raise ConfigurationError(
                f"monitor must be the name of a column of the history or None, not {self.monitor!r}"
            )

    @property
    def initial(self) -> float:
        return self.learning_rate

    def rate_after(self, values: Sequence[float]) -> float:
        """The rate after epochs that measured these values, the first epoch's first."""
        return self.state_after(values).rate

    def state_after(self, values: Sequence[float], state: PlateauState | None = None) -> PlateauState:
        """The state after epochs that measured these values, from ``state`` on; None is the beginning of training.

        ``state_after(a + b) == state_after(b, state_after(a))``, so a long training need not replay all its epochs.
        """
        rate, best, waited, cooling = state or PlateauState(self.learning_rate)
        for value in values:
            if value < best * (1 - math.copysign(self.min_delta, best)):
                best, waited = value, 0
            else:
                waited += 1
            if cooling > 0:
                cooling, waited = cooling - 1, 0
            if waited > self.patience:
                reduced = max(rate * self.factor, self.smallest)
                rate = reduced if rate - reduced > SMALLEST_CHANGE else rate
                cooling, waited = self.cooldown, 0
        return PlateauState(rate, best, waited, cooling)


SMALLEST_CHANGE = 1e-8
"""Of a rate on a plateau: PyTorch's ``eps``."""

SCHEDULE_CLASSES: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (
        StepDecay,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstant,
        PolynomialDecay,
        CosineDecay,
        OneCycle,
        WarmUp,
        ReduceOnPlateau,
    )
}


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
