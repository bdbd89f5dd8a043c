"""How a training takes its samples and counts their losses."""

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigurationError
from ..model import Model
from ..optimizers import Optimizer


@dataclass(frozen=True)
class Options:
    """What the engine is told of a training beside the network, the optimizer and the samples.

    Attributes
    ----------
    batch_size : int
        Samples in a step.
    shuffle : bool
        Whether each epoch takes them in an order of its own.
    loss_factor : float
        What losses, as the history has them, are multiplied by; penalties are not.
    gradient_factor : float
        What their gradients are multiplied by.
    penalty_by_rows : bool
        Whether penalties are divided by the sum of the weights of a batch's samples, which without weights is its rows,
        and an epoch's loss is the mean over its batches by their rows, as in scikit-learn's MLP.
    rows_per_weight : float
        How many equal rows a weight of 1 in ``Labelled.W`` stands for in the mean and variance of a batch
        normalisation; 0 where each row counts as one there, whatever it weighs.
    """

    batch_size: int
    shuffle: bool
    loss_factor: float
    gradient_factor: float
    penalty_by_rows: bool
    rows_per_weight: float


def refuse_what_is_zero(optimizer: Optimizer, model: Model) -> None:
    """Refuse numbers below the smallest normal one of the model's type, which a training takes for zero.

    Raises
    ------
    ConfigurationError
    """
    smallest = np.finfo(model.dtype).tiny
    program = model.program
    given = [("learning_rate", optimizer.highest_rate)]
    given += [(name, getattr(optimizer, name, None) or 0.0) for name in ("epsilon", "clip_value", "clip_norm")]
    for name in ("epsilon", "max_norm", "deviation"):
        given += [(f"a layer's {name}", value) for value in program[name].tolist()]
    given.append((f"the number of the loss {model.loss}", float(program["slope"][-1])))
    for name, value in given:
        if 0 < value < smallest:
            raise ConfigurationError(f"{name} {value:g} is 0 in {model.dtype}; use a larger one or float64")
