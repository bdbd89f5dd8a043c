"""A rate that rises before another schedule begins."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from ..errors import ConfigurationError
from ..validation import whole
from .base import Counts, Rates, Schedule, Timed, at_most, blend, initial_rate


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
            start=at_most(top, "start", self.start, at_least=0),
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
        return blend((counts + 1) / self.over, initial_rate(self.learning_rate), self.start)
