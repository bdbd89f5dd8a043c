"""A running mean of the weights: the optimizer trains parameters of its own, and the model has their mean."""

import numpy as np
import numpy.typing as npt

from ..model import Model
from ..pixels import Samples
from ..streamed import Streamed
from .trained import StandIn, trainable

Array = npt.NDArray[np.floating]


class Averaged(StandIn):
    """Parameters beside their mean, which the last slot has but for the correction of its beginning.

    Parameters
    ----------
    model, features, n_slots
        As of ``Trained``.
    decay : float
        Of the mean, in (0, 1).
    parameters : (n_parameters,) ndarray
        To begin with.
    """

    def __init__(
        self,
        model: Model,
        features: Samples | Streamed,
        n_slots: int,
        decay: float,
        parameters: Array,
    ) -> None:
        super().__init__(model, model.program, parameters.copy(), features, n_slots)
        self._decay, self._is_trained = decay, trainable(model)
        self.written = model.parameters.copy()

    def write_back(self, steps: int) -> None:
        """Give the model the mean."""
        trained = self._is_trained
        np.copyto(self.model.parameters, self.parameters)
        if steps > 0:
            # What is not trained, as running statistics are not, has no mean.
            self.model.parameters[trained] = self.slots[-1, trained] / (1 - self._decay**steps)
        np.copyto(self.written, self.model.parameters)

    def taken_up(self, steps: int) -> "Averaged":
        """Weights that somebody has set are the mean from now on, and what is trained."""
        if self.is_altered:
            np.copyto(self.parameters, self.model.parameters)
            self.slots[-1] = self.parameters * (1 - self._decay**steps)
        return self
