"""What a training works on: the model's own parameters, or others where these are faster or asked for."""

import numpy as np
import numpy.typing as npt

from ..model import Model
from ..optimizers import Optimizer
from ..pixels import Samples
from ..streamed import Streamed
from .average import Averaged
from .position import Progress
from .sample_space import SampleSpace, pays
from .trained import Trained

Array = npt.NDArray[np.floating]


def to_begin_with(
    model: Model,
    X: Samples | Streamed,
    optimizer: Optimizer,
    batch_size: int,
    epochs: int,
    backend: str,
    threads: int,
    after: Progress | None,
) -> Trained:
    """What a new training works on, with an optimizer that is at rest or stands where ``after`` says."""
    is_new = backend == "jit" and after is None
    if is_new and not isinstance(X, Streamed) and pays(model, X, optimizer, batch_size, epochs):
        return SampleSpace(model, X, optimizer.slots, threads)
    trained = _ordinary(model, X, optimizer, None if after is None else after.parameters)
    if after is not None:
        np.copyto(trained.slots, after.slots)
    return trained


def to_go_on_with(
    model: Model, X: Samples | Streamed, optimizer: Optimizer, threads: int, first_weights: Array | None
) -> Trained:
    """What a checkpoint's training works on, before its state is restored; ``first_weights`` are those of its sample
    space, if it is in one.

    Raises
    ------
    ValueError
        If the weights are not the network's.
    """
    if first_weights is None:
        return _ordinary(model, X, optimizer, None)
    assert not isinstance(X, Streamed)
    return SampleSpace(model, X, optimizer.slots, threads, first_weights)


def _ordinary(model: Model, X: Samples | Streamed, optimizer: Optimizer, parameters: Array | None) -> Trained:
    if optimizer.average is None:
        return Trained.of(model, X, optimizer.slots)
    first = model.parameters if parameters is None else parameters
    return Averaged(model, X, optimizer.slots, optimizer.average, first)
