"""The learning-rate range test (Smith, 2017): one step at each of rising rates, and what the loss makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DivergenceError
from .labelled import Labelled
from .network import Network
from .optimizers import Adam, Optimizer, Rprop, WithRate
from .pixels import Pixels
from .schedules import PiecewiseConstant
from .threads import one_blas_thread
from .training import Training
from .validation import number, whole

SMOOTHING = 0.9
"""Of the running mean of what the losses have changed by, which begins at 0."""

STEPS_BEFORE = 20
"""At the lowest rate, before the search."""

TOO_HIGH = 4.0
"""How many times the lowest loss ends the search."""


@dataclass(frozen=True)
class RateRange:
    """What ``find_learning_rate`` found.

    Attributes
    ----------
    suggestion : float
        The rate at which the loss had fallen half of the way to its lowest; at most ``highest``.
    highest : float
        A tenth of the rate with the lowest loss: the most that is wise.
    rates, losses : (n,) ndarray of float64
        The rates that were tried, rising, and the loss before each step: that of the first weights on all samples, and
        the running mean of what the batches' losses have changed by since.
    """

    suggestion: float
    highest: float
    rates: npt.NDArray[np.float64] = field(repr=False)
    losses: npt.NDArray[np.float64] = field(repr=False)


def find_learning_rate(
    network: Network,
    X: npt.ArrayLike | Pixels,
    y: npt.ArrayLike,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int | None = 32,
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    backend: str = "jit",
) -> RateRange:
    """Try learning rates from ``lowest`` to ``highest``, one step each at evenly spaced logarithms, on batches of the
    samples in a random order; stop when the loss rises far above the lowest. The network gets its weights back.

    Parameters
    ----------
    network : Network
    X, y, batch_size, backend : as of ``Network.fit``
    optimizer : Optimizer or None
        ``Adam()`` if None; its learning rate is left aside.
    lowest, highest : float
        Above 0, and above ``lowest``.
    steps : int
        At least 10.

    Returns
    -------
    RateRange

    Raises
    ------
    ConfigurationError
        If an option is out of its range or the optimizer has no learning rate.
    DataError
        If the data cannot be used.
    DivergenceError
        If the loss is not finite at the weights that the network has.
    """
    if not isinstance(network, Network):
        raise ConfigurationError(f"find_learning_rate needs a network, such as fastnet.load gives, not {network!r}")
    optimizer = Adam() if optimizer is None else optimizer
    if not isinstance(optimizer, WithRate) or isinstance(optimizer, Rprop):
        raise ConfigurationError(f"a learning rate can be found for an optimizer that has one, not for {optimizer!r}")
    lowest, highest = number("lowest", lowest, above=0), number("highest", highest, above=lowest)
    decay = getattr(optimizer, "weight_decay", 0.0)
    if decay * highest >= 1:
        raise ConfigurationError(
            f"highest must be below 1 / weight_decay, which is {1 / decay:g}, but it is {highest:g}; give a lower one"
        )
    rates = np.geomspace(lowest, highest, whole("steps", steps, at_least=10))
    features = network.check_features(X)
    targets = network.check_targets(y, len(features))
    rows = len(features) if batch_size is None else min(whole("batch_size", batch_size, at_least=1), len(features))
    network.check_training(optimizer, rows, len(features))
    order = np.random.default_rng(network.seed).permutation(len(features))

    # A batch's loss is seen beside that of the same batch at the first weights: batches differ by more than one step
    # changes.
    at_first = network.sample_losses(X, y, backend=backend)
    labelled = np.isfinite(at_first)
    if not labelled.any():
        raise DivergenceError(
            "training diverged: the loss at the first weights is not a finite number; scale the features"
        )
    level = float(at_first[labelled].mean())

    def batch(index: int) -> tuple[Labelled, float]:
        chosen = order[np.arange(index * rows, (index + 1) * rows) % len(order)]
        Y = targets[chosen]
        first = at_first[chosen][labelled[chosen]]
        return network.labelled(features[chosen], Y), float(first.mean()) if first.size else level

    # Steps at the lowest rate first, which change nothing: they tell what dropout and noise add to a loss.
    levels = [lowest] * STEPS_BEFORE + [float(rate) for rate in rates]
    rising = PiecewiseConstant(tuple(range(1, len(levels))), tuple(levels), per="step")
    before = network.parameters.copy()
    training = Training(
        network,
        batch(0)[0],
        optimizer=replace(optimizer, learning_rate=rising, average=None),
        epochs=len(levels),
        batch_size=rows,
        shuffle=False,
        validation=None,
        metrics=(),
        backend=backend,
        threads=1,
    )
    means: list[float] = []
    mean = offset = 0.0
    try:
        with one_blas_thread():
            for index in range(len(levels)):
                data, before_all = batch(index)
                training.steps.use(data)
                training.train(1)
                change = training.history.loss[-1] - before_all
                if index < STEPS_BEFORE:
                    offset += change / STEPS_BEFORE
                    continue
                mean = SMOOTHING * mean + (1 - SMOOTHING) * (change - offset)
                means.append(level + mean)
                if means[-1] > TOO_HIGH * min(means):
                    break
    except DivergenceError:
        # That is what the search is for, unless it comes before a step has been made.
        if len(means) < LEAST_POINTS:
            raise
    finally:
        np.copyto(network.parameters, before)
    return _read(rates[: len(means)], np.array(means))


LEAST_POINTS = 5
"""Rates that must have been tried for a slope to mean anything."""


def _read(rates: npt.NDArray[np.float64], losses: npt.NDArray[np.float64]) -> RateRange:
    lowest = int(losses.argmin())
    # Not where the loss falls fastest, which with dropout may be between any two of the first steps.
    half_way = int(np.argmax(losses <= (losses[0] + losses[lowest]) / 2))
    most = float(rates[lowest] / 10)
    return RateRange(min(float(rates[half_way]), most), most, rates, losses)
