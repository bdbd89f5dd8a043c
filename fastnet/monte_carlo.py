"""Monte Carlo dropout (Gal and Ghahramani, 2016): the mean and the spread of a network's answers over random draws."""

import functools

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import AUGMENT, Record

from .aligned import aligned
from .forward import ROWS_AT_ONCE, Forward
from .pixels import Samples, engine_arguments
from .threads import in_parts

Array = npt.NDArray[np.floating]

DRAWS_TOGETHER = 16
"""Draws that are summed before the sums are put together, whoever makes them, so that the same come out in the end."""


def is_random(program: Record) -> bool:
    """Whether anything in the network is drawn while it trains."""
    drawn = (program["rate"] > 0) | (program["deviation"] > 0) | (program["kind"] == AUGMENT)
    return bool(drawn.any())


def mean_and_deviation(forward: Forward, X: Samples, draws: int, seed: int, backend: str) -> tuple[Array, Array]:
    """The mean and the standard deviation of what the network gives with dropout, noise and augmentation as in
    training, over so many draws: (n_samples, n_outputs), twice. Threads share the draws, and however many do, the bits
    are the same."""
    shape, dtype = (len(X), forward.n_outputs), forward.dtype
    rows = min(len(X), ROWS_AT_ONCE)
    predict = forward.engine(backend).predict
    samples = engine_arguments(X, dtype)

    def moments_of(first: int) -> npt.NDArray[np.float64]:
        """The first of some draws, and the sums and the sums of squares of what the others have beside it, so that a
        small spread around a large mean keeps its digits."""
        activations = aligned((forward.row_size * rows,), dtype)
        outputs = np.empty(shape, dtype)
        moments = np.zeros((3, *shape))
        for number in range(first, min(first + DRAWS_TOGETHER, draws)):
            predict(outputs, forward.program, forward.parameters, activations, *samples, rows, True, seed, number)
            if number == first:
                moments[0] = outputs
            beside = outputs - moments[0]
            moments[1] += beside
            moments[2] += beside * beside
        return moments

    def first_of(some: range, which: slice) -> npt.NDArray[np.float64]:
        return moments_of(some[which.start])

    firsts = range(0, draws, DRAWS_TOGETHER)
    members = min(forward.members(backend, len(X) * min(draws, DRAWS_TOGETHER)), len(firsts))
    total = np.zeros((3, *shape))
    # As many at a time as there are threads, and put together in order.
    for some in (firsts[at : at + members] for at in range(0, len(firsts), members)):
        parts = in_parts(functools.partial(first_of, some), len(some), len(some))
        for first, (own, beside, squares) in zip(some, parts, strict=True):
            if first == 0:
                total[0] = own
            size, shift = min(DRAWS_TOGETHER, draws - first), own - total[0]
            total[1] += beside + size * shift
            total[2] += squares + 2 * shift * beside + size * shift * shift
    mean = total[1] / draws
    deviation = np.sqrt(np.maximum(total[2] / draws - mean * mean, 0))
    return (total[0] + mean).astype(dtype), deviation.astype(dtype)
