"""Steps in the direction of a sign, whatever the size of the gradient."""

from dataclasses import dataclass
from typing import ClassVar

from ..errors import ConfigurationError
from ..schedules import Schedule
from ..validation import number
from .base import WithRate, check_weight_decay


@dataclass(frozen=True)
class Lion(WithRate):
    """Lion (Chen et al., 2023): steps of one size, in the direction of a momentum's sign.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0; a third to a tenth of Adam's.
    beta_1, beta_2 : float
        The momentum's share in the direction, and its decay, in [0, 1).
    weight_decay : float
        As AdamW's.
    """

    name: ClassVar[str] = "lion"
    learning_rate: float | Schedule = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        number("beta_1", self.beta_1, at_least=0, below=1)
        number("beta_2", self.beta_2, at_least=0, below=1)
        check_weight_decay(self.weight_decay, self.highest_rate)


@dataclass(frozen=True)
class Rprop(WithRate):
    """Rprop (Riedmiller and Braun, 1993), for full batches: each parameter has a step of its own, which only the signs
    of its gradients change.

    Parameters
    ----------
    learning_rate : float or schedule
        The first step, above 0.
    shrink, grow : float
        What a step is multiplied by when the sign has changed, in (0, 1), and when it has not, above 1.
    smallest, largest : float
        Steps stay between them; above 0.
    """

    name: ClassVar[str] = "rprop"
    learning_rate: float | Schedule = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.learning_rate, Schedule):
            raise ConfigurationError("Rprop takes no schedule: its learning_rate is that of the first step alone")
        number("shrink", self.shrink, above=0, below=1)
        number("grow", self.grow, above=1)
        number("smallest", self.smallest, above=0)
        number("largest", self.largest, above=self.smallest)
