"""Inverted dropout (Srivastava et al., 2014): units are dropped in training, those that stay are scaled by
``1 / (1 - rate)``, and prediction changes nothing. The mask is counted (see randomness), so it is made twice, not
saved."""

import numpy as np

from ..program import Array
from .randomness import dropout_mask


def dropout_forward(out: Array, x: Array, rate: float, seed: int, stream: int, step: int, first_row: int) -> None:
    """Fill ``out = x * mask``; both (n_samples, n_units). The rest is as in ``dropout_mask``."""
    mask = np.empty_like(x)
    dropout_mask(mask, rate, seed, stream, step, first_row)
    np.multiply(x, mask, out=out)


def dropout_backward(dx: Array, dout: Array, rate: float, seed: int, stream: int, step: int, first_row: int) -> None:
    """Fill ``dx = dout * mask`` with the mask of the forward pass; both (n_samples, n_units)."""
    dropout_forward(dx, dout, rate, seed, stream, step, first_row)
