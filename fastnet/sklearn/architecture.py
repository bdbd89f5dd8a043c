"""From an estimator's parameters to layers, and the weights that these begin with."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..activations import ActivationObject
from ..errors import ConfigurationError
from ..layers import Activation, BatchNorm, Dense, Dropout, Layer
from ..losses import Loss
from ..network import Network
from ..validation import whole

Array = npt.NDArray[Any]


def sizes_of(hidden_layer_sizes: Any) -> list[int]:
    """The sizes of the hidden layers, given as one or several.

    Raises
    ------
    ConfigurationError
        If one is not a whole number above 0.
    """
    several = isinstance(hidden_layer_sizes, Iterable)
    sizes = list(hidden_layer_sizes) if several else [hidden_layer_sizes]
    if np.any(np.array(sizes) <= 0):
        raise ConfigurationError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [whole("a size in hidden_layer_sizes", size, at_least=1) for size in sizes]


def fastnet_name(activation: str | ActivationObject) -> str | ActivationObject:
    """The activation as fastnet calls it."""
    return "sigmoid" if activation == "logistic" else activation


def layers_of(estimator: Any, units: list[int], loss: Loss, mean_weight: float) -> list[Layer]:
    """The layers between so many features and outputs; their penalties are to be divided by the rows of a batch, and
    with weights of samples by the mean of these."""
    activation = fastnet_name(estimator.activation)
    # Weights come from the estimator's random state.
    penalties = {"l2": estimator.alpha / mean_weight, "l1": estimator.l1 / mean_weight, "init": "zeros"}
    layers: list[Layer] = []
    for size in units[1:-1]:
        if estimator.batch_norm:
            layers += [Dense(size, **penalties), BatchNorm(), Activation(activation)]
        else:
            layers.append(Dense(size, activation=activation, **penalties))
        if estimator.dropout > 0:
            layers.append(Dropout(estimator.dropout))
    return [*layers, Dense(units[-1], activation=loss.output_activation or "identity", **penalties)]


def draw_weights(
    random_state: np.random.RandomState, units: list[int], activation: Any, dtype: np.dtype[Any]
) -> tuple[list[Array], list[Array]]:
    """Weights and biases of all layers, as scikit-learn draws them: uniform by Glorot and Bengio (2010), the biases
    too, layer by layer."""
    factor = 2.0 if fastnet_name(activation) == "sigmoid" else 6.0
    coefs, intercepts = [], []
    for fan_in, fan_out in itertools.pairwise(units):
        bound = math.sqrt(factor / (fan_in + fan_out))
        coefs.append(random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype, copy=False))
        intercepts.append(random_state.uniform(-bound, bound, fan_out).astype(dtype, copy=False))
    return coefs, intercepts


def dense_views(network: Network) -> list[tuple[Array, ...]]:
    """The weights and biases of the network's dense layers, as views."""
    return [
        arrays for place, arrays in enumerate(network.weight_views()) if network.parameter_names(place)[1] == "Dense"
    ]
