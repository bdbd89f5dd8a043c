"""Additive Gaussian noise (Bishop, 1995): in training numbers of a normal distribution are added, and prediction
changes nothing. The noise is counted, as dropout's mask is."""

import numpy as np

from ..program import Array
from .randomness import gaussian


def noise_forward(out: Array, x: Array, deviation: float, seed: int, stream: int, step: int, first_row: int) -> None:
    """Fill ``out = x + noise``; both (n_samples, n_units), two arrays. The rest is as in ``gaussian``."""
    gaussian(out, deviation, seed, stream, step, first_row)
    out += x


def noise_backward(dx: Array, dout: Array) -> None:
    """Fill ``dx = dout``; both (n_samples, n_units)."""
    np.copyto(dx, dout)
