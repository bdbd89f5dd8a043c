"""The learning rates of a training, step by step, and what else of its optimizer differs from step to step."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import PRODUCT

from ..history import History
from ..optimizers import Optimizer, WithRate
from ..schedules import PlateauState, ReduceOnPlateau, Timed
from .position import Position


class Rates:
    """What the optimizer's schedule says, as far as the history goes.

    Parameters
    ----------
    optimizer : Optimizer
    history : History
        A plateau goes by what it measured.
    position : Position
    plateau : PlateauState or None
        Where the schedule was when this fit began.
    """

    def __init__(
        self, optimizer: Optimizer, history: History, position: Position, plateau: PlateauState | None
    ) -> None:
        self._optimizer, self._history, self._position = optimizer, history, position
        # How far the plateau's state and the product of Nadam's momenta are known.
        self._first_plateau = self._plateau = 0, plateau
        self._product = (0, 1.0)

    @property
    def _schedule(self) -> Any:
        """The optimizer's learning rate: a number or a schedule."""
        return self._optimizer.learning_rate if isinstance(self._optimizer, WithRate) else 0.0

    @property
    def follow_the_history(self) -> bool:
        """Whether those of an epoch are known only when the one before has been measured."""
        return isinstance(self._schedule, ReduceOnPlateau)

    def of(self, first: int, count: int) -> npt.NDArray[np.float64]:
        """Those of the steps of ``count`` epochs from ``first`` on."""
        position, schedule = self._position, self._schedule
        steps = count * position.steps_per_epoch
        if isinstance(schedule, Timed):
            # Epochs before may have had other numbers of steps.
            by_epochs = position.epoch(first) * position.steps_per_epoch
            first_step = position.step(first) if schedule.per == "step" else by_epochs
            return schedule.rates(first_step, steps, position.steps_per_epoch)
        plateau = self.plateau(first)
        return np.full(steps, float(schedule) if plateau is None else plateau.rate)

    def plateau(self, epochs: int) -> PlateauState | None:
        """Where the schedule is after so many epochs of this fit, if it is one that goes by a plateau."""
        schedule = self._schedule
        if not isinstance(schedule, ReduceOnPlateau):
            return None
        watched = self._history.watched(schedule.monitor, "ReduceOnPlateau")
        seen, state = self._plateau if self._plateau[0] <= epochs else self._first_plateau
        fresh = [watched.cost(value) for value in self._history[watched.name][seen:epochs]]
        state = schedule.state_after(fresh, state)
        self._plateau = epochs, state
        return state

    def schedule(self, rates: npt.NDArray[np.float64], first: int) -> npt.NDArray[np.float64]:
        """What the engine takes of the steps with these rates, from epoch ``first`` on: (n_steps, SCHEDULE_COLUMNS)."""
        first_step = self._position.step(first)
        schedule = self._optimizer.schedule(rates, first_step, self._product)
        self._product = first_step + len(schedule), float(schedule[-1, PRODUCT])
        return schedule
