"""A network that begins with layers of another: keep some, freeze some, put new ones on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .errors import ConfigurationError
from .layers import Dense, Layer, WithParameters
from .losses import Loss
from .network import Network
from .validation import whole


def transfer(
    network: Network,
    head: Sequence[Layer],
    *,
    keep: int | None = None,
    freeze: int | None = None,
    loss: str | Loss | None = None,
    seed: int | None = None,
) -> Network:
    """A new network of the first layers of ``network``, with their weights, and new layers after them.

    Parameters
    ----------
    network : Network
        Trained before; it stays as it is.
    head : sequence of layers
        The new ones, which end with a Dense layer that fits the loss.
    keep : int or None
        How many layers are kept; None is all before the last Dense.
    freeze : int or None
        How many of these, from the first, training does not change; None is all of them. They cost no gradient.
    loss, seed : as of Network
        None is that of ``network``.

    Returns
    -------
    Network
        Of the same input_shape and dtype, without a preparation.

    Raises
    ------
    ConfigurationError
        If there are not so many layers, or what is kept and the head make no network.
    """
    if not isinstance(network, Network):
        raise ConfigurationError(f"transfer needs a network, such as fastnet.load gives, not {network!r}")
    if not isinstance(head, Sequence) or not head:
        raise ConfigurationError(f"the head must be a list of at least one layer, such as [Dense(3)], not {head!r}")
    before_last = max(index for index, layer in enumerate(network.layers) if isinstance(layer, Dense))
    kept = before_last if keep is None else whole("keep", keep, at_least=0)
    if kept > len(network.layers):
        raise ConfigurationError(f"keep must be at most {len(network.layers)}, the number of layers, not {kept}")
    frozen = kept if freeze is None else whole("freeze", freeze, at_least=0)
    if frozen > kept:
        raise ConfigurationError(f"freeze must be at most {kept}, the number of layers that are kept, not {frozen}")
    layers = [
        replace(layer, trainable=index >= frozen) if isinstance(layer, WithParameters) else layer
        for index, layer in enumerate(network.layers[:kept])
    ]
    result = Network(
        [*layers, *head],
        input_shape=network.input_shape,
        loss=network.loss_function if loss is None else loss,
        dtype=network.dtype.name,
        seed=network.seed if seed is None else seed,
    )
    n_kept = sum(isinstance(layer, WithParameters) for layer in layers)
    for old, new in zip(network.weight_views()[:n_kept], result.weight_views(), strict=False):
        for source, target in zip(old, new, strict=True):
            np.copyto(target, source)
    return result
