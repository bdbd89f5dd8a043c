"""Where a training stands among all epochs and steps of its optimizer, this fit's and those before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..schedules import PlateauState

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Progress:
    """Where an optimizer stands, so that a later training of the same network can go on from there.

    Attributes
    ----------
    epochs, steps : int
        Done so far: what shuffles, masks and corrections of bias go by.
    slots : (n_slots, n_parameters) ndarray
        What the optimizer remembers.
    parameters : (n_parameters,) ndarray or None
        What it trains, where the model has the mean of it instead.
    plateau : PlateauState or None
        Where its ``ReduceOnPlateau`` is, if it goes by one.
    """

    epochs: int
    steps: int
    slots: Array
    parameters: Array | None = None
    plateau: PlateauState | None = None


@dataclass(frozen=True)
class Position:
    """Counts the epochs and steps of a fit from the optimizer's first.

    Attributes
    ----------
    epochs_before, steps_before : int
        Done by earlier fits.
    steps_per_epoch : int
        In this one.
    """

    epochs_before: int
    steps_before: int
    steps_per_epoch: int

    @staticmethod
    def after(progress: Progress | None, steps_per_epoch: int) -> "Position":
        """That of a fit that goes on from there, or of a first one."""
        if progress is None:
            return Position(0, 0, steps_per_epoch)
        return Position(progress.epochs, progress.steps, steps_per_epoch)

    def epoch(self, epoch: int) -> int:
        """The number of that epoch of this fit, counted from 0."""
        return self.epochs_before + epoch

    def step(self, epoch: int) -> int:
        """How many steps come before that epoch of this fit, counted from 0."""
        return self.steps_before + epoch * self.steps_per_epoch
