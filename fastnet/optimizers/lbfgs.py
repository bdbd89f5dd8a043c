"""L-BFGS, whose steps are SciPy's."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import ConfigurationError
from ..validation import number, whole
from .base import Optimizer


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """L-BFGS (Liu and Nocedal, 1989; Byrd et al., 1995), by SciPy, for small networks and full batches: an epoch is one
    of its iterations, which searches along a line and may look at all samples several times.

    Parameters
    ----------
    memory : int
        How many of the last steps stand for the curvature, at least 1.
    tolerance : float
        It ends when no gradient is larger; at least 0.
    loss_tolerance : float
        It ends when an iteration has lowered the loss by no more than this times the loss (times 1, where the loss is
        below 1); at least 0.
    max_evaluations : int
        Of the loss, in all; at least 1.
    """

    name: ClassVar[str] = "lbfgs"
    memory: int = 10
    tolerance: float = 1e-5
    max_evaluations: int = 15000
    loss_tolerance: float = 64 * float(np.finfo(np.float64).eps)

    def __post_init__(self) -> None:
        if any(value is not None for value in (self.clip_value, self.clip_norm, self.average)):
            raise ConfigurationError("LBFGS takes no clip_value, clip_norm or average; leave them out")
        whole("memory", self.memory, at_least=1)
        number("tolerance", self.tolerance, at_least=0)
        number("loss_tolerance", self.loss_tolerance, at_least=0)
        whole("max_evaluations", self.max_evaluations, at_least=1)

    @property
    def kernel(self) -> str:
        """That of gradient descent, which is never called: SciPy does the steps."""
        return "sgd"
