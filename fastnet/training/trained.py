"""What the engine trains: parameters and the optimizer's slots for them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import Record, row_size

from ..aligned import aligned
from ..model import Model
from ..pixels import Samples
from ..state import State, fill
from ..streamed import Streamed

Array = npt.NDArray[np.floating]


def trainable(model: Model) -> npt.NDArray[np.bool_]:
    """Which of a model's parameters change, (n_parameters,)."""
    mask = np.zeros(model.parameters.size, bool)
    # A column at a time: records with several fields take longer to index than small masks to fill.
    columns = [model.program[name].tolist() for name in ("trainable", "weights", "biases", "output_size")]
    for changes, begin, biases, size in zip(*columns, strict=True):
        if changes:
            mask[begin : biases + size] = True
    return mask


class Trained:
    """The model's own parameters; subclasses train others, from which those of the model are worked out.

    Parameters
    ----------
    model : Model
    program : Record
        What the engine runs.
    parameters : (n,) ndarray
        What the optimizer changes.
    features : Samples or Streamed
        The samples as the program takes them.
    n_slots : int
        How many slot vectors the optimizer keeps.

    Attributes
    ----------
    model, program, parameters, features
        As given.
    slots : (n_slots, n) ndarray
        What the optimizer remembers; zeros at first.
    fills_rows_alone : bool
        Whether each row of a gradient is filled by one member of a team, so that there is nothing to add up.
    """

    fills_rows_alone: ClassVar[bool] = False

    def __init__(
        self, model: Model, program: Record, parameters: Array, features: Samples | Streamed, n_slots: int
    ) -> None:
        self.model, self.program, self.parameters, self.features = model, program, parameters, features
        self.slots = aligned((n_slots, parameters.size), model.dtype, zeros=True)

    @staticmethod
    def of(model: Model, features: Samples | Streamed, n_slots: int) -> Trained:
        """The model's own parameters, on checked samples."""
        return Trained(model, model.program, model.parameters, features, n_slots)

    @property
    def multiply_adds_of_a_row(self) -> int:
        """In a step, for each sample: a product with the weights forward, one for the gradients of its inputs and one
        for theirs."""
        return 3 * self.parameters.size

    @property
    def moved_of_a_row(self) -> int:
        """How many numbers of a sample another member of a team needs at the most for the gradients of the weights, but
        for its inputs."""
        return row_size(self.program) - int(self.program[0]["input_size"])

    @property
    def is_own(self) -> bool:
        """Whether what is trained are the model's parameters themselves."""
        return self.parameters is self.model.parameters

    def write_back(self, steps: int) -> None:
        """Give the model its parameters, after so many steps in all."""

    def ordinary(self) -> Trained:
        """The same, of the model's own parameters and samples."""
        return self

    def taken_up(self, steps: int) -> Trained:
        """What to train on, where somebody, such as a callback, may have set the model's parameters."""
        return self

    def ordinary_slots(self) -> Array:
        """The slots as they are for the model's parameters."""
        return self.slots

    def set_to(self, parameters: Array, slots: Array | None, steps: int) -> None:
        """Be as after so many steps; slots of None are zeros."""
        self.parameters[...], self.slots[...] = parameters, 0 if slots is None else slots
        self.write_back(steps)

    def state(self) -> dict[str, Any]:
        """What ``restore`` takes, by the names of a checkpoint."""
        return {
            "parameters": self.model.parameters,
            "trained": None,
            "slots": self.slots,
            "first_weights": None,
            "is_altered": False,
        }

    def restore(self, state: State) -> None:
        """Be as another was."""
        fill(self.model.parameters, state["parameters"])
        fill(self.slots, state["slots"])


class StandIn(Trained):
    """Trains parameters of its own in place of the model's.

    Attributes
    ----------
    written : (n_parameters,) ndarray
        The model's parameters as they were last given to it.
    """

    written: Array

    @property
    def is_altered(self) -> bool:
        """Whether somebody changed the model's parameters since they were last given to it."""
        return not np.array_equal(self.written, self.model.parameters)

    def state(self) -> dict[str, Any]:
        return super().state() | {"trained": self.parameters, "is_altered": self.is_altered}

    def restore(self, state: State) -> None:
        super().restore(state)
        fill(self.parameters, state["trained"])
        fill(self.written, self.model.parameters)
        if state["is_altered"]:
            self.written[...] = np.nan
