"""A rate that falls where what is measured does not become better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ..errors import ConfigurationError
from ..validation import number, whole
from .base import Schedule, at_most

SMALLEST_CHANGE = 1e-8
"""Of a rate on a plateau: PyTorch's ``eps``."""


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
            smallest=at_most(top, "smallest", self.smallest, at_least=0),
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
