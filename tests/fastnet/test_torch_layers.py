"""Layers beside PyTorch's in float64: normalisation, dropout, noise, penalties, bounded norms and frozen layers, fifty
steps each, and what they predict afterwards."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet.layers import Layer

from .torch_twin import (
    ADAM,
    CLASSES,
    MOMENTUM,
    NUMBERS,
    SGD,
    Pair,
    Twin,
    assert_same,
    assert_same_training,
    cross_entropy,
    dense,
    mean_of,
    network,
    on_both,
    squared_error,
    torch,
    train_both,
)

# Both engines are held to PyTorch once; without the compiler they are held to each other.
pytestmark = pytest.mark.needs_compiler

ADAMW: Pair = (fn.AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1))
PAIRS = {"sgd": SGD, "momentum": MOMENTUM, "adam": ADAM, "adamw": ADAMW}
# A bias that a batch normalisation takes away has rounding errors of 1e-17 for a gradient. Divided by Adam's usual 1e-8
# they are steps of 1e-9 rates, which no two programs share; this leaves them small.
STEADY: Pair = (fn.Adam(0.01, epsilon=1e-4), lambda p: torch.optim.Adam(p, 0.01, eps=1e-4))


def normalised(norm: Layer, place: str) -> list[Any]:
    """Two layers of three, with a normalisation before or after their activations, or before everything."""
    layers: list[Any] = [norm] if place == "first" else []
    for units in (6, 4):
        if place == "before":
            layers += [fn.Dense(units), norm, fn.Activation("tanh")]
        elif place == "after":
            layers += [fn.Dense(units, activation="tanh"), norm]
        else:
            layers += [fn.Dense(units, activation="tanh")]
    return layers


NORMS: dict[str, Layer] = {
    "batch": fn.BatchNorm(),
    "batch, other constants": fn.BatchNorm(momentum=0.6, epsilon=0.01),
    "layer": fn.LayerNorm(),
    "layer, other constants": fn.LayerNorm(epsilon=0.01),
}


@on_both
@pytest.mark.parametrize("pair", [MOMENTUM, STEADY], ids=["momentum", "adam"])
@pytest.mark.parametrize("place", ["before", "after", "first"])
@pytest.mark.parametrize("name", NORMS)
def test_normalisation(name: str, place: str, pair: Pair, backend: str) -> None:
    layers = normalised(NORMS[name], place)
    assert_same_training(network([*layers, fn.Dense(3)]), NUMBERS, squared_error, pair, backend)
    net = network([*layers, fn.Dense(3, activation="softmax")], "categorical_crossentropy")
    assert_same_training(net, CLASSES, cross_entropy, pair, backend)


@on_both
@pytest.mark.parametrize("activation", fn.ACTIVATIONS)
@pytest.mark.parametrize("name", ["batch", "layer"])
def test_activations_of_a_normalisation(name: str, activation: str, backend: str) -> None:
    layers = [fn.Dense(6), NORMS[name], fn.Activation(activation), fn.Dense(4, activation="tanh"), fn.Dense(3)]
    assert_same_training(network(layers), NUMBERS, squared_error, SGD, backend)


RANDOM: dict[str, Sequence[Any]] = {
    "dropout": [fn.Dense(6, activation="tanh"), fn.Dropout(0.3), fn.Dense(4, activation="relu"), fn.Dropout(0.5)],
    "dropout of the input": [fn.Dropout(0.2), fn.Dense(6, activation="tanh"), fn.Dense(4, activation="relu")],
    "noise": [fn.GaussianNoise(0.3), fn.Dense(6, activation="tanh"), fn.GaussianNoise(0.1), fn.Dense(4)],
    "all": [
        *(fn.GaussianNoise(0.1), fn.Dropout(0.1), fn.Dense(6), fn.BatchNorm(), fn.Activation("gelu"), fn.Dropout(0.3)),
        *(fn.Dense(4), fn.LayerNorm(), fn.Activation("silu"), fn.GaussianNoise(0.2)),
    ],
}


@on_both
@pytest.mark.parametrize("pair", [MOMENTUM, STEADY], ids=["momentum", "adam"])
@pytest.mark.parametrize("name", RANDOM)
def test_dropout_and_noise(name: str, pair: Pair, backend: str) -> None:
    assert_same_training(network([*RANDOM[name], fn.Dense(3)]), NUMBERS, squared_error, pair, backend)


@on_both
@pytest.mark.parametrize(("l1", "l2"), [(0.01, 0.0), (0.0, 0.1), (0.02, 0.05)])
@pytest.mark.parametrize("pair", PAIRS)
def test_penalties(l1: float, l2: float, pair: str, backend: str) -> None:
    assert_same_training(dense(l1=l1, l2=l2), NUMBERS, squared_error, PAIRS[pair], backend)


@on_both
def test_the_penalty_of_squares_is_weight_decay(backend: str) -> None:
    net = dense(l2=0.1)
    twin = Twin(dense())

    def theirs(parameters: list[Any]) -> Any:
        weights = [parameter for parameter in parameters if parameter.ndim == 2]
        biases = [parameter for parameter in parameters if parameter.ndim == 1]
        return torch.optim.Adam([{"params": weights, "weight_decay": 0.1}, {"params": biases}], 0.01)

    def cost(z: Any, rows: slice) -> Any:
        # PyTorch's has no part in the loss.
        return squared_error(z, rows) + sum(0.05 * module.weight.detach().square().sum() for module in twin.modules)

    train_both(net, twin, NUMBERS, cost, (ADAM[0], theirs), backend)
    assert_same(net, twin, backend)


@on_both
@pytest.mark.parametrize("pair", PAIRS)
def test_bounded_norms(pair: str, backend: str) -> None:
    # torch.renorm divides by the norm plus 1e-7, so that what it leaves is that much below the bound.
    bound = 0.8
    net = dense(max_norm=bound)
    twin = Twin(net)
    held = []

    def hold() -> None:
        with torch.no_grad():
            for module in twin.modules:
                norms = module.weight.norm(dim=1, keepdim=True)
                held.extend((norms > bound).flatten().tolist())
                module.weight *= (bound / norms).clamp(max=1)

    train_both(net, twin, NUMBERS, squared_error, PAIRS[pair], backend, after_step=hold)
    assert 0 < sum(held) < len(held)
    assert_same(net, twin, backend)


FROZEN: dict[str, Sequence[Any]] = {
    "first": [
        fn.Dense(6, activation="tanh", l1=0.1, l2=0.1, max_norm=0.1, trainable=False),
        fn.Dense(4, activation="relu"),
    ],
    "middle": [fn.Dense(6, activation="gelu"), fn.Dense(4, activation="gelu", l2=0.1, trainable=False)],
    "batch normalisation": [
        *(fn.BatchNorm(trainable=False), fn.Dense(6), fn.BatchNorm(trainable=False), fn.Activation("tanh")),
        *(fn.Dense(4, activation="relu"), fn.BatchNorm()),
    ],
    "layer normalisation": [
        *(fn.Dense(6), fn.LayerNorm(trainable=False), fn.Activation("gelu")),
        *(fn.Dense(4, trainable=False), fn.BatchNorm(trainable=False), fn.Activation("tanh"), fn.Dropout(0.2)),
    ],
}


SETTINGS: dict[str, dict[str, Any]] = {"plain": {}, "average": {"average": 0.9}, "clip_norm": {"clip_norm": 0.3}}
# A mean of the weights does not go with a batch normalisation that is trained.
FROZEN_CASES = [
    pytest.param(name, settings, id=f"{name}-{label}")
    for name in FROZEN
    for label, settings in SETTINGS.items()
    if (name, label) != ("batch normalisation", "average")
]


@on_both
@pytest.mark.parametrize(("name", "settings"), FROZEN_CASES)
def test_frozen_layers(name: str, settings: dict[str, Any], backend: str) -> None:
    net = network([*FROZEN[name], fn.Dense(3)])
    rng = np.random.default_rng(8)
    # Gammas, betas and running averages that are not those of a new layer.
    net.set_weights([[array * (0.5 + rng.random(array.shape)) for array in arrays] for arrays in net.get_weights()])
    before, twin = net.get_weights(), Twin(net)
    mean = mean_of(twin, 0.9)
    norms = []

    def clip() -> None:
        if "clip_norm" in settings:
            norms.append(float(torch.nn.utils.clip_grad_norm_(twin.modules.parameters(), 0.3)))

    pair: Pair = dataclasses.replace(ADAMW[0], **settings), ADAMW[1]
    after_step = functools.partial(mean.update_parameters, twin.modules)
    train_both(net, twin, NUMBERS, squared_error, pair, backend, before_step=clip, after_step=after_step)
    assert max(norms, default=1) > 0.3
    if "average" in settings:
        twin.modules = mean.module
    assert_same(net, twin, backend)
    for layer, old, new in zip(twin.with_parameters, before, net.get_weights(), strict=True):
        if not layer.trainable:
            for was, found in zip(old, new, strict=True):
                np.testing.assert_array_equal(found, was)


@on_both
@pytest.mark.parametrize("place", ["before", "after", "first"])
def test_means_of_normalised_networks(place: str, backend: str) -> None:
    net = network([*normalised(fn.LayerNorm(), place), fn.Dense(3)])
    twin = Twin(net)
    mean = mean_of(twin, 0.9)
    pair: Pair = dataclasses.replace(MOMENTUM[0], average=0.9), MOMENTUM[1]
    after_step = functools.partial(mean.update_parameters, twin.modules)
    train_both(net, twin, NUMBERS, squared_error, pair, backend, after_step=after_step)
    twin.modules = mean.module
    assert_same(net, twin, backend)
