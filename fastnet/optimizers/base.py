"""What an optimizer is; its update is a kernel of the same name in lower case."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import OPTIMIZER, OPTIMIZERS, PRODUCT, RATE, SCHEDULE_COLUMNS, SLOTS, Record

from ..errors import ConfigurationError
from ..schedules import Schedule, initial_rate
from ..validation import number


@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers: frozen dataclasses whose fields are the kernel's constants.

    Parameters
    ----------
    clip_value : float or None
        Each gradient is held between minus this and this, above 0.
    clip_norm : float or None
        All gradients together are shrunk to this norm where theirs is larger, above 0 (Pascanu, Mikolov and Bengio,
        2013).
    average : float or None
        Keep a mean of the weights, ``average`` times itself plus the rest of the weights after each step, in (0, 1),
        with Adam's correction for its beginning; validation and the trained network take the mean (Polyak and Juditsky,
        1992, with a decay).
    """

    name: ClassVar[str]
    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    average: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.clip_value is not None:
            number("clip_value", self.clip_value, above=0)
        if self.clip_norm is not None:
            number("clip_norm", self.clip_norm, above=0)
        if self.clip_value is not None and self.clip_norm is not None:
            raise ConfigurationError("clip_value and clip_norm cannot both be given; choose one way to clip gradients")
        if self.average is not None:
            number("average", self.average, above=0, below=1)

    @property
    def kernel(self) -> str:
        """The kernel that does its update, one of ``program.OPTIMIZERS``."""
        return self.name

    @property
    def slots(self) -> int:
        """How many slot vectors it keeps."""
        return SLOTS[self.kernel] + (self.average is not None)

    @property
    def highest_rate(self) -> float:
        """What no learning rate of a training is above; 0 where there is none."""
        return 0.0

    @property
    def is_linear(self) -> bool:
        """Whether its update is linear in the gradient."""
        return False

    def record(self) -> Record:
        """The optimizer as the engines read it: one OPTIMIZER record, of shape (1,)."""
        record = np.zeros(1, OPTIMIZER)
        record["kind"] = OPTIMIZERS.index(self.kernel)
        names = set(OPTIMIZER.names or ())
        for name, value in vars(self).items():
            if name in names:
                record[name] = 0 if value is None else value
        return record

    def schedule(
        self, rates: npt.NDArray[np.float64], first_step: int, known: tuple[int, float] = (0, 1.0)
    ) -> npt.NDArray[np.float64]:
        """What a step takes that differs from step to step, for as many steps from ``first_step`` (counted from 0) on
        as there are rates: (n_steps, SCHEDULE_COLUMNS). ``known`` is a number of steps and the product after them."""
        schedule = np.empty((len(rates), SCHEDULE_COLUMNS))
        schedule[:, RATE], schedule[:, PRODUCT] = rates, 0
        return schedule


@dataclass(frozen=True)
class WithRate(Optimizer):
    """An optimizer with a learning rate, which may be a schedule."""

    learning_rate: float | Schedule = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        initial_rate(self.learning_rate)

    @property
    def highest_rate(self) -> float:
        return self.learning_rate.peak if isinstance(self.learning_rate, Schedule) else self.learning_rate


def check_weight_decay(weight_decay: float, learning_rate: float) -> None:
    """Refuse a weight decay that would turn weights around: it is at least 0 and below ``1 / learning_rate``.

    Raises
    ------
    ConfigurationError
    """
    number("weight_decay", weight_decay, at_least=0, below=1 / learning_rate)
