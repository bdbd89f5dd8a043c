"""What happens when a loss or the weights stop being finite: the training goes back to the last good parameters."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import DivergenceError
from ..state import State, fill
from ..validation import all_finite

if TYPE_CHECKING:
    from .steps import Steps
    from .trained import Trained

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Snapshot:
    """What was trained, as it was before an epoch; slots that began as zeros are None."""

    epoch: int
    parameters: Array
    slots: Array | None


class Snapshots:
    """Those before each of the last two calls of the engine."""

    def __init__(self) -> None:
        self._last: deque[Snapshot] = deque(maxlen=2)

    @property
    def first(self) -> Snapshot:
        """The older one."""
        return self._last[0]

    @property
    def last(self) -> Snapshot:
        """The newer one."""
        return self._last[-1]

    def keep(self, snapshot: Snapshot) -> None:
        """Put it in the place of the older one."""
        self._last.append(snapshot)

    def forget(self) -> None:
        """Drop them, where something else is trained from now on."""
        self._last.clear()

    def state(self) -> dict[str, Any]:
        """What ``restore`` takes."""
        if not self._last:
            return {"epoch": 0, "parameters": None, "slots": None}
        return {"epoch": self.last.epoch, "parameters": self.last.parameters, "slots": self.last.slots}

    def restore(self, state: State, trained: Trained) -> None:
        """Keep the last one that another training of the same had, if it had any."""
        if state["parameters"] is None:
            return
        parameters, slots = np.empty_like(trained.parameters), np.zeros_like(trained.slots)
        fill(parameters, state["parameters"])
        if state["slots"] is not None:
            fill(slots, state["slots"])
        self.keep(Snapshot(int(state["epoch"]), parameters, slots))


def gone_back(steps: Steps, until: int, loss: float) -> DivergenceError:
    """Leave the model with the last good parameters before epoch ``until``, which had this loss or ended with weights
    that were not finite; what is to be raised."""
    lost = _go_back(steps, until)
    if lost is None:
        what = f"the loss of epoch {until + 1} was {loss:g}, not a finite number"
    else:
        what = f"the weights after epoch {lost + 1} were not finite numbers"
    highest = steps.optimizer.highest_rate
    advice = f"try a learning rate below {highest:g}, or scale the features" if highest else "scale the features"
    return DivergenceError(f"training diverged: {what}; {advice}")


def _go_back(steps: Steps, until: int) -> int | None:
    """Good are those of an epoch's end that are finite and whose loss over the whole set is finite. Return the epoch at
    whose end they were not finite, if any.

    Training is a pure function of its state, so the epochs since the last snapshot but one are trained again, one by
    one.
    """
    model = steps.model
    first = steps.back_to(steps.snapshots.first)
    ends = [model.parameters.copy()]
    lost = None
    for epoch in range(first, until):
        steps.train_again(epoch)
        if not all_finite(model.parameters):
            lost = epoch
            break
        # The loss of an epoch may be that of the weights before it, so the last two ends are in question.
        ends = [ends[-1], model.parameters.copy()]
    for good in reversed(ends):
        np.copyto(model.parameters, good)
        scores = model.evaluation.loss_and_accuracy(steps.data, steps.backend, steps.threads)
        if math.isfinite(scores["loss"]):
            break
    return lost
