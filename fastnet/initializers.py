"""How weights start. Each initializer fills a (fan_in, fan_out) matrix from a random generator; biases start at 0."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]
Initializer = Callable[[np.random.Generator, int, int], Weights]


def zeros(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
    """All zero: every unit stays the same as its neighbours. For showing why one does not."""
    return np.zeros((fan_in, fan_out))


def random(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
    """Normal with standard deviation 0.01."""
    return generator.normal(0.0, 0.01, (fan_in, fan_out))


def xavier(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
    """Normal with variance 1 / fan_in, which keeps a linear layer's variance (after Glorot and Bengio, 2010)."""
    return generator.normal(0.0, math.sqrt(1 / fan_in), (fan_in, fan_out))


def he(generator: np.random.Generator, fan_in: int, fan_out: int) -> Weights:
    """Normal with variance 2 / fan_in, which makes up for the half that ReLU cuts off (He et al., 2015)."""
    return generator.normal(0.0, math.sqrt(2 / fan_in), (fan_in, fan_out))


INITIALIZERS: dict[str, Initializer] = {"zeros": zeros, "random": random, "xavier": xavier, "he": he}


def initializer_for(init: str, activation: str) -> Initializer:
    """The initializer of that name; "auto" is he for ReLU and xavier for every other activation."""
    if init == "auto":
        return he if activation == "relu" else xavier
    return INITIALIZERS[init]
